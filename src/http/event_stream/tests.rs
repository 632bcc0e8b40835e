use super::*;
use crate::http::Date;

fn written(framing: StreamFraming, write: impl FnOnce(StreamFraming, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(framing, &mut out);
    String::from_utf8(out).expect("what is written is UTF-8")
}

#[test]
fn events_are_chunks_of_their_own() {
    let event = |framing: StreamFraming, out: &mut Vec<u8>| framing.event(Some("1-2"), b"{}", out);
    let text = "id: 1-2\ndata: {}\n\n";
    assert_eq!(written(StreamFraming::Chunked, event), format!("00000012\r\n{text}\r\n"));
    assert_eq!(written(StreamFraming::UntilClose, event), text);
    let long = vec![b'x'; 0x12345];
    let chunk = written(StreamFraming::Chunked, |framing, out| framing.event(None, &long, out));
    assert!(chunk.starts_with("0001234D\r\ndata: x"), "{}", &chunk[..20]);
}

#[test]
fn what_is_not_an_event_has_no_data() {
    let chunked = StreamFraming::Chunked;
    assert_eq!(written(chunked, |framing, out| framing.comment(out)), "00000003\r\n:\n\n\r\n");
    assert_eq!(
        written(StreamFraming::UntilClose, |framing, out| framing.prime("1-0", 500, out)),
        "id: 1-0\nretry: 500\ndata: \n\n"
    );
    assert_eq!(
        written(StreamFraming::UntilClose, |framing, out| {
            framing.named_event("endpoint", None, b"/x", out);
        }),
        "event: endpoint\ndata: /x\n\n"
    );
    assert_eq!(written(chunked, |framing, out| framing.end(out)), "0\r\n\r\n");
    assert_eq!(written(StreamFraming::UntilClose, |framing, out| framing.end(out)), "");
}

#[test]
fn a_head_says_that_nobody_is_to_wait_or_keep() {
    let date = Date::at(0);
    let stamp = Stamp { date: &date, lines: b"X-Stamp: 1\r\n" };
    let head = written(StreamFraming::Chunked, |framing, out| {
        framing.begin(Connection::Unsaid, stamp, &[], out);
    });
    for line in [
        "HTTP/1.1 200 OK",
        "Content-Type: text/event-stream",
        "Cache-Control: no-cache, no-transform",
        "X-Accel-Buffering: no",
        "X-Stamp: 1",
        "Transfer-Encoding: chunked",
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
    }
    assert!(head.ends_with("\r\n\r\n"));
    let until_close = written(StreamFraming::UntilClose, |framing, out| {
        framing.begin(Connection::KeepAlive, stamp, &[("X-More", "1")], out);
    });
    assert!(until_close.contains("Connection: close\r\n") && !until_close.contains("chunked"));
    assert!(until_close.contains("X-More: 1\r\n"), "and what is said besides");
}
