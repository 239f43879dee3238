//! What can be typed. Every help text lives here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Says why requests fail, from Envoy and Istio access logs
///
/// Reads logs from files, directories, archives or standard input; format, wrapping and compression are recognised.
/// Without a command: reads, counts, groups by upstream, and names the likely causes.
#[derive(Debug, Parser)]
#[command(
    name = "meshwhy",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    after_help = "Examples:\n  kubectl logs deploy/productpage -c istio-proxy | meshwhy\n  meshwhy logs/ bundle.tar.gz --since \
                  end-1h --by pod,code\n  meshwhy gateway.log --fail-over 'upstream=checkout*:1%'\n\nEvery option can be given by \
                  the environment, such as --top as MESHWHY_TOP, and by meshwhy.toml.\n\nExit codes: 0 done; 1 done, and a gate \
                  (--fail-over, --fail-on) tripped; 2 the command line is wrong; 3 an input could not be read whole; 4 no \
                  access-log record in the input."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) early: Early,
    #[command(flatten)]
    pub(super) triage: Triage,
}

/// What is read from the raw arguments before they are parsed (`tongue.rs`, `config.rs`): help and errors need it.
#[derive(Debug, Args)]
pub(super) struct Early {
    /// Language of all prose [default: for people that of LANG, in JSON en]
    #[arg(long, value_name = "LANG", global = true)]
    pub(super) lang: Option<Language>,
    /// Read defaults of options from this file [default: meshwhy.toml in the configuration folder]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, global = true)]
    pub(super) no_config: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Summarise an incident: when, how much of what failed, and why; for the ticket and the review
    Report(Box<Report>),
    /// Compare two inputs, or two halves of one: what got worse, better, new or gone
    Compare(Box<Compare>),
    /// Put snapshots together: the triage of all that they were made of
    Merge(Box<Merge>),
    /// Write one line for each access record that passes the filters
    Records(Box<Records>),
    /// Show what goes on while the log is written: the same as --follow
    Watch(Box<Watch>),
    /// Follow one request through all proxies whose logs are given
    Trace(Box<Trace>),
    /// Explain a response flag, a flag set, a details string, an error text, a cause, or a pasted log line
    Explain(Explain),
    /// List what meshwhy knows, and check pages of one's own
    Catalog(Catalog),
    /// Write the completions of a shell to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page to standard output, or all of them into a folder
    Man {
        /// The command [default: meshwhy itself]
        #[arg(conflicts_with = "folder")]
        command: Option<String>,
        /// Write the pages of all commands into this folder
        #[arg(long = "dir", value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// The default command.
#[derive(Debug, Args)]
pub(super) struct Triage {
    /// Go on with what is logged from now on, and show it on a full screen: a pipe until it ends, files through rotation
    #[arg(long, help_heading = "Live")]
    pub(super) follow: bool,
    #[command(flatten)]
    pub(super) look: Watch,
    #[command(flatten)]
    pub(super) snapshots: Snapshots,
    #[command(flatten)]
    pub(super) memory: Memory,
}

/// What is read, and how it is shown: once, or while it is written.
#[derive(Debug, Args)]
pub(super) struct Watch {
    #[command(flatten)]
    pub(super) read: Read,
    #[command(flatten)]
    pub(super) rules: Rules,
    #[command(flatten)]
    pub(super) shape: Shape,
    #[command(flatten)]
    pub(super) blocks: Blocks,
}

/// How what goes on is shown where there is no screen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Live")]
pub(super) struct Blocks {
    /// With --follow: a block of text each interval and no full screen, as when the output is no terminal
    #[arg(long)]
    pub(super) plain: bool,
    /// With --follow: time between two blocks of text [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) interval: Option<String>,
}

/// What the result of a triage looks like, and what makes it fail.
#[derive(Debug, Args)]
pub(super) struct Shape {
    /// Form of the result: table, json, markdown, html (one file, nothing is loaded), csv, prometheus, snapshot (to be merged later)
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub(super) output: String,
    /// Write the result to this file, whole or not at all, and not to standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output_file: Option<PathBuf>,
    /// Rows of a table (JSON is never cut)
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) top: usize,
    /// Group the requests by fields such as pod, upstream, route, path, client, flag or code
    #[arg(long, value_name = "FIELD,…")]
    pub(super) by: Option<String>,
    /// Order of a table's rows: failed, requests, rate, p50, p99, since, name; `-` before one turns it round
    #[arg(long, value_name = "KEY,…", allow_hyphen_values = true)]
    pub(super) sort: Option<String>,
    /// Times in the table and in the live view: by the clock of UTC, by the one here (or that of TZ), or counted back from the log's end
    #[arg(long, value_name = "HOW", default_value = "utc")]
    pub(super) times: Time,
    /// Width of the timeline's buckets, such as 10s or 5m [default: by the span]
    #[arg(long, value_name = "DURATION")]
    pub(super) bucket: Option<String>,
    #[command(flatten)]
    pub(super) colour: Colour,
    /// Exit with 1 when more than this share of the requests failed, such as 1%; of an upstream's requests with
    /// upstream=GLOB:1%; when more than this share has a flag with flag=UF:1%
    #[arg(long, value_name = "RATE%")]
    pub(super) fail_over: Vec<String>,
    /// Exit with 1 when there is a finding of this severity or worse
    #[arg(long, value_name = "SEVERITY")]
    pub(super) fail_on: Option<Gate>,
}

#[derive(Debug, Args)]
pub(super) struct Merge {
    /// Snapshots, in any order; directories and archives of them; `-`: standard input
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) rules: Rules,
    #[command(flatten)]
    pub(super) shape: Shape,
    #[command(flatten)]
    pub(super) snapshots: Snapshots,
    /// No warnings on standard error
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// What is remembered from one run to the next.
#[derive(Debug, Clone, Args)]
pub(super) struct Memory {
    /// Remember in this file what was counted and how far each file was read; read only what is new, rotated files too
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
}

/// What goes for the snapshots among the inputs.
#[derive(Debug, Clone, Args)]
pub(super) struct Snapshots {
    /// Count snapshots that were made of the same lines, each for itself
    #[arg(long)]
    pub(super) allow_overlap: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  meshwhy report gateway.log > incident.md\n  meshwhy report logs/ --since end-2h --slo 99.9 --output html > incident.html"
)]
pub(super) struct Report {
    #[command(flatten)]
    pub(super) read: Read,
    #[command(flatten)]
    pub(super) rules: Rules,
    /// Form of the result: markdown, json, html (one file, nothing is loaded)
    #[arg(long, value_name = "FORM", default_value = "markdown")]
    pub(super) output: String,
    /// Write the result to this file, whole or not at all, and not to standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output_file: Option<PathBuf>,
    /// Rows of a table and causes told (JSON is never cut)
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) top: usize,
    /// Width of the timeline's buckets, such as 10s or 5m [default: by the span]
    #[arg(long, value_name = "DURATION")]
    pub(super) bucket: Option<String>,
    /// Objective that the error budget is counted from, such as 99.9
    #[arg(long, value_name = "PERCENT")]
    pub(super) slo: Option<String>,
    /// Hide client addresses, user agents, long ids in paths and query strings behind pseudonyms. What looks like a
    /// secret in a query string is always hidden, except in JSON
    #[arg(long)]
    pub(super) redact: bool,
    /// Hide authorities, too
    #[arg(long, requires = "redact")]
    pub(super) redact_authority: bool,
    #[command(flatten)]
    pub(super) snapshots: Snapshots,
    #[command(flatten)]
    pub(super) memory: Memory,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "meshwhy compare --before PATH... --after PATH...\n       meshwhy compare --split-at TIME [PATH]..."
)]
#[command(
    after_help = "Examples:\n  meshwhy compare --before monday.log --after tuesday.log\n  meshwhy compare --split-at 2026-11-22T14:05:00Z gateway.log --fail-on-regression"
)]
pub(super) struct Compare {
    /// Logs from before
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "after")]
    pub(super) before: Vec<PathBuf>,
    /// Logs from after
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "before")]
    pub(super) after: Vec<PathBuf>,
    /// The one moment that parts PATH (or standard input) into before and after: RFC 3339
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with_all = ["before", "after"],
        required_unless_present = "before",
        allow_hyphen_values = true
    )]
    pub(super) split_at: Option<String>,
    #[command(flatten)]
    pub(super) read: Read,
    #[command(flatten)]
    pub(super) rules: Rules,
    /// Form of the result: markdown, json, html (one file, nothing is loaded)
    #[arg(long, value_name = "FORM", default_value = "markdown")]
    pub(super) output: String,
    /// Exit with 1 when something got worse, or something bad is new
    #[arg(long)]
    pub(super) fail_on_regression: bool,
    #[command(flatten)]
    pub(super) snapshots: Snapshots,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  meshwhy records gateway.log --code 5xx --duration '>1s' | jq -r .path\n  meshwhy records logs/ --upstream 'checkout*' --flag '!-' --output raw"
)]
pub(super) struct Records {
    #[command(flatten)]
    pub(super) read: Read,
    /// Form of the records: ndjson, raw (the lines as they stood), csv, parquet (where it was built in)
    #[arg(long, value_name = "FORM", default_value = "ndjson")]
    pub(super) output: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  meshwhy trace 5b92e21d-8f0c-4f6e-a7c1-0f2d1c9e4b55 logs/")]
pub(super) struct Trace {
    /// The x-request-id
    #[arg(value_name = "REQUEST_ID")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) read: Read,
    /// Form of the result: table (an indented tree), json
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub(super) output: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  meshwhy explain UF,URX\n  meshwhy explain 'upstream connect error or disconnect/reset before headers'\n  meshwhy explain --list flag"
)]
pub(super) struct Explain {
    #[command(flatten)]
    pub(super) rules: Rules,
    #[command(flatten)]
    pub(super) wishes: Wishes,
    /// List the causes by section of the guide, by flag, or by what was seen
    #[arg(long, value_name = "BY", conflicts_with = "words")]
    pub(super) list: Option<ListBy>,
    /// What to explain; several words are one text. `-` reads it from standard input
    #[arg(
        required_unless_present = "list",
        value_name = "WORD",
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    pub(super) words: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  meshwhy catalog causes\n  meshwhy catalog page no-route > team-rules/ours.md\n  meshwhy catalog check team-rules/"
)]
pub(super) struct Catalog {
    /// What to list or do
    #[command(subcommand)]
    pub(super) what: Shelf,
}

/// The user's own pages and known findings.
#[derive(Debug, Args)]
pub(super) struct Rules {
    /// Folder with pages and known findings of one's own, over the built-in ones and those of the configuration folder
    #[arg(long, value_name = "DIR")]
    pub(super) rules: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Colour {
    /// When to colour the result
    #[arg(long = "color", value_name = "WHEN", default_value = "auto")]
    pub(super) when: When,
    #[command(flatten)]
    pub(super) wishes: Wishes,
}

/// Which colours they are.
#[derive(Debug, Args)]
pub(super) struct Wishes {
    /// Colours, such as 'critical=bold magenta,dim=8,ok=#00aa66': of critical, warning, ok, dim, strong and chosen
    #[arg(long, value_name = "TONE=STYLE,…")]
    pub(super) palette: Vec<String>,
}

/// Options of all commands that read logs.
#[derive(Debug, Clone, Args)]
pub(super) struct Read {
    /// Files, directories or archives; none, or `-`: standard input
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// What standard input is called in the result, where a snapshot of it is to be merged
    #[arg(long, value_name = "NAME")]
    pub(super) stdin_name: Option<String>,

    #[command(flatten)]
    pub(super) formats: Formats,
    #[command(flatten)]
    pub(super) origin: Origin,
    #[command(flatten)]
    pub(super) filters: Filters,
    #[command(flatten)]
    pub(super) effort: Effort,
}

/// How lines are read that meshwhy does not know by itself.
#[derive(Debug, Clone, Args)]
pub(super) struct Formats {
    /// Of the known formats, read this one only (see `meshwhy catalog formats`)
    #[arg(long, value_name = "NAME", help_heading = "Formats")]
    pub(super) format: Option<String>,
    /// Envoy format string of the mesh's own access log; tried before the known formats
    #[arg(long, value_name = "ENVOY FORMAT", help_heading = "Formats")]
    pub(super) format_string: Option<String>,
    /// YAML that configures the access log, whose formats are tried first: MeshConfig, IstioOperator, EnvoyFilter, …
    #[arg(long, value_name = "FILE", help_heading = "Formats")]
    pub(super) format_from: Option<PathBuf>,
    /// Keys of the mesh's own JSON access log, such as response_code=status,path=req.path
    #[arg(long, value_name = "FIELD=KEY,…", help_heading = "Formats")]
    pub(super) json_keys: Option<String>,
}

/// How the work is done; none of it changes the result.
#[derive(Debug, Clone, Args)]
pub(super) struct Effort {
    /// Threads that parse [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(super) threads: usize,
    /// No progress and no warnings on standard error
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// No progress on standard error
    #[arg(long)]
    pub(super) no_progress: bool,
}

/// Which records count, by when and where they were written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = FILTERS)]
pub(super) struct Origin {
    /// From this time on: RFC 3339, -15m before now, or end-15m before the last record (files only)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) since: Vec<String>,
    /// Before this time: RFC 3339, -15m before now, or end-15m before the last record (files only)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) until: Vec<String>,
    /// Pod that wrote the line
    #[arg(long, value_name = "GLOB")]
    pub(super) pod: Vec<String>,
    /// Namespace of that pod
    #[arg(long, value_name = "GLOB")]
    pub(super) namespace: Vec<String>,
}

const FILTERS: &str = "Filters (all must hold; ! negates; * and ? are globs)";

/// Which records count. All conditions must hold; `!` before a value negates it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = FILTERS)]
pub(super) struct Filters {
    /// Upstream: cluster name, service, service.namespace, service.namespace:port or host
    #[arg(long, value_name = "GLOB")]
    pub(super) upstream: Vec<String>,
    /// Endpoint's address, with or without port
    #[arg(long, value_name = "GLOB")]
    pub(super) host: Vec<String>,
    /// Authority (Host header), with or without port
    #[arg(long, value_name = "GLOB")]
    pub(super) authority: Vec<String>,
    /// Name of the route
    #[arg(long, value_name = "GLOB")]
    pub(super) route: Vec<String>,
    /// Path, with or without query
    #[arg(long, value_name = "GLOB")]
    pub(super) path: Vec<String>,
    /// HTTP methods
    #[arg(long, value_name = "LIST")]
    pub(super) method: Vec<String>,
    /// Client's address, with or without port
    #[arg(long, value_name = "GLOB")]
    pub(super) client: Vec<String>,
    /// Request id
    #[arg(long, value_name = "GLOB")]
    pub(super) request_id: Vec<String>,
    /// Response flags, one of which is set; `-` is none
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(super) flag: Vec<String>,
    /// Response codes, such as 503,5xx or '>=500'
    #[arg(long, value_name = "LIST")]
    pub(super) code: Vec<String>,
    /// Response code details
    #[arg(long, value_name = "GLOB")]
    pub(super) details: Vec<String>,
    /// Outcomes: ok, client_error, app_error, proxy_error, denied, client_gone
    #[arg(long, value_name = "LIST")]
    pub(super) outcome: Vec<String>,
    /// inbound or outbound
    #[arg(long, value_name = "LIST")]
    pub(super) direction: Vec<String>,
    /// Duration, such as '>1s' or '<=250ms'
    #[arg(long, value_name = "COMPARISON")]
    pub(super) duration: Vec<String>,
    /// Leave out the probes of kubelets and load balancers, and scrapes
    #[arg(long)]
    pub(super) no_probes: bool,
}

/// Says why requests fail, from the logs of a mesh's proxies
///
/// Reads the logs of the istio-proxy containers of all matching pods with your own kubectl. Without a resource or a
/// label it reads standard input.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-meshwhy",
    bin_name = "kubectl meshwhy",
    version,
    args_override_self = true,
    after_help = "Examples:\n  kubectl meshwhy deploy/web -n prod\n  kubectl meshwhy -l app=web -n prod --since 10m -f\n\nEverything else \
                  is the command meshwhy, which reads logs from files and pipes."
)]
pub(super) struct Plugin {
    /// Resources whose pods are read: deploy/web, svc/web, pod/web-1 or web-1
    #[arg(value_name = "RESOURCE")]
    pub(super) resources: Vec<String>,
    #[command(flatten)]
    pub(super) early: Early,
    #[command(flatten)]
    pub(super) kubectl: Kubectl,
    #[command(flatten)]
    pub(super) rules: Rules,
    #[command(flatten)]
    pub(super) shape: Shape,
    #[command(flatten)]
    pub(super) blocks: Blocks,
    #[command(flatten)]
    pub(super) formats: Formats,
    #[command(flatten)]
    pub(super) filters: Filters,
    #[command(flatten)]
    pub(super) effort: Effort,
}

/// Options that mean what they mean to kubectl.
#[derive(Debug, Args)]
#[command(next_help_heading = "As kubectl has them")]
pub(super) struct Kubectl {
    /// Namespace, or several of them [default: the context's]
    #[arg(long, short, value_name = "NAMESPACE", value_delimiter = ',')]
    pub(super) namespace: Vec<String>,
    /// All namespaces
    #[arg(long, short = 'A', conflicts_with = "namespace", requires = "selector")]
    pub(super) all_namespaces: bool,
    /// Labels of the pods, such as app=web
    #[arg(long, short = 'l', value_name = "LABELS", allow_hyphen_values = true)]
    pub(super) selector: Option<String>,
    /// Container [default: istio-proxy, or envoy]
    #[arg(long, short, value_name = "NAME")]
    pub(super) container: Option<String>,
    /// Go on with what is logged from now on
    #[arg(long, short)]
    pub(super) follow: bool,
    /// Lines not older than this, such as 10m
    #[arg(long, value_name = "DURATION", conflicts_with = "since_time")]
    pub(super) since: Option<String>,
    /// Lines from this time on: RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(super) since_time: Option<String>,
    /// At most so many lines of each pod, the last ones
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) tail: Option<i64>,
    /// The logs of the containers before the last restart
    #[arg(long, short)]
    pub(super) previous: bool,
    /// Pods read at the same time (without --follow)
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(super) max_log_requests: usize,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// The kubeconfig
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
    /// Longest wait for an answer of the cluster
    #[arg(long, value_name = "DURATION")]
    pub(super) request_timeout: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Time {
    Utc,
    Local,
    Relative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    En,
    Zh,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Gate {
    Critical,
    Warning,
}

#[derive(Debug, Subcommand)]
pub(super) enum Shelf {
    /// Response flags
    Flags,
    /// Response code details and transport failures, and what they mean
    Details,
    /// Causes that findings name
    Causes(Rules),
    /// Formats, wrappers and containers that are recognised
    Formats,
    /// The text of a cause's page, to begin one's own with
    Page {
        /// Cause id
        id: String,
    },
    /// Read the pages of a folder and run their examples
    Check {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListBy {
    /// Section of the troubleshooting guide
    Guide,
    /// Response flag
    Flag,
    /// Status, and the text that a client saw
    Symptom,
}
