//! Incidents in generated traffic: several, unfinished, begun earlier, beside noise, in long and in one-sided logs.

mod shapes;

use super::*;
use crate::aggregate::{Caps, Detail, DetailTally, Summary, Tally};
use crate::record::{Carrier, Field, Layout, Record, time};

const START_US: i64 = 1_767_348_000_000_000;
const SECOND: i64 = 1_000_000;
const SHOP: &[u8] = b"outbound|80||shop.demo.svc.cluster.local";
const CART: &[u8] = b"outbound|80||cart.demo.svc.cluster.local";

#[derive(Default)]
struct Log {
    tally: Tally,
    detail: DetailTally,
}

impl Log {
    /// One request, `ms` after the start.
    fn request(&mut self, ms: i64, cluster: &[u8], code: &str, flags: &str) {
        self.lasting(ms, if code == "200" { 12 } else { 900 }, cluster, code, flags);
    }

    /// The same, with its duration in milliseconds.
    fn lasting(&mut self, ms: i64, took: u64, cluster: &[u8], code: &str, flags: &str) {
        let took = took.to_string();
        let start = time::rfc3339_ms(START_US + ms * 1000);
        let mut text = b"^".to_vec();
        let mut layout = Layout::new("istio-text");
        for (field, value) in [
            (Field::StartTime, start.as_bytes()),
            (Field::Method, b"GET"),
            (Field::Path, b"/"),
            (Field::Code, code.as_bytes()),
            (Field::Flags, flags.as_bytes()),
            (Field::Details, b"via_upstream"),
            (Field::Duration, took.as_bytes()),
            (Field::UpstreamCluster, cluster),
            (Field::DownstreamRemote, b"10.0.0.9:1234"),
        ] {
            layout.set(field, text.len()..text.len() + value.len());
            text.extend_from_slice(value);
        }
        let record = Record::new(&text, &layout, Carrier::default());
        self.tally.record(&record, 0, 1, 0, &text);
        self.detail.record(&record);
    }

    /// Requests at an even pace; `failing` says which fail, by second and number.
    fn traffic(&mut self, seconds: i64, a_second: i64, cluster: &[u8], failing: impl Fn(i64, i64) -> bool) {
        for n in 0..seconds * a_second {
            let ms = n * 1000 / a_second;
            let (code, flags) = if failing(ms / 1000, n) { ("503", "UF,URX") } else { ("200", "-") };
            self.request(ms, cluster, code, flags);
        }
    }

    fn summary(self) -> (Summary, Detail) {
        let mut summary = Summary::default();
        summary.merge(self.tally.finish(), &Caps::default());
        (summary, self.detail.finish())
    }

    fn incidents(self) -> Vec<Incident> {
        find(&self.summary().0, false)
    }
}

fn second(us: i64) -> i64 {
    (us - START_US).div_euclid(SECOND)
}

#[test]
fn one_incident_is_found_to_the_second() {
    let mut log = Log::default();
    log.traffic(600, 10, SHOP, |s, _| (200..260).contains(&s));
    log.traffic(600, 10, CART, |_, _| false);
    let (summary, detail) = log.summary();
    let found = find(&summary, false);
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert_eq!((second(incident.onset_us), second(incident.last_us)), (200, 259));
    assert!(!incident.ongoing && !incident.began_before && !incident.steady);
    assert_eq!((incident.failed, incident.requests, incident.baseline_failed), (600, 600, 0));
    assert_eq!(incident.upstreams, [Some(SHOP.into())]);
    let window = Window::of(incident, &summary, &detail);
    assert_eq!((window.all.before.failed, window.all.during.failed, window.all.after.failed), (0, 600, 0));
    assert_eq!(window.all.before.requests + window.all.during.requests + window.all.after.requests, 12_000);
    assert_eq!(window.all.before.latency.quantile_ms(500), 12);
    assert!(window.all.during.latency.quantile_ms(990) >= 900);
}

#[test]
fn noise_is_no_incident_and_hides_none() {
    let mut log = Log::default();
    log.traffic(900, 10, SHOP, |_, n| n % 97 == 0);
    assert_eq!(log.incidents(), []);
    let mut log = Log::default();
    // A tenth of the requests for half a minute, in the middle of one in a hundred.
    log.traffic(900, 10, SHOP, |s, n| n % 97 == 0 || ((400..430).contains(&s) && n % 4 == 0));
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert!((second(incident.onset_us) - 400).abs() <= 3 && (second(incident.last_us) - 429).abs() <= 3);
    assert!(incident.baseline_failed > 50 && incident.baseline_rate() < 0.02, "{incident:?}");
}

#[test]
fn several_incidents_are_told_apart() {
    let mut log = Log::default();
    log.traffic(900, 5, SHOP, |s, _| (100..130).contains(&s) || (500..560).contains(&s));
    log.traffic(900, 5, CART, |s, _| (505..555).contains(&s));
    let found = log.incidents();
    let [large, small] = &found[..] else { panic!("{found:?}") };
    assert_eq!((second(large.onset_us), second(large.last_us)), (500, 559));
    assert_eq!(large.upstreams, [Some(SHOP.into()), Some(CART.into())]);
    assert_eq!((second(small.onset_us), second(small.last_us)), (100, 129));
    assert_eq!(small.upstreams.len(), 1);
}

#[test]
fn a_request_in_both_sides_logs_is_counted_once() {
    let mut log = Log::default();
    log.traffic(300, 5, SHOP, |s, _| (100..130).contains(&s));
    log.traffic(300, 5, b"inbound|80||", |s, _| (100..130).contains(&s));
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert_eq!((incident.upstreams.len(), incident.failed, incident.requests), (2, 150, 150));
}

#[test]
fn a_fault_that_is_everywhere_is_one_incident() {
    let mut log = Log::default();
    for n in 0..12_000i64 {
        let cluster = format!("outbound|80||s{}.demo.svc.cluster.local", n * 7 % 1_000);
        let failing = (300..330).contains(&(n / 20)) || n % 53 == 0;
        let (code, flags) = if failing { ("503", "UF") } else { ("200", "-") };
        log.request(n * 50, cluster.as_bytes(), code, flags);
    }
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert!((second(incident.onset_us) - 300).abs() <= 3 && (second(incident.last_us) - 329).abs() <= 3);
    assert!(incident.upstreams.len() > 10 && incident.failed >= 600, "{incident:?}");
}

#[test]
fn the_ends_of_the_log_are_not_taken_for_those_of_the_incident() {
    let mut log = Log::default();
    log.traffic(300, 5, SHOP, |s, _| s < 40);
    log.traffic(300, 5, CART, |s, _| s >= 250);
    let found = log.incidents();
    let [late, early] = &found[..] else { panic!("{found:?}") };
    assert!(late.ongoing && !late.began_before && second(late.onset_us) == 250);
    assert!(early.began_before && !early.ongoing && second(early.last_us) == 39);
    assert_eq!(late.end_us(), None);
}

#[test]
fn what_fails_from_first_to_last_is_steady() {
    let mut log = Log::default();
    log.traffic(300, 5, SHOP, |_, n| n % 3 == 0);
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert!(incident.steady && incident.began_before && incident.ongoing);
    assert_eq!((incident.requests, incident.failed, incident.baseline_requests), (1500, 500, 0));
}

#[test]
fn a_short_incident_in_a_long_log_keeps_its_seconds() {
    let mut log = Log::default();
    let day = 86_400;
    for s in 0..day {
        log.request(s * 1000, SHOP, "200", "-");
    }
    for n in 0..200 {
        log.request((50_003 + n / 10) * 1000, SHOP, "503", "UF");
    }
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert_eq!((second(incident.onset_us), second(incident.last_us)), (50_003, 50_022));
    assert_eq!(incident.failed, 200);
}

#[test]
fn minutes_are_the_resolution_when_failures_span_days() {
    let mut log = Log::default();
    for m in 0..2 * 24 * 60 {
        log.request(m * 60_000, SHOP, "200", "-");
        if m % 100 == 0 {
            log.request(m * 60_000, SHOP, "503", "UF");
        }
    }
    for n in 0..3_000 {
        log.request(90_000_000 + n * 1_000, SHOP, "503", "UF");
    }
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    let width = incident.resolution_s;
    assert!((60..=900).contains(&width), "{width}");
    assert!((second(incident.onset_us) - 90_000).abs() <= width);
    assert!((second(incident.last_us) - 92_999).abs() <= width);
}

#[test]
fn without_successes_time_is_the_measure() {
    let mut log = Log::default();
    for s in 0..600 {
        let n = if (200..240).contains(&s) { 8 } else { i64::from(s % 20 == 0) };
        (0..n).for_each(|i| log.request(s * 1000 + i, SHOP, "503", "UF"));
    }
    let (summary, _) = log.summary();
    let found = find(&summary, true);
    assert_eq!((second(found[0].onset_us), second(found[0].last_us)), (200, 239), "{found:?}");
}

#[test]
fn few_failures_are_no_incident() {
    let mut log = Log::default();
    log.traffic(300, 5, SHOP, |s, n| s == 100 && n % 5 < 4);
    assert_eq!(log.incidents(), []);
    assert_eq!(find(&Summary::default(), false), []);
}

#[test]
fn stretches_cover_everything_and_keep_the_sum() {
    use proptest::prelude::*;
    proptest!(|(counts in prop::collection::vec(0u64..9, 1..80))| {
        let hits: Vec<stretch::Bin> = counts
            .iter()
            .enumerate()
            .filter(|(_, n)| **n > 0)
            .map(|(at, n)| stretch::Bin { at: at as i64, hits: *n })
            .collect();
        let all = stretches(counts.len() as i64, &hits, |bin| bin as f64 * 10.0);
        prop_assert_eq!(all.first().unwrap().from, 0);
        prop_assert_eq!(all.last().unwrap().to, counts.len() as i64);
        prop_assert!(all.windows(2).all(|w| w[0].to == w[1].from && w[0].from < w[0].to));
        prop_assert_eq!(all.iter().map(|s| s.hits).sum::<u64>(), counts.iter().sum::<u64>());
    });
}

#[test]
fn little_traffic_hides_no_incident() {
    let mut log = Log::default();
    for n in 0..480i64 {
        // One request in about 15 s, at uneven times.
        let s = n * 15 + n * 7 % 13;
        let (code, flags) =
            if (1_800..2_400).contains(&s) && n % 30 != 7 { ("503", "UF") } else { ("200", "-") };
        log.request(s * 1000, SHOP, code, flags);
    }
    let found = log.incidents();
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert!(
        (second(incident.onset_us) - 1_800).abs() <= 30 && (second(incident.last_us) - 2_400).abs() <= 30
    );
}

#[test]
fn bursts_are_not_joined_by_the_quiet_between_them() {
    let mut log = Log::default();
    log.traffic(1_500, 10, SHOP, |s, n| (s % 300 < 5 && n % 3 == 0) || n % 501 == 0);
    let found = log.incidents();
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|i| i.last_us - i.onset_us < 10 * SECOND), "{found:?}");
}

#[test]
fn a_wave_of_denials_is_an_incident_of_its_own_and_their_daily_work_is_none() {
    let deny = |log: &mut Log, waves: &[(i64, i64)]| {
        for n in 0..6_000i64 {
            let s = n / 10;
            let denied = waves.iter().any(|(from, to)| (*from..*to).contains(&s));
            let (code, flags) = if denied { ("429", "RL") } else { ("200", "-") };
            log.request(n * 100, SHOP, code, flags);
        }
    };
    let mut log = Log::default();
    deny(&mut log, &[(200, 230)]);
    let (summary, detail) = log.summary();
    let found = find(&summary, false);
    let [incident] = &found[..] else { panic!("{found:?}") };
    assert_eq!((incident.harm, incident.failed, incident.requests), (Harm::Denied, 300, 300));
    assert_eq!((second(incident.onset_us), second(incident.last_us)), (200, 229));
    let window = Window::of(incident, &summary, &detail);
    assert_eq!((window.hits.denied, window.hits.failed, window.hit.before.failed), (300, 0, 0));
    let mut log = Log::default();
    deny(&mut log, &[(0, 600)]);
    assert_eq!(log.incidents(), []);
}

#[test]
fn what_was_hit_is_counted_in_the_incident_and_not_in_the_log() {
    let mut log = Log::default();
    // The same kind of failure is background elsewhere and before.
    log.traffic(600, 10, SHOP, |s, n| (300..330).contains(&s) || n % 100 == 0);
    log.traffic(600, 10, CART, |_, n| n % 100 == 0);
    let (summary, detail) = log.summary();
    let incident = find_in_detail(&summary, &detail, false).remove(0);
    let paths = Shares::of(&detail.paths, &incident, true, |key| key[2].into());
    let row = paths.rows[&b"/"[..]];
    assert_eq!((row.requests, row.failed), (300, 300));
    assert_eq!((row.requests_before, row.failed_before), (3_000, 30));
    let everywhere = Shares::of(&detail.paths, &incident, false, |key| key[2].into());
    assert_eq!((everywhere.rows[&b"/"[..]].requests, everywhere.rows[&b"/"[..]].failed), (600, 303));
}

#[test]
fn onset_and_end_are_exact_where_background_makes_the_search_coarse() {
    let mut log = Log::default();
    // Failures in more seconds than the search takes: its bins are wider.
    log.traffic(3_600, 10, SHOP, |s, n| (1_803..1_837).contains(&s) && n % 3 != 0 || n % 31 == 0);
    let (summary, detail) = log.summary();
    assert!(find(&summary, false)[0].resolution_s > 1);
    let incident = find_in_detail(&summary, &detail, false).remove(0);
    assert_eq!(incident.resolution_s, 1);
    let (onset, last) = (second(incident.onset_us), second(incident.last_us));
    assert!((onset - 1_803).abs() <= 3 && (last - 1_836).abs() <= 3, "{onset} {last}");
}
