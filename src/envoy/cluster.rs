//! Upstream cluster names taken apart.
//!
//! Source: Istio `pilot/pkg/model/service.go` (BuildSubsetKey and its relatives). Four parts joined by `|`:
//! `DIRECTION|PORT|SUBSET|HOST`; the SNI of in-mesh mutual TLS and the clusters of an east-west gateway use `_.`
//! instead of `|`. Any other name is a cluster somebody named, and is kept as it stands.

/// On which side of the request the proxy stood that wrote the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The callee's side: the sidecar in front of the application.
    Inbound,
    /// The caller's side: a client's sidecar, a gateway, or a waypoint towards its destination.
    Outbound,
}

numbered!(Direction { Inbound = 0, Outbound = 1 });

impl Direction {
    /// `inbound` or `outbound`.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// A cluster name and its parts; parts that are not there are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// The name as logged, less one trailing `;` (Istio 1.23's alternative stat name).
    pub name: &'a [u8],
    /// Which side wrote the line, where the name tells.
    pub direction: Option<Direction>,
    /// The Service's port (outbound) or the container's (inbound).
    pub port: Option<u16>,
    /// Subset of the DestinationRule.
    pub subset: Option<&'a [u8]>,
    /// The host part whole: `reviews.default.svc.cluster.local`, `edition.cnn.com`.
    pub host: Option<&'a [u8]>,
    /// First label of an in-mesh host.
    pub service: Option<&'a [u8]>,
    /// Second label of an in-mesh host.
    pub namespace: Option<&'a [u8]>,
}

/// The cluster name without the trailing `;` that some Istio versions print.
pub fn stripped(name: &[u8]) -> &[u8] {
    name.strip_suffix(b";").unwrap_or(name)
}

/// Which side wrote a line with this cluster. Cheap: looks at the first bytes only.
pub fn direction(name: &[u8]) -> Option<Direction> {
    match name.first()? {
        b'o' if name.starts_with(b"outbound|") || name.starts_with(b"outbound_.") => {
            Some(Direction::Outbound)
        }
        b'i' if name.starts_with(b"inbound|") || name.starts_with(b"inbound-vip|") => {
            Some(Direction::Inbound)
        }
        b'I' if name.starts_with(b"InboundPassthroughCluster") => Some(Direction::Inbound),
        b'P' if name.starts_with(b"PassthroughCluster") => Some(Direction::Outbound),
        b'B' if name.starts_with(b"BlackHoleCluster") => Some(Direction::Outbound),
        b'A' if name.starts_with(b"AllowAnyDynamicDNSCluster") => Some(Direction::Outbound),
        _ => None,
    }
}

/// True for the inner connections of ambient's HBONE tunnel: a waypoint logs the request itself as well.
pub fn is_tunnel(name: &[u8]) -> bool {
    matches!(
        stripped(name),
        b"main_internal"
            | b"encap"
            | b"connect_originate"
            | b"connect_terminate"
            | b"inner_connect_originate"
            | b"outer_connect_originate"
            | b"forward_inner_connect"
    )
}

impl<'a> Cluster<'a> {
    /// Takes a name apart. Never fails: what does not fit is a name without parts.
    pub fn parse(name: &'a [u8]) -> Cluster<'a> {
        let name = stripped(name);
        let direction = direction(name);
        let mut cluster =
            Cluster { name, direction, port: None, subset: None, host: None, service: None, namespace: None };
        let Some((head, port, subset, host)) = parts(name) else { return cluster };
        cluster.port = std::str::from_utf8(port).ok().and_then(|p| p.parse().ok());
        cluster.host = Some(host).filter(|h| !h.is_empty());
        // Old inbound names carry the port's name where a subset stands, waypoints the protocol.
        let subset = match head {
            b"inbound" => b"",
            b"inbound-vip" => subset.splitn(2, |&b| b == b'/').nth(1).unwrap_or(b""),
            _ => subset,
        };
        cluster.subset = Some(subset).filter(|s| !s.is_empty());
        if let Some((service, namespace)) = in_mesh(host) {
            cluster.service = Some(service);
            cluster.namespace = Some(namespace);
        }
        cluster
    }
}

type Parts<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8]);

fn parts(name: &[u8]) -> Option<Parts<'_>> {
    let mut by_bar = name.splitn(4, |&b| b == b'|');
    if let (Some(head), Some(port), Some(subset), Some(host)) =
        (by_bar.next(), by_bar.next(), by_bar.next(), by_bar.next())
    {
        return Some((head, port, subset, host));
    }
    // `outbound_.9080_.v1_.reviews.default.svc.cluster.local`
    let rest = name.strip_prefix(b"outbound_.")?;
    let (port, rest) = split(rest)?;
    let (subset, host) = split(rest)?;
    Some((b"outbound", port, subset, host))
}

fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memmem::find(text, b"_.")?;
    Some((&text[..at], &text[at + 2..]))
}

/// Service and namespace of `service.namespace.svc…`.
pub fn in_mesh(host: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut labels = host.splitn(4, |&b| b == b'.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(service), Some(namespace), Some(b"svc")) if !service.is_empty() && !namespace.is_empty() => {
            Some((service, namespace))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn istio_names_are_taken_apart() {
        let c = Cluster::parse(b"outbound|9080|v1|reviews.default.svc.cluster.local;");
        assert_eq!(c.name, b"outbound|9080|v1|reviews.default.svc.cluster.local");
        assert_eq!(c.direction, Some(Direction::Outbound));
        assert_eq!((c.port, c.subset), (Some(9080), Some(&b"v1"[..])));
        assert_eq!((c.service, c.namespace), (Some(&b"reviews"[..]), Some(&b"default"[..])));
        let c = Cluster::parse(b"inbound|8080|http|httpbin.default.svc.cluster.local");
        assert_eq!((c.subset, c.service), (None, Some(&b"httpbin"[..])));
        let c = Cluster::parse(b"inbound-vip|80|http/v1|svc.ns.svc.cluster.local");
        assert_eq!((c.direction, c.subset), (Some(Direction::Inbound), Some(&b"v1"[..])));
        let c = Cluster::parse(b"outbound_.9080_._.reviews.default.svc.cluster.local");
        assert_eq!((c.port, c.subset, c.service), (Some(9080), None, Some(&b"reviews"[..])));
        let c = Cluster::parse(b"outbound|443||edition.cnn.com");
        assert_eq!((c.host, c.service), (Some(&b"edition.cnn.com"[..]), None));
    }

    #[test]
    fn tunnels_are_known() {
        assert!(is_tunnel(b"main_internal") && is_tunnel(b"connect_originate;"));
        assert!(!is_tunnel(b"") && !is_tunnel(b"inbound-vip|80|http|svc.ns.svc.cluster.local"));
    }

    #[test]
    fn other_names_are_kept() {
        for name in [&b"kube-svc:books"[..], b"", b"|", b"a|b", b"outbound_.", b"outbound|x||"] {
            assert_eq!(Cluster::parse(name).name, name);
        }
    }
}
