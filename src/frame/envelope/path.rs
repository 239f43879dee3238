//! Where a file lies may tell who wrote it.
//!
//! | path | who keeps logs like this |
//! |---|---|
//! | `…/pods/NAMESPACE_POD_UID/CONTAINER/0.log` | kubelet |
//! | `…/containers/POD_NAMESPACE_CONTAINER-ID.log` | kubelet's links |
//! | `…/namespaces/NAMESPACE/pods/POD/CONTAINER/…` | `oc adm must-gather` |
//! | `…/proxies/NAMESPACE/POD/istio-proxy.log` | `istioctl bug-report` |
//! | `…/NAMESPACE/POD/logs.txt` | `kubectl cluster-info dump` |
//! | `NAMESPACE/pod/POD/CONTAINER` | our own names for what kubectl prints |

use std::ops::Range;

use crate::record::Carrier;

/// Where the names of pod, namespace and container are in a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub(super) pod: Option<Range<usize>>,
    pub(super) namespace: Option<Range<usize>>,
    pub(super) container: Option<Range<usize>>,
}

impl Names {
    /// Whether the path told something.
    pub fn any(&self) -> bool {
        self.pod.is_some()
    }

    /// The names themselves, given the path that they were read from.
    pub fn carrier<'p>(&self, path: &'p [u8]) -> Carrier<'p> {
        let part = |range: &Option<Range<usize>>| path.get(range.clone()?);
        Carrier { pod: part(&self.pod), namespace: part(&self.namespace), container: part(&self.container) }
    }
}

/// One part of a path between slashes.
type Part<'p> = (usize, &'p [u8]);

/// Reads the names out of the last parts of a path.
type Form = fn(&[Part<'_>]) -> Option<Names>;

const FORMS: [Form; 6] = [kubelet, links, gathered, reported, dumped, printed];

/// Reads a path. Nothing is guessed: a path of another form has no names.
pub fn names(path: &[u8]) -> Names {
    let mut at = 0;
    let parts: Vec<Part<'_>> = path
        .split(|b| matches!(b, b'/' | b'!'))
        .map(|part| {
            let start = at;
            at += part.len() + 1;
            (start, part)
        })
        .collect();
    (0..parts.len()).rev().find_map(|i| FORMS.iter().find_map(|form| form(&parts[i..]))).unwrap_or_default()
}

fn whole((start, part): Part<'_>) -> Option<Range<usize>> {
    // The names that Kubernetes allows; anything else is a folder of somebody's.
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    (!part.is_empty() && part.len() <= 253 && part.iter().all(allowed)).then_some(start..start + part.len())
}

fn named(pod: Part<'_>, namespace: Part<'_>, container: Option<Part<'_>>) -> Option<Names> {
    Some(Names {
        pod: Some(whole(pod)?),
        namespace: Some(whole(namespace)?),
        container: container.and_then(whole),
    })
}

/// A part cut at its underscores.
fn cut((start, part): Part<'_>) -> Option<[Part<'_>; 3]> {
    let first = memchr::memchr(b'_', part)?;
    let second = first + 1 + memchr::memchr(b'_', &part[first + 1..])?;
    Some([
        (start, &part[..first]),
        (start + first + 1, &part[first + 1..second]),
        (start + second + 1, &part[second + 1..]),
    ])
}

fn kubelet(parts: &[Part<'_>]) -> Option<Names> {
    let [(_, b"pods"), folder, container, _, ..] = parts else { return None };
    let [namespace, pod, _uid] = cut(*folder)?;
    named(pod, namespace, Some(*container))
}

fn links(parts: &[Part<'_>]) -> Option<Names> {
    let [(_, b"containers"), file] = parts else { return None };
    let [pod, namespace, (start, rest)] = cut(*file)?;
    let container = &rest[..memchr::memrchr(b'-', rest).unwrap_or(rest.len())];
    named(pod, namespace, Some((start, container)))
}

fn gathered(parts: &[Part<'_>]) -> Option<Names> {
    let [(_, b"namespaces"), namespace, (_, b"pods"), pod, container, _, ..] = parts else { return None };
    named(*pod, *namespace, Some(*container))
}

fn reported(parts: &[Part<'_>]) -> Option<Names> {
    let [(_, b"proxies"), namespace, pod, (start, file)] = parts else { return None };
    named(*pod, *namespace, file.strip_suffix(b".log").map(|name| (*start, name)))
}

fn dumped(parts: &[Part<'_>]) -> Option<Names> {
    let [namespace, pod, (_, b"logs.txt")] = parts else { return None };
    named(*pod, *namespace, None)
}

fn printed(parts: &[Part<'_>]) -> Option<Names> {
    let [namespace, (_, b"pod"), pod, container] = parts else { return None };
    named(*pod, *namespace, Some(*container))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> [Option<&str>; 3] {
        let Names { pod, namespace, container } = names(path.as_bytes());
        [pod, namespace, container].map(|range| range.map(|range| &path[range]))
    }

    #[test]
    fn the_places_where_tools_keep_logs_tell_the_pod() {
        for path in [
            "/var/log/pods/shop_web-1_2f3c-77/istio-proxy/0.log",
            "node.tar.gz!var/log/pods/shop_web-1_2f3c-77/istio-proxy/0.log.20260102",
            "/var/log/containers/web-1_shop_istio-proxy-0123abcd.log",
            "gathered/namespaces/shop/pods/web-1/istio-proxy/istio-proxy/logs/current.log",
            "bug-report.tar.gz!bug-report/proxies/shop/web-1/istio-proxy.log",
            "shop/pod/web-1/istio-proxy",
        ] {
            assert_eq!(read(path), [Some("web-1"), Some("shop"), Some("istio-proxy")], "{path}");
        }
        assert_eq!(read("dump/shop/web-1/logs.txt"), [Some("web-1"), Some("shop"), None]);
    }

    #[test]
    fn other_places_tell_nothing() {
        for path in [
            "",
            "/",
            "logs.txt",
            "pods/web.log",
            "pods/a/b/c.log",
            "containers/web.log",
            "logs/containers/x/y",
            "Shop/Web/logs.txt",
            "pod/web-1",
            "____/____",
        ] {
            assert_eq!(read(path), [None; 3], "{path}");
        }
    }
}
