//! HTTP/1.1 as a server sees it, without I/O: bytes → [`Request`], [`Response`] → bytes.
//!
//! ```text
//!   POST /mcp HTTP/1.1 CRLF            request line ┐
//!   Host: example.com CRLF             field lines  ├ head     one `Head`, parsed by httparse
//!   Content-Length: 3 CRLF                          │          after a walk that found its end
//!   CRLF                                            ┘
//!   {…}                                             ─ body     0 bytes, a length, or chunks:
//!                                                              `Framing` (RFC 9112 §6.3)
//! ```
//!
//! Has not heard of JSON, MCP, sockets or time: it could serve another protocol unchanged.
//! It is strict: what RFC 9110 and 9112 let a server refuse is refused (see [`Error`]), since two
//! readers that understand a lenient message differently are a hole (request smuggling).
//! After any [`Error`] the connection cannot be used further: answer, then close.
//!
//! | file | what |
//! | --- | --- |
//! | `request` | bytes → `Request`, `Partial` or `Error`; remembers how far it looked |
//! | `head` | where a head ends, what it says, what is wrong with it |
//! | `fields` | what the header fields of a head say together; lists of tokens |
//! | `target` | request-target and `Host`: `Target` |
//! | `framing` | chunked decoding in place |
//! | `response` | status and fields → bytes; a length that is patched in when known |
//! | `authority` | hosts, origins and networks: as requests name them, as people allow them |
//! | `forwarded` | what proxies say of the requests they pass on |
//! | `proxy` | what proxies say of the connections they pass on (PROXY protocol) |
//! | `date` | the `Date` value, rendered once a second |
//! | `error` | what the peer did wrong, and the status it earns |

mod authority;
mod date;
mod error;
mod event_stream;
mod fields;
mod forwarded;
mod framing;
mod head;
mod proxy;
mod request;
mod response;
mod target;
#[cfg(test)]
mod tests;

pub use authority::{Authority, Host, HostPattern, Network, Origin, OriginPattern, default_port};
pub use date::Date;
pub use error::Error;
pub use event_stream::StreamFraming;
pub use forwarded::{Forwarded, forwarded};
pub use proxy::{Proxied, ProxyHeader, proxy_header};
pub use request::{Decoder, FieldStorage, Parsed, Progress, field_storage};
pub use response::{Connection, ContentType, OpenBody, Response, Stamp, Status, continue_100};
pub use target::Target;

use crate::limits;

use fields::Facts;

/// One field line: a name that is a token, a value without surrounding white space.
pub type Field<'b> = httparse::Header<'b>;

/// A request of which every byte has arrived. RFC 9112 §2.1.
#[derive(Debug)]
pub struct Request<'b> {
    /// Its head.
    pub head: Head<'b>,
    /// Its body, decoded; mutable, so that it can be parsed in place.
    pub body: &'b mut [u8],
}

/// A request's head, checked: nothing in it needs a second look. RFC 9112 §3 and §5.
#[derive(Clone, Copy, Debug)]
pub struct Head<'b> {
    /// The method. RFC 9110 §9.
    pub method: Method,
    /// What the request is about. RFC 9112 §3.2.
    pub target: Target<'b>,
    /// The host the client meant: the target's authority if it has one, else the `Host` field
    /// (RFC 9112 §3.2.2); empty only on HTTP/1.0. A valid `uri-host [":" port]`, so ASCII.
    pub host: &'b [u8],
    /// The protocol version. RFC 9112 §2.3.
    pub version: Version,
    /// Whether the client would go on with this connection. RFC 9112 §9.3.
    pub keep_alive: bool,
    /// Whether the client asked for a 100 before it sends its body. RFC 9110 §10.1.1.
    /// See [`Head::wants_continue`].
    pub expect_continue: bool,
    /// Whether bytes of the body had arrived when the head was returned.
    pub body_started: bool,
    /// How the body's length is known. RFC 9112 §6.3.
    pub framing: Framing,
    /// All field lines, in order. RFC 9112 §5.
    pub fields: &'b [Field<'b>],
}

impl<'b> Head<'b> {
    /// Whether to send a 100 (Continue) now, should the body be wanted: it is asked for and no
    /// part of the body is here already. RFC 9110 §10.1.1.
    pub fn wants_continue(&self) -> bool {
        self.expect_continue && !self.body_started
    }

    /// What the response has to say about the connection, if the server would keep it.
    /// RFC 9112 §9.3.
    pub fn connection(&self) -> Connection {
        match (self.keep_alive, self.version) {
            (false, _) => Connection::Close,
            (true, Version::Http10) => Connection::KeepAlive,
            (true, Version::Http11) => Connection::Unsaid,
        }
    }
}

/// The methods some resource here may implement, case-sensitive. RFC 9110 §9, RFC 5789.
///
/// Any other earns 501 ([`Error::UnknownMethod`]), as RFC 9110 §9.1 asks for a method that is
/// "unrecognized or not implemented". CONNECT and TRACE are among those: no resource here could
/// ever allow them, so that 405 with its `Allow` would promise a choice that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
}

impl Method {
    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Method> {
        let method = match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "PATCH" => Method::Patch,
            _ => return None,
        };
        Some(method)
    }

    /// The name, as in `Allow`.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
        }
    }
}

/// The versions spoken here; any other is 505. RFC 9112 §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Version {
    Http10,
    Http11,
}

/// How the length of a request's body is known. RFC 9112 §6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body: neither Content-Length nor Transfer-Encoding.
    None,
    /// So many bytes, at most `body_bytes_max`.
    Length(usize),
    /// Chunks, up to the one of size zero and the trailer section.
    Chunked,
}

/// The bounds on what a peer may send; each is a setting of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Request line, field lines and the empty line behind them; else 431 (or 414).
    pub head_bytes_max: usize,
    /// The request-target; else 414.
    pub target_bytes_max: usize,
    /// The number of field lines; else 431. More than `limits::HEADER_FIELDS_MAX` is as much.
    pub header_fields_max: usize,
    /// The decoded body, declared or counted; else 413.
    pub body_bytes_max: usize,
    /// One chunk-size line with its extensions; else 400.
    pub chunk_line_bytes_max: usize,
    /// All chunk-size lines beyond their fair share of the data; else 400.
    pub chunk_overhead_bytes_max: usize,
    /// The trailer section; else 431.
    pub trailer_bytes_max: usize,
}

impl HttpLimits {
    /// How large a `ReadBuffer` must be allowed to become, so that any request within these
    /// limits can be completed: the head, the body, and one line that is not decoded yet.
    pub fn read_buffer_bytes_max(&self) -> usize {
        let line = self.chunk_line_bytes_max.max(self.trailer_bytes_max);
        self.head_bytes_max.saturating_add(self.body_bytes_max).saturating_add(line)
    }
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits {
            head_bytes_max: limits::HEAD_BYTES_MAX,
            target_bytes_max: limits::TARGET_BYTES_MAX,
            header_fields_max: limits::HEADER_FIELDS_MAX,
            body_bytes_max: limits::BODY_BYTES_MAX,
            chunk_line_bytes_max: limits::CHUNK_LINE_BYTES_MAX,
            chunk_overhead_bytes_max: limits::CHUNK_OVERHEAD_BYTES_MAX,
            trailer_bytes_max: limits::TRAILER_BYTES_MAX,
        }
    }
}
