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
use super::{Error, Facts, Framing, Head, HttpLimits, Method, Request, Version, fields, target};
use crate::buffer::ReadBuffer;
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
#[derive(Debug, Default)]
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Body,
    Done,
    /// Every further call says the same.
    Failed(Error),
}

/// How the body is to be read, and how far it is.
#[derive(Debug, Default)]
enum Body {
    #[default]
    None,
    Length(usize),
    Chunked(ChunkState),
}

impl Decoder {
    /// At the start of a connection.
    pub fn new() -> Decoder {
        Decoder::default()
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
    fn body_len(
        &mut self,
        tail: &mut crate::buffer::Tail<'_>,
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

    /// Walks from line end to line end, and insists that each is CRLF, which httparse does not:
    /// so both agree on where the head ends. The length of the head if its end is there.
    fn find_head_end(&mut self, bytes: &[u8], limits: &HttpLimits) -> Result<Option<usize>, Error> {
        debug_assert!(u32::try_from(limits.head_bytes_max).is_ok(), "a head has less than 4 GiB");
        // An empty line is still being looked for when only its CR is there.
        if bytes == b"\r" {
            return Ok(None);
        }
        let window = &bytes[..bytes.len().min(limits.head_bytes_max)];
        let mut at = self.scanned as usize;
        #[cfg(test)]
        self.counts.scanned(at, window.len());
        while let Some(distance) = memchr::memchr(b'\n', &window[at..]) {
            let line_feed = at + distance;
            // The first byte of a head is a token's, so that there is a byte before any LF.
            if window[line_feed - 1] != b'\r' {
                return Err(Error::BareLineFeed);
            }
            at = line_feed + 1;
            if window[line_feed - 2] == b'\n' {
                return Ok(Some(at));
            }
        }
        if bytes.len() >= limits.head_bytes_max {
            return Err(oversized(window, limits));
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
        parse_head(bytes, storage, limits)
    }
}

/// Parses a whole head: all lines of it end with CRLF, and the last one is empty.
fn parse_head<'b>(
    bytes: &'b [u8],
    storage: &'b mut FieldStorage<'b>,
    limits: &HttpLimits,
) -> Result<Head<'b>, Error> {
    let storage = &mut storage[..limits.header_fields_max.min(limits::HEADER_FIELDS_MAX)];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, storage) {
        Ok(httparse::Status::Complete(len)) if len == bytes.len() => {}
        // The walk has found the same end of head, so this is not reached; it would be smuggling.
        Ok(_) => return Err(Error::BareLineFeed),
        Err(error) => return Err(diagnose(bytes, error, limits)),
    }
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(Error::InvalidRequestLine);
    };
    let fields: &'b [super::Field<'b>] = request.headers;

    let method = Method::from_name(method).ok_or(Error::UnknownMethod)?;
    if target.len() > limits.target_bytes_max {
        return Err(Error::TargetTooLong);
    }
    let (target, authority) = target::parse(method, target)?;
    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    let facts = Facts::of(fields, version)?;
    if let Framing::Length(len) = facts.framing
        && len > limits.body_bytes_max
    {
        return Err(Error::BodyTooLarge);
    }
    Ok(Head {
        method,
        target,
        // RFC 9112 §3.2.2: the authority replaces the Host field, which must be there all the same.
        host: authority.unwrap_or(facts.host),
        version,
        keep_alive: facts.keep_alive,
        expect_continue: facts.expect_continue,
        body_started: false,
        framing: facts.framing,
        fields,
    })
}

/// What is too long about a head that does not end in `window`: its target, or all of it.
#[cold]
fn oversized(window: &[u8], limits: &HttpLimits) -> Error {
    let mut words = window.split(|byte| matches!(byte, b' ' | b'\r'));
    match words.nth(1) {
        Some(target) if target.len() > limits.target_bytes_max => Error::TargetTooLong,
        _ => Error::HeadTooLarge,
    }
}

/// Which sin httparse found in a head whose lines all end with CRLF.
#[cold]
fn diagnose(head: &[u8], error: httparse::Error, limits: &HttpLimits) -> Error {
    let mut line_ends = memchr::memchr_iter(b'\r', head);
    if line_ends.any(|at| head.get(at + 1) != Some(&b'\n')) {
        return Error::BareCarriageReturn;
    }
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| &line[..line.len().max(1) - 1]);
    let request_line = lines.next().unwrap_or_default();
    match error {
        httparse::Error::TooManyHeaders => Error::TooManyFields,
        httparse::Error::HeaderName => diagnose_field_name(lines),
        httparse::Error::HeaderValue => Error::InvalidFieldValue,
        _ => diagnose_request_line(request_line, limits),
    }
}

fn diagnose_request_line(line: &[u8], limits: &HttpLimits) -> Error {
    let words: Vec<&[u8]> = line.splitn(4, |byte| *byte == b' ').collect();
    if !fields::is_token(words[0]) {
        return Error::InvalidMethod;
    }
    let [_, target, version] = words[..] else {
        return Error::InvalidRequestLine;
    };
    if target.is_empty() {
        return Error::InvalidRequestLine;
    }
    if target.len() > limits.target_bytes_max {
        return Error::TargetTooLong;
    }
    if !target.iter().all(u8::is_ascii_graphic) {
        return Error::InvalidTarget;
    }
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Error::UnsupportedVersion,
        _ => Error::InvalidVersion,
    }
}

fn diagnose_field_name<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Error {
    for (number, line) in lines.enumerate() {
        if let [b' ' | b'\t', ..] = line {
            return if number == 0 { Error::SpaceBeforeFirstField } else { Error::ObsoleteFold };
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        if let [.., b' ' | b'\t'] = line[..colon]
            && colon < line.len()
        {
            return Error::SpaceBeforeColon;
        }
        if colon == line.len() || !fields::is_token(&line[..colon]) {
            break;
        }
    }
    Error::InvalidFieldName
}
