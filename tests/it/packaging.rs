//! The files that make packages: what a release would fill them in with, and whether they keep to their rules.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::samples::{root, text};

/// Fills the formula and the manifest in, with archives made up.
fn filled() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    for name in [
        "source",
        "meshwhy-x86_64-unknown-linux-musl",
        "meshwhy-aarch64-unknown-linux-musl",
        "meshwhy-x86_64-apple-darwin",
        "meshwhy-aarch64-apple-darwin",
    ] {
        fs::write(place.path().join(format!("{name}.tar.gz")), name).expect("an archive");
    }
    let at = place.path().to_str().expect("a path");
    let run = Command::new("bash")
        .args(["docs/packaging/fill", "someone/meshwhy", "v1.2.3", at, at])
        .current_dir(root())
        .output()
        .expect("bash runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    place
}

/// The rules of <https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/>.
#[test]
#[cfg(target_os = "linux")]
fn the_krew_manifest_keeps_to_its_rules() {
    let place = filled();
    let yaml = fs::read_to_string(place.path().join("krew.yaml")).expect("the manifest");
    let manifest: Value = serde_yaml_ng::from_str(&yaml).expect("YAML");
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!((&manifest["kind"], &manifest["metadata"]["name"]), (&"Plugin".into(), &"meshwhy".into()));
    let spec = &manifest["spec"];
    let known = ["version", "homepage", "shortDescription", "description", "caveats", "platforms"];
    assert!(spec.as_object().expect("a spec").keys().all(|key| known.contains(&key.as_str())));
    assert_eq!(spec["version"], "v1.2.3");
    let short = spec["shortDescription"].as_str().expect("a text");
    assert!(short.chars().count() <= 50 && !short.ends_with('.'), "{short}");
    assert!(spec["description"].as_str().expect("a text").lines().all(|line| line.chars().count() <= 80));
    let platforms = spec["platforms"].as_array().expect("platforms");
    let mut seen = Vec::new();
    for platform in platforms {
        let labels = &platform["selector"]["matchLabels"];
        let pair = (labels["os"].as_str().expect("os"), labels["arch"].as_str().expect("arch"));
        assert!(["linux", "darwin"].contains(&pair.0) && ["amd64", "arm64"].contains(&pair.1), "{pair:?}");
        assert!(!seen.contains(&pair), "{pair:?} twice");
        seen.push(pair);
        let uri = platform["uri"].as_str().expect("uri");
        assert!(uri.starts_with("https://") && uri.ends_with(".tar.gz") && uri.contains("/v1.2.3/"), "{uri}");
        let sum = platform["sha256"].as_str().expect("sha256");
        assert!(sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
        let files = platform["files"].as_array().expect("files");
        assert!(files.iter().any(|file| file["to"] == platform["bin"]), "{platform}");
        assert!(files.iter().any(|file| file["from"] == "LICENSE"), "a licence goes with the program");
        for file in files {
            let parts = [&file["from"], &file["to"]].map(|part| part.as_str().expect("a path"));
            assert!(parts.iter().all(|part| !part.starts_with('/') && !part.contains("..")), "{parts:?}");
        }
    }
    assert_eq!(seen.len(), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn the_formula_is_filled_in() {
    let place = filled();
    let formula = fs::read_to_string(place.path().join("meshwhy.rb")).expect("the formula");
    assert!(!formula.contains('@') && formula.contains("/v1.2.3/source.tar.gz\""), "{formula}");
    assert!(formula.starts_with("# typed: strict\n") && formula.contains("  test do\n"), "{formula}");
}

/// What a package holds is made by the script that the release runs, and named in Cargo.toml.
#[test]
fn the_debian_package_holds_what_is_made() {
    let (pages, manifest) = (text("docs/packaging/pages"), text("Cargo.toml"));
    for made in ["man", "meshwhy.bash", "_meshwhy", "meshwhy.fish", "kubectl-meshwhy"] {
        assert!(pages.contains(&format!("/{made}\"")), "{made} is not made");
        assert!(manifest.contains(&format!("target/packaging/{made}")), "{made} is not packed");
    }
}

/// A workflow that is no YAML is not run at all, and nobody is told.
#[test]
fn the_workflows_are_yaml() {
    // The crate as it is published has none.
    let Ok(workflows) = fs::read_dir(root().join(".github/workflows")) else { return };
    let paths: Vec<_> = workflows.map(|entry| entry.expect("a file").path()).collect();
    assert!(!paths.is_empty());
    for path in paths {
        let yaml = fs::read_to_string(&path).expect("a workflow");
        let workflow: Value =
            serde_yaml_ng::from_str(&yaml).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let jobs = workflow["jobs"].as_object().expect("jobs");
        assert!(
            !jobs.is_empty() && jobs.values().all(|job| job["runs-on"].is_string()),
            "{}",
            path.display()
        );
    }
}
