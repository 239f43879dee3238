//! Addresses as Envoy writes them: `10.1.2.3:8080`, `[fd00::1]:8080`.

/// True when a proxy's upstream connection left from the very address at which its client reached it, and the client is
/// another machine. That is a gateway: a sidecar is reached at the address that its own application dialled. Loopback
/// addresses prove nothing.
#[inline(always)]
pub fn at_own_address(upstream_local: &[u8], listener: &[u8], client: &[u8]) -> bool {
    same_machine(upstream_local, listener)
        && !listener.starts_with(b"127.")
        && !listener.starts_with(b"[::1]:")
        && !same_machine(client, listener)
}

/// True when two addresses differ in nothing but the port.
#[inline(always)]
fn same_machine(a: &[u8], b: &[u8]) -> bool {
    !part_early(a, b) && is_same_machine(a, b)
}

/// True when two addresses differ before any colon, within their first eight bytes: nearly all pairs do.
#[inline(always)]
fn part_early(a: &[u8], b: &[u8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let (Some(a), Some(b)) = (a.first_chunk::<8>(), b.first_chunk::<8>()) else { return false };
    let (a, b) = (u64::from_le_bytes(*a), u64::from_le_bytes(*b));
    let rest = a ^ (ONES * b':' as u64);
    // The lowest bit set stands for the first colon; higher ones may be an echo of it.
    let colons = rest.wrapping_sub(ONES) & !rest & (ONES << 7);
    // All bits below the first that differs.
    let common = (a ^ b).wrapping_sub(1) & !(a ^ b);
    a != b && colons & common == 0
}

fn is_same_machine(a: &[u8], b: &[u8]) -> bool {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let Some(colon) = memchr::memrchr(b':', &a[..common]) else { return false };
    let port = |address: &[u8]| {
        let digits = &address[colon + 1..];
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    // The last group of a bare IPv6 address is no port.
    let whole = a[..colon].ends_with(b"]") || !a[..colon].contains(&b':');
    whole && colon > 0 && port(a) && port(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_calls_from_where_it_was_reached() {
        let gateway = |local: &str, listener: &str, client: &str| {
            at_own_address(local.as_bytes(), listener.as_bytes(), client.as_bytes())
        };
        assert!(gateway("10.1.2.3:40000", "10.1.2.3:8443", "192.168.0.9:1"));
        assert!(gateway("[fd00::3]:40000", "[fd00::3]:8443", "[fd00::9]:1"));
        // A sidecar: the application dialled the Service.
        assert!(!gateway("10.1.2.3:40000", "10.96.0.9:8080", "10.1.2.3:51000"));
        // A pod that calls itself.
        assert!(!gateway("10.1.2.3:40000", "10.1.2.3:8080", "10.1.2.3:51000"));
        for (local, listener) in [
            ("127.0.0.1:40000", "127.0.0.1:8443"),
            ("[::1]:40000", "[::1]:8443"),
            ("10.1.2.3:40000", "10.1.2.33:8443"),
            ("fd00::3", "fd00::4"),
            ("-", "-"),
            ("", ""),
            (":1", ":2"),
            ("10.1.2.3:", "10.1.2.3:"),
            ("envoy://internal_client_address/", "10.1.2.3:80"),
        ] {
            assert!(!gateway(local, listener, "192.168.0.9:1"), "{local} {listener}");
        }
    }
}
