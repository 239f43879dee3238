//! A glance says what the reading says, to whoever has read the same telling bytes before.

use proptest::prelude::*;

use super::super::tests::{REAL, agree, edited, edits, fields, mutated_line, printed};
use super::super::{KNOWN, TextFormats};
use super::*;
use crate::record::{Carrier, Record};

/// A glance at a line that was read says what the record says.
pub(in super::super) fn glance_agrees(line: &[u8], glance: &Glance<'_>, layout: Option<&Layout>) {
    let Some(layout) = layout else { return };
    let record = Record::new(line, layout, Carrier::default());
    let identity = record.identity().expect("what can be glanced at has telling bytes");
    assert_eq!(identity.parts(), glance.identity().parts());
    assert_eq!(glance.kind, record.kind());
    assert_eq!(glance.time, record.bytes(Field::StartTime));
    let numbers = [Field::BytesReceived, Field::BytesSent, Field::Duration].map(|field| record.number(field));
    assert_eq!(
        numbers,
        [glance.received(), glance.sent(), glance.check().expect("it is in order")].map(Some)
    );
    assert_eq!(glance.has_local_address(), !record.bytes(Field::UpstreamLocal).is_empty());
    let logged = |field| record.logged(field).map_or(&b""[..], |raw| raw.bytes);
    assert_eq!(glance.path(), logged(Field::Path));
    assert_eq!(glance.remote(), logged(Field::DownstreamRemote));
    assert_eq!(glance.service_time(), logged(Field::ServiceTime));
}

/// Whoever has read one line with these telling bytes may count on a glance at another one.
fn glance_can_be_trusted(read: &[u8], seen: &[u8]) -> bool {
    let formats = TextFormats::default();
    let (mut layout, mut columns) = (Layout::default(), Columns::default());
    if columns.find(seen) != Some(seen.len()) || !matches!(formats.read(read, &mut layout), Some(Ok(()))) {
        return false;
    }
    let record = Record::new(read, &layout, Carrier::default());
    let (Some(known), Some(glance)) = (record.identity(), formats.glance(seen, &columns, &mut 0)) else {
        return false;
    };
    if glance.format != layout.format
        || glance.identity().parts() != known.parts()
        || glance.check().is_none()
        || !glance.has_usual_time()
    {
        return false;
    }
    let mut exact = Layout::default();
    assert_eq!(formats.read(seen, &mut exact), Some(Ok(())), "{}", String::from_utf8_lossy(seen));
    assert_eq!(exact.format, glance.format);
    glance_agrees(seen, &glance, Some(&exact));
    let (mut quick, mut lately) = (Layout::default(), 0);
    assert!(formats.glance(seen, &columns, &mut lately).is_some());
    assert!(formats.read_known(seen, &columns, lately, &mut quick));
    assert_eq!(quick, exact, "{}", String::from_utf8_lossy(seen));
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_glance_can_be_trusted(line in mutated_line(), edits in edits()) {
        glance_can_be_trusted(&line, &edited(line.clone(), &edits));
    }

    #[test]
    fn numbers_are_read_alike(text in "[0-9]{1,9}|[0-9\"/:. -]{0,10}|\\PC{0,6}") {
        let line = [b"0123 5678 ", text.as_bytes()].concat();
        let careful = (value::is_count(text.as_bytes()) && text.len() <= 8).then(|| text.parse().unwrap());
        prop_assert_eq!(value::short_number(&line, 10, line.len()), careful);
    }

    #[test]
    fn requests_are_cut_alike(text in "[A-Z]{0,9}[ !-]{0,2}[a-z/ !]{0,20} ?[A-Z/12.]{0,9}", before in "[ -~]{9}") {
        let line = [before.as_bytes(), text.as_bytes(), b"\" 200 - -"].concat();
        let at = |position: Option<usize>| position.map(|at| at + 9);
        let (first, last) = (at(text.find(' ')), at(text.rfind(' ')));
        let end = 9 + text.len();
        if let Some((f, l)) = request(&line, 9, end) {
            prop_assert_eq!((Some(f), Some(l)), (first, last));
            prop_assert!(f > 9 && l > f + 1 && l + 1 < end && line[f + 1] != b' ');
        }
    }
}

/// So that a glance finds the format that a reading would.
#[test]
fn no_two_formats_have_the_same_columns() {
    let mut measures: Vec<_> =
        KNOWN.iter().filter_map(|known| known.ordinary.as_ref()).map(Ordinary::measures).collect();
    assert!(measures.len() >= 9, "the columns lost their formats: {measures:?}");
    let all = measures.len();
    measures.sort_unstable();
    measures.dedup();
    assert_eq!(measures.len(), all);
}

#[test]
fn a_glance_is_enough_for_the_ordinary_line() {
    for known in KNOWN.iter().filter(|known| known.ordinary.is_some()) {
        for tcp in [false, true] {
            // Blanks outside quotes, in a termination or a route's name, are not for a glance.
            let line = printed(&known.template, tcp).replace("transport socket timeout was reached", "-");
            let line = line.strip_suffix(" a b, c").map_or(line.clone(), |head| format!("{head} default"));
            assert!(glance_can_be_trusted(line.as_bytes(), line.as_bytes()), "{line}");
        }
    }
    let line = REAL[0];
    let other = line.replace(":15.878Z", ":16.000Z").replace("/ok", "/b?c=1 2").replace(" 2 2 ", " 10 - ");
    let other = other.replace("curl", "we get").replace("35202", "1").replace("35329", "2");
    assert!(other != line && glance_can_be_trusted(line.as_bytes(), other.as_bytes()));
    for (from, to) in [
        ("checkout", "payments"),
        ("200", "503"),
        ("\"curl", "\" curl"),
        ("\"curl", "\"\" \"curl"),
        ("/ok", " /ok"),
        (" 16 ", " 1x "),
        (" 16 ", " "),
        ("default", "default\t"),
        ("11-22T", "11-22t"),
        ("- default", "a default"),
    ] {
        let other = line.replacen(from, to, 1);
        assert!(other != line && !glance_can_be_trusted(line.as_bytes(), other.as_bytes()), "{from} {to}");
    }
}

/// Blanks behind the last value are no part of it, whoever reads the line.
#[test]
fn what_stands_behind_the_route_is_not_its_name() {
    let line = format!("{}\t", REAL[0]);
    assert_eq!(fields(&line)(Field::RouteName), "default");
    agree(line.as_bytes());
    // Nothing but missing values is a connection, empty ones included.
    let line = REAL[0].replace("OPTIONS /ok HTTP/1.1", "- - ");
    agree(line.as_bytes());
}
