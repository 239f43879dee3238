//! Requests that machines make to see whether something is alive: they hide what people do.

use crate::record::{Field, Record};

/// How the user agents of probes and scrapers begin.
const AGENTS: [&[u8]; 18] = [
    b"kube-probe/",
    b"GoogleHC/",
    b"ELB-HealthChecker/",
    b"Amazon-Route53-Health-Check-Service",
    b"Load Balancer Agent",
    b"Edge Health Probe",
    b"AlwaysOn",
    b"Envoy/HC",
    b"Consul Health Check",
    b"HAProxy",
    b"Prometheus/",
    b"vm_promscrape",
    b"VictoriaMetrics",
    b"vmagent",
    b"GrafanaAgent/",
    b"GrafanaAlloy",
    b"Alloy/",
    b"OpenTelemetry Collector",
];

/// Paths that only the mesh's own probes and scrapes have.
const PATHS: [&[u8]; 3] = [b"/app-health/", b"/healthz/ready", b"/stats/prometheus"];

pub(super) fn is_probe(record: &Record<'_>) -> bool {
    let begins = |field, starts: &[&[u8]]| {
        record.text(field).is_some_and(|text| starts.iter().any(|start| text.starts_with(start)))
    };
    begins(Field::UserAgent, &AGENTS) || begins(Field::Path, &PATHS)
}
