//! The HTML report in a real browser. Needs Chromium on the PATH (or `MESHWHY_CHROMIUM`):
//! `cargo test --test it browser -- --ignored`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program::{FAILING, GOOD, piped};
use crate::samples::root;

/// Runs at the page's end: what a person would do, and what then stands there.
const HANDS: &str = r##"
const out = [];
const say = (name, value) => out.push(`${name}=${value}`);
const tables = [...document.querySelectorAll("table.sortable")];
const heads = (table) => [...table.tHead.rows[0].cells];
const column = (table, at) => [...table.tBodies[0].rows].map((row) => row.cells[at].textContent);
const values = tables.find((table) => heads(table)[1].textContent === "which");
heads(values)[2].querySelector("button").click();
say("down", column(values, 2));
heads(values)[2].querySelector("button").click();
say("up", column(values, 2));
heads(values)[1].querySelector("button").click();
say("names", column(values, 1)[0] + " " + column(values, 1).at(-1));
say("bars", document.querySelectorAll("svg.plot rect[class^=l]").length);
say("curves", document.querySelectorAll("svg.plot polyline").length);
say("heat", document.querySelectorAll("td.h5").length);
const plot = document.querySelector("svg.plot");
const box = plot.getBoundingClientRect();
say("drawn", box.width > 300 && box.height > 100);
const before = plot.getAttribute("viewBox");
[...document.querySelectorAll(".tools button")].find((b) => b.textContent === "incident").click();
say("zoomed", plot.getAttribute("viewBox") !== before);
let copied = "";
Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { copied = text; } } });
const block = document.querySelector(".code");
block.querySelector("button").click();
say("copied", copied === block.querySelector("pre").textContent && copied.length > 0);
document.querySelector(".causes h3 button").click();
say("finding", copied.includes("kubectl") && copied.includes("nothing listens"));
document.body.dataset.result = out.join(";");
"##;

fn chromium(args: &[&str], page: &Path) -> Output {
    let profile = tempfile::tempdir().unwrap();
    let browser = std::env::var("MESHWHY_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--window-size=1100,4200"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(args)
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium; set MESHWHY_CHROMIUM or leave this test out")
}

fn report(name: &str) -> (PathBuf, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_meshwhy"))
        // The developer's own rules have no say here.
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .args(["report", "--output", "html", "--slo", "99.9", "sample-logs/istio-text/checkout-killed.log"])
        .current_dir(root())
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, &page).unwrap();
    (path, page)
}

/// What the page itself wrote to the console; the browser's own complaints about its surroundings are not ours.
fn console(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs Chromium"]
fn the_page_runs_under_its_own_policy_without_an_error() {
    let (path, _) = report("report.html");
    let output = chromium(&["--dump-dom"], &path);
    assert_eq!(console(&output), Vec::<String>::new());
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("data-ready=\"yes\""), "the script did not run: does the policy's hash fit?");
    let shot = path.with_file_name("report.png");
    let _ = std::fs::remove_file(&shot);
    let output = chromium(&[&format!("--screenshot={}", shot.display())], &path);
    assert_eq!(console(&output), Vec::<String>::new());
    assert!(std::fs::metadata(&shot).is_ok_and(|file| file.len() > 20_000), "{}", shot.display());
}

/// A log may hold anything, and a page may be tampered with: the policy lets nothing but the page's own script run and
/// loads nothing.
#[test]
#[ignore = "needs Chromium"]
fn what_is_injected_does_not_run() {
    let (path, page) = report("report-injected.html");
    let evil = "<script>document.body.dataset.evil = 'script'</script>\
                <img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\" onload=\"document.body.dataset.evil = 'load'\" \
                onerror=\"document.body.dataset.evil = 'error'\">\
                <p style=\"position: fixed\" id=\"styled\">x</p>";
    std::fs::write(&path, page.replacen("<main>", &format!("<main>{evil}"), 1)).unwrap();
    let output = chromium(&["--dump-dom"], &path);
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("data-ready=\"yes\""), "the page's own script runs all the same");
    assert!(!dom.contains("data-evil"), "something foreign ran");
    let refused = console(&output).iter().filter(|line| line.contains("Content Security Policy")).count();
    assert!(refused >= 3, "{:?}", console(&output));
}

/// The other way in: what a client sent stands in the log, and the page shows it.
#[test]
#[ignore = "needs Chromium"]
fn what_a_client_sent_does_not_run() {
    let evil = "<script>document.body.dataset.evil='s'</script><img src=x onerror=document.body.dataset.evil='e'>'onload='x";
    let line = |agent: &str| {
        FAILING
            .replace("curl/8", agent)
            .replace("/a HTTP", &format!("/{evil} HTTP"))
            .replace("web.shop:80", evil)
    };
    // The same names on both sides of the comparison: as upstreams, and as causes that are new.
    let cluster = |line: String| {
        line.replace("outbound|80||web", &format!("outbound|80|{}|web", evil.replace(' ', "/")))
    };
    let earlier = cluster(GOOD.replace("web.shop:80", evil)).replace("T03:04:06", "T03:03:06");
    let log = earlier.repeat(60) + &cluster(line(evil)).repeat(60);
    for (name, args) in [
        ("report-hostile.html", &["report", "--output", "html"][..]),
        ("triage-hostile.html", &["--output", "html"]),
        ("compare-hostile.html", &["compare", "--output", "html", "--split-at", "2026-01-02T03:04:00Z"]),
    ] {
        let ran = piped(args, log.as_bytes());
        assert_eq!(ran.code(), 0, "{}", ran.err);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, &ran.out).unwrap();
        let output = chromium(&["--dump-dom"], &path);
        assert_eq!(console(&output), Vec::<String>::new(), "{name}");
        let dom = String::from_utf8_lossy(&output.stdout);
        assert!(dom.contains("data-ready=\"yes\"") && !dom.contains("data-evil"), "{name}");
        assert!(dom.contains("&lt;script&gt;document"), "{name}: it is shown as text");
    }
}

#[test]
#[ignore = "needs Chromium"]
fn tables_sort_charts_zoom_and_blocks_are_copied() {
    let (path, page) = report("report-hands.html");
    // The policy forbids foreign scripts, and the hands are one.
    let (head, rest) = page.split_once("<meta http-equiv").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let page = format!("{head}{rest}").replace("</body>", &format!("<script>{HANDS}</script></body>"));
    std::fs::write(&path, page).unwrap();
    let output = chromium(&["--dump-dom"], &path);
    assert_eq!(console(&output), Vec::<String>::new());
    let dom = String::from_utf8_lossy(&output.stdout);
    let (_, result) = dom.split_once("data-result=\"").expect("the hands did not reach their end");
    let result: Vec<&str> = result.split('"').next().unwrap().split(';').collect();
    assert_eq!(
        result[..3],
        [
            "down=79,79,79,79,27,19,19,14",
            "up=14,19,19,27,79,79,79,79",
            "names=POST /api/v1/orders 127.161.1.10"
        ]
    );
    for (name, least) in [("bars", 20), ("curves", 3), ("heat", 1)] {
        let n = result.iter().find_map(|r| r.strip_prefix(&format!("{name}="))).unwrap();
        assert!(n.parse::<u32>().unwrap() >= least, "{name}: {n}");
    }
    for name in ["drawn", "zoomed", "copied", "finding"] {
        assert!(result.contains(&format!("{name}=true").as_str()), "{name}: {result:?}");
    }
}

/// Runs at the end of the page that is printed, or read without scripts, and says what a reader has before him.
const EYES: &str = r##"
const out = [];
const say = (name, value) => out.push(`${name}=${value}`);
const shown = (node) => {
  const box = node.getBoundingClientRect();
  const style = getComputedStyle(node);
  return box.width > 0 && box.height > 0 && style.display !== "none" && style.visibility === "visible";
};
const page = document.documentElement.clientWidth;
const dark = (color) => {
  const [r, g, b, a] = (color.match(/[\d.]+/g) || []).map(Number);
  return a !== 0 && r + g + b < 300;
};
say("head", shown(document.querySelector("h1")) && document.querySelector("h1").textContent.length > 10);
say("sections", [...document.querySelectorAll("h2")].filter(shown).length);
say("columns", [...document.querySelectorAll("th")].every((th) => th.textContent.trim() && shown(th)));
say("words", [...document.querySelectorAll("th button")].every((b) => b.textContent.trim().length > 0));
say("tables", [...document.querySelectorAll("table")].every((table) => {
  const box = table.getBoundingClientRect();
  const clips = (node) => node && node !== document.body
    && (getComputedStyle(node).overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1 || clips(node.parentElement));
  return box.width > 0 && !clips(table.parentElement);
}));
say("fits", document.documentElement.scrollWidth <= page + 1);
say("wide", [...document.querySelectorAll("table, pre, h1, h2, h3, p")]
  .filter((node) => shown(node) && node.getBoundingClientRect().right > page + 1)
  .map((node) => node.tagName + node.getBoundingClientRect().right).join("/"));
say("light", !dark(getComputedStyle(document.body).backgroundColor)
  && [...document.querySelectorAll("pre, .code, dl.key div")].every((n) => !dark(getComputedStyle(n).backgroundColor)));
say("ink", dark(getComputedStyle(document.body).color));
say("tools", [...document.querySelectorAll(".code button, .tools button")].filter(shown).length);
say("charts", [...document.querySelectorAll("svg.plot")].filter(shown).length);
say("lines", [...document.querySelectorAll("pre")].filter(shown).length);
document.body.dataset.result = out.join(";");
"##;

/// What the eyes saw, by name.
fn seen(dom: &[u8]) -> std::collections::BTreeMap<String, String> {
    let dom = String::from_utf8_lossy(dom).into_owned();
    let (_, result) = dom.split_once("data-result=\"").expect("the eyes did not reach their end");
    let result = result.split('"').next().unwrap_or_default();
    result
        .split(';')
        .filter_map(|item| item.split_once('='))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

/// The page without its policy, which forbids foreign scripts, and with the eyes at its end.
fn watched(page: &str) -> String {
    let (head, rest) = page.split_once("<meta http-equiv").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    format!("{head}{rest}").replace("</body>", &format!("<script>{EYES}</script></body>"))
}

fn reads_well(seen: &std::collections::BTreeMap<String, String>, what: &str) {
    for name in ["head", "columns", "words", "tables", "fits", "light", "ink"] {
        assert_eq!(seen[name], "true", "{what}: {name}: {seen:?}");
    }
    for (name, least) in [("sections", 6), ("charts", 2), ("lines", 3)] {
        assert!(seen[name].parse::<u32>().unwrap() >= least, "{what}: {name}: {seen:?}");
    }
}

/// Print media, on a reader's screen that is dark: the rules for print are the ones that hold, at the width of a page of
/// paper.
#[test]
#[ignore = "needs Chromium"]
fn the_page_prints_on_paper() {
    let (path, page) = report("report-print.html");
    // Chromium's command line cannot emulate a medium, so the page's own rules for print are made to hold; those for the
    // dark too, which print must overrule.
    assert!(page.contains("@media print {") && page.contains("@media (prefers-color-scheme: dark) {"));
    let paper = watched(&page)
        .replace("@media print {", "@media all {")
        .replace("@media (prefers-color-scheme: dark) {", "@media all {");
    std::fs::write(&path, paper).unwrap();
    // A page of A4 within its margins.
    let output = chromium(&["--dump-dom", "--window-size=718,4200"], &path);
    assert_eq!(console(&output), Vec::<String>::new());
    let seen = seen(&output.stdout);
    reads_well(&seen, "print");
    assert_eq!(seen["tools"], "0", "what is pressed is not printed: {seen:?}");
    // And really printed: pages come out, one document.
    std::fs::write(&path, &page).unwrap();
    let pdf = path.with_extension("pdf");
    let _ = std::fs::remove_file(&pdf);
    let output = chromium(&[&format!("--print-to-pdf={}", pdf.display())], &path);
    assert_eq!(console(&output), Vec::<String>::new());
    let printed = std::fs::read(&pdf).unwrap();
    assert!(printed.starts_with(b"%PDF-") && printed.len() > 20_000, "{} bytes", printed.len());
}

/// Scripts are forbidden in many a viewer of attachments: everything is there to be read without them.
#[test]
#[ignore = "needs Chromium"]
fn the_page_is_read_without_its_scripts() {
    let (path, page) = report("report-plain.html");
    let eyes = watched(&page);
    // The page's own script goes; the eyes stay.
    let (head, rest) = eyes.split_once("<script>").unwrap();
    let (own, rest) = rest.split_once("</script>").unwrap();
    assert!(own.contains("dataset"), "the first script is the page's own");
    std::fs::write(&path, format!("{head}{rest}")).unwrap();
    let output = chromium(&["--dump-dom"], &path);
    assert_eq!(console(&output), Vec::<String>::new());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("data-ready"));
    reads_well(&seen(&output.stdout), "without scripts");
}
