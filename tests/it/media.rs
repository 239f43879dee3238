//! What each medium takes for more than text, and that a written output holds none of it. The lists are of their own, so
//! that they can disagree with the program's. Known to the fuzzers, too. No tests here.

use std::collections::BTreeSet;

/// Nothing in a text steers a terminal, reorders what is read, or is not seen at all.
#[track_caller]
pub(crate) fn shows_all(text: &str, what: &str) {
    let steers = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(*c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
    };
    if let Some(c) = text.chars().find(steers) {
        panic!("{what} holds {c:?}: {}", text.escape_debug());
    }
}

/// One document.
#[track_caller]
pub(crate) fn json(what: &str, text: &str) {
    drop(serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|e| panic!("{what}: {e}: {text}")));
}

/// A document in each line.
#[track_caller]
pub(crate) fn ndjson(what: &str, text: &str) {
    text.lines().for_each(|line| json(what, line));
}

/// The cells of one line of comma-separated values.
#[track_caller]
pub(crate) fn cells(what: &str, line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Two of them inside quotes are one.
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    assert!(!quoted, "{what}: a record is one line: {line}");
    cells.push(cell);
    cells
}

/// A spreadsheet runs none of it.
#[track_caller]
pub(crate) fn runs_nothing(what: &str, cell: &str) {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    assert!(!runs, "{what}: {cell}");
}

/// Tables that a spreadsheet opens, one under the other: a formula in no cell.
#[track_caller]
pub(crate) fn tables(what: &str, text: &str) {
    text.lines().flat_map(|line| cells(what, line)).for_each(|cell| runs_nothing(what, &cell));
}

/// One table: as many cells in every row, and none of them is run.
#[track_caller]
pub(crate) fn csv(what: &str, text: &str) {
    let columns = text.lines().next().expect("a head").split(',').count();
    for line in text.lines() {
        assert_eq!(cells(what, line).len(), columns, "{what}: {line}");
    }
    tables(what, text);
}

/// Every line is a comment or a series: a name, labels between quotes, a number. Gives what stands outside quotes.
#[track_caller]
pub(crate) fn series(what: &str, text: &str) -> String {
    let mut outside = String::new();
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (series, number) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{what}: {line}"));
        assert!(number.parse::<f64>().is_ok() && series.starts_with("meshwhy_"), "{what}: {line}");
        let (mut quoted, mut escaped) = (false, false);
        for c in series.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                c if !quoted => outside.push(c),
                _ => {}
            }
        }
        assert!(!quoted, "{what}: {line}");
        outside.push('\n');
    }
    outside
}

/// Every tag of a page with the names of its attributes. Panics on what is no tag.
#[track_caller]
pub(crate) fn tags(what: &str, page: &str) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let (mut shape, mut quote, mut end) = (String::new(), None, None);
        for (at, c) in rest.char_indices() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '>') => {
                    end = Some(at);
                    break;
                }
                (None, c) => shape.push(c),
            }
        }
        let end = end
            .unwrap_or_else(|| panic!("{what}: an open tag: {}", rest.chars().take(200).collect::<String>()));
        rest = &rest[end + 1..];
        // The page's own style and script are no markup inside.
        if let name @ ("style" | "script") = shape.as_str() {
            let (_, behind) = rest.split_once(&format!("</{name}>")).expect("an end");
            rest = behind;
        }
        tags.insert(shape);
    }
    tags
}

/// Elements that our pages are made of, with no way to load or run anything; style and script are the page's own, once.
const ELEMENTS: &[&str] = &[
    "!DOCTYPE",
    "body",
    "circle",
    "button",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "g",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "html",
    "li",
    "line",
    "main",
    "meta",
    "ol",
    "p",
    "path",
    "polyline",
    "pre",
    "rect",
    "script",
    "section",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// Their attributes: none of them names an address or holds code.
const ATTRIBUTES: &[&str] = &[
    "aria-hidden",
    "aria-label",
    "charset",
    "class",
    "colspan",
    "content",
    "cx",
    "cy",
    "d",
    "data-buckets",
    "data-start",
    "data-width",
    "height",
    "html",
    "http-equiv",
    "id",
    "lang",
    "name",
    "open",
    "points",
    "preserveAspectRatio",
    "r",
    "role",
    "rowspan",
    "rx",
    "ry",
    "scope",
    "text-anchor",
    "transform",
    "type",
    "viewBox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
];

/// A page of ours: only such elements and attributes, one script, and a policy that admits nothing else.
#[track_caller]
pub(crate) fn html(what: &str, page: &str) {
    for shape in tags(what, page) {
        let mut words = shape.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/');
        let element = words.next().unwrap_or_default();
        assert!(ELEMENTS.contains(&element), "{what}: <{shape}>");
        for name in words.filter(|word| !word.is_empty()) {
            assert!(ATTRIBUTES.contains(&name.trim_end_matches('=')), "{what}: <{shape}>");
        }
    }
    assert_eq!(page.matches("<script").count(), 1, "{what}");
    let (_, policy) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").expect("a policy");
    let policy = policy.split('"').next().unwrap_or_default();
    let strict = policy.contains("default-src 'none'")
        && !policy.contains("unsafe-inline")
        && !policy.contains("http");
    assert!(strict, "{what}: {policy}");
}
