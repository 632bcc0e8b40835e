//! The table of limits says what the defaults are, and leaves none out.

use std::collections::BTreeMap;

use mcp_fastd::Config;

/// What is a limit by its name, and what is one all the same.
fn is_limit(key: &str) -> bool {
    key.ends_with("_max")
        || key.ends_with("_timeout")
        || (key.starts_with("rate.") && key != "rate.reject_status")
        || key.starts_with("overload.")
}

/// The defaults, as `{:#?}` writes them, by their keys with the names of their tables.
fn defaults() -> BTreeMap<String, String> {
    let text = format!("{:#?}", Config::default());
    let mut tables: Vec<&str> = Vec::new();
    let mut found = BTreeMap::new();
    for line in text.lines().skip(1) {
        let line = line.trim().trim_end_matches(',');
        match line.split_once(": ") {
            Some((table, value)) if value.ends_with(" {") => tables.push(table),
            Some((key, value)) => {
                let key = tables.iter().chain([&key]).copied().collect::<Vec<_>>().join(".");
                // Written in the table `auth` itself.
                let key = key.replace("auth.tokens.", "auth.");
                found.insert(key, value.to_owned());
            }
            None if line == "}" => drop(tables.pop()),
            None => {}
        }
    }
    found
}

/// The rows of the tables: setting and default.
fn rows() -> BTreeMap<String, String> {
    let text = include_str!("../docs/limits.md");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let key = cells.next()?.trim_end_matches('`').to_owned();
        Some((key, cells.next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn every_limit_is_in_the_table_with_its_default() {
    let limits =
        defaults().into_iter().filter(|(key, _)| is_limit(key)).collect::<BTreeMap<_, _>>();
    let rows = rows();
    for (key, value) in &limits {
        assert_eq!(rows.get(key), Some(value), "docs/limits.md: {key}");
    }
    for key in rows.keys() {
        assert!(limits.contains_key(key), "docs/limits.md: there is no {key}");
    }
    assert!(limits.len() > 40, "{}", limits.len());
}
