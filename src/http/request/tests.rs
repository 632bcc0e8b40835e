//! Bytes → outcome, through the one `check` of this room; and the promises about work and memory.

use super::super::tests::{POST, check, feed, feed_all, ok, render};
use super::*;

/// What a decoder has done, to show that it does nothing twice.
#[derive(Debug, Default)]
pub struct Counts {
    pub scanned: usize,
    pub parsed: usize,
}

impl Counts {
    pub fn scanned(&mut self, from: usize, to: usize) {
        self.scanned += to - from;
    }
    pub fn parsed(&mut self) {
        self.parsed += 1;
    }
}

fn bad(input: &str, error: Error) {
    check(input.as_bytes(), Err(error));
}

#[test]
fn request_lines() {
    ok("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &["GET / host=a 1.1 keep None \"\""]);
    ok("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &["GET / host=a 1.1 keep None \"\""]);
    ok("GET / HTTP/1.0\r\n\r\n", &["GET / host= 1.0 close None \"\""]);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let text = format!("{method} /x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        ok(&text, &[&format!("{method} /x ?y=1 host=a 1.1 keep None \"\"")]);
    }
    for method in ["CONNECT", "TRACE", "get", "Get", "FOO", "G+T", "POSTS"] {
        bad(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"), Error::UnknownMethod);
    }
    for (line, error) in [
        ("", Error::TooManyEmptyLines),
        (" GET / HTTP/1.1", Error::InvalidMethod),
        ("\x16\x03\x01", Error::InvalidMethod),
        ("G(T / HTTP/1.1", Error::InvalidMethod),
        ("GET", Error::InvalidRequestLine),
        ("GET /", Error::InvalidRequestLine),
        ("GET  / HTTP/1.1", Error::InvalidRequestLine),
        ("GET /  HTTP/1.1", Error::InvalidRequestLine),
        ("GET / HTTP/1.1 ", Error::InvalidRequestLine),
        ("GET\t/ HTTP/1.1", Error::InvalidMethod),
        ("GET /\t HTTP/1.1", Error::InvalidTarget),
        ("GET / /a HTTP/1.1", Error::InvalidRequestLine),
        ("GET / HTTP/1.10", Error::InvalidVersion),
        ("GET / HTTP/11", Error::InvalidVersion),
        ("GET / http/1.1", Error::InvalidVersion),
        ("GET / HTTP/1.", Error::InvalidVersion),
        ("GET / HTTP/1.1x", Error::InvalidVersion),
        ("GET / ICY/1.1", Error::InvalidVersion),
        ("GET / HTTP/2.0", Error::UnsupportedVersion),
        ("GET / HTTP/1.2", Error::UnsupportedVersion),
        ("GET / HTTP/0.9", Error::UnsupportedVersion),
        ("PRI * HTTP/2.0", Error::UnsupportedVersion),
        ("GET /\0 HTTP/1.1", Error::InvalidTarget),
        ("GET /\u{e9} HTTP/1.1", Error::InvalidTarget),
        ("GET /\x7f HTTP/1.1", Error::InvalidTarget),
    ] {
        let blank = if line.is_empty() { "\r\n\r\n\r\n\r\n" } else { "" };
        bad(&format!("{blank}{line}\r\nHost: a\r\n\r\n"), error);
    }
    check(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", Err(Error::InvalidTarget));
}

#[test]
fn line_ends() {
    for input in [
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \n\r\n\r\n",
    ] {
        bad(input, Error::BareLineFeed);
    }
    for input in [
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\r: y\r\n\r\n",
        "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        bad(input, Error::BareCarriageReturn);
    }
}

#[test]
fn field_lines() {
    for line in
        ["X: y", "X:y", "X:", "X: ", "X:\t y \t", "X: \u{e9}", "!#$%&'*+-.^_`|~: x", "X: a\tb"]
    {
        let text = format!("GET / HTTP/1.1\r\n{line}\r\nHost: a\r\n\r\n");
        ok(&text, &["GET / host=a 1.1 keep None \"\""]);
    }
    for (line, error) in [
        ("X : y", Error::SpaceBeforeColon),
        ("X\t: y", Error::SpaceBeforeColon),
        ("X y: z", Error::InvalidFieldName),
        (": y", Error::InvalidFieldName),
        ("X", Error::InvalidFieldName),
        ("X(: y", Error::InvalidFieldName),
        ("X\0: y", Error::InvalidFieldName),
        ("\u{e9}: y", Error::InvalidFieldName),
        ("X: \0", Error::InvalidFieldValue),
        ("X: a\x01b", Error::InvalidFieldValue),
        ("X: a\x7f", Error::InvalidFieldValue),
        ("X: a\x1b", Error::InvalidFieldValue),
        (" X: y", Error::ObsoleteFold),
        ("\tX", Error::ObsoleteFold),
        (" ", Error::ObsoleteFold),
    ] {
        bad(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\nY: z\r\n\r\n"), error);
        bad(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"), error);
    }
    bad("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Error::SpaceBeforeFirstField);
    // An error in a whole head does not wait for the body.
    bad(
        "POST / HTTP/1.1\r\nHost: a\r\nX : y\r\nContent-Length: 9\r\n\r\n",
        Error::SpaceBeforeColon,
    );
}

#[test]
fn bodies_and_pipelining() {
    ok(
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
         GET /b HTTP/1.1\r\nHost: b\r\n\r\n\
         POST /c HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\nab\r\n1\r\nc\r\n0\r\n\r\n\
         \r\nGET /d HTTP/1.0\r\n\r\n",
        &[
            "POST /a host=a 1.1 keep Length(3) \"abc\"",
            "GET /b host=b 1.1 keep None \"\"",
            "POST /c host=c 1.1 keep Chunked \"abc\"",
            "GET /d host= 1.0 close None \"\"",
        ],
    );
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    ok(post, &["POST / host=a 1.1 keep Length(0) \"\""]);
    ok(&String::from_utf8_lossy(POST), &[&render_canonical()]);
}

fn render_canonical() -> String {
    let body = format!("{:?}", "x".repeat(270));
    format!("POST /mcp host=127.0.0.1:8080 1.1 keep Length(270) {body}")
}

#[test]
fn an_earlier_request_survives_a_later_bad_one() {
    let input = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    for size in [1, 7, input.len()] {
        let seen = feed_all(input.chunks(size), &HttpLimits::default());
        assert_eq!(seen.requests, ["GET /a host=a 1.1 keep None \"\""]);
        assert_eq!(seen.error, Some(Error::MissingHost));
    }
}

#[test]
fn limits_are_exact() {
    let head = "GET /abc HTTP/1.1\r\nHost: a\r\n\r\n";
    let fits = HttpLimits { head_bytes_max: head.len(), ..HttpLimits::default() };
    let small = HttpLimits { head_bytes_max: head.len() - 1, ..HttpLimits::default() };
    for size in [1, head.len()] {
        assert_eq!(feed_all(head.as_bytes().chunks(size), &fits).error, None);
        let seen = feed_all(head.as_bytes().chunks(size), &small);
        assert_eq!(seen.error, Some(Error::HeadTooLarge));
    }

    let fits = HttpLimits { target_bytes_max: 4, ..HttpLimits::default() };
    let small = HttpLimits { target_bytes_max: 3, ..HttpLimits::default() };
    assert_eq!(feed_all([head.as_bytes()], &fits).error, None);
    assert_eq!(feed_all([head.as_bytes()], &small).error, Some(Error::TargetTooLong));

    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    let fits = HttpLimits { body_bytes_max: 4, ..HttpLimits::default() };
    let small = HttpLimits { body_bytes_max: 3, ..HttpLimits::default() };
    assert_eq!(feed_all([body.as_bytes()], &fits).error, None);
    assert_eq!(feed_all([body.as_bytes()], &small).error, Some(Error::BodyTooLarge));

    let fits = HttpLimits { header_fields_max: 1, ..HttpLimits::default() };
    let small = HttpLimits { header_fields_max: 0, ..HttpLimits::default() };
    assert_eq!(feed_all([head.as_bytes()], &fits).error, None);
    assert_eq!(feed_all([head.as_bytes()], &small).error, Some(Error::TooManyFields));
}

#[test]
fn endless_heads_end() {
    let limits = HttpLimits::default();
    let target = [b"GET /", "a".repeat(limits.head_bytes_max).as_bytes()].concat();
    let field = [b"GET / HTTP/1.1\r\nX: ", "a".repeat(limits.head_bytes_max).as_bytes()].concat();
    let fields = [b"GET / HTTP/1.1\r\n".as_slice(), &b"X: y\r\n".repeat(101), b"\r\n"].concat();
    for size in [1, 1000, usize::MAX] {
        assert_eq!(feed_all(target.chunks(size), &limits).error, Some(Error::TargetTooLong));
        assert_eq!(feed_all(field.chunks(size), &limits).error, Some(Error::HeadTooLarge));
        assert_eq!(feed_all(fields.chunks(size), &limits).error, Some(Error::TooManyFields));
    }
}

#[test]
fn a_drip_is_looked_at_once() {
    let fields = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(90);
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n{fields}\r\n");
    let input = [head.as_bytes(), b"123456789"].concat();
    let (mut decoder, mut buffer) = (Decoder::new(), ReadBuffer::new());
    let limits = HttpLimits::default();
    let mut heads = 0;
    for byte in &input {
        buffer.space(1, limits.read_buffer_bytes_max())[0] = *byte;
        buffer.filled(1);
        let mut storage = field_storage();
        match decoder.decode(&mut buffer, &mut storage, &limits).unwrap() {
            Parsed::Partial => {}
            Parsed::Head(head) => {
                heads += 1;
                assert!(!head.body_started);
            }
            Parsed::Complete(request) => assert_eq!(request.body, b"123456789"),
        }
    }
    assert_eq!(decoder.counts.scanned, head.len());
    assert_eq!(decoder.counts.parsed, 2);
    assert_eq!(heads, 1);
}

#[test]
fn the_head_is_returned_once_and_says_whether_to_continue() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    for (arrived, wants) in [("", true), ("a", false)] {
        let (mut decoder, mut buffer) = (Decoder::new(), ReadBuffer::new());
        feed(&mut buffer, format!("{head}{arrived}").as_bytes());
        assert_eq!(decoder.progress(&buffer), Progress::Head);
        let limits = HttpLimits::default();
        match decoder.decode(&mut buffer, &mut field_storage(), &limits) {
            Ok(Parsed::Head(head)) => assert_eq!(head.wants_continue(), wants),
            other => panic!("{other:?}"),
        }
        assert_eq!(decoder.progress(&buffer), Progress::Body);
        assert!(matches!(
            decoder.decode(&mut buffer, &mut field_storage(), &limits),
            Ok(Parsed::Partial)
        ));
        feed(&mut buffer, &b"ab"[arrived.len()..]);
        for _ in 0..2 {
            match decoder.decode(&mut buffer, &mut field_storage(), &limits) {
                Ok(Parsed::Complete(request)) => assert!(!request.head.wants_continue()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(decoder.progress(&buffer), Progress::Done);
        assert_eq!(decoder.consumed(), head.len() + 2);
        decoder.finish(&mut buffer);
        assert_eq!(decoder.consumed(), 0);
        assert_eq!(decoder.progress(&buffer), Progress::Idle);
    }
}

#[test]
fn empty_lines_are_idle_and_errors_stay() {
    let (mut decoder, mut buffer) = (Decoder::new(), ReadBuffer::new());
    let limits = HttpLimits::default();
    feed(&mut buffer, b"\r\n");
    assert!(matches!(
        decoder.decode(&mut buffer, &mut field_storage(), &limits),
        Ok(Parsed::Partial)
    ));
    assert_eq!(decoder.progress(&buffer), Progress::Idle);
    feed(&mut buffer, b"GET / HTTP/1.1\n");
    for _ in 0..2 {
        let error = decoder.decode(&mut buffer, &mut field_storage(), &limits).unwrap_err();
        assert_eq!(error, Error::BareLineFeed);
        feed(&mut buffer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    assert_eq!(decoder.progress(&buffer), Progress::Failed);
}

#[test]
fn a_body_can_be_changed_in_place() {
    let (mut decoder, mut buffer) = (Decoder::new(), ReadBuffer::new());
    feed(&mut buffer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    let mut storage = field_storage();
    match decoder.decode(&mut buffer, &mut storage, &HttpLimits::default()).unwrap() {
        Parsed::Complete(request) => {
            request.body[0] = b'z';
            assert_eq!(request.head.fields[0].value, b"a");
            assert_eq!(render(&request), "POST / host=a 1.1 keep Length(2) \"zb\"");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_complete_request_can_be_asked_for_again() {
    let post = "POST /a HTTP/1.1\r\nHost: a\r\n";
    let chunks = "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n";
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunks}");
    let counted = format!("{post}Content-Length: 5\r\n\r\nabcde");
    let input = format!("{chunked}{counted}GET /b HTTP/1.1\r\nHost: b\r\n\r\n{chunked}");
    let limits = HttpLimits::default();
    for split in 0..=input.len() {
        let (mut decoder, mut buffer) = (Decoder::new(), ReadBuffer::new());
        let mut seen = Vec::new();
        for part in [&input[..split], &input[split..]] {
            feed(&mut buffer, part.as_bytes());
            loop {
                let mut same = Vec::new();
                for _ in 0..3 {
                    match decoder.decode(&mut buffer, &mut field_storage(), &limits).unwrap() {
                        Parsed::Complete(request) => same.push(render(&request)),
                        Parsed::Partial | Parsed::Head(_) => break,
                    }
                }
                let Some(first) = same.first() else { break };
                assert_eq!(same, vec![first.clone(); 3], "split at {split}");
                seen.push(first.clone());
                decoder.finish(&mut buffer);
            }
        }
        assert_eq!(seen.len(), 4, "split at {split}: {seen:?}");
        assert_eq!((&seen[0], buffer.is_empty()), (&seen[3], true));
        assert!(seen[0].ends_with("\"abcde\"") && seen[1].ends_with("\"abcde\""), "{seen:?}");
    }
}
