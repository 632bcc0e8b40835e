use super::*;
use crate::store::Clock;
use crate::store::stream::Bounds;

const BOUNDS: Bounds = Bounds { events: 100, bytes: 10_000 };
const NOBODY: Owner = Owner { wire: Wire::Modern, session: None, principal: None };

/// How long a task is kept is a matter of the steady clock: the other one may jump.
const CLOCK: Clock = Clock {
    unix_ms: || 1_000,
    unix_ns: || 1_000_000_000,
    steady_ms: || 9_000,
    steady_ns: || 9_000_000_000,
};

fn begin(tasks: &Tasks, owner: Owner, ttl_ms: u64) -> Arc<Task> {
    let stream = Arc::new(Stream::new(BOUNDS));
    tasks.begin(owner, stream, Some(ttl_ms), CLOCK).expect("there is room")
}

fn written(task: &Task, wire: Wire) -> serde_json::Value {
    let mut out = b"{".to_vec();
    task.write(wire, true, &mut out);
    out.push(b'}');
    serde_json::from_slice(&out).expect("JSON")
}

fn result(text: &str, is_error: bool) -> Outcome {
    Outcome::Result { members: text.as_bytes().to_vec(), is_error }
}

#[test]
fn a_task_is_its_owner_s_for_its_time() {
    let tasks = Tasks::default();
    let alice = Owner {
        wire: Wire::Legacy,
        session: None,
        principal: Some(Principal::named("alice").into()),
    };
    let task = begin(&tasks, alice.clone(), 500);
    assert!(tasks.find(&task.id, &alice, 9_500).is_some());
    assert!(tasks.find(&task.id, &NOBODY, 9_500).is_none());
    assert!(tasks.find(&task.id, &alice, 9_501).is_none());
    begin(&tasks, NOBODY, 500);
    let count = |owner, now_ms| tasks.of(owner, now_ms).len();
    assert_eq!((count(&alice, 9_500), count(&alice, 9_501)), (1, 0));
    assert_eq!(count(&NOBODY, 9_500), 0, "what is anybody's is not listed");
    tasks.sweep(9_501, 1);
    assert!(tasks.count() == 0 && task.stream.cancelled());
}

#[test]
fn each_wire_has_its_own_names() {
    let tasks = Tasks::default();
    let task = begin(&tasks, NOBODY, 500);
    let legacy = written(&task, Wire::Legacy);
    assert_eq!((&legacy["status"], &legacy["ttl"]), (&"working".into(), &500.into()));
    assert_eq!(legacy["createdAt"], "1970-01-01T00:00:01.000Z");
    task.finish(result(r#""content":[]"#, true), 2_000);
    assert_eq!(written(&task, Wire::Legacy)["status"], "failed", "a tool's error is one here");
    let modern = written(&task, Wire::Modern);
    assert_eq!((&modern["status"], &modern["ttlMs"]), (&"completed".into(), &500.into()));
    assert_eq!(modern["result"], serde_json::json!({ "content": [] }));
    assert_eq!(modern["lastUpdatedAt"], "1970-01-01T00:00:02.000Z");
}

#[test]
fn nothing_comes_after_the_end() {
    let tasks = Tasks::default();
    let task = begin(&tasks, NOBODY, 500);
    assert!(task.cancel(1_001));
    assert!(!task.cancel(1_002));
    task.finish(result("", false), 1_003);
    assert_eq!(task.status(), Status::Cancelled);
    assert_eq!(task.ask("key", b"{}", 1_004), None);
}

#[test]
fn questions_are_open_until_each_is_answered() {
    let tasks = Tasks::default();
    let task = begin(&tasks, NOBODY, 500);
    let first = task.ask("a", br#"{"method":"x"}"#, 1_001).expect("it is not over");
    task.ask("b", br#"{"method":"y"}"#, 1_001).expect("it is not over");
    let open = written(&task, Wire::Modern)["inputRequests"].clone();
    assert_eq!(open, serde_json::json!({ "a": { "method": "x" }, "b": { "method": "y" } }));
    task.answer("none", b"{}".to_vec(), 1_002);
    task.answer("a", b"{}".to_vec(), 1_002);
    assert_eq!(task.status(), Status::InputRequired);
    assert_eq!(task.stream.listen(first, std::time::Duration::ZERO), Ok(Ok(b"{}".to_vec())));
    task.answer("b", b"{}".to_vec(), 1_003);
    assert_eq!(task.status(), Status::Working);
    task.ask("a", b"{}", 1_004);
    let open = written(&task, Wire::Modern)["inputRequests"].clone();
    assert_eq!(open, serde_json::json!({ "a-2": {} }), "no key is used twice");
}

#[test]
fn whoever_waits_is_asked_and_gets_the_outcome() {
    let tasks = Tasks::default();
    let task = begin(&tasks, NOBODY, 500);
    let early = Arc::new(Stream::new(BOUNDS));
    task.deliver(&early, b"7");
    assert!(!early.has_unsent());
    task.ask("a", br#"{"method":"x"}"#, 1_001);
    assert!(early.has_unsent(), "the question goes to whoever waits");
    task.finish(result(r#""content":[]"#, false), 1_002);
    assert!(early.is_over());
    let late = Arc::new(Stream::new(BOUNDS));
    task.deliver(&late, br#""id""#);
    let answer = late.take_lone_answer().expect("it is there").data;
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(answer["id"], "id");
    let related = &answer["result"]["_meta"]["io.modelcontextprotocol/related-task"];
    assert_eq!(related["taskId"], *task.id);
    let waiting: Vec<_> =
        (0..=limits::TASK_WAITING_MAX).map(|_| Arc::new(Stream::new(BOUNDS))).collect();
    let task = begin(&tasks, NOBODY, 500);
    waiting.iter().for_each(|stream| task.deliver(stream, b"1"));
    assert_eq!(waiting.iter().filter(|stream| stream.is_over()).count(), 1, "one too many");
}

#[test]
fn so_many_are_worked_on_and_so_many_kept() {
    let tasks = Tasks::default();
    let may_begin = || {
        let stream = Arc::new(Stream::new(BOUNDS));
        tasks.begin(NOBODY, stream, None, CLOCK).inspect(|task| {
            task.cancel(1_001);
        })
    };
    let running: Vec<_> =
        (0..limits::TASKS_RUNNING_MAX).map(|_| begin(&tasks, NOBODY, 500)).collect();
    assert!(may_begin().is_none());
    running[0].finish(result("", false), 1_001);
    for _ in 0..limits::TASKS_MAX {
        assert!(may_begin().is_some(), "the oldest that is over makes room");
    }
    assert_eq!(tasks.count(), limits::TASKS_MAX);
}
