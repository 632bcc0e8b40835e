//! What settings there are, by the code and by the schema of files, and what pages say of them.

#![allow(dead_code)] // each test file uses its part

use std::collections::{BTreeMap, BTreeSet};
use std::str::Lines;

use mcp_fastd::Config;
use serde_json::Value;

/// Fields of [`Config`] that have another name in a file, and what is below them.
const RENAMED: [(&str, &str); 10] = [
    ("transports", "transport.mode"),
    ("observe.metrics_public", "metrics.public"),
    ("observe.access_log.slow_only", "access_log.slow_only_ms"),
    ("observe.", ""),
    ("auth.tokens.audiences", "auth.audience"),
    ("auth.tokens.", "auth."),
    ("auth.tools", "tools.NAME.scopes"),
    ("auth.prompts", "prompts.NAME.scopes"),
    ("auth.resources", "resources.NAME.scopes"),
    ("", ""),
];

/// A setting that [`Config`] has.
pub struct Setting {
    /// Where it is in `Config`.
    pub field: String,
    /// Its default, as `{:?}` writes it.
    pub default: String,
}

/// All of them, by their keys in a file.
pub fn settings() -> BTreeMap<String, Setting> {
    let text = format!("{:#?}", Config::default());
    let mut found = Vec::new();
    let mut lines = text.lines();
    lines.next();
    read(&mut lines, "", &mut found);
    let key = |field: &str| {
        let renamed = RENAMED
            .iter()
            .find_map(|(from, to)| field.strip_prefix(from).map(|rest| format!("{to}{rest}")));
        renamed.expect("the last takes all")
    };
    found.into_iter().map(|(field, default)| (key(&field), Setting { field, default })).collect()
}

/// Reads the fields of a struct up to its end.
fn read(lines: &mut Lines<'_>, prefix: &str, found: &mut Vec<(String, String)>) {
    while let Some(line) = lines.next() {
        let line = line.trim().trim_end_matches(',');
        if line == "}" {
            return;
        }
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{prefix}: {line}"));
        let name = format!("{prefix}{name}");
        if value.ends_with(" {") {
            read(lines, &format!("{name}."), found);
        } else {
            found.push((name, whole(value, lines)));
        }
    }
}

/// A value, with the lines that it goes on in.
fn whole(first: &str, lines: &mut Lines<'_>) -> String {
    let deeper = |text: &str| {
        let count = |set: &[char]| text.matches(set).count() as i64;
        count(&['[', '(', '{']) - count(&[']', ')', '}'])
    };
    let (mut value, mut depth) = (first.to_owned(), deeper(first));
    while depth > 0 {
        let line = lines.next().expect("it ends").trim().trim_end_matches(',');
        depth += deeper(line);
        value.push_str(line);
        value.push(' ');
    }
    value.trim_end().to_owned()
}

/// The keys of `config.schema.json`; those of the elements of a list with `[]` before them, and
/// those that have names of somebody's choice with `NAME`.
pub fn schema_keys() -> BTreeSet<String> {
    let schema: Value =
        serde_json::from_str(include_str!("../../config.schema.json")).expect("JSON");
    let mut keys = BTreeSet::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

fn collect(schema: &Value, all: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
    let definition = |value: &Value| {
        let name = value["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        Some(all["$defs"][name].clone())
    };
    let named = &schema["additionalProperties"];
    if let Some(inner) = definition(named) {
        collect(&inner, all, &format!("{prefix}NAME."), keys);
    }
    for (name, value) in schema["properties"].as_object().into_iter().flatten() {
        let key = format!("{prefix}{name}");
        let any = value["anyOf"].as_array().into_iter().flatten();
        let table = definition(value).or_else(|| any.filter_map(definition).next());
        match (table, definition(&value["items"])) {
            (Some(table), _) => collect(&table, all, &format!("{key}."), keys),
            (None, Some(element)) => {
                collect(&element, all, &format!("{key}[]."), keys);
                keys.insert(key);
            }
            (None, None) => drop(keys.insert(key)),
        }
    }
}

/// The rows of a page's tables that begin with a name in code, by that; the cells behind it.
pub fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.trim_end_matches(" |").split(" | ");
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        Some((name, cells.map(str::to_owned).collect()))
    };
    page.lines().filter_map(row).collect()
}

/// The part of a page below the heading of this name, up to the next of its kind, or one above.
#[track_caller]
pub fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).expect(heading);
    let level = heading.split(' ').next().expect("a mark");
    let next =
        (2..=level.len()).filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level))));
    &rest[..next.min().unwrap_or(rest.len())]
}

/// What stands between backticks.
pub fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
