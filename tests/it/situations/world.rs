//! A mesh that does not exist: its access log, line by line, as a gateway or a sidecar would write it. Seeded, so that
//! a test sees the same log every time.

/// Small random numbers (splitmix64): nothing here needs better ones.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `low..=high`.
    pub(crate) fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        ((self.next() >> 11) as f64) < share * (1u64 << 53) as f64
    }

    pub(crate) fn pick<'t, T: ?Sized>(&mut self, list: &[&'t T]) -> &'t T {
        list[self.within(0, list.len() as u64 - 1) as usize]
    }
}

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "okhttp/4.12.0",
    "Go-http-client/2.0",
    "python-requests/2.32.3",
    "axios/1.6.7",
];
const PATHS: [&str; 6] =
    ["/", "/api/v1/items", "/api/v1/items/42", "/search?q=red+shoes&page=2", "/cart", "/static/app.js"];

/// One request as one proxy logs it.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) at_ms: u64,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) protocol: &'static str,
    pub(crate) code: u16,
    pub(crate) flags: &'static str,
    pub(crate) details: String,
    pub(crate) termination: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) took: u64,
    pub(crate) agent: &'static str,
    pub(crate) id: String,
    pub(crate) authority: String,
    pub(crate) host: String,
    pub(crate) cluster: String,
    /// A connection to the upstream was up.
    pub(crate) connected: bool,
    pub(crate) listener: &'static str,
    pub(crate) client: String,
    pub(crate) sni: String,
    pub(crate) route: &'static str,
}

impl Line {
    /// A request that the upstream answered well.
    pub(crate) fn ok(rng: &mut Rng, at_ms: u64, cluster: &str, host: &str) -> Line {
        let took = rng.within(3, 60);
        let name = cluster.rsplit('|').next().unwrap_or_default();
        let (a, b) = (rng.next(), rng.next());
        Line {
            at_ms,
            method: if rng.chance(0.8) { "GET" } else { "POST" },
            path: rng.pick(&PATHS).to_owned(),
            protocol: "HTTP/1.1",
            code: 200,
            flags: "-",
            details: "via_upstream".to_owned(),
            termination: "-",
            transport: "-",
            received: 0,
            sent: rng.within(20, 4_000),
            took,
            agent: rng.pick(&AGENTS),
            id: format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                a as u32,
                b as u16,
                (b >> 16) & 0xfff,
                (b >> 32) & 0xfff,
                a >> 16
            ),
            authority: name.to_owned(),
            host: host.to_owned(),
            cluster: cluster.to_owned(),
            connected: true,
            listener: "10.100.7.7:8080",
            client: format!(
                "10.244.{}.{}:{}",
                rng.within(0, 3),
                rng.within(2, 250),
                rng.within(30_000, 60_000)
            ),
            sni: "-".to_owned(),
            route: "default",
        }
    }

    /// As a request through a public gateway for `authority`.
    pub(crate) fn at_gateway(mut self, authority: &str) -> Line {
        self.authority = authority.to_owned();
        self.sni = authority.to_owned();
        self.protocol = "HTTP/2";
        self.listener = "10.244.0.9:8443";
        self
    }

    /// As the callee's own sidecar logs it.
    pub(crate) fn inbound(mut self, port: u16) -> Line {
        self.sni = format!("outbound_.{port}_._.{}", self.authority);
        self.cluster = format!("inbound|{port}||");
        self.listener = "10.244.1.30:8080";
        self
    }

    /// With this code, flags, details and size, after `took` milliseconds.
    pub(crate) fn end(mut self, code: u16, flags: &'static str, details: &str, sent: u64, took: u64) -> Line {
        (self.code, self.flags, self.sent, self.took) = (code, flags, sent, took);
        self.details = details.to_owned();
        self
    }

    /// The upstream was never connected, for this reason.
    pub(crate) fn unconnected(mut self, transport: &'static str) -> Line {
        self.connected = false;
        self.transport = transport;
        self
    }

    /// No endpoint was chosen.
    pub(crate) fn no_host(mut self) -> Line {
        self.connected = false;
        self.host = "-".to_owned();
        self
    }

    /// No cluster either.
    pub(crate) fn no_cluster(mut self) -> Line {
        self.cluster = "-".to_owned();
        self.no_host()
    }

    fn time(&self) -> String {
        let (ms, s) = (self.at_ms % 1_000, self.at_ms / 1_000);
        format!("2026-05-06T{:02}:{:02}:{:02}.{ms:03}Z", 8 + s / 3_600, s / 60 % 60, s % 60)
    }

    /// Envoy prints the upstream's service time only when there was an answer.
    fn service_time(&self) -> Option<u64> {
        (self.details == "via_upstream").then(|| self.took.saturating_sub(1))
    }

    fn local(&self) -> &'static str {
        if self.connected { "10.244.0.9:41822" } else { "-" }
    }

    fn text(&self) -> String {
        let service = self.service_time().map_or("-".to_owned(), |ms| ms.to_string());
        format!(
            "[{}] \"{} {} {}\" {} {} {} {} \"{}\" {} {} {} {service} \"-\" \"{}\" \"{}\" \"{}\" \"{}\" {} {} {} {} {} {}\n",
            self.time(),
            self.method,
            self.path,
            self.protocol,
            self.code,
            self.flags,
            self.details,
            self.termination,
            self.transport,
            self.received,
            self.sent,
            self.took,
            self.agent,
            self.id,
            self.authority,
            self.host,
            self.cluster,
            self.local(),
            self.listener,
            self.client,
            self.sni,
            self.route
        )
    }

    fn json(&self) -> String {
        let some = |text: &str| if text == "-" { serde_json::Value::Null } else { text.into() };
        let mut line = serde_json::json!({
            "start_time": self.time(), "method": some(self.method), "path": some(&self.path), "protocol": some(self.protocol),
            "response_code": self.code, "response_flags": self.flags, "response_code_details": some(&self.details),
            "connection_termination_details": some(self.termination), "upstream_transport_failure_reason": some(self.transport),
            "bytes_received": self.received, "bytes_sent": self.sent, "duration": self.took,
            "upstream_service_time": self.service_time(), "x_forwarded_for": null, "user_agent": some(self.agent),
            "request_id": some(&self.id), "authority": some(&self.authority), "upstream_host": some(&self.host),
            "upstream_cluster": some(&self.cluster), "upstream_local_address": some(self.local()),
            "downstream_local_address": self.listener, "downstream_remote_address": self.client,
            "requested_server_name": some(&self.sni), "route_name": some(self.route),
        })
        .to_string();
        line.push('\n');
        line
    }

    /// Envoy's built-in format: no details, no reason, no cluster.
    fn envoy_default(&self) -> String {
        let service = self.service_time().map_or("-".to_owned(), |ms| ms.to_string());
        format!(
            "[{}] \"{} {} {}\" {} {} {} {} {} {service} \"-\" \"{}\" \"{}\" \"{}\" \"{}\"\n",
            self.time(),
            self.method,
            self.path,
            self.protocol,
            self.code,
            self.flags,
            self.received,
            self.sent,
            self.took,
            self.agent,
            self.id,
            self.authority,
            self.host
        )
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    Json,
    EnvoyDefault,
}

/// A log: lines in the order in which the requests ended.
#[derive(Default)]
pub(crate) struct Log(Vec<Line>);

impl Log {
    pub(crate) fn push(&mut self, line: Line) {
        self.0.push(line);
    }

    pub(crate) fn extend(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.0.extend(lines);
    }

    pub(crate) fn written(mut self, style: Style) -> Vec<u8> {
        self.0.sort_by_key(|line| line.at_ms + line.took);
        let write = match style {
            Style::Text => Line::text,
            Style::Json => Line::json,
            Style::EnvoyDefault => Line::envoy_default,
        };
        self.0.iter().flat_map(|line| write(line).into_bytes()).collect()
    }
}

/// Name of a caller's cluster.
pub(crate) fn outbound(service: &str, port: u16, subset: &str) -> String {
    format!("outbound|{port}|{subset}|{service}.svc.cluster.local")
}
