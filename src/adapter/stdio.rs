//! One client on stdin and stdout, a message a line (transports page, "stdio").

use std::io::{self, BufRead, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::outbound::{Outbound, Reader};
use super::{Error, Received, SessionKey, Transport};
use crate::limits;
use crate::rpc::{self, ErrorCode};

/// A [`Transport`] over stdin and stdout: one session, which ends with the input.
#[derive(Default)]
pub struct Stdio {
    ended: AtomicBool,
    closed: AtomicBool,
    reader: Reader,
}

const SESSION: SessionKey = SessionKey(1);

/// What came of reading a line.
enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

impl Stdio {
    /// The process's own.
    pub fn new() -> Stdio {
        Stdio::default()
    }

    fn write(line: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(line)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

impl Transport for Stdio {
    type Error = Error<io::Error>;

    fn start(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn receive(&self) -> Option<Received> {
        while !self.closed.load(Ordering::Relaxed) && !self.ended.load(Ordering::Relaxed) {
            match next_line(&mut io::stdin().lock()) {
                Line::Whole(message) if message.trim_ascii().is_empty() => {}
                Line::Whole(message) => {
                    return Some(Received::Message { session: SESSION, principal: None, message });
                }
                Line::TooLong => {
                    let text = "a line is longer than http.body_bytes_max";
                    let mut out = Vec::new();
                    rpc::write_error(&mut out, None, ErrorCode::INVALID_REQUEST, text, |_| ());
                    if Stdio::write(&out).is_err() {
                        break;
                    }
                }
                Line::End => break,
            }
        }
        let news = !self.ended.swap(true, Ordering::Relaxed);
        news.then_some(Received::Ended { session: SESSION })
    }

    fn send(&self, session: SessionKey, message: &[u8]) -> Result<(), Self::Error> {
        if session != SESSION {
            return Err(Error::Ended);
        }
        let Outbound { text, .. } = self.reader.read(message)?;
        Stdio::write(&text).map_err(Error::Carrier)
    }

    /// The input is not waited for any more once the line is there that is waited for now.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// Reads a line; of one that is too long, all of it is skipped.
fn next_line(input: &mut impl BufRead) -> Line {
    let mut line = Vec::new();
    let max = limits::BODY_BYTES_MAX as u64 + 1;
    if !matches!(input.by_ref().take(max).read_until(b'\n', &mut line), Ok(1..)) {
        return Line::End;
    }
    if line.len() <= limits::BODY_BYTES_MAX || line.ends_with(b"\n") {
        return Line::Whole(line);
    }
    match input.skip_until(b'\n') {
        Ok(_) => Line::TooLong,
        Err(_) => Line::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let long = vec![b'x'; limits::BODY_BYTES_MAX + 5];
        let text = [b"{}\n", long.as_slice(), b"\n[1]"].concat();
        let mut input = io::BufReader::new(text.as_slice());
        assert!(matches!(next_line(&mut input), Line::Whole(line) if line == b"{}\n"));
        assert!(matches!(next_line(&mut input), Line::TooLong));
        assert!(matches!(next_line(&mut input), Line::Whole(line) if line == b"[1]"));
        assert!(matches!(next_line(&mut input), Line::End));
    }
}
