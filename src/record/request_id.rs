//! Request ids as keys.

use crate::pack;

/// Length of a UUID, and where the digit stands that Envoy itself changes on the way: it says why a trace is sampled.
const UUID: (usize, usize) = (36, 14);

/// Key of a request id. Proxies on the way may have changed one digit of a UUID, which is left out.
pub fn id_key(id: &[u8]) -> Option<u64> {
    let (len, at) = UUID;
    match id {
        b"" | b"-" => None,
        _ if id.len() == len && id[8] == b'-' && id[at - 1] == b'-' => {
            Some(pack::hash(1, &[&id[..at], &id[at + 1..]]))
        }
        _ => Some(pack::hash(1, &[id])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digit_that_envoy_changes_is_no_part_of_the_key() {
        let (a, b) =
            (&b"24b41cf6-3c95-4bc6-86bb-62b8188dc252"[..], &b"24b41cf6-3c95-9bc6-86bb-62b8188dc252"[..]);
        assert_eq!(id_key(a), id_key(b));
        assert_ne!(id_key(a), id_key(b"24b41cf6-3c95-4bc6-86bb-62b8188dc253"));
        assert_ne!(id_key(b"r-1"), id_key(b"r-2"));
        assert_eq!((id_key(b""), id_key(b"-")), (None, None));
    }
}
