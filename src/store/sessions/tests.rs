use super::*;
use crate::protocol::{Capabilities, ProtocolVersion};
use crate::store::session::Client;
use crate::store::stream::Bounds;

const LIMITS: SessionLimits = SessionLimits {
    sessions_max: 4,
    per_principal_max: 2,
    idle_s: 10,
    replay_s: 5,
    replay_bytes: 100,
};
const BOUNDS: Bounds = Bounds { events: 100, bytes: 10_000 };

fn client(principal: Option<&str>) -> Begun {
    let client = Client {
        version: ProtocolVersion::V2025_11_25,
        capabilities: Capabilities::default(),
        name: "test".into(),
        release: "1".into(),
    };
    Begun {
        principal: principal.map(|name| Principal::named(name).into()),
        client: Some(client),
        line: None,
    }
}

#[test]
fn ids_are_read_as_they_are_written_and_no_other_way() {
    let sessions = Sessions::new(LIMITS);
    let id = sessions.begin(client(None), 0).expect("there is room").id;
    let text = id.to_string();
    assert_eq!((text.len(), SessionId::read(text.as_bytes())), (32, Some(id)));
    assert!(!format!("{id:?}").contains(&text), "a log does not give it away");
    for other in [&text[1..], &text.to_uppercase().replace(char::is_numeric, "A"), "", "+1"] {
        assert_eq!(SessionId::read(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn a_session_is_found_by_its_own_principal_until_it_ends() {
    let sessions = Sessions::new(LIMITS);
    let session = sessions.begin(client(Some("alice")), 0).expect("there is room");
    assert!(sessions.find(session.id, Some(&Principal::named("alice")), 1).is_some());
    assert!(sessions.find(session.id, Some(&Principal::named("bob")), 1).is_none());
    assert!(sessions.find(session.id, None, 1).is_none());
    sessions.end(&session);
    assert!(sessions.find(session.id, Some(&Principal::named("alice")), 1).is_none());
    sessions.end(&session);
    assert_eq!(sessions.count(), 0, "it ends once");
}

#[test]
fn use_keeps_a_session_and_so_does_a_call_under_way() {
    let sessions = Sessions::new(LIMITS);
    let [used, unused, busy] =
        [(); 3].map(|()| sessions.begin(client(None), 0).expect("there is room"));
    let stream = busy.begin(b"1", BOUNDS, 100).expect("there is room");
    assert!(sessions.find(used.id, None, 8).is_some());
    sessions.sweep(11);
    assert!(sessions.find(used.id, None, 11).is_some());
    assert!(sessions.find(unused.id, None, 11).is_none());
    assert!(sessions.find(busy.id, None, 100).is_some());
    stream.finish(b"x".to_vec(), false);
    sessions.sweep(100);
    sessions.sweep(111);
    assert_eq!(sessions.count(), 0);
}

#[test]
fn the_one_that_was_idle_longest_makes_room() {
    let sessions = Sessions::new(LIMITS);
    let begin = |now_s| sessions.begin(client(None), now_s);
    let busy = begin(0).expect("there is room");
    let _stream = busy.begin(b"1", BOUNDS, 100);
    for now_s in 1..50 {
        assert!(begin(now_s).is_some());
        assert!(sessions.count() <= LIMITS.sessions_max);
    }
    assert!(sessions.find(busy.id, None, 1).is_some(), "it is not idle");
    let mut all = Vec::new();
    sessions.each(|session| all.push(session.clone()));
    let _streams: Vec<_> = all.iter().map(|session| session.begin(b"1", BOUNDS, 100)).collect();
    assert!(begin(50).is_none(), "none of them is idle");
}

#[test]
fn one_principal_cannot_take_all() {
    let sessions = Sessions::new(LIMITS);
    let other = sessions.begin(client(Some("bob")), 0).expect("there is room");
    for now_s in 1..20 {
        assert!(sessions.begin(client(Some("alice")), now_s).is_some());
    }
    assert_eq!(sessions.count(), 1 + LIMITS.per_principal_max);
    assert!(sessions.find(other.id, Some(&Principal::named("bob")), 1).is_some());
}

#[test]
fn finished_streams_are_kept_for_a_time_and_up_to_a_size() {
    let sessions = Sessions::new(LIMITS);
    let session = sessions.begin(client(None), 0).expect("there is room");
    let finished = |request: &[u8], bytes| {
        let stream = session.begin(request, BOUNDS, 100).expect("there is room");
        stream.finish(vec![b'x'; bytes], false);
        stream.number().expect("a session's streams are numbered")
    };
    let kept = |number| session.stream(number).is_some();
    let (first, second) = (finished(b"1", 60), finished(b"2", 60));
    sessions.sweep(1);
    assert!(!kept(first) && kept(second), "both are more than it may keep");
    let third = session.begin(b"3", BOUNDS, 10).expect("there is room");
    assert!(!kept(second), "a new one sees to it too");
    third.finish(vec![b'x'; 10], false);
    let second = third.number().expect("a session's streams are numbered");
    sessions.sweep(1);
    sessions.sweep(6);
    assert!(kept(second));
    sessions.sweep(7);
    assert!(!kept(second), "its time is over");
}

#[test]
fn ids_of_requests_name_what_is_under_way() {
    let sessions = Sessions::new(LIMITS);
    let session = sessions.begin(client(None), 0).expect("there is room");
    let one = session.begin(b"1", BOUNDS, 100).expect("there is room");
    let text = session.begin(b"\"1\"", BOUNDS, 100).expect("there is room");
    assert!(Arc::ptr_eq(&session.under_way(b"1").expect("it is under way"), &one));
    assert!(Arc::ptr_eq(&session.under_way(b"\"1\"").expect("it is under way"), &text));
    session.forget(&one);
    assert!(session.under_way(b"1").is_none());
    for number in 0..2 * limits::SESSION_CALLS_MAX {
        session.begin(number.to_string().as_bytes(), BOUNDS, 100);
    }
    assert!(session.begin(b"more", BOUNDS, 100).is_none());
    text.finish(b"x".to_vec(), false);
    assert!(session.begin(b"more", BOUNDS, 100).is_some(), "what is over makes room");
    let text = session.under_way(b"0").expect("it is under way");
    sessions.end(&session);
    assert!(text.cancelled(), "whoever works on it is told");
}

#[test]
fn what_is_opened_in_a_session_that_has_ended_is_over() {
    let sessions = Sessions::new(LIMITS);
    let session = sessions.begin(client(Some("alice")), 0).expect("there is room");
    let other = sessions.begin(client(Some("alice")), 0).expect("there is room");
    sessions.open_events(&other, BOUNDS);
    assert_eq!((sessions.with_events().len(), sessions.of_principal("alice")), (1, 2));
    sessions.end(&session);
    let stream = sessions.open_events(&session, BOUNDS);
    let call = session.begin(b"1", BOUNDS, 100).expect("there is room");
    assert!(stream.is_over() && call.is_over() && call.cancelled());
    assert_eq!((sessions.with_events().len(), sessions.of_principal("alice")), (1, 1));
    sessions.end(&other);
    assert_eq!((sessions.with_events().len(), sessions.of_principal("alice")), (0, 0));
}
