//! The corpora: made from a fixed seed, the same on every machine.

use std::fmt::Write;
use std::sync::OnceLock;

/// Records of each corpus.
pub(crate) const LINES: u64 = 60_000;
/// One in fifty fails.
pub(crate) const FAILED: u64 = LINES / 50;

/// One request.
struct Request {
    second: u64,
    milli: u64,
    method: &'static str,
    path: u64,
    code: u16,
    flags: &'static str,
    details: &'static str,
    transport: &'static str,
    bytes: u64,
    duration: u64,
    service: u64,
    host: u64,
    id: u64,
    port: u64,
}

/// A linear congruential generator: good enough to look like traffic, and ours on every platform.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn requests() -> impl Iterator<Item = Request> {
    let mut dice = Dice(0x6d65_7368);
    (0..LINES).map(move |at| {
        let failed = at % 50 == 7;
        let (code, flags, details, transport) = if failed {
            (
                503,
                "UF,URX",
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
                "delayed_connect_error:_Connection_refused",
            )
        } else {
            let code = if dice.below(100) < 3 { 404 } else { 200 };
            (code, "-", "via_upstream", "-")
        };
        Request {
            second: at / 200,
            milli: (at % 200) * 5,
            method: ["GET", "GET", "GET", "POST"][dice.below(4) as usize],
            path: dice.below(5_000),
            code,
            flags,
            details,
            transport,
            bytes: if failed { 152 } else { dice.below(20_000) },
            duration: if failed { 1 } else { 2 + dice.below(40) },
            service: if failed { 3 } else { dice.below(40) },
            host: dice.below(3),
            id: dice.below(u64::MAX >> 33),
            port: 30_000 + dice.below(30_000),
        }
    })
}

fn time(request: &Request) -> String {
    let Request { second, milli, .. } = request;
    format!("2026-01-02T03:{:02}:{:02}.{milli:03}Z", second / 60 % 60, second % 60)
}

/// Istio's text.
pub(crate) fn text() -> &'static [u8] {
    static LOG: OnceLock<String> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let mut out = String::new();
        for r in requests() {
            let Request { method, path, code, flags, details, transport, bytes, duration, service, host, id, port, .. } = &r;
            let local = if *code == 503 { "-".to_owned() } else { format!("10.8.1.7:{port}") };
            let served = if *code == 503 { "-".to_owned() } else { duration.to_string() };
            writeln!(
                out,
                "[{}] \"{method} /api/v1/items/{path}?page=2 HTTP/1.1\" {code} {flags} {details} - \"{transport}\" 0 {bytes} {duration} {served} \"-\" \
                 \"okhttp/4.12.0\" \"{id:08x}-3c1f-4a52-9d7e-5f0c{id:08x}\" \"service-{service}.shop.svc.cluster.local:8080\" \"10.8.{service}.{host}:8080\" \
                 outbound|8080||service-{service}.shop.svc.cluster.local {local} 10.96.14.{service}:8080 10.8.1.7:{port} - default",
                time(&r)
            )
            .expect("memory");
        }
        out
    });
    log.as_bytes()
}

/// The same records as Istio's JSON.
pub(crate) fn json() -> &'static [u8] {
    static LOG: OnceLock<String> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let mut out = String::new();
        for r in requests() {
            let Request { method, path, code, flags, details, transport, bytes, duration, service, host, id, port, .. } = &r;
            let failed = *code == 503;
            let transport = if failed { format!("\"{transport}\"") } else { "null".to_owned() };
            let local = if failed { "null".to_owned() } else { format!("\"10.8.1.7:{port}\"") };
            let served = if failed { "null".to_owned() } else { format!("\"{duration}\"") };
            writeln!(
                out,
                "{{\"authority\":\"service-{service}.shop.svc.cluster.local:8080\",\"bytes_received\":0,\"bytes_sent\":{bytes},\
                 \"connection_termination_details\":null,\"downstream_local_address\":\"10.96.14.{service}:8080\",\
                 \"downstream_remote_address\":\"10.8.1.7:{port}\",\"duration\":{duration},\"method\":\"{method}\",\
                 \"path\":\"/api/v1/items/{path}?page=2\",\"protocol\":\"HTTP/1.1\",\"request_id\":\"{id:08x}-3c1f-4a52-9d7e-5f0c{id:08x}\",\
                 \"requested_server_name\":null,\"response_code\":{code},\"response_code_details\":\"{details}\",\
                 \"response_flags\":\"{flags}\",\"route_name\":\"default\",\"start_time\":\"{}\",\
                 \"upstream_cluster\":\"outbound|8080||service-{service}.shop.svc.cluster.local\",\
                 \"upstream_host\":\"10.8.{service}.{host}:8080\",\"upstream_local_address\":{local},\
                 \"upstream_service_time\":{served},\"upstream_transport_failure_reason\":{transport},\
                 \"user_agent\":\"okhttp/4.12.0\",\"x_forwarded_for\":null}}",
                time(&r)
            )
            .expect("memory");
        }
        out
    });
    log.as_bytes()
}
