//! The readable twin: byte after byte.

use super::{MAX_MARKS, Marks};

/// See [`Marks::find`].
pub(super) fn find(line: &[u8], marks: &mut Marks) -> bool {
    marks.clear();
    let mut quoted = false;
    for (at, &byte) in line.iter().enumerate() {
        let mark = match byte {
            b'"' => {
                quoted = !quoted;
                true
            }
            b' ' => !quoted,
            _ => false,
        };
        if !mark {
            continue;
        }
        let n = marks.len;
        if n == MAX_MARKS {
            return false;
        }
        if n > 0 && marks.edges[n] as usize + 1 == at {
            marks.adjacent |= 1 << (n - 1);
        }
        marks.quotes |= u64::from(byte == b'"') << n;
        marks.edges[n + 1] = at as u32;
        marks.len += 1;
    }
    marks.edges[marks.len + 1] = line.len() as u32;
    true
}
