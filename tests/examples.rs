//! Every example is built, started, and does what it says. An example that is not in the table
//! below fails the test: say there what it does.

mod common;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use common::{Wire, call};
use serde_json::{Value, json};

/// Each example, and what it does.
const EXAMPLES: [(&str, fn()); 1] = [("01_hello", hello)];

fn hello() {
    let mut example = Example::start("01_hello", &["--cores", "1"]);
    let result = example.call("add", json!({ "a": 2, "b": 3 }));
    assert_eq!(result["structuredContent"], json!({ "sum": 5 }));
    let result = example.call("add", json!({ "a": i64::MAX, "b": 3 }));
    assert_eq!(result["isError"], true);
}

#[test]
fn each_does_what_it_says() {
    for (name, check) in EXAMPLES {
        println!("{name}");
        check();
    }
}

#[test]
fn none_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).expect("a folder of examples") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        assert!(EXAMPLES.iter().any(|(known, _)| *known == name), "{name} is not in EXAMPLES");
    }
}

/// An example that runs; it is killed when the test is over.
struct Example {
    child: Child,
    wire: Wire,
}

impl Example {
    /// Starts it on a free port and waits until it says where it listens.
    fn start(name: &str, arguments: &[&str]) -> Example {
        let mut child = Command::new(built().join(name))
            .args(["--bind", "127.0.0.1:0"])
            .args(arguments)
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
        Example { child, wire: Wire::connect(address) }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.wire.ask(call(1, tool, arguments).bytes()).result()
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
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("this is a program");
        // target/PROFILE/deps/examples-…
        let profile = test.ancestors().nth(2).expect("a profile's folder");
        let target = profile.parent().expect("the target folder");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--examples", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(status.expect("cargo runs").success(), "the examples build");
        target.join("debug/examples")
    })
}
