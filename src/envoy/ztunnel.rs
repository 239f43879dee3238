//! What ztunnel's error texts tell.

/// How errors begin that end a connection before the destination's ztunnel hears of it.
const BEFORE_THE_TUNNEL: [&[u8]; 14] = [
    b"connection failed",
    b"connection timed out",
    b"dns",
    b"failed to fetch information",
    b"http2 handshake failed",
    b"no gateway address",
    b"no healthy upstream",
    b"no ip addresses",
    b"no service for",
    b"no valid target port",
    b"requested service",
    b"tls error",
    b"unknown network gateway",
    b"unknown waypoint",
];

/// True when the source's ztunnel did not get as far as the destination's, which then logs nothing.
pub fn unreached(error: &[u8]) -> bool {
    BEFORE_THE_TUNNEL.iter().any(|start| error.starts_with(start))
}
