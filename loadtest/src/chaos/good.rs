//! Clients that behave. Each knows what the right answer is and looks at all of it; the first that
//! is anything else is a failure of the run.

mod documents;
mod line;
mod session;
mod stateless;
mod subscriber;

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dice::Dice;
use super::wire::Wire;
pub use documents::Known;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stateless,
    Worker,
    Session,
    Line,
    Subscriber,
    Documents,
    DocumentsInSession,
    DocumentsOnLine,
}

pub const KINDS: [(Kind, &str); 8] = [
    (Kind::Stateless, "stateless calls"),
    (Kind::Worker, "calls on workers, streamed"),
    (Kind::Session, "sessions, GET streams, replay"),
    (Kind::Line, "HTTP+SSE"),
    (Kind::Subscriber, "subscriptions"),
    (Kind::Documents, "daemon, stateless"),
    (Kind::DocumentsInSession, "daemon, sessions"),
    (Kind::DocumentsOnLine, "daemon, HTTP+SSE"),
];

/// What all clients of a phase share.
pub struct Crowd<'r> {
    pub seed: u64,
    /// Where the example listens, and the daemon.
    pub example: SocketAddr,
    pub daemon: SocketAddr,
    pub known: &'r [Known],
    pub over: AtomicBool,
    /// Clients that have had their first answer.
    pub ready: AtomicUsize,
    pub tally: Tally,
}

#[derive(Default)]
pub struct Tally {
    answers: [AtomicU64; KINDS.len()],
    slowest_ms: [AtomicU64; KINDS.len()],
    failures: [AtomicU64; KINDS.len()],
    complaints: Mutex<Vec<String>>,
}

/// Complaints that are kept word by word.
const COMPLAINTS_MAX: usize = 20;

impl Tally {
    /// Answers, failures, and the slowest answer in milliseconds.
    pub fn of(&self, kind: usize) -> (u64, u64, u64) {
        let read = |all: &[AtomicU64; KINDS.len()]| all[kind].load(Ordering::Relaxed);
        (read(&self.answers), read(&self.failures), read(&self.slowest_ms))
    }

    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().map(|all| all.clone()).unwrap_or_default()
    }
}

/// One client, of a kind that its number decides.
pub struct Client<'c> {
    pub crowd: &'c Crowd<'c>,
    pub number: usize,
    pub dice: Dice,
    kind: usize,
    next_id: u64,
    asked: Instant,
    is_ready: bool,
}

impl<'c> Client<'c> {
    pub fn new(crowd: &'c Crowd<'c>, number: usize) -> Self {
        Self {
            crowd,
            number,
            dice: Dice::new(crowd.seed, number as u64),
            kind: number % KINDS.len(),
            next_id: 1,
            asked: Instant::now(),
            is_ready: false,
        }
    }

    /// Lives until the phase is over. What fails is told, and tried anew.
    pub fn live(mut self) {
        while !self.is_over() {
            let lived = match KINDS[self.kind].0 {
                Kind::Stateless => stateless::calls(&mut self),
                Kind::Worker => stateless::streams(&mut self),
                Kind::Session => session::live(&mut self),
                Kind::Line => line::live(&mut self),
                Kind::Subscriber => subscriber::live(&mut self),
                Kind::Documents => documents::stateless(&mut self),
                Kind::DocumentsInSession => documents::in_session(&mut self),
                Kind::DocumentsOnLine => documents::on_line(&mut self),
            };
            if let Err(problem) = lived {
                self.complain(&problem);
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }

    fn complain(&self, problem: &str) {
        let tally = &self.crowd.tally;
        tally.failures[self.kind].fetch_add(1, Ordering::Relaxed);
        if let Ok(mut complaints) = tally.complaints.lock()
            && complaints.len() < COMPLAINTS_MAX
        {
            let problem: String = problem.chars().take(600).collect();
            let kind = KINDS[self.kind].1;
            complaints.push(format!("{kind} (client {}): {problem}", self.number));
        }
    }

    pub fn is_over(&self) -> bool {
        self.crowd.over.load(Ordering::Relaxed)
    }

    pub fn wire(&self) -> Result<Wire, String> {
        let address = match KINDS[self.kind].0 {
            Kind::Documents | Kind::DocumentsInSession | Kind::DocumentsOnLine => self.crowd.daemon,
            _ => self.crowd.example,
        };
        Wire::connect(address).map_err(at("connect"))
    }

    /// The id of the next request; its time begins.
    pub fn id(&mut self) -> u64 {
        self.asked = Instant::now();
        self.next_id += 1;
        // No two clients have the same, so that somebody else's answer is seen as such.
        self.number as u64 * 1_000_000 + self.next_id
    }

    /// An answer was right. Clients think before they go on.
    pub fn answered(&mut self) {
        let tally = &self.crowd.tally;
        tally.answers[self.kind].fetch_add(1, Ordering::Relaxed);
        let took_ms = self.asked.elapsed().as_millis() as u64;
        tally.slowest_ms[self.kind].fetch_max(took_ms, Ordering::Relaxed);
        if !self.is_ready {
            self.is_ready = true;
            self.crowd.ready.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(self.dice.millis(0, 150));
    }
}

/// Where something went wrong, beside what.
pub fn at(place: &str) -> impl Fn(io::Error) -> String {
    let place = place.to_owned();
    move |error| format!("{place}: {error}")
}

pub fn expect(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

/// The result of an answer to this request.
pub fn result(answer: &Value, id: u64) -> Result<&Value, String> {
    expect(answer["id"] == id, || format!("not the answer to {id}: {answer}"))?;
    answer.get("result").ok_or_else(|| format!("no result: {answer}"))
}

/// The text of a tool's answer is this.
pub fn check_text(answer: &Value, id: u64, text: &str) -> Result<(), String> {
    let result = result(answer, id)?;
    let content = &result["content"];
    let is_right = content[0]["text"] == text
        && content.as_array().is_some_and(|content| content.len() == 1)
        && result.get("isError").is_none_or(|error| *error == false);
    expect(is_right, || format!("not {} bytes of the text asked for: {answer}", text.len()))
}

/// What comes before a result is progress from `first` on, without a gap.
pub fn check_progress(messages: &[Value], token: u64, first: u64) -> Result<(), String> {
    for (step, message) in (first..).zip(messages) {
        let params = &message["params"];
        let is_right = message["method"] == "notifications/progress"
            && params["progressToken"] == token
            && params["progress"].as_f64() == Some(step as f64);
        expect(is_right, || format!("not the progress of step {step}: {message}"))?;
    }
    Ok(())
}
