//! The real daemon as a child process, and a small client over HTTP.

#![allow(dead_code)] // each test file uses its part

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The command, in an environment without settings.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-fastd"));
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("MCP_FASTD") || name_text.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    // For people, though nobody watches: what tests read.
    command.env("MCP_FASTD__LOG_FORMAT", "human");
    command
}

/// A daemon that listens.
pub struct Daemon {
    child: Child,
    /// Where.
    pub address: SocketAddr,
    /// What it said on standard output before it was ready.
    pub greeting: String,
    stderr: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Daemon {
    /// Serves a dataset on a free port.
    pub fn over(dataset: &Path) -> Daemon {
        let mut command = command();
        command.args(["--bind", "127.0.0.1:0", "--cores", "2"]).arg(dataset);
        Daemon::start(&mut command)
    }

    /// Starts the command and waits until it listens.
    pub fn start(command: &mut Command) -> Daemon {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut pipe = BufReader::new(child.stderr.take().expect("a pipe"));
        let kept = stderr.clone();
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                kept.lock().expect("a lock").push_str(&line);
                line.clear();
            }
        });
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut greeting = String::new();
        while !greeting.contains("\ncurl ") {
            if out.read_line(&mut greeting).expect("text") == 0 {
                let _ = child.wait();
                panic!("the daemon ended: {greeting}{}", stderr.lock().expect("a lock"));
            }
        }
        let (_, rest) = greeting.split_once("://").expect("an address");
        let address = rest.split('/').next().expect("an address").parse().expect("an address");
        Daemon { child, address, greeting, stderr, reader: Some(reader) }
    }

    /// A connection to it.
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.stderr.lock().expect("a lock").clone()
    }

    /// Sends a signal by name: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it has ended by itself, though processes that it started may still write to its log.
    pub fn left(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Waits until it has logged this, after so many bytes; what comes with it.
    #[track_caller]
    pub fn logs(&self, after: usize, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if log[after..].contains(text) {
                return log[after..].to_owned();
            }
            assert!(Instant::now() < until, "never logged: {text}\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let status = wait(&mut self.child);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log is read to its end");
        }
        status
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child, but not for ever.
pub fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waited for") {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "the process does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Which revisions a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    Modern,
    Legacy,
}

pub const ERAS: [Era; 2] = [Era::Modern, Era::Legacy];

/// A keep-alive connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    pub era: Era,
    id: u64,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Client { stream: BufReader::new(stream), era: Era::Modern, id: 0 }
    }

    pub fn speaking(mut self, era: Era) -> Client {
        self.era = era;
        self
    }

    /// A request; the whole response message. `None` if the connection broke.
    pub fn try_request(&mut self, method: &str, mut params: Value) -> Option<Value> {
        self.id += 1;
        let version = match self.era {
            Era::Modern => "2026-07-28",
            Era::Legacy => "2025-11-25",
        };
        let mut fields = format!("MCP-Protocol-Version: {version}\r\n");
        if self.era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            fields += &format!("Mcp-Method: {method}\r\n");
            let name = params.get("name").or(params.get("uri")).and_then(Value::as_str);
            if let Some(name) = name {
                fields += &format!("Mcp-Name: {name}\r\n");
            }
        }
        let message =
            json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        let (_, body) = self.post("/mcp", &fields, &message.to_string())?;
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(answer["id"], self.id, "{answer}");
        Some(answer)
    }

    /// The result of a request that is answered well.
    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.try_request(method, params).expect("an answer");
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// The error of a request that is not.
    pub fn error(&mut self, method: &str, params: Value) -> Value {
        let answer = self.try_request(method, params).expect("an answer");
        answer.get("error").cloned().unwrap_or_else(|| panic!("no error: {answer}"))
    }

    /// Calls a tool that succeeds; its structured content, which the text must agree with.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_eq!(result["isError"], false, "{result}");
        let text = result["content"][0]["text"].as_str().expect("text");
        let text: Value = serde_json::from_str(text).expect("the text is JSON");
        assert_eq!(text, result["structuredContent"]);
        text
    }

    /// Calls a tool that fails; what the model is told.
    pub fn call_error(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.result("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().expect("text").to_owned()
    }

    /// Posts a body; the status and the body of the answer.
    pub fn post(&mut self, path: &str, fields: &str, body: &str) -> Option<(u16, String)> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{fields}Content-Length: {}\r\n\r\n\
             {body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        self.answer()
    }

    fn answer(&mut self) -> Option<(u16, String)> {
        let mut status = None;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().expect("a length");
                }
                None => status = line.split(' ').nth(1)?.parse().ok(),
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some((status?, String::from_utf8(body).expect("UTF-8")))
    }
}
