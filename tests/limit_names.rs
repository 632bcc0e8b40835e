//! What a refusal names as the limit that was met is the key of a setting, as it stands in a file,
//! or a bound of `limits.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// How the last part of such a name ends.
const ENDS: [&str; 9] =
    ["_max", "_timeout", "_window", "_grace", "_full", "_delay", "_target", "_factor", "_interval"];

/// Keys of the settings, from their schema.
fn keys<'s>(schema: &'s Value, node: &'s Value, path: &str, found: &mut BTreeSet<String>) {
    let node = match node["$ref"].as_str() {
        Some(name) => &schema["$defs"][name.rsplit('/').next().unwrap_or_default()],
        None => node,
    };
    for of in ["anyOf", "oneOf", "allOf"] {
        for part in node[of].as_array().into_iter().flatten() {
            keys(schema, part, path, found);
        }
    }
    for (key, value) in node["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{key}");
        keys(schema, value, &format!("{path}."), found);
        found.insert(path);
    }
}

/// Strings of a source file that look like the name of a limit.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        ENDS.iter().any(|end| text.ends_with(end))
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte))
    };
    text.split(['"', '(', ')', ' ', ',', ';']).filter(is_name)
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push((name, std::fs::read_to_string(&path).expect("text")));
        }
    }
}

#[test]
fn every_limit_is_named_by_its_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(root.join("config.schema.json")).expect("it is there");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let mut known = BTreeSet::new();
    keys(&schema, &schema, "", &mut known);
    let bounds = std::fs::read_to_string(root.join("src/limits.rs")).expect("it is there");
    let is_bound = |name: &str| bounds.contains(&format!("const {}:", name.to_uppercase()));
    let mut files = Vec::new();
    for room in ["http", "transport", "store", "mcp", "auth"] {
        sources(&root.join("src").join(room), &mut files);
    }
    let (mut named, mut wrong) = (BTreeSet::new(), Vec::new());
    for (file, text) in &files {
        // Comments speak of fields; strings are what is told.
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for string in line.split('"').skip(1).step_by(2) {
                for name in names(string) {
                    named.insert(name);
                    if !known.contains(name) && !is_bound(name) {
                        wrong.push(format!("{file}: {name}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in ["http.body_bytes_max", "http_sse.connections_max", "auth.decision_timeout"] {
        assert!(named.contains(name), "{name}: {named:?}");
    }
}
