//! A connection that reads answers of both kinds, JSON and event streams, strictly: each chunk is a
//! whole event, a stream ends with the last chunk, and after it the connection goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PATIENCE, Post};

/// An event of a stream, or a comment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    pub name: Option<String>,
    pub id: Option<String>,
    pub retry: Option<u64>,
    pub data: Option<String>,
    pub comment: bool,
}

/// What came within some time.
#[derive(Debug)]
pub enum Came {
    Event(Event),
    End,
    Nothing,
}

/// How the body that is being read is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Chunked,
    UntilClose,
}

/// A connection.
pub struct Talk {
    socket: TcpStream,
    pending: Vec<u8>,
    framing: Framing,
    pub status: u16,
    pub fields: Vec<(String, String)>,
    /// The id of the last event that had one.
    pub last_id: Option<String>,
}

/// An answer, whichever way it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    /// It came as an event stream.
    pub streamed: bool,
    /// The messages, the answer last; of JSON, the one.
    pub messages: Vec<Value>,
    /// What there was besides events.
    pub events: Vec<Event>,
}

impl Answer {
    /// The only message, which came as JSON.
    #[track_caller]
    pub fn json(&self) -> &Value {
        assert!(!self.streamed && self.messages.len() == 1, "JSON alone: {self:?}");
        &self.messages[0]
    }

    /// The last message.
    #[track_caller]
    pub fn last(&self) -> &Value {
        self.messages.last().unwrap_or_else(|| panic!("a message: {self:?}"))
    }

    /// Parameters of the notifications of this method.
    pub fn notices(&self, method: &str) -> Vec<Value> {
        let of = |message: &&Value| message["method"] == method;
        self.messages.iter().filter(of).map(|message| message["params"].clone()).collect()
    }

    /// The text of a tool's result.
    #[track_caller]
    pub fn text(&self) -> &str {
        let last = self.last();
        last["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("text: {last}"))
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.fields.iter().find(named).map(|(_, value)| value.as_str())
    }
}

impl Talk {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Talk {
        let socket = TcpStream::connect(address).expect("the server accepts");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        socket.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
        socket.set_nodelay(true).expect("nodelay can be set");
        let fields = Vec::new();
        let framing = Framing::None;
        Talk { socket, pending: Vec::new(), framing, status: 0, fields, last_id: None }
    }

    /// A connection with a small receive buffer, for slow readers.
    #[track_caller]
    pub fn connect_slow(address: SocketAddr) -> Talk {
        let talk = Talk::connect(address);
        let socket = socket2::SockRef::from(&talk.socket);
        socket.set_recv_buffer_size(64 * 1024).expect("the buffer can be set");
        talk
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).expect("the server reads");
    }

    #[track_caller]
    pub fn post(&mut self, post: &Post) {
        self.send(post.bytes());
    }

    /// One request, one answer.
    #[track_caller]
    pub fn ask(&mut self, post: &Post) -> Answer {
        self.post(post);
        self.answer()
    }

    /// Reads the head of an answer; says whether an event stream follows.
    #[track_caller]
    pub fn head(&mut self) -> bool {
        let end = loop {
            if let Some(at) = find(&self.pending, b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more(), "the connection ended before an answer");
        };
        let head = String::from_utf8(self.take(end)).expect("ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        self.status = status.and_then(|rest| rest[..3].parse().ok()).expect("a status line");
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a field");
            (name.to_owned(), value.to_owned())
        };
        self.fields = lines.map(field).collect();
        let streams = self.field("Content-Type") == Some("text/event-stream");
        if streams {
            assert_eq!(self.status, 200);
            assert_eq!(self.field("Cache-Control"), Some("no-cache, no-transform"));
            assert_eq!(self.field("X-Accel-Buffering"), Some("no"));
            assert_eq!(self.field("Content-Length"), None);
            self.framing = match self.field("Transfer-Encoding") {
                Some(coding) => {
                    assert_eq!(coding, "chunked");
                    Framing::Chunked
                }
                None => Framing::UntilClose,
            };
        }
        streams
    }

    /// The status of an answer, if it begins within some time.
    pub fn try_head(&mut self, time: Duration) -> Option<u16> {
        self.socket.set_read_timeout(Some(time)).expect("a time-out can be set");
        let mut scratch = [0; 1];
        let came = self.socket.peek(&mut scratch).is_ok();
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        came.then(|| {
            self.head();
            self.status
        })
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.fields.iter().find(named).map(|(_, value)| value.as_str())
    }

    /// Reads an answer to its end.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut messages = Vec::new();
        let mut events = Vec::new();
        let streamed = self.head();
        let (status, fields) = (self.status, self.fields.clone());
        if streamed {
            while let Some(event) = self.event() {
                messages.extend(message_of(&event));
                events.push(event);
            }
        } else if !matches!(status, 204 | 304) {
            let length = self.field("Content-Length").expect("a length").parse().expect("digits");
            while self.pending.len() < length {
                assert!(self.more(), "the connection ended within a body");
            }
            let body = self.take(length);
            if !body.is_empty() {
                messages.push(serde_json::from_slice(&body).expect("JSON"));
            }
        }
        Answer { status, fields, streamed, messages, events }
    }

    /// Reads an answer that is text.
    #[track_caller]
    pub fn text(&mut self) -> String {
        self.head();
        let length = self.field("Content-Length").expect("a length").parse().expect("digits");
        while self.pending.len() < length {
            assert!(self.more(), "the connection ended within a body");
        }
        String::from_utf8(self.take(length)).expect("UTF-8")
    }

    /// The next event of a stream; `None` at its end.
    #[track_caller]
    pub fn event(&mut self) -> Option<Event> {
        match self.event_within(PATIENCE) {
            Came::Event(event) => Some(event),
            Came::End => None,
            Came::Nothing => panic!("nothing came: {:?}", String::from_utf8_lossy(&self.pending)),
        }
    }

    /// The next event that comes within some time.
    #[track_caller]
    pub fn event_within(&mut self, time: Duration) -> Came {
        let until = Instant::now() + time;
        loop {
            let whole = match self.framing {
                Framing::None => panic!("no stream is open"),
                Framing::Chunked => self.chunk(),
                Framing::UntilClose => find(&self.pending, b"\n\n").map(|at| self.take(at + 2)),
            };
            match whole {
                Some(text) if text.is_empty() => {
                    self.framing = Framing::None;
                    return Came::End;
                }
                Some(text) => {
                    let event = read_event(&text);
                    self.last_id = event.id.clone().or(self.last_id.take());
                    return Came::Event(event);
                }
                None => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Came::Nothing;
            }
            self.socket.set_read_timeout(Some(left)).expect("a time-out can be set");
            let mut scratch = [0; 16 * 1024];
            match self.socket.read(&mut scratch) {
                Ok(0) if self.framing == Framing::UntilClose => {
                    assert!(self.pending.is_empty(), "the stream ended within an event");
                    self.framing = Framing::None;
                    return Came::End;
                }
                Ok(0) => panic!("the connection ended within a stream"),
                Ok(read) => self.pending.extend_from_slice(&scratch[..read]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("within a stream: {error}"),
            }
            self.socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        }
    }

    /// The next message of a stream, whatever comes before it; `None` at the end.
    #[track_caller]
    pub fn message(&mut self) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            // Signs of life are no reason to wait for ever.
            let event = match self.event_within(until.saturating_duration_since(Instant::now())) {
                Came::Event(event) => event,
                Came::End => return None,
                Came::Nothing => panic!("no message came"),
            };
            if let Some(message) = message_of(&event) {
                return Some(message);
            }
        }
    }

    /// The next message, which must come.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        self.message().expect("a message, not the end of the stream")
    }

    /// Asserts that no message comes for this long, and that the stream goes on.
    #[track_caller]
    pub fn expect_quiet(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            match self.event_within(until.saturating_duration_since(Instant::now())) {
                Came::Nothing => return,
                Came::Event(event) if message_of(&event).is_none() => {}
                other => panic!("quiet was expected: {other:?}"),
            }
        }
    }

    /// Asserts that the stream ends without another message.
    #[track_caller]
    pub fn expect_end_of_stream(&mut self) {
        let message = self.message();
        assert_eq!(message, None);
    }

    /// Asserts that nothing is left and the server has closed.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        while self.more() {}
        assert!(self.pending.is_empty(), "{:?}", String::from_utf8_lossy(&self.pending));
    }

    /// Everything up to the end of the connection, or until nothing comes for a while; its length.
    pub fn swallow_all(&mut self) -> usize {
        let patience = Some(Duration::from_millis(700));
        self.socket.set_read_timeout(patience).expect("a time-out can be set");
        let mut total = self.pending.len();
        let mut scratch = vec![0; 256 * 1024];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) | Err(_) => return total,
                Ok(read) => total += read,
            }
        }
    }

    /// The next chunk's data, if it is there whole; empty for the last one.
    #[track_caller]
    fn chunk(&mut self) -> Option<Vec<u8>> {
        let line_end = find(&self.pending, b"\r\n")?;
        let size = std::str::from_utf8(&self.pending[..line_end]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("a size: {size:?}"));
        let from = line_end + 2;
        if self.pending.len() < from + size + 2 {
            return None;
        }
        let data = self.take(from + size + 2).split_off(from);
        assert!(data.ends_with(b"\r\n"), "a chunk ends with a line break");
        Some(data[..size].to_vec())
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.pending.split_off(count);
        std::mem::replace(&mut self.pending, rest)
    }

    #[track_caller]
    fn more(&mut self) -> bool {
        let mut scratch = [0; 16 * 1024];
        match self.socket.read(&mut scratch) {
            Ok(0) => false,
            Ok(read) => {
                self.pending.extend_from_slice(&scratch[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}; so far {:?}", String::from_utf8_lossy(&self.pending)),
        }
    }
}

/// The message of an event that has one.
#[track_caller]
fn message_of(event: &Event) -> Option<Value> {
    let data = event.data.as_deref().filter(|data| !data.is_empty())?;
    Some(serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
}

#[track_caller]
fn read_event(text: &[u8]) -> Event {
    let text = std::str::from_utf8(text).expect("UTF-8");
    let lines = text.strip_suffix("\n\n").unwrap_or_else(|| panic!("a whole event: {text:?}"));
    assert!(!lines.contains("\n\n"), "one event in a chunk: {text:?}");
    let mut event = Event::default();
    for line in lines.split('\n') {
        match line.split_once(':').unwrap_or_else(|| panic!("a line: {line:?}")) {
            ("", _) => event.comment = true,
            ("event", name) => event.name = Some(name.trim_start().to_owned()),
            ("id", id) => event.id = Some(id.trim_start().to_owned()),
            ("retry", time) => event.retry = Some(time.trim().parse().expect("digits")),
            ("data", data) => event.data = Some(data.trim_start().to_owned()),
            _ => panic!("an unknown field: {line:?}"),
        }
    }
    event
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
