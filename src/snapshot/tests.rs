use std::io::Write;

use proptest::prelude::*;

use super::file::{Body, fields, sealed};
use super::*;
use crate::format::Reader;
use crate::input::Input;
use crate::pipeline::{Options, snapshot, summarise_in_detail};
use crate::query::Filter;

/// A log of both sides of failing requests, of several kinds of lines.
fn log() -> Vec<u8> {
    let mut text = String::new();
    for n in 0..12 {
        let at = format!("2026-11-22T14:0{}:0{}.000Z", n % 3, n % 7);
        text += &format!(
            "[{at}] \"GET /a HTTP/1.1\" 503 UF,URX details{{x}} - \"reset\" 0 19 {n} - \"-\" \"ua\" \"id-{n}\" \"shop\" \"10.0.0.{n}:80\" \
             outbound|80||shop.prod.svc.cluster.local 10.1.0.1:{n} 10.9.0.1:80 10.1.0.2:9 sni route\n\
             [{at}] \"GET /b HTTP/1.1\" 200 - via_upstream - \"-\" 0 19 {n} 3 \"-\" \"ua\" \"id-{n}\" \"shop\" \"127.0.0.1:80\" \
             inbound|80|| 127.0.0.6:{n} 10.0.0.{n}:80 10.1.0.1:{n} - default\n\
             [{at}] \"GET /cut\n2026-11-22T14:00:00.000000Z\terror\tenvoy main\tassert failure: {n}\n"
        );
    }
    text.into_bytes()
}

fn whole() -> Snapshot {
    let input = Input::Bytes { name: "x.log".to_owned(), bytes: log() };
    let options = Options { threads: 1, ..Options::default() };
    snapshot(&[input], &Reader::new(), &Filter::default(), &[], &options, None).expect("one log").0
}

fn file(snapshot: &Snapshot, unpacked: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut packed = Body::default();
    packed.write_all(&zstd::bulk::compress(unpacked, 9).expect("memory")).expect("memory");
    sealed(snapshot, &packed, unpacked.len() as u64, &mut out).expect("memory");
    out
}

fn body(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    fields(snapshot, &mut |bytes| out.extend_from_slice(bytes));
    out
}

#[test]
fn what_was_written_is_read() {
    let whole = whole();
    let held = Held::Bytes { name: "x".to_owned(), bytes: file(&whole, &body(&whole)) };
    assert!(held.load().expect("a snapshot") == whole);
}

/// Its checksums fit, and what is wrong with it shows when nearly all of it has been read.
#[test]
fn what_is_refused_leaves_no_trace() {
    let (whole, asked) = (whole(), Asked { allow_overlap: true, ..Asked::default() });
    let held = |body: &[u8]| Held::Bytes { name: "x".to_owned(), bytes: file(&whole, body) };
    let body = body(&whole);
    let (sound, forged) = (|| held(&body), held(&body[..body.len() - 1]));
    let (merged, failures) = merge(None, &[sound(), forged, sound()], &asked).expect("they go together");
    assert!(failures[0].to_string().contains("it ends too early"), "{}", failures[0]);
    let (expected, none) = merge(None, &[sound(), sound()], &asked).expect("they go together");
    assert!(merged == expected && failures.len() == 1 && none.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Counts that were forged, with the right checksums: read or refused, and what was read does no harm.
    #[test]
    fn forged_counts_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let whole = whole();
        let mut forged = body(&whole);
        for (at, byte) in changes {
            let at = at.index(forged.len());
            forged[at] = byte;
        }
        let input = |bytes| Input::Bytes { name: "x.snap".to_owned(), bytes };
        let inputs = [input(file(&whole, &forged)), input(log())];
        let options = Options { threads: 1, allow_overlap: true, ..Options::default() };
        let (summary, detail, ..) =
            summarise_in_detail(&inputs, &Reader::new(), &Filter::default(), &options, None).expect("they go together");
        crate::incident::find_in_detail(&summary, &detail, false);
        summary.totals();
    }
}

/// Names of formats and containers are the program's own words, and no output escapes them: a forged snapshot brought a form
/// feed to the screen.
#[test]
fn a_forged_name_is_refused() {
    let whole = whole();
    let mut forged = body(&whole);
    let at = forged.windows(10).position(|name| name == b"istio-text").expect("the format");
    for byte in [b'\x0c', b'\x1b', b'<', b'"', b'|'] {
        forged[at + 5] = byte;
        let held = Held::Bytes { name: "x".to_owned(), bytes: file(&whole, &forged) };
        assert!(held.load().unwrap_err().to_string().contains("a name that no format has"), "{byte}");
    }
}

#[test]
fn a_bomb_is_refused() {
    let whole = whole();
    // Says that it is small, and is not.
    let bomb = file(&whole, &vec![0; 200 << 20]);
    let held = Held::Bytes { name: "x".to_owned(), bytes: bomb };
    assert!(held.load().unwrap_err().to_string().contains("larger than any snapshot"));
    // A table of very many small things.
    let mut many = vec![10, 1, 100];
    many.resize(60 << 20, 1);
    let held = Held::Bytes { name: "x".to_owned(), bytes: file(&whole, &many) };
    assert!(held.load().is_err());
}
