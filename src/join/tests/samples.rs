//! What a sample holds is a function of what it was given: not of the order, and not of where it was cut.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::at;
use crate::join::{Group, Place, Sample, Sights};
use crate::pack::{Pack, Packer, Unpacker};
use crate::record::{Field, Layout, Record, time};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sample_does_not_depend_on_the_order(
        // Some keys come often, most once.
        drawn in prop::collection::vec((0u64..60_000, 0i64..500), 0..4_000),
        few in 1u64..60_000,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        budget in 1usize..1_500,
    ) {
        let all: Vec<Drawn> = drawn.into_iter().enumerate().map(|(n, (key, ms))| Drawn::of(n, key % few, ms)).collect();
        let taken = |some: &mut dyn Iterator<Item = &Drawn>, ceiling| {
            let mut sample = Sample::new(budget).below(ceiling);
            some.for_each(|drawn| drawn.add(&mut sample));
            sample
        };
        let whole = taken(&mut all.iter(), None).settled();
        prop_assert_eq!(told(&whole), expected(&all, budget));
        prop_assert_eq!(&taken(&mut all.iter().rev(), None).settled(), &whole);
        let mut cuts: Vec<usize> = cuts.iter().map(|at| at.index(all.len() + 1)).chain([0, all.len()]).collect();
        cuts.sort_unstable();
        // Parts may know what the whole does not want any more, and come in any order.
        for informed in [false, true] {
            let mut parts = Sample::new(budget);
            for range in cuts.windows(2).rev() {
                let ceiling = parts.ceiling().filter(|_| informed);
                parts.merge(taken(&mut all[range[0]..range[1]].iter(), ceiling));
            }
            prop_assert_eq!(&parts.settled(), &whole);
        }
        let mut bytes = Packer::default();
        whole.put(&mut bytes);
        prop_assert_eq!(&Sample::read(&mut Unpacker::new(&bytes.into_bytes())).expect("it was written"), &whole);
    }
}

/// A line of its own, with a key and a time.
#[derive(Debug)]
struct Drawn {
    key: u64,
    us: i64,
    line: String,
    place: Place,
}

impl Drawn {
    fn of(n: usize, key: u64, ms: i64) -> Drawn {
        let time = at(ms as u64);
        let place = Place { source: 0, line: n as u64, offset: n as u64 };
        let line = format!("{time} {}", "x".repeat(n % 100));
        let us = time::parse_us(time.as_bytes()).expect("a time");
        Drawn { key: key.wrapping_mul(0x9e37_79b9_7f4a_7c15), us, line, place }
    }

    fn add(&self, sample: &mut Sample) {
        let mut layout = Layout::new("x");
        layout.set(Field::StartTime, 0..24);
        layout.set(Field::Path, 25..self.line.len());
        let record = Record::new(self.line.as_bytes(), &layout, Default::default());
        let note = |sights: &mut Sights| sights.note(&record, record.outcome(), "", self.place);
        sample.add(self.key, record.start_us(), note);
    }
}

/// Keys, the places of their sights, and how many there were.
type Told = Vec<(u64, Vec<(i64, u64)>, bool)>;

fn told(sample: &Sample) -> Told {
    let sights =
        |group: Group<'_>| group.sights().map(|s| (s.time_us.expect("a time"), s.place.line)).collect();
    sample.iter().map(|(key, group)| (key, sights(group), group.is_cut())).collect()
}

/// What a sample should hold, worked out from all that there is.
fn expected(all: &[Drawn], budget: usize) -> Told {
    let mut groups: BTreeMap<u64, Vec<&Drawn>> = BTreeMap::new();
    all.iter().for_each(|drawn| groups.entry(drawn.key).or_default().push(drawn));
    let mut held = 0;
    let fits = |group: &Vec<&Drawn>, held: &mut usize| {
        *held += group.len().min(32);
        *held <= budget
    };
    let mut out = Told::new();
    for (key, mut group) in groups {
        if !fits(&group, &mut held) {
            break;
        }
        group.sort_by_key(|drawn| (drawn.us, drawn.line.len(), drawn.place.line));
        let cut = group.len() > 32;
        group.truncate(32);
        out.push((key, group.iter().map(|drawn| (drawn.us, drawn.place.line)).collect(), cut));
    }
    out
}
