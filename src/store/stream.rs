//! A stream: what is on its way to one client, kept until it is sent, and after that for as long as
//! it may be asked for again.
//!
//! ```text
//!   push ──▶ │ kept, sent │ unsent │ ──▶ read ──▶ a connection, now or later
//!            front                back
//! ```
//!
//! Whoever has something to say (a worker, a notifier) pushes; the shard of the connection that
//! reads is told, and reads. Nobody waits for a slow reader: when a bound is met, what was sent is
//! forgotten first, then progress and log lines are dropped, then the stream is cut.
//!
//! Where a client has one channel for everything (HTTP+SSE, stdio), that is a *line*: a stream that
//! the streams of its calls flow into, each as soon as something is pushed. Whoever lets requests
//! in looks first whether the line [has room](Stream::has_room).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use super::farewell::{Farewell, Parting};
use super::nudge::Reader;

use allowance::Allowance;
pub(crate) use questions::{Reply, Silence};

mod allowance;
mod outbox;
mod questions;
#[cfg(test)]
mod tests;

/// What an event is, and so what may become of it when there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Progress of a call: the latest counts, and some a second are enough. On a line, the number
    /// of the call's own stream.
    Progress(u32),
    /// A log line: dropped when there are too many.
    Log,
    /// A notice that something changed: one that waits already is not said twice.
    Notice,
    /// A request to the client: never dropped.
    Question,
    /// The answer to one of many requests, on a line: never dropped.
    Response,
    /// The response ends here, and the client comes back for the rest.
    HangUp,
    /// The last event: the answer.
    Answer {
        /// With status 400 where it is all there is.
        bad_request: bool,
    },
    /// The same, with status 404 where it is all there is: nobody has the method.
    Unknown,
    /// The same, with status 503 where it is all there is, and when to come again, in milliseconds.
    Overloaded(u64),
}

/// An event, with its number in its stream. Numbers rise, and may leave gaps.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    /// A JSON-RPC message; empty where there is none.
    pub(crate) data: Vec<u8>,
}

/// What a stream may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All is read but progress that has to wait until this time.
    Later(u64),
    /// All is read; more may come.
    Waiting,
    /// The reader has no room for more.
    Full,
    /// The response ends, the stream goes on.
    HungUp,
    /// That was the last event.
    Ended,
    /// Another connection reads now, or the stream had to be cut.
    Lost,
}

/// A stream of events to one client. With a number it belongs to a session and keeps what it sent.
pub(crate) struct Stream {
    number: Option<u32>,
    /// The line that all it is given goes to.
    line: Option<Arc<Stream>>,
    cancelled: AtomicBool,
    /// No answer to a question will come any more.
    hushed: AtomicBool,
    state: Mutex<State>,
    heard: Condvar,
    /// Who is told when nobody wants the answer any more.
    parting: Parting,
}

struct State {
    /// Oldest first; their numbers rise.
    events: VecDeque<Event>,
    /// How many of them, from the front, were sent.
    sent: usize,
    /// The sum of the lengths of their data.
    bytes: usize,
    /// The number of the next event.
    next: u64,
    /// The number of the last event that was sent; 0 before the first.
    position: u64,
    bounds: Bounds,
    is_line: bool,
    reader: Option<Reader>,
    /// Which of the readers there were it is. Not the connection's own name, which other shards
    /// give to others.
    attachment: u64,
    /// The reader has been told, and has not read since.
    told: bool,
    /// An answer was pushed, or there will be none: nothing more is taken.
    over: bool,
    cut: bool,
    progress: Allowance,
    questions: u32,
    /// Questions that somebody waits for, and their answers when they are there.
    asked: Vec<(u32, Option<Reply>)>,
}

impl Stream {
    /// A stream outside of any session: what is sent is forgotten.
    pub(crate) fn new(bounds: Bounds) -> Stream {
        Stream::numbered(None, bounds)
    }

    pub(super) fn numbered(number: Option<u32>, bounds: Bounds) -> Stream {
        Stream::with(number, bounds, false, None)
    }

    /// A line; with a number it keeps what it sent.
    pub(crate) fn line(number: Option<u32>, bounds: Bounds) -> Stream {
        Stream::with(number, bounds, true, None)
    }

    /// The stream of a call that flows into a line.
    pub(super) fn into_line(number: u32, line: Arc<Stream>, bounds: Bounds) -> Stream {
        Stream::with(Some(number), bounds, false, Some(line))
    }

    fn with(
        number: Option<u32>,
        bounds: Bounds,
        is_line: bool,
        line: Option<Arc<Stream>>,
    ) -> Stream {
        let state = State {
            events: VecDeque::new(),
            sent: 0,
            bytes: 0,
            next: 1,
            position: 0,
            bounds,
            is_line,
            reader: None,
            attachment: 0,
            told: false,
            over: false,
            cut: false,
            progress: Allowance::default(),
            questions: 0,
            asked: Vec::new(),
        };
        let (cancelled, hushed) = (AtomicBool::new(false), AtomicBool::new(false));
        let (state, heard, parting) = (Mutex::new(state), Condvar::new(), Parting::default());
        Stream { number, line, cancelled, hushed, state, heard, parting }
    }

    /// Its number within its session.
    pub(crate) fn number(&self) -> Option<u32> {
        self.number
    }

    /// Makes a connection the reader, from the first unsent event on, or from the one after the
    /// event `after`. Gives the number under which it reads from now on; whoever read before has
    /// lost the stream, and is told.
    pub(crate) fn attach(&self, reader: Reader, after: Option<u64>) -> u64 {
        let mut state = self.state.lock();
        if let Some(after) = after {
            state.sent = state.events.partition_point(|event| event.number <= after);
            state.position = after;
        }
        if let Some(before) = state.reader.replace(reader) {
            before.tell();
        }
        state.attachment += 1;
        state.cut = false;
        state.told = false;
        if state.sent < state.events.len() {
            state.tell();
        }
        state.attachment
    }

    /// The connection of this number is gone, or has no more interest.
    pub(crate) fn detach(&self, attachment: u64) {
        let mut state = self.state.lock();
        if state.attachment == attachment {
            state.reader = None;
        }
    }

    /// Whether a connection reads it.
    pub(crate) fn is_read(&self) -> bool {
        self.state.lock().reader.is_some()
    }

    /// The number of the last event that was sent: where a client goes on.
    pub(crate) fn position(&self) -> u64 {
        self.state.lock().position
    }

    /// Whether an event of this stream may have had the number.
    pub(crate) fn has_had(&self, number: u64) -> bool {
        number < self.state.lock().next
    }

    /// Whether there is nothing after an event, and never will be.
    pub(crate) fn has_ended_by(&self, number: u64) -> bool {
        let state = self.state.lock();
        let more = |event: &Event| event.number > number && !event.data.is_empty();
        state.over && !state.events.iter().any(more)
    }

    /// Adds an event. Nothing comes after an answer.
    pub(crate) fn push(&self, kind: Kind, data: Vec<u8>) {
        let mut state = self.state.lock();
        if state.over {
            return;
        }
        match (&self.line, kind) {
            (None, _) => {
                state.push(kind, data, self.number.is_some());
                state.tell();
            }
            (Some(line), Kind::Progress(_)) => {
                line.push(Kind::Progress(self.number.unwrap_or_default()), data);
            }
            // Nothing is held for a call that it could let go.
            (Some(_), Kind::HangUp) => {}
            (Some(line), _) => line.push(kind, data),
        }
    }

    /// Adds the last event. Says whether it was taken: nothing comes after the end.
    pub(crate) fn finish(&self, answer: Vec<u8>, bad_request: bool) -> bool {
        self.finish_as(Kind::Answer { bad_request }, answer)
    }

    /// As [`Stream::finish`], with an answer of another kind.
    pub(crate) fn finish_as(&self, kind: Kind, answer: Vec<u8>) -> bool {
        let mut state = self.state.lock();
        if state.over {
            return false;
        }
        state.over = true;
        match &self.line {
            Some(_) if answer.is_empty() => {}
            Some(line) => line.push(Kind::Response, answer),
            None => {
                state.append(kind, answer);
                state.tell();
            }
        }
        true
    }

    /// Whether all that came after an event is still held.
    pub(crate) fn holds_after(&self, number: u64) -> bool {
        let state = self.state.lock();
        let first = state.events.front().map_or(state.next, |event| event.number);
        first <= number + 1
    }

    /// Whether what waits to be sent is within the bounds, so that more may be asked for.
    pub(crate) fn has_room(&self) -> bool {
        self.state.lock().has_room()
    }

    /// Waits until there is room, or nothing more is taken.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.state.lock();
        self.heard.wait_while(&mut state, |state| !state.has_room() && !state.over);
    }

    /// Ends without an answer, and tells the function that runs for it.
    pub(crate) fn cancel(&self) {
        self.finish(Vec::new(), false);
        self.give_up();
    }

    /// Tells the function that runs for it that the answer is hardly wanted any more.
    pub(crate) fn give_up(&self) {
        {
            // Under the lock, so that whoever is about to wait sees it.
            let _state = self.state.lock();
            self.cancelled.store(true, Ordering::Relaxed);
            self.heard.notify_all();
        }
        self.parting.say();
    }

    /// Tells somebody when the answer is hardly wanted any more; perhaps more than once.
    pub(crate) fn on_given_up(&self, farewell: Farewell) {
        self.parting.promise(farewell, || self.cancelled());
    }

    /// Whether nobody wants the answer any more.
    pub(crate) fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether all that will ever be said has been.
    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// The bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Takes the answer, if it is the only thing that was ever to be sent.
    pub(crate) fn take_lone_answer(&self) -> Option<Event> {
        let mut state = self.state.lock();
        let lone = state.sent == 0
            && state.events.len() == 1
            && matches!(
                state.events[0].kind,
                Kind::Answer { .. } | Kind::Unknown | Kind::Overloaded(_)
            );
        lone.then(|| state.take_front()).flatten()
    }

    /// Whether there is something to read.
    pub(crate) fn has_unsent(&self) -> bool {
        let state = self.state.lock();
        state.sent < state.events.len()
    }

    /// The reader has been told, and does not read now: it is told again of what comes next.
    pub(crate) fn put_off(&self) {
        self.state.lock().told = false;
    }

    /// Hands the unsent events to the connection, as long as `each` says that it has room.
    pub(crate) fn read(
        &self,
        attachment: u64,
        now_ms: u64,
        each: impl FnMut(&Event) -> bool,
    ) -> Reading {
        let mut state = self.state.lock();
        state.told = false;
        if state.cut || state.attachment != attachment || state.reader.is_none() {
            return Reading::Lost;
        }
        let reading = state.read(now_ms, self.number.is_some(), each);
        if state.is_line {
            // Somebody may wait for room.
            self.heard.notify_all();
        }
        reading
    }
}
