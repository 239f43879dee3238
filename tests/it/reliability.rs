//! `docs/reliability.md`: every promise in its table names the tests that prove it, and they exist.

use std::collections::BTreeSet;

use crate::samples::{root, text};

/// The source of a test's module: `broken` is beside this file, `report::escape` in `src`.
fn source(module: &str) -> Option<String> {
    let place = module.replace("::", "/");
    [
        format!("tests/it/{place}.rs"),
        format!("tests/{place}/main.rs"),
        format!("src/{place}.rs"),
        format!("src/{place}/mod.rs"),
    ]
    .iter()
    .find(|path| root().join(path).is_file())
    .map(|path| text(path))
}

#[test]
fn every_promise_has_its_tests() {
    let page = text("docs/reliability.md");
    let (_, table) = page.split_once("| promise | proved by |\n").expect("the table of promises");
    let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 20, "{}", rows.len());
    let mut missing = BTreeSet::new();
    for row in rows {
        let (_, proofs) = row.trim_end_matches(" |").rsplit_once(" | ").expect("two cells");
        let names: Vec<&str> = proofs.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "a promise without a proof: {row}");
        for name in names {
            let (module, test) = name.rsplit_once("::").unwrap_or((name, ""));
            let known = source(module).is_some_and(|code| code.contains(&format!("fn {test}(")));
            if !known {
                missing.insert(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "docs/reliability.md names tests that do not exist: {missing:?}");
}

/// What the page says of the fuzzers is said of those there are.
#[test]
fn every_fuzzer_is_told_of() {
    let page = text("docs/reliability.md");
    for (name, _) in crate::properties::PROPERTIES {
        assert!(page.contains(&format!("| `{name}` |")), "{name} has no row in docs/reliability.md");
    }
}
