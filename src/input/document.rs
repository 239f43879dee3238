//! Exports that are one JSON document: taken apart into one line per entry, as they come.
//!
//! | document | one line per | form |
//! |---|---|---|
//! | an array of objects (gcloud, Grafana, jq -s), or of lines as strings | element | as it is |
//! | objects printed over several lines (jq, a format of several lines) | object | as it is; lines between them stay |
//! | CloudWatch `filter-log-events`, `get-log-events` | `events[]` | as it is |
//! | CloudWatch subscription | `logEvents[]` | as it is |
//! | Elasticsearch, OpenSearch | `hits.hits[]` | as it is |
//! | CloudWatch Insights, `get-query-results` | field of `results[]` | as it is |
//! | Envoy's access log service, `StreamAccessLogsMessage` | `httpLogs.logEntry[]`, `tcpLogs.logEntry[]` | as it is |
//! | OpenTelemetry export, one document or one a line | `logRecords[]` | `{"scopeLogs":[{"resource":…,"logRecords":[…]}]}` |
//! | Loki's HTTP API | `data.result[].values[]` | `{"labels":…,"line":…,"timestamp":…}`, as logcli's jsonl |
//!
//! Nothing is parsed that need not be: the slicer follows brackets and keys, and copies the bytes of the entries. What
//! stands around them is dropped. Memory is bounded by one read and one Loki entry.

use std::io::{self, Read};
use std::ops::ControlFlow;

use super::walk::{Container, Entry, Still, Walk};

/// One JSON document with many entries.
pub(super) struct Documents;

impl Container for Documents {
    fn name(&self) -> &'static str {
        "json"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        Shape::of(head).is_some()
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        let mut reader = Still(Slices::new(entry.reader));
        walk.enter(Entry { reader: &mut reader, file: None, ..entry })
    }
}

/// True when a stream with this first line may be a document, and more has to be seen to tell.
pub(super) fn may_be_one(first_line: &[u8]) -> bool {
    let line = first_line.strip_prefix(BOM).unwrap_or(first_line).trim_ascii();
    match line {
        [] => true,
        [b'[', rest @ ..] => rest.trim_ascii_start().first().is_none_or(|b| matches!(b, b'{' | b'"')),
        [b'{', .., last] => *last != b'}',
        [b'{'] => true,
        _ => false,
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where the entries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Events,
    LogEvents,
    Hits,
    Results,
    Loki,
    Service,
    OpenTelemetry,
    /// Objects over several lines, with other lines between them.
    Spread,
}

/// Keys that show, in the first object of a stream, that the objects hold what a proxy wrote.
const RECORD_KEYS: [&str; 9] = [
    "\"response_code\"",
    "\"response_flags\"",
    "\"responseCode\"",
    "\"responseFlags\"",
    "\"httpRequest\"",
    "\"commonProperties\"",
    "\"textPayload\"",
    "\"jsonPayload\"",
    "\"_source\"",
];

impl Shape {
    fn of(head: &[u8]) -> Option<Shape> {
        let head = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
        let first = memchr::memchr(b'\n', head).map_or(head, |end| head[..end].trim_ascii_end());
        // A document on one line is judged by that line: what follows may be another thing.
        let head = if first.len() > 1 && matches!(first.last(), Some(b'}' | b']')) { first } else { head };
        if !matches!(head.first(), Some(b'[' | b'{')) {
            return None;
        }
        let packed: Vec<u8> = head.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        let starts = |keys: &[&str]| keys.iter().any(|key| packed.starts_with(key.as_bytes()));
        let has = |key: &str| memchr::memmem::find(&packed, key.as_bytes()).is_some();
        if starts(&["[{\"", "[{}", "[\"[2", "[\"{\\\""]) {
            return Some(Shape::Array);
        }
        if starts(&["{\"status\":\"success\",\"data\":{", "{\"data\":{"])
            && (has("\"resultType\":\"streams\"") || has("\"result\":[{\"stream\":{"))
        {
            return Some(Shape::Loki);
        }
        if starts(&["{\"events\":[{"]) && has("\"message\":")
            || starts(&[
                "{\"searchedLogStreams\":",
                "{\"nextForwardToken\":",
                "{\"nextBackwardToken\":",
                "{\"nextToken\":",
            ]) && has("\"events\":[")
        {
            return Some(Shape::Events);
        }
        if has("\"logEvents\":[") && has("\"messageType\":") {
            return Some(Shape::LogEvents);
        }
        if starts(&["{\"took\":", "{\"_scroll_id\":", "{\"hits\":{", "{\"timed_out\":", "{\"pit_id\":"])
            && has("\"hits\":{")
            && has("\"hits\":[")
        {
            return Some(Shape::Hits);
        }
        if starts(&["{\"results\":[[{\"field\":"]) {
            return Some(Shape::Results);
        }
        if starts(&["{\"resourceLogs\":[{"]) {
            return Some(Shape::OpenTelemetry);
        }
        if starts(&[
            "{\"identifier\":{",
            "{\"httpLogs\":{",
            "{\"tcpLogs\":{",
            "{\"http_logs\":{",
            "{\"tcp_logs\":{",
        ]) && (has("\"logEntry\":[") || has("\"log_entry\":["))
        {
            return Some(Shape::Service);
        }
        (first == b"{" && packed.starts_with(b"{\"") && RECORD_KEYS.iter().any(|key| has(key)))
            .then_some(Shape::Spread)
    }

    /// What to do with a value that begins below these levels.
    fn plan(self, levels: &[Level]) -> Plan {
        let keys = |path: &[&str]| {
            levels.len() == path.len()
                && levels.iter().zip(path).all(|(level, step)| {
                    if step.is_empty() { level.array } else { !level.array && level.key == step.as_bytes() }
                })
        };
        let entry = match self {
            Shape::Spread => keys(&[]),
            Shape::Service => [["httpLogs", "logEntry", ""], ["tcpLogs", "logEntry", ""]]
                .iter()
                .chain(&[["http_logs", "log_entry", ""], ["tcp_logs", "log_entry", ""]])
                .any(|path| keys(path)),
            Shape::OpenTelemetry if keys(&["resourceLogs", "", "resource"]) => return Plan::Labels,
            Shape::OpenTelemetry if keys(&["resourceLogs", "", "scopeLogs", "", "logRecords", ""]) => {
                return Plan::Pair;
            }
            Shape::OpenTelemetry => false,
            Shape::Array => keys(&[""]),
            Shape::Events => keys(&["events", ""]),
            Shape::LogEvents => keys(&["logEvents", ""]),
            Shape::Results => keys(&["results", "", ""]),
            Shape::Hits => keys(&["hits", "hits", ""]),
            Shape::Loki if keys(&["data", "result", "", "stream"]) => return Plan::Labels,
            Shape::Loki if keys(&["data", "result", "", "values", ""]) => return Plan::Pair,
            Shape::Loki => false,
        };
        if entry { Plan::Copy } else { Plan::Follow }
    }

    /// How many levels are left when what the labels are for ends.
    fn labelled_levels(self) -> usize {
        match self {
            Shape::Loki => 3,
            Shape::OpenTelemetry => 2,
            _ => LEVELS,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Not an entry: look inside.
    Follow,
    /// An entry, copied as it is.
    Copy,
    /// The labels of the entries that follow: Loki's, or OpenTelemetry's resource.
    Labels,
    /// An entry that needs its labels: Loki's `["time", "line"]`, OpenTelemetry's record.
    Pair,
}

#[derive(Debug, Default)]
struct Level {
    array: bool,
    /// In an object: the key whose value comes or has come, cut at [`KEY_BYTES`].
    key: Vec<u8>,
    /// In an object: the next string is a key.
    key_next: bool,
}

/// Enough to tell the keys of interest apart.
const KEY_BYTES: usize = 16;
/// Nesting outside the entries; no export has more than six.
const LEVELS: usize = 64;
/// Kept of one Loki entry: above the line limit of `frame`, so that a longer one is rejected there.
const PAIR_BYTES: usize = 2 << 20;
/// Kept of a stream's labels; longer ones are dropped whole.
const LABEL_BYTES: usize = 16 << 10;
/// Labels are written again with each entry: so many bytes of them, and so many more for each byte that was read. Records
/// of a few hundred bytes below labels of a few thousand stay far below.
const LABELS_FREE: u64 = 1 << 20;
const LABELS_EACH: u64 = 64;
/// Bytes read and made at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Inside which string the slicer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    No,
    Key,
    Value,
    /// A line between objects, passed on as it is.
    Line,
}

struct Slices<R> {
    reader: R,
    input: Vec<u8>,
    at: usize,
    len: usize,
    output: Vec<u8>,
    given: usize,
    shape: Option<Shape>,
    levels: Vec<Level>,
    text: Text,
    escaped: bool,
    plan: Plan,
    /// Open brackets inside the entry that is being copied.
    depth: usize,
    /// The entry is a bare number or word, which ends where something else begins.
    bare: bool,
    labels: Vec<u8>,
    pair: Vec<u8>,
    /// Bytes read before those of `input`.
    before: u64,
    /// Bytes of labels written.
    spent: u64,
    /// What follows the documents is no JSON: it is passed on as it is.
    plain: bool,
    /// Nothing more comes from the reader.
    ended: bool,
    /// Nothing more comes from here.
    finished: bool,
    error: Option<io::Error>,
}

impl<R: Read> Slices<R> {
    fn new(reader: R) -> Slices<R> {
        Slices {
            reader,
            input: vec![0; CHUNK_BYTES],
            at: 0,
            len: 0,
            output: Vec::new(),
            given: 0,
            shape: None,
            levels: Vec::new(),
            text: Text::No,
            escaped: false,
            plan: Plan::Follow,
            depth: 0,
            bare: false,
            labels: Vec::new(),
            pair: Vec::new(),
            before: 0,
            spent: 0,
            plain: false,
            ended: false,
            finished: false,
            error: None,
        }
    }

    /// Makes more output, if there is any to make.
    fn refill(&mut self) {
        self.output.clear();
        self.given = 0;
        if self.at >= self.len {
            self.read_more();
        }
        while self.at < self.len && self.output.len() < CHUNK_BYTES {
            if self.plain {
                self.output.extend_from_slice(&self.input[self.at..self.len]);
                self.at = self.len;
            } else if self.plan == Plan::Follow {
                self.follow();
            } else {
                self.copy();
            }
        }
    }

    /// Whether the labels can be repeated for one more entry. Tiny entries below large labels would be a bomb otherwise.
    fn affords_labels(&mut self) -> bool {
        let read = self.before + self.at as u64;
        let spent = self.spent + self.labels.len() as u64;
        let afforded = !self.labels.is_empty() && spent <= LABELS_FREE + read * LABELS_EACH;
        if afforded {
            self.spent = spent;
        }
        afforded
    }

    fn read_more(&mut self) {
        self.before += self.len as u64;
        self.at = 0;
        self.len = 0;
        // The shape is judged by the same number of bytes as the container was.
        let wanted = if self.shape.is_none() { super::walk::HEAD_BYTES } else { 1 };
        while self.len < wanted && !self.ended {
            match self.reader.read(&mut self.input[self.len..]) {
                Ok(0) => self.ended = true,
                Ok(got) => self.len += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.error = Some(error);
                }
            }
        }
        if self.shape.is_none() {
            self.shape = Shape::of(&self.input[..self.len.min(super::walk::HEAD_BYTES)]);
            self.plain = self.shape.is_none();
            if self.input.starts_with(BOM) {
                self.at = BOM.len().min(self.len);
            }
        }
        if self.ended && self.at >= self.len {
            self.finish();
        }
    }

    /// The reader is at its end: is the document?
    fn finish(&mut self) {
        self.finished = true;
        let whole = self.levels.is_empty() && self.plan == Plan::Follow && self.text == Text::No;
        if whole {
            return;
        }
        if self.plan == Plan::Copy {
            self.output.push(b'\n');
        }
        self.plan = Plan::Follow;
        self.levels.clear();
        self.text = Text::No;
        let said = "the JSON document ends before it is complete";
        self.error.get_or_insert_with(|| io::Error::new(io::ErrorKind::UnexpectedEof, said));
    }

    /// One step outside the entries.
    fn follow(&mut self) {
        let byte = self.input[self.at];
        if self.text == Text::Line {
            return self.pass_line();
        }
        if self.text != Text::No {
            self.at += 1;
            if self.text == Text::Key
                && (byte != b'"' || self.escaped)
                && let Some(level) = self.levels.last_mut().filter(|level| level.key.len() < KEY_BYTES)
            {
                level.key.push(byte);
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.text = Text::No,
                _ => {}
            }
            return;
        }
        let top = self.levels.last_mut();
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b',' | b':' => {
                if let Some(level) = top {
                    level.key_next = byte == b',' && !level.array;
                }
                self.at += 1;
            }
            b'}' | b']' => {
                self.levels.pop();
                if self.shape.is_some_and(|shape| shape.labelled_levels() == self.levels.len()) {
                    self.labels.clear();
                }
                self.at += 1;
            }
            b'"' if top.as_ref().is_some_and(|level| level.key_next) => {
                if let Some(level) = top {
                    level.key.clear();
                }
                self.text = Text::Key;
                self.at += 1;
            }
            _ if self.shape == Some(Shape::Spread) && byte != b'{' => self.pass_line(),
            _ if self.levels.is_empty() && !matches!(byte, b'{' | b'[') => self.plain = true,
            _ => self.begin_value(byte),
        }
    }

    /// Up to the end of a line that is no object's.
    fn pass_line(&mut self) {
        let rest = &self.input[self.at..self.len];
        let end = memchr::memchr(b'\n', rest);
        let len = end.map_or(rest.len(), |end| end + 1);
        self.output.extend_from_slice(&rest[..len]);
        self.at += len;
        self.text = if end.is_some() { Text::No } else { Text::Line };
    }

    fn begin_value(&mut self, byte: u8) {
        self.plan = self.shape.map_or(Plan::Follow, |shape| shape.plan(&self.levels));
        if self.plan != Plan::Follow {
            self.depth = 0;
            self.bare = !matches!(byte, b'{' | b'[' | b'"');
            self.pair.clear();
            // Whatever it is, it is not looked at again: each step takes a byte at least.
            if self.bare {
                self.keep(1);
            }
            return;
        }
        self.at += 1;
        match byte {
            b'{' | b'[' if self.levels.len() >= LEVELS => {
                self.error = Some(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the JSON document is nested too deeply",
                ));
                self.ended = true;
                self.at = self.len;
                self.levels.clear();
            }
            b'{' => self.levels.push(Level { key_next: true, ..Level::default() }),
            b'[' => self.levels.push(Level { array: true, ..Level::default() }),
            b'"' => self.text = Text::Value,
            _ => {}
        }
    }

    /// One step inside an entry: up to the next byte that matters.
    fn copy(&mut self) {
        let rest = &self.input[self.at..self.len];
        if self.text == Text::Value {
            let (mut len, mut closed) = string_run(rest, &mut self.escaped);
            // No string goes over the end of a line: one that seems to was written by a text format, which escapes
            // nothing, and holds a quote.
            if self.shape == Some(Shape::Spread)
                && let Some(end) = memchr::memchr(b'\n', &rest[..len])
            {
                (len, closed) = (end, true);
                self.escaped = false;
            }
            self.keep(len);
            if closed {
                self.text = Text::No;
                self.end_value_at(0);
            }
            return;
        }
        let ends = |b: &u8| matches!(b, b'"' | b'{' | b'}' | b'[' | b']' | b',') || b.is_ascii_whitespace();
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        if len > 0 {
            self.keep(len);
            return;
        }
        let byte = rest[0];
        match byte {
            _ if self.bare => self.finish_value(),
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'"' => {
                self.keep(1);
                self.text = Text::Value;
            }
            b'{' | b'[' => {
                self.keep(1);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.keep(1);
                self.depth = self.depth.saturating_sub(1);
                self.end_value_at(0);
            }
            _ => self.keep(1),
        }
    }

    /// Copies bytes of the entry. A line break inside a string is not JSON, and would make two lines of one.
    fn keep(&mut self, len: usize) {
        let bytes = &self.input[self.at..self.at + len];
        let (to, limit) = match self.plan {
            Plan::Copy | Plan::Follow => (&mut self.output, usize::MAX),
            Plan::Labels => (&mut self.pair, LABEL_BYTES + 1),
            Plan::Pair => (&mut self.pair, PAIR_BYTES),
        };
        let room = limit.saturating_sub(to.len()).min(len);
        let from = to.len();
        to.extend_from_slice(&bytes[..room]);
        for byte in &mut to[from..] {
            if *byte == b'\n' {
                *byte = b' ';
            }
        }
        self.at += len;
    }

    fn end_value_at(&mut self, depth: usize) {
        if self.depth == depth {
            self.finish_value();
        }
    }

    fn finish_value(&mut self) {
        match self.plan {
            Plan::Copy => self.output.push(b'\n'),
            Plan::Labels => {
                self.labels.clear();
                if self.pair.len() <= LABEL_BYTES {
                    self.labels.append(&mut self.pair);
                }
            }
            Plan::Pair => self.write_pair(),
            Plan::Follow => {}
        }
        self.plan = Plan::Follow;
    }

    /// OpenTelemetry's record gets its resource; `["1606339579512000000","LINE"]` becomes an object. Anything else is passed on as it is, to be counted.
    fn write_pair(&mut self) {
        let labels = if self.affords_labels() { &self.labels[..] } else { b"{}" };
        if self.shape == Some(Shape::OpenTelemetry) {
            let resource = labels;
            let parts: [&[u8]; 5] =
                [b"{\"scopeLogs\":[{\"resource\":", resource, b",\"logRecords\":[", &self.pair, b"]}]}\n"];
            parts.iter().for_each(|part| self.output.extend_from_slice(part));
            return;
        }
        let Some((time, line)) = split_pair(&self.pair) else {
            self.output.extend_from_slice(&self.pair);
            self.output.push(b'\n');
            return;
        };
        for part in [b"{\"labels\":", labels, b",\"line\":", line, b",\"timestamp\":", time, b"}\n"] {
            self.output.extend_from_slice(part);
        }
    }
}

/// How far a string goes in `rest`, its quote included; and whether it ends there.
fn string_run(rest: &[u8], escaped: &mut bool) -> (usize, bool) {
    let mut at = 0;
    while at < rest.len() {
        if std::mem::take(escaped) {
            at += 1;
            continue;
        }
        match memchr::memchr2(b'"', b'\\', &rest[at..]) {
            None => return (rest.len(), false),
            Some(found) if rest[at + found] == b'"' => return (at + found + 1, true),
            Some(found) => {
                *escaped = true;
                at += found + 1;
            }
        }
    }
    (rest.len(), false)
}

/// The first two strings of an array, quotes included. The entry's blanks outside strings are gone already.
fn split_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = pair.strip_prefix(b"[")?;
    let (time, rest) = leading_string(rest)?;
    let (line, rest) = leading_string(rest.strip_prefix(b",")?)?;
    matches!(rest.first(), Some(b',' | b']')).then_some((time, line))
}

fn leading_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    let (len, closed) = string_run(inside, &mut false);
    closed.then(|| text.split_at(len + 1))
}

impl<R: Read> Read for Slices<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.output.len() && !self.finished {
            self.refill();
        }
        let mut left = &self.output[self.given..];
        let got = left.read(out)?;
        self.given += got;
        match self.error.take() {
            Some(error) if got == 0 && !out.is_empty() => {
                self.output.clear();
                self.given = 0;
                Err(error)
            }
            kept => {
                self.error = kept;
                Ok(got)
            }
        }
    }
}
