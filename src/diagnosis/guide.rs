//! Where more is to be read: the sections of the troubleshooting guide that pages answer, and the page of a cause.

use super::catalog::Catalog;

/// The sections of the troubleshooting guide, and what each is about.
pub static GUIDE: [(&str, &str); 30] = [
    ("1.1", "Envoy refuses a request"),
    ("1.2", "route rules have no effect"),
    ("1.3", "503 after a DestinationRule"),
    ("1.4", "routing at an ingress gateway"),
    ("1.5", "Envoy crashes under load"),
    ("1.6", "HTTP/1.0"),
    ("1.7", "503 on a headless service"),
    ("1.8.1", "HTTPS sent to an HTTP port"),
    ("1.8.2", "Gateway and VirtualService disagree on TLS"),
    ("1.8.3", "double TLS"),
    ("1.8.4", "one certificate on several gateways"),
    ("1.8.5", "SNI routing without SNI"),
    ("1.9", "an EnvoyFilter stopped working"),
    ("1.10", "fault injection with retries or timeouts"),
    ("2.1", "end-user authentication fails"),
    ("2.2", "authorization too strict or too loose"),
    ("2.3", "istiod does not accept a policy"),
    ("2.4", "istiod does not distribute a policy"),
    ("3.1", "clocks differ"),
    ("3.2", "Prometheus cannot scrape"),
    ("4.1", "configuration is not valid"),
    ("5.1", "istioctl analyze, describe, check-inject"),
    ("5.2", "access logs and istiod"),
    ("6.1", "traffic across clusters"),
    ("6.2", "policies across clusters"),
    ("7.1", "“no port available”"),
    ("7.2", "a “whoami” page"),
    ("7.3", "“proxy request failed”"),
    ("7.4", "“upstream connect error … Connection refused”"),
    ("7.5", "“no healthy upstream”"),
];

/// Where the page of a built-in cause stands in the documents; a cause of the user's own has none there.
pub fn help(id: &str) -> Option<String> {
    Catalog::built_in().has(id).then(|| format!("docs/diagnoses.md#{id}"))
}
