//! A client that starts a server and speaks to it over standard input and output.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use super::requests::meta;

/// The environment variable that makes a test's own executable serve.
const SERVES: &str = "MCP_FASTD_TEST_SERVES";

/// Whether this process was started by [`StdioClient::own`] to serve.
pub fn is_server() -> bool {
    std::env::var_os(SERVES).is_some()
}

/// A server as a child process, and what it writes.
pub struct StdioClient {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Lines before the first message are the test harness's.
    harness: bool,
    hold: Arc<Mutex<()>>,
}

impl StdioClient {
    /// Starts a program; every line it writes has to be a message.
    #[track_caller]
    pub fn start(command: &mut Command) -> StdioClient {
        StdioClient::start_with(command, false)
    }

    /// Starts the test of this name in this test's own executable, which is to serve.
    #[track_caller]
    pub fn own(test: &str) -> StdioClient {
        let mut command = Command::new(std::env::current_exe().expect("a test has a file"));
        command.args([test, "--exact", "--ignored", "--nocapture"]).env(SERVES, "1");
        StdioClient::start_with(&mut command, true)
    }

    /// As [`StdioClient::own`], with another standard output, whose other end `prepare` gives.
    #[track_caller]
    pub fn own_with<R: Read + Send + 'static>(
        test: &str,
        prepare: impl FnOnce(&mut Command) -> R,
    ) -> StdioClient {
        let mut command = Command::new(std::env::current_exe().expect("a test has a file"));
        command.args([test, "--exact", "--ignored", "--nocapture"]).env(SERVES, "1");
        let output = prepare(&mut command);
        let child = command.stdin(Stdio::piped()).spawn().expect("the program is there");
        drop(command);
        StdioClient::of(child, output, true)
    }

    #[track_caller]
    fn start_with(command: &mut Command, harness: bool) -> StdioClient {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program is there");
        let output = child.stdout.take().expect("it is piped");
        StdioClient::of(child, output, harness)
    }

    fn of<R: Read + Send + 'static>(mut child: Child, output: R, harness: bool) -> StdioClient {
        let (sender, lines) = channel();
        let output = BufReader::new(output);
        let hold = Arc::new(Mutex::new(()));
        let held = hold.clone();
        std::thread::spawn(move || {
            for line in output.lines() {
                drop(held.lock());
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        StdioClient { input: child.stdin.take(), child, lines, harness, hold }
    }

    /// Writes bytes as they are.
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let input = self.input.as_mut().expect("it has not been closed");
        input.write_all(bytes.as_ref()).and_then(|()| input.flush()).expect("the server reads");
    }

    #[track_caller]
    pub fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n"));
    }

    /// A request of the session, or of 2025-03-26 without one.
    #[track_caller]
    pub fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id: Value = id.into();
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    /// A request of 2026-07-28.
    #[track_caller]
    pub fn modern(&mut self, id: impl Into<Value>, method: &str, mut params: Value) {
        let mut whole = meta();
        if let Some(more) = params["_meta"].as_object() {
            let whole = whole.as_object_mut().expect("an object");
            whole.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        params["_meta"] = whole;
        self.request(id, method, params);
    }

    #[track_caller]
    pub fn tool(&mut self, id: impl Into<Value>, name: &str, arguments: Value) {
        self.request(id, "tools/call", json!({ "name": name, "arguments": arguments }));
    }

    #[track_caller]
    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// `initialize`, its answer, and `notifications/initialized`.
    #[track_caller]
    pub fn initialize(&mut self, version: &str, capabilities: Value) -> Value {
        let info = json!({ "name": "test", "version": "0" });
        let params = json!({
            "protocolVersion": version, "capabilities": capabilities, "clientInfo": info,
        });
        self.request("init", "initialize", params);
        let answer = self.next();
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        self.tell("notifications/initialized", json!({}));
        answer
    }

    /// The next line.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("a line");
            if self.harness && !line.starts_with('{') && !line.starts_with('[') {
                continue;
            }
            self.harness = false;
            return line;
        }
    }

    /// The next message.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Asserts that nothing comes for a while.
    #[track_caller]
    pub fn expect_quiet(&mut self, time: Duration) {
        match self.lines.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => {}
            other => panic!("quiet was expected: {other:?}"),
        }
    }

    /// Calls `act` while nothing that the server writes is read.
    pub fn without_reading<T>(&mut self, act: impl FnOnce(&mut StdioClient) -> T) -> T {
        let hold = self.hold.clone();
        let held = hold.lock().expect("no holder panics");
        let done = act(self);
        drop(held);
        done
    }

    /// Nobody reads any more what the server writes.
    pub fn forget_output(&mut self) {
        self.lines = channel().1;
    }

    /// The server's input, for another thread to write to.
    pub fn take_input(&mut self) -> ChildStdin {
        self.input.take().expect("it has not been closed")
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the input.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// All messages until the server ends, and how it ended.
    #[track_caller]
    pub fn rest(&mut self) -> (Vec<Value>, ExitStatus) {
        let until = Instant::now() + PATIENCE;
        let mut messages = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if self.harness && !line.starts_with('{') => {}
                Ok(line) => messages.push(serde_json::from_str(&line).expect("a message")),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {messages:?}"),
            }
        }
        (messages, self.wait())
    }

    /// Waits until the process has ended.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for StdioClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The memory that a process holds.
pub fn resident_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    let kilobytes = line.split_whitespace().next().and_then(|number| number.parse::<usize>().ok());
    1024 * kilobytes.expect("a number")
}
