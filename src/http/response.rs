//! Status and fields → bytes, appended to the caller's vector.
//!
//! A body whose length is not known when its head is written is appended behind the head, and its
//! length is patched in afterwards ([`OpenBody`]): nothing is rendered twice.

use super::Date;
use crate::limits;

#[cfg(test)]
mod tests;

/// A status code from the closed set of those that this server sends. RFC 9110 §15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(u16);

macro_rules! statuses {
    ($($name:ident = $code:literal $reason:literal,)*) => {
        #[allow(missing_docs)] // the name and the reason are the documentation
        impl Status {
            $(pub const $name: Status = Status($code);)*

            /// The reason phrase. RFC 9112 §4.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "",
                }
            }

            /// The status line with its CRLF. RFC 9112 §4: always our own version.
            fn line(self) -> &'static [u8] {
                match self.0 {
                    $($code => concat!("HTTP/1.1 ", $code, " ", $reason, "\r\n").as_bytes(),)*
                    _ => b"HTTP/1.1 500 Internal Server Error\r\n",
                }
            }

            #[cfg(test)]
            const ALL: &[Status] = &[$(Status::$name,)*];
        }
    };
}

statuses! {
    CONTINUE = 100 "Continue",
    OK = 200 "OK",
    CREATED = 201 "Created",
    ACCEPTED = 202 "Accepted",
    NO_CONTENT = 204 "No Content",
    NOT_MODIFIED = 304 "Not Modified",
    TEMPORARY_REDIRECT = 307 "Temporary Redirect",
    PERMANENT_REDIRECT = 308 "Permanent Redirect",
    BAD_REQUEST = 400 "Bad Request",
    UNAUTHORIZED = 401 "Unauthorized",
    FORBIDDEN = 403 "Forbidden",
    NOT_FOUND = 404 "Not Found",
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed",
    NOT_ACCEPTABLE = 406 "Not Acceptable",
    REQUEST_TIMEOUT = 408 "Request Timeout",
    CONFLICT = 409 "Conflict",
    GONE = 410 "Gone",
    LENGTH_REQUIRED = 411 "Length Required",
    CONTENT_TOO_LARGE = 413 "Content Too Large",
    URI_TOO_LONG = 414 "URI Too Long",
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type",
    EXPECTATION_FAILED = 417 "Expectation Failed",
    MISDIRECTED_REQUEST = 421 "Misdirected Request",
    UNPROCESSABLE_CONTENT = 422 "Unprocessable Content",
    TOO_MANY_REQUESTS = 429 "Too Many Requests",
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431 "Request Header Fields Too Large",
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error",
    NOT_IMPLEMENTED = 501 "Not Implemented",
    BAD_GATEWAY = 502 "Bad Gateway",
    SERVICE_UNAVAILABLE = 503 "Service Unavailable",
    GATEWAY_TIMEOUT = 504 "Gateway Timeout",
    HTTP_VERSION_NOT_SUPPORTED = 505 "HTTP Version Not Supported",
}

impl Status {
    /// The three digits. RFC 9110 §15.
    pub fn code(self) -> u16 {
        self.0
    }

    /// Whether a response may have a body, and so a length. RFC 9112 §6.3 item 1.
    pub fn allows_body(self) -> bool {
        !matches!(self.0, 100..=199 | 204 | 304)
    }
}

/// What a response says about the connection. RFC 9112 §9.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nothing: on HTTP/1.1 that it persists.
    #[default]
    Unsaid,
    /// `keep-alive`: to an HTTP/1.0 client that asked for it.
    KeepAlive,
    /// `close`: this is the last response.
    Close,
}

/// What a body is. RFC 9110 §8.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json`.
    Json,
    /// `text/event-stream`.
    EventStream,
    /// OpenMetrics.
    Metrics,
}

/// What every response to a request carries, whoever writes it, and whenever.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// `Date`, which all 2xx, 3xx and 4xx must have. RFC 9110 §6.6.1.
    pub date: &'a Date,
    /// Field lines, rendered, each with its CRLF: what is said of the request's origin.
    pub lines: &'a [u8],
}

/// A response's head but for its length, and the ways to write it with a body.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status. RFC 9110 §15.
    pub status: Status,
    /// The date, and what else all responses to this request carry.
    pub stamp: Stamp<'a>,
    /// `Connection`. RFC 9110 §7.6.1.
    pub connection: Connection,
    /// `Content-Type`. RFC 9110 §8.3.
    pub content_type: Option<ContentType>,
    /// Other fields. RFC 9110 §5. A control byte in a value is written as a space (§5.5), so that
    /// nothing a peer said can end a line of ours.
    pub fields: &'a [(&'a str, &'a str)],
}

impl<'a> Response<'a> {
    /// A response with none of the optional fields.
    pub fn new(status: Status, stamp: Stamp<'a>) -> Response<'a> {
        let connection = Connection::Unsaid;
        Response { status, stamp, connection, content_type: None, fields: &[] }
    }

    /// Without content: `Content-Length: 0`, or no length where the status allows none.
    /// RFC 9110 §8.6.
    pub fn empty(&self, out: &mut Vec<u8>) {
        self.head_only(out, 0);
    }

    /// With this body. RFC 9112 §6.2.
    pub fn fixed(&self, out: &mut Vec<u8>, body: &[u8]) {
        debug_assert!(self.status.allows_body(), "the status allows a body");
        out.reserve(limits::RESPONSE_HEAD_BYTES + body.len());
        self.head_only(out, body.len());
        out.extend_from_slice(body);
    }

    /// The head that a response with a body of this length has, to a HEAD. RFC 9110 §9.3.2.
    pub fn head_only(&self, out: &mut Vec<u8>, body_len: usize) {
        self.write_fields(out);
        if !self.status.allows_body() {
            out.extend_from_slice(b"\r\n");
            return;
        }
        out.extend_from_slice(b"Content-Length: ");
        let (digits, start) = decimal(body_len);
        out.extend_from_slice(&digits[start..]);
        out.extend_from_slice(b"\r\n\r\n");
    }

    /// The head of a response whose body the caller appends to `out` next; then
    /// [`OpenBody::finish`]. RFC 9112 §6.2.
    #[must_use = "the length is patched in by `finish`"]
    #[inline]
    pub fn open(&self, out: &mut Vec<u8>) -> OpenBody {
        debug_assert!(self.status.allows_body(), "the status allows a body");
        out.reserve(limits::RESPONSE_HEAD_BYTES);
        if self.is_usual() {
            out.extend_from_slice(&usual_head(self.stamp.date));
        } else {
            self.write_fields(out);
            out.extend_from_slice(OPEN_LENGTH);
        }
        OpenBody { body_start: out.len() }
    }

    /// Whether [`usual_head`] is its head.
    #[inline]
    fn is_usual(&self) -> bool {
        self.status == Status::OK
            && self.connection == Connection::Unsaid
            && self.content_type == Some(ContentType::Json)
            && self.fields.is_empty()
            && self.stamp.lines.is_empty()
    }

    /// All but the field for the length and the empty line.
    pub(super) fn write_fields(&self, out: &mut Vec<u8>) {
        out.reserve(limits::RESPONSE_HEAD_BYTES);
        out.extend_from_slice(self.status.line());
        match self.content_type {
            None => {}
            Some(ContentType::Json) => {
                out.extend_from_slice(b"Content-Type: application/json\r\n");
            }
            Some(ContentType::EventStream) => {
                out.extend_from_slice(b"Content-Type: text/event-stream\r\n");
            }
            Some(ContentType::Metrics) => out.extend_from_slice(METRICS_TYPE),
        }
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(self.stamp.date.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.stamp.lines);
        match self.connection {
            Connection::Unsaid => {}
            Connection::KeepAlive => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            Connection::Close => out.extend_from_slice(b"Connection: close\r\n"),
        }
        for (name, value) in self.fields {
            debug_assert!(super::fields::is_token(name.as_bytes()), "a field's name is a token");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend(
                value.bytes().map(
                    |byte| {
                        if super::fields::is_value_byte(byte) { byte } else { b' ' }
                    },
                ),
            );
            out.extend_from_slice(b"\r\n");
        }
    }
}

const METRICS_TYPE: &[u8] =
    b"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";

/// The head of nearly every response, open: of a known length, so that it is one copy.
#[inline]
fn usual_head(date: &Date) -> [u8; 109] {
    let mut head = *b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
        Date: Sun, 00 Jan 0000 00:00:00 GMT\r\nContent-Length: 000\r\n\r\n";
    head[55..84].copy_from_slice(date.as_bytes());
    head
}

/// The interim response that asks for the body. RFC 9110 §15.2.1: no fields, no body.
pub fn continue_100(out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
}

/// The last field of an open head: room for a length of three digits, as most are here.
const OPEN_LENGTH: &[u8] = b"Content-Length: 000\r\n\r\n";
const OPEN_DIGITS: usize = 3;
const OPEN_END: &[u8] = b"\r\n\r\n";

/// A response whose body is being appended. Positions in the vector it was opened in, of which
/// nothing before the body may be removed meanwhile.
#[derive(Debug)]
#[must_use = "the length is patched in by `finish`"]
pub struct OpenBody {
    body_start: usize,
}

impl OpenBody {
    /// The body is all there: patches its length into the head. RFC 9110 §8.6.
    pub fn finish(self, out: &mut Vec<u8>) {
        let body_len = out.len() - self.body_start;
        self.patch(out, body_len);
    }

    fn patch(self, out: &mut Vec<u8>, body_len: usize) {
        let slot_end = self.body_start - OPEN_END.len();
        let slot = slot_end - OPEN_DIGITS..slot_end;
        if let 100..=999 = body_len {
            let digit = |n: usize| b'0' + (n % 10) as u8;
            let digits = [digit(body_len / 100), digit(body_len / 10), digit(body_len)];
            out[slot].copy_from_slice(&digits);
            return;
        }
        // Other lengths are rarer; the body moves by the difference.
        let (digits, start) = decimal(body_len);
        out.splice(slot, digits[start..].iter().copied());
    }
}

/// The decimal digits of a number, from the position given on.
fn decimal(mut n: usize) -> ([u8; 20], usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len() - 1;
    loop {
        digits[start] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return (digits, start);
        }
        start -= 1;
    }
}
