//! `text/event-stream`: a response that goes on (HTML Standard, "Server-sent events").
//!
//! Each event is one chunk, written whole, so that no proxy sees half of one.

#[cfg(test)]
mod tests;

use super::response::{Connection, ContentType, Response, Stamp, Status};
use super::{Head, Version};

/// How the end of a stream is told. RFC 9112 §6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFraming {
    /// By the last chunk: the connection can go on.
    Chunked,
    /// By the end of the connection: for HTTP/1.0, which has no chunks.
    UntilClose,
}

impl StreamFraming {
    /// The framing for the answer to a request.
    pub fn of(head: &Head<'_>) -> StreamFraming {
        match head.version {
            Version::Http10 => StreamFraming::UntilClose,
            Version::Http11 => StreamFraming::Chunked,
        }
    }

    /// Appends the head, with these fields besides the usual ones. Nobody on the way is to keep or
    /// gather what follows.
    pub fn begin(
        self,
        connection: Connection,
        stamp: Stamp<'_>,
        besides: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) {
        let mut fields =
            vec![("Cache-Control", "no-cache, no-transform"), ("X-Accel-Buffering", "no")];
        fields.extend_from_slice(besides);
        if self == StreamFraming::Chunked {
            fields.push(("Transfer-Encoding", "chunked"));
        }
        let connection = match self {
            StreamFraming::Chunked => connection,
            StreamFraming::UntilClose => Connection::Close,
        };
        let content_type = Some(ContentType::EventStream);
        let response =
            Response { status: Status::OK, stamp, connection, content_type, fields: &fields };
        response.write_fields(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends an event. Neither its id nor its data has line breaks.
    pub fn event(self, id: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
        self.named_event("", id, data, out);
    }

    /// Appends an event of this name; one without a name is a `message`.
    pub fn named_event(self, name: &str, id: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
        debug_assert!(!data.contains(&b'\n') && !data.contains(&b'\r'), "data is one line");
        let id = id.unwrap_or_default();
        self.chunk(out, |out| {
            if !name.is_empty() {
                out.extend_from_slice(b"event: ");
                out.extend_from_slice(name.as_bytes());
                out.push(b'\n');
            }
            if !id.is_empty() {
                out.extend_from_slice(b"id: ");
                out.extend_from_slice(id.as_bytes());
                out.push(b'\n');
            }
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(data);
            out.extend_from_slice(b"\n\n");
        });
    }

    /// Appends an event without data, that tells the client from where to go on, and after how many
    /// milliseconds to come back for it.
    pub fn prime(self, id: &str, retry_ms: u64, out: &mut Vec<u8>) {
        let text = format!("id: {id}\nretry: {retry_ms}\ndata: \n\n");
        self.chunk(out, |out| out.extend_from_slice(text.as_bytes()));
    }

    /// Appends how many milliseconds the client is to wait before it comes back.
    pub fn retry(self, retry_ms: u64, out: &mut Vec<u8>) {
        let text = format!("retry: {retry_ms}\n\n");
        self.chunk(out, |out| out.extend_from_slice(text.as_bytes()));
    }

    /// Appends a comment: a sign of life, without a meaning.
    pub fn comment(self, out: &mut Vec<u8>) {
        self.chunk(out, |out| out.extend_from_slice(b":\n\n"));
    }

    /// Appends the end.
    pub fn end(self, out: &mut Vec<u8>) {
        if self == StreamFraming::Chunked {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }

    /// RFC 9112 §7.1. The size has four digits, or more, with zeros in front: it is patched in.
    fn chunk(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self == StreamFraming::UntilClose {
            return write(out);
        }
        const DIGITS: usize = 8;
        let size_at = out.len();
        out.extend_from_slice(b"00000000\r\n");
        let from = out.len();
        write(out);
        let mut size = out.len() - from;
        for digit in out[size_at..size_at + DIGITS].iter_mut().rev() {
            *digit = b"0123456789ABCDEF"[size % 16];
            size /= 16;
        }
        out.extend_from_slice(b"\r\n");
    }
}
