//! Standard input as messages: one JSON-RPC message is one line (2026-07-28, stdio).
//!
//! Bytes in, lines out; no I/O.

use crate::buffer::ReadBuffer;
use crate::limits;

/// Cuts what comes in into lines.
pub(crate) struct Lines {
    buffer: ReadBuffer,
    /// How many bytes of the line are known to have no end in them.
    scanned: usize,
    /// How many bytes the line that is given out has, its end included.
    given: usize,
    /// The rest of a line that is too long is thrown away.
    skipping: bool,
    bytes_max: usize,
}

/// A line that has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'l> {
    /// A message, to be parsed in place.
    Message(&'l mut [u8]),
    /// A line that is longer than a message may be; it is thrown away.
    TooLong,
}

impl Lines {
    /// Lines of at most so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Lines {
        let buffer = ReadBuffer::new();
        Lines { buffer, scanned: 0, given: 0, skipping: false, bytes_max }
    }

    /// Where to read to; [`Lines::filled`] follows.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.take_back();
        self.buffer.space(limits::READ_SPACE_MIN, self.bytes_max + 2 * limits::READ_SPACE_MIN)
    }

    pub(crate) fn filled(&mut self, bytes: usize) {
        self.buffer.filled(bytes);
    }

    /// The next whole line, if there is one. Empty lines are passed over.
    pub(crate) fn next(&mut self) -> Option<Found<'_>> {
        loop {
            self.take_back();
            let unread = self.buffer.unread();
            let Some(at) = memchr::memchr(b'\n', &unread[self.scanned..]) else {
                return self.too_long_yet().then_some(Found::TooLong);
            };
            let len = self.scanned + at;
            (self.given, self.scanned) = (len + 1, 0);
            if std::mem::take(&mut self.skipping)
                || self.buffer.unread()[..len].trim_ascii().is_empty()
            {
                continue;
            }
            return Some(match len > self.bytes_max {
                true => Found::TooLong,
                false => Found::Message(&mut self.buffer.unread()[..len]),
            });
        }
    }

    /// What came after the last end of a line: a message, when there will be no more.
    pub(crate) fn rest(&mut self) -> Option<&mut [u8]> {
        self.take_back();
        let is_message = !self.skipping && !self.buffer.unread().trim_ascii().is_empty();
        is_message.then(|| self.buffer.unread())
    }

    /// The line that was given out is done with.
    fn take_back(&mut self) {
        self.buffer.consume(std::mem::take(&mut self.given));
    }

    /// There is no end of a line. Says whether it has just become too long; of a line that is, no
    /// more is kept.
    fn too_long_yet(&mut self) -> bool {
        self.scanned = self.buffer.len();
        if !self.skipping && self.scanned <= self.bytes_max {
            return false;
        }
        self.buffer.consume(std::mem::take(&mut self.scanned));
        !std::mem::replace(&mut self.skipping, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces of this size; the lines that come out.
    fn lines(input: &str, piece: usize, bytes_max: usize) -> Vec<String> {
        let mut lines = Lines::new(bytes_max);
        let mut seen = Vec::new();
        for piece in input.as_bytes().chunks(piece) {
            let space = lines.space();
            assert!(space.len() >= piece.len(), "there is always space");
            space[..piece.len()].copy_from_slice(piece);
            lines.filled(piece.len());
            while let Some(found) = lines.next() {
                seen.push(match found {
                    Found::Message(text) => String::from_utf8_lossy(text).trim().to_owned(),
                    Found::TooLong => "TOO LONG".to_owned(),
                });
            }
        }
        seen.extend(lines.rest().map(|rest| String::from_utf8_lossy(rest).into_owned()));
        seen
    }

    #[test]
    fn lines_come_out_however_they_come_in() {
        for (input, expected) in [
            ("", vec![]),
            ("{}\n", vec!["{}"]),
            ("{1}\r\n\n \t\n{2}\n", vec!["{1}", "{2}"]),
            ("{1}\n{2}", vec!["{1}", "{2}"]),
            ("123456789\n{2}\n", vec!["TOO LONG", "{2}"]),
            ("12345678\n{2}\n", vec!["12345678", "{2}"]),
            ("12345678901234567890\n\n{2}\n123456789", vec!["TOO LONG", "{2}", "TOO LONG"]),
        ] {
            for piece in 1..=input.len().max(1) {
                assert_eq!(lines(input, piece, 8), expected, "{input:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept() {
        let mut lines = Lines::new(8);
        for _ in 0..1000 {
            let space = lines.space();
            space.fill(b'x');
            let bytes = space.len();
            lines.filled(bytes);
            while lines.next().is_some() {}
        }
        assert!(lines.buffer.capacity() < 10 * limits::READ_SPACE_MIN);
    }
}
