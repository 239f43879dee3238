//! The readable twin: byte after byte.

use super::{Columns, MAX_BLANKS};

/// See [`Columns::find`]; for texts of less than 64 KiB.
pub(super) fn find(text: &[u8], columns: &mut Columns) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
    columns.blanks = 0;
    columns.quotes = 0;
    let mut quoted = false;
    for (at, &byte) in text[..end].iter().enumerate() {
        match byte {
            b'"' => {
                quoted = !quoted;
                columns.quotes += 1;
            }
            b' ' if !quoted => {
                if columns.blanks == MAX_BLANKS {
                    return None;
                }
                columns.blanks += 1;
                columns.edges[columns.blanks] = at as u16;
            }
            _ => {}
        }
    }
    columns.edges[columns.blanks + 1] = end as u16;
    (!quoted).then_some(end)
}
