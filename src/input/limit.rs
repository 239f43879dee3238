//! How deep and how far an input is opened.

/// No limit on total output: memory is bounded by the blocks, so an honest 500 GB log must pass.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Containers inside containers.
    pub depth: u8,
    /// Entries of one input.
    pub entries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // Four: a zip of tar.gz of CRI files is three. A support bundle of a large mesh has some ten thousand files.
        Limits { depth: 4, entries: 100_000 }
    }
}
