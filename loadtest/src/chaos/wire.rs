//! One connection that waits: requests out; whole answers, or events one by one, in.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// How long a client that behaves waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// More than this is no answer to a request of ours.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

pub struct Wire {
    pub stream: TcpStream,
    input: Vec<u8>,
    /// What of `input` was taken.
    taken: usize,
    /// Text of events, of which the last is not whole.
    events: Vec<u8>,
}

pub struct Head {
    pub status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn is_stream(&self) -> bool {
        self.get("content-type").is_some_and(|value| value.starts_with("text/event-stream"))
    }

    fn is_chunked(&self) -> bool {
        self.get("transfer-encoding") == Some("chunked")
    }
}

/// An event that says something.
#[derive(Debug)]
pub struct Event {
    pub id: Option<String>,
    pub name: Option<String>,
    pub data: String,
}

impl Wire {
    pub fn connect(to: SocketAddr) -> io::Result<Self> {
        Self::connect_from(to, Ipv4Addr::LOCALHOST.into(), None)
    }

    /// From an address of our own, so that bounds on addresses tell the peers from the clients;
    /// with a small receive buffer for who reads slowly.
    pub fn connect_from(to: SocketAddr, from: IpAddr, buffer: Option<usize>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        if let Some(size) = buffer {
            socket.set_recv_buffer_size(size)?;
        }
        socket.connect_timeout(&to.into(), PATIENCE)?;
        socket.set_tcp_nodelay(true)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, input: Vec::new(), taken: 0, events: Vec::new() })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Closes at once, unsent bytes and all.
    pub fn reset(self) {
        let socket = Socket::from(self.stream);
        // What cannot be set is closed in the ordinary way.
        let _ = socket.set_linger(Some(Duration::ZERO));
    }

    pub fn half_close(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        }
        let mut scratch = [0; 16 * 1024];
        match self.stream.read(&mut scratch)? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed")),
            count => {
                self.input.extend_from_slice(&scratch[..count]);
                Ok(())
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut searched = self.taken;
        loop {
            if let Some(at) = self.input[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + at;
                let line = self.input[self.taken..end].trim_ascii_end();
                let line = String::from_utf8_lossy(line).into_owned();
                self.taken = end + 1;
                return Ok(line);
            }
            let behind = self.input.len() - self.taken;
            self.fill()?;
            searched = self.taken + behind;
        }
    }

    fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        if count > BODY_BYTES_MAX {
            return Err(io::Error::other(format!("{count} bytes are announced")));
        }
        while self.input.len() - self.taken < count {
            self.fill()?;
        }
        let bytes = self.input[self.taken..self.taken + count].to_vec();
        self.taken += count;
        Ok(bytes)
    }

    pub fn head(&mut self) -> io::Result<Head> {
        let line = self.line()?;
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                self.events.clear();
                return Ok(Head { status, fields });
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| io::Error::other(format!("no field: {line:?}")))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The whole body of an answer.
    pub fn body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        if head.is_chunked() {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk()? {
                body.extend_from_slice(&chunk);
            }
            return Ok(body);
        }
        let length = head.get("content-length").map_or(Ok(0), str::parse);
        self.exactly(length.map_err(io::Error::other)?)
    }

    /// The next chunk; `None` at the end.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let size = usize::from_str_radix(&line, 16)
            .map_err(|_| io::Error::other(format!("no chunk size: {line:?}")))?;
        if size == 0 {
            while !self.line()?.is_empty() {}
            return Ok(None);
        }
        let data = self.exactly(size)?;
        match &self.exactly(2)?[..] {
            b"\r\n" => Ok(Some(data)),
            _ => Err(io::Error::other("a chunk without an end")),
        }
    }

    /// The next event that says something; `None` at the end of the stream.
    pub fn event(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(at) = self.events.windows(2).position(|two| two == b"\n\n") {
                let text: Vec<u8> = self.events.drain(..at + 2).collect();
                let event = parse(&String::from_utf8_lossy(&text));
                if event.id.is_some() || !event.data.is_empty() {
                    return Ok(Some(event));
                }
                continue;
            }
            match self.chunk()? {
                Some(chunk) => self.events.extend_from_slice(&chunk),
                None if self.events.is_empty() => return Ok(None),
                None => return Err(io::Error::other("the stream ends in an event")),
            }
        }
    }

    /// The messages of an answer, be it JSON or a stream; the last is the result.
    pub fn messages(&mut self, head: &Head) -> Result<Vec<Value>, String> {
        if !head.is_stream() {
            let body = self.body(head).map_err(|error| error.to_string())?;
            return Ok(vec![json(&body)?]);
        }
        let mut messages = Vec::new();
        while let Some(event) = self.event().map_err(|error| error.to_string())? {
            if !event.data.is_empty() {
                messages.push(json(event.data.as_bytes())?);
            }
        }
        Ok(messages)
    }
}

fn parse(text: &str) -> Event {
    let mut event = Event { id: None, name: None, data: String::new() };
    for line in text.lines() {
        match line.split_once(':').map(|(name, value)| (name, value.trim_start())) {
            Some(("id", value)) => event.id = Some(value.to_owned()),
            Some(("event", value)) => event.name = Some(value.to_owned()),
            Some(("data", value)) => event.data.push_str(value),
            _ => {}
        }
    }
    event
}

pub fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        format!("{error}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wire on which this is heard, in pieces.
    fn wire(said: &'static str) -> Wire {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire::connect(listener.local_addr().unwrap()).unwrap();
        std::thread::spawn(move || {
            let (mut server, _) = listener.accept().unwrap();
            for piece in said.as_bytes().chunks(3) {
                server.write_all(piece).unwrap();
            }
        });
        wire
    }

    #[test]
    fn answers_are_read_one_by_one() {
        let mut wire = wire(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}\
             HTTP/1.1 202 Accepted\r\n\r\n\
             HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
        );
        for (status, body) in [(200, "{}"), (202, ""), (400, "[]")] {
            let head = wire.head().unwrap();
            assert_eq!(head.status, status);
            assert_eq!(wire.body(&head).unwrap(), body.as_bytes());
        }
        assert!(wire.head().is_err());
    }

    #[test]
    fn events_that_say_something_are_read() {
        let mut wire = wire(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
             e\r\n: hello\n\nid: 1\r\n2\r\n\n\n\r\n14\r\nid: 2\ndata: [1]\n\ndat\r\n\
             8\r\na: [2]\n\n\r\n0\r\n\r\n",
        );
        let head = wire.head().unwrap();
        assert!(head.is_stream());
        assert_eq!(wire.event().unwrap().unwrap().id.as_deref(), Some("1"));
        assert_eq!(wire.messages(&head).unwrap(), [json(b"[1]").unwrap(), json(b"[2]").unwrap()]);
    }
}
