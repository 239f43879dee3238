//! What must hold for any bytes whatever. Each property is a function of bytes that panics where it does not hold: the tests
//! of `any_bytes.rs` call them with spoiled samples, the fuzzers of `tests/fuzz` with what they find. Public names of
//! the library only. No tests here.

use std::collections::BTreeSet;
use std::io::Read;

use meshwhy::aggregate::{Detail, Summary};
use meshwhy::diagnosis::{Catalog, Finding, diagnose};
use meshwhy::emit::Form;
use meshwhy::format::{Reader, Reading, Template, from_yaml, known_formats};
use meshwhy::frame::{Blocks, Joiner, names, open_from, partial, peel};
use meshwhy::incident::{Incident, find_in_detail};
use meshwhy::input::{Input, unpacked};
use meshwhy::pack;
use meshwhy::pipeline::{Options, Outcome, rewrite, snapshot, summarise, summarise_in_detail};
use meshwhy::query::{Filter, Passed};
use meshwhy::record::{Carrier, Field, Layout, Record};
use meshwhy::report::compare::{self, Comparison, Side};
use meshwhy::report::{
    Account, Hide, NARRATORS, RENDERERS, Report, SourceInfo, View, explain, finding_in_full,
};
use meshwhy::snapshot::Held;
use meshwhy::words::Lang;
use serde_json::Value;

use crate::media;

/// A failure, as Istio prints it.
pub(crate) const FAILING: &str = "[2026-01-02T03:04:05.678Z] \"GET /a HTTP/1.1\" 503 UF upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111} - \"delayed_connect_error:_111\" 0 91 3 - \"-\" \"curl/8\" \"r-1\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local - 10.9.9.9:80 10.0.0.1:5000 - default\n";

/// A request that was answered.
pub(crate) const GOOD: &str = "[2026-01-02T03:04:06.678Z] \"GET /b HTTP/1.1\" 200 - via_upstream - \"-\" 0 91 3 2 \"-\" \"curl/8\" \"r-2\" \"web.shop:80\" \"10.0.0.7:80\" outbound|80||web.shop.svc.cluster.local 10.0.0.1:6000 10.9.9.9:80 10.0.0.1:5000 - default\n";

/// A property, and the name of its fuzzer.
pub(crate) type Property = (&'static str, fn(&[u8]));

/// Every property. `tests/fuzz/fuzz_targets` has a file for each.
pub(crate) static PROPERTIES: &[Property] = &[
    ("framing", framing),
    ("readers", readers),
    ("json", json),
    ("round_trip", round_trip),
    ("grammar", grammar),
    ("wrappers", wrappers),
    ("containers", containers),
    ("pages", pages),
    ("outputs", outputs),
    ("snapshots", snapshots),
];

/// The first byte, as a small number, and the rest.
fn knob(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(knob, rest)| (usize::from(*knob), rest))
}

/// A reader that gives at most so many bytes at once.
struct Dribble<'d> {
    data: &'d [u8],
    step: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let step = self.step.min(out.len());
        self.data.read(&mut out[..step])
    }
}

/// Lines are what stands between newlines, wherever blocks, stretches and reads are cut.
pub(crate) fn framing(data: &[u8]) {
    let (size, data) = knob(data);
    let (step, data) = knob(data);
    let (span, data) = knob(data);
    let mut offset = 0;
    let plain: Vec<(u64, &[u8])> = data
        .split_inclusive(|b| *b == b'\n')
        .map(|line| {
            let at = offset;
            offset += line.len() as u64;
            (at, line.strip_suffix(b"\n").unwrap_or(line))
        })
        .collect();
    let numbers: Vec<u64> = (1..=plain.len() as u64).collect();

    let reader = Dribble { data, step: step + 1 };
    let (lines, numbered) = cut(Blocks::new(reader, size + 1).counting());
    assert!(same(&lines, &plain) && numbered == numbers, "blocks of {} bytes", size + 1);

    let span = span as u64 + 1;
    let mut lines = Vec::new();
    for start in (0..data.len() as u64).step_by(span as usize) {
        let from = &data[start.saturating_sub(1) as usize..];
        let reader = Dribble { data: from, step: step + 1 };
        lines.extend(cut(Blocks::stretch(reader, size + 1, start, start + span)).0);
    }
    assert!(same(&lines, &plain), "stretches of {span} bytes, blocks of {}", size + 1);
}

/// Offset and bytes of each line.
type Cut = Vec<(u64, Vec<u8>)>;

fn cut<R: Read>(mut blocks: Blocks<R>) -> (Cut, Vec<u64>) {
    let (mut lines, mut numbers) = (Vec::new(), Vec::new());
    while let Some(block) = blocks.next_block(|_| false).expect("memory can be read") {
        for line in block.lines() {
            lines.push((line.offset, line.bytes.to_vec()));
            numbers.push(line.number);
        }
    }
    (lines, numbers)
}

fn same(lines: &[(u64, Vec<u8>)], plain: &[(u64, &[u8])]) -> bool {
    lines.iter().map(|(at, line)| (*at, &line[..])).eq(plain.iter().copied())
}

/// All that a reading says of a line.
#[derive(Debug, PartialEq)]
struct Told {
    reading: Reading,
    format: &'static str,
    kind: &'static str,
    complete: bool,
    fields: Vec<Option<Vec<u8>>>,
}

fn told(reader: &Reader, line: &[u8]) -> Told {
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    let reading = reader.read(line, &mut layout, &mut scratch);
    if reading != Reading::Access {
        return Told { reading, format: "", kind: "", complete: true, fields: Vec::new() };
    }
    let text = if layout.in_scratch { &scratch[..] } else { line };
    let record = Record::new(text, &layout, Carrier::default());
    let value = |field: &Field| record.logged(*field).map(|raw| raw.text().into_owned());
    Told {
        reading,
        format: record.format(),
        kind: record.kind().name(),
        complete: record.complete(),
        fields: Field::ALL.iter().map(value).collect(),
    }
}

thread_local! {
    /// Of each known text format, a reader that has it as a format of the user's own: those are read by the exact reader.
    static EXACT: Vec<(&'static str, Reader)> = known_formats()
        .map(|(name, text)| {
            let template = Template::compile(text).expect("a known format");
            (name, Reader::new().with_template(name, template))
        })
        .collect();
}

/// The quick reading of a line says what the exact one says, and a glance says what the reading says.
pub(crate) fn readers(data: &[u8]) {
    let reader = Reader::new();
    let lines: Vec<&[u8]> = data.split(|b| *b == b'\n').take(8).collect();
    for line in &lines {
        let quick = told(&reader, line);
        // What is mended first, or was cut, has no twin.
        let plain = !matches!(line.last(), Some(b',' | b';' | b'`' | b'\'' | b' ' | b'\r'));
        if quick.reading == Reading::Access && quick.complete && plain && line.first() != Some(&b'{') {
            EXACT.with(|exact| {
                let mut twins = exact.iter().filter(|(name, _)| *name == quick.format).peekable();
                let known = twins.peek().is_some();
                let agrees = twins.any(|(_, exact)| told(exact, line) == quick);
                assert!(agrees || !known, "{}\n{quick:?}", String::from_utf8_lossy(line));
            });
        }
    }
    for read in &lines {
        lines.iter().for_each(|seen| glance(&reader, read, seen));
    }
}

/// Whoever has read one line with these telling bytes may count on a glance at another one.
fn glance(reader: &Reader, read: &[u8], seen: &[u8]) {
    let Some(mut looker) = reader.looker() else { return };
    let Some((length, glance)) = looker.look(seen) else { return };
    assert_eq!(length, seen.len(), "a line is as long as it is");
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    if reader.read(read, &mut layout, &mut scratch) != Reading::Access || layout.in_scratch {
        return;
    }
    let record = Record::new(read, &layout, Carrier::default());
    let Some(known) = record.identity() else { return };
    if glance.format != record.format() || glance.identity().parts() != known.parts() {
        return;
    }
    let Some(duration_ms) = glance.check().filter(|_| glance.has_usual_time()) else { return };
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    let whole = reader.read(seen, &mut layout, &mut scratch);
    let line = String::from_utf8_lossy(seen);
    assert!(whole == Reading::Access && !layout.in_scratch, "{line}");
    let record = Record::new(seen, &layout, Carrier::default());
    let numbers = [Field::BytesReceived, Field::BytesSent, Field::Duration].map(|f| record.number(f));
    assert_eq!(numbers, [glance.received(), glance.sent(), duration_ms].map(Some), "{line}");
    let logged = |field| record.logged(field).map_or(&b""[..], |raw| raw.bytes);
    assert_eq!(glance.format, record.format(), "{line}");
    assert_eq!(glance.kind, record.kind(), "{line}");
    assert_eq!(&glance.time[..], record.bytes(Field::StartTime), "{line}");
    assert_eq!(glance.path(), logged(Field::Path), "{line}");
    assert_eq!(glance.remote(), logged(Field::DownstreamRemote), "{line}");
    assert_eq!(glance.service_time(), logged(Field::ServiceTime), "{line}");
}

/// What a line is, is a function of its bytes alone; and the values of a JSON record are those that serde_json sees.
pub(crate) fn json(data: &[u8]) {
    let reader = Reader::new();
    let object = |line: &[u8]| if line.starts_with(b"{") { line.to_vec() } else { [b"{", line].concat() };
    let lines: Vec<Vec<u8>> = data.split(|b| *b == b'\n').take(8).map(object).collect();
    let forth: Vec<Told> = lines.iter().map(|line| told(&reader, line)).collect();
    let mut back: Vec<Told> = lines.iter().rev().map(|line| told(&reader, line)).collect();
    back.reverse();
    assert_eq!(forth, back, "what was read before changes nothing");
    for (line, told) in lines.iter().zip(&forth) {
        as_serde_says(line, told);
    }
}

fn as_serde_says(line: &[u8], told: &Told) {
    let (Reading::Access, "istio-json") = (told.reading, told.format) else { return };
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(line) else { return };
    let text = String::from_utf8_lossy(line);
    for (field, value) in Field::ALL.iter().zip(&told.fields).take(Field::ISTIO) {
        // A key that comes twice, escaped letters in a key, a time in the place of the method (Istio 1.1): not for a twin.
        let key = format!("\"{}\"", field.key());
        let once = text.matches(&key).count() == 1 && !matches!(field, Field::Method | Field::StartTime);
        let (Some(Value::String(said)), true) = (members.get(field.key()), once) else { continue };
        if let Some(value) = value {
            assert_eq!(String::from_utf8_lossy(value), *said, "{} of {text}", field.key());
        }
    }
}

/// Reads an input, and gives the records as JSON.
fn records(name: &str, data: &[u8]) -> Vec<Value> {
    let mut out = Vec::new();
    let inputs = [Input::Bytes { name: name.to_owned(), bytes: data.to_vec() }];
    let options = Options { threads: 1, ..Options::default() };
    let (reader, filter) = (Reader::new(), Filter::default());
    rewrite(&inputs, &reader, &filter, Form::Ndjson, &options, None, &mut out)
        .expect("memory can be written to");
    let lines = out.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e}"))).collect()
}

/// A record that was written as JSON and read again is the same record.
pub(crate) fn round_trip(data: &[u8]) {
    let line = data.split(|b| *b == b'\n').next().unwrap_or_default();
    for first in records("-", line) {
        let written = format!("{first}\n");
        let again = records("-", written.as_bytes());
        assert_eq!(again.len(), 1, "a record is written as a record: {first}");
        for field in Field::ALL.iter().take(Field::ISTIO) {
            let (a, b) = (&first[field.key()], &again[0][field.key()]);
            assert_eq!(a, b, "{} of {first}", field.key());
        }
        // In the order of their bytes, which is another one where those were no UTF-8 and are written out.
        let flags = |record: &Value| {
            let flags = record["flags"].as_array().expect("a list").iter();
            flags.map(|flag| flag.as_str().expect("text").to_owned()).collect::<BTreeSet<String>>()
        };
        assert_eq!(flags(&first), flags(&again[0]), "{first}");
    }
}

/// A format string is refused, or reads lines within their bounds; and it is the same format when it is read again.
pub(crate) fn grammar(data: &[u8]) {
    let mut parts = data.splitn(2, |b| *b == 0);
    let (format, line) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let format = String::from_utf8_lossy(format);
    // A refusal is an answer.
    drop(from_yaml::read(&format));
    drop(Reader::new().with_json_keys(&format));
    let Ok(template) = Template::compile(&format) else { return };
    Template::compile(template.format()).expect("what was read once is read again");
    let reader = Reader::new().with_template("custom", template);
    for line in [line, format.as_bytes()] {
        let (mut layout, mut scratch) = (Layout::default(), Vec::new());
        if reader.read(line, &mut layout, &mut scratch) == Reading::Access && layout.format == "custom" {
            let text = if layout.in_scratch { scratch.len() } else { line.len() };
            for range in Field::ALL.iter().filter_map(|field| layout.range(*field)) {
                assert!(range.start <= range.end && range.end <= text, "{range:?} of {text}");
            }
        }
    }
}

/// A line comes out of a wrapper as it went in, and anything else does no harm.
pub(crate) fn wrappers(data: &[u8]) {
    let mut scratch = Vec::new();
    for line in data.split(|b| *b == b'\n').take(16) {
        peel(line, &mut scratch);
        partial(line);
        names(line);
    }
    open_from(data);
    let mut joiner = Joiner::new();
    for (at, line) in data.split(|b| *b == b'\n').enumerate() {
        let _ = joiner.push(line, at as u64, at as u64);
    }
    while joiner.pop().is_some() {}
    assert!(!joiner.is_open(), "what was held back is handed on");

    // What a line begins and ends with may belong to the wrapper, and a message may be a wrapper of its own.
    let line: Vec<u8> = data.iter().copied().filter(|b| (b' '..=b'~').contains(b)).take(2000).collect();
    let line = [b"[2026-01-02T03:04:05.678Z] \"", &line[..], b"\" x"].concat();
    let text = String::from_utf8_lossy(&line);
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
    for wrapped in [
        format!("2026-01-02T03:04:05.678901234Z stdout F {text}"),
        format!("[pod/web-5d9c7b9d4f-abcde/istio-proxy] {text}"),
        format!("2026-01-02T03:04:05.678901234Z {text}"),
        format!("{{\"log\":\"{escaped}\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05.6Z\"}}"),
    ] {
        let peeled = peel(wrapped.as_bytes(), &mut scratch);
        assert_eq!(String::from_utf8_lossy(peeled.text), text, "{wrapped}");
    }
}

/// Whatever an input is packed in: every line is one of four things, and what cannot be read is told.
pub(crate) fn containers(data: &[u8]) {
    let (summary, passed, outcome) = read(data);
    let lines = &summary.lines;
    assert_eq!(lines.total, lines.access + lines.proxy + lines.other + lines.rejected);
    assert_eq!((passed.access, passed.left_out), (lines.access, 0));
    // Objects that share a line of the source are lines of their own in the counts.
    assert!(outcome.sources.iter().map(|source| source.lines).sum::<u64>() <= lines.total);
    for failure in &outcome.failures {
        assert!(!failure.to_string().is_empty());
    }
}

fn read(data: &[u8]) -> (meshwhy::aggregate::Summary, Passed, Outcome) {
    let inputs = [Input::Bytes { name: "-".to_owned(), bytes: data.to_vec() }];
    let options = Options { threads: 1, ..Options::default() };
    summarise(&inputs, &Reader::new(), &Filter::default(), &options, None).expect("nothing stops a triage")
}

/// A page is refused with its place, or can be used.
pub(crate) fn pages(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Catalog::parse([("page.md", &*text)]) {
        Ok(catalog) => {
            let (summary, ..) = read(data);
            catalog.diagnose(&summary);
            let page = &catalog.pages()[0];
            for example in page.fires.iter().chain(&page.silent) {
                catalog.diagnose(&read(example.text.as_bytes()).0);
            }
        }
        Err(error) => assert!(error.to_string().contains("page.md"), "{error}"),
    }
}

/// A snapshot is read, or refused with its name: what was damaged on its way is never counted, and what was forged with the
/// right checksums does no harm.
pub(crate) fn snapshots(data: &[u8]) {
    let held = |bytes: &[u8]| Held::Bytes { name: "x.snap".to_owned(), bytes: bytes.to_vec() };
    let told = |bytes: &[u8]| match held(bytes).load() {
        Ok(snapshot) => Some(snapshot),
        Err(error) => {
            assert!(error.to_string().contains("x.snap"), "{error}");
            None
        }
    };
    told(data);
    thread_local! {
        static WHOLE: (Vec<u8>, Vec<u8>) = whole();
    }
    WHOLE.with(|(whole, counts)| {
        let mut damaged = whole.clone();
        change(&mut damaged, data);
        if let Some(rest) = data.chunks_exact(3).remainder().first() {
            damaged.truncate(damaged.len() - usize::from(*rest).min(damaged.len()));
        }
        assert!(damaged == *whole || told(&damaged).is_none(), "a damage was not seen");

        let mut forged = counts.clone();
        change(&mut forged, data);
        for counts in [&forged[..], data] {
            let file = sealed(whole, counts);
            if told(&file).is_some() {
                let known = Known::of(Input::Bytes { name: "x.snap".to_owned(), bytes: file });
                known.summary.totals();
                let report = known.report(&[], &[], Lang::En);
                for renderer in RENDERERS {
                    written(renderer.name(), renderer.name(), |out| renderer.render(&report, out));
                }
            }
        }
    });
}

/// Three bytes each: where, and by what it is changed.
fn change(bytes: &mut [u8], data: &[u8]) {
    for change in data.chunks_exact(3).take(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[at] ^= change[2];
    }
}

/// A small snapshot: the file, and the counts in it as they are before they are compressed.
fn whole() -> (Vec<u8>, Vec<u8>) {
    let log = format!("{FAILING}{GOOD}");
    let inputs = [Input::Bytes { name: "x.log".to_owned(), bytes: log.into_bytes() }];
    let options = Options { threads: 1, ..Options::default() };
    let made = snapshot(&inputs, &Reader::new(), &Filter::default(), &[], &options, None);
    let mut file = Vec::new();
    meshwhy::snapshot::write(&made.expect("one log").0, &mut file).expect("memory can be written to");
    // Behind two lines and their checksum: blocks with a checksum each.
    let blocks = file[lines_end(&file) + 8..].chunks(BLOCK + 8);
    let packed: Vec<u8> = blocks.flat_map(|block| block[8..].to_vec()).collect();
    let mut counts = Vec::new();
    let head = packed[..4].to_vec();
    let mut reader = unpacked(std::io::Cursor::new(packed), &head).expect("a decoder");
    reader.read_to_end(&mut counts).expect("what was just written");
    (file, counts)
}

/// Bytes of a snapshot that share a checksum.
const BLOCK: usize = 64 << 10;

/// Where the two lines at the head of a snapshot end.
fn lines_end(file: &[u8]) -> usize {
    let mut ends = file.iter().enumerate().filter(|(_, b)| **b == b'\n');
    ends.nth(1).expect("two lines").0 + 1
}

/// A file like this one with other counts, and with the checksums that belong to them.
fn sealed(like: &[u8], counts: &[u8]) -> Vec<u8> {
    let packed = stored(counts);
    let lines: Vec<&[u8]> = like[..lines_end(like)].split_inclusive(|b| *b == b'\n').collect();
    let mut header: Value = serde_json::from_slice(lines[1]).expect("the header");
    header["body_bytes"] = packed.len().into();
    header["unpacked_bytes"] = counts.len().into();
    let head = [lines[0], header.to_string().as_bytes(), b"\n"].concat();
    let sum = |number: usize, bytes: &[u8]| pack::hash(number as u64, &[bytes]).to_le_bytes();
    let mut file = [&head[..], &sum(0, &head)].concat();
    for (number, block) in packed.chunks(BLOCK).enumerate() {
        file.extend(sum(number + 1, block));
        file.extend(block);
    }
    file
}

/// A frame of zstd that holds the bytes as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend((bytes.len() as u32).to_le_bytes());
    let blocks = bytes.chunks(100_000).count();
    for (number, block) in bytes.chunks(100_000).enumerate() {
        let header = ((block.len() as u32) << 3) | u32::from(number + 1 == blocks);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    if blocks == 0 {
        frame.extend([1, 0, 0]);
    }
    frame
}

/// What was read, with what the incident report needs, and its causes.
struct Known {
    summary: Summary,
    detail: Detail,
    findings: Vec<Finding>,
    incidents: Vec<Incident>,
}

impl Known {
    fn of(input: Input) -> Known {
        let options = Options { threads: 1, allow_overlap: true, ..Options::default() };
        let read = summarise_in_detail(&[input], &Reader::new(), &Filter::default(), &options, None);
        let (summary, detail, ..) = read.expect("nothing stops a report");
        let (findings, incidents) = (diagnose(&summary), find_in_detail(&summary, &detail, false));
        Known { summary, detail, findings, incidents }
    }

    /// Names of files are strangers' words, too.
    fn report<'r>(&'r self, names: &'r [String], sources: &'r [SourceInfo], lang: Lang) -> Report<'r> {
        Report {
            summary: &self.summary,
            findings: &self.findings,
            suppressed: &[],
            sources,
            failures: names,
            warnings: names,
            filtered: 0,
            view: View { lang, ..View::default() },
        }
    }

    fn side(&self) -> Side<'_> {
        Side { summary: &self.summary, findings: &self.findings, suppressed: &[], notes: &[] }
    }
}

/// Text that was written, once nothing in it can be more than text.
fn written(what: &str, medium: &str, fill: impl FnOnce(&mut Vec<u8>) -> meshwhy::Result<()>) {
    let mut out = Vec::new();
    fill(&mut out).expect("memory can be written to");
    let text = String::from_utf8(out).unwrap_or_else(|e| panic!("{what}: {e}"));
    media::shows_all(&text, what);
    match medium {
        "json" => media::json(what, &text),
        "ndjson" => media::ndjson(what, &text),
        "html" => media::html(what, &text),
        "records as csv" => media::csv(what, &text),
        "csv" => media::tables(what, &text),
        "prometheus" => drop(media::series(what, &text)),
        _ => {}
    }
}

/// Every form of every result can be written, and holds nothing that steers what shows it: triage, report, comparison,
/// records, and what `explain` says of the text.
pub(crate) fn outputs(data: &[u8]) {
    let bytes = |bytes: &[u8]| Input::Bytes { name: "-".to_owned(), bytes: bytes.to_vec() };
    let known = Known::of(bytes(data));
    let name = String::from_utf8_lossy(&data[..data.len().min(100)]).into_owned();
    let sources = [SourceInfo { name: name.clone(), container: "plain", bytes: 1, lines: 1 }];
    let names = [name];
    let report = known.report(&names, &sources, Lang::En);
    for renderer in RENDERERS {
        written(renderer.name(), renderer.name(), |out| renderer.render(&report, out));
    }
    written("a finding in full", "table", |out| finding_in_full(&report, out));

    for hidden in [false, true] {
        let hide = Hide { secrets: hidden, persons: hidden, authorities: hidden };
        let report = known.report(&names, &sources, Lang::Zh);
        let account = Account {
            report,
            incidents: &known.incidents,
            detail: &known.detail,
            slo_percent: Some(99.9),
            hide,
        };
        for narrator in NARRATORS {
            written(narrator.name(), narrator.name(), |out| narrator.narrate(&account, out));
        }
    }

    let before = Known::of(bytes(GOOD.as_bytes()));
    let comparison = Comparison::of(before.side(), known.side(), Lang::En);
    for form in ["markdown", "html", "json"] {
        written(form, form, |out| comparison.write(compare::Form::named(form)?, out));
    }

    let options = Options { threads: 1, ..Options::default() };
    for (form, medium) in [(Form::Ndjson, "ndjson"), (Form::Csv, "records as csv")] {
        written(form.name(), medium, |out| {
            rewrite(&[bytes(data)], &Reader::new(), &Filter::default(), form, &options, None, out).map(drop)
        });
    }
    let line = String::from_utf8_lossy(data.split(|b| *b == b'\n').next().unwrap_or_default()).into_owned();
    written("explain", "table", |out| {
        explain::explain(&line, Catalog::built_in(), View::default(), out).map(drop)
    });
}
