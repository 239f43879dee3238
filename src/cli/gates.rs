//! What turns the exit code to 1: rates that were exceeded, and findings.

use meshwhy::aggregate::Summary;
use meshwhy::diagnosis::{Finding, Severity};
use meshwhy::query::{glob_fits, upstream_fits};
use meshwhy::report::escape::terminal;
use meshwhy::report::units::rate;
use meshwhy::words::Said;
use meshwhy::{Result, both};

use super::args::Gate;
use super::plan::wrong;

/// Everything that the user asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Gates {
    over: Vec<Over>,
    on: Option<Severity>,
}

/// A rate that must not be exceeded.
#[derive(Debug, Clone, PartialEq)]
struct Over {
    of: What,
    percent: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    /// Failures, of all requests.
    All,
    /// Failures of each upstream that fits, of its requests.
    Upstream(String),
    /// Requests with a flag that fits, of all requests.
    Flag(String),
}

impl Gates {
    pub(super) fn of(over: &[String], on: Option<Gate>) -> Result<Gates> {
        let on = on.map(|gate| match gate {
            Gate::Critical => Severity::Critical,
            Gate::Warning => Severity::Warning,
        });
        Ok(Gates { over: over.iter().map(|text| Over::parse(text)).collect::<Result<_>>()?, on })
    }

    /// What tripped, in words.
    pub(super) fn tripped(&self, summary: &Summary, findings: &[Finding]) -> Vec<Said> {
        let mut out: Vec<Said> = self.over.iter().flat_map(|over| over.tripped(summary)).collect();
        out.extend(self.on.and_then(|mildest| {
            let n = findings.iter().filter(|finding| finding.severity >= mildest).count();
            let (word, zh) = (mildest.name(), mildest.word(meshwhy::words::Lang::Zh));
            (n > 0).then(|| {
                both!("findings of severity {word} or worse: {n}", "严重程度为“{zh}”或更高的诊断：{n} 项")
            })
        }));
        out
    }
}

impl Over {
    /// `1%`, `upstream=GLOB:1%`, `flag=UF:1%`. A glob may hold colons: the rate is behind the last one.
    fn parse(text: &str) -> Result<Over> {
        let slip = || {
            wrong(both!(
                "--fail-over: {text:?}: 1%, upstream=GLOB:1% or flag=UF:1% is expected",
                "--fail-over：{text:?}：应为 1%、upstream=GLOB:1% 或 flag=UF:1%"
            ))
        };
        let (of, rate) = match text.split_once('=') {
            None => (What::All, text),
            Some((kind, rest)) => {
                let (glob, rate) =
                    rest.rsplit_once(':').filter(|(glob, _)| !glob.is_empty()).ok_or_else(slip)?;
                match kind.trim() {
                    "upstream" => (What::Upstream(glob.to_owned()), rate),
                    "flag" => (What::Flag(glob.to_owned()), rate),
                    _ => return Err(slip()),
                }
            }
        };
        let percent: Option<f64> = rate.trim().trim_end_matches('%').trim_end().parse().ok();
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent)).ok_or_else(slip)?;
        Ok(Over { of, percent })
    }

    fn tripped(&self, summary: &Summary) -> Vec<Said> {
        let totals = summary.totals();
        let all = totals.counts.requests();
        let percent = self.percent;
        let over = |part: u64, whole: u64| part as f64 * 100.0 > percent * whole as f64;
        match &self.of {
            What::All => {
                let failed = totals.counts.failed();
                let share = rate(failed, all);
                over(failed, all)
                    .then(|| both!("{share} failed, more than {percent} %", "{share} 失败，超过 {percent} %"))
                    .into_iter()
                    .collect()
            }
            What::Upstream(glob) => {
                let fits = summary.upstreams.iter().filter(|(name, _)| upstream_fits(glob.as_bytes(), name));
                let bad =
                    fits.filter(|(_, upstream)| over(upstream.counts.failed(), upstream.counts.requests()));
                bad.map(|(name, upstream)| {
                    let (name, counts) = (terminal(name), upstream.counts);
                    let share = rate(counts.failed(), counts.requests());
                    both!(
                        "{name}: {share} failed, more than {percent} %",
                        "{name}：{share} 失败，超过 {percent} %"
                    )
                })
                .collect()
            }
            What::Flag(glob) => {
                let fits = totals.flags.iter().filter(|(flag, _)| glob_fits(glob.as_bytes(), flag));
                let bad = fits.filter(|(_, n)| over(*n, all));
                bad.map(|(flag, n)| {
                    let (flag, share) = (terminal(flag), rate(n, all));
                    both!(
                        "{flag}: {share} of the requests, more than {percent} %",
                        "{flag}：占请求的 {share}，超过 {percent} %"
                    )
                })
                .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_or_refused() {
        let read = |text| Over::parse(text).expect("a gate");
        assert_eq!(read("1.5%"), Over { of: What::All, percent: 1.5 });
        assert_eq!(read(" 2 %"), Over { of: What::All, percent: 2.0 });
        let glob = "reviews.shop:9080".to_owned();
        assert_eq!(read("upstream=reviews.shop:9080:5%"), Over { of: What::Upstream(glob), percent: 5.0 });
        assert_eq!(read("flag=UF:0"), Over { of: What::Flag("UF".to_owned()), percent: 0.0 });
        for text in ["", "%", "101%", "-1%", "NaN", "x", "flag=UF", "flag=:1%", "host=a:1%", "upstream=a:b"] {
            assert!(Over::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_gate_is_a_limit_that_may_be_reached() {
        let line = |n: u32, tail: &str| {
            format!(
                "[2026-01-02T03:04:{n:02}.000Z] \"GET / HTTP/1.1\" {tail} \"10.0.0.1:80\" outbound|80||a.b.svc.cluster.local - 10.0.0.2:80 10.0.0.3:1000 - default\n"
            )
        };
        let bad = "503 UF upstream_reset_before_response_started{connection_failure} - \"-\" 0 0 1 - \"-\" \"-\" \"-\" \"-\"";
        let good = "200 - via_upstream - \"-\" 0 0 1 1 \"-\" \"-\" \"-\" \"-\"";
        let log: String = (0..20).map(|n| line(n, if n == 7 { bad } else { good })).collect();
        let input = meshwhy::input::Input::Bytes { name: "-".to_owned(), bytes: log.into_bytes() };
        let options = meshwhy::pipeline::Options { threads: 1, ..Default::default() };
        let (summary, ..) = meshwhy::pipeline::summarise(
            &[input],
            &meshwhy::format::Reader::new(),
            &meshwhy::query::Filter::default(),
            &options,
            None,
        )
        .expect("a summary");
        assert_eq!((summary.counts.requests(), summary.counts.failed()), (20, 1));
        for (gate, trips) in [
            ("5%", false),
            ("4.9%", true),
            ("upstream=a:4%", true),
            ("upstream=z*:0%", false),
            ("flag=UF:5%", false),
            ("flag=U*:4%", true),
            ("flag=UC:0%", false),
        ] {
            let gates = Gates::of(&[gate.to_owned()], None).expect("a gate");
            assert_eq!(!gates.tripped(&summary, &[]).is_empty(), trips, "{gate}");
        }
    }
}
