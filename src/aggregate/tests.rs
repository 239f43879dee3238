//! The counts of an input do not depend on where it was cut, beyond the caps either.

use std::sync::Arc;

use proptest::prelude::*;

use super::{By, Caps, Full, Summary, Tally};
use crate::format::{Reader, Reading};
use crate::record::{Layout, Record};

/// A record whose texts are picked by small numbers, so that they come again.
fn line(pick: &[u8; 6], at: usize) -> String {
    let [upstream, host, authority, flag, code, path] = pick;
    let flags = if flag % 3 == 0 { "-".to_owned() } else { format!("F{flag},UF") };
    format!(
        "[2026-01-01T00:{:02}:{:02}.000Z] \"GET /p{path} HTTP/1.1\" {} {flags} why{flag} - \"-\" 0 {path} {} - \"-\" \"agent{host}\" \"id{at}\" \
         \"h{authority}\" \"10.0.0.{host}:80\" outbound|80||s{upstream}.ns.svc.cluster.local - 10.96.0.{authority}:80 10.1.0.{path}:9 - r{code}",
        at / 60 % 60,
        at % 60,
        500 + u16::from(*code),
        at * 37 % 3000,
    )
}

fn counted(lines: &[String], first: usize, full: &Full) -> Summary {
    let reader = Reader::new();
    let (mut layout, mut scratch) = (Layout::default(), Vec::new());
    let mut tally = Tally::grouping(&By::parse("path,code").expect("fields")).knowing(Arc::new(full.clone()));
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(reader.read(line.as_bytes(), &mut layout, &mut scratch), Reading::Access, "{line}");
        let record = Record::new(line.as_bytes(), &layout, Default::default());
        tally.record(&record, 0, (first + at + 1) as u64, 0, line.as_bytes());
    }
    tally.finish()
}

proptest! {
    #[test]
    fn cuts_change_nothing_beyond_the_caps(
        picks in prop::collection::vec(any::<[u8; 6]>().prop_map(|pick| pick.map(|n| n % 7)), 1..100),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        late in prop::collection::vec(any::<bool>(), 1..5),
    ) {
        let caps = Caps { upstreams: 3, hosts: 2, all_hosts: 5, scopes: 3, symptoms: 8, details: 2_500, groups: 4, rejects: 2 };
        let lines: Vec<String> = picks.iter().enumerate().map(|(at, pick)| line(pick, at)).collect();
        let mut whole = Summary::default();
        whole.merge(counted(&lines, 0, &Full::default()), &caps);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(lines.len())).chain([lines.len()]).collect();
        ends.sort_unstable();
        // Parts may know what the whole had no room for at any time before them.
        for knows in [false, true] {
            let (mut parts, mut from, mut full, mut told) = (Summary::default(), 0, Full::default(), Full::default());
            for (at, &to) in ends.iter().enumerate() {
                parts.merge(counted(&lines[from..to], from, &told), &caps);
                from = to;
                full.look(&parts, &caps);
                if knows && late[at % late.len()] {
                    told = full.clone();
                }
            }
            prop_assert_eq!(&parts, &whole);
        }
        prop_assert_eq!(whole.counts.requests(), lines.len() as u64);
        let rows = whole.upstreams.values().chain(whole.other_upstreams.as_deref());
        prop_assert_eq!(rows.map(|row| row.counts.requests()).sum::<u64>(), lines.len() as u64);
    }
}
