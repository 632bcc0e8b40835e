//! SIGHUP, and `Running::reload`: what can be changed is, without a connection lost; what cannot is
//! named; what is broken changes nothing.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::events::{listen, up};
use common::{TestServer, Wire, application, call, eventually, modern, start_with};
use daemon::{Daemon, command};
use mcp_fastd::{Config, new_api_key};
use serde_json::json;

fn served(file: &Path, settings: &str) -> Daemon {
    fs::write(file, settings).expect("a file");
    let dataset = file.with_file_name("x.db");
    Daemon::start(command().arg("--config").arg(file).arg(dataset))
}

fn reload(daemon: &Daemon, file: &Path, settings: &str) -> String {
    fs::write(file, settings).expect("a file");
    let before = daemon.log().len();
    daemon.signal("HUP");
    daemon.logs(before, "reloaded")
}

const AT: &str = "bind = \"127.0.0.1:0\"\ncores = 2\n";

#[test]
fn a_limit_changes_under_a_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let daemon = served(&file, AT);
    let mut client = daemon.client();
    let title = "t".repeat(100);
    let add = json!({ "title": title, "text": "x".repeat(5000) });
    client.call("add_document", add.clone());
    let log = reload(&daemon, &file, &format!("{AT}[http]\nbody_bytes_max = 2000\n"));
    assert!(log.contains("changed=\"http.body_bytes_max\"") || log.contains("body_bytes_max"));
    let params = json!({ "name": "add_document", "arguments": add });
    // On the connection that is open, and on the other shard.
    for client in [&mut client, &mut daemon.client(), &mut daemon.client()] {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let (status, text) = client.post("/mcp", "", &body.to_string()).expect("an answer");
        assert_eq!(status, 413, "{text}");
        assert!(text.contains("body_bytes_max"), "{text}");
    }
}

#[test]
fn what_needs_a_restart_is_named_and_what_is_broken_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let daemon = served(&file, AT);
    let other = "bind = \"127.0.0.1:1\"\ncores = 3\npath = \"/x\"\nidle_timeout = \"9s\"\n";
    let log = reload(&daemon, &file, &format!("{other}log = \"debug\"\n"));
    assert!(log.contains("idle_timeout") && log.contains("log"), "{log}");
    let log = daemon.logs(0, "after a restart only");
    for key in ["bind", "cores", "path"] {
        assert!(log.contains(key), "{key} in {log}");
    }
    let key = format!("[[auth.api_keys]]\nname = \"a\"\nsha256 = \"{}\"\n", "0a".repeat(32));
    let unknown_resource = format!("{key}[resources.\"document://{{id}}\"]\nscopes = \"x\"\n");
    let broken_template = format!("{key}[resources.\"doc://{{id\"]\nscopes = \"x\"\n");
    for (broken, told) in [
        ("cores = 1\nidle_timeout = \"soon\"\n", ["c.toml:2", "idle_timeout"]),
        ("croes = 1\n", ["c.toml:1", "croes"]),
        ("connections_max = 0\n", ["not reloaded", "connections_max"]),
        ("[tools]\ndisabled = [\"none\"]\n", ["tools.disabled", "search_documents"]),
        ("log = \"x\"\n", ["not reloaded", "log"]),
        (&unknown_resource, ["resources.document://{id}.scopes", "doc://{id}"]),
        (&broken_template, ["c.toml:5: resources.doc://{id.scopes", "without its"]),
    ] {
        let log = reload(&daemon, &file, broken);
        assert!(log.contains("not reloaded"), "{log}");
        assert!(told.iter().all(|part| log.contains(part)), "{told:?} in {log}");
    }
    daemon.client().call("dataset_stats", json!({}));
}

#[test]
fn what_could_not_be_started_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let daemon = served(&file, AT);
    for broken in [
        "[access_log]\npath = \"/nowhere/x\"",
        "[tls]\ncert = \"/nowhere/c\"\nkey = \"/nowhere/k\"",
        "[observe]",
    ] {
        let before = daemon.log().len();
        fs::write(&file, format!("{AT}deferred_max = 1\ncall_timeout = \"9s\"\n{broken}\n"))
            .expect("a file");
        daemon.signal("HUP");
        let log = daemon.logs(before, "not reloaded, and all goes on as it was");
        assert!(!log.contains("changed=\"call_timeout"), "{log}");
        assert!(log.contains("/nowhere/") || log.contains("observe"), "{log}");
    }
    let log = reload(&daemon, &file, &format!("{AT}call_timeout = \"9s\"\n"));
    assert!(log.contains("changed=\"call_timeout\""), "nothing had changed: {log}");
}

#[test]
fn what_needs_a_restart_has_the_names_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let daemon = served(&file, AT);
    let log = folder.path().join("x.log");
    let other = format!(
        "{AT}admin_bind = \"127.0.0.1:1\"\n[metrics]\npublic = true\n\
         [access_log]\nslow_only_ms = 1\n[audit_log]\npath = {log:?}\n"
    );
    reload(&daemon, &file, &other);
    let told = daemon.logs(0, "after a restart only");
    let keys = ["admin_bind", "metrics.public", "access_log.slow_only_ms"];
    for key in keys.into_iter().chain(["audit_log.path"]) {
        assert!(told.contains(key), "{key} in {told}");
    }
}

#[test]
fn issuers_are_live() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, keys) = (folder.path().join("c.toml"), folder.path().join("keys.json"));
    // The example of RFC 7517, appendix A.1.
    let (x, y) = (
        "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    );
    let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256", "kid": "1" });
    fs::write(&keys, json!({ "keys": [key] }).to_string()).expect("a file");
    let daemon = served(&file, AT);
    let mut client = daemon.client();
    let issuer = |keys: &Path| {
        let place = format!("issuer = \"https://a.example\"\njwks_file = {keys:?}\n");
        format!("{AT}[auth]\naudience = \"x\"\n{place}")
    };
    // What cannot be read changes nothing: nobody is locked out.
    let log = reload(&daemon, &file, &issuer(Path::new("/nope.json")));
    assert!(log.contains("not reloaded") && log.contains("jwks_file"), "{log}");
    client.call("dataset_stats", json!({}));
    let log = reload(&daemon, &file, &issuer(&keys));
    assert!(log.contains("auth.issuers") && !log.contains("not reloaded"), "{log}");
    let ask = |authorization: &str| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
        daemon.client().post("/mcp", authorization, &body).expect("an answer").0
    };
    assert_eq!(ask(""), 401);
    // What is closed does not open without a restart.
    let log = reload(&daemon, &file, AT);
    assert!(log.contains("not reloaded"), "{log}");
    assert_eq!(ask(""), 401);
}

#[test]
fn certificates_under_other_names_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let issue = |name: &str| {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("is made");
        let path = |kind: &str| folder.path().join(format!("{name}.{kind}"));
        fs::write(path("cert"), issued.cert.pem()).expect("a file");
        fs::write(path("key"), issued.signing_key.serialize_pem()).expect("a file");
        format!("{AT}[tls]\ncert = {:?}\nkey = {:?}\n", path("cert"), path("key"))
    };
    let (first, second) = (issue("a"), issue("b"));
    let daemon = served(&file, &first);
    fs::remove_file(folder.path().join("a.cert")).expect("it was there");
    let log = reload(&daemon, &file, &second);
    assert!(log.contains("tls.certificates") && !log.contains("not reloaded"), "{log}");
    assert!(log.contains("b.cert") && log.contains("expires"), "{log}");
    // The same name, and another certificate in the file.
    let log = reload(&daemon, &file, &issue("b"));
    assert!(log.contains("tls.certificates") && log.contains("expires"), "{log}");
    let log = reload(&daemon, &file, &second);
    assert!(!log.contains("tls.certificates") && !log.contains("expires"), "{log}");
    let log = reload(&daemon, &file, &second.replace("b.cert", "c.cert"));
    assert!(log.contains("not reloaded") && log.contains("c.cert"), "{log}");
    // Without HTTPS only after a restart; the rest holds, though the files are gone.
    fs::remove_file(folder.path().join("b.cert")).expect("it was there");
    let log = reload(&daemon, &file, &format!("idle_timeout = \"9s\"\n{AT}"));
    assert!(log.contains("idle_timeout"), "{log}");
    assert!(daemon.logs(0, "after a restart only").contains("tls"));
}

#[test]
fn tools_are_switched_off_and_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let daemon = served(&file, &format!("{AT}[tools]\ndisabled = [\"delete_document\"]\n"));
    let mut client = daemon.client();
    let names = |client: &mut daemon::Client| {
        let list = client.result("tools/list", json!({}));
        let tools = list["tools"].as_array().expect("a list").clone();
        tools.iter().map(|tool| tool["name"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    assert!(!names(&mut client).contains(&"delete_document".to_owned()));
    let params = json!({ "name": "delete_document", "arguments": { "id": "x" } });
    let error = client.error("tools/call", params.clone());
    assert_eq!(error["code"], -32602, "{error}");
    let unknown = json!({ "name": "delete_documents", "arguments": { "id": "x" } });
    let unknown = client.error("tools/call", unknown).to_string();
    assert_eq!(unknown.replace("documents", "document"), error.to_string(), "as if it were not");
    reload(&daemon, &file, AT);
    assert!(names(&mut client).contains(&"delete_document".to_owned()));
    client.call_error("delete_document", json!({ "id": "x" }));
}

#[test]
fn clients_are_told_of_another_list_and_of_no_other_change() {
    let server = up(application(std::sync::Arc::default()), |_| ());
    let mut tap = server.open(&listen(json!(1), json!({ "toolsListChanged": true })));
    tap.message();
    let like = |change: &dyn Fn(&mut Config)| {
        let mut config = Config {
            bind: ([127, 0, 0, 1], 0).into(),
            cores: Some(2),
            pin: false,
            ..Config::default()
        };
        change(&mut config);
        config
    };
    let same = server.running().reload(&like(&|_| ())).expect("nothing is wrong");
    assert!(same.changed.is_empty() && same.needs_restart.is_empty(), "{same:?}");
    let time = Duration::from_secs(7);
    server.running().reload(&like(&|c| c.idle_timeout = time)).expect("taken");
    tap.expect_silence(Duration::from_millis(200));
    let off = |config: &mut Config| config.tools.disabled = vec!["add".to_owned()];
    let reloaded = server.running().reload(&like(&off)).expect("taken");
    assert_eq!(reloaded.changed, ["idle_timeout", "tools.disabled"]);
    assert_eq!(tap.message()["method"], "notifications/tools/list_changed");
    let (_, code, _) = server.error(&call(1, "add", json!({ "a": 1, "b": 2 })));
    assert_eq!(code, -32602);
    let both = |config: &mut Config| config.tools.disabled = vec!["add".to_owned(); 2];
    server.running().reload(&like(&both)).expect("taken");
    tap.expect_silence(Duration::from_millis(200));
    let wrong = like(&|c| c.tools.disabled = vec!["no".to_owned()]);
    assert!(server.running().reload(&wrong).is_err());
    server.running().reload(&like(&|_| ())).expect("taken");
    assert_eq!(tap.message()["method"], "notifications/tools/list_changed");
    server.result(&call(1, "add", json!({ "a": 1, "b": 2 })));
}

#[test]
fn connections_max_may_grow_while_somebody_waits() {
    let server = common::start_with(|config| config.connections_max = 1);
    let mut first = server.connect();
    first.ask(call(1, "add", json!({ "a": 1, "b": 2 })).bytes());
    let mut second = server.connect();
    second.send(call(2, "add", json!({ "a": 1, "b": 2 })).bytes());
    second.expect_silence(Duration::from_millis(100));
    let config = Config { connections_max: 2, ..Config::default() };
    server.running().reload(&config).expect("taken");
    assert_eq!(second.response().status, 200);
}

/// What each may use is read again like who they are; and what is open for somebody who is let in
/// no more ends.
#[test]
fn scopes_and_keys_are_live() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let key = |name: &str| {
        let (key, sha256) = new_api_key().expect("random bits");
        (key, format!("[[auth.api_keys]]\nname = {name:?}\nsha256 = {sha256:?}\n"))
    };
    let ((ada, of_ada), (alan, of_alan)) = (key("ada"), key("alan"));
    let both = format!("{AT}{of_ada}{of_alan}");
    let daemon = served(&file, &both);
    let stats = |key: &str| {
        let post = call(1, "dataset_stats", json!({})).with("X-API-Key", key);
        Wire::connect(daemon.address).ask(post.bytes()).status
    };
    let open = |key: &str| {
        let wanted = json!({ "notifications": { "toolsListChanged": true } });
        let listen = modern(json!(1), "subscriptions/listen", wanted).with("X-API-Key", key);
        let mut wire = Wire::connect(daemon.address);
        wire.send(listen.bytes());
        wire.line_with("acknowledged");
        wire
    };
    assert_eq!(stats(&ada), 200);
    let (mut of_hers, mut of_his) = (open(&ada), open(&alan));
    let log = reload(&daemon, &file, &format!("{both}[tools.dataset_stats]\nscopes = \"x\"\n"));
    assert!(log.contains("tools") && !log.contains("restart"), "{log}");
    assert_eq!(stats(&ada), 403);
    for stream in [&mut of_hers, &mut of_his] {
        stream.line_with("notifications/tools/list_changed");
    }
    reload(&daemon, &file, &both);
    assert_eq!(stats(&ada), 200);

    let mut of_his = open(&alan);
    let log = reload(&daemon, &file, &format!("{AT}{of_alan}"));
    assert!(log.contains("auth.api_keys"), "{log}");
    assert!(of_hers.stream_to_end().contains("\"resultType\":\"complete\""));
    assert_eq!((stats(&ada), stats(&alan)), (401, 200));
    of_his.line_with("notifications/tools/list_changed");
}

#[track_caller]
fn change(server: &TestServer, change: impl FnOnce(&mut Config)) {
    let mut config = Config { cores: Some(2), pin: false, ..Config::default() };
    change(&mut config);
    let reloaded = server.running().reload(&config).expect("taken");
    assert_eq!(reloaded.needs_restart, ["bind"], "which is another's port");
}

#[test]
fn bounds_on_calls_and_streams_are_live() {
    let server = start_with(|_| ());
    let mut wire = server.connect();
    wire.send(call(1, "until_cancelled", json!({})).bytes());
    eventually("it runs", || server.stage.waiting.load(std::sync::atomic::Ordering::SeqCst) == 1);
    let ask = |id: u64| server.connect().ask(call(id, "until_cancelled", json!({})).bytes());
    for ms in [40, 30] {
        change(&server, |config| config.call_timeout = Duration::from_millis(ms));
        let answer = ask(2).json();
        assert_eq!(answer["error"]["data"]["limit"], "call_timeout");
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(&format!("{ms}ms")), "{message}");
    }
    // What came before has the time that there was then, which was any.
    wire.expect_silence(Duration::from_millis(100));

    let listen = || modern(json!(1), "subscriptions/listen", json!({ "notifications": {} }));
    let open = || {
        let mut wire = server.connect();
        wire.send(listen().bytes());
        wire.line_with("acknowledged");
        wire
    };
    let before = open();
    change(&server, |config| config.streams_per_address_max = 1);
    let counted = open();
    let refused = server.connect().ask(listen().bytes());
    assert_eq!(refused.json()["error"]["data"]["limit"], "streams_per_address_max");
    change(&server, |_| ());
    drop((open(), before, counted));

    change(&server, |config| config.connections_per_address_max = 1);
    let refused = server.connect().ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(refused.json()["error"]["data"]["limit"], "connections_per_address_max");
    change(&server, |_| ());
    server.assert_alive();
}

#[test]
fn bounds_on_load_are_live() {
    let server = start_with(|_| ());
    let mut wire = server.connect();
    let mut echo = || wire.ask(call(1, "echo_on_worker", json!({ "text": "x" })).bytes()).status;
    assert_eq!(echo(), 200);
    change(&server, |config| config.overload.memory_max = Some(1));
    eventually("it is short of memory", || echo() == 503);
    change(&server, |config| config.overload.memory_max = Some(0));
    assert_eq!(echo(), 200, "and not any more, though nobody looks");
}

/// A file of keys that an editor is about to write, say.
#[test]
fn an_empty_file_of_keys_locks_nobody_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, keys) = (folder.path().join("c.toml"), folder.path().join("keys.toml"));
    let (key, sha256) = new_api_key().expect("random bits");
    let entry = format!("[[auth.api_keys]]\nname = \"ada\"\nsha256 = {sha256:?}\n");
    fs::write(&keys, entry).expect("a file");
    let daemon = served(&file, &format!("{AT}[auth]\nenabled = true\napi_keys_file = {keys:?}\n"));
    let stats = || {
        let post = call(1, "dataset_stats", json!({})).with("X-API-Key", &key);
        Wire::connect(daemon.address).ask(post.bytes()).status
    };
    assert_eq!(stats(), 200);
    for text in ["", "[auth]\n", "[auth]\napi_keys = []\n"] {
        fs::write(&keys, text).expect("a file");
        let before = daemon.log().len();
        daemon.signal("HUP");
        let log = daemon.logs(before, "not reloaded");
        assert!(log.contains("auth.api_keys_file") && log.contains("no key is in it"), "{log}");
        assert_eq!(stats(), 200, "{text}");
        // The same is no file to start with.
        let out = command().arg("check").arg(&file).output().expect("it runs");
        let (told, said) = (String::from_utf8_lossy(&out.stderr), out.stdout);
        assert!(!out.status.success() && said.is_empty(), "{told}");
        assert!(told.contains("no key is in it"), "{told}");
    }
}

#[test]
fn rates_that_are_as_they_were_are_not_forgotten() {
    let rate = |config: &mut Config| config.rate.per_address = Some("3/h".parse().expect("a rate"));
    let server = start_with(rate);
    let ask = || server.connect().ask(call(1, "echo", json!({ "text": "x" })).bytes()).status;
    assert_eq!([ask(), ask(), ask(), ask()], [200, 200, 200, 429]);
    change(&server, |config| {
        rate(config);
        config.idle_timeout = Duration::from_secs(76);
    });
    assert_eq!(ask(), 429);
    change(&server, |config| config.rate.per_address = Some("4/h".parse().expect("a rate")));
    assert_eq!(ask(), 200, "another rate is counted anew");
}
