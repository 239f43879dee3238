//! The kubectl plugin's own part: which pods are meant, and what their proxies log.
//!
//! The user's own `kubectl` is asked, with the user's own rights: [`pods()`] turns resources and labels into pods,
//! [`logs()`] into inputs that are read side by side. Nothing else is required of the cluster.

mod logs;
mod pods;

use std::io;
use std::process::Command;

use meshwhy::{Error, ErrorKind};

pub(crate) use logs::{following, logs};
pub(crate) use pods::{Pod, pods};

/// Containers that are a proxy, in the order in which they are looked for: Istio's sidecars, gateways and ztunnel,
/// then Envoy Gateway's.
const PROXIES: [&str; 2] = ["istio-proxy", "envoy"];

/// What was asked for, in kubectl's terms.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    /// `deploy/web`, `pod/web-1`, `web-1`.
    pub(crate) resources: Vec<String>,
    /// Labels.
    pub(crate) selector: Option<String>,
    /// Namespaces; the context's own when none is given.
    pub(crate) namespaces: Vec<String>,
    /// All namespaces.
    pub(crate) everywhere: bool,
    /// Container; a proxy's when it is not given.
    pub(crate) container: Option<String>,
    /// Options of `kubectl logs`, such as `--since=10m`.
    pub(crate) logs: Vec<String>,
    /// Options of every call, such as `--context=prod`.
    pub(crate) cluster: Vec<String>,
    /// Pods asked at the same time.
    pub(crate) at_once: usize,
}

impl Ask {
    fn kubectl(&self) -> Command {
        let mut command = Command::new("kubectl");
        command.args(&self.cluster);
        command
    }
}

/// kubectl, or a pod, did not answer.
fn unanswered(source: &str, cause: io::Error) -> Error {
    let cause = match cause.kind() {
        io::ErrorKind::NotFound => io::Error::new(cause.kind(), "kubectl is not on the PATH"),
        _ => cause,
    };
    ErrorKind::Read { source: source.to_owned(), offset: 0, cause }.into()
}

/// What a program that failed had to say: the end of it, which is where programs say why.
fn said(stderr: &[u8], status: std::process::ExitStatus) -> io::Error {
    let text = String::from_utf8_lossy(stderr);
    match text.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => io::Error::other(line.trim().to_owned()),
        None => io::Error::other(format!("kubectl ended with {status}")),
    }
}
