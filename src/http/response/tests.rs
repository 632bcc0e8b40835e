//! Responses, byte for byte.

use super::*;

const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

fn date() -> Date {
    Date::at(784_111_777)
}

fn stamp(date: &Date) -> Stamp<'_> {
    Stamp { date, lines: b"" }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before|".to_vec();
    write(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("before|").unwrap().to_owned()
}

#[test]
fn fixed_and_empty() {
    let date = date();
    let ok = Response {
        content_type: Some(ContentType::Json),
        ..Response::new(Status::OK, stamp(&date))
    };
    assert_eq!(
        written(|out| ok.fixed(out, b"{}")),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
             {DATE}Content-Length: 2\r\n\r\n{{}}"
        )
    );
    assert_eq!(
        written(|out| ok.head_only(out, 1234)),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
             {DATE}Content-Length: 1234\r\n\r\n"
        )
    );
    let accepted = Response::new(Status::ACCEPTED, stamp(&date));
    assert_eq!(
        written(|out| accepted.empty(out)),
        format!("HTTP/1.1 202 Accepted\r\n{DATE}Content-Length: 0\r\n\r\n")
    );
    for status in [Status::NO_CONTENT, Status::NOT_MODIFIED] {
        let text = written(|out| Response::new(status, stamp(&date)).empty(out));
        let (code, reason) = (status.code(), status.reason());
        assert_eq!(text, format!("HTTP/1.1 {code} {reason}\r\n{DATE}\r\n"));
    }
    assert_eq!(written(continue_100), "HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn the_usual_head_is_the_one_that_is_written_field_by_field() {
    let date = date();
    let ok = Response {
        content_type: Some(ContentType::Json),
        ..Response::new(Status::OK, stamp(&date))
    };
    let mut fields = Vec::new();
    ok.write_fields(&mut fields);
    fields.extend_from_slice(OPEN_LENGTH);
    assert!(ok.is_usual());
    assert_eq!(usual_head(&date).as_slice(), fields);
    let close = Response { connection: Connection::Close, ..ok };
    let others = [close, Response { fields: &[("Allow", "GET")], ..ok }];
    assert!(others.iter().all(|other| !other.is_usual()));
}

#[test]
fn connection_and_fields() {
    let date = date();
    let mut response = Response {
        connection: Connection::Close,
        fields: &[("Allow", "GET, POST"), ("X-Echo", "a\r\nSet-Cookie: b\0\tc")],
        ..Response::new(Status::METHOD_NOT_ALLOWED, stamp(&date))
    };
    assert_eq!(
        written(|out| response.empty(out)),
        format!(
            "HTTP/1.1 405 Method Not Allowed\r\n{DATE}Connection: close\r\nAllow: GET, POST\r\n\
             X-Echo: a  Set-Cookie: b \tc\r\nContent-Length: 0\r\n\r\n"
        )
    );
    response.fields = &[];
    response.connection = Connection::KeepAlive;
    assert_eq!(
        written(|out| response.empty(out)),
        format!(
            "HTTP/1.1 405 Method Not Allowed\r\n{DATE}Connection: keep-alive\r\n\
             Content-Length: 0\r\n\r\n"
        )
    );
}

#[test]
fn an_open_body_is_as_a_fixed_one() {
    let date = date();
    let response = Response {
        content_type: Some(ContentType::Json),
        ..Response::new(Status::OK, stamp(&date))
    };
    for len in [0, 1, 9, 10, 99, 100, 101, 999, 1000, 1001, 9999, 10_000, 1_234_567] {
        let body = "abcdefg".bytes().cycle().take(len).collect::<Vec<u8>>();
        let open = written(|out| {
            let open = response.open(out);
            out.extend_from_slice(&body);
            open.finish(out);
        });
        assert_eq!(open, written(|out| response.fixed(out, &body)), "{len}");
    }
}

#[test]
fn statuses() {
    for status in Status::ALL {
        let line = format!("HTTP/1.1 {} {}\r\n", status.code(), status.reason());
        assert_eq!(status.line(), line.as_bytes());
        assert!((100..600).contains(&status.code()));
        assert!(!status.reason().is_empty());
    }
}
