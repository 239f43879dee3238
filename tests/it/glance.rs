//! Counting lines at a glance gives what reading every one of them gives, and so does writing them.

use meshwhy::aggregate::{Caps, Glimpse, Summary, Tally};
use meshwhy::emit::{FORMS, Form, Lines, Origin, Sheet};
use meshwhy::format::{Glance, Reader};
use meshwhy::input::Input;
use meshwhy::pipeline::{Fold, Options, Place, Seen, rewrite, run};
use meshwhy::query::Filter;
use proptest::prelude::*;

use crate::samples::samples;

/// Counts everything, and glances at lines or does not.
struct Counting<const GLANCES: bool> {
    tally: Tally,
    glanced: u64,
}

impl<const GLANCES: bool> Fold for Counting<GLANCES> {
    const NUMBERED: bool = false;

    fn glances(&self) -> bool {
        GLANCES
    }

    fn glance(&mut self, glance: &Glance<'_>, _place: Option<&Place<'_>>) -> Glimpse {
        let glimpse = self.tally.glance(glance);
        self.glanced += u64::from(glimpse == Glimpse::Counted);
        glimpse
    }

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let Place { source, line, offset, raw, .. } = *place;
        match seen {
            Seen::Record(record) => {
                self.tally.record(record, source, line, offset, raw);
            }
            Seen::Proxy(proxy) => self.tally.proxy(proxy, source, line, offset, raw),
            Seen::Other => self.tally.other(),
            Seen::Reject(reject) => self.tally.reject(*reject, source, line, offset, raw),
        }
    }
}

/// What was counted, and how many lines at a glance.
fn counted<const GLANCES: bool>(log: &[u8], block_bytes: usize, threads: usize) -> (Summary, u64) {
    let input = Input::Bytes { name: "log".to_owned(), bytes: log.to_vec() };
    let options = Options { block_bytes, threads, ..Options::default() };
    let (mut whole, mut glanced) = (Summary::default(), 0);
    run(
        &[input],
        &Reader::new(),
        || Counting::<GLANCES> { tally: Tally::default(), glanced: 0 },
        &options,
        None,
        |part| {
            let mut later = part.fold.tally.finish();
            later.shift_lines(part.first_line);
            whole.merge(later, &Caps::default());
            glanced += part.fold.glanced;
            Ok(())
        },
    )
    .expect("reading from memory");
    (whole, glanced)
}

/// Writes each record by itself.
struct Writing(Lines);

impl Fold for Writing {
    const NUMBERED: bool = true;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let Place { source, name, line, offset, raw, .. } = *place;
        if let Seen::Record(record) = seen {
            self.0.add(record, &Origin { source: name, source_number: source, line, offset, raw });
        }
    }
}

/// What is written for a log in this form, each record by itself.
fn written(log: &[u8], form: Form) -> Vec<u8> {
    let input = Input::Bytes { name: "log".to_owned(), bytes: log.to_vec() };
    let mut out = form.head();
    let make = || Writing(Lines::new(form, Vec::new()));
    run(&[input], &Reader::new(), make, &Options { threads: 1, ..Options::default() }, None, |part| {
        out.extend_from_slice(part.fold.0.text());
        Ok(())
    })
    .expect("reading from memory");
    out
}

/// Rows that are copied but for what changes are those that are written as a whole.
fn check_rows(what: &str, log: &[u8], block_bytes: usize, threads: usize) {
    let options = Options { block_bytes, threads, ..Options::default() };
    for form in FORMS {
        let input = Input::Bytes { name: "log".to_owned(), bytes: log.to_vec() };
        let mut out = Vec::new();
        rewrite(&[input], &Reader::new(), &Filter::default(), form, &options, None, &mut out)
            .expect("reading from memory");
        let (copied, whole) = (out.split(|&b| b == b'\n'), written(log, form));
        for (n, (row, other)) in copied.zip(whole.split(|&b| b == b'\n')).enumerate() {
            let (row, other) = (String::from_utf8_lossy(row), String::from_utf8_lossy(other));
            assert_eq!(row, other, "{what}, {form:?}, row {n}, blocks of {block_bytes}, {threads} threads");
        }
        assert!(out == whole, "{what}, {form:?}: more rows, or fewer");
    }
}

fn check(what: &str, log: &[u8], block_bytes: usize, threads: usize) -> u64 {
    check_rows(what, log, block_bytes, threads);
    let (read, none) = counted::<false>(log, 1 << 20, 1);
    let (glanced, at_a_glance) = counted::<true>(log, block_bytes, threads);
    assert_eq!(none, 0);
    assert!(read == glanced, "{what}, blocks of {block_bytes}, {threads} threads");
    at_a_glance
}

#[test]
fn every_sample_is_counted_alike() {
    let mut at_a_glance = 0;
    for sample in samples() {
        // Twice: the second time every row is known.
        let twice = [&sample.plain[..], b"\n", &sample.plain].concat();
        at_a_glance += check(&sample.name, &twice, 1 << 20, 1);
        check(&sample.name, &twice, 5_000, 2);
    }
    assert!(at_a_glance > 1_000, "hardly a line was counted at a glance: {at_a_glance}");
}

/// Lines of every layout that has a sample, a dozen of each.
fn stock() -> Vec<Vec<u8>> {
    let lines = |plain: &[u8]| {
        plain
            .split(|&b| b == b'\n')
            .filter(|line| !line.is_empty())
            .step_by(7)
            .take(12)
            .map(<[u8]>::to_vec)
            .collect()
    };
    samples().iter().flat_map(|sample| -> Vec<Vec<u8>> { lines(&sample.plain) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each line stands in the log several times, with other bytes here and there: so rows are known, and what looks like
    /// one of them is mostly something else.
    #[test]
    fn edited_logs_are_counted_alike(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..3, prop_oneof![2 => Just(b'"'), 2 => Just(b' '), 1 => Just(b'-'), 1 => Just(b'0'), 1 => Just(b'\r'), 1 => Just(b','), 1 => Just(b'='), 1 => Just(b'\\'), 2 => any::<u8>()]), 0..40),
        block_bytes in 200usize..20_000,
    ) {
        thread_local!(static STOCK: Vec<Vec<u8>> = stock());
        let mut lines: Vec<Vec<u8>> = STOCK.with(|stock| {
            picks.iter().map(|pick| pick.get(stock).clone()).collect()
        });
        lines = [lines.clone(), lines.clone(), lines.clone(), lines].concat();
        for (line, at, kind, byte) in &edits {
            let chosen = line.index(lines.len());
            let line = &mut lines[chosen];
            let at = at.index(line.len().max(1));
            match kind {
                0 => line.insert(at.min(line.len()), *byte),
                1 if at < line.len() => drop(line.remove(at)),
                _ => if let Some(old) = line.get_mut(at) { *old = *byte },
            }
        }
        let log = lines.join(&b'\n');
        check("edited", &log, block_bytes, 1);
        check("edited, with other line ends", &lines.join(&b"\r\n"[..]), block_bytes, 2);
    }
}

/// Known rows, well answered and failing, with times of which each byte in turn is another.
#[test]
fn a_time_in_another_form_is_read_with_care() {
    let line = |time: &str, what: &str| {
        format!(
            "[{time}] \"GET / HTTP/1.1\" {what} - \"-\" 0 9 1 - \"-\" \"curl\" \"r-1\" \"shop\" \"10.0.0.1:80\" outbound|80||shop \
             10.0.0.2:41000 10.96.0.1:80 10.0.0.2:42000 - default\n"
        )
    };
    let usual = "2026-11-22T14:05:49.182Z";
    let mut log = String::new();
    for what in
        ["200 - via_upstream", "503 UC upstream_reset_before_response_started{connection_termination}"]
    {
        log += &line(usual, what).repeat(2);
        for (at, byte) in
            (0..usual.len()).flat_map(|at| ["0", "7", "x", " ", "-", "Z"].map(|byte| (at, byte)))
        {
            let mut time = usual.to_owned();
            time.replace_range(at..=at, byte);
            log += &line(&time, what);
            log += &line(usual, what);
        }
    }
    check("times", log.as_bytes(), 1 << 20, 1);
    check("times", log.as_bytes(), 5_000, 2);
}
