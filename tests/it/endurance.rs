//! The long runs, whose figures are in `docs/reliability.md`. Ignored unless asked for, as they take minutes and want an
//! optimised program:
//!
//! ```sh
//! cargo build --release
//! MESHWHY_BIN=target/release/meshwhy cargo test --test it endurance -- --ignored --nocapture --test-threads 1
//! ```
//!
//! `MESHWHY_MINUTES` is how long the dribble lasts (30), `MESHWHY_GIGABYTES` how much is streamed (10),
//! `MESHWHY_MILLIONS` how many lines each attack has (10).

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::attacks::ATTACKS;
use crate::program::{FAILING, GOOD, Ran, fed, meshwhy, start};

const JSON: [&str; 4] = ["--output", "json", "--threads", "2"];

/// A bound in MiB, for any log.
const BOUND_MIB: u64 = 128;

fn wanted(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[expect(clippy::print_stdout, reason = "the figures of a long run are its result")]
fn tell(what: &str, ran: &Ran) {
    println!(
        "{what}: {:.1} s, {} MiB, {} threads, {} files open, exit code {:?}",
        ran.took.as_secs_f64(),
        ran.most.memory_kib / 1024,
        ran.most.threads,
        ran.most.files,
        ran.status.code(),
    );
}

#[test]
#[ignore = "ten gigabytes"]
fn ten_gigabytes_through_a_pipe() {
    let chunk = [GOOD.repeat(49), FAILING.to_owned()].concat().repeat(60).into_bytes();
    let times = wanted("MESHWHY_GIGABYTES", 10) * 1_000_000_000 / chunk.len() as u64;
    let ran = fed(&JSON, |stdin| (0..times).try_for_each(|_| stdin.write_all(&chunk)));
    tell(&format!("{} bytes through a pipe", times * chunk.len() as u64), &ran);
    let lines = ran.lines();
    assert_eq!((ran.code(), lines.access, lines.all), (0, times * 3_000, times * 3_000));
    assert_eq!(ran.json()["totals"]["failed"], times * 60);
    assert!(ran.most.memory_kib / 1024 <= BOUND_MIB);
}

#[test]
#[ignore = "half an hour"]
fn a_dribble_of_a_thousand_lines_a_second() {
    let seconds = wanted("MESHWHY_MINUTES", 30) * 60;
    let mut command = meshwhy(&JSON);
    command.stdin(Stdio::piped());
    let mut running = start(command);
    let mut stdin = running.stdin();
    let began = Instant::now();
    let mut memory = Vec::new();
    for second in 0..seconds {
        for line in 0..1_000_u64 {
            let text = if line == 0 { FAILING } else { GOOD };
            stdin.write_all(text.as_bytes()).expect("it reads on");
            let due = Duration::from_secs(second) + Duration::from_millis(line + 1);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        memory.push(running.memory_kib_now());
    }
    drop(stdin);
    let ran = running.end();
    tell(&format!("{seconds} s at 1,000 lines/s"), &ran);
    let at = |share: f64| memory[(memory.len() as f64 * share) as usize] / 1024;
    let marks: Vec<u64> = [0.02, 0.25, 0.5, 0.75, 0.99].into_iter().map(at).collect();
    tell(&format!("memory in MiB at 2, 25, 50, 75, 99 % of the time: {marks:?}"), &ran);
    assert_eq!((ran.code(), ran.lines().access), (0, seconds * 1_000));
    assert_eq!(ran.json()["totals"]["failed"], seconds);
    // Flat: what it holds at the end it held at the beginning, but for the seconds of the timeline.
    assert!(marks[4] <= marks[0] + 8, "{marks:?}");
}

#[test]
#[ignore = "ten gigabytes"]
fn ten_gigabytes_without_a_newline() {
    let chunk = vec![b'x'; 1 << 20];
    let times = wanted("MESHWHY_GIGABYTES", 10) * 1_000_000_000 / chunk.len() as u64;
    let ran = fed(&JSON, |stdin| {
        stdin.write_all(GOOD.as_bytes())?;
        (0..times).try_for_each(|_| stdin.write_all(&chunk))?;
        stdin.write_all(format!("\n{FAILING}").as_bytes())
    });
    tell(&format!("a line of {} bytes", times * chunk.len() as u64), &ran);
    let lines = ran.lines();
    assert_eq!((ran.code(), lines.all, lines.access), (0, 3, 2));
    assert!(ran.most.memory_kib / 1024 <= 64, "{:?}", ran.most);
}

#[test]
#[ignore = "ten million lines for each attack"]
fn ten_million_distinct_values() {
    let lines = wanted("MESHWHY_MILLIONS", 10) * 1_000_000;
    for attack in ATTACKS {
        let ran = attack.run(lines);
        tell(&format!("{lines} {}", attack.name), &ran);
        attack.holds(lines, &ran, BOUND_MIB);
    }
}
