//! What the peer did wrong, and the status it earns.
//!
//! One variant per sin, so that a log line and a response body can say what it was. After any of
//! them the position of the next request is not certain: answer, then close (RFC 9112 §9.6).

use std::fmt;

use super::Status;

#[cfg(test)]
mod tests;

/// A request that is refused before anybody above has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// A line ended by LF alone. RFC 9112 §2.2.
    BareLineFeed,
    /// A CR that no LF follows. RFC 9112 §2.2.
    BareCarriageReturn,
    /// More empty lines before the request line than one may excuse. RFC 9112 §2.2.
    TooManyEmptyLines,
    /// The request line is not three words with one space between each. RFC 9112 §3.
    InvalidRequestLine,
    /// The method is not a token. RFC 9110 §9.1.
    InvalidMethod,
    /// The method is a token that is not implemented here (501). RFC 9110 §9.1.
    UnknownMethod,
    /// The target has none of the forms, or not the one its method wants. RFC 9112 §3.2.
    InvalidTarget,
    /// The target is longer than `target_bytes_max` (414). RFC 9112 §3.
    TargetTooLong,
    /// The version is not of the form `HTTP/x.y`. RFC 9112 §2.3.
    InvalidVersion,
    /// The version is neither 1.0 nor 1.1 (505). RFC 9110 §15.6.6.
    UnsupportedVersion,
    /// The head is longer than `head_bytes_max` (431). RFC 6585 §5.
    HeadTooLarge,
    /// More field lines than `header_fields_max` (431). RFC 6585 §5.
    TooManyFields,
    /// White space between the request line and the first field. RFC 9112 §2.2.
    SpaceBeforeFirstField,
    /// A field line folded onto the next line. RFC 9112 §5.2.
    ObsoleteFold,
    /// White space between a field's name and its colon. RFC 9112 §5.1.
    SpaceBeforeColon,
    /// A field line without a name, with one that is not a token, or without a colon.
    /// RFC 9112 §5.
    InvalidFieldName,
    /// A control byte in a field's value. RFC 9110 §5.5.
    InvalidFieldValue,
    /// No `Host` on HTTP/1.1. RFC 9112 §3.2.
    MissingHost,
    /// More than one `Host`. RFC 9112 §3.2.
    DuplicateHost,
    /// A `Host` that is not `uri-host [":" port]`. RFC 9110 §7.2.
    InvalidHost,
    /// More than one `Content-Length`. RFC 9110 §8.6, RFC 9112 §6.3.
    DuplicateContentLength,
    /// A `Content-Length` that is not digits only. RFC 9110 §8.6.
    InvalidContentLength,
    /// Both `Content-Length` and `Transfer-Encoding`. RFC 9112 §6.3.
    LengthWithTransferEncoding,
    /// `Transfer-Encoding` on HTTP/1.0. RFC 9112 §6.1.
    TransferEncodingOnHttp10,
    /// A `Transfer-Encoding` whose final coding is not `chunked`, or has it twice.
    /// RFC 9112 §6.3 and §7.
    InvalidTransferEncoding,
    /// Another coding beneath `chunked` (501). RFC 9112 §6.1.
    UnsupportedTransferCoding,
    /// An expectation other than `100-continue` (417). RFC 9110 §10.1.1.
    UnknownExpectation,
    /// A body longer than `body_bytes_max`, declared or counted (413). RFC 9110 §15.5.14.
    BodyTooLarge,
    /// A chunk size that is not 1 to 16 hexadecimal digits and CRLF. RFC 9112 §7.1.
    InvalidChunkSize,
    /// A chunk extension out of the grammar. RFC 9112 §7.1.1.
    InvalidChunkExtension,
    /// A chunk-size line longer than `chunk_line_bytes_max`. RFC 9112 §7.1.1.
    ChunkExtensionTooLong,
    /// More chunk-size lines than the data is worth: `chunk_overhead_bytes_max`. RFC 9112 §7.1.1.
    ChunkOverheadTooLarge,
    /// A chunk's data not followed by CRLF. RFC 9112 §7.1.
    InvalidChunkEnd,
    /// A trailer field out of the grammar. RFC 9112 §7.1.2.
    InvalidTrailer,
    /// A trailer section longer than `trailer_bytes_max` (431). RFC 6585 §5.
    TrailersTooLarge,
}

impl Error {
    /// The status to answer with, before the connection is closed. RFC 9110 §15.
    pub fn status(self) -> Status {
        match self {
            Error::UnknownMethod | Error::UnsupportedTransferCoding => Status::NOT_IMPLEMENTED,
            Error::UnsupportedVersion => Status::HTTP_VERSION_NOT_SUPPORTED,
            Error::TargetTooLong => Status::URI_TOO_LONG,
            Error::HeadTooLarge | Error::TooManyFields | Error::TrailersTooLarge => {
                Status::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Error::BodyTooLarge => Status::CONTENT_TOO_LARGE,
            Error::UnknownExpectation => Status::EXPECTATION_FAILED,
            _ => Status::BAD_REQUEST,
        }
    }

    /// The key of the setting whose limit was exceeded, if it was a limit: a field of
    /// [`HttpLimits`](super::HttpLimits), as it stands in a file. RFC 9110 §15.5.14 and §15.5.15,
    /// RFC 6585 §5.
    pub fn limit(self) -> Option<&'static str> {
        match self {
            Error::HeadTooLarge => Some("http.head_bytes_max"),
            Error::TooManyFields => Some("http.header_fields_max"),
            Error::TargetTooLong => Some("http.target_bytes_max"),
            Error::BodyTooLarge => Some("http.body_bytes_max"),
            Error::ChunkExtensionTooLong => Some("http.chunk_line_bytes_max"),
            Error::ChunkOverheadTooLarge => Some("http.chunk_overhead_bytes_max"),
            Error::TrailersTooLarge => Some("http.trailer_bytes_max"),
            _ => None,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Error::BareLineFeed => "a line ends with LF alone; lines end with CRLF",
            Error::BareCarriageReturn => "a CR is not followed by LF",
            Error::TooManyEmptyLines => "too many empty lines before the request line",
            Error::InvalidRequestLine => {
                "the request line is not a method, a target and a version with one space between"
            }
            Error::InvalidMethod => "the method is not a token",
            Error::UnknownMethod => "the method is not implemented by this server",
            Error::InvalidTarget => "the request target is invalid for this method",
            Error::TargetTooLong => "the request target is longer than http.target_bytes_max",
            Error::InvalidVersion => "the protocol version is not of the form HTTP/1.1",
            Error::UnsupportedVersion => "only HTTP/1.0 and HTTP/1.1 are supported",
            Error::HeadTooLarge => "the request head is longer than http.head_bytes_max",
            Error::TooManyFields => {
                "the request has more header fields than http.header_fields_max"
            }
            Error::SpaceBeforeFirstField => "white space precedes the first header field",
            Error::ObsoleteFold => "a header field is folded over several lines",
            Error::SpaceBeforeColon => "white space stands between a field name and its colon",
            Error::InvalidFieldName => "a header field has no valid name",
            Error::InvalidFieldValue => "a header field value has a control byte in it",
            Error::MissingHost => "the Host header field is missing",
            Error::DuplicateHost => "there is more than one Host header field",
            Error::InvalidHost => "the Host header field is not a host with an optional port",
            Error::DuplicateContentLength => "there is more than one Content-Length header field",
            Error::InvalidContentLength => "Content-Length is not a decimal number",
            Error::LengthWithTransferEncoding => {
                "Content-Length and Transfer-Encoding exclude each other"
            }
            Error::TransferEncodingOnHttp10 => "HTTP/1.0 has no Transfer-Encoding",
            Error::InvalidTransferEncoding => "Transfer-Encoding does not end with chunked, once",
            Error::UnsupportedTransferCoding => "only the transfer coding chunked is supported",
            Error::UnknownExpectation => "the only expectation supported is 100-continue",
            Error::BodyTooLarge => "the request body is longer than http.body_bytes_max",
            Error::InvalidChunkSize => "a chunk size is not 1 to 16 hexadecimal digits",
            Error::InvalidChunkExtension => "a chunk extension is invalid",
            Error::ChunkExtensionTooLong => {
                "a chunk-size line is longer than http.chunk_line_bytes_max"
            }
            Error::ChunkOverheadTooLarge => {
                "the chunk-size lines exceed their data by more than http.chunk_overhead_bytes_max"
            }
            Error::InvalidChunkEnd => "the data of a chunk is not followed by CRLF",
            Error::InvalidTrailer => "a trailer field is invalid",
            Error::TrailersTooLarge => "the trailer section is longer than http.trailer_bytes_max",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Error {}
