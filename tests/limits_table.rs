//! The table of limits says what the defaults are, and leaves none out.

#[path = "common/settings.rs"]
mod settings;

use std::collections::BTreeMap;

/// What is a limit by its name, and what is one all the same.
fn is_limit(key: &str) -> bool {
    key.ends_with("_max")
        || key.ends_with("_timeout")
        || (key.starts_with("rate.") && key != "rate.reject_status")
        || key.starts_with("overload.")
}

#[test]
fn every_limit_is_in_the_table_with_its_default() {
    let all = settings::settings().into_iter();
    let limits = all.filter(|(key, _)| is_limit(key)).collect::<BTreeMap<_, _>>();
    let rows: BTreeMap<_, _> =
        settings::rows(include_str!("../docs/limits.md")).into_iter().collect();
    for (key, setting) in &limits {
        let default = rows.get(key).and_then(|cells| cells.first());
        assert_eq!(default, Some(&setting.default), "docs/limits.md: {key}");
    }
    for key in rows.keys() {
        assert!(limits.contains_key(key), "docs/limits.md: there is no {key}");
    }
    assert!(limits.len() > 40, "{}", limits.len());
}
