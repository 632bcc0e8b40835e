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
        ("a.toml", "cores = 1\ncores = 2\npin = yes\n", &[":2: cores: it stands twice", ":3"][..]),
        ("b.toml", "[http]\n[http]\n", &[":2: http: it stands twice"]),
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

/// Files of one line or more, and all that is said of each: where, of which key, what.
#[test]
fn mistakes_that_only_show_together_are_all_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let keys = write("keys.toml", "[auth]\napi_keys = [\n");
    let text = write("text.pem", "text");
    let inside = folder.path().display().to_string();
    let log = folder.path().join("no/x.log").display().to_string();
    let beyond = "cores = \"two\"\nbind = \"x\"\n[http]\nbody_bytes_max = 99999999999999999999\n";
    let tls = format!(
        "[tls]\ncert = {text:?}\nkey = {text:?}\nclient_ca = \"/nope/ca.pem\"\n\
         [[tls.certificates]]\ncert = \"/nope/c.pem\"\nkey = {inside:?}\n"
    );
    let many = format!(
        "path = \"mcp\"\nadmin_bind = \"x\"\n[tls]\ncert = \"c.pem\"\n[auth]\napi_keys_file = \
         \"/nope.toml\"\nalgorithms = \"HS256\"\n[rate.tools]\nnosuch = \"1/s\"\n\
         [tools.add_documents]\nscopes = \"w\"\n[audit_log]\npath = {log:?}\n"
    );
    let issuers = "[[auth.issuers]]\nissuer = \"x\"\n[[auth.issuers]]\nissuer = \"https://b.example\"\n\
                   audience = \"a\"\njwks_file = \"/nope\"\n";
    let short = "\n[[auth.api_keys]]\nname = \"a\"\nsha256 = \"0\"\n";
    type Told<'t> = &'t [(&'t str, &'t str, &'t str)];
    let table: &[(String, Told<'_>)] = &[
        (
            beyond.to_owned(),
            &[
                (":1", "cores", "invalid type"),
                (":2", "bind", "ADDRESS:PORT"),
                (":4", "http.body_bytes_max", "no setting is such a number"),
            ],
        ),
        ("[access_log]\nsample = nan\n".into(), &[(":2", "access_log.sample", "such a number")]),
        (
            "[tools.dataset_stats]\nscopes = \"x\"\n".into(),
            &[(":2", "tools.dataset_stats.scopes", "nobody can have any scopes")],
        ),
        (
            tls,
            &[
                (":2", "tls.cert", "expected PEM"),
                (":4", "tls.client_ca", "cannot read"),
                (":6", "tls.certificates[0].cert", "cannot read"),
            ],
        ),
        (
            many,
            &[
                (":1", "path", "expected a path"),
                (":2", "admin_bind", "ADDRESS:PORT"),
                (":4", "tls.key", "missing"),
                (":6", "auth.api_keys_file", "/nope.toml: cannot read"),
                (":7", "auth.algorithms", "HS256"),
                (":9", "rate.tools.nosuch", "there is no tool"),
                (":11", "tools.add_documents.scopes", "there is no tool"),
                (":13", "audit_log.path", "folder of this file"),
            ],
        ),
        (
            format!("[audit_log]\npath = {inside:?}\n"),
            &[(":2", "audit_log.path", "this is a folder")],
        ),
        (
            "[tls]\nclient_auth = \"required\"\n".into(),
            &[(":2", "tls.cert", "must be set"), (":2", "tls.client_ca", "must name")],
        ),
        ("path = \"/sse\"\n".into(), &[(":1", "path", "three different")]),
        (
            "path = \"/x\"\n[http_sse]\nsse_endpoint = \"/x\"\n".into(),
            &[(":3", "http_sse.sse_endpoint", "three different")],
        ),
        (
            "[auth]\nissuer = \"https://a.example\"\n".into(),
            &[(":2", "auth.audience", "name this")],
        ),
        (
            "[transport.http.auth]\nissuer = \"a\"\naudience = \"b\"\n".into(),
            &[(":2", "auth.issuer", "expected a URL")],
        ),
        (
            issuers.into(),
            &[
                (":2", "auth.issuers[0].issuer", "expected a URL"),
                (":1", "auth.issuers[0].audience", "name this"),
            ],
        ),
        ("[auth]\nanonymous = true\n".into(), &[(":1", "auth.enabled", "nothing here says")]),
        (short.into(), &[(":4", "auth.api_keys[0].sha256", "64 hexadecimal digits")]),
        (
            "cores = 100000\nadmin_bind = \"127.0.0.1:8080\"\nlog = \"banana=,,\"\n".into(),
            &[
                (":1", "cores", "at most 1024"),
                (":2", "admin_bind", "another address"),
                (":3", "log", "expected error, warn"),
            ],
        ),
    ];
    for (text, told) in table {
        let file = write("c.toml", text);
        let (code, out, said) = run(&mut check(Path::new(&file)));
        assert_eq!((code, &*out), (1, ""), "{text}");
        expect(&said, told);
    }
    // A file with mistakes of its own is named itself.
    let file = write("c.toml", &format!("[auth]\napi_keys_file = {keys:?}\n"));
    let (code, _, said) = run(&mut check(Path::new(&file)));
    assert!(code == 1 && said.contains("keys.toml:"), "{said}");
    // What the environment says is named by its variable.
    let (_, _, said) = run(command().arg("check").env("MCP_FASTD__BIND", "8080"));
    assert!(said.starts_with("environment variable MCP_FASTD__BIND: "), "{said}");
}

#[test]
fn a_list_is_no_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text, line) in [
        ("a.json", "[\"/tmp/x.db\"]", ":1"),
        ("b.json", "[]", ":1"),
        ("c.json", "{\n\"http\": [1, 2]}", ":2"),
        ("d.toml", "http = [1]\n", ":1"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        let (code, _, told) = run(&mut check(&file));
        assert!(code == 1 && told.contains(line), "{name}: {told}");
        let (code, _, told) = run(command().arg("--config").arg(&file));
        assert!(code == 1 && told.contains(name), "{name}: {told}");
    }
}

#[test]
fn scopes_are_for_resources_that_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    let key = format!("[[auth.api_keys]]\nname = \"a\"\nsha256 = \"{}\"\n", "0a".repeat(32));
    for (uri, is_there) in [
        ("doc://{id}", true),
        ("doc://{+any}", true),
        ("doc://01", true),
        ("document://{id}", false),
        ("doc:/{id}", false),
        ("doc://01/02", false),
        ("note", false),
    ] {
        let text = format!("{key}[resources.{uri:?}]\nscopes = [\"x\"]\n");
        fs::write(&file, text).expect("a file");
        let (code, _, told) = run(&mut check(&file));
        let problem = format!("there is no resource `{uri}` (there are: doc://{{id}})");
        let expected = format!("a.toml:5: resources.{uri}.scopes: {problem}");
        assert_eq!((code, told.contains(&expected)), (i32::from(!is_there), !is_there), "{told}");
        if !is_there {
            let mut serve = command();
            let (code, _, told) = run(serve.args(["--bind", "127.0.0.1:0", "--config"]).arg(&file));
            assert!(code == 1 && told.contains(&problem), "{told}");
        }
    }
}

#[test]
fn what_is_said_in_two_ways_is_one_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    for (key, text) in [
        ("rate", "[rate]\nglobal = \"1/s\"\n[transport.http.rate_limit]\nglobal = \"2/s\"\n"),
        ("auth", "[auth]\nenabled = false\n[transport.http.auth]\nenabled = false\n"),
        ("tls", "[tls]\nmin_version = \"1.3\"\n[transport.http.ssl]\nmin_version = \"1.2\"\n"),
        (
            "allowed_origins",
            "allowed_origins = [\"https://a.example\"]\n[cors]\n\
             allowed_origins = [\"https://b.example\"]\n",
        ),
        ("bind", "bind = \"127.0.0.1:1\"\n[transport.http]\nport = 2\n"),
    ] {
        fs::write(&file, text).expect("a file");
        let output = command().arg("check").arg(&file).output().expect("it runs");
        let told = String::from_utf8(output.stderr).expect("text");
        assert!(told.contains("1 mistake;") && told.contains(&format!(": {key}: set ")), "{told}");
    }
}

#[test]
fn numbers_that_would_not_do_what_they_say_are_mistakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    for (key, value) in [
        ("workers", "100000000"),
        ("deferred_max", "1048577"),
        ("http.header_fields_max", "101"),
        ("head_timeout", "\"0s\""),
        ("body_timeout", "\"0s\""),
    ] {
        fs::write(&file, format!("{key} = {value}\n")).expect("a file");
        let (code, _, told) = run(&mut check(&file));
        assert!(code == 1 && told.contains(&format!("a.toml:1: {key}: must be at ")), "{told}");
    }
}

#[test]
fn what_may_not_be_meant_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    let public = "[guard]\npublic_url = \"https://mcp.example.com:443/tools/mcp\"\n";
    let issuer = "[auth]\nissuer = \"https://a.example\"\n";
    let name = "https://mcp.example.com/tools/mcp";
    for (audience, unheard) in [
        ("", false),
        ("audience = \"https://MCP.example.com/tools/mcp/\"\n", false),
        ("audience = \"https://mcp.example.com/mcp\"\n", true),
        ("audience = \"api://mcp\"\n", true),
    ] {
        fs::write(&file, format!("{public}{issuer}{audience}")).expect("a file");
        let (code, out, told) = run(&mut check(&file));
        assert!(code == 0 && out.starts_with("The settings are in order"), "{told}");
        let warned = told.starts_with("warning: ") && told.contains("a.toml:5: auth.audience: ");
        assert_eq!((warned, told.contains(name)), (unheard, unheard), "{told}");
        let (_, out, _) = run(check(&file).arg("--json"));
        let said: Value = serde_json::from_str(&out).expect("JSON");
        let warnings = said["warnings"].as_array().expect("a list");
        assert_eq!((&said["ok"], warnings.len()), (&json!(true), usize::from(unheard)), "{said}");
    }
}

#[test]
fn what_would_be_served_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("is made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        format!("{:?}", path.display().to_string())
    };
    let (cert, key) =
        (file("c.pem", &issued.cert.pem()), file("k.pem", &issued.signing_key.serialize_pem()));
    let text = format!(
        "admin_bind = \"127.0.0.1:9\"\n[tls]\ncert = {cert}\nkey = {key}\n[auth]\n\
         issuer = \"https://a.example\"\naudience = \"b\"\nanonymous = true\n\
         [access_log]\npath = \"-\"\n"
    );
    file("c.toml", &text);
    let (code, out, told) = run(&mut check(&folder.path().join("c.toml")));
    assert_eq!((code, &*told), (0, ""));
    for part in [
        "https://127.0.0.1:8080/mcp",
        "http://127.0.0.1:9",
        "tokens of https://a.example, nothing",
        "access log  -",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert!(!folder.path().join("x").exists());
    // A certificate, and the key of another one.
    let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    file("k.pem", &other);
    let (code, _, told) = run(&mut check(&folder.path().join("c.toml")));
    assert!(code == 1 && told.contains("c.toml:4: tls.key: "), "{told}");
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
        (false, r#"{"cores": 1025}"#),
        (true, r#"{"http": {"head_bytes_max": 65536}}"#),
        (false, r#"{"http": {"head_bytes_max": 255}}"#),
        (false, r#"{"stream_events_max": 1}"#),
        (false, r#"{"trace": {"sample": "some"}}"#),
        (false, r#"{"trace": {"sample": true}}"#),
        (false, r#"{"trace": {"endpoints": "http://localhost"}}"#),
        (true, r#"{"tools": {"disabled": ["a"]}}"#),
        (false, r#"{"tools": {"disabled": "a"}}"#),
        (false, "[]"),
        (false, r#"{"http": [1]}"#),
        (false, r#"{"path": "/ready"}"#),
        (true, r#"{"path": "/ready/mcp"}"#),
        (false, r#"{"admin_bind": "x"}"#),
        (false, r#"{"json_depth_max": 7}"#),
        (false, r#"{"access_log": {"sample": 2}}"#),
        (false, r#"{"access_log": {"sample": -0.1}}"#),
        (false, r#"{"rate": {"global": "0/s"}}"#),
        (false, r#"{"rate": {"global": "1/day"}}"#),
        (true, r#"{"rate": {"global": "010 / min burst 05", "per_address": 1}}"#),
        (false, r#"{"guard": {"public_url": "x"}}"#),
        (false, r#"{"guard": {"public_url": "https://a.example?b"}}"#),
        (true, r#"{"guard": {"public_url": "HTTPS://a.example:1/b"}}"#),
        (false, r#"{"guard": {"allowed_hosts": "a b"}}"#),
        (false, r#"{"guard": {"allowed_hosts": ["a/b"]}}"#),
        (true, r#"{"guard": {"allowed_hosts": "a.example, *.b.example:1"}}"#),
        (false, r#"{"auth": {"api_keys": [{"name": "a", "sha256": "x"}]}}"#),
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

#[test]
fn files_that_are_one_are_mistakes_at_check_and_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let file = at("c.toml");
    fs::create_dir(at("f")).expect("a folder");
    fs::write(at("there.log"), "").expect("a file");
    std::os::unix::fs::symlink(at("there.log"), at("link.log")).expect("a link");
    for (audit, access, dataset, told) in [
        ("x.log", "x.log", "x.db", ("audit_log.path", "x.log is the file of access_log.path")),
        ("f/../x.log", "x.log", "x.db", ("audit_log.path", "is the file of access_log.path")),
        ("there.log", "link.log", "x.db", ("audit_log.path", "is the file of access_log.path")),
        ("x.log", "y.log", "x.log", ("dataset", "x.log is the file of audit_log.path")),
        ("x.log", "y.log", "y.log", ("dataset", "y.log is the file of access_log.path")),
    ] {
        let text = format!(
            "dataset = {:?}\naudit_log.path = {:?}\naccess_log.path = {:?}\n",
            at(dataset),
            at(audit),
            at(access)
        );
        fs::write(&file, text).expect("a file");
        let (code, _, checked) = run(&mut check(&file));
        assert_eq!(code, 1, "{checked}");
        let mut serve = command();
        serve.args(["--bind", "127.0.0.1:0", "--config"]).arg(&file);
        let (code, _, started) = run(&mut serve);
        assert_eq!(code, 1, "{started}");
        for said in [checked, started] {
            assert!(said.contains(told.0) && said.contains(told.1), "{told:?} in {said}");
        }
    }
    let (code, _, told) =
        run(check(&file).args(["--access-log", "/dev/null"]).args(["--audit-log", "/dev/null"]));
    assert_eq!(code, 0, "{told}");
}
