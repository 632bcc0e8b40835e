//! `mcp-fastd check`: every mistake with its line and key, exit codes, what would be served; and
//! the published schema, which says what the parser says.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::path::Path;
use std::process::Command;

use daemon::command;
use mcp_fastd::config::diagnose::{Layer, settled};
use mcp_fastd::config::raw;
use serde_json::{Value, json};

/// Runs it; exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

fn check(file: &Path) -> Command {
    let mut command = command();
    command.arg("check").arg(file);
    command
}

/// What each line of standard error has to hold.
#[track_caller]
fn expect(told: &str, expected: &[(&str, &str, &str)]) {
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), expected.len() + 1, "one for each, and how many: {told}");
    for (place, key, problem) in expected {
        let found = lines.iter().any(|line| {
            line.contains(place) && line.contains(&format!(" {key}: ")) && line.contains(problem)
        });
        assert!(found, "{place}: {key}: {problem}\nin {told}");
    }
}

const WRONG_TOML: &str = r#"
croes = 1
path = "mcp"
cores = 0
allowed_origins = ["https://a.example/x", "*", "b.example"]
bind = "8080"

[http]
body_bytes_max = "many"
head_bytes_max = -1
nothing = 1

[http_sse]
sse_endpoint = "/same"
messages_endpoint = "/same"

[http_sse.deprecation]
sunset = 2020-01-01

[transport]
mode = "smoke"

[tools]
disabled = ["search_document"]
"#;

const WRONG: [(&str, &str, &str); 13] = [
    (":2", "croes", "unknown field"),
    (":3", "path", "expected a path"),
    (":4", "cores", "at least 1"),
    (":5", "allowed_origins[0]", "without a path"),
    (":5", "allowed_origins[2]", "b.example"),
    (":6", "bind", "ADDRESS:PORT"),
    (":9", "http.body_bytes_max", "invalid type"),
    (":10", "http.head_bytes_max", "-1"),
    (":11", "http.nothing", "unknown field"),
    (":14", "http_sse.sse_endpoint", "three different paths"),
    (":18", "http_sse.deprecation.sunset", "must not be before"),
    (":21", "transport.mode", "http or both"),
    (":24", "tools.disabled", "there is no tool `search_document`"),
];

#[test]
fn every_mistake_is_named_with_its_line_and_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    fs::write(&file, WRONG_TOML).expect("a file");
    let (code, out, told) = run(&mut check(&file));
    assert_eq!((code, out.as_str()), (1, ""), "{told}");
    expect(&told, &WRONG);
    assert!(told.contains("13 mistakes"), "{told}");

    // The same in JSON, a key to a line; and for a program to read.
    let table: toml::Table =
        WRONG_TOML.replace("2020-01-01", "\"2020-01-01\"").parse().expect("is");
    let text = serde_json::to_string_pretty(&table).expect("JSON");
    let file = folder.path().join("c.json");
    fs::write(&file, &text).expect("a file");
    let (code, out, told) = run(check(&file).arg("--json"));
    assert_eq!((code, told.as_str()), (1, ""));
    let out: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&out["ok"], &out["serves"]), (&json!(false), &Value::Null));
    let errors = out["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), WRONG.len(), "{out:#}");
    for (_, key, problem) in WRONG {
        let error = errors.iter().find(|error| error["key"] == key);
        let error = error.unwrap_or_else(|| panic!("{key} in {out:#}"));
        assert!(error["problem"].as_str().expect("text").contains(problem), "{error}");
        let line = error["line"].as_u64().expect("a line") as usize;
        let name = key.rsplit('.').next().expect("a name").split('[').next().expect("a name");
        let at = text.lines().nth(line - 1).expect("is there");
        assert!(at.contains(name) || key.contains('['), "{key} is at {line}: {at}");
    }
}

#[test]
fn mistakes_of_syntax_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text, expected) in [
        ("a.toml", "cores = 1\ncores = 2\npin = yes\n", &[":2", ":3"][..]),
        ("b.toml", "[http]\n[http]\n", &[":2"]),
        ("c.json", "{\n\"cores\": 1,\n}", &[":3"]),
        ("d.json", "{\n\"cores\": 1,\n\"cores\": 1}", &[":3: cores: it stands twice"]),
        ("f.yaml", "", &[".toml or .json"]),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        let (code, _, told) = run(&mut check(&file));
        assert_eq!(code, 1, "{name}: {told}");
        for part in expected.iter().chain([&name]) {
            assert!(told.contains(part), "{name}: {part} in {told}");
        }
    }
    let (code, _, told) = run(&mut check(&folder.path().join("none.toml")));
    assert!(code == 1 && told.contains("cannot read this file"), "{told}");
    assert_eq!(run(command().args(["check", "--nonsense"])).0, 2);
    assert_eq!(run(command().args(["check", "a.toml", "--config", "b.toml"])).0, 2);
}

#[test]
fn environment_and_flags_lie_over_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    fs::write(&file, "path = \"mcp\"\n").expect("a file");
    let (code, out, told) = run(check(&file).env("MCP_FASTD__PATH", "/x"));
    assert_eq!((code, told.as_str()), (0, ""), "{out}");
    assert!(out.contains("http://127.0.0.1:8080/x"), "{out}");
    let dataset = folder.path().join("x.db");
    let (code, out, _) = run(check(&file).arg(&dataset).args(["--path", "/y", "--no-legacy-sse"]));
    assert_eq!(code, 0);
    assert!(out.contains("/y\n") && out.contains("it would be made"), "{out}");
    assert!(!out.contains("HTTP+SSE"), "{out}");
    assert!(!dataset.exists(), "it is not made");
    let (code, _, told) = run(check(&file)
        .env("MCP_FASTD__PATH", "x")
        .env("MCP_FASTD__CORES", "many")
        .env("MCP_FASTD__NO", "1"));
    assert_eq!(code, 1);
    expect(
        &told,
        &[
            ("environment variable MCP_FASTD__PATH", "path", "expected a path"),
            ("environment variable", "MCP_FASTD__CORES", "many"),
            ("environment variable", "MCP_FASTD__NO", "unknown field"),
        ],
    );
}

#[test]
fn files_that_are_named_are_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let text = folder.path().join("text.db");
    fs::write(&text, "text").expect("a file");
    for (dataset, problem) in [
        (folder.path().to_owned(), "this is a folder"),
        (text, "not an SQLite database"),
        (folder.path().join("no/x.db"), "folder of this file does not exist"),
    ] {
        fs::write(&file, format!("# one\ndataset = {:?}\n", dataset.display().to_string()))
            .expect("a file");
        let (code, _, told) = run(&mut check(&file));
        assert_eq!(code, 1);
        expect(&told, &[("c.toml:2", "dataset", problem)]);
    }
}

#[test]
fn the_schema_that_is_kept_is_the_one_that_is_made() {
    let (code, out, _) = run(command().args(["check", "--schema"]));
    assert_eq!(code, 0);
    let kept = fs::read_to_string("config.schema.json").expect("it is kept");
    assert_eq!(out, kept, "mcp-fastd check --schema > config.schema.json");
    jsonschema::meta::validate(&raw::schema()).expect("a schema");
}

#[test]
fn the_schema_says_what_the_parser_says() {
    let schema = jsonschema::validator_for(&raw::schema()).expect("a schema");
    let table = [
        (true, "{}"),
        (true, r#"{"cores": 1, "pin": true, "spin": 50, "workers": null}"#),
        (false, r#"{"cores": 0}"#),
        (false, r#"{"cores": -1}"#),
        (false, r#"{"cores": 1.5}"#),
        (false, r#"{"cores": "1"}"#),
        (false, r#"{"croes": 1}"#),
        (true, r#"{"bind": "localhost:1"}"#),
        (true, r#"{"bind": "[::1]:1"}"#),
        (false, r#"{"bind": "::1:1"}"#),
        (false, r#"{"bind": "8080"}"#),
        (true, r#"{"path": "/a/b.c"}"#),
        (false, r#"{"path": "a"}"#),
        (false, r#"{"path": "/a?b"}"#),
        (false, r#"{"path": "/a b"}"#),
        (true, r#"{"idle_timeout": "75s", "head_timeout": 1.5, "body_timeout": " 2 min "}"#),
        (true, r#"{"spin": "50us", "keep_alive": "1h", "write_timeout": ".5s"}"#),
        (false, r#"{"idle_timeout": "75 sec"}"#),
        (false, r#"{"idle_timeout": -1}"#),
        (false, r#"{"idle_timeout": "s"}"#),
        (false, r#"{"idle_timeout": true}"#),
        (true, r#"{"allowed_origins": "https://a.example, null"}"#),
        (true, r#"{"allowed_origins": ["https://a.example:8080", "*", "null"]}"#),
        (false, r#"{"allowed_origins": ["https://a.example/"]}"#),
        (false, r#"{"allowed_origins": "a.example"}"#),
        (false, r#"{"allowed_origins": [1]}"#),
        (true, r#"{"http_sse": {"deprecation": {"sunset": "never"}}}"#),
        (true, r#"{"http_sse": {"deprecation": {"sunset": "2027-07-28"}}}"#),
        (false, r#"{"http_sse": {"deprecation": {"sunset": "soon"}}}"#),
        (true, r#"{"http": {"body_bytes_max": 1000}}"#),
        (false, r#"{"http": {"body_bytes": 1000}}"#),
        (true, r#"{"transport": {"mode": "both", "http": {"host": "::1", "port": 1}}}"#),
        (false, r#"{"transport": {"mode": "smoke"}}"#),
        (false, r#"{"transport": {"http": {"port": 65536}}}"#),
        (false, r#"{"buffer_size": 1}"#),
        (false, r#"{"connections_max": 0}"#),
        (false, r#"{"stream_events_max": 1}"#),
        (false, r#"{"trace": {"sample": "some"}}"#),
        (false, r#"{"trace": {"sample": true}}"#),
        (false, r#"{"trace": {"endpoints": "http://localhost"}}"#),
        (true, r#"{"tools": {"disabled": ["a"]}}"#),
        (false, r#"{"tools": {"disabled": "a"}}"#),
    ];
    for (is_right, text) in table {
        let value: Value = serde_json::from_str(text).expect("JSON");
        let file = Layer::of_text(text, true, "f.json");
        let (_, wrong) = settled(file.raw.clone(), &file);
        let parsed = file.errors.is_empty() && wrong.is_empty();
        assert_eq!(parsed, is_right, "the parser: {text}: {:?} {wrong:?}", file.errors);
        assert_eq!(schema.is_valid(&value), is_right, "the schema: {text}");
    }
}

/// The schema knows the table `trace` in every build: the file may be for another one.
#[test]
fn traces_are_refused_by_a_build_without_them() {
    let schema = jsonschema::validator_for(&raw::schema()).expect("a schema");
    for (is_right, text) in [
        (true, r#"{"trace": {"endpoint": "http://localhost:4318", "sample": "all"}}"#),
        (true, r#"{"trace": {"sample": 0.5, "timeout": "1s", "service_name": "a"}}"#),
        (false, r#"{"trace": {"sample": 2}}"#),
    ] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(schema.is_valid(&value), is_right, "the schema: {text}");
        let file = Layer::of_text(text, true, "f.json");
        let (_, wrong) = settled(file.raw.clone(), &file);
        if cfg!(feature = "otlp") {
            assert_eq!(wrong.is_empty(), is_right, "{text}: {wrong:?}");
        } else {
            let [error] = &wrong[..] else { panic!("{text}: {wrong:?}") };
            assert_eq!((error.key.as_deref(), error.line), (Some("trace"), Some(1)));
            assert!(error.problem.contains("feature `otlp`"), "{error}");
        }
    }
}
