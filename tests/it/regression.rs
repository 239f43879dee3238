//! One named test a bug: what happened, and where it was told.

use meshwhy::pipeline::Options;

use crate::samples::{bytes, samples, triage};

/// Container runtimes cut lines of 16 KiB and more into pieces. The pieces were counted as records of their own, cut at the
/// end, and as somebody else's lines.
#[test]
fn pieces_of_a_line_are_one_record() {
    let all = samples();
    let sample = all.iter().find(|s| s.name == "wrapped/cri.log").expect("the sample");
    let lines = triage(&[bytes("x", &sample.plain)], &Options::default()).summary.lines;
    assert_eq!((lines.access, lines.other, lines.incomplete), (40, 0, 0));
}
