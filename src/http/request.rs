//! Bytes → [`Request`], [`Parsed::Partial`] or [`Error`].
//!
//! ```text
//!            end of head found        length arrived / last chunk decoded
//!   Head ───────────────────▶ Body ──────────────────────────────────────▶ Done
//!    ▲  └──── the body is here too, or there is none ─────────────────────▶ │
//!    └─────────────────────────────── finish ───────────────────────────────┘
//! ```
//!
//! Each arrival is looked at from where the last one ended (`scanned`), so that a slow sender
//! costs no more than a fast one. A head is parsed when its end is there, and once more when its
//! body is: nothing parsed is kept between arrivals, because the buffer may move.

use std::mem::MaybeUninit;

use super::framing::{self, ChunkState};
use super::{Error, Framing, Head, HttpLimits, Request, fields, head};
use crate::buffer::{ReadBuffer, Tail};
use crate::limits;

#[cfg(test)]
mod tests;

/// Where the fields of one head are put: on the caller's stack, not initialised.
pub type FieldStorage<'b> = [MaybeUninit<super::Field<'b>>; limits::HEADER_FIELDS_MAX];

/// Storage for one call of [`Decoder::decode`].
pub fn field_storage<'b>() -> FieldStorage<'b> {
    [const { MaybeUninit::uninit() }; limits::HEADER_FIELDS_MAX]
}

/// What an arrival came to.
#[derive(Debug)]
pub enum Parsed<'b> {
    /// More bytes are needed.
    Partial,
    /// The head is complete and the body is not: said once for each such request, so that it can
    /// be refused early or told to continue (RFC 9110 §10.1.1). A request that is complete when
    /// its head is goes straight to `Complete`.
    Head(Head<'b>),
    /// All is here. Said again until [`Decoder::finish`].
    Complete(Request<'b>),
}

/// How far a connection's current request is, for deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No byte of it has arrived (empty lines before it are not part of it).
    Idle,
    /// Its head has begun.
    Head,
    /// Its head is complete, its body is not.
    Body,
    /// It is complete, and not finished.
    Done,
    /// It was refused; the connection is to be closed.
    Failed,
}

/// A connection's place in its current request. All positions count from the first unread byte
/// of the connection's [`ReadBuffer`], so that the buffer may move between calls.
#[derive(Debug)]
pub struct Decoder {
    /// Head: the head does not end before it. (32 bits: a head is never that long.)
    scanned: u32,
    /// Known from `Body` on; 0 before.
    head_len: u32,
    body: Body,
    state: State,
    empty_lines: u8,
    #[cfg(test)]
    counts: tests::Counts,
}

#[cfg(not(test))]
const _: () = assert!(size_of::<Decoder>() <= 48);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Body,
    Done,
    /// Every further call says the same.
    Failed(Error),
}

/// How the body is to be read, and how far it is.
#[derive(Debug)]
enum Body {
    None,
    Length(usize),
    Chunked(ChunkState),
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// At the start of a connection.
    pub const fn new() -> Decoder {
        Decoder {
            scanned: 0,
            head_len: 0,
            body: Body::None,
            state: State::Head,
            empty_lines: 0,
            #[cfg(test)]
            counts: tests::Counts { scanned: 0, parsed: 0 },
        }
    }

    /// Looks at what has arrived since the last call.
    ///
    /// After an error the decoder has nothing further to say (it says the same again): answer
    /// with [`Error::status`] and close.
    ///
    /// RFC 9112 §2.2 (parsing), §3 (request line), §5 (fields), §6 (body), §7 (chunks).
    pub fn decode<'b>(
        &mut self,
        input: &'b mut ReadBuffer,
        storage: &'b mut FieldStorage<'b>,
        limits: &HttpLimits,
    ) -> Result<Parsed<'b>, Error> {
        let parsed = match self.state {
            State::Head => self.decode_from_head(input, storage, limits),
            State::Body => self.decode_from_body(input, storage, limits),
            State::Done => self.request(input, storage, limits).map(Parsed::Complete),
            State::Failed(error) => Err(error),
        };
        if let Err(error) = parsed {
            self.state = State::Failed(error);
        }
        parsed
    }

    /// How far the current request is.
    pub fn progress(&self, input: &ReadBuffer) -> Progress {
        match self.state {
            State::Head if input.is_empty() => Progress::Idle,
            State::Head => Progress::Head,
            State::Body => Progress::Body,
            State::Done => Progress::Done,
            State::Failed(_) => Progress::Failed,
        }
    }

    /// How many unread bytes a complete request takes up, framing included; 0 before that.
    pub fn consumed(&self) -> usize {
        let body_len = match &self.body {
            _ if self.state != State::Done => return 0,
            Body::None => 0,
            Body::Length(len) => *len,
            Body::Chunked(chunks) => chunks.raw_len(),
        };
        self.head_len as usize + body_len
    }

    /// Consumes the request that was [`Parsed::Complete`], and starts over behind it.
    pub fn finish(&mut self, input: &mut ReadBuffer) {
        debug_assert!(self.state == State::Done, "what is finished has been complete");
        input.consume(self.consumed());
        self.scanned = 0;
        self.head_len = 0;
        self.body = Body::None;
        self.state = State::Head;
        self.empty_lines = 0;
    }

    fn decode_from_head<'b>(
        &mut self,
        input: &'b mut ReadBuffer,
        storage: &'b mut FieldStorage<'b>,
        limits: &HttpLimits,
    ) -> Result<Parsed<'b>, Error> {
        self.skip_empty_lines(input)?;
        let Some(head_len) = self.find_head_end(input.unread(), limits)? else {
            return Ok(Parsed::Partial);
        };
        let (head, mut tail) = input.split_at(head_len);
        let mut head = self.parse_head(head, storage, limits)?;
        self.head_len = head_len as u32;
        self.scanned = 0;
        self.body = match head.framing {
            Framing::None => Body::None,
            Framing::Length(len) => Body::Length(len),
            Framing::Chunked => Body::Chunked(ChunkState::default()),
        };
        self.state = State::Body;
        head.body_started = !tail.unread().is_empty();
        match self.body_len(&mut tail, limits)? {
            None => Ok(Parsed::Head(head)),
            Some(len) => {
                let body = &mut tail.into_unread()[..len];
                Ok(Parsed::Complete(Request { head, body }))
            }
        }
    }

    fn decode_from_body<'b>(
        &mut self,
        input: &'b mut ReadBuffer,
        storage: &'b mut FieldStorage<'b>,
        limits: &HttpLimits,
    ) -> Result<Parsed<'b>, Error> {
        let (_, mut tail) = input.split_at(self.head_len as usize);
        match self.body_len(&mut tail, limits)? {
            None => Ok(Parsed::Partial),
            Some(_) => self.request(input, storage, limits).map(Parsed::Complete),
        }
    }

    /// The request, all of which is here and decoded.
    fn request<'b>(
        &mut self,
        input: &'b mut ReadBuffer,
        storage: &'b mut FieldStorage<'b>,
        limits: &HttpLimits,
    ) -> Result<Request<'b>, Error> {
        let body_len = match &self.body {
            Body::None => 0,
            Body::Length(len) => *len,
            Body::Chunked(chunks) => chunks.decoded(),
        };
        let (head, tail) = input.split_at(self.head_len as usize);
        let mut head = self.parse_head(head, storage, limits)?;
        head.body_started = true;
        let body = &mut tail.into_unread()[..body_len];
        Ok(Request { head, body })
    }

    /// The length of the decoded body if all of it is in `tail`, which begins with the body.
    #[inline(always)]
    fn body_len(
        &mut self,
        tail: &mut Tail<'_>,
        limits: &HttpLimits,
    ) -> Result<Option<usize>, Error> {
        let len = match &mut self.body {
            Body::None => 0,
            Body::Length(len) if tail.unread().len() < *len => return Ok(None),
            Body::Length(len) => *len,
            Body::Chunked(chunks) => {
                if !framing::decode_chunks(chunks, tail, limits)? {
                    return Ok(None);
                }
                chunks.decoded()
            }
        };
        self.state = State::Done;
        Ok(Some(len))
    }

    /// RFC 9112 §2.2: a server should ignore at least one empty line before the request line.
    fn skip_empty_lines(&mut self, input: &mut ReadBuffer) -> Result<(), Error> {
        while self.scanned == 0 {
            match input.unread() {
                [b'\r', b'\n', ..] => {
                    if self.empty_lines == limits::LEADING_EMPTY_LINES_MAX {
                        return Err(Error::TooManyEmptyLines);
                    }
                    self.empty_lines += 1;
                    input.consume(2);
                }
                [b'\r'] | [] => break,
                [b'\r', ..] => return Err(Error::BareCarriageReturn),
                [b'\n', ..] => return Err(Error::BareLineFeed),
                // What is no HTTP at all (TLS, say) is refused by its first byte.
                [byte, ..] if !fields::is_token_byte(*byte) => return Err(Error::InvalidMethod),
                _ => break,
            }
        }
        Ok(())
    }

    /// The length of the head, if its end is there: a leap for the usual case that all of it has
    /// come at once, else the walk. `parse_head` sees to it that both agree.
    fn find_head_end(&mut self, bytes: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        debug_assert!(u32::try_from(limits.head_bytes_max).is_ok(), "a head has less than 4 GiB");
        // An empty line is still being looked for when only its CR is there.
        if bytes == b"\r" {
            return Ok(None);
        }
        let window = &bytes[..bytes.len().min(limits.head_bytes_max)];
        if self.scanned == 0
            && let Some(head_len) = head::leap_to_end(window)
        {
            #[cfg(test)]
            self.counts.scanned(0, head_len);
            return Ok(Some(head_len));
        }
        #[cfg(test)]
        self.counts.scanned(self.scanned as usize, window.len());
        if let Some(head_len) = head::walk_to_end(window, self.scanned as usize)? {
            return Ok(Some(head_len));
        }
        if bytes.len() >= limits.head_bytes_max {
            return Err(head::oversized(window, limits));
        }
        self.scanned = window.len() as u32;
        Ok(None)
    }

    fn parse_head<'b>(
        &mut self,
        bytes: &'b [u8],
        storage: &'b mut FieldStorage<'b>,
        limits: &HttpLimits,
    ) -> Result<Head<'b>, Error> {
        #[cfg(test)]
        self.counts.parsed();
        head::parse(bytes, storage, limits)
    }
}
