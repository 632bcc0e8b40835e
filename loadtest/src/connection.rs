//! One keep-alive connection with at most one request under way.
//!
//! ```text
//! open ─▶ preparation 0 … n-1 ─▶ free ⇄ busy
//! ```
//! Over HTTP+SSE its requests are accepted here, and answered on a `Line`.
//!
//! It does not know when to send: the engine tells it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::line::Line;
use crate::response;
use crate::scenario::{self, Scenario};
use crate::sys;

pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// More than this without an end is no answer to a request of ours.
const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

pub struct Connection {
    pub stream: TcpStream,
    /// Where answers come, over HTTP+SSE.
    pub line: Option<Line>,
    /// The time the request under way should have been sent at.
    pub intended: Instant,
    request: Rc<[u8]>,
    /// How much of `request` is sent; all of it when none is under way.
    sent: usize,
    /// The start of an answer that came in pieces; empty otherwise.
    input: Vec<u8>,
    step: usize,
    session: Option<String>,
    verified: bool,
}

/// What a readable connection turned out to say.
pub enum Heard {
    Nothing,
    /// A preparation was answered; the next request may be sent.
    Prepared,
    Answer {
        len: usize,
        close: bool,
    },
    /// An answer, but not the one hoped for.
    Wrong {
        why: String,
        close: bool,
    },
    /// 429 or 503: the server has too much to do, and says so.
    Refused {
        why: String,
        close: bool,
    },
    Lost(String),
}

impl Connection {
    pub fn open(target: SocketAddr, scenario: &Scenario, first: &Rc<[u8]>) -> io::Result<Self> {
        let stream = StdStream::connect_timeout(&target, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (mut line, mut session, mut request) = (None, None, first.clone());
        if let Some(get) = &scenario.stream {
            let (opened, endpoint) = Line::open(target, get)?;
            (line, session) = (Some(opened), Some(endpoint));
            request = scenario.bytes(0, session.as_deref()).unwrap_or_default().into();
        }
        Ok(Self {
            stream: TcpStream::from_std(stream),
            line,
            intended: Instant::now(),
            sent: request.len(),
            request,
            input: Vec::new(),
            step: 0,
            session,
            verified: scenario.expect.is_empty(),
        })
    }

    /// Whether the last answer was sent from this CPU.
    pub fn answered_from(&self, cpu: usize) -> bool {
        sys::incoming_cpu(self.stream.as_raw_fd()).is_ok_and(|incoming| incoming == cpu)
    }

    pub fn prepared(&self, scenario: &Scenario) -> bool {
        self.step >= scenario.preparations()
    }

    pub fn send(&mut self, intended: Instant) -> io::Result<()> {
        self.intended = intended;
        self.sent = 0;
        if let Some(line) = &mut self.line {
            line.begin(Rc::make_mut(&mut self.request));
        }
        self.flush()
    }

    /// Sends what is left of the request; for one larger than the socket takes.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.request.len() {
            match self.stream.write(&self.request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads until a read is short. A short read means that the socket is empty,
    /// so the one that would say so is saved.
    pub fn receive(&mut self, scenario: &Scenario, scratch: &mut [u8]) -> Heard {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Heard::Lost("the server closed the connection".into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::Nothing,
                Err(error) => return Heard::Lost(error.to_string()),
            };
            let heard = match self.input.is_empty() {
                true => self.hear(scenario, &scratch[..count]),
                false => {
                    let mut input = std::mem::take(&mut self.input);
                    input.extend_from_slice(&scratch[..count]);
                    self.hear(scenario, &input)
                }
            };
            match heard {
                Heard::Nothing if count == scratch.len() => continue,
                heard => return heard,
            }
        }
    }

    fn hear(&mut self, scenario: &Scenario, bytes: &[u8]) -> Heard {
        let response = match response::parse(bytes) {
            Ok(Some(response)) => response,
            Ok(None) if bytes.len() > RESPONSE_BYTES_MAX => return Heard::Lost("no end".into()),
            Ok(None) => {
                self.input = bytes.to_vec();
                return Heard::Nothing;
            }
            Err(sin) => return Heard::Lost(format!("{sin:?}: {}", excerpt(bytes))),
        };
        if response.len != bytes.len() || self.sent < self.request.len() {
            return Heard::Lost(format!("more than was asked for: {}", excerpt(bytes)));
        }
        let close = response.close;
        if let Some(line) = &mut self.line {
            if response.status != 202 || close {
                return Heard::Lost(format!("not accepted: {}", excerpt(bytes)));
            }
            line.accepted(bytes.len());
            return self.line_heard(scenario);
        }
        if !self.prepared(scenario) {
            if !(200..300).contains(&response.status) {
                return Heard::Lost(format!("not prepared: {}", excerpt(bytes)));
            }
            self.session = response.session.map(Into::into).or(self.session.take());
            return self.prepare(scenario);
        }
        if matches!(response.status, 429 | 503) {
            return Heard::Refused { why: excerpt(bytes), close };
        }
        if response.status != 200 || !self.verify(scenario, bytes) {
            let why = format!("not the answer expected: {}", excerpt(bytes));
            return Heard::Wrong { why, close };
        }
        Heard::Answer { len: bytes.len(), close }
    }

    /// Reads what has come on the line.
    pub fn listen(&mut self, scenario: &Scenario, scratch: &mut [u8]) -> Heard {
        match self.line.as_mut().map(|line| line.receive(scratch)) {
            None => Heard::Nothing,
            Some(Ok(())) => self.line_heard(scenario),
            Some(Err(error)) => Heard::Lost(error.to_string()),
        }
    }

    fn line_heard(&mut self, scenario: &Scenario) -> Heard {
        match self.line.as_mut().and_then(Line::done) {
            None => Heard::Nothing,
            Some(_) if !self.prepared(scenario) => self.prepare(scenario),
            Some(done) if self.verify(scenario, &done.answer) => {
                Heard::Answer { len: done.len, close: false }
            }
            Some(done) => {
                let why = format!("not the answer expected: {}", excerpt(&done.answer));
                Heard::Wrong { why, close: false }
            }
        }
    }

    fn prepare(&mut self, scenario: &Scenario) -> Heard {
        self.step += 1;
        let Some(request) = scenario.bytes(self.step, self.session.as_deref()) else {
            return Heard::Lost("no session was given".into());
        };
        self.request = request.into();
        self.sent = self.request.len();
        Heard::Prepared
    }

    /// The text expected is looked for once on each connection: the status line
    /// has to do for the rest, so that the search is not part of the load.
    fn verify(&mut self, scenario: &Scenario, bytes: &[u8]) -> bool {
        if !self.verified {
            let found = |expect: &Vec<u8>| scenario::find(bytes, expect).is_some();
            self.verified = scenario.expect.iter().all(found);
        }
        self.verified
    }
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
    text.escape_debug().to_string()
}
