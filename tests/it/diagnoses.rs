//! The catalogue as documentation: `docs/diagnoses.md`, made from the pages, and the lists of `explain --list`.

use std::fmt::Write;

use meshwhy::diagnosis::{Advice, Catalog, Names, Page, help};
use meshwhy::report::explain::lists::{self, By};
use meshwhy::words::Lang;

use crate::samples::{RENEW, root};

const HEAD: &str = "# What meshwhy can diagnose\n\n\
    Every cause that findings name: what it means, how it shows, what speaks against it, how to check and how to mend it, with\n\
    lines that show it. The same page, without the lines, is at hand as `meshwhy explain ID`; the tables are `meshwhy explain\n\
    --list guide`, `flag` and `symptom`. Made from the pages in `src/diagnosis/catalog` ([their form](catalog.md)) by\n\
    `MESHWHY_RENEW=1 cargo test --test it diagnoses`. Pages of your own: [rules.md](rules.md).\n";

fn link(id: &String) -> String {
    format!("[`{id}`](#{id})")
}

/// One table of causes.
fn table(title: &str, key: &str, by: By, out: &mut String) {
    write!(out, "\n## {title}\n\n| {key} | causes |\n| --- | --- |\n").expect("text");
    for (key, about, ids) in lists::rows(Catalog::built_in(), by) {
        let cell = format!("{key} {about}").trim().replace('|', "\\|");
        let ids: Vec<String> = ids.iter().map(link).collect();
        writeln!(out, "| {cell} | {} |", ids.join(", ")).expect("text");
    }
}

/// The prose of a page, its headings below those of this document.
fn prose(body: &str, out: &mut String) {
    let mut fenced = false;
    for line in body.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let deeper = if line.starts_with("##") && !fenced { "#" } else { "" };
        writeln!(out, "{deeper}{line}").expect("text");
    }
}

fn advice(title: &str, list: &[Advice], out: &mut String) {
    write!(out, "\n### {title}\n\n").expect("text");
    for item in list {
        let filled = Names::none().remedy(item, Lang::En);
        writeln!(out, "- {}", filled.text).expect("text");
        for (kind, block) in [("sh", &filled.command), ("yaml", &filled.yaml)] {
            let Some(block) = block else { continue };
            let lines: String =
                block.lines().map(|line| format!("  {line}\n").replace("  \n", "\n")).collect();
            write!(out, "\n  ```{kind}\n{lines}  ```\n\n").expect("text");
        }
    }
}

fn section(page: &Page, out: &mut String) {
    let head = &page.head;
    write!(out, "\n## {}\n\n**{}** ({}", head.id, page.title, head.class.meaning(Lang::En)).expect("text");
    if !head.guide.is_empty() {
        write!(out, "; guide {}", head.guide.join(", ")).expect("text");
    }
    out.push_str(")\n\n");
    prose(&page.body, out);
    advice("Check", &head.confirm, out);
    advice("Fix", &head.fix, out);
    out.push_str("\n### Lines that show it\n");
    for example in &page.fires {
        write!(out, "\n```text\n{}```\n", example.text).expect("text");
    }
    let others: Vec<String> = head.symptom_of.iter().chain(&head.follows).map(link).collect();
    if !others.is_empty() {
        write!(out, "\nMay be brought about by {}.\n", others.join(", ")).expect("text");
    }
    for (at, url) in head.links.iter().enumerate() {
        writeln!(out, "{}- <{url}>", if at == 0 { "\n" } else { "" }).expect("text");
    }
}

#[test]
fn the_page_of_all_diagnoses_is_up_to_date() {
    let mut page = HEAD.to_owned();
    table("By section of the guide", "section", By::Guide, &mut page);
    table("By response flag", "flag", By::Flag, &mut page);
    table("By what was seen", "seen", By::Symptom, &mut page);
    Catalog::built_in().pages().iter().for_each(|cause| section(cause, &mut page));
    let path = root().join("docs/diagnoses.md");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, &page).expect("docs/diagnoses.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/diagnoses.md is stale; {RENEW}=1 renews it");
}

/// What findings point to is there.
#[test]
fn every_cause_has_its_place_in_the_page() {
    let page = std::fs::read_to_string(root().join("docs/diagnoses.md")).expect("docs/diagnoses.md");
    for cause in Catalog::built_in().pages() {
        let id = &cause.head.id;
        assert_eq!(help(id), Some(format!("docs/diagnoses.md#{id}")));
        assert_eq!(page.matches(&format!("\n## {id}\n")).count(), 1, "{id}");
    }
    assert_eq!(help("my-own"), None);
}

/// No cause is lost between the lists: each stands in the one by status, and where it says so in the others.
#[test]
fn lists_name_the_causes() {
    let catalog = Catalog::built_in();
    let listed =
        |by| lists::rows(catalog, by).into_iter().flat_map(|(_, _, ids)| ids).collect::<Vec<String>>();
    let (guide, flag, symptom) = (listed(By::Guide), listed(By::Flag), listed(By::Symptom));
    for page in catalog.pages() {
        let id = &page.head.id;
        assert_eq!(guide.contains(id), !page.head.guide.is_empty(), "{id} by guide");
        let proxy_log_only = page.head.when.iter().all(meshwhy::diagnosis::When::is_about_proxy_log);
        assert!(symptom.contains(id) || proxy_log_only, "{id} by symptom");
    }
    assert!(flag.contains(&"connection-refused".to_owned()) && flag.contains(&"no-route".to_owned()));
    let uf = lists::rows(catalog, By::Flag).into_iter().find(|(key, ..)| key == "UF").expect("UF");
    assert!(uf.1 == "UpstreamConnectionFailure" && uf.2.contains(&"connect-timeout".to_owned()), "{uf:?}");
}
