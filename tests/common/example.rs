//! The examples as programs: built, started on a free port, and asked.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{Wire, modern};

/// An example that runs; it is killed when the test is over.
pub struct Example {
    pub child: Child,
    pub lines: Lines<BufReader<ChildStdout>>,
    pub address: SocketAddr,
    pub wire: Wire,
}

impl Example {
    /// Starts it on a free port and waits until it says where it listens.
    pub fn start(name: &str) -> Example {
        let mut child = Command::new(built().join(name))
            .args(["--bind", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.find_map(|line| {
            let line = line.expect("text");
            line.strip_prefix("listening on http://").map(str::to_owned)
        });
        let line = line.expect("it says where it listens");
        let address: SocketAddr = line.trim_end_matches("/mcp").parse().expect("an address");
        Example { child, lines, address, wire: Wire::connect(address) }
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.wire.ask(modern(json!(1), method, params).bytes()).result()
    }

    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    pub fn text(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        result["content"][0]["text"].as_str().expect("a text block").to_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the examples, which is quick when they are built, and says where they are.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("this is a program");
        // target/PROFILE/deps/examples-…
        let profile = test.ancestors().nth(2).expect("a profile's folder");
        let target = profile.parent().expect("the target folder");
        let features: &[_] = if cfg!(feature = "rmcp") { &["--all-features"] } else { &[] };
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--examples", "--target-dir"])
            .arg(target)
            .args(features)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(status.expect("cargo runs").success(), "the examples build");
        target.join("debug/examples")
    })
}
