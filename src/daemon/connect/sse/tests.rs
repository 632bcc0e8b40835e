use proptest::prelude::*;

use super::*;

fn event(name: &str, data: &str) -> Event {
    Event { name: name.to_owned(), data: data.to_owned() }
}

/// What a stream says, and what is known at its end, however its bytes come in.
#[track_caller]
fn check(text: &str, expected: &[Event], id: Option<&str>, retry_ms: Option<u64>) {
    let bytes = text.as_bytes();
    let splits = (0..=bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]);
    let single = bytes.chunks(1).collect();
    for pieces in splits.chain([single]) {
        let mut parser = Parser::new(1000);
        let mut events = Vec::new();
        for piece in &pieces {
            events.extend(parser.feed(piece).expect("short enough"));
        }
        assert_eq!(events, expected, "{pieces:?}");
        assert_eq!(parser.last_id(), id, "{pieces:?}");
        assert_eq!(parser.retry(), retry_ms.map(Duration::from_millis), "{pieces:?}");
    }
}

#[test]
fn streams() {
    check("data: {\"a\":1}\n\n", &[event("", "{\"a\":1}")], None, None);
    check("data:x\r\rdata:  y\r\n\r\n", &[event("", "x"), event("", " y")], None, None);
    check("event: endpoint\ndata: /m?s=1\n\n", &[event("endpoint", "/m?s=1")], None, None);
    check("data: a\ndata: b\ndata\ndata:\n\n", &[event("", "a\nb\n\n")], None, None);
    check(": comment\n\n:\n\n", &[], None, None);
    check("\u{feff}data: é☃\n\n", &[event("", "é☃")], None, None);
    check("\n\n\r\n\r", &[], None, None);
    check("nonsense\nfoo: bar\nDATA: x\n\n", &[], None, None);
    // A name without data says nothing, and is forgotten.
    check("event: a\n\ndata: b\n\n", &[event("", "b")], None, None);
}

#[test]
fn ids_and_retry() {
    check("id: 7-0\ndata:\n\n", &[], Some("7-0"), None);
    check("id: 1\ndata: a\n\ndata: b\n\n", &[event("", "a"), event("", "b")], Some("1"), None);
    check("id: 1\ndata: a\n\nid\ndata: b\n\n", &[event("", "a"), event("", "b")], None, None);
    check("id: 1\n\nid: 2\0\n\n", &[], Some("1"), None);
    check("retry: 250\n\n", &[], None, Some(250));
    check("retry: -1\nretry: 1s\nretry:\n\n", &[], None, None);
    // What is not whole at the end does not count, not even its id.
    check("id: 1\ndata: a\n\nid: 2\ndata: b\n", &[event("", "a")], Some("1"), None);
}

#[test]
fn an_event_has_a_bound() {
    let mut parser = Parser::new(10);
    assert_eq!(parser.feed(b"data: 123\n\n").map(|events| events.len()), Ok(1));
    assert_eq!(parser.feed(b"data: 1\ndata: 4"), Ok(vec![]));
    assert_eq!(parser.feed(b"5678"), Err(TooLong));
    assert_eq!(Parser::new(10).feed(b":23456789012"), Err(TooLong));
}

const LINE: &str = "(data|id|event|retry|)(: ?|)[ -~]{0,6}(\r\n|\r|\n)";

proptest! {
    #[test]
    fn bytes_come_in_any_pieces(
        lines in proptest::collection::vec(LINE, 0..12),
        cuts in proptest::collection::vec(0_usize..200, 0..6),
    ) {
        let text: Vec<u8> = lines.concat().into_bytes();
        let mut whole = Parser::new(1000);
        let expected = whole.feed(&text).expect("short");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut parts = Parser::new(1000);
        let mut events = Vec::new();
        for pair in cuts.windows(2) {
            events.extend(parts.feed(&text[pair[0]..pair[1]]).expect("short"));
        }
        prop_assert_eq!(events, expected);
        prop_assert_eq!(parts.last_id(), whole.last_id());
        prop_assert_eq!(parts.retry(), whole.retry());
    }
}
