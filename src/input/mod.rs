//! Bytes come in: standard input, files, directories, compressed or packed.

mod limit;

pub use limit::Limits;
