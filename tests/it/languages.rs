//! English and Chinese: all that is said is said in both, by the right rule, and stands straight on the screen.

use std::process::{Command, Output, Stdio};

use meshwhy::diagnosis::{Catalog, RULES};
use meshwhy::envoy::{FLAGS, details, transport};
use meshwhy::format::format_rows;
use meshwhy::words::{Lang, is_chinese};
use unicode_width::UnicodeWidthStr;

use crate::samples::{RENEW, files, relative, root, samples};

/// Samples whose Chinese screens are kept: different causes, formats, and a log without anything wrong.
const KEPT: [&str; 8] = [
    "istio-text/checkout-killed.log",
    "istio-text/circuit-breaker.log",
    "istio-text/certificate-expired.log",
    "istio-text/canary-refused.log",
    "istio-text/healthy.log",
    "istio-json/jwt-rejected.jsonl",
    "istio-json/caller-gives-up.jsonl",
    "envoy-default/refused-and-overflow.log",
];

fn meshwhy(args: &[&str], locale: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwhy"));
    command.args(args).current_dir(root()).env("COLUMNS", "100").stdin(Stdio::null());
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command.envs(locale.iter().copied()).output().expect("the program runs")
}

fn said(args: &[&str]) -> String {
    let output = meshwhy(args, &[]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Parts of a text that mean the same in every language: placeholders and what stands between backticks.
fn fixed(text: &str) -> Vec<&str> {
    let mut out: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let holes = ["{service}", "{namespace}", "{port}", "{subset}", "{upstream}", "{authority}", "{route}"];
    let more = ["{path}", "{sni}", "{host}", "{host_ip}", "{pod}", "{listener}"];
    out.extend(holes.into_iter().chain(more).filter(|hole| text.contains(*hole)));
    out
}

#[test]
fn every_sentence_of_every_page_is_told_in_chinese() {
    let mut wrong = Vec::new();
    for page in Catalog::built_in().pages() {
        let (id, zh) = (&page.head.id, &page.head.zh);
        for sentence in page.sentences() {
            match zh.get(sentence) {
                None => wrong.push(format!("{id}: [zh] lacks {sentence:?}")),
                Some(told) if !is_chinese(told) => wrong.push(format!("{id}: no Chinese: {told:?}")),
                Some(told) => {
                    let lost = fixed(sentence).into_iter().filter(|part| !told.contains(part));
                    wrong.extend(lost.map(|part| format!("{id}: {part} is not in {told:?}")));
                }
            }
        }
        let stale = zh.keys().filter(|key| !page.sentences().contains(&key.as_str()));
        wrong.extend(stale.map(|key| format!("{id}: nobody says {key:?} any more")));
        let told = [&page.head.title_zh, &page.meaning_zh, &page.body_zh];
        if !told.into_iter().all(|text| is_chinese(text)) || !page.body_zh.starts_with("**含义**：") {
            wrong.push(format!("{id}: title, or the section that begins with its meaning"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_row_of_the_vocabulary_is_told_in_chinese() {
    let mut rows: Vec<(&str, &str)> = RULES.iter().map(|rule| (rule.name, rule.zh)).collect();
    rows.extend(FLAGS.iter().map(|row| (row.code, row.zh)));
    rows.extend(details::rows().iter().map(|row| (row.pattern.as_str(), row.zh.as_str())));
    rows.extend(transport::rows().iter().map(|row| (row.name.as_str(), row.zh.as_str())));
    assert!(rows.len() > 350);
    let wrong: Vec<_> = rows.iter().filter(|(_, zh)| !is_chinese(zh) || zh.ends_with('。')).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // A status in words, and who writes a format, are often names only.
    for row in details::rows() {
        let in_words = row.code.contains(|c: char| c.is_ascii_lowercase());
        assert_eq!(row.code_zh.is_some(), in_words, "{}: code_zh", row.pattern);
    }
    let english: Vec<&str> =
        format_rows().iter().map(|row| row.zh.as_str()).filter(|zh| speaks_english(zh)).collect();
    assert!(english.is_empty(), "{english:#?}");
}

/// Small words without which there is no English sentence; none of them is a name in this field.
const SMALL_WORDS: [&str; 26] = [
    "the", "of", "and", "is", "are", "was", "were", "with", "that", "which", "this", "than", "by", "it",
    "its", "has", "have", "had", "but", "they", "their", "there", "when", "after", "before", "because",
];

/// True when a line holds an English sentence: two small words, not within quotes or backticks.
fn speaks_english(line: &str) -> bool {
    let quoted = |text: &str, open: char, close: char| -> String {
        let mut out = String::new();
        let mut inside = false;
        for c in text.chars() {
            match (inside, c) {
                (false, c) if c == open => inside = true,
                (true, c) if c == close => inside = false,
                (false, c) => out.push(c),
                _ => {}
            }
        }
        out
    };
    let bare = quoted(&quoted(&quoted(line, '`', '`'), '“', '”'), '"', '"');
    let words = bare.split(|c: char| !c.is_ascii_alphanumeric() && !"_-./'".contains(c));
    words.filter(|word| SMALL_WORDS.contains(word)).count() >= 2
}

/// Lines that are the same in every language: commands and resources to paste, and lines of the log.
fn prose(screen: &str) -> impl Iterator<Item = &str> {
    const COMMANDS: [&str; 9] =
        ["kubectl ", "istioctl ", "openssl ", "curl ", "grpcurl ", "jq ", "for ", "date ", "dig "];
    let mut fenced = false;
    screen.lines().filter(move |line| {
        let text = line.trim_start();
        fenced ^= text.starts_with("```");
        let indent = line.len() - text.len();
        let command = COMMANDS.iter().any(|command| text.starts_with(command)) || text.starts_with('#');
        let resource = indent >= 4 && !is_chinese(line) && text.contains(['{', '$', '|', ':']);
        !(fenced || command || resource)
    })
}

fn english_in(what: &str, screen: &str) -> Vec<String> {
    prose(screen).filter(|line| speaks_english(line)).map(|line| format!("{what}: {line}")).collect()
}

#[test]
fn english_is_recognised() {
    assert!(speaks_english("the upstream is slow") && speaks_english("since then it was the proxy"));
    assert!(
        !speaks_english("“the upstream is slow”，见 `the of and`") && !speaks_english("istio-proxy 的日志")
    );
}

#[test]
fn no_screen_in_chinese_holds_an_english_sentence() {
    let mut found = Vec::new();
    for sample in samples() {
        let path = format!("sample-logs/{}", sample.name);
        let path = path.as_str();
        for args in [&["--lang", "zh", path][..], &["report", "--lang", "zh", "--slo", "99.9", path]] {
            found.extend(english_in(&args.join(" "), &said(args)));
        }
    }
    for name in KEPT {
        let path = format!("sample-logs/{name}");
        let page = said(&["report", "--lang", "zh", "--output", "html", &path]);
        // Behind it stands the script, whose comments nobody sees.
        let (_, body) = page.split_once("<main>").expect("the body");
        let (body, _) = body.split_once("</main>").expect("its end");
        let text: String = body
            .split('<')
            .filter_map(|tag| tag.split_once('>'))
            .map(|(_, text)| format!("{text}\n"))
            .collect();
        found.extend(english_in(&path, &text));
        assert!(page.contains("<html lang=\"zh-Hans\">"), "{path}");
    }
    for output in ["markdown", "html"] {
        let page = said(&["--lang", "zh", "--output", output, FAILING]);
        assert!(page.contains("上游") && page.contains("置信度"), "{output}:\n{page}");
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_page_in_chinese_holds_an_english_sentence() {
    let catalog = Catalog::built_in().in_lang(Lang::Zh);
    let mut found = Vec::new();
    for page in catalog.pages() {
        let id = page.head.id.as_str();
        let mut out = Vec::new();
        let view = meshwhy::report::View { lang: Lang::Zh, width: 100, ..Default::default() };
        let known = meshwhy::report::explain::explain(id, &catalog, view, &mut out).expect("memory");
        let screen = String::from_utf8(out).expect("UTF-8");
        assert!(known && screen.starts_with(&page.title) && is_chinese(&page.title), "{id}:\n{screen}");
        found.extend(english_in(id, &screen));
    }
    for what in ["flags", "details", "causes", "formats"] {
        let list = said(&["catalog", what, "--lang", "zh"]);
        // What a failure is called is a name.
        let named = |line: &&str| transport::rows().iter().all(|row| row.name != *line);
        let list: String = list.lines().filter(named).map(|line| format!("{line}\n")).collect();
        found.extend(english_in(what, &list));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn what_chinese_readers_see_is_as_it_was() {
    let renew = std::env::var_os(RENEW).is_some();
    let mut changed = Vec::new();
    let mut kept: Vec<(String, String)> = KEPT
        .iter()
        .map(|name| (format!("{name}.txt"), said(&["--lang", "zh", &format!("sample-logs/{name}")])))
        .collect();
    let report = |args: &[&str]| said(&[args, &["--lang", "zh", FAILING]].concat());
    kept.push(("report/checkout-killed.md".to_owned(), report(&["report", "--slo", "99.9"])));
    kept.push((
        "report/checkout-killed-compare.md".to_owned(),
        report(&["compare", "--split-at", "2026-11-22T14:06:09.182Z"]),
    ));
    kept.push((
        "explain/keepalive-race.txt".to_owned(),
        said(&["explain", "keepalive-race", "--lang", "zh"]),
    ));
    for path in files("tests/golden-zh") {
        let name = relative(&path);
        assert!(kept.iter().any(|(kept, _)| name.ends_with(kept)), "{name} is kept for nothing");
    }
    for (name, got) in kept {
        let path = root().join("tests/golden-zh").join(&name);
        if renew {
            std::fs::create_dir_all(path.parent().expect("a folder"))
                .expect("tests/golden-zh can be written");
            std::fs::write(&path, &got).expect("tests/golden-zh can be written");
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != got {
            changed.push(name);
        }
    }
    assert!(changed.is_empty(), "{RENEW}=1 renews the Chinese screens of {changed:?}");
}

/// Display columns at which the cells of a line end; cells are two blanks or more apart.
fn ends(line: &str) -> Vec<usize> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(length) = line[at..].find("  ") {
        out.push(line[..at + length].width());
        at += length;
        at += line[at..].len() - line[at..].trim_start().len();
    }
    out.push(line.width());
    out
}

/// Chinese characters are two columns wide, and tables, labels and lines count columns.
#[test]
fn columns_stand_below_each_other_and_lines_fit() {
    let mut rows = 0;
    for name in KEPT {
        let screen = said(&["--lang", "zh", &format!("sample-logs/{name}")]);
        for line in screen.lines() {
            // Commands are to be pasted and never broken; the one line of a healthy log stays one line.
            let unbroken = line.starts_with("           ") || line.starts_with("一切正常");
            assert!(unbroken || line.width() <= 100, "{name}: {line:?}");
        }
        let table =
            screen.lines().skip_while(|line| !line.starts_with("上游 ")).take_while(|l| !l.is_empty());
        let table: Vec<&str> = table.filter(|line| !line.starts_with("应用：")).collect();
        let Some((head, body)) = table.split_first() else { continue };
        let head = ends(head);
        for row in body.iter().filter(|row| !row.starts_with(' ')) {
            assert_eq!(ends(row)[1..], head[1..], "{name}: {row:?}\n{screen}");
            rows += 1;
        }
    }
    assert!(rows >= 8, "only {rows} rows were compared");
}

const FAILING: &str = "sample-logs/istio-text/checkout-killed.log";

#[test]
fn the_locale_chooses_for_people_and_the_option_for_all() {
    let chinese = |args: &[&str], locale: &[(&str, &str)]| {
        is_chinese(&String::from_utf8(meshwhy(args, locale).stdout).expect("UTF-8"))
    };
    let zh = [("LANG", "zh_CN.UTF-8")];
    assert!(chinese(&[FAILING], &zh));
    assert!(chinese(&[FAILING], &[("LC_MESSAGES", "zh_CN.UTF-8"), ("LANG", "en_US.UTF-8")]));
    assert!(!chinese(&[FAILING], &[("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN.UTF-8")]));
    assert!(!chinese(&[FAILING], &[]));
    assert!(!chinese(&[FAILING, "--lang", "en"], &zh));
    for args in
        [&["report", FAILING][..], &["explain", "UF"], &["catalog", "causes"], &["--help"], &["report", "-h"]]
    {
        assert!(chinese(args, &zh), "{args:?}");
        assert!(!chinese(args, &[]), "{args:?}");
    }
    for first in [&["--lang", "zh"][..], &["--lang=zh"]] {
        assert!(chinese(&[first, &["report", FAILING]].concat(), &[]));
    }
    // Scripts get the same bytes from everybody.
    for args in
        [&[FAILING, "--output", "json"][..], &["report", FAILING, "--output", "json"], &["records", FAILING]]
    {
        assert_eq!(meshwhy(args, &zh).stdout, meshwhy(args, &[]).stdout, "{args:?}");
    }
    let asked = said(&[FAILING, "--output", "json", "--lang", "zh"]);
    let asked: serde_json::Value = serde_json::from_str(&asked).expect("JSON");
    let finding = &asked["findings"][0];
    for prose in [
        &finding["title"],
        &finding["likely_cause"],
        &finding["evidence"][0]["text"],
        &finding["fix"][0]["text"],
    ] {
        assert!(is_chinese(prose.as_str().expect("a sentence")), "{prose}");
    }
    // Names are not prose.
    assert_eq!((&finding["id"], &finding["severity"]), (&"connection-refused".into(), &"critical".into()));
}

#[test]
fn slips_are_told_in_chinese() {
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = folder.path().join("mesh.yaml");
    std::fs::write(&yaml, "a: b").expect("a file");
    let yaml = yaml.to_str().expect("UTF-8");
    for args in [
        &["--bogus"][..],
        &["--top", "x"],
        &["--output", "pdf", FAILING],
        &["--by", "colour", FAILING],
        &["--since", "soon", FAILING],
        &["--duration", "1s", FAILING],
        &["--code", "abc", FAILING],
        &["--outcome", "bad", FAILING],
        &["--direction", "up", FAILING],
        &["--bucket", "0", FAILING],
        &["--fail-over", "x", FAILING],
        &["--format", "none", FAILING],
        &["--format-string", "%RESPONSE_CODE%%RESPONSE_FLAGS%", FAILING],
        &["--format-string", "%REQ(X)%", FAILING],
        &["--format-from", yaml, FAILING],
        &["--json-keys", "a", FAILING],
        &["--json-keys", "nothing=a", FAILING],
        &["report", "--slo", "101", FAILING],
        &["report", "--output", "pdf", FAILING],
        &["compare", "--before", FAILING],
        &["compare", "--split-at", "noon", FAILING],
        &["records", "--output", "pdf", FAILING],
        &["explain", "zzzzqqqq"],
        &["catalog", "colours"],
        &["--quiet", "report", FAILING],
    ] {
        let output = meshwhy(args, &[("LANG", "zh_CN.UTF-8")]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(is_chinese(&text) && !text.lines().any(speaks_english), "{args:?}: {text}");
    }
    let output = meshwhy(&["no/such.log"], &[("LANG", "zh_CN.UTF-8")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && text.contains("no/such.log：第 0 字节处："), "{text}");
}

/// Words that people type, in either language of the answer.
#[test]
fn explain_finds_chinese_words() {
    for (word, id) in [
        ("熔断", "circuit-breaker"),
        ("连接被拒绝", "connection-refused"),
        ("连接超时", "connect-timeout"),
        ("证书过期", "tls-certificate-expired"),
        ("双重 TLS", "double-tls"),
        ("限流", "rate-limited"),
        ("故障注入", "fault-injection"),
        ("异常检测", "outlier-ejection"),
        ("排空", "proxy-draining"),
        ("重试放大", "retry-amplification"),
        ("时钟不同步", "clock-skew"),
        ("健康探测", "probe-failing"),
        ("没有健康的上游", "no-endpoints"),
        ("请求头过大", "headers-too-large"),
        ("域名解析失败", "dns-failure"),
        ("文件描述符", "file-descriptors-exhausted"),
        ("双向 TLS", "plaintext-to-tls"),
        ("东西向网关", "multicluster-gateway"),
        ("配置下发", "config-propagation"),
        ("无头服务", "headless-direct"),
    ] {
        for lang in ["zh", "en"] {
            let screen = said(&["explain", "--lang", lang, word]);
            // The page itself, or the first of a list.
            let head = screen.lines().next().unwrap_or_default();
            let first = screen.lines().find(|line| line.starts_with("  ")).unwrap_or_default();
            let page = head.contains(&format!("{id} · ")) || head.ends_with(id);
            assert!(page || first.trim_start().starts_with(&format!("{id} ")), "{word} in {lang}:\n{screen}");
        }
    }
    assert!(said(&["explain", "circuit-breaker", "--lang", "zh"]).contains("\n检查\n"));
}

/// Both sides of a request: the table of hops, the graphs, and the way of one request.
#[test]
fn hops_and_traces_are_told_in_chinese() {
    let logs = ["caller", "callee"].map(|side| format!("sample-logs/istio-text/retry-storm-{side}.log"));
    let told = |words: &[&str]| {
        let mut args = words.to_vec();
        args.extend(["--lang", "zh"]);
        args.extend(logs.iter().map(String::as_str));
        said(&args)
    };
    let table = told(&[]);
    assert!(table.contains("调用方") && table.contains("被调用方收到"), "{table}");
    assert!(!table.contains("AT CALLEE") && !table.contains("CALLER"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&said(&[&logs[1], "--output", "json"])).expect("JSON");
    let id = json["findings"][0]["exemplars"][0]["request_id"].as_str().expect("a request id");
    let tree = told(&["trace", id]);
    assert!(tree.contains(&format!("请求 {id}")) && tree.contains("次尝试"), "{tree}");
    assert!(!["request ", "attempt", "caller ", " at "].iter().any(|word| tree.contains(word)), "{tree}");
    let document = told(&["report"]);
    assert!(document.contains("个失败（") && !document.contains("at callee"), "{document}");
    let page = told(&["report", "--output", "html"]);
    assert!(page.contains("谁调用谁") && !page.contains("Who calls whom"));
}
