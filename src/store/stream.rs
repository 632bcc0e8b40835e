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

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use super::farewell::{Farewell, Parting};
use super::nudge::Reader;
use crate::limits;

use allowance::Allowance;
pub(crate) use questions::{Reply, Silence};

mod allowance;
mod questions;
#[cfg(test)]
mod tests;

/// What an event is, and so what may become of it when there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Progress of a call: the latest counts, and some a second are enough.
    Progress,
    /// A log line: dropped when there are too many.
    Log,
    /// A notice that something changed: one that waits already is not said twice.
    Notice,
    /// A request to the client: never dropped.
    Question,
    /// The response ends here, and the client comes back for the rest.
    HangUp,
    /// The last event: the answer.
    Answer {
        /// With status 400 where it is all there is.
        bad_request: bool,
    },
    /// The same, with status 404 where it is all there is: nobody has the method.
    Unknown,
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
        let state = State {
            events: VecDeque::new(),
            sent: 0,
            bytes: 0,
            next: 1,
            position: 0,
            bounds,
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
        Stream { number, cancelled, hushed, state, heard, parting }
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
        if !state.over {
            state.push(kind, data, self.number.is_some());
            state.tell();
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
        state.append(kind, answer);
        state.tell();
        true
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
            && matches!(state.events[0].kind, Kind::Answer { .. } | Kind::Unknown);
        lone.then(|| state.take_front()).flatten()
    }

    /// Whether there is something to read.
    pub(crate) fn has_unsent(&self) -> bool {
        let state = self.state.lock();
        state.sent < state.events.len()
    }

    /// Hands the unsent events to the connection, as long as `each` says that it has room.
    pub(crate) fn read(
        &self,
        attachment: u64,
        now_ms: u64,
        mut each: impl FnMut(&Event) -> bool,
    ) -> Reading {
        let mut state = self.state.lock();
        state.told = false;
        if state.cut || state.attachment != attachment || state.reader.is_none() {
            return Reading::Lost;
        }
        while let Some(event) = state.events.get(state.sent) {
            let kind = event.kind;
            if kind == Kind::Progress && !state.progress.take(now_ms) {
                let behind = state.events.range(state.sent + 1..);
                if behind.clone().any(|event| event.kind == Kind::Progress) {
                    // There is later progress, which says more.
                    state.drop_unsent(Kind::Progress, false);
                    continue;
                }
                if behind.len() == 0 {
                    // Told, as far as those who push are concerned: the reader comes by itself.
                    state.told = true;
                    return Reading::Later(state.progress.next_ms());
                }
            }
            if kind == Kind::HangUp {
                let at = state.sent;
                state.events.remove(at);
                state.reader = None;
                return Reading::HungUp;
            }
            let room = each(&state.events[state.sent]);
            state.position = state.events[state.sent].number;
            state.sent += 1;
            if self.number.is_none() {
                state.take_front();
            }
            if !room && state.sent < state.events.len() {
                state.told = true;
                return Reading::Full;
            }
        }
        if state.over { Reading::Ended } else { Reading::Waiting }
    }
}

impl State {
    fn tell(&mut self) {
        if !self.told
            && let Some(reader) = &self.reader
        {
            self.told = true;
            reader.tell();
        }
    }

    fn push(&mut self, kind: Kind, data: Vec<u8>, keeps: bool) {
        let mut unsent = self.events.range(self.sent..);
        match kind {
            Kind::Notice if unsent.any(|event| event.data == data) => return,
            Kind::Progress
                if unsent.filter(|event| event.kind == Kind::Progress).count()
                    >= limits::PROGRESS_UNSENT_MAX =>
            {
                self.drop_unsent(Kind::Progress, true);
            }
            _ => {}
        }
        self.append(kind, data);
        while self.events.len() > self.bounds.events || self.bytes > self.bounds.bytes {
            if self.sent > 0 {
                self.take_front();
            } else if !self.drop_unsent(Kind::Progress, false)
                && !self.drop_unsent(Kind::Log, false)
            {
                // Nothing of little worth is left: the client is to come back for what is kept,
                // which it can only within a session.
                self.cut = true;
                if !keeps {
                    self.events.clear();
                    self.bytes = 0;
                    self.over = true;
                    break;
                }
                self.take_front();
            }
        }
    }

    fn append(&mut self, kind: Kind, data: Vec<u8>) {
        self.bytes += data.len();
        self.events.push_back(Event { number: self.next, kind, data });
        self.next += 1;
    }

    fn take_front(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.sent = self.sent.saturating_sub(1);
        self.bytes -= event.data.len();
        Some(event)
    }

    /// Drops the oldest or the newest unsent event of a kind, if there is one.
    fn drop_unsent(&mut self, kind: Kind, newest: bool) -> bool {
        let mut of_kind = (self.sent..self.events.len()).filter(|at| self.events[*at].kind == kind);
        let at = if newest { of_kind.next_back() } else { of_kind.next() };
        let Some(event) = at.and_then(|at| self.events.remove(at)) else { return false };
        self.bytes -= event.data.len();
        true
    }
}
