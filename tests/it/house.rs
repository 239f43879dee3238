//! The promises of `docs/house.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::samples::{RENEW, files, relative, root, text};

/// A source file's own code: without comments, and without the tests at its end.
fn code(source: &str) -> String {
    source
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Rust files of `src` with their text, tests that are files of their own left out.
fn sources() -> Vec<(String, String)> {
    files("src")
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| (relative(path), text(&relative(path))))
        .collect()
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The room a file belongs to: `src/format/json.rs` → `format`, `src/error.rs` → `error`.
fn room(path: &str) -> &str {
    let rest = path.strip_prefix("src/").unwrap_or(path);
    rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs")
}

/// Rooms that a text names behind `crate::`.
fn known_rooms(code: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with('$') || code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => top_level(list),
            None => vec![rest],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // The crate itself re-exports Error, ErrorKind and Result.
            let is_type = name.starts_with(char::is_uppercase);
            out.insert(if is_type { "error".to_owned() } else { name });
        }
    }
    out
}

/// The parts of a `{…}` list whose opening brace has been taken off.
fn top_level(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Words in backticks.
fn ticked(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The table "Who may know whom" of `docs/house.md`.
fn who_may_know_whom() -> BTreeMap<String, BTreeSet<String>> {
    let page = text("docs/house.md");
    let (_, section) = page.split_once("## Who may know whom").expect("the section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let mut table = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        for room in ticked(cells[0]) {
            table.insert(room, ticked(cells[1]));
        }
    }
    table
}

#[test]
fn arrows_point_one_way() {
    let table = who_may_know_whom();
    let mut wrong = Vec::new();
    for (path, source) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let room = room(path);
        if matches!(room, "lib" | "main") {
            continue;
        }
        let Some(allowed) = table.get(room) else {
            wrong.push(format!("{path}: room {room} is not in docs/house.md, \"Who may know whom\""));
            continue;
        };
        for name in known_rooms(&code(source)) {
            if name != room && !allowed.contains(&name) {
                wrong.push(format!("{path}: {room} may not know {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Rooms are no circle: each stands below those that may use it.
#[test]
fn the_table_has_no_circle() {
    let mut table = who_may_know_whom();
    assert!(table.len() >= 10, "the table was not found");
    table.remove("cli");
    while let Some(lowest) = table
        .iter()
        .find(|(_, uses)| !uses.iter().any(|u| table.contains_key(u)))
        .map(|(room, _)| room.clone())
    {
        table.remove(&lowest);
    }
    assert!(table.is_empty(), "these rooms use each other: {:?}", table.keys());
}

#[test]
fn arguments_are_the_programs_business() {
    for (path, source) in sources() {
        if matches!(room(&path), "main" | "cli") {
            continue;
        }
        let code = code(&source);
        for word in ["clap::", "indicatif::", "anstream::", "std::process::exit", "crate::cli"] {
            assert!(!code.contains(word), "{path}: {word} belongs into src/cli");
        }
    }
}

#[test]
fn imports_are_found_in_every_spelling() {
    let found = known_rooms(
        "use crate::{ErrorKind, envoy::{Flag, x}, record};\nlet x = crate::format::y(); $crate::no",
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["envoy", "error", "format", "record"]);
}

#[test]
fn files_stay_small() {
    for (path, source) in sources() {
        let lines = source.lines().count();
        assert!(lines <= 700, "{path} has {lines} lines; 700 is the end, 400 the aim");
    }
}

/// A file that no `mod` names is never compiled.
#[test]
fn every_file_is_in_the_tree() {
    for (path, _) in sources() {
        let file = Path::new(&path);
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if matches!(path.as_str(), "src/lib.rs" | "src/main.rs") {
            continue;
        }
        let folder = file.parent().expect("a folder");
        let (name, above) = if stem == "mod" {
            (
                folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                folder.parent().expect("src"),
            )
        } else {
            (stem, folder)
        };
        let mut parents = vec![above.join("mod.rs"), above.with_extension("rs")];
        if above == Path::new("src") {
            parents = vec!["src/lib.rs".into(), "src/main.rs".into()];
        }
        let declared = parents.iter().any(|parent| {
            let source = std::fs::read_to_string(root().join(parent)).unwrap_or_default();
            source
                .lines()
                .any(|line| line.trim().trim_start_matches("pub ").ends_with(&format!("mod {name};")))
        });
        assert!(declared, "no mod names {path}");
    }
}

/// Whoever implements a room's trait has a row in the room's table.
#[test]
fn every_implementation_is_in_its_table() {
    let mut found = 0;
    for (trait_name, folder, table) in [
        ("Renderer", "src/report", "RENDERERS"),
        ("Narrator", "src/report", "NARRATORS"),
        ("Container", "src/input", "CONTAINERS"),
    ] {
        let all: Vec<(String, String)> =
            sources().into_iter().filter(|(path, _)| path.starts_with(folder) && !is_test(path)).collect();
        let start = format!("static {table}: ");
        let Some(rows) = all.iter().find_map(|(_, source)| {
            let (_, rows) = source.split_once(&start)?;
            rows.split_once(';').map(|(rows, _)| rows.to_owned())
        }) else {
            panic!("{folder} has no table {table}");
        };
        for (path, source) in &all {
            for name in code(source).split(&format!("impl {trait_name} for ")).skip(1) {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
                assert!(rows.contains(&name), "{path}: {name} is not in {table}");
                found += 1;
            }
        }
    }
    assert!(found >= 6, "only {found} implementations found: has the way to write them changed?");
}

#[test]
fn every_page_is_in_its_table() {
    let on_disk: BTreeSet<String> = files("src/diagnosis/catalog")
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    let loaded: BTreeSet<String> =
        meshwhy::diagnosis::Catalog::built_in().pages().iter().map(|page| page.head.id.clone()).collect();
    let missing: Vec<_> = on_disk.difference(&loaded).collect();
    assert!(missing.is_empty(), "not in PAGES, or not readable: {missing:?}");
    let lost: Vec<_> = loaded.difference(&on_disk).collect();
    assert!(lost.is_empty(), "in PAGES under another name than the file's: {lost:?}");
}

#[test]
fn every_signal_is_documented() {
    let page = text("docs/catalog.md");
    let (_, section) = page.split_once("## Signals").expect("the section");
    let documented: BTreeSet<String> = section
        .lines()
        .filter(|l| l.starts_with("| `"))
        .flat_map(|l| ticked(l.split('|').nth(1).unwrap_or(l)))
        .collect();
    let rules: BTreeSet<String> = meshwhy::diagnosis::RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(rules, documented, "RULES and the table of docs/catalog.md differ");
}

/// Every text format has a sample.
#[test]
fn every_format_has_a_sample() {
    for (name, _) in meshwhy::format::known_formats() {
        let folder = format!("sample-logs/{name}");
        assert!(root().join(&folder).is_dir(), "{folder} is missing");
    }
}

#[test]
fn every_sample_is_explained() {
    let page = text("sample-logs/README.md");
    let mentioned = ticked(&page);
    for path in files("sample-logs") {
        let path = relative(&path);
        let path = path.trim_start_matches("sample-logs/");
        let (folder, file) = path.split_once('/').unwrap_or(("", path));
        let known = file == "README.md"
            || [path.to_owned(), folder.to_owned(), format!("{folder}/*")]
                .iter()
                .any(|p| mentioned.contains(p));
        assert!(known, "sample-logs/README.md does not tell how {path} was made");
    }
}

#[test]
fn nothing_is_left_to_do() {
    // In two pieces: this file is searched, too.
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!"), concat!("unimplem", "ented!")];
    for path in files("src").iter().chain(&files("docs")).chain(&files("tests/it")) {
        let text = text(&relative(path));
        for word in words {
            assert!(!text.contains(word), "{}: {word}", relative(path));
        }
    }
}

/// Only what the fixed top level allows.
#[test]
fn the_top_level_is_tidy() {
    let known = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "benches",
        "tests",
        "sample-logs",
        "docs",
        "README.md",
        "README.zh.md",
        "LICENSE",
        "CHANGELOG.md",
        "target",
    ];
    for entry in std::fs::read_dir(root()).expect("the repository") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || known.contains(&name.as_str()), "{name} at the top level");
    }
}

/// Links between pages lead somewhere.
#[test]
fn links_between_documents_hold() {
    let mut pages: Vec<String> = files("docs").iter().map(|p| relative(p)).collect();
    pages.extend(
        ["README.md", "README.zh.md", "CHANGELOG.md", "sample-logs/README.md", "benches/README.md"]
            .map(str::to_owned),
    );
    for page in pages.iter().filter(|page| page.ends_with(".md")) {
        let content = text(page);
        for link in content.split("](").skip(1) {
            let target = link.split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let folder = Path::new(page).parent().unwrap_or(Path::new(""));
            assert!(root().join(folder).join(target).exists(), "{page}: {target} does not exist");
        }
    }
}

#[test]
fn flags_page_is_up_to_date() {
    use std::fmt::Write;
    let mut page = String::from(
        "# Response flags\n\n\
         What Envoy itself says of a request (`%RESPONSE_FLAGS%`). Made from `FLAGS` in `src/envoy/flags.rs`; \
         `MESHWHY_RENEW=1 cargo test --test it flags_page` renews it. A flag that is not here is kept and counted as it \
         stands in the log.\n\n\
         | flag | long name | speaks of | status | since | meaning |\n|---|---|---|---|---|---|\n",
    );
    for row in meshwhy::envoy::FLAGS {
        let side = match row.side {
            meshwhy::envoy::Side::Downstream => "the client",
            meshwhy::envoy::Side::Envoy => "this proxy",
            meshwhy::envoy::Side::Upstream => "the upstream",
            meshwhy::envoy::Side::Policy => "a policy",
        };
        writeln!(
            page,
            "| `{}` | {} | {side} | {} | {} | {} |",
            row.code, row.name, row.status, row.since, row.meaning
        )
        .expect("text");
    }
    let path = root().join("docs/flags.md");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, &page).expect("docs/flags.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/flags.md is stale; {RENEW}=1 renews it");
}
