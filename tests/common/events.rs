//! Answers that may be event streams: a strict reader of them as they arrive, and servers and
//! requests to have some.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mcp_fastd::{Config, Handler, Running, Server};
use serde_json::{Value, json};

use super::{PATIENCE, Post, requests::meta};

/// A server that is stopped when the test is over.
pub struct Up {
    running: Option<Running>,
    pub address: SocketAddr,
}

/// Starts a server on two shards.
pub fn up<H: Handler>(server: Server<H>, change: impl FnOnce(&mut Config)) -> Up {
    let mut config = Config {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        cores: Some(2),
        pin: false,
        ..Config::default()
    };
    change(&mut config);
    let running = server.config(config).start().expect("the server starts");
    Up { address: running.addr(), running: Some(running) }
}

impl Up {
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it has not been stopped")
    }

    /// Stops it, as `Running::stop` does.
    pub fn stop(mut self) {
        self.running.take().expect("it has not been stopped").stop();
    }

    /// Sends a request on a connection of its own, and reads the head of the answer.
    #[track_caller]
    pub fn open(&self, post: &Post) -> Tap {
        let mut tap = Tap::connect(self.address);
        tap.open(post);
        tap
    }

    /// The messages of the answer to a request, on a connection of its own.
    #[track_caller]
    pub fn ask(&self, post: &Post) -> Vec<Value> {
        self.open(post).messages()
    }

    /// The result of a request.
    #[track_caller]
    pub fn result(&self, post: &Post) -> Value {
        let mut last = self.ask(post).pop().expect("an answer");
        assert!(last.get("error").is_none(), "{last}");
        last["result"].take()
    }

    /// The status, the code and the data of the error that a request gets.
    #[track_caller]
    pub fn error(&self, post: &Post) -> (u16, i64, Value) {
        let mut tap = self.open(post);
        let mut last = tap.messages().pop().expect("an answer");
        let code = last["error"]["code"].as_i64().unwrap_or_else(|| panic!("an error: {last}"));
        (tap.status, code, last["error"]["data"].take())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // What a failed test has left open is not waited for.
            std::thread::spawn(move || running.stop());
        }
    }
}

/// A request of 2026-07-28 with the headers it needs; what `params._meta` has goes on top of what
/// every request carries.
pub fn ask(id: Value, method: &str, mut params: Value) -> Post {
    let mut all = meta();
    if let Some(more) = params["_meta"].take().as_object() {
        more.iter().for_each(|(key, value)| all[key] = value.clone());
    }
    params["_meta"] = all;
    let name = ["name", "uri", "taskId"].iter().find_map(|key| params[*key].as_str());
    let name = name.map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let post = Post::new(body.to_string())
        .with("MCP-Protocol-Version", "2026-07-28")
        .with("Mcp-Method", method);
    match name {
        Some(name) => post.with("Mcp-Name", &name),
        None => post,
    }
}

/// A `tools/call` of 2026-07-28 without arguments, with this on top of `_meta`.
pub fn call_with(id: u64, tool: &str, meta: Value) -> Post {
    ask(json!(id), "tools/call", json!({ "name": tool, "arguments": {}, "_meta": meta }))
}

/// `_meta` with these capabilities of the client.
pub fn able(capabilities: Value) -> Value {
    json!({ "io.modelcontextprotocol/clientCapabilities": capabilities })
}

/// `_meta` of a client that takes tasks, and answers questions.
pub fn takes_tasks() -> Value {
    able(json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } }))
}

/// `subscriptions/listen`.
pub fn listen(id: Value, notifications: Value) -> Post {
    ask(id, "subscriptions/listen", json!({ "notifications": notifications }))
}

/// A part of an event stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub retry: Option<u64>,
    /// `None` for a comment, or a `retry` alone.
    pub data: Option<String>,
}

impl Event {
    pub fn is_comment(&self) -> bool {
        *self == Event::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// A connection whose answers are read piece by piece.
pub struct Tap {
    socket: TcpStream,
    raw: Vec<u8>,
    text: Vec<u8>,
    framing: Framing,
    over: bool,
    pub status: u16,
    pub fields: Vec<(String, String)>,
}

impl Tap {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Tap {
        let socket = TcpStream::connect(address).expect("the server accepts");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        socket.set_nodelay(true).expect("nodelay can be set");
        let (raw, text, fields) = (Vec::new(), Vec::new(), Vec::new());
        Tap { socket, raw, text, framing: Framing::Length(0), over: true, status: 0, fields }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends a request and reads the head of the answer.
    #[track_caller]
    pub fn open(&mut self, post: &Post) {
        self.send(post.bytes());
        self.head();
    }

    /// Reads the head of the next answer.
    #[track_caller]
    pub fn head(&mut self) {
        assert!(self.over, "the answer before this one has been read");
        let end = loop {
            if let Some(at) = self.raw.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.fill(), "a head: {:?}", String::from_utf8_lossy(&self.raw));
        };
        let head: Vec<u8> = self.raw.drain(..end).collect();
        let head = String::from_utf8(head).expect("ASCII heads");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3));
        self.status = status.and_then(|status| status.parse().ok()).expect("a status");
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a field");
            (name.to_ascii_lowercase(), value.to_owned())
        };
        self.fields = lines.map(field).collect();
        self.framing = match (self.field("content-length"), self.field("transfer-encoding")) {
            (Some(length), None) => Framing::Length(length.parse().expect("a number")),
            (None, Some("chunked")) => Framing::Chunked,
            (None, None) if matches!(self.status, 202 | 204) => Framing::Length(0),
            (None, None) => Framing::UntilClose,
            other => panic!("a framing: {other:?}"),
        };
        self.over = self.framing == Framing::Length(0);
        self.text.clear();
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let mut named = self.fields.iter().filter(|(other, _)| other == name);
        let value = named.next().map(|(_, value)| value.as_str());
        assert!(named.next().is_none(), "{name} stands once: {:?}", self.fields);
        value
    }

    pub fn is_stream(&self) -> bool {
        self.field("content-type") == Some("text/event-stream")
    }

    /// The next part of the event stream; `None` at its end.
    #[track_caller]
    pub fn event(&mut self) -> Option<Event> {
        assert!(self.is_stream(), "{} {:?}", self.status, self.fields);
        loop {
            if let Some(at) = self.text.windows(2).position(|window| window == b"\n\n") {
                let event: Vec<u8> = self.text.drain(..at + 2).collect();
                return Some(read_event(&String::from_utf8(event).expect("UTF-8")));
            }
            if !self.more() {
                assert!(self.text.is_empty(), "half an event: {:?}", self.text);
                return None;
            }
        }
    }

    /// The next message on the event stream, past comments; `None` at its end.
    #[track_caller]
    pub fn next(&mut self) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "nothing but signs of life");
            let data = self.event()?.data;
            if let Some(data) = data.filter(|data| !data.is_empty()) {
                return Some(checked(serde_json::from_str(&data).expect("JSON")));
            }
        }
    }

    /// The next message on the event stream, which is there.
    #[track_caller]
    pub fn message(&mut self) -> Value {
        self.next().expect("a message, not the end of the stream")
    }

    /// All messages of the answer, to its end, however it is framed.
    #[track_caller]
    pub fn messages(&mut self) -> Vec<Value> {
        if self.is_stream() {
            return std::iter::from_fn(|| self.next()).collect();
        }
        while self.more() {}
        match self.text.is_empty() {
            true => Vec::new(),
            false => vec![checked(serde_json::from_slice(&self.text).expect("JSON"))],
        }
    }

    /// Reads comments until there was one after this moment; a message is a mistake.
    #[track_caller]
    pub fn expect_comment(&mut self) {
        let event = self.event().expect("a comment, not the end of the stream");
        assert!(event.is_comment(), "a comment: {event:?}");
    }

    /// Asserts that the server closes the connection, and sends nothing more.
    #[track_caller]
    pub fn expect_end(&mut self) {
        while self.fill() {}
        assert!(self.raw.is_empty(), "nothing: {:?}", String::from_utf8_lossy(&self.raw));
    }

    /// Asserts that no message comes for this long; comments may.
    #[track_caller]
    pub fn expect_silence(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.socket.set_read_timeout(Some(left.max(Duration::from_millis(1)))).expect("set");
            let mut scratch = [0; 4096];
            match self.socket.read(&mut scratch) {
                Ok(read) => {
                    assert!(read > 0, "silence, not the end");
                    self.raw.extend_from_slice(&scratch[..read]);
                    let text = String::from_utf8_lossy(&self.raw);
                    assert!(!text.contains("data: {"), "silence: {text}");
                }
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                    "{error}"
                ),
            }
        }
        self.socket.set_read_timeout(Some(PATIENCE)).expect("set");
    }

    /// Reads to the end of the connection, whatever comes.
    pub fn drain(&mut self) {
        while self.fill() {}
    }

    pub fn half_close(&mut self) {
        self.socket.shutdown(Shutdown::Write).expect("the connection stands");
    }

    /// A small receive buffer, for slow readers.
    pub fn shrink_receive_buffer(&mut self) {
        let socket = socket2::SockRef::from(&self.socket);
        socket.set_recv_buffer_size(4096).expect("the buffer can be set");
    }

    /// Moves a piece of the body from `raw` to `text`. Says whether there was any.
    #[track_caller]
    fn more(&mut self) -> bool {
        if self.over {
            return false;
        }
        match self.framing {
            Framing::Length(length) => {
                while self.raw.len() < length {
                    assert!(self.fill(), "the connection ended within a body");
                }
                self.text.extend(self.raw.drain(..length));
                self.over = true;
            }
            Framing::UntilClose => {
                self.over = self.raw.is_empty() && !self.fill();
                self.text.append(&mut self.raw);
                return !self.over;
            }
            Framing::Chunked => return self.chunk(),
        }
        true
    }

    #[track_caller]
    fn chunk(&mut self) -> bool {
        let line = loop {
            if let Some(at) = self.raw.windows(2).position(|window| window == b"\r\n") {
                break at;
            }
            assert!(self.fill(), "the connection ended within a stream");
        };
        let size = std::str::from_utf8(&self.raw[..line]).expect("a chunk size");
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        while self.raw.len() < line + 2 + size + 2 {
            assert!(self.fill(), "the connection ended within a chunk");
        }
        let chunk: Vec<u8> = self.raw.drain(..line + 2 + size + 2).skip(line + 2).collect();
        let data = chunk.strip_suffix(b"\r\n").expect("CRLF after a chunk");
        self.over = size == 0;
        assert!(size == 0 || data.ends_with(b"\n\n"), "no chunk has half an event");
        self.text.extend_from_slice(data);
        !self.over
    }

    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut scratch = [0; 16 * 1024];
        match self.socket.read(&mut scratch) {
            Ok(0) => false,
            Ok(read) => {
                self.raw.extend_from_slice(&scratch[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => {
                let from = self.raw.len().saturating_sub(400);
                let text = String::from_utf8_lossy(&self.raw[from..]);
                panic!("{error}; {} bytes so far, to {text:?}", self.raw.len())
            }
        }
    }
}

fn read_event(text: &str) -> Event {
    let mut event = Event::default();
    for line in text.trim_end_matches('\n').split('\n') {
        match line.split_once(':').expect("a field of an event") {
            ("", _) => {}
            ("id", id) => event.id = Some(id.trim_start().to_owned()),
            ("retry", retry) => event.retry = retry.trim_start().parse().ok(),
            ("data", data) => event.data = Some(data.strip_prefix(' ').unwrap_or(data).to_owned()),
            (other, _) => panic!("an unknown field: {other}"),
        }
    }
    event
}

/// The shape that every message of a server has (`JSONRPCMessage` of the schema).
#[track_caller]
fn checked(message: Value) -> Value {
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    let members = message.as_object().expect("an object");
    let has = |name: &str| members.contains_key(name);
    match has("method") {
        true => assert!(message["params"].is_object() && !has("result") && !has("error")),
        false => assert!(has("id") && has("result") != has("error"), "{message}"),
    }
    let known = ["jsonrpc", "id", "method", "params", "result", "error"];
    assert!(members.keys().all(|name| known.contains(&name.as_str())), "{message}");
    if has("error") {
        assert!(message["error"]["code"].is_i64() && message["error"]["message"].is_string());
    }
    message
}
