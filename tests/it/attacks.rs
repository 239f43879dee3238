//! Cardinality attacks: logs in which everything of a kind is distinct. Tables stay within their bound and the totals stay
//! exact. Lines come through a pipe, made on the way: nothing of this size lies on a disk.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::program::{Ran, fed};

/// One kind of value that never comes twice.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    line: fn(u64, &mut String),
}

fn line(out: &mut String, at: u64, path: &str, flags: &str, host: &str, upstream: &str) {
    let (s, ms) = (at / 50_000, at / 50 % 1000);
    writeln!(
        out,
        "[2026-01-02T03:{:02}:{:02}.{ms:03}Z] \"GET {path} HTTP/1.1\" 503 {flags} upstream_reset_before_response_started{{connection_timeout}} - \
         \"-\" 0 91 3 - \"-\" \"curl/8\" \"{at:032x}\" \"web.shop:80\" \"{host}\" {upstream} - 10.9.9.9:80 10.0.0.1:5000 - default",
        s / 60 % 60,
        s % 60,
    )
    .expect("memory");
}

const HOST: &str = "10.0.0.7:80";
const UPSTREAM: &str = "outbound|80||web.shop.svc.cluster.local";

pub(crate) static ATTACKS: &[Attack] = &[
    Attack {
        name: "distinct upstreams",
        line: |at, out| {
            line(out, at, "/a", "UF", HOST, &format!("outbound|80||s{at}.shop.svc.cluster.local"));
        },
    },
    Attack {
        name: "distinct paths",
        line: |at, out| line(out, at, &format!("/orders/{at}"), "UF", HOST, UPSTREAM),
    },
    Attack { name: "distinct flags", line: |at, out| line(out, at, "/a", &format!("X{at}"), HOST, UPSTREAM) },
    Attack {
        name: "distinct hosts",
        line: |at, out| {
            let host = format!("10.{}.{}.{}:80", at >> 16 & 255, at >> 8 & 255, at & 255);
            line(out, at, "/a", "UF", &format!("{host}{}", at >> 24), UPSTREAM);
        },
    },
];

impl Attack {
    /// So many lines of it through a pipe.
    pub(crate) fn run(&self, lines: u64) -> Ran {
        fed(&["--output", "json", "--threads", "2"], |stdin| {
            let mut text = String::new();
            for at in 0..lines {
                (self.line)(at, &mut text);
                if text.len() > 1 << 18 {
                    stdin.write_all(text.as_bytes())?;
                    text.clear();
                }
            }
            stdin.write_all(text.as_bytes())
        })
    }

    /// Totals are exact, memory bounded; so are threads and open files.
    #[track_caller]
    pub(crate) fn holds(&self, lines: u64, ran: &Ran, bound_mib: u64) {
        let counted = ran.lines();
        assert_eq!((ran.code(), counted.all, counted.access), (0, lines, lines), "{}", self.name);
        let triage = ran.json();
        assert_eq!(triage["totals"]["codes"]["503"], lines, "{}", self.name);
        let upstreams = triage["upstreams"].as_array().expect("a list").iter();
        let sum: u64 = upstreams.filter_map(|upstream| upstream["requests"].as_u64()).sum();
        assert_eq!(sum, lines, "{}: the rows add up to the whole", self.name);
        let most = ran.most;
        assert!(most.memory_kib / 1024 <= bound_mib, "{}: {most:?}", self.name);
        assert!(most.threads <= 8 && most.files <= 32, "{}: {most:?}", self.name);
    }
}

/// A tenth of the long run (`endurance`), and less with a build that is not optimised: the caps are reached long before.
const LINES: u64 = if cfg!(debug_assertions) { 150_000 } else { 1_000_000 };

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn distinct_values_stay_within_memory_and_totals_are_exact() {
    for attack in ATTACKS {
        attack.holds(LINES, &attack.run(LINES), 128);
    }
}

/// Names come again behind the caps, so that what has no room and what has it are mixed wherever the log is cut.
#[test]
fn beyond_the_caps_every_number_of_threads_gives_one_answer() {
    let mut text = String::new();
    for at in 0..70_000_u64 {
        let upstream = match at % 5 {
            0 => UPSTREAM.to_owned(),
            _ => format!("outbound|80||s{}.shop.svc.cluster.local", at * 7 % 23_000),
        };
        let host = format!("10.{}.{}.9:80", (at * 3 % 29_000) >> 8, (at * 3 % 29_000) & 255);
        let flags = if at % 3 == 0 { format!("X{}", at % 4_000) } else { "-".to_owned() };
        line(&mut text, at, &format!("/{}", at % 900), &flags, &host, &upstream);
    }
    let answer = |threads: &str| {
        let args = ["--output", "json", "--threads", threads];
        let ran = fed(&args, |stdin| stdin.write_all(text.as_bytes()));
        assert_eq!(ran.code(), 0);
        ran.out
    };
    let one = answer("1");
    assert!(one == answer("3"), "one thread and three");
    let triage: serde_json::Value = serde_json::from_slice(&one).expect("JSON");
    let rows = triage["upstreams"].as_array().expect("a list");
    let sum: u64 = rows.iter().filter_map(|upstream| upstream["requests"].as_u64()).sum();
    assert_eq!((rows.len() > 12_000, sum), (true, 70_000));
}
