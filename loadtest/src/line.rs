//! HTTP+SSE: the stream on which a client hears all its answers, beside the connection of its
//! messages.
//!
//! A request is done when it was accepted there (202) and, if it wants an answer, answered here.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};

use mio::net::TcpStream;

use crate::response;
use crate::scenario::find;

const ID: &[u8] = b"\"id\":";
const EVENT_END: &[u8] = b"\n\n";
const ENDPOINT: &str = "event: endpoint\ndata: ";
/// More than this without an event is no stream of ours.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

pub struct Line {
    pub stream: TcpStream,
    /// Chunks of which the last is not whole.
    chunks: Vec<u8>,
    /// What the chunks before carried: events of which the last is not whole.
    events: Vec<u8>,
    /// What is waited for; nothing if nothing was sent.
    waits: Option<Waits>,
}

#[derive(Default)]
struct Waits {
    /// `"id":` and a digit, for a request that wants an answer.
    id: Option<[u8; ID.len() + 1]>,
    accepted: bool,
    answer: Option<Vec<u8>>,
    /// Of everything that was heard, heads and all.
    len: usize,
}

/// A request that is done.
pub struct Done {
    pub len: usize,
    /// The event; empty if no answer was wanted.
    pub answer: Vec<u8>,
}

impl Line {
    /// Opens the stream; also where it says that messages go.
    pub fn open(target: SocketAddr, request: &[u8]) -> io::Result<(Self, String)> {
        let mut stream = StdStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(crate::connection::CONNECT_TIMEOUT))?;
        stream.write_all(request)?;
        let (mut chunks, mut events, mut scratch) = (Vec::new(), Vec::new(), [0; 4096]);
        let mut head = None;
        let endpoint = loop {
            let count = stream.read(&mut scratch)?;
            chunks.extend_from_slice(&scratch[..count]);
            if head.is_none() {
                head = find(&chunks, b"\r\n\r\n").map(|at| chunks.drain(..at + 4).collect());
            }
            if count == 0 || head.as_ref().is_some_and(|head: &Vec<u8>| !is_stream(head)) {
                return Err(io::Error::other(format!("no stream: {head:?}")));
            }
            if head.is_some() {
                unchunk(&mut chunks, &mut events)?;
            }
            if let Some(event) = take_event(&mut events) {
                break event;
            }
        };
        let endpoint = String::from_utf8_lossy(&endpoint);
        let endpoint = endpoint.strip_prefix(ENDPOINT).map(|path| path.trim_end().to_owned());
        let endpoint = endpoint.ok_or_else(|| io::Error::other("the stream names no endpoint"))?;
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        Ok((Self { stream, chunks, events, waits: None }, endpoint))
    }

    /// A request is about to be sent again: under another id than the last, so that its answer
    /// cannot be taken for that one's.
    pub fn begin(&mut self, request: &mut [u8]) {
        let digit = find(request, ID).map(|at| &mut request[at + ID.len()]);
        let id = digit.map(|digit| {
            // No id of a call is 0, which is that of `initialize`.
            *digit = if *digit == b'9' { b'1' } else { *digit + 1 };
            let mut id = [*digit; ID.len() + 1];
            id[..ID.len()].copy_from_slice(ID);
            id
        });
        self.waits = Some(Waits { id, ..Waits::default() });
    }

    /// The message was accepted, in so many bytes.
    pub fn accepted(&mut self, len: usize) {
        if let Some(waits) = &mut self.waits {
            waits.accepted = true;
            waits.len += len;
        }
    }

    /// Reads until a read is short, which means that the socket is empty.
    pub fn receive(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        let from = self.chunks.len();
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Err(io::Error::other("the server ended the stream")),
                Ok(count) => {
                    self.chunks.extend_from_slice(&scratch[..count]);
                    if count < scratch.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let len = self.chunks.len() - from;
        unchunk(&mut self.chunks, &mut self.events)?;
        while let Some(event) = take_event(&mut self.events) {
            // A sign of life.
            if !event.starts_with(b":") {
                self.answered(event, len)?;
            }
        }
        match self.events.len() + self.chunks.len() > EVENT_BYTES_MAX {
            true => Err(io::Error::other("an event without an end")),
            false => Ok(()),
        }
    }

    fn answered(&mut self, event: Vec<u8>, len: usize) -> io::Result<()> {
        let text = String::from_utf8_lossy(&event);
        let unexpected = || io::Error::other(format!("not asked for: {}", text.escape_debug()));
        let waits = self.waits.as_mut().filter(|waits| waits.answer.is_none());
        let waits = waits.ok_or_else(unexpected)?;
        let is_wanted = waits.id.as_ref().is_some_and(|id| find(&event, id).is_some());
        if !is_wanted || find(&event, b"event: message\n").is_none() {
            return Err(unexpected());
        }
        waits.len += len;
        waits.answer = Some(event);
        Ok(())
    }

    /// The request under way, when it is done.
    pub fn done(&mut self) -> Option<Done> {
        let done =
            |waits: &mut Waits| waits.accepted && (waits.answer.is_some() || waits.id.is_none());
        let waits = self.waits.take_if(done)?;
        Some(Done { len: waits.len, answer: waits.answer.unwrap_or_default() })
    }
}

fn is_stream(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.1 200")
        && head.to_ascii_lowercase().windows(26).any(|part| part == b"transfer-encoding: chunked")
}

/// Moves what whole chunks carry.
fn unchunk(chunks: &mut Vec<u8>, events: &mut Vec<u8>) -> io::Result<()> {
    let mut at = 0;
    while let Some((size, start)) = response::line(chunks, at) {
        let size =
            std::str::from_utf8(size).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let size = size.ok_or_else(|| io::Error::other("not a chunk"))?;
        let Some(data) = start.checked_add(size).and_then(|end| chunks.get(start..end)) else {
            break;
        };
        if chunks.len() < start + size + 2 {
            break;
        }
        events.extend_from_slice(data);
        at = start + size + 2;
    }
    chunks.drain(..at);
    Ok(())
}

fn take_event(events: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = find(events, EVENT_END)? + EVENT_END.len();
    Some(events.drain(..end).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line whose server says this after where messages go, and the server's end.
    fn line(said: &str) -> (Line, StdStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                         1e\r\nevent: endpoint\ndata: /to?x=1\n\r\n1\r\n\n\r\n";
            stream.write_all(begin.as_bytes()).unwrap();
            stream
        });
        let (line, endpoint) = Line::open(target, b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(endpoint, "/to?x=1");
        let mut server = server.join().unwrap();
        server.write_all(format!("{:x}\r\n{said}\r\n", said.len()).as_bytes()).unwrap();
        (line, server)
    }

    fn receive(line: &mut Line) -> String {
        loop {
            if let Err(error) = line.receive(&mut [0; 1024]) {
                return error.to_string();
            }
            if line.waits.as_ref().is_some_and(|waits| waits.answer.is_some()) {
                return String::new();
            }
        }
    }

    #[test]
    fn a_request_is_done_when_accepted_and_answered() {
        let (mut line, _server) = line("event: message\ndata: {\"id\":2,\"result\":{}}\n\n");
        let mut request = *b"{\"id\":1}";
        line.begin(&mut request);
        assert_eq!(&request, b"{\"id\":2}");
        assert_eq!(receive(&mut line), "");
        assert!(line.done().is_none());
        line.accepted(100);
        assert!(line.done().is_some_and(|done| done.len > 100 && done.answer.ends_with(b"}\n\n")));
        assert!(line.done().is_none());
    }

    #[test]
    fn an_answer_to_something_else_is_an_error() {
        let (mut line, _server) = line("event: message\ndata: {\"id\":1,\"result\":{}}\n\n");
        line.begin(&mut b"{\"id\":1}".to_vec());
        assert!(receive(&mut line).starts_with("not asked for: "));
    }

    #[test]
    fn events_come_in_whatever_pieces() {
        let bytes = b"5\r\n: x\n\n\r\n10\r\nevent: message\nd\r\n8\r\nata: 1\n\n\r\n";
        for split in 0..bytes.len() {
            let (mut chunks, mut events, mut seen) = (Vec::new(), Vec::new(), Vec::new());
            for piece in [&bytes[..split], &bytes[split..]] {
                chunks.extend_from_slice(piece);
                unchunk(&mut chunks, &mut events).unwrap();
                seen.extend(std::iter::from_fn(|| take_event(&mut events)));
            }
            assert_eq!(seen, [b": x\n\n".to_vec(), b"event: message\ndata: 1\n\n".to_vec()]);
            assert!(chunks.is_empty() && events.is_empty());
        }
        assert!(unchunk(&mut b"zz\r\n".to_vec(), &mut Vec::new()).is_err());
    }
}
