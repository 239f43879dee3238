//! Findings become words. A renderer receives a finished model and a writer; it computes nothing and never prints.

pub mod compare;
mod csv;
pub mod escape;
pub mod explain;
mod hops;
mod html;
mod incident_json;
mod json;
mod known;
mod markdown;
mod order;
pub mod palette;
mod prometheus;
mod quality;
mod redact;
mod story;
mod terminal;
mod trace;
pub mod units;

#[cfg(test)]
mod tests;

use std::io::Write;

use crate::aggregate::{Counts, Detail, Sides, Summary};
use crate::diagnosis::{Finding, Suppressed};
use crate::error::{Error, ErrorKind, Result};
use crate::incident::Incident;
use crate::record::time::Zone;
use crate::words::Lang;
pub use order::Order;
use palette::Palette;
pub use redact::Hide;
pub use story::matters;
pub use terminal::{finding_title, shortened};
pub use trace::{TraceForm, TraceReport};

/// One input as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInfo {
    /// `-` for standard input, the path as given, `bundle.tar.gz!dir/x.log` for members.
    pub name: String,
    /// What it was packed in: `plain`, `gzip`, …
    pub container: &'static str,
    /// Decompressed bytes.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
}

/// How the user wants to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The language of all prose.
    pub lang: Lang,
    /// Columns of the terminal.
    pub width: usize,
    /// ANSI colours.
    pub colour: bool,
    /// Which they are.
    pub palette: Palette,
    /// Rows of a table; JSON is never cut.
    pub top: usize,
    /// Order of a table's rows.
    pub order: Order,
    /// How times are written in the table.
    pub times: Times,
    /// Width of a time bucket; `None` chooses one by the span.
    pub bucket_seconds: Option<i64>,
}

/// How times are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Times {
    /// By the clock, in UTC.
    #[default]
    Utc,
    /// By the clock of this machine.
    Local,
    /// Counted back from the log's last record; that one from now.
    Relative {
        /// Now, in microseconds since 1970.
        now_us: i64,
    },
}

impl Times {
    /// The clock that times are told by where they are not counted back.
    pub fn zone(self) -> Zone {
        match self {
            Times::Local => Zone::Local,
            Times::Utc | Times::Relative { .. } => Zone::Utc,
        }
    }

    /// A moment: `10:05:03Z`, `18:05:03+08:00`, or `-4 min 46 s` for so long before the end.
    pub fn moment(self, us: i64, end_us: Option<i64>) -> String {
        match (self, end_us) {
            (Times::Relative { .. }, Some(end)) => format!("-{}", units::duration(between_ms(us, end))),
            _ => self.zone().clock(us),
        }
    }
}

impl Default for View {
    fn default() -> Self {
        View {
            lang: Lang::En,
            width: 80,
            colour: false,
            palette: Palette::default(),
            top: 10,
            order: Order::default(),
            times: Times::default(),
            bucket_seconds: None,
        }
    }
}

/// All that an output needs.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// The counts.
    pub summary: &'r Summary,
    /// The causes, most important first.
    pub findings: &'r [Finding],
    /// Findings that the user knows already.
    pub suppressed: &'r [Suppressed],
    /// The inputs, by the numbers that exemplars name.
    pub sources: &'r [SourceInfo],
    /// What could not be read, in words.
    pub failures: &'r [String],
    /// What the reader should know about the result, in words.
    pub warnings: &'r [String],
    /// Records that the user's filters left out.
    pub filtered: u64,
    /// How to show it.
    pub view: View,
}

impl<'r> Report<'r> {
    /// Name of a source by its number.
    fn source(&self, number: u32) -> &'r str {
        self.sources.get(number as usize).map_or("-", |source| source.name.as_str())
    }

    /// A moment as the user wants to read it.
    fn moment(&self, us: i64) -> String {
        self.view.times.moment(us, self.summary.span.last_us())
    }

    /// Everything the reader should know about the data: the caller's warnings and what the counts themselves say.
    fn all_warnings(&self) -> Vec<String> {
        let mut all = self.warnings.to_vec();
        all.extend(quality::warnings(self.summary, self.view.lang));
        all
    }
}

/// Milliseconds from one moment to a later one.
fn between_ms(from_us: i64, to_us: i64) -> u64 {
    u64::try_from(to_us.saturating_sub(from_us) / 1000).unwrap_or_default()
}

/// The sides with their names.
pub fn sides(sides: &Sides, lang: Lang) -> [(&'static str, Counts); 5] {
    [
        (lang.pick("the gateway", "网关"), sides.gateway),
        (lang.pick("caller's side", "调用方一侧"), sides.caller),
        (lang.pick("callee's side", "被调用方一侧"), sides.callee),
        (lang.pick("the tunnel", "隧道"), sides.tunnel),
        (lang.pick("side not told", "未标明一侧"), sides.untold),
    ]
}

/// The first finding with its proof and what to do, as the screen of a triage tells it.
///
/// # Errors
/// When the writer fails.
pub fn finding_in_full(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let mut sheet = terminal::Sheet::new(out, &report.view);
    terminal::findings::first_in_full(report, &mut sheet).map_err(ErrorKind::Write)?;
    Ok(())
}

/// One output format.
pub trait Renderer: Sync {
    /// Name as in `--output NAME`.
    fn name(&self) -> &'static str;
    /// Writes the report.
    ///
    /// # Errors
    /// When the writer fails.
    fn render(&self, report: &Report<'_>, out: &mut dyn Write) -> Result<()>;
}

/// All output formats; the first is the default.
pub static RENDERERS: &[&dyn Renderer] =
    &[&terminal::Terminal, &json::Json, &markdown::Markdown, &html::Html, &csv::Csv, &prometheus::Prometheus];

/// The renderer with this name.
///
/// # Errors
/// When there is none; the message lists those there are.
pub fn renderer(name: &str) -> Result<&'static dyn Renderer> {
    RENDERERS.iter().copied().find(|r| r.name() == name).ok_or_else(|| {
        // A snapshot is no report, and has a room of its own.
        let known: Vec<_> = RENDERERS.iter().map(|r| r.name()).chain(["snapshot"]).collect();
        let names = known.join(", ");
        let message = both!(
            "there is no output {name:?} for triage; there are: {names}",
            "没有输出格式 {name:?}；可用的有：{names}"
        )
        .meant(name, known);
        Error::from(ErrorKind::Option { message })
    })
}

/// All that an incident report needs.
#[derive(Debug, Clone, Copy)]
pub struct Account<'r> {
    /// What the triage knows.
    pub report: Report<'r>,
    /// Incidents, most failures first.
    pub incidents: &'r [Incident],
    /// Latency over time, and who called.
    pub detail: &'r Detail,
    /// The objective that the error budget is counted from, such as 99.9.
    pub slo_percent: Option<f64>,
    /// What to hide.
    pub hide: Hide,
}

/// One output format of the incident report.
pub trait Narrator: Sync {
    /// Name as in `report --output NAME`.
    fn name(&self) -> &'static str;
    /// Writes the report.
    ///
    /// # Errors
    /// When the writer fails.
    fn narrate(&self, account: &Account<'_>, out: &mut dyn Write) -> Result<()>;
}

/// All output formats of the incident report; the first is the default.
pub static NARRATORS: &[&dyn Narrator] = &[&markdown::Markdown, &incident_json::IncidentJson, &html::Html];

/// The narrator with this name.
///
/// # Errors
/// When there is none; the message lists those there are.
pub fn narrator(name: &str) -> Result<&'static dyn Narrator> {
    NARRATORS.iter().copied().find(|r| r.name() == name).ok_or_else(|| {
        let known: Vec<_> = NARRATORS.iter().map(|r| r.name()).collect();
        let names = known.join(", ");
        let message = both!(
            "there is no output {name:?} for a report; there are: {names}",
            "report 没有输出格式 {name:?}；可用的有：{names}"
        )
        .meant(name, known);
        Error::from(ErrorKind::Option { message })
    })
}

/// Widths that time buckets are shown at. Each is a multiple of the one before it, as those of the kept series are, so
/// that any kept width can be shown at any larger one of these.
const BUCKET_WIDTHS_S: [i64; 10] = [1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];

/// The bucket width for a timeline of at most `most` buckets, or the one the user asked for.
fn bucket_width(report: &Report<'_>, most: usize) -> i64 {
    if let Some(width) = report.view.bucket_seconds {
        return width;
    }
    let timeline = &report.summary.timeline;
    let span_s = timeline.width_s().saturating_mul(timeline.iter().len() as i64);
    let fits = |width: &i64| *width >= timeline.width_s() && span_s / width < most as i64;
    BUCKET_WIDTHS_S.into_iter().find(fits).unwrap_or(timeline.width_s())
}
