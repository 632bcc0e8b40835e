//! API keys: by two headers, kept as hashes, made by a command, and scoped; over the real daemon
//! and in a library.

#[path = "common/daemon.rs"]
#[allow(clippy::duplicate_mod)]
mod daemon;

mod common;

use common::{Wire, modern};
use daemon::{Daemon, command};
use mcp_fastd::{ApiKey, AuthConfig, Authentication, Config, Empty, Server, new_api_key};
use serde_json::{Value, json};

/// Makes a key with the command: the key, and what goes into the configuration.
fn key(name: &str, scopes: &[&str]) -> (String, String) {
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    let output = command().arg("key").arg(name).args(scopes).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let key = text.lines().find_map(|line| line.strip_prefix("# fastd_")).expect("a key");
    (format!("fastd_{key}"), text[text.find("[[").expect("an entry")..].to_owned())
}

fn list(fields: &[(&str, &str)]) -> Vec<u8> {
    let post = modern(json!(1), "tools/list", json!({}));
    fields.iter().fold(post, |post, (name, value)| post.with(name, value)).bytes()
}

#[test]
fn the_daemon_lets_in_who_has_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ada, of_ada) = key("ada", &["docs:write", "docs:use"]);
    let (alan, of_alan) = key("alan", &["docs:use"]);
    assert!(ada.len() > 40 && ada != alan && !of_ada.contains(&ada[6..]), "shown once");
    let (config, keys) = (folder.path().join("fastd.toml"), folder.path().join("keys.toml"));
    let settings = "[auth]\nscopes = \"docs:use\"\n[tools.add_document]\nscopes = \"docs:write\"\n\
                    [tools.update_document]\nscopes = \"docs:write\"\n[tools.delete_document]\n\
                    scopes = \"docs:write\"\n";
    std::fs::write(&config, format!("{settings}{of_ada}")).expect("written");
    std::fs::write(&keys, of_alan).expect("written");
    let mut start = command();
    start.args(["--bind", "127.0.0.1:0", "--cores", "1", "--config"]).arg(&config);
    start.arg("--api-keys").arg(&keys).arg(folder.path().join("x.db"));
    let mut daemon = Daemon::start(&mut start);
    let mut wire = Wire::connect(daemon.address);
    let mut tools = |fields: &[(&str, &str)]| {
        let response = wire.ask(list(fields));
        let field = response.field("WWW-Authenticate").unwrap_or_default().to_owned();
        match response.status {
            200 => {
                let result = response.result();
                let names = result["tools"].as_array().expect("a list");
                let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
                (200, names.iter().map(name).collect::<Vec<_>>().join(" "))
            }
            status => (status, field),
        }
    };
    let bearer = format!("Bearer {ada}");
    let (status, all) = tools(&[("Authorization", &bearer)]);
    assert_eq!((status, all.contains("add_document")), (200, true), "{all}");
    let (status, few) = tools(&[("X-API-Key", &alan)]);
    assert!(
        status == 200 && few.contains("get_document") && !few.contains("add_document"),
        "{few}"
    );
    let needs = "Bearer scope=\"docs:use\"";
    assert_eq!(tools(&[]), (401, needs.to_owned()));
    let (status, challenge) = tools(&[("X-API-Key", "fastd_guess")]);
    assert!(status == 401 && challenge.contains("invalid_token"), "{challenge}");
    let (status, challenge) = tools(&[("X-API-Key", &alan), ("X-API-Key", &alan)]);
    assert_eq!((status, &*challenge), (400, "Bearer error=\"invalid_request\""));
    // What is shown first counts.
    assert_eq!(tools(&[("Authorization", "Bearer guess"), ("X-API-Key", &alan)]).0, 401);
    let add = modern(json!(1), "tools/call", json!({ "name": "add_document", "arguments": {} }));
    let response = wire.ask(add.with("X-API-Key", &alan).bytes());
    let challenge = response.field("WWW-Authenticate");
    let expected = "Bearer error=\"insufficient_scope\", scope=\"docs:write docs:use\"";
    assert_eq!((response.status, challenge), (403, Some(expected)));
    assert_eq!(wire.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
    daemon.signal("TERM");
    daemon.ended();
    let log = daemon.log();
    assert!(!log.contains(&ada[6..]) && !log.contains(&alan[6..]), "no key in a log: {log}");
}

#[test]
fn a_library_takes_the_same_settings() {
    let (key, sha256) = new_api_key().expect("random bits");
    let known = ApiKey { name: "ada".into(), sha256, scopes: vec!["s".into()] };
    let auth = AuthConfig { api_keys: vec![known], ..AuthConfig::default() };
    let mut config = Config { auth, bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    let authentication = Authentication::start(&config.auth).expect("it is in order");
    let builder = || Server::builder().tool("hello", |_: Empty| "Hello!");
    let problem = builder().config(config.clone()).start().err().expect("nobody would ask");
    assert!(problem.to_string().contains("authenticator"), "{problem}");
    let server = builder().authenticator(authentication.clone());
    let running = server.config(config.clone()).start().expect("the server starts");
    let mut wire = Wire::connect(running.addr());
    let bearer = format!("Bearer {key}");
    assert_eq!(wire.ask(list(&[("Authorization", &bearer)])).status, 200);
    assert_eq!(wire.ask(list(&[])).status, 401);
    // Keys change while the server runs, and what is wrong changes nothing.
    let (other, sha256) = new_api_key().expect("random bits");
    config.auth.api_keys[0].sha256 = "short".to_owned();
    assert!(authentication.reload(&config.auth).is_err());
    assert_eq!(wire.ask(list(&[("X-API-Key", &key)])).status, 200);
    config.auth.api_keys[0].sha256 = sha256;
    let again = ApiKey { name: "again".to_owned(), ..config.auth.api_keys[0].clone() };
    config.auth.api_keys.push(again);
    let problem = config.check().expect_err("nobody would know whose it is");
    assert!(problem.contains("sha256 (of \"again\") is that of"), "{problem}");
    config.auth.api_keys.pop();
    authentication.reload(&config.auth).expect("it is in order");
    assert_eq!(wire.ask(list(&[("X-API-Key", &key)])).status, 401);
    assert_eq!(wire.ask(list(&[("X-API-Key", &other)])).status, 200);
    // The last key that is taken away does not let everybody in.
    config.auth = AuthConfig::default();
    let refused = running.reload(&config).expect_err("it would be open");
    assert!(refused.to_string().contains("restart"), "{refused}");
    assert!(authentication.reload(&config.auth).is_err());
    assert_eq!(wire.ask(list(&[])).status, 401);
    running.stop();
}
