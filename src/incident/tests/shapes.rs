//! Incidents of other shapes: overlapping ones, and those whose requests take long.

use super::*;

const MAIL: &[u8] = b"outbound|80||mail.demo.svc.cluster.local";

#[test]
fn a_fault_that_changes_its_face_is_one_incident() {
    let mut log = Log::default();
    // Connections fail, then the hosts are ejected: nothing is ever served.
    for n in 0..80 {
        log.request(n * 50, SHOP, "503", if n < 30 { "UF" } else { "UH" });
    }
    log.traffic(60, 5, CART, |_, _| false);
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert_eq!((incident.failed, incident.requests, incident.steady), (80, 80, true));
}

#[test]
fn what_fails_all_the_time_and_rises_is_counted_once() {
    let mut log = Log::default();
    log.traffic(600, 10, SHOP, |s, n| n % 10 == 0 || ((200..260).contains(&s) && n % 10 < 8));
    let (summary, detail) = log.summary();
    let found = find_in_detail(&summary, &detail, false);
    let (rise, rest) = match &found[..] {
        [a, b] if b.steady => (a, b),
        [a, b] if a.steady => (b, a),
        _ => panic!("{found:?}"),
    };
    assert_eq!((second(rise.onset_us), second(rise.last_us)), (200, 259));
    assert_eq!(rise.failed + rest.failed, summary.counts.failed());
    assert_eq!(rise.requests + rest.requests, summary.counts.requests());
    // Every table of the report says the same.
    for incident in [rise, rest] {
        let window = Window::of(incident, &summary, &detail);
        assert_eq!(
            (window.hit.during.failed, window.hit.during.requests),
            (incident.failed, incident.requests)
        );
        assert_eq!(window.hits.failed, incident.failed);
        let paths = Shares::of(&detail.paths, incident, true, |key| key[2].into());
        let row = paths.rows[&b"/"[..]];
        assert_eq!((row.failed, row.requests), (incident.failed, incident.requests));
        let symptoms: u64 = summary.symptoms.values().map(|symptom| incident.count_of(symptom)).sum();
        assert_eq!(symptoms, incident.failed);
    }
}

#[test]
fn incidents_that_share_an_upstream_and_overlap_are_one() {
    let mut log = Log::default();
    // One upstream fails twice; the second time lies within what another one's incident drags in.
    log.traffic(900, 5, SHOP, |s, _| (100..140).contains(&s) || (300..420).contains(&s));
    log.traffic(900, 5, CART, |s, _| (110..330).contains(&s));
    let (summary, _) = log.summary();
    let found = find(&summary, false);
    for cluster in [SHOP, CART] {
        let failed = summary.upstreams[cluster].counts.failed();
        let of_it: Vec<_> = found.iter().filter(|i| i.counts(Some(cluster))).collect();
        let disjoint = of_it
            .iter()
            .enumerate()
            .all(|(n, a)| of_it[n + 1..].iter().all(|b| a.last_us < b.onset_us || b.last_us < a.onset_us));
        assert!(disjoint && !of_it.is_empty(), "{failed}: {found:?}");
    }
    assert_eq!(found.iter().map(|i| i.failed).sum::<u64>(), summary.counts.failed());
}

#[test]
fn no_failure_is_told_twice_whatever_happens() {
    use proptest::prelude::*;
    let shape = (0i64..500, 1i64..200, 1i64..4, 0usize..3);
    proptest!(ProptestConfig::with_cases(24), |(faults in prop::collection::vec(shape, 0..6), noise in 7i64..200)| {
        let mut log = Log::default();
        for (at, cluster) in [SHOP, CART, MAIL].into_iter().enumerate() {
            log.traffic(600, 4, cluster, |s, n| {
                n % noise == 0
                    || faults.iter().any(|(from, long, every, of)| {
                        *of == at && (*from..from + long).contains(&s) && n % every == 0
                    })
            });
        }
        let (summary, detail) = log.summary();
        let found = find_in_detail(&summary, &detail, false);
        for cluster in [SHOP, CART, MAIL] {
            let mine: Vec<_> = found.iter().filter(|i| i.counts(Some(cluster)) && !i.steady).collect();
            for (n, a) in mine.iter().enumerate() {
                prop_assert!(mine[n + 1..].iter().all(|b| a.last_us < b.onset_us || b.last_us < a.onset_us));
            }
        }
        prop_assert!(found.iter().map(|i| i.failed).sum::<u64>() <= summary.counts.failed(), "{:?}", found);
    });
}

/// Ten requests a second; `what` says how one ends that began at this millisecond, and how long it took.
fn lasting(seconds: i64, what: impl Fn(i64) -> (&'static str, &'static str, i64)) -> Incident {
    let mut log = Log::default();
    for n in 0..seconds * 10 {
        let ms = n * 100 + n * 37 % 90;
        let (code, flags, took) = what(ms);
        log.lasting(ms, took.unsigned_abs(), SHOP, code, flags);
    }
    let (summary, detail) = log.summary();
    let found = find_in_detail(&summary, &detail, false);
    let [incident] = &found[..] else { panic!("{found:?}") };
    incident.clone()
}

fn told_times(incident: &Incident) -> (i64, i64) {
    (second(incident.began_us), second(incident.over_us))
}

#[test]
fn requests_that_break_together_tell_the_onset() {
    // They take two to twelve seconds; at 200 s all that run are broken, and then nobody listens.
    let incident = lasting(500, |ms| {
        let took = 2_000 + ms * 7 % 10_000;
        match ms {
            ..200_000 if ms + took > 200_000 => ("503", "UC", 200_000 - ms),
            200_000..240_000 => ("503", "UF", 1),
            _ => ("200", "-", took),
        }
    });
    assert_eq!(told_times(&incident), (200, 239));
    assert!(second(incident.onset_us) < 192, "requests are counted from where they began");
    assert!(incident.failed > 440, "{}", incident.failed);
}

#[test]
fn a_timeout_says_by_its_start_when_the_fault_was_there() {
    for took in [3_000, 15_000] {
        let incident = lasting(500, |ms| match ms {
            200_000..260_000 => ("504", "UT", took),
            _ => ("200", "-", 12),
        });
        assert_eq!(told_times(&incident), (200, 259), "{took}");
    }
}

#[test]
fn requests_that_had_to_wait_tell_the_end() {
    // The upstream stands still for a minute: who waits for longer than the timeout fails, the others are served then.
    for timeout in [3_000, 15_000] {
        let incident = lasting(500, |ms| match 260_000 - ms {
            left @ 1..=60_000 if left > timeout => ("504", "UT", timeout),
            left @ 1..=60_000 => ("200", "-", left + 20),
            _ => ("200", "-", 12),
        });
        let (onset, end) = told_times(&incident);
        assert!(onset == 200 && (259..=261).contains(&end), "{timeout}: {onset} {end}");
    }
}

#[test]
fn slow_answers_that_are_the_rule_tell_no_end() {
    let incident = lasting(500, |ms| match ms {
        200_000..260_000 => ("503", "UF", 2),
        _ => ("200", "-", 1_500 + ms * 7 % 9_000),
    });
    assert_eq!(told_times(&incident), (200, 259));
}
