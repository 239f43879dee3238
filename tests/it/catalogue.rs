//! The pages of the catalogue: each page's own examples, the fixed ids, the sections of the troubleshooting guide.

use std::collections::BTreeSet;

use meshwhy::diagnosis::{Catalog, Example, GUIDE, Page};

use crate::samples::{files, relative, summary_of, text};

/// Ids that scripts and the outputs rely on. New ones may join; none of these may go.
const IDS: &str = "
    no-route missing-cluster no-filter-chain sni-not-matched plaintext-to-tls https-to-http-port connection-reuse-wrong-host
    unregistered-host passthrough-destination headless-direct fault-injection direct-response maintenance-mode upgrade-refused
    filter-reply filter-error filter-config-missing config-rejected control-plane-disconnected config-propagation
    weighted-routing-sample connection-refused connect-timeout network-unreachable local-bind-failure
    file-descriptors-exhausted no-endpoints outlier-ejection health-check-failing endpoint-churn circuit-breaker
    retries-exhausted retry-amplification dns-failure tls-to-plaintext tls-handshake-failed tls-version-mismatch
    tls-ca-mismatch tls-certificate-expired tls-certificate-not-yet-valid tls-san-mismatch client-certificate-rejected
    tls-secret-not-ready double-tls downstream-tls-failed keepalive-race upstream-closed upstream-reset local-reset
    upstream-protocol-error protocol-mismatch upstream-timeout per-try-timeout stream-idle-timeout max-duration upstream-slow
    application-error next-hop-error client-disconnected client-too-slow long-lived-stream-ended scanner-noise probe-failing
    bad-client-request http10-client headers-too-large payload-too-large invalid-envoy-header jwt-rejected jwks-unavailable
    authentication-failed rbac-denied ext-authz-denied ext-authz-error rate-limited rate-limit-service-error
    tcp-connection-limited overload-manager load-shed drop-overload local-health-check-failed proxy-draining proxy-crash
    clock-skew metrics-scrape-failing multicluster-gateway multicluster-trust hbone-failed invalid-backend-ref";

/// Two sections are answered by more than pages.
const GUIDE_BY_COMMANDS: [(&str, &str); 2] = [
    ("5.1", "every finding's `check` and `fix` lines are these commands, with your names filled in"),
    (
        "5.2",
        "an input without access lines, or without flags, says what to switch on; istiod is judged by the proxy's own lines",
    ),
];

fn pages() -> Vec<&'static Page> {
    Catalog::built_in().pages()
}

fn fires(page: &Page, example: &Example) -> bool {
    page.fires_on(&summary_of(example.text.as_bytes()))
}

#[test]
fn every_page_can_be_read() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in files("src/diagnosis/catalog").iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        count += 1;
        let name = relative(path);
        if let Err(error) = Page::parse(&name, &text(&name)) {
            wrong.push(error.to_string());
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(pages().len(), count, "pages on disk and pages loaded");
}

#[test]
fn ids_are_the_promised_ones() {
    let mut seen = BTreeSet::new();
    for page in pages() {
        assert!(seen.insert(page.head.id.as_str()), "{} stands twice", page.head.id);
    }
    let promised: BTreeSet<&str> = IDS.split_whitespace().collect();
    let missing: Vec<_> = promised.difference(&seen).collect();
    assert!(missing.is_empty(), "no page: {missing:?}");
}

#[test]
fn every_section_of_the_guide_is_answered() {
    let answered: BTreeSet<&str> =
        pages().iter().flat_map(|page| &page.head.guide).map(String::as_str).collect();
    let asked: BTreeSet<&str> = GUIDE.iter().map(|(section, _)| *section).collect();
    let by_commands: BTreeSet<&str> = GUIDE_BY_COMMANDS.iter().map(|(section, _)| *section).collect();
    let open: Vec<_> = asked.difference(&answered).filter(|s| !by_commands.contains(*s)).collect();
    assert!(open.is_empty(), "no page answers {open:?}");
    let unknown: Vec<_> = answered.difference(&asked).collect();
    assert!(unknown.is_empty(), "the guide has no section {unknown:?}");
}

#[test]
fn the_table_of_the_guide_is_up_to_date() {
    use std::fmt::Write;
    let mut page = String::from(
        "# The troubleshooting guide, section by section\n\n\
         What answers each section: the causes that findings name, and the command that explains them without a log. This page\n\
         is written by `MESHWHY_RENEW=1 cargo test --test it guide`.\n\n\
         | section | about | causes | command |\n| --- | --- | --- | --- |\n",
    );
    for (section, about) in GUIDE {
        // What no page answers, the triage itself does.
        let by_page = pages().iter().any(|page| page.head.guide.iter().any(|s| s == section));
        let command = if by_page { format!("meshwhy explain {section}") } else { "meshwhy LOG".to_owned() };
        let mut answers: Vec<String> = pages()
            .iter()
            .filter(|page| page.head.guide.iter().any(|s| s == section))
            .map(|page| format!("[`{0}`](diagnoses.md#{0})", page.head.id))
            .collect();
        answers.extend(
            GUIDE_BY_COMMANDS.iter().filter(|(s, _)| *s == section).map(|(_, how)| (*how).to_owned()),
        );
        writeln!(page, "| {section} | {about} | {} | `{command}` |", answers.join(", ")).expect("text");
    }
    let path = crate::samples::root().join("docs/guide.md");
    if std::env::var_os(crate::samples::RENEW).is_some() {
        std::fs::write(&path, &page).expect("docs/guide.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/guide.md is stale; {}=1 renews it", crate::samples::RENEW);
}

#[test]
fn every_page_is_complete() {
    let mut wrong = Vec::new();
    for page in pages() {
        let id = &page.head.id;
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{id}: {what}"));
            }
        };
        expect(!page.head.when.is_empty(), "no [[when]]");
        expect(!page.fires.is_empty(), "no ```log fires");
        expect(!page.silent.is_empty(), "no ```log silent");
        expect(!page.meaning.is_empty(), "no first paragraph");
        expect(!page.body_zh.is_empty() && !page.head.title_zh.is_empty(), "no Chinese");
        expect(!page.head.fix.is_empty(), "no [[fix]]");
        expect(!page.head.confirm.is_empty(), "no [[confirm]]");
        expect(
            page.title.starts_with(|c: char| !c.is_uppercase()) || starts_with_a_name(&page.title),
            "title begins in upper case",
        );
        expect(!page.title.ends_with('.'), "title ends with a full stop");
        for when in &page.head.when {
            expect(when.weight > 0.0 && when.weight < 1.0, "a weight is not between 0 and 1");
        }
        for adjust in &page.head.support {
            expect(adjust.factor >= 1.0, "a supporting factor below 1");
        }
        for adjust in &page.head.against {
            expect((0.0..1.0).contains(&adjust.factor), "a factor against that is not below 1");
            if let Some(rival) = &adjust.favours {
                expect(
                    Catalog::built_in().page(rival).is_some(),
                    &format!("favours {rival}, which is no page"),
                );
            }
        }
        for root in page.head.symptom_of.iter().chain(&page.head.follows) {
            expect(
                Catalog::built_in().page(root).is_some(),
                &format!("symptom_of or follows {root}, which is no page"),
            );
        }
        for link in &page.head.links {
            expect(link.starts_with("https://"), &format!("{link} is no https link"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// `HTTP/1.0 is refused`, `TLS …`, `Envoy …`: names keep their capitals.
fn starts_with_a_name(title: &str) -> bool {
    let word = title.split_whitespace().next().unwrap_or_default();
    word.chars().skip(1).any(char::is_uppercase) || matches!(word, "Envoy" | "Istio" | "Prometheus")
}

#[test]
fn examples_fire() {
    let silent: Vec<String> = pages()
        .iter()
        .flat_map(|page| page.fires.iter().map(move |lines| (page, lines)))
        .filter(|(page, lines)| !fires(page, lines))
        .map(|(page, lines)| format!("{}: no pattern fits\n{}", page.head.id, lines.text))
        .collect();
    assert!(silent.is_empty(), "\n{}", silent.join("\n"));
}

#[test]
fn patterns_of_the_proxys_own_log_have_examples() {
    let untold: Vec<_> = pages()
        .iter()
        .flat_map(|page| page.head.when.iter().map(move |when| (page, when)))
        .filter(|(_, when)| when.is_about_proxy_log())
        .filter(|(page, when)| {
            !page.fires.iter().any(|lines| when.told_by(&summary_of(lines.text.as_bytes()).proxy_log))
        })
        .map(|(page, _)| page.head.id.as_str())
        .collect();
    assert!(untold.is_empty(), "no example of the proxy's own lines: {untold:?}");
}

#[test]
fn counterexamples_are_silent() {
    let firing: Vec<String> = pages()
        .iter()
        .flat_map(|page| page.silent.iter().map(move |lines| (page, lines)))
        .filter(|(page, lines)| fires(page, lines))
        .map(|(page, lines)| format!("{}: fires on\n{}", page.head.id, lines.text))
        .collect();
    assert!(firing.is_empty(), "\n{}", firing.join("\n"));
}

/// An example that is no log would prove nothing.
#[test]
fn examples_are_logs() {
    let mut wrong = Vec::new();
    for page in pages() {
        for lines in page.fires.iter().chain(&page.silent) {
            let lines = &lines.text;
            let read = summary_of(lines.as_bytes()).lines;
            if read.access + read.proxy == 0 || read.rejected > 0 {
                wrong.push(format!(
                    "{}: {} records, {} proxy lines, {} rejected in\n{lines}",
                    page.head.id, read.access, read.proxy, read.rejected
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A wrong key or signal in a page of the user's own is told with its name.
#[test]
fn a_wrong_page_is_refused() {
    let good = &text("docs/catalog.md");
    let (_, page) = good.split_once("````markdown\n").expect("the example page");
    let (page, _) = page.split_once("\n````").expect("its end");
    Catalog::parse([("example", page)]).expect("the page of docs/catalog.md can be read");
    let error =
        Catalog::parse([("example", &*page.replace("signal = \"one-host\"", "signal = \"one-hose\""))])
            .expect_err("an unknown signal");
    assert!(error.to_string().contains("one-hose"), "{error}");
}
