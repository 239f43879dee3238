//! What was typed becomes library values; a slip is refused here, before anything is read.

#[cfg(feature = "parquet")]
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use meshwhy::aggregate::By;
use meshwhy::diagnosis::Rulebook;
use meshwhy::emit::Output;
use meshwhy::format::{Reader, Template, from_yaml};
use meshwhy::input::{Input, Stream};
use meshwhy::pipeline::{Options, last_start};
use meshwhy::query::{Filter, Key, before_the_last, duration_ms};
use meshwhy::report::palette::Palette;
use meshwhy::report::{self, Order, Renderer, Times};
use meshwhy::words::Said;
use meshwhy::{Error, ErrorKind, Result, both};

use super::args::{Effort, Filters, Formats, Origin, Read, Records, Rules, Shape, Time};
use super::gates::Gates;
use super::rules::rulebook;

/// What every reading command needs.
pub(super) struct Reading {
    pub(super) inputs: Vec<Input>,
    pub(super) reader: Reader,
    pub(super) filter: Filter,
    pub(super) options: Options,
    /// Where it is remembered what was read.
    pub(super) state: Option<PathBuf>,
    pub(super) progress: bool,
    pub(super) quiet: bool,
}

/// A triage to be done.
pub(super) struct TriagePlan {
    pub(super) reading: Reading,
    /// `None`: a snapshot is written.
    pub(super) renderer: Option<&'static dyn Renderer>,
    pub(super) top: usize,
    pub(super) by: Vec<By>,
    pub(super) order: Order,
    pub(super) times: Times,
    pub(super) palette: Palette,
    pub(super) bucket_seconds: Option<i64>,
    pub(super) gates: Gates,
    pub(super) rulebook: Rulebook,
}

/// Records to be written.
pub(super) struct RecordsPlan {
    pub(super) reading: Reading,
    pub(super) output: Output,
}

impl TriagePlan {
    pub(super) fn of(shape: &Shape, rules: &Rules, reading: Reading) -> Result<TriagePlan> {
        Ok(TriagePlan {
            renderer: match shape.output.as_str() {
                super::snapshot::OUTPUT => None,
                name => Some(report::renderer(name)?),
            },
            top: shape.top,
            by: shape.by.as_deref().map_or(Ok(Vec::new()), By::parse)?,
            order: shape.sort.as_deref().map_or(Ok(Order::default()), Order::parse)?,
            times: match shape.times {
                Time::Utc => Times::Utc,
                Time::Local => Times::Local,
                Time::Relative => Times::Relative { now_us: now_us() },
            },
            palette: super::screen::palette(&shape.colour.wishes)?,
            bucket_seconds: shape.bucket.as_deref().map(bucket).transpose()?,
            gates: Gates::of(&shape.fail_over, shape.fail_on)?,
            rulebook: rulebook(rules)?,
            reading,
        })
    }
}

impl RecordsPlan {
    pub(super) fn of(args: Records) -> Result<RecordsPlan> {
        let output = Output::named(&args.output)?;
        #[cfg(feature = "parquet")]
        if output == Output::Parquet && std::io::stdout().is_terminal() {
            return Err(wrong(both!(
                "a Parquet file is nothing for a terminal: meshwhy records --output parquet … >records.parquet",
                "Parquet 文件不适合显示在终端上：meshwhy records --output parquet … >records.parquet"
            )));
        }
        Ok(RecordsPlan { output, reading: Reading::of(args.read)? })
    }
}

impl Reading {
    /// Of everything in the inputs, as it comes.
    pub(super) fn plain(inputs: Vec<Input>, quiet: bool) -> Reading {
        Reading {
            inputs,
            reader: Reader::new(),
            filter: Filter::default(),
            options: Options::default(),
            state: None,
            progress: !quiet,
            quiet,
        }
    }

    pub(super) fn of(args: Read) -> Result<Reading> {
        let named = |input: Input| match (&input, &args.stdin_name) {
            (Input::Stdin, Some(name)) => {
                Input::Stream(Stream::new(name.clone(), || Ok(Box::new(std::io::stdin()))))
            }
            _ => input,
        };
        let inputs = match args.paths.is_empty() {
            true => vec![named(Input::Stdin)],
            false => args.paths.into_iter().map(Input::from_arg).map(named).collect(),
        };
        Reading::new(inputs, &args.formats, Some(&args.origin), &args.filters, &args.effort)
    }

    /// Inputs that are known already; without `origin` they come from where and when was asked for.
    pub(super) fn new(
        inputs: Vec<Input>,
        args: &Formats,
        origin: Option<&Origin>,
        filters: &Filters,
        effort: &Effort,
    ) -> Result<Reading> {
        let mut reader = Reader::new();
        if let Some(name) = &args.format {
            reader = reader.only(name)?;
        }
        if let Some(format) = &args.format_string {
            let template =
                Template::compile(format).map_err(|e| wrong(e.said().behind("--format-string")))?;
            reader = reader.with_template("custom", template);
        }
        if let Some(keys) = &args.json_keys {
            reader = reader.with_json_keys(keys)?;
        }
        if let Some(path) = &args.format_from {
            reader = with_formats_of(reader, path)?;
        }
        let options = Options { threads: effort.threads, ..Options::default() };
        let filter = filter(origin, filters, now_us(), || end_us(&inputs, &reader, &options))?;
        Ok(Reading {
            inputs,
            reader,
            filter,
            options,
            state: None,
            progress: !effort.quiet && !effort.no_progress,
            quiet: effort.quiet,
        })
    }
}

/// A reader that also tries the formats in a file of the mesh's configuration.
fn with_formats_of(reader: Reader, path: &Path) -> Result<Reader> {
    let fail = |reason: Said| wrong(reason.behind(&format!("--format-from {}", path.display())));
    let yaml = std::fs::read_to_string(path).map_err(|e| fail(both!("{e}", "{e}")))?;
    let formats = from_yaml::read(&yaml).map_err(|e| fail(e.said()))?;
    reader.with_formats(formats).map_err(|e| fail(e.said()))
}

pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// When the last record started: a reading before the reading, which only what can be read twice stands.
fn end_us(inputs: &[Input], reader: &Reader, options: &Options) -> Result<i64> {
    let twice = |input: &Input| match input {
        Input::Stdin | Input::Stream(_) => false,
        Input::Bytes { .. } => true,
        // What is not there is named by the reading itself.
        Input::Path(path) => path.metadata().map_or(true, |meta| meta.is_file() || meta.is_dir()),
    };
    if !inputs.iter().all(twice) {
        return Err(wrong(both!(
            "times before the last record (end-15m) are for files: standard input and pipes are read only once",
            "相对最后一条记录的时间（end-15m）只用于文件：标准输入和管道只读一次"
        )));
    }
    // Without any time no record passes a condition on time, whatever it is.
    Ok(last_start(inputs, reader, options)?.unwrap_or_else(now_us))
}

/// The option's name stands before the message: a command line may have several. `end_us` is asked at most once, and
/// only when a time is given from the end.
fn filter(
    origin: Option<&Origin>,
    args: &Filters,
    now_us: i64,
    end_us: impl Fn() -> Result<i64>,
) -> Result<Filter> {
    let mut filter = Filter::default();
    let mut end = None;
    let origin = origin.map(|origin| {
        [
            ("--since", Key::Since, &origin.since),
            ("--until", Key::Until, &origin.until),
            ("--pod", Key::Pod, &origin.pod),
            ("--namespace", Key::Namespace, &origin.namespace),
        ]
    });
    let what = [
        ("--upstream", Key::Upstream, &args.upstream),
        ("--host", Key::Host, &args.host),
        ("--authority", Key::Authority, &args.authority),
        ("--route", Key::Route, &args.route),
        ("--path", Key::Path, &args.path),
        ("--method", Key::Method, &args.method),
        ("--client", Key::Client, &args.client),
        ("--request-id", Key::RequestId, &args.request_id),
        ("--flag", Key::Flag, &args.flag),
        ("--code", Key::Code, &args.code),
        ("--details", Key::Details, &args.details),
        ("--outcome", Key::Outcome, &args.outcome),
        ("--direction", Key::Direction, &args.direction),
        ("--duration", Key::Duration, &args.duration),
    ];
    for (name, key, values) in origin.into_iter().flatten().chain(what) {
        for value in values {
            let named = |e: Error| wrong(e.said().behind(name));
            let is_time = matches!(key, Key::Since | Key::Until);
            match before_the_last(value).filter(|_| is_time) {
                Some(ago) => {
                    // A slip is refused before anything is read.
                    Filter::default().add(key, &ago, now_us).map_err(named)?;
                    let end_us = match end {
                        Some(us) => us,
                        None => end_us().map_err(named)?,
                    };
                    end = Some(end_us);
                    filter.add(key, &ago, end_us).map_err(named)?;
                }
                None => filter.add(key, value, now_us).map_err(named)?,
            }
        }
    }
    if args.no_probes {
        filter.without_probes();
    }
    Ok(filter)
}

pub(super) fn bucket(text: &str) -> Result<i64> {
    duration_ms(text).and_then(|ms| i64::try_from(ms / 1000).ok()).filter(|seconds| *seconds > 0).ok_or_else(
        || {
            wrong(both!(
                "--bucket: {text:?}: a duration of a second or more is expected, such as 10s",
                "--bucket：{text:?}：应为一秒以上的时长，如 10s"
            ))
        },
    )
}

pub(super) fn wrong(message: Said) -> Error {
    ErrorKind::Option { message }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_read_or_refused() {
        assert_eq!(bucket("5m").unwrap(), 300);
        for text in ["0", "10ms", "-5s", "soon"] {
            assert!(bucket(text).is_err(), "{text}");
        }
    }
}
