//! ztunnel's access lines (ambient mesh): one for each side of a connection, written when it ends.
//!
//! Text is `TIME LEVEL access MESSAGE key=value …`, parted by TABs (or by blanks, where something replaced them; the
//! first builds wrote `TIME  LEVEL access: MESSAGE`). Values are bare or Rust's debug strings. The JSON form has the
//! same keys. There is no status and no flag: `error` is the only word on what went wrong, and stands for details.

use super::proxy::Head;
use crate::record::object::{Object, Shape, Step, string_end};
use crate::record::{Field, Kind, Layout};

/// Bytes are logged as the source counts them, on both sides: sent is what went from source to destination.
fn field(key: &[u8]) -> Option<Field> {
    Some(match key {
        b"src.addr" => Field::DownstreamRemote,
        b"src.workload" => Field::SourceWorkload,
        b"src.namespace" => Field::SourceNamespace,
        b"dst.addr" => Field::UpstreamHost,
        b"dst.service" => Field::Authority,
        // `Record::direction` looks here.
        b"direction" => Field::RouteName,
        b"bytes_sent" => Field::BytesSent,
        b"bytes_recv" => Field::BytesReceived,
        b"duration" => Field::Duration,
        b"error" => Field::Details,
        _ => return None,
    })
}

/// A connection that was opened is no record: its end will be.
fn ended(message: &[u8]) -> bool {
    message.starts_with(b"connection complete") || message.starts_with(b"connection failed")
}

/// True when the line is a ztunnel access line; the layout is filled.
pub(super) fn read(line: &[u8], layout: &mut Layout) -> bool {
    if !line.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let Some(head) = Head::parse(line) else { return false };
    let at = head.rest;
    let Some(behind) = line[at..].strip_prefix(b"access") else { return false };
    let behind = behind.strip_prefix(b":").unwrap_or(behind);
    let message = behind.trim_ascii_start();
    if message.len() == behind.len() || !ended(message) {
        return false;
    }
    layout.reset("ztunnel");
    layout.kind = Kind::Ztunnel;
    let level = line[head.time.end..at].trim_ascii();
    layout.set(Field::StartTime, head.time);
    let sound = pairs(line, line.len() - message.len(), layout);
    // A line ends with its duration, or with the error that its level announces.
    let last = if level.eq_ignore_ascii_case(b"info") { Field::Duration } else { Field::Details };
    layout.complete = sound && layout.range(last).is_some();
    layout.range(Field::DownstreamRemote).is_some() || layout.range(Field::UpstreamHost).is_some()
}

/// Reads `key=value` pairs; words without `=` are the message. False when the line ends inside a quoted value.
fn pairs(line: &[u8], mut at: usize, layout: &mut Layout) -> bool {
    while at < line.len() {
        if line[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let stop =
            line[at..].iter().position(|b| matches!(b, b' ' | b'\t' | b'=')).map_or(line.len(), |i| at + i);
        if line.get(stop) != Some(&b'=') {
            at = stop;
            continue;
        }
        let known = field(&line[at..stop]);
        let start = stop + 1;
        if line.get(start) == Some(&b'"') {
            let Some((end, escaped)) = string_end(line, start + 1) else { return false };
            set(layout, known, line, start + 1..end, escaped);
            at = end + 1;
        } else {
            // An unquoted error is the last value and holds blanks.
            let end = match known {
                Some(Field::Details) => line.len(),
                _ => line[start..].iter().position(u8::is_ascii_whitespace).map_or(line.len(), |i| start + i),
            };
            // No bare value but these is the last of a whole line.
            if end == line.len() && (start == end || !matches!(known, Some(Field::Details | Field::Duration)))
            {
                return false;
            }
            set(layout, known, line, start..end, false);
            at = end;
        }
    }
    true
}

fn set(layout: &mut Layout, field: Option<Field>, line: &[u8], range: std::ops::Range<usize>, escaped: bool) {
    let Some(field) = field else { return };
    let range = match field {
        // Whole milliseconds, always: the number is what is in front of the unit.
        Field::Duration => range.start..range.start + line[range].strip_suffix(b"ms").map_or(0, <[u8]>::len),
        _ => range,
    };
    if range.is_empty() && field == Field::Duration {
        return;
    }
    if escaped { layout.set_escaped(field, range) } else { layout.set(field, range) }
}

/// Reads the JSON form. The caller has seen that the scope is `access`.
pub(super) fn read_json(line: &[u8], layout: &mut Layout) -> bool {
    let Some(mut object) = Object::open(line) else { return false };
    layout.reset("ztunnel");
    layout.kind = Kind::Ztunnel;
    let mut is_end = false;
    loop {
        let member = match object.step() {
            Step::Member(member) => member,
            Step::End => break,
            Step::Cut | Step::Broken(_) => {
                layout.complete = false;
                break;
            }
        };
        let escaped = match member.shape {
            Shape::Text(escaped) => escaped,
            Shape::Number => false,
            _ => continue,
        };
        match &line[member.key.clone()] {
            b"time" => layout.set(Field::StartTime, member.value),
            b"message" => is_end = ended(&line[member.value]),
            key => set(layout, field(key), line, member.value, escaped),
        }
    }
    let found = is_end
        && (layout.range(Field::DownstreamRemote).is_some() || layout.range(Field::UpstreamHost).is_some());
    if !found {
        layout.reset("");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::Direction;
    use crate::record::Record;

    const TAIL: &str = "src.addr=10.1.0.4:41022 src.workload=\"web-6d\" src.namespace=\"shop\" dst.addr=10.1.0.9:15008 \
        dst.hbone_addr=10.1.0.9:8080 dst.service=\"cart.shop.svc.cluster.local\" direction=\"outbound\" \
        bytes_sent=84 bytes_recv=169 duration=\"12ms\" error=\"connection failed: \\\"odd\\\" (os error 111)\"";

    fn check(line: &str) {
        let mut layout = Layout::default();
        let json = line.starts_with('{');
        let got =
            if json { read_json(line.as_bytes(), &mut layout) } else { read(line.as_bytes(), &mut layout) };
        assert!(got, "{line}");
        let record = Record::new(line.as_bytes(), &layout, Default::default());
        let text = |field| String::from_utf8(record.text(field).unwrap_or_default().into_owned()).unwrap();
        assert_eq!(text(Field::DownstreamRemote), "10.1.0.4:41022");
        assert_eq!(text(Field::UpstreamHost), "10.1.0.9:15008");
        assert_eq!(text(Field::Authority), "cart.shop.svc.cluster.local");
        assert_eq!(text(Field::SourceNamespace), "shop");
        assert_eq!(text(Field::Details), "connection failed: \"odd\" (os error 111)");
        assert_eq!(text(Field::StartTime), "2024-08-16T21:32:08.510001Z");
        assert_eq!(record.duration_ms(), Some(12));
        assert_eq!(record.number(Field::BytesReceived), Some(169));
        assert_eq!(record.direction(), Some(Direction::Outbound));
        assert_eq!((record.kind(), record.format(), record.complete()), (Kind::Ztunnel, "ztunnel", true));
    }

    #[test]
    fn all_forms_give_the_same_record() {
        check(&format!("2024-08-16T21:32:08.510001Z\terror\taccess\tconnection complete\t{TAIL}"));
        check(&format!("2024-08-16T21:32:08.510001Z error   access  connection complete {TAIL}"));
        check(&format!(
            "2024-08-16T21:32:08.510001Z  WARN access: connection failed {}",
            TAIL.replace("shop\" dst", "shop\"  dst")
        ));
        check(
            r#"{"level":"error","time":"2024-08-16T21:32:08.510001Z","scope":"access","message":"connection complete","src.addr":"10.1.0.4:41022","src.namespace":"shop","dst.addr":"10.1.0.9:15008","dst.service":"cart.shop.svc.cluster.local","direction":"outbound","bytes_sent":84,"bytes_recv":169,"duration":"12ms","error":"connection failed: \"odd\" (os error 111)"}"#,
        );
    }

    #[test]
    fn other_targets_and_opened_connections_are_not_records() {
        let mut layout = Layout::default();
        for line in [
            format!("2024-08-16T21:32:08.510001Z\tdebug\taccess\tconnection opened\t{TAIL}"),
            "2024-08-16T21:32:08.510001Z\tinfo\txds::client:xds{id=1}\treceived response".to_owned(),
            "2024-08-16T21:32:08.510001Z\tinfo\taccess\tconnection complete".to_owned(),
        ] {
            assert!(!read(line.as_bytes(), &mut layout), "{line}");
        }
    }

    #[test]
    fn a_cut_line_is_a_record_with_what_was_whole() {
        let line = format!("2024-08-16T21:32:08.510001Z\terror\taccess\tconnection complete\t{TAIL}");
        let cut = &line.as_bytes()[..line.len() - 20];
        let mut layout = Layout::default();
        assert!(read(cut, &mut layout));
        assert!(!layout.complete);
        assert_eq!(layout.range(Field::Details), None);
        assert!(layout.range(Field::Duration).is_some());
        for (end, found) in
            [("src.addr=10.1.0", false), ("dst.addr=10.1", true), (" error=", true), ("=84", true)]
        {
            let cut = &line[..line.find(end).unwrap() + end.len()];
            assert_eq!((read(cut.as_bytes(), &mut layout), layout.complete), (found, false), "{cut}");
            assert_eq!(layout.range(Field::UpstreamHost).is_some(), end.starts_with([' ', '=']), "{cut}");
        }
    }
}
