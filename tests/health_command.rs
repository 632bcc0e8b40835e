//! `mcp-fastd health`: finds the server by the settings that the server has, and says what is wrong.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::path::Path;
use std::process::Command;

use daemon::{Daemon, command};

/// Asked with this environment and these arguments: exit code, and what it said.
fn health(variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let mut command = command();
    command.arg("health").args(arguments).envs(variables.iter().copied());
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.lines().count() <= 1, "one line: {told}");
    (output.status.code().expect("a code"), told)
}

#[track_caller]
fn is_well(variables: &[(&str, &str)], arguments: &[&str]) {
    assert_eq!(health(variables, arguments), (0, String::new()));
}

#[track_caller]
fn says(variables: &[(&str, &str)], arguments: &[&str], parts: &[&str]) {
    let (code, told) = health(variables, arguments);
    assert_eq!(code, 1, "{told}");
    for part in parts {
        assert!(told.contains(part), "{part:?} in {told}");
    }
}

fn serving(flags: &[&str]) -> Command {
    let mut command = command();
    command.args(["--cores", "1"]).args(flags);
    command
}

/// A certificate for nobody whom the test asks for, and its key.
fn certificate(folder: &Path) -> [String; 2] {
    let signed = rcgen::generate_simple_self_signed(["mcp.example".to_owned()]).expect("signed");
    let files = [("c.pem", signed.cert.pem()), ("k.pem", signed.signing_key.serialize_pem())];
    files.map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    })
}

/// Where operators were told to look.
fn admin(daemon: &Daemon) -> String {
    let said = daemon.logs(0, "operators find /health, /ready and /metrics here");
    let (_, address) = said.split_once("here address=").expect("an address");
    address.lines().next().expect("a line").to_owned()
}

#[test]
fn an_address_is_asked_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut daemon = Daemon::over(&folder.path().join("x.db"));
    let url = format!("http://{}/health", daemon.address);
    is_well(&[], &[&url]);
    let elsewhere = format!("http://{}/elsewhere", daemon.address);
    says(&[], &[&elsewhere], &[&elsewhere, "404"]);
    daemon.signal("TERM");
    daemon.ended();
    says(&[], &[&url], &[&url]);
}

#[test]
fn bind_is_asked_on_this_machine_by_environment_or_file() {
    let flags = ["--bind", "0.0.0.0:0", "--allowed-host", "localhost"];
    let daemon = Daemon::start(&mut serving(&flags));
    let bind = format!("0.0.0.0:{}", daemon.address.port());
    is_well(&[("MCP_FASTD__BIND", &bind)], &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let file = file.to_str().expect("UTF-8");
    // What is wrong beside it is the next start's affair.
    for beside in ["", "workers = \"many\"\nprot = 1\n"] {
        fs::write(file, format!("{beside}bind = {bind:?}\n")).expect("written");
        is_well(&[], &["--config", file]);
        is_well(&[("MCP_FASTD__CONFIG", file)], &[]);
    }
    fs::write(file, "workers = \"many\"\nbind = \"127.0.0.1:1\"\n").expect("written");
    says(&[], &["--config", file], &["http://127.0.0.1:1/health", "c.toml:1: workers"]);
}

#[test]
fn https_is_asked_by_https() {
    let folder = tempfile::tempdir().expect("a folder");
    let [cert, key] = certificate(folder.path());
    let flags = ["--bind", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
    let daemon = Daemon::start(&mut serving(&flags));
    let address = daemon.address.to_string();
    let (cert, key) = (("MCP_FASTD__TLS__CERT", &*cert), ("MCP_FASTD__TLS__KEY", &*key));
    is_well(&[("MCP_FASTD__BIND", &address), cert, key], &[]);
    says(&[("MCP_FASTD__BIND", &address)], &[], &["400"]);
}

#[test]
fn operators_own_listener_comes_first() {
    let daemon =
        Daemon::start(&mut serving(&["--bind", "127.0.0.1:0", "--admin-bind", "127.0.0.1:0"]));
    let admin = admin(&daemon);
    let set = [
        ("MCP_FASTD__ADMIN_BIND", &*admin),
        ("MCP_FASTD__BIND", "127.0.0.1:1"),
        ("MCP_FASTD__GUARD__PROXY_PROTOCOL", "required"),
        ("MCP_FASTD__GUARD__TRUSTED_PROXIES", "10.0.0.0/8"),
    ];
    is_well(&set, &[]);
    // Not where a client has to send more than a request.
    says(&set[1..], &[], &["guard.proxy_protocol", "admin_bind"]);
    says(&[("MCP_FASTD__TRANSPORT__MODE", "stdio")], &[], &["stdio", "set both"]);
    says(&[("MCP_FASTD__BIND", "127.0.0.1:0")], &[], &["port 0"]);
    let folder = tempfile::tempdir().expect("a folder");
    let [cert, key] = certificate(folder.path());
    let clients = [
        ("MCP_FASTD__TLS__CERT", &*cert),
        ("MCP_FASTD__TLS__KEY", &*key),
        ("MCP_FASTD__TLS__CLIENT_CA", &*cert),
    ];
    says(&clients, &[], &["tls.client_auth", "admin_bind"]);
}
