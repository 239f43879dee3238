//! Tables that consoles export (Kibana, CloudWatch Insights, Cloud Logging, Grafana, Datadog): one JSON object a row.
//!
//! The first line names the columns, and decides: it is a table of ours when one of them holds lines, or when columns
//! are fields of an access record. A row becomes `{"message":LINE,"kubernetes":{…}}`, or an object with all its columns;
//! both are read like a log shipper's. Cells may be quoted and hold anything, line breaks too.

use std::io::{self, Read};
use std::ops::ControlFlow;

use super::walk::{Container, Entry, Still, Walk};

/// A table of comma-, semicolon- or tab-separated values.
pub(super) struct Csv;

impl Container for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        Columns::of(head).is_some()
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        let mut reader = Still(Rows::new(entry.reader));
        walk.enter(Entry { reader: &mut reader, file: None, ..entry })
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";
/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// Kept of one row: above the line limit of `frame`, so that a longer one is rejected there.
const ROW_BYTES: usize = 2 << 20;
/// The longest name of a column.
const NAME_BYTES: usize = 80;
/// More columns than any console exports.
const COLUMNS: usize = 1000;

/// Names of columns that hold the line, best first; also below a holder (`_source.message`).
const MESSAGES: [&str; 13] = [
    "message",
    "log",
    "line",
    "@message",
    "textpayload",
    "_raw",
    "msg",
    "event",
    "body",
    "content",
    "logline",
    "log_line",
    "log message",
];
/// Columns that only a table of access records has.
const FIELDS: [&str; 5] =
    ["response_code", "response_flags", "responsecode", "responseflags", "response_flag"];

/// What the columns of a table are.
#[derive(Debug)]
struct Columns {
    names: Vec<String>,
    separator: u8,
    /// The column with the line; `None` when the columns are the fields.
    message: Option<usize>,
    /// Columns of pod, namespace and container.
    carrier: [Option<usize>; 3],
}

impl Columns {
    /// Reads the first line, newline and all.
    fn of(head: &[u8]) -> Option<Columns> {
        let head = head.strip_prefix(BOM).unwrap_or(head);
        let line = head[..memchr::memchr(b'\n', head)?].trim_ascii_end();
        // A name is a word or a few: this keeps lines of any log out before they are looked at closely.
        let plain = |b: &u8| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'_' | b'@' | b'.' | b'-' | b'/' | b' ' | b'(' | b')' | b'"')
        };
        let separator = line.iter().copied().find(|b| matches!(b, b',' | b';' | b'\t')).unwrap_or(b',');
        if !line.iter().all(|b| plain(b) || *b == separator) {
            return None;
        }
        let mut names = Vec::new();
        for cell in line.split(|b| *b == separator) {
            let cell = cell.trim_ascii();
            let name = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell);
            if name.len() > NAME_BYTES || name.contains(&b'"') || names.len() > COLUMNS {
                return None;
            }
            names.push(String::from_utf8_lossy(name).into_owned());
        }
        let place = |wanted: &[&str]| {
            wanted.iter().find_map(|known| names.iter().position(|name| last_part(name) == *known))
        };
        let fields = place(&FIELDS).is_some();
        let message = place(&MESSAGES).filter(|_| !fields);
        // One word alone in a line may be anything.
        let sure = names.len() > 1 || line.first() == Some(&b'"') || line.first() == Some(&b'@');
        if !sure || (message.is_none() && !fields) {
            return None;
        }
        let ends = |wanted: &[&str]| {
            names.iter().position(|name| {
                wanted.iter().any(|known| name == known || name.ends_with(&format!(".{known}")))
            })
        };
        let carrier = [
            ends(&["pod_name", "pod.name", "podName", "pod"]),
            ends(&["namespace_name", "pod_namespace", "namespace"]),
            ends(&["container_name", "container.name", "containerName", "container"]),
        ];
        Some(Columns { names, separator, message, carrier })
    }

    /// Writes a row as an object.
    fn write(&self, cells: &mut Vec<Vec<u8>>, out: &mut Vec<u8>) {
        // Where nothing is quoted, commas in the last cell look like more cells.
        while cells.len() > self.names.len() {
            let Some(more) = cells.pop() else { break };
            if let Some(last) = cells.last_mut() {
                last.push(self.separator);
                last.extend_from_slice(&more);
            }
        }
        let mut gap = b'{';
        let mut put = |out: &mut Vec<u8>, name: &str, value: &[u8]| {
            out.push(std::mem::replace(&mut gap, b','));
            quoted(name.as_bytes(), out);
            out.push(b':');
            quoted(value, out);
        };
        let cell = |at: usize| cells.get(at).filter(|cell| !cell.is_empty());
        match self.message {
            Some(at) => put(out, "message", cell(at).map_or(b"", |cell| &cell[..])),
            None => {
                for (at, name) in self.names.iter().enumerate() {
                    if let Some(value) = cell(at).filter(|_| !self.carrier.contains(&Some(at))) {
                        put(out, name, value);
                    }
                }
            }
        }
        let mut open: &[u8] = if gap == b'{' { b"{\"kubernetes\":{" } else { b",\"kubernetes\":{" };
        let names = ["pod_name", "namespace_name", "container_name"];
        for (name, value) in names.iter().zip(self.carrier).filter_map(|(name, at)| Some((name, cell(at?)?)))
        {
            out.extend_from_slice(std::mem::replace(&mut open, b","));
            quoted(name.as_bytes(), out);
            out.push(b':');
            quoted(value, out);
        }
        let tail: &[u8] = match (open, gap) {
            (b",", _) => b"}}\n",
            (_, b'{') => b"{}\n",
            _ => b"}\n",
        };
        out.extend_from_slice(tail);
    }
}

/// `_source.message` as `message`, in small letters.
fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase()
}

/// A string of JSON. Bytes that are not UTF-8 stay: the readers behind take them as they are.
fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=31 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Where in a cell the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Start,
    Bare,
    Quoted,
    /// Behind a quote inside a quoted cell: its end, or the first of two.
    Quote,
}

struct Rows<R> {
    reader: R,
    input: Vec<u8>,
    output: Vec<u8>,
    given: usize,
    columns: Option<Columns>,
    /// The first line, as long as it is not complete.
    head: Vec<u8>,
    cells: Vec<Vec<u8>>,
    cell: Vec<u8>,
    at: Cell,
    /// Bytes of the row so far.
    kept: usize,
    ended: bool,
    /// It ended inside a quoted cell, and that is still to be told.
    cut: bool,
}

impl<R: Read> Rows<R> {
    fn new(reader: R) -> Rows<R> {
        Rows {
            reader,
            input: vec![0; CHUNK_BYTES],
            output: Vec::new(),
            given: 0,
            columns: None,
            head: Vec::new(),
            cells: Vec::new(),
            cell: Vec::new(),
            at: Cell::Start,
            kept: 0,
            ended: false,
            cut: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.columns.is_none() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            self.head.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            self.columns = Columns::of(&self.head);
        }
        let separator = self.columns.as_ref().map_or(b',', |columns| columns.separator);
        for &byte in rest {
            self.byte(byte, separator);
        }
    }

    fn byte(&mut self, byte: u8, separator: u8) {
        self.at = match (self.at, byte) {
            (Cell::Quoted, b'"') => Cell::Quote,
            (Cell::Quoted, _) => self.keep(byte, Cell::Quoted),
            (Cell::Quote, b'"') => self.keep(byte, Cell::Quoted),
            (Cell::Start, b'"') => Cell::Quoted,
            (_, b'\n') => {
                self.end_row();
                Cell::Start
            }
            (_, byte) if byte == separator => {
                self.end_cell();
                Cell::Start
            }
            (_, byte) => self.keep(byte, Cell::Bare),
        };
    }

    fn keep(&mut self, byte: u8, at: Cell) -> Cell {
        if self.kept < ROW_BYTES {
            self.kept += 1;
            self.cell.push(byte);
        }
        at
    }

    fn end_cell(&mut self) {
        if self.cells.len() <= COLUMNS {
            self.cells.push(std::mem::take(&mut self.cell));
        }
    }

    fn end_row(&mut self) {
        if self.cell.last() == Some(&b'\r') {
            self.cell.pop();
        }
        self.end_cell();
        self.kept = 0;
        let empty = self.cells.iter().all(Vec::is_empty);
        match &self.columns {
            Some(columns) if !empty => columns.write(&mut self.cells, &mut self.output),
            _ => self.output.push(b'\n'),
        }
        self.cells.clear();
    }

    fn refill(&mut self) -> io::Result<()> {
        self.output.clear();
        self.given = 0;
        let mut input = std::mem::take(&mut self.input);
        let got = self.reader.read(&mut input);
        if let Ok(got) = got {
            self.take(&input[..got]);
        }
        self.input = input;
        if got? == 0 {
            self.ended = true;
            // Rows behind a quote that nobody closed were taken for one cell, and cut at the limit.
            self.cut = self.at == Cell::Quoted;
            if !self.cell.is_empty() || !self.cells.is_empty() {
                self.end_row();
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Rows<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.output.len() && !self.ended {
            match self.refill() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => other?,
            }
        }
        let mut left = &self.output[self.given..];
        let got = left.read(out)?;
        self.given += got;
        if got == 0 && !out.is_empty() && std::mem::take(&mut self.cut) {
            let said = "the table ends inside a quoted cell";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, said));
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &str) -> String {
        let mut out = String::new();
        Rows::new(table.as_bytes()).read_to_string(&mut out).expect("memory");
        out
    }

    #[test]
    fn rows_become_objects() {
        assert_eq!(
            rows(
                "\u{feff}\"@timestamp\",message,kubernetes.pod.name\r\n\"Jan 2, 2026\",\"a \"\"b\"\", c\nd\",web-1\r\n"
            ),
            "{\"message\":\"a \\\"b\\\", c\\nd\",\"kubernetes\":{\"pod_name\":\"web-1\"}}\n"
        );
        assert_eq!(rows("ts,Line\n1,a, b,c\n2,\n"), "{\"message\":\"a, b,c\"}\n{\"message\":\"\"}\n");
        assert_eq!(
            rows("response_code;pod;path\n503;web-1;/a\n;;\n"),
            "{\"response_code\":\"503\",\"path\":\"/a\",\"kubernetes\":{\"pod_name\":\"web-1\"}}\n\n"
        );
        assert_eq!(rows("response_code,pod\n,web-1"), "{\"kubernetes\":{\"pod_name\":\"web-1\"}}\n");
    }

    #[test]
    fn only_a_line_of_names_is_a_head() {
        for head in
            ["@message\n", "\"message\"\n", "Date,Host,Service,Content\n", "a,_source.log\n", "tsNs\tLine\n"]
        {
            assert!(Columns::of(head.as_bytes()).is_some(), "{head}");
        }
        for head in [
            "message\n",
            "message,ts",
            "a,b,c\n",
            "hello, message\u{e9}\n",
            "{\"message\":1}\n",
            "[2026-01-02T03:04:05.678Z] \"GET / HTTP/1.1\" 200 -\n",
            "level=info, message\n",
            "\n",
            "",
        ] {
            assert!(Columns::of(head.as_bytes()).is_none(), "{head}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_bounded() {
        let table = format!("a,message\n1,\"{}", "x\n".repeat(ROW_BYTES));
        let (mut reader, mut out) = (Rows::new(table.as_bytes()), Vec::new());
        let error = reader.read_to_end(&mut out).expect_err("no quote closes it");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let out = String::from_utf8(out).expect("text");
        assert!(out.len() > ROW_BYTES && out.len() < 4 * ROW_BYTES);
        assert_eq!(out.lines().count(), 1);
    }
}
