//! `docs/operations.md` is true: its settings, defaults, flags, signals, metrics, fields of
//! logs and alarms are those of the program, and none is left out.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/settings.rs"]
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use daemon::{Daemon, command};
use mcp_fastd::config::file::RawConfig;
use settings::{codes, rows, schema_keys, section};

const PAGE: &str = include_str!("../docs/operations.md");
const LIMITS: &str = include_str!("../docs/limits.md");

/// Settings that are no fields of `Config`: where they are, as far as a reload goes; and what holds
/// without them.
const ELSEWHERE: [(&str, &str, &str); 19] = [
    ("trace.sample", "restart", "1.0"),
    ("dataset", "restart", "none"),
    ("log", "live", "info"),
    ("log_format", "restart", "auto"),
    ("auth.enabled", "restart", "none"),
    ("auth.issuer", "auth.tokens.issuers", "none"),
    ("auth.jwks_uri", "auth.tokens.issuers", "none"),
    ("auth.jwks_file", "auth.tokens.issuers", "none"),
    ("auth.introspection.endpoint", "auth.tokens.issuers", "none"),
    ("auth.introspection.client_id", "auth.tokens.issuers", "none"),
    ("auth.introspection.client_secret_file", "auth.tokens.issuers", "none"),
    ("auth.introspection.client_secret_variable", "auth.tokens.issuers", "none"),
    ("auth.introspection.client_authentication", "auth.tokens.issuers", "basic"),
    ("auth.introspection.ttl", "auth.tokens.issuers", "60s"),
    ("auth.introspection.require_audience", "auth.tokens.issuers", "true"),
    ("tls.cert", "tls.certificates", "none"),
    ("tls.key", "tls.certificates", "none"),
    ("rate.reject_status", "rate", "429"),
    ("access_log.slow_only_ms", "observe.access_log.slow_only", "0"),
];

/// A default of the code as people write it.
fn written(default: &str) -> String {
    match default {
        "None" | "[]" | "{}" => "none".to_owned(),
        "0ns" => "0s".to_owned(),
        "Tls12" => "1.2".to_owned(),
        "Some(Day { days: 21027 } )" => "2027-07-28".to_owned(),
        list if list.starts_with("[Rs256 ") => "all".to_owned(),
        text if text.starts_with('"') => text.trim_matches('"').to_owned(),
        other => other.to_lowercase(),
    }
}

/// What `src/config/reload.rs` takes over while a server runs, and what it does not, by field.
fn reloads() -> BTreeMap<String, bool> {
    let text = include_str!("../src/config/reload.rs");
    let (_, text) = text.split_once("fn take_over(").expect("the function");
    let mut found = BTreeMap::new();
    for part in text.split("take_over! {").skip(1) {
        let prefix = part.split('"').nth(1).expect("a prefix");
        for (mark, is_live) in [("\n            live {", true), ("\n            restart {", false)]
        {
            let Some((_, list)) = part.split_once(mark) else { continue };
            let (list, _) = list.split_once('}').expect("an end");
            let names = list.split_whitespace().filter(|word| !word.contains(['=', '"']));
            found.extend(names.map(|name| (format!("{prefix}{name}"), is_live)));
        }
    }
    found
}

/// Whether a field is taken over: by its own name, or by that of a table it is in.
fn is_live(field: &str, reloads: &BTreeMap<String, bool>) -> bool {
    // Their tables in a file are others than in `Config`.
    let field = field.trim_start_matches("observe.").replace("auth.tokens.", "auth.");
    let mut name = &*field;
    loop {
        match (reloads.get(name), name.rsplit_once('.')) {
            (Some(live), _) => return *live,
            (None, Some((table, _))) => name = table,
            (None, None) => panic!("src/config/reload.rs does not name {field}"),
        }
    }
}

/// The tables of settings.
fn tables() -> BTreeMap<String, Vec<String>> {
    let settings = section(PAGE, "## Settings");
    let (settings, _) = settings.split_once("### Other names").expect("the table of names");
    let mut tables = BTreeMap::new();
    for (key, cells) in rows(settings) {
        assert!(tables.insert(key.clone(), cells).is_none(), "{key} stands twice");
    }
    tables
}

#[test]
fn every_setting_is_there_with_its_default_and_what_a_reload_does() {
    let (tables, all, reloads) = (tables(), settings::settings(), reloads());
    let limits: BTreeSet<_> = rows(LIMITS).into_iter().map(|(key, _)| key).collect();
    let others: BTreeMap<_, _> =
        rows(section(PAGE, "### Other names of the same")).into_iter().collect();
    let mut keys = schema_keys();
    keys.retain(|key| !others.keys().any(|name| is_in(key, name)));
    for key in keys.iter().filter(|key| !key.contains("[]")) {
        let places = usize::from(tables.contains_key(key)) + usize::from(limits.contains(key));
        assert_eq!(places, 1, "{key} is to be in docs/operations.md or in docs/limits.md");
    }
    for (list, element) in keys.iter().filter_map(|key| key.split_once("[].")) {
        let name = element.split('.').next().expect("a name");
        assert!(codes(&tables[list][3]).any(|code| code == name), "{list} says nothing of {name}");
    }
    for (key, cells) in &tables {
        assert!(keys.contains(key), "docs/operations.md: there is no {key}");
        let elsewhere = ELSEWHERE.iter().find(|(name, ..)| name == key);
        let (field, default) = match (elsewhere, all.get(key)) {
            (Some((_, field, default)), _) => (*field, (*default).to_owned()),
            (None, Some(setting)) => (setting.field.as_str(), written(&setting.default)),
            (None, None) => panic!("nobody knows the default of {key}"),
        };
        assert_eq!(cells[0], default, "the default of {key}");
        let live = match field {
            "live" | "restart" => field == "live",
            field => is_live(field, &reloads),
        };
        assert_eq!(cells[2], if live { "live" } else { "restart" }, "SIGHUP and {key}");
    }
    let line = PAGE.lines().find(|line| line.starts_with("Of the limits")).expect("the line");
    let restart: BTreeSet<_> = codes(line).map(str::to_owned).collect();
    let expected = limits.into_iter().filter(|key| !is_live(&all[key].field, &reloads));
    assert_eq!(restart, expected.collect(), "limits that wait for a restart");
}

/// Whether a key is this one, or in this table.
fn is_in(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[test]
fn other_names_mean_what_they_say() {
    let keys = schema_keys();
    for (name, cells) in rows(section(PAGE, "### Other names of the same")) {
        let target = codes(&cells[0]).next().expect("a key");
        let below = |table: &str| -> BTreeSet<_> {
            let below = keys.iter().filter_map(|key| key.strip_prefix(table));
            below.filter(|rest| rest.starts_with('.')).map(str::to_owned).collect()
        };
        assert!(keys.iter().any(|key| is_in(key, &name)), "there is no {name}");
        assert!(keys.iter().any(|key| is_in(key, target)), "there is no {target}");
        assert_eq!(below(&name), below(target), "{name} and {target}");
    }
}

#[test]
fn every_setting_can_be_a_variable() {
    // Which are one together, as the page says.
    let tables = tables().into_iter().filter(|(key, _)| !key.starts_with("auth.introspection."));
    for (key, cells) in tables {
        let variable = format!("MCP_FASTD__{}", key.replace('.', "__").to_uppercase());
        // A list, a name of somebody's choice, or a choice that this table has no value of.
        let value = match cells[0].as_str() {
            "none" => continue,
            "all" => "[\"ES256\"]",
            value => value,
        };
        let read = RawConfig::from_environment([(variable.into(), value.into())].into_iter());
        assert!(read.is_ok_and(|read| read != RawConfig::default()), "{key} = {value}");
    }
}

#[test]
fn every_flag_is_there() {
    let help = command().arg("--help").output().expect("it runs").stdout;
    let help = String::from_utf8(help).expect("UTF-8");
    let flags = help.lines().filter_map(|line| line.strip_prefix("      --"));
    let flags: BTreeSet<_> = flags.filter_map(|line| line.split_whitespace().next()).collect();
    let tables = tables();
    let named: BTreeSet<_> = tables.values().flat_map(|cells| codes(&cells[1])).collect();
    let named: BTreeSet<_> = named.iter().filter_map(|flag| flag.strip_prefix("--")).collect();
    let others: BTreeSet<_> = flags.difference(&named).copied().collect();
    // The file itself, and what only a build with traces has.
    let mut without_row = BTreeSet::from(["config"]);
    without_row.extend(cfg!(feature = "otlp").then_some("otlp-endpoint"));
    assert_eq!(others, without_row, "flags without a row");
    assert!(named.is_subset(&flags), "{named:?} in {flags:?}");
}

#[test]
fn every_signal_is_there() {
    let source = include_str!("../src/daemon/signals.rs");
    let (_, list) = source.split_once("const SIGNALS").expect("the list");
    let list = list.split_once("= [").and_then(|(_, list)| list.split_once(']')).expect("names").0;
    let heard: BTreeSet<_> = list.split(", ").map(str::to_owned).collect();
    let said: BTreeSet<_> =
        rows(section(PAGE, "## Signals")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(said, heard);
}

fn get(server: &Daemon, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The name that samples of a counter or an info have.
fn sampled(family: &str, kind: &str) -> String {
    match kind {
        "counter" => format!("{family}_total"),
        "info" => format!("{family}_info"),
        _ => family.to_owned(),
    }
}

#[test]
fn every_metric_is_there_with_its_type_and_its_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--bind", "127.0.0.1:0", "--cores", "1", "--access-log"]);
    command.arg(folder.path().join("access.log"));
    let server = Daemon::start(&mut command);
    server.client().call("search_documents", serde_json::json!({ "query": "metrics" }));
    // A stream of HTTP+SSE, and something that nobody is to have.
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.write_all(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is sent");
    get(&server, "/nothing");
    let text = get(&server, "/metrics");
    let page: BTreeMap<_, _> = rows(section(PAGE, "## Metrics")).into_iter().collect();
    let mut families = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (family, kind) = rest.split_once(' ').expect("a type");
            families.insert(sampled(family, kind), kind.to_owned());
        } else if let Some((name, labels)) = line.split_once('{') {
            let histogram = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|name| page.contains_key(*name)));
            let cells = &page[histogram.unwrap_or(name)];
            let names = labels.split("\",").filter_map(|label| label.split('=').next());
            for label in names.map(|label| label.trim_start_matches('{')) {
                let is_known = label == "le" || codes(&cells[1]).any(|code| code == label);
                assert!(is_known, "{name} has the label {label}");
            }
        }
    }
    let said = page.into_iter().map(|(name, cells)| (name, cells[0].clone()));
    assert_eq!(said.collect::<BTreeMap<_, _>>(), families);
}

/// The fields that a function of `src/observe/lines.rs` writes.
fn fields_of(function: &str) -> BTreeSet<&'static str> {
    let text = include_str!("../src/observe/lines.rs");
    let (_, body) = text.split_once(&format!("fn {function}(")).expect(function);
    let (body, _) = body.split_once("\n}\n").expect("its end");
    let written = body.split("line.").skip(1).filter_map(|call| {
        let name = call.strip_prefix("text(\"").or_else(|| call.strip_prefix("raw(\""))?;
        name.split('"').next()
    });
    written.chain(["time"]).collect()
}

#[test]
fn every_field_of_logs_is_there() {
    let logs = section(PAGE, "## Logs");
    let (access, audit) = logs.split_once("**The audit log**").expect("two logs");
    let said = |text: &'static str| -> BTreeSet<_> {
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        rows.flat_map(|row| codes(row.split(" | ").next().expect("a cell"))).collect()
    };
    assert_eq!(said(access), fields_of("access_object"));
    let acts = fields_of("write_act");
    assert_eq!(said(audit), fields_of("write_audit").union(&acts).cloned().collect());
}

#[test]
fn there_are_ten_alarms_about_metrics_that_exist() {
    let runbooks = section(PAGE, "## Runbooks");
    assert_eq!(runbooks.matches("\n### ").count(), 10);
    let metrics: BTreeMap<_, _> = rows(section(PAGE, "## Metrics")).into_iter().collect();
    for part in runbooks.split("\n### ").skip(1) {
        let (_, alarm) = part.split_once("```promql\n").expect("an expression");
        let (alarm, rest) = alarm.split_once("\n```").expect("its end");
        for name in ["**Means:**", "**Look:**", "**Do:**"] {
            assert!(rest.contains(name), "{name} in {part}");
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = alarm
            .split(|c| !is_word(c))
            .chain(codes(rest).flat_map(|code| code.split(|c| !is_word(c))));
        for word in words.filter(|word| word.starts_with("mcp_") || word.starts_with("process_")) {
            let is_metric = metrics.contains_key(word)
                || word.strip_suffix("_bucket").is_some_and(|name| metrics.contains_key(name));
            assert!(is_metric, "there is no metric {word}");
        }
    }
}

mod the_check_itself {
    use super::*;

    #[test]
    fn notices_what_differs() {
        let page = "\n## A\n\n| `x` | 1s | – |\n| other | y |\n\n## B\n\n| `z` | `b` and `c` |\n";
        assert_eq!(rows(section(page, "## A")), [("x".into(), vec!["1s".into(), "–".into()])]);
        assert_eq!(codes(&rows(section(page, "## B"))[0].1[0]).collect::<Vec<_>>(), ["b", "c"]);
        let reloads = reloads();
        assert!(is_live("http.body_bytes_max", &reloads) && is_live("rate.global", &reloads));
        assert!(is_live("auth.tokens.leeway", &reloads) && !is_live("cores", &reloads));
        assert!(is_in("a.b[].c", "a.b") && is_in("a.b", "a") && !is_in("ab", "a"));
        assert_eq!((written("0ns"), written("Http")), ("0s".to_owned(), "http".to_owned()));
    }
}
