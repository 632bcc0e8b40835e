//! What the tests of this room share: requests as one line of text, and `check`, which feeds each
//! input whole, in two parts split at every byte, and one byte at a time; and the random tests.

use proptest::prelude::*;

use super::*;
use crate::buffer::ReadBuffer;

/// The request that the figures in PERFORMANCE.md are about.
pub const POST: &[u8] = b"POST /mcp HTTP/1.1\r\n\
Host: 127.0.0.1:8080\r\n\
Content-Type: application/json\r\n\
Accept: application/json, text/event-stream\r\n\
MCP-Protocol-Version: 2026-07-28\r\n\
Mcp-Method: tools/call\r\n\
Mcp-Name: add\r\n\
Content-Length: 270\r\n\
\r\n\
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// What came of an input.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    /// Each complete request as a line of text.
    pub requests: Vec<String>,
    pub error: Option<Error>,
    /// Bytes that belong to no complete request.
    pub unread: usize,
}

/// A request as a line of text.
pub fn render(request: &Request<'_>) -> String {
    let Head { method, target, host, version, framing, .. } = request.head;
    let query = target.query.map(|query| format!(" ?{query}")).unwrap_or_default();
    let version = if version == Version::Http11 { "1.1" } else { "1.0" };
    let keep = if request.head.keep_alive { "keep" } else { "close" };
    let expect = if request.head.expect_continue { " expect" } else { "" };
    let body = String::from_utf8_lossy(request.body);
    let host = str::from_utf8(host).unwrap();
    let (method, path) = (method.name(), target.path);
    format!("{method} {path}{query} host={host} {version} {keep}{expect} {framing:?} {body:?}")
}

/// Puts bytes into a buffer.
pub fn feed(buffer: &mut ReadBuffer, bytes: &[u8]) {
    buffer.space(bytes.len(), usize::MAX)[..bytes.len()].copy_from_slice(bytes);
    buffer.filled(bytes.len());
}

/// Decodes what arrives in these parts, in a buffer no larger than the limits say it must be.
pub fn feed_all<'i>(parts: impl IntoIterator<Item = &'i [u8]>, limits: &HttpLimits) -> Seen {
    let (mut decoder, mut buffer, mut seen) = (Decoder::new(), ReadBuffer::new(), Seen::default());
    let mut head = None;
    for mut part in parts {
        while !part.is_empty() && seen.error.is_none() {
            let space = buffer.space(part.len(), limits.read_buffer_bytes_max());
            assert!(!space.is_empty(), "a buffer of that size is enough");
            let n = space.len().min(part.len());
            space[..n].copy_from_slice(&part[..n]);
            buffer.filled(n);
            part = &part[n..];
            while step(&mut decoder, &mut buffer, limits, &mut seen, &mut head) {}
        }
    }
    seen.unread = buffer.len();
    seen
}

/// Decodes once; whether to go on without more bytes.
fn step(
    decoder: &mut Decoder,
    buffer: &mut ReadBuffer,
    limits: &HttpLimits,
    seen: &mut Seen,
    head_seen: &mut Option<String>,
) -> bool {
    let mut storage = field_storage();
    match decoder.decode(buffer, &mut storage, limits) {
        Ok(Parsed::Partial) => return false,
        Ok(Parsed::Head(head)) => {
            assert!(head_seen.is_none(), "a head is returned once");
            *head_seen = Some(format!("{:?}{:?}", head.target, head.fields));
            return true;
        }
        Ok(Parsed::Complete(request)) => {
            if let Some(head) = head_seen.take() {
                assert_eq!(head, format!("{:?}{:?}", request.head.target, request.head.fields));
            }
            seen.requests.push(render(&request));
        }
        Err(error) => {
            seen.error = Some(error);
            return false;
        }
    }
    decoder.finish(buffer);
    true
}

/// Feeds the input in all those ways; it must come to the same requests, or the same error,
/// and a part of it to neither more requests nor an error.
pub fn check(input: &[u8], expected: Result<&[&str], Error>) {
    let limits = HttpLimits::default();
    let text = String::from_utf8_lossy(input);
    let whole = feed_all([input], &limits);
    match expected {
        Ok(requests) => {
            assert_eq!(whole.requests, requests, "{text}");
            assert_eq!((whole.error, whole.unread), (None, 0), "{text}");
        }
        Err(error) => assert_eq!(whole.error, Some(error), "{text}"),
    }
    let same = |seen: Seen, how: &str| {
        assert_eq!((&seen.requests, seen.error), (&whole.requests, whole.error), "{how}: {text}");
    };
    same(feed_all(input.chunks(1), &limits), "one byte at a time");
    for at in 0..input.len() {
        let (first, second) = input.split_at(at);
        same(feed_all([first, second], &limits), "split");
        if expected.is_ok() {
            let part = feed_all([first], &limits);
            assert_eq!(part.error, None, "{text}");
            assert!(part.requests.len() < whole.requests.len(), "{text}");
        }
    }
}

pub fn ok(input: &str, expected: &[&str]) {
    check(input.as_bytes(), Ok(expected));
}

/// A good request and what it should come to.
fn good_request() -> impl Strategy<Value = (Vec<u8>, String)> {
    let body = proptest::collection::vec(any::<u8>(), 0..60);
    let cuts = proptest::collection::vec((1_usize..20, "(;[a-z]{1,5}(=[a-z]{1,3})?){0,2}"), 1..5);
    ("/[a-z]{0,9}", body, 0_u8..3, cuts, 0_usize..3).prop_map(
        |(path, body, framing, cuts, fillers)| {
            let filler = "X-Filler: some, thing\r\n".repeat(fillers);
            let (framing_field, shown, raw) = match framing {
                0 => (String::new(), "None".to_string(), Vec::new()),
                1 => {
                    let field = format!("content-length:\t{}\t\r\n", body.len());
                    (field, format!("Length({})", body.len()), body.clone())
                }
                _ => {
                    let field = "Transfer-Encoding: ,Chunked\r\n".to_string();
                    (field, "Chunked".to_string(), chunked(&body, &cuts))
                }
            };
            let body = if framing == 0 { Vec::new() } else { body };
            let head = format!("POST {path} HTTP/1.1\r\n{filler}Host: h:1\r\n{framing_field}\r\n");
            let body = String::from_utf8_lossy(&body);
            let line = format!("POST {path} host=h:1 1.1 keep {shown} {body:?}");
            ([head.into_bytes(), raw].concat(), line)
        },
    )
}

fn chunked(mut body: &[u8], cuts: &[(usize, String)]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (len, extension) in cuts.iter().cycle() {
        let (chunk, rest) = body.split_at((*len).min(body.len()));
        raw.extend_from_slice(format!("{:03X}{extension}\r\n", chunk.len()).as_bytes());
        if chunk.is_empty() {
            raw.extend_from_slice(b"Trailer: x\r\n\r\n");
            return raw;
        }
        raw.extend_from_slice(chunk);
        raw.extend_from_slice(b"\r\n");
        body = rest;
    }
    raw
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn pipelined_requests_do_not_depend_on_how_they_arrive(
        requests in proptest::collection::vec(good_request(), 1..8),
        sizes in proptest::collection::vec(1_usize..90, 1..10),
    ) {
        let input: Vec<u8> = requests.iter().flat_map(|(raw, _)| raw.clone()).collect();
        let expected: Vec<String> = requests.into_iter().map(|(_, line)| line).collect();
        let mut parts = Vec::new();
        let mut rest = input.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (part, behind) = rest.split_at((*size).min(rest.len()));
            parts.push(part);
            rest = behind;
        }
        // As small a buffer as can be: it must be enough.
        let limits = HttpLimits {
            head_bytes_max: 256,
            body_bytes_max: 60,
            trailer_bytes_max: 64,
            chunk_line_bytes_max: 64,
            ..Default::default()
        };
        let seen = feed_all(parts, &limits);
        prop_assert_eq!(seen, Seen { requests: expected, error: None, unread: 0 });
    }

    #[test]
    fn no_bytes_give_a_panic_or_depend_on_splits(
        input in proptest::collection::vec(
            prop_oneof![
                Just("GET / HTTP/1.1\r\n"), Just("POST /a?b HTTP/1.0\r\n"), Just("Host: a\r\n"),
                Just("Content-Length: 3\r\n"), Just("Transfer-Encoding: chunked\r\n"),
                Just("Connection: close\r\n"), Just("Expect: 100-continue\r\n"), Just("X: y\r\n"),
                Just("\r\n"), Just("\r"), Just("\n"), Just(" "), Just("3\r\n"), Just("abc"),
                Just("0\r\n"), Just("\0"), Just("5;a=\"b\"\r\n"), Just(":"), Just("\u{e9}"),
            ],
            0..24,
        ),
        at in any::<prop::sample::Index>(),
    ) {
        let input = input.concat().into_bytes();
        let limits = HttpLimits::default();
        let whole = feed_all([input.as_slice()], &limits);
        let dripped = feed_all(input.chunks(1), &limits);
        prop_assert_eq!(&whole.requests, &dripped.requests);
        prop_assert_eq!(whole.error, dripped.error);
        let (first, second) = input.split_at(at.index(input.len() + 1));
        let split = feed_all([first, second], &limits);
        prop_assert_eq!(&whole.requests, &split.requests);
        prop_assert_eq!(whole.error, split.error);
    }
}
