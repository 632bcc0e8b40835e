//! One whole head: where it ends, what it says, and what is wrong with it.
//!
//! httparse takes the lines apart. It is lenient where we are not (a bare LF ends a line for it),
//! so where the head ends is found first, strictly, and the two must agree.

use super::request::FieldStorage;
use super::{Error, Facts, Field, Framing, Head, HttpLimits, Method, Version, fields, target};
use crate::limits;

/// Where the head ends, if all of it is here and each line ends with CRLF: the walk, with a few
/// vector instructions for each block. `None` is no verdict: the walk gives one.
pub(super) fn leap_to_end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(block) = bytes.get(from..from + BLOCK + 1) {
        let (bare_line_feed, line_feed_before_return) = line_ends(block);
        if bare_line_feed {
            return None;
        }
        if let Some(at) = line_feed_before_return {
            let (line_feed, end) = (from + at, from + at + 3);
            return (bytes.get(line_feed..end) == Some(b"\n\r\n")).then_some(end);
        }
        from += BLOCK;
    }
    walk_to_end(bytes, from).ok()?
}

/// 64 pairs, since 32 are unrolled by the compiler instead, and cost ten times as much.
const BLOCK: usize = 64;

/// Of the pairs that begin in the first [`BLOCK`] bytes of a block that is one longer: whether
/// there is an LF behind another byte than CR, and where LF CR is first. It has no branch, so that
/// all pairs are looked at at once.
#[inline]
fn line_ends(block: &[u8]) -> (bool, Option<usize>) {
    let mut bare_line_feed = false;
    let mut first_at = u8::MAX;
    for (at, (first, second)) in (0..).zip(block[..BLOCK].iter().zip(&block[1..=BLOCK])) {
        bare_line_feed |= (*first != b'\r') & (*second == b'\n');
        let found = (*first == b'\n') & (*second == b'\r');
        first_at = first_at.min(if found { at } else { u8::MAX });
    }
    (bare_line_feed, (first_at < u8::MAX).then_some(usize::from(first_at)))
}

/// Walks from line end to line end, and insists that each is CRLF, which httparse does not. Where
/// the head ends, of which nothing ends before `at`.
pub(super) fn walk_to_end(window: &[u8], mut at: usize) -> Result<Option<usize>, Error> {
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
    Ok(None)
}

/// Parses a whole head, which ends with CR LF CR LF.
pub(super) fn parse<'b>(
    bytes: &'b [u8],
    storage: &'b mut FieldStorage<'b>,
    limits: &HttpLimits,
) -> Result<Head<'b>, Error> {
    let storage = &mut storage[..limits.header_fields_max.min(limits::HEADER_FIELDS_MAX)];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, storage) {
        Ok(httparse::Status::Complete(len)) if len == bytes.len() => {}
        Ok(_) => return Err(Error::BareLineFeed),
        Err(error) => return Err(diagnose(bytes, error, limits)),
    }
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(Error::InvalidRequestLine);
    };
    let fields: &'b [Field<'b>] = request.headers;

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
        host: authority.map_or(facts.host, str::as_bytes),
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
pub(super) fn oversized(window: &[u8], limits: &HttpLimits) -> Error {
    let mut words = window.split(|byte| matches!(byte, b' ' | b'\r'));
    match words.nth(1) {
        Some(target) if target.len() > limits.target_bytes_max => Error::TargetTooLong,
        _ => Error::HeadTooLarge,
    }
}

/// Which sin there is in a head that httparse refused; in the order in which it would be found if
/// the head had come byte by byte.
#[cold]
fn diagnose(head: &[u8], error: httparse::Error, limits: &HttpLimits) -> Error {
    if let Err(error) = walk_to_end(head, 0) {
        return error;
    }
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
    let mut words = line.split(|byte| *byte == b' ');
    if !words.next().is_some_and(fields::is_token) {
        return Error::InvalidMethod;
    }
    let (Some(target @ [_, ..]), Some(version), None) = (words.next(), words.next(), words.next())
    else {
        return Error::InvalidRequestLine;
    };
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
