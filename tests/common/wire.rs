//! Raw bytes over TCP, and a strict reader of responses.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::PATIENCE;

/// A connection that sends exactly what it is told.
pub struct Wire {
    stream: TcpStream,
    /// TLS over it.
    #[cfg(feature = "tls")]
    pub tls: Option<Box<rustls::ClientConnection>>,
    pending: Vec<u8>,
}

/// A response, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a field that stands at most once.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut named = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = named.next().map(|(_, value)| value.as_str());
        assert!(named.next().is_none(), "{name} stands once: {self:?}");
        value
    }

    pub fn closes(&self) -> bool {
        self.field("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.field("Content-Type"), Some("application/json"), "{self:?}");
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error}: {}", self.text()),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON-RPC error: its code and message.
    #[track_caller]
    pub fn error(&self) -> (i64, String) {
        let json = self.json();
        assert_eq!(json["jsonrpc"], "2.0", "{json}");
        assert!(json.get("result").is_none(), "{json}");
        let code = json["error"]["code"].as_i64();
        let message = json["error"]["message"].as_str().unwrap_or_default();
        (code.unwrap_or_else(|| panic!("an error: {json}")), message.to_owned())
    }

    /// `result`.
    #[track_caller]
    pub fn result(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?} {}", self.text());
        let mut json = self.json();
        assert!(json.get("error").is_none(), "{json}");
        json["result"].take()
    }
}

impl Wire {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Wire {
            stream,
            #[cfg(feature = "tls")]
            tls: None,
            pending: Vec::new(),
        }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends what the server may already refuse to read.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.write_all(bytes.as_ref()).is_ok()
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let mut stream = rustls::Stream::new(&mut **tls, &mut self.stream);
            return stream.write_all(bytes).and_then(|()| stream.flush());
        }
        self.stream.write_all(bytes)
    }

    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return rustls::Stream::new(&mut **tls, &mut self.stream).read(into);
        }
        self.stream.read(into)
    }

    /// Sends in parts, with a moment between them so that they arrive one by one.
    #[track_caller]
    pub fn send_slowly<'b>(&mut self, parts: impl IntoIterator<Item = &'b [u8]>) {
        for part in parts {
            self.send(part);
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// One request, one response.
    #[track_caller]
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        self.send(request);
        self.response()
    }

    /// The next response; to a request that was no HEAD.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        self.read_response(false).expect("a response, not the end of the connection")
    }

    /// The next response, to a HEAD.
    #[track_caller]
    pub fn response_to_head(&mut self) -> Response {
        self.read_response(true).expect("a response, not the end of the connection")
    }

    /// The next response, or `None` at the end of the connection.
    #[track_caller]
    pub fn next_response(&mut self) -> Option<Response> {
        self.read_response(false)
    }

    /// All of a chunked response, as it is on the wire.
    #[track_caller]
    pub fn stream_to_end(&mut self) -> String {
        let end = b"\r\n0\r\n\r\n";
        loop {
            if let Some(at) = find(&self.pending, end) {
                let rest = self.pending.split_off(at + end.len());
                let stream = std::mem::replace(&mut self.pending, rest);
                return String::from_utf8(stream).expect("streams are UTF-8");
            }
            assert!(self.read_more(), "the connection ended within a stream");
        }
    }

    /// The next line that contains this; what comes before it is forgotten.
    #[track_caller]
    pub fn line_with(&mut self, text: &str) -> String {
        loop {
            while let Some(at) = find(&self.pending, b"\n") {
                let line: Vec<u8> = self.pending.drain(..=at).collect();
                let line = String::from_utf8(line).expect("lines are UTF-8");
                if line.contains(text) {
                    return line;
                }
            }
            assert!(self.read_more(), "the connection ended before a line with {text}");
        }
    }

    /// The bytes of an interim response.
    #[track_caller]
    pub fn interim(&mut self) -> String {
        let end = self.read_to_empty_line().expect("an interim response");
        let rest = self.pending.split_off(end);
        let head = std::mem::replace(&mut self.pending, rest);
        String::from_utf8(head).expect("ASCII")
    }

    /// Asserts that the server closes, and has nothing more to say before that.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "nothing more: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Everything up to the end of the connection.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.pending)
    }

    /// Asserts that nothing arrives for this long.
    #[track_caller]
    pub fn expect_silence(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).expect("a time-out can be set");
        let mut byte = [0];
        match self.read(&mut byte) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => panic!("silence was expected: {other:?} {byte:?}"),
        }
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    }

    /// The next response, if it begins within this time.
    #[track_caller]
    pub fn response_within(&mut self, time: Duration) -> Option<Response> {
        self.stream.set_read_timeout(Some(time)).expect("a time-out can be set");
        let begun = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        match begun {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            _ => Some(self.response()),
        }
    }

    /// Says that no more requests come; responses are still read.
    pub fn half_close(&mut self) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            tls.complete_io(&mut self.stream).expect("the connection stands");
        }
        self.cut();
    }

    /// The same without a word of TLS about it.
    pub fn cut(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection stands");
    }

    /// Sends bytes as they are, below TLS.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Does the handshake of TLS.
    #[cfg(feature = "tls")]
    pub fn shake_hands(&mut self) -> std::io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.is_handshaking() {
            tls.complete_io(&mut self.stream)?;
        }
        Ok(())
    }

    /// Waits for something that is no error, or for the error.
    #[cfg(feature = "tls")]
    pub fn read_for_error(&mut self) -> std::io::Result<()> {
        self.read(&mut [0]).map(|_| ())
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        let socket = socket2::Socket::from(self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("linger can be set");
    }

    /// A small receive buffer, for slow readers.
    pub fn shrink_receive_buffer(&mut self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_recv_buffer_size(4096).expect("the buffer can be set");
    }

    /// Reads what is there, up to `max` bytes, and forgets it; says how much it was.
    pub fn swallow(&mut self, max: usize) -> usize {
        let mut scratch = vec![0; max];
        self.read(&mut scratch).expect("bytes arrive")
    }

    #[track_caller]
    fn read_response(&mut self, to_head: bool) -> Option<Response> {
        let head_len = self.read_to_empty_line()?;
        let head = String::from_utf8(self.pending[..head_len].to_vec()).expect("ASCII heads");
        let (status, fields) = read_head(&head);
        let length = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let body_len = match length {
            _ if to_head || matches!(status, 100..=199 | 204 | 304) => 0,
            Some((_, length)) => length.parse().expect("Content-Length is a number"),
            None => panic!("a response without a length: {head}"),
        };
        while self.pending.len() < head_len + body_len {
            assert!(self.read_more(), "the connection ended within a body: {head}");
        }
        let body = self.pending[head_len..head_len + body_len].to_vec();
        self.pending.drain(..head_len + body_len);
        Some(Response { status, fields, body })
    }

    /// The length of what is pending up to the first empty line.
    #[track_caller]
    fn read_to_empty_line(&mut self) -> Option<usize> {
        loop {
            if let Some(at) = find(&self.pending, b"\r\n\r\n") {
                return Some(at + 4);
            }
            if !self.read_more() {
                let rest = String::from_utf8_lossy(&self.pending);
                assert!(rest.is_empty(), "the connection ended within a head: {rest}");
                return None;
            }
        }
    }

    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut scratch = [0; 16 * 1024];
        match self.read(&mut scratch) {
            Ok(0) => false,
            Ok(read) => {
                self.pending.extend_from_slice(&scratch[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}; so far: {:?}", String::from_utf8_lossy(&self.pending)),
        }
    }
}

/// Takes the bytes of several responses apart; for what did not come over a socket.
#[track_caller]
pub fn responses(mut bytes: &[u8]) -> Vec<Response> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let head_len = find(bytes, b"\r\n\r\n").expect("a whole head") + 4;
        let head = std::str::from_utf8(&bytes[..head_len]).expect("ASCII heads");
        let (status, fields) = read_head(head);
        let length = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let body_len = length.map_or(0, |(_, length)| length.parse().expect("a number"));
        let body = bytes[head_len..head_len + body_len].to_vec();
        bytes = &bytes[head_len + body_len..];
        found.push(Response { status, fields, body });
    }
    found
}

#[track_caller]
fn read_head(head: &str) -> (u16, Vec<(String, String)>) {
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let status_line = lines.next().expect("a status line");
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let status = status.unwrap_or_else(|| panic!("a status line: {status_line:?}"));
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").expect("a field has a name and a value");
        (name.to_owned(), value.to_owned())
    };
    (status.parse().expect("a status is a number"), lines.map(field).collect())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
