use super::*;
use crate::limits;

const BOUNDS: Bounds = Bounds { events: 40, bytes: 4_000 };
/// Long enough after the start for all that may be sent to be sent.
const LATE: u64 = 1_000_000;

fn stream(number: Option<u32>) -> Stream {
    let stream = Stream::numbered(number, BOUNDS);
    stream.attach(Reader::untold(), None);
    stream
}

/// Reads as whoever attached last; what was read, as `NUMBER:DATA`.
fn read(stream: &Stream, now_ms: u64) -> (Vec<String>, Reading) {
    let mut seen = Vec::new();
    let attachment = stream.state.lock().attachment;
    let reading = stream.read(attachment, now_ms, |event| {
        seen.push(format!("{}:{}", event.number, String::from_utf8_lossy(&event.data)));
        true
    });
    (seen, reading)
}

fn push(stream: &Stream, kind: Kind, texts: &[&str]) {
    texts.iter().for_each(|text| stream.push(kind, text.as_bytes().to_vec()));
}

#[test]
fn events_come_once_and_in_order_until_the_answer() {
    let stream = stream(None);
    push(&stream, Kind::Log, &["a", "b"]);
    assert_eq!(read(&stream, 0), (vec!["1:a".into(), "2:b".into()], Reading::Waiting));
    push(&stream, Kind::Question, &["c"]);
    stream.finish(b"d".to_vec(), false);
    push(&stream, Kind::Log, &["too late"]);
    stream.finish(b"too late".to_vec(), false);
    assert_eq!(read(&stream, 0), (vec!["3:c".into(), "4:d".into()], Reading::Ended));
    assert_eq!(stream.bytes(), 0, "outside of sessions nothing is kept");
}

#[test]
fn an_answer_alone_is_taken_as_such() {
    let alone = stream(Some(1));
    alone.finish(b"x".to_vec(), true);
    let answer = alone.take_lone_answer().expect("it is alone");
    assert_eq!((answer.kind, answer.data), (Kind::Answer { bad_request: true }, b"x".to_vec()));
    let said = stream(Some(1));
    push(&said, Kind::Log, &["a"]);
    said.finish(b"x".to_vec(), false);
    assert!(said.take_lone_answer().is_none());
    read(&said, 0);
    assert!(said.take_lone_answer().is_none(), "the log line was sent before it");
}

#[test]
fn a_session_s_stream_goes_on_after_any_of_its_events() {
    let stream = stream(Some(7));
    push(&stream, Kind::Log, &["a", "b", "c"]);
    read(&stream, 0);
    stream.detach(1);
    push(&stream, Kind::Log, &["d"]);
    stream.finish(b"e".to_vec(), false);
    for (after, expected) in [(0, "abcde"), (2, "cde"), (4, "e"), (5, "")] {
        stream.attach(Reader::untold(), Some(after));
        let (seen, reading) = read(&stream, 0);
        let seen: String =
            seen.iter().filter_map(|event| event.split_once(':')).map(|e| e.1).collect();
        assert_eq!((seen.as_str(), reading), (expected, Reading::Ended), "after {after}");
    }
    assert!(stream.has_had(5) && !stream.has_had(6));
}

#[test]
fn without_an_event_to_go_on_from_only_the_unsent_come() {
    let stream = stream(Some(0));
    push(&stream, Kind::Notice, &["a"]);
    read(&stream, 0);
    stream.detach(1);
    push(&stream, Kind::Notice, &["b"]);
    assert_eq!(stream.position(), 1);
    stream.attach(Reader::untold(), None);
    assert_eq!(read(&stream, 0).0, ["2:b"]);
}

#[test]
fn whoever_attaches_last_reads() {
    let stream = stream(Some(0));
    let second = stream.attach(Reader::untold(), None);
    push(&stream, Kind::Notice, &["a"]);
    assert_eq!(stream.read(1, 0, |_| true), Reading::Lost);
    stream.detach(1);
    assert!(stream.is_read(), "only its reader can leave it");
    assert_eq!(stream.read(second, 0, |_| true), Reading::Waiting);
    stream.detach(second);
    assert!(!stream.is_read());
}

#[test]
fn a_reader_without_room_stops_and_goes_on() {
    let stream = stream(None);
    push(&stream, Kind::Log, &["a", "b", "c"]);
    assert_eq!(stream.read(1, 0, |_| false), Reading::Full);
    assert_eq!(read(&stream, 0).0, ["2:b", "3:c"]);
}

#[test]
fn a_notice_that_waits_is_not_said_twice() {
    let stream = stream(Some(0));
    push(&stream, Kind::Notice, &["a", "b", "a"]);
    assert_eq!(read(&stream, 0).0, ["1:a", "2:b"]);
    push(&stream, Kind::Notice, &["a"]);
    assert_eq!(read(&stream, 0).0, ["3:a"]);
}

#[test]
fn much_progress_is_thinned_and_its_end_is_said() {
    let stream = stream(None);
    for step in 0..200 {
        push(&stream, Kind::Progress(0), &[&step.to_string()]);
    }
    let (seen, reading) = read(&stream, LATE);
    assert_eq!(seen.len(), limits::PROGRESS_UNSENT_MAX);
    assert_eq!((seen.last().map(String::as_str), reading), (Some("200:199"), Reading::Waiting));
}

#[test]
fn progress_has_a_burst_and_then_a_rate() {
    let stream = stream(None);
    let mut sent = 0;
    let mut later = 0;
    for step in 0..100 {
        push(&stream, Kind::Progress(0), &[&step.to_string()]);
        match read(&stream, LATE) {
            (seen, Reading::Later(at_ms)) => {
                assert!(seen.is_empty() && at_ms > LATE);
                later += 1;
            }
            (seen, _) => sent += seen.len(),
        }
    }
    assert_eq!((sent, later), (limits::PROGRESS_BURST as usize, 100 - sent));
    // It does not hold back what comes after it.
    stream.finish(b"done".to_vec(), false);
    let (seen, reading) = read(&stream, LATE);
    assert_eq!((seen, reading), (vec!["100:99".into(), "101:done".into()], Reading::Ended));
}

#[test]
fn what_is_worth_least_goes_first_when_there_is_too_much() {
    let stream = Stream::numbered(None, BOUNDS);
    stream.attach(Reader::untold(), None);
    push(&stream, Kind::Progress(0), &["p"]);
    push(&stream, Kind::Question, &["q"]);
    for line in 0..60 {
        push(&stream, Kind::Log, &[&format!("l{line}")]);
    }
    stream.finish(b"answer".to_vec(), false);
    let (seen, reading) = read(&stream, 0);
    assert_eq!(reading, Reading::Ended);
    assert!(!seen.iter().any(|event| event.ends_with(":p")) && seen[0].ends_with(":q"));
    assert!(seen.last().is_some_and(|last| last.ends_with(":answer")));
    assert!(seen.len() <= BOUNDS.events + 1);
}

#[test]
fn a_stream_that_cannot_hold_what_must_be_said_is_cut() {
    for (number, left) in [(None, false), (Some(1), true)] {
        let stream = stream(number);
        let long = "x".repeat(1_500);
        for _ in 0..4 {
            push(&stream, Kind::Question, &[&long]);
        }
        assert_eq!(read(&stream, 0), (vec![], Reading::Lost));
        assert!(stream.bytes() <= BOUNDS.bytes);
        stream.attach(Reader::untold(), None);
        assert_eq!(!read(&stream, 0).0.is_empty(), left, "a session's can be gone on with");
    }
}

#[test]
fn hanging_up_ends_the_response_and_not_the_stream() {
    let stream = stream(Some(1));
    push(&stream, Kind::HangUp, &[""]);
    stream.finish(b"x".to_vec(), false);
    assert_eq!(read(&stream, 0), (vec![], Reading::HungUp));
    stream.attach(Reader::untold(), Some(0));
    assert_eq!(read(&stream, 0), (vec!["2:x".into()], Reading::Ended));
}

#[test]
fn answers_to_questions_find_who_asked_once() {
    let stream = stream(Some(1));
    let (first, second) = (stream.ask(), stream.ask());
    assert!(stream.hear(second, Ok(b"2".to_vec())));
    assert!(!stream.hear(second, Ok(b"again".to_vec())));
    assert!(!stream.hear(99, Ok(Vec::new())));
    let patience = std::time::Duration::ZERO;
    assert_eq!(stream.listen(second, patience), Ok(Ok(b"2".to_vec())));
    assert_eq!(stream.listen(first, patience), Err(Silence::TimedOut));
    assert!(!stream.hear(first, Ok(Vec::new())), "nobody waits any more");
    let third = stream.ask();
    stream.cancel();
    assert_eq!(stream.listen(third, patience), Err(Silence::Cancelled));
    assert!(stream.cancelled() && !stream.sleep(patience));
}
