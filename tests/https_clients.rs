//! Clients that are not ours speak HTTPS with the daemon: Python's ssl, Node's, and what else there
//! is for it; each verifies the certificate, and each is refused where it should be.
#![cfg(all(feature = "tls", feature = "daemon"))]

mod common;
#[path = "common/daemon.rs"]
mod daemon;

use std::process::{Command, Output};

use common::tls::Authority;
use daemon::Daemon;
use mcp_fastd::CertificateFiles;

/// A daemon with a certificate of the authority for `localhost`.
fn start(authority: &Authority) -> Daemon {
    let CertificateFiles { cert, key } = authority.issue(&["localhost", "127.0.0.1"]);
    let mut command = daemon::command();
    command.args(["--bind", "127.0.0.1:0", "--cores", "2", "--tls-cert"]).arg(cert);
    command.arg("--tls-key").arg(key);
    Daemon::start(&mut command)
}

#[track_caller]
fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

const PYTHON: &str = r#"
import http.client, json, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {}}}})
headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
           "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = version
    client = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    for _ in range(3):
        client.request("POST", "/mcp", body, headers)
        answer = client.getresponse()
        tools = json.load(answer)["result"]["tools"]
        assert answer.status == 200 and tools, answer.status
    print(client.sock.version(), len(tools))
    client.close()
try:
    strange = http.client.HTTPSConnection("localhost", port, timeout=20)
    strange.request("GET", "/health")
    sys.exit("a certificate of nobody was believed")
except ssl.SSLCertVerificationError:
    print("refused")
plain = http.client.HTTPConnection("localhost", port, timeout=20)
plain.request("GET", "/health")
answer = plain.getresponse()
print(answer.status, json.load(answer)["error"]["message"])
"#;

#[test]
fn python_comes_over_https() {
    let authority = Authority::new();
    let server = start(&authority);
    assert!(server.greeting.contains("listens on https://127.0.0.1:"), "{}", server.greeting);
    assert!(server.greeting.contains("curl -sS 'https://"), "{}", server.greeting);
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON, &server.address.port().to_string()]).arg(authority.file());
    let output = python.output().expect("Python is installed");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for part in ["TLSv1.2 7", "TLSv1.3 7", "refused", "400 this port speaks HTTPS"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

const NODE: &str = r"
const [url] = process.argv.slice(1);
const name = 'tools/list';
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {} };
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: name, params: { _meta: meta } });
const headers = { 'Content-Type': 'application/json', 'MCP-Protocol-Version': '2026-07-28',
  Accept: 'application/json, text/event-stream', 'Mcp-Method': name };
const ask = () => fetch(url, { method: 'POST', headers, body }).then((answer) => answer.json());
const answers = await Promise.all(Array.from({ length: 20 }, ask));
console.log(answers.map(({ result }) => result.tools.length).join(' '));
";

#[test]
fn node_comes_over_https() {
    let authority = Authority::new();
    let server = start(&authority);
    let url = format!("https://localhost:{}/mcp", server.address.port());
    let ask = |trusts: bool| {
        let mut node = Command::new("node");
        node.args(["--input-type=module", "-e", NODE, &url]);
        if trusts {
            node.env("NODE_EXTRA_CA_CERTS", authority.file());
        }
        let output = node.output().expect("Node is installed");
        (output.status.success(), said(&output))
    };
    let (well, text) = ask(true);
    assert!(well && text.starts_with("7 7 7"), "{text}");
    let (well, text) = ask(false);
    assert!(!well && text.contains("SIGNATURE") || text.contains("CERT"), "{text}");
}

#[test]
fn what_cannot_be_read_ends_the_daemon_with_its_name() {
    let authority = Authority::new();
    let CertificateFiles { cert, key } = authority.issue(&["localhost"]);
    let run = |arguments: &[&std::ffi::OsStr]| {
        let mut command = daemon::command();
        let output = command.args(["--bind", "127.0.0.1:0"]).args(arguments).output();
        let output = output.expect("the daemon starts");
        assert!(!output.status.success());
        said(&output)
    };
    let (cert, key) = (cert.as_os_str(), key.as_os_str());
    let text = run(&["--tls-cert".as_ref(), key, "--tls-key".as_ref(), key]);
    assert!(
        text.contains("localhost.key: expected PEM with -----BEGIN CERTIFICATE-----"),
        "{text}"
    );
    let text = run(&["--tls-cert".as_ref(), cert]);
    assert!(text.contains("--tls-key"), "{text}");
}
