//! Chunked bodies: cases, bounds, and a comparison with a naive decoder.

use proptest::prelude::*;

use super::super::tests::{check, feed_all, ok};
use super::super::{Error, HttpLimits};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

fn good(raw: &str, body: &str) {
    let expected = format!("POST / host=h 1.1 keep Chunked {body:?}");
    ok(&format!("{HEAD}{raw}"), &[&expected]);
    // And what follows is the next request.
    let next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    ok(&format!("{HEAD}{raw}{next}"), &[&expected, "GET /next host=h 1.1 keep None \"\""]);
}

#[test]
fn good_bodies() {
    good("0\r\n\r\n", "");
    good("0000000000000000\r\n\r\n", "");
    good("3\r\nabc\r\n0\r\n\r\n", "abc");
    good(
        "003\r\nabc\r\nA\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n",
        "abc01234567890123456789",
    );
    good("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    for extension in [
        ";a",
        ";a=b",
        "; a",
        " ;a",
        " \t; a \t=\tb",
        ";a;b=c;d",
        ";a=\"\"",
        ";a=\"x;\\\"y\\\\ \"",
        ";a=\"\u{e9}\";b",
    ] {
        good(&format!("1{extension}\r\nx\r\n0{extension}\r\n\r\n"), "x");
    }
    for trailers in ["A: b\r\n", "A:\r\n", "A: b\r\nContent-Length: 9\r\nHost: x\r\n"] {
        good(&format!("1\r\nx\r\n0\r\n{trailers}\r\n"), "x");
    }
}

#[test]
fn bad_bodies() {
    for (raw, error) in [
        ("\r\n", Error::InvalidChunkSize),
        (" 1\r\nx\r\n", Error::InvalidChunkSize),
        ("1 \r\nx\r\n", Error::InvalidChunkExtension),
        ("+1\r\nx\r\n", Error::InvalidChunkSize),
        ("-1\r\nx\r\n", Error::InvalidChunkSize),
        ("0x1\r\nx\r\n", Error::InvalidChunkSize),
        ("1g\r\nx\r\n", Error::InvalidChunkSize),
        ("g\r\nx\r\n", Error::InvalidChunkSize),
        ("1_\r\nx\r\n", Error::InvalidChunkSize),
        (";a\r\nx\r\n", Error::InvalidChunkSize),
        ("00000000000000001\r\nx\r\n", Error::InvalidChunkSize),
        ("ffffffffffffffff\r\nx", Error::BodyTooLarge),
        ("1\r\nx\r\nffffffffffffffff\r\nx", Error::BodyTooLarge),
        ("1\nx\r\n", Error::BareLineFeed),
        ("\n", Error::BareLineFeed),
        ("1\r\r\nx\r\n", Error::InvalidChunkSize),
        ("1;a\rb\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;;\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a=\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a=\"b\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a=\"b\"c\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a=b c\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a \r\nx\r\n", Error::InvalidChunkExtension),
        ("1;\0\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a=\"\x01\"\r\nx\r\n", Error::InvalidChunkExtension),
        ("1;a=\"\\\r\nx\r\n", Error::InvalidChunkExtension),
        ("1\r\nxy\r\n", Error::InvalidChunkEnd),
        ("1\r\nx\n", Error::InvalidChunkEnd),
        ("1\r\nx\r\r\n", Error::InvalidChunkEnd),
        ("1\r\nx0\r\n\r\n", Error::InvalidChunkEnd),
        ("0\r\n\n", Error::BareLineFeed),
        ("0\r\nA: b\n\r\n", Error::BareLineFeed),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", Error::InvalidTrailer),
        ("0\r\nA : b\r\n\r\n", Error::InvalidTrailer),
        ("0\r\nA: b\r\n c\r\n\r\n", Error::InvalidTrailer),
        ("0\r\n: b\r\n\r\n", Error::InvalidTrailer),
        ("0\r\nA: b\rc\r\n\r\n", Error::InvalidTrailer),
        ("0\r\nA: \0\r\n\r\n", Error::InvalidTrailer),
        ("0\r\n\r\r\n", Error::InvalidTrailer),
    ] {
        check(format!("{HEAD}{raw}").as_bytes(), Err(error));
    }
}

/// Fed whole and one byte at a time; the error.
fn outcome(raw: &str, limits: &HttpLimits) -> Option<Error> {
    let input = format!("{HEAD}{raw}").into_bytes();
    let whole = feed_all([input.as_slice()], limits).error;
    assert_eq!(feed_all(input.chunks(1), limits).error, whole);
    whole
}

#[test]
fn bounds() {
    let limits = HttpLimits::default();
    let line = |len: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(len - 4));
    assert_eq!(outcome(&line(limits.chunk_line_bytes_max), &limits), None);
    let over = Some(Error::ChunkExtensionTooLong);
    assert_eq!(outcome(&line(limits.chunk_line_bytes_max + 1), &limits), over);
    assert_eq!(outcome(&"0".repeat(limits.chunk_line_bytes_max), &limits), over);

    let trailers = |len: usize| format!("0\r\nA: b\r\nA:{}\r\n\r\n", "a".repeat(len - 12));
    assert_eq!(outcome(&trailers(limits.trailer_bytes_max), &limits), None);
    let over = Some(Error::TrailersTooLarge);
    assert_eq!(outcome(&trailers(limits.trailer_bytes_max + 1), &limits), over);
    let endless = format!("0\r\n{}", "A: b\r\n".repeat(limits.trailer_bytes_max / 6 + 1));
    assert_eq!(outcome(&endless, &limits), over);

    // Plain chunks of one byte are slow but honest; extensions on each are an attack.
    assert_eq!(outcome(&format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(9999)), &limits), None);
    let padded = format!("1;{}\r\nx\r\n", "a".repeat(200)).repeat(100);
    assert_eq!(outcome(&padded, &limits), Some(Error::ChunkOverheadTooLarge));

    let limits = HttpLimits { body_bytes_max: 5, ..limits };
    assert_eq!(outcome("2\r\nab\r\n3\r\nabc\r\n0\r\n\r\n", &limits), None);
    assert_eq!(outcome("2\r\nab\r\n4\r\n", &limits), Some(Error::BodyTooLarge));
    assert_eq!(outcome("6\r\n", &limits), Some(Error::BodyTooLarge));
}

/// What a body comes to when all of it that there will be is there.
#[derive(Debug, PartialEq)]
enum Naive {
    Complete(Vec<u8>, usize),
    Partial,
    Bad,
}

/// The grammar without a thought for speed: line by line, on a copy.
fn naive(input: &[u8]) -> Naive {
    let mut at = 0;
    let mut body = Vec::new();
    let line = |at: usize| -> Result<Option<&[u8]>, ()> {
        let Some(end) = input[at..].iter().position(|byte| *byte == b'\n') else {
            return Ok(None);
        };
        input[at..at + end].strip_suffix(b"\r").map(Some).ok_or(())
    };
    loop {
        let text = match line(at) {
            Err(()) => return Naive::Bad,
            Ok(None) => return Naive::Partial,
            Ok(Some(text)) => String::from_utf8_lossy(text).into_owned(),
        };
        at += text.len() + 2;
        let (size, extension) = text.split_once(';').unwrap_or((&text, "a=b"));
        let word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let extension = extension.split(';').all(|one| {
            let (name, value) = one.split_once('=').unwrap_or((one, "b"));
            word(name) && word(value)
        });
        let hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(size, 16);
        let (Ok(size), true, true) = (size, hex, extension) else {
            return Naive::Bad;
        };
        if size > HttpLimits::default().body_bytes_max - body.len() {
            return Naive::Bad;
        }
        if size == 0 {
            break;
        }
        let available = size.min(input.len() - at);
        body.extend_from_slice(&input[at..at + available]);
        at += available;
        match (available == size, &input[at..]) {
            (true, [b'\r', b'\n', ..]) => at += 2,
            (true, [] | [b'\r']) | (false, _) => return Naive::Partial,
            _ => return Naive::Bad,
        }
    }
    loop {
        match line(at) {
            Err(()) => return Naive::Bad,
            Ok(None) => return Naive::Partial,
            Ok(Some(b"")) => return Naive::Complete(body, at + 2),
            Ok(Some(text)) => {
                let text = String::from_utf8_lossy(text);
                let name = text.split_once(':').map_or("", |(name, _)| name);
                let good =
                    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !good || text.contains('\r') {
                    return Naive::Bad;
                }
                at += text.len() + 2;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4096, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn agrees_with_the_naive_decoder(
        pieces in proptest::collection::vec(
            prop_oneof![
                4 => Just("1\r\nx\r\n"), 4 => Just("3;a=b\r\nabc\r\n"), 3 => Just("0\r\n"),
                3 => Just("\r\n"), 2 => Just("T: x\r\n"), 1 => Just("2\r\n"), 1 => Just("x"),
                1 => Just("\r"), 1 => Just("\n"), 1 => Just("1"), 1 => Just("g"), 1 => Just(";a=b"),
                1 => Just("00a\r\n0123456789\r\n"),
            ],
            0..12,
        ),
        size in 1_usize..30,
    ) {
        let raw = pieces.concat();
        let input = format!("{HEAD}{raw}").into_bytes();
        let limits = HttpLimits::default();
        let mut seen = feed_all(input.chunks(size), &limits);
        match naive(raw.as_bytes()) {
            Naive::Complete(body, used) => {
                let body = String::from_utf8_lossy(&body).into_owned();
                let expected = format!("POST / host=h 1.1 keep Chunked {body:?}");
                prop_assert_eq!(&seen.requests, &[expected]);
                // What follows is no part of it.
                let rest = feed_all([&raw.as_bytes()[used..]], &limits);
                prop_assert_eq!(seen.error, rest.error);
                if seen.error.is_none() {
                    prop_assert_eq!(seen.unread, rest.unread);
                }
            }
            Naive::Partial => prop_assert_eq!((seen.requests.pop(), seen.error), (None, None)),
            Naive::Bad => {
                prop_assert_eq!(seen.requests.pop(), None);
                prop_assert!(seen.error.is_some());
            }
        }
    }
}
