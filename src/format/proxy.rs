//! The proxy's own log: pilot-agent, Envoy's component log, ztunnel.

/// Who wrote a line of the proxy's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Writer {
    /// pilot-agent (Istio's supervisor of the proxy).
    Agent,
    /// Envoy itself.
    Envoy,
    /// ztunnel.
    Ztunnel,
}

/// What a line of the proxy's own log tells about the traffic. Each is a signal of the diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ProxySignal {
    /// Envoy crashed: a backtrace, a fatal signal, or the agent saw it end by a signal.
    Crash,
    /// `assert failure`.
    AssertFailure,
    /// `Too many open files`.
    TooManyOpenFiles,
    /// The configuration stream to istiod was closed, or could not be opened.
    XdsClosed,
    /// The configuration stream came up (again).
    XdsConnected,
    /// This proxy refused configuration that istiod sent.
    ConfigRejected,
    /// A secret (certificate) was not delivered.
    SecretMissing,
    /// A certificate is expired, or could not be renewed.
    CertificateExpired,
    /// A cluster or listener waits for its first endpoints or secrets.
    Warming,
    /// The proxy drains or is being shut down.
    Draining,
    /// The overload manager acted.
    Overload,
}

/// A line of the proxy's own log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProxyLine {
    /// Who wrote it.
    pub writer: Writer,
    /// What it tells about the traffic, if anything.
    pub signal: Option<ProxySignal>,
    /// When, in microseconds since 1970; `None` when the line has no time.
    pub time_us: Option<i64>,
}

/// `None`: not a line of a proxy's own log.
pub(super) fn read(_line: &[u8]) -> Option<ProxyLine> {
    None
}
