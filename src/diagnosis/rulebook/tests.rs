use super::*;

const OWN: &str = "# the cart's own limit\n\n```toml\nid = \"cart-limit\"\nclass = \"S4\"\n\n[[when]]\ncodes = [\"429\"]\nservice = [\"cart\"]\nweight = 0.9\n```\n\nIt means this.\n";

/// A folder with these files, laid over the built-in pages.
fn laid(files: &[(&str, &str)]) -> std::result::Result<(Rulebook, Folder), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut book = Rulebook::built_in();
    let path = folder.path().display().to_string() + "/";
    match book.add(folder.path()) {
        Ok(read) => Ok((book, read)),
        Err(error) => Err(error.to_string().replace(&path, "")),
    }
}

#[test]
fn pages_add_replace_and_switch_off() {
    let own = OWN.replace("cart-limit", "no-route");
    let off = "# whatever\n\n```toml\nid = \"scanner-noise\"\noff = true\n```\n";
    let (book, read) =
        laid(&[("a.md", OWN), ("b.md", &own), ("c.md", off), ("README.md", "no page")]).unwrap();
    assert_eq!((read.pages.len(), read.off.len()), (2, 1));
    assert_eq!(book.catalog().page("cart-limit").unwrap().title, "the cart's own limit");
    assert_eq!(book.catalog().page("no-route").unwrap().title, "the cart's own limit");
    assert!(book.catalog().page("scanner-noise").is_none());
    assert_eq!(book.catalog().pages().len(), Catalog::built_in().pages().len());
}

#[test]
fn a_page_reads_the_same_with_other_line_ends() {
    let (book, _) = laid(&[("a.md", &format!("\u{feff}{}", OWN.replace('\n', "\r\n")))]).unwrap();
    assert_eq!(book.catalog().page("cart-limit").unwrap().meaning, "It means this.");
}

#[test]
fn slips_are_told_with_their_place() {
    let twice = OWN.to_owned();
    for (files, message) in [
        (vec![("a.md", OWN.replace("codes", "code"))], "a.md:8:1: "),
        (vec![("a.md", OWN.replace("S4", "S9"))], "a.md:5:9: "),
        (vec![("a.md", OWN.replace("```toml", "```"))], "a.md:1:1: a head"),
        (vec![("a.md", OWN.replace("cart-limit", "Cart limit"))], "a.md:4:6: an id has"),
        (vec![("a.md", OWN.to_owned()), ("b.md", twice)], "b.md:4:6: "),
        (vec![("a.md", OWN.replace("[[when]]", "follows = [\"no-rout\"]\n[[when]]"))], "a.md:7:12: no cause"),
        (
            vec![("a.md", OWN.replace("class = \"S4\"", "off = true"))],
            "a.md:4:6: no cause is called cart-limit",
        ),
        (
            vec![("known.toml", "[[known]]\nid = \"no-rout\"\nuntil = \"2026-12-31\"".to_owned())],
            "known.toml:2:6: ",
        ),
        (
            vec![("known.toml", "[[known]]\nid = \"no-route\"\nuntil = \"soon\"".to_owned())],
            "known.toml:3:9: soon",
        ),
        (vec![("known.toml", "[[known]]\nid = \"no-route\"".to_owned())], "known.toml:1:1: "),
        (vec![("a.md", "x".repeat(300_000))], "rules: a.md: 300000 bytes"),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let error = laid(&files).map(|_| ()).expect_err(message);
        assert!(error.starts_with(message), "{error}, not {message}");
    }
}

#[test]
fn what_is_known_may_name_own_and_switched_off_causes() {
    let known = "[[known]]\nid = \"cart-*\"\nscope = \"*cart*\"\nuntil = 2026-12-31\nreason = \"t-1\"\n[[known]]\nid = \"cart-limit\"\nuntil = \"2026-12-31T10:00:00Z\"\n";
    let (_, read) = laid(&[("a.md", OWN), ("known.toml", known)]).unwrap();
    assert_eq!(read.known.len(), 2);
}
