//! `docs/security.md` names tests and settings that exist.

#[path = "common/settings.rs"]
mod settings;

use std::collections::BTreeSet;
use std::path::Path;

use settings::codes;

const PAGE: &str = include_str!("../docs/security.md");

/// The tests that a page names: `tests/FILE.rs: function` or `src/FILE.rs: function`.
fn named(page: &str) -> Vec<(&str, &str)> {
    let tests = codes(page).filter_map(|code| code.split_once(".rs: "));
    tests.filter(|(file, _)| file.starts_with("tests/") || file.starts_with("src/")).collect()
}

/// Whether there is a test of this name in a text of Rust.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let begins = |line: &str| line.starts_with(&format!("fn {name}("));
    let at = lines.iter().position(|line| begins(line));
    at.is_some_and(|at| {
        let before = lines[..at].iter().rev();
        before.take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]")
    })
}

#[test]
fn every_test_that_is_named_exists() {
    let named = named(PAGE);
    assert!(named.len() > 70, "{}", named.len());
    for (file, name) in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{file}.rs"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {file}.rs"));
        assert!(is_test(&text, name), "{file}.rs has no test {name}");
    }
}

/// The rows that say who would do what: that, what stops it, settings, tests.
fn rows() -> Vec<Vec<&'static str>> {
    let lines = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = lines.map(|line| line.split(" | ").collect::<Vec<_>>());
    let is_head = |cells: &[&str]| cells[0] == "---" || cells[3] == "tests";
    rows.filter(|cells| cells.len() == 4 && !is_head(cells)).collect()
}

#[test]
fn every_row_names_a_test() {
    assert!(rows().len() > 45, "{}", rows().len());
    for cells in rows() {
        assert!(!named(cells[3]).is_empty(), "{} has no test", cells[0]);
    }
}

#[test]
fn every_setting_that_is_named_exists() {
    let keys = settings::schema_keys();
    let tables: BTreeSet<_> = keys.iter().filter_map(|key| key.split('.').next()).collect();
    for key in rows().into_iter().flat_map(|cells| codes(cells[2])) {
        let is_known = match key.strip_suffix(".*") {
            Some(table) => tables.contains(table),
            None => keys.contains(key),
        };
        assert!(is_known, "there is no setting {key}");
    }
}

mod the_check_itself {
    use super::*;

    #[test]
    fn notices_what_is_missing() {
        let page = "a `tests/x.rs: y` b `tests/x.rs` and `z: y`, `src/a/b.rs: c`";
        assert_eq!(named(page), [("tests/x", "y"), ("src/a/b", "c")]);
        let text = "fn helper() {}\n\n#[test]\n#[cfg(unix)]\nfn y() {\n    z();\n}\nfn yz() {}\n";
        assert!(is_test(text, "y"));
        for name in ["helper", "yz", "z", "x"] {
            assert!(!is_test(text, name), "{name}");
        }
    }
}
