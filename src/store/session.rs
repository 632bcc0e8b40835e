//! A session: what `initialize` agreed with one client, and what is under way for it
//! (2025-11-25, transports, "Session Management").

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::farewell::{Farewell, Parting};
use super::stream::{Bounds, Stream};
use super::usage::ClientUsage;
use crate::limits;
use crate::protocol::{Capabilities, LogLevel, Principal, ProtocolVersion};

/// The name of a session: 128 bits from the system's random source, in 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(pub(super) u128);

impl SessionId {
    /// Reads an id as it was given out; nothing else is one.
    pub(crate) fn read(text: &[u8]) -> Option<SessionId> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.iter().all(is_digit) {
            return None;
        }
        u128::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok().map(SessionId)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Shortened, so that no log gives a session away.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}…", self.0 >> 96)
    }
}

/// What a client says of itself with `initialize`.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) version: ProtocolVersion,
    pub(crate) capabilities: Capabilities,
    /// `clientInfo`: its name and its version.
    pub(crate) name: Box<str>,
    pub(crate) release: Box<str>,
}

/// What a session begins with.
pub(crate) struct Begun {
    pub(crate) principal: Option<Arc<Principal>>,
    /// What `initialize` said, where that is how it begins.
    pub(crate) client: Option<Client>,
    /// The channel it is about, where it is about one.
    pub(crate) line: Option<Arc<Line>>,
}

/// A client's one channel for everything it is told.
pub(crate) struct Line {
    pub(crate) stream: Arc<Stream>,
    /// What the client does here is counted, where somebody wants to know.
    pub(crate) usage: OnceLock<Arc<ClientUsage>>,
    /// Until when what its client has shown since it was opened holds, in seconds since 1970.
    pub(crate) renewed_until_s: AtomicU64,
}

impl Line {
    pub(crate) fn new(stream: Stream) -> Arc<Line> {
        let (stream, renewed_until_s) = (Arc::new(stream), AtomicU64::new(0));
        Arc::new(Line { stream, usage: OnceLock::new(), renewed_until_s })
    }
}

/// One session.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// Who was authenticated, if anybody was.
    pub(crate) principal: Option<Arc<Principal>>,
    /// Set by `initialize`, with which a session begins, or which comes first on a line.
    client: OnceLock<Client>,
    /// Where the client has one channel for everything: that, and what is counted there.
    pub(crate) line: Option<Arc<Line>>,
    /// When it was last used, in seconds of the store's clock.
    used_s: AtomicU32,
    began_s: u32,
    log_level: AtomicU8,
    /// Functions that wait for the client's answers.
    waiting: AtomicU32,
    /// The application has yet to look at the client's roots.
    roots_are_new: AtomicBool,
    state: Mutex<State>,
    /// Who is told when it ends.
    parting: Parting,
}

/// A place among those who wait for a client's answers.
pub(crate) struct Waiting(Arc<Session>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct State {
    /// The last number given to a stream.
    numbers: u32,
    /// The stream of the GET, once there was one, or a subscription.
    events: Option<Arc<Stream>>,
    calls: Vec<Under>,
    subscriptions: Vec<Box<str>>,
    /// It has ended, though somebody who found it before may still hold it.
    ended: bool,
}

/// A request under way, or one whose stream is kept for a while.
struct Under {
    /// The id of the request, as JSON.
    request: Box<[u8]>,
    stream: Arc<Stream>,
    /// When its stream was over, in seconds.
    over_s: Option<u32>,
}

/// So many streams that are kept are looked through for each new one.
const KEPT_FEW: usize = 16;

/// The number of the stream that a GET opens.
pub(crate) const EVENTS: u32 = 0;

impl Session {
    pub(super) fn new(id: SessionId, begun: Begun, now_s: u32) -> Session {
        let Begun { principal, client, line } = begun;
        let events = line.as_ref().map(|line| line.stream.clone());
        Session {
            id,
            principal,
            client: client.map_or_else(OnceLock::new, OnceLock::from),
            line,
            used_s: AtomicU32::new(now_s),
            began_s: now_s,
            log_level: AtomicU8::new(LogLevel::Debug as u8),
            waiting: AtomicU32::new(0),
            roots_are_new: AtomicBool::new(false),
            state: Mutex::new(State { events, ..State::default() }),
            parting: Parting::default(),
        }
    }

    pub(super) fn touch(&self, now_s: u32) {
        self.used_s.fetch_max(now_s, Ordering::Relaxed);
    }

    /// The time from its beginning to its last use.
    pub(super) fn lasted_s(&self) -> u32 {
        self.used_s().saturating_sub(self.began_s)
    }

    pub(super) fn used_s(&self) -> u32 {
        self.used_s.load(Ordering::Relaxed)
    }

    /// What the client said of itself, once it has.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.client.get()
    }

    /// The revision that was agreed; the oldest, until it is.
    pub(crate) fn version(&self) -> ProtocolVersion {
        self.client().map_or(ProtocolVersion::V2024_11_05, |client| client.version)
    }

    /// Keeps what the client says of itself. Says whether it is the first time.
    pub(crate) fn agree(&self, client: Client) -> bool {
        self.client.set(client).is_ok()
    }

    /// Log lines below this level are not sent; all are until the client says otherwise.
    pub(crate) fn log_level(&self) -> LogLevel {
        LogLevel::ALL[usize::from(self.log_level.load(Ordering::Relaxed))]
    }

    pub(crate) fn set_log_level(&self, level: LogLevel) {
        self.log_level.store(level as u8, Ordering::Relaxed);
    }

    /// A stream for the answer to the request of this id (as JSON); `None` when too many are under
    /// way. What is over and kept makes room.
    pub(crate) fn begin(
        &self,
        request: &[u8],
        bounds: Bounds,
        replay_bytes: usize,
    ) -> Option<Arc<Stream>> {
        let mut state = self.state.lock();
        if self.line.is_some() {
            // What they had to say is on the line.
            state.calls.retain(|call| !call.stream.is_over());
        }
        // Many are looked through now and then only, and make room for many.
        let full = state.calls.len() >= limits::SESSION_CALLS_MAX;
        if full || state.calls.len() < KEPT_FEW || state.numbers.is_multiple_of(KEPT_FEW as u32) {
            let count = if full { limits::SESSION_CALLS_MAX / 4 * 3 } else { usize::MAX };
            state.keep_at_most(count, replay_bytes);
        }
        if state.calls.len() >= limits::SESSION_CALLS_MAX {
            return None;
        }
        state.numbers += 1;
        let stream = Arc::new(match &self.line {
            None => Stream::numbered(Some(state.numbers), bounds),
            Some(line) => Stream::into_line(state.numbers, line.stream.clone(), bounds),
        });
        let is_short = request.len() <= limits::CANCELLABLE_ID_BYTES_MAX;
        let request = if is_short { request.into() } else { Box::default() };
        if state.ended {
            stream.cancel();
        } else {
            state.calls.push(Under { request, stream: stream.clone(), over_s: None });
        }
        Some(stream)
    }

    /// Forgets a stream: its answer was given whole, so that nobody will ask for it again.
    pub(crate) fn forget(&self, stream: &Arc<Stream>) {
        let mut state = self.state.lock();
        state.calls.retain(|call| !Arc::ptr_eq(&call.stream, stream));
        if state.calls.is_empty() {
            state.calls.shrink_to(0);
        }
    }

    /// The stream of a request that is under way, by the request's id (as JSON).
    pub(crate) fn under_way(&self, request: &[u8]) -> Option<Arc<Stream>> {
        let state = self.state.lock();
        let mut calls = state.calls.iter().rev();
        let call = calls.find(|call| *call.request == *request && call.over_s.is_none())?;
        Some(call.stream.clone())
    }

    /// A stream by its number.
    pub(crate) fn stream(&self, number: u32) -> Option<Arc<Stream>> {
        let state = self.state.lock();
        if number == EVENTS {
            return state.events.clone();
        }
        let mut calls = state.calls.iter();
        calls.find(|call| call.stream.number() == Some(number)).map(|call| call.stream.clone())
    }

    /// The stream of the GET, which begins with the first one. Says whether it was this one.
    pub(super) fn open_events(&self, bounds: Bounds) -> (Arc<Stream>, bool) {
        let mut state = self.state.lock();
        let is_new = state.events.is_none();
        let fresh = || Arc::new(Stream::numbered(Some(EVENTS), bounds));
        let stream = state.events.get_or_insert_with(fresh).clone();
        if state.ended {
            stream.cancel();
        }
        (stream, is_new)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// The stream of the GET, if there ever was one.
    pub(crate) fn events(&self) -> Option<Arc<Stream>> {
        self.state.lock().events.clone()
    }

    /// Subscribes to a resource. Says whether there was room.
    pub(crate) fn subscribe(&self, uri: &str) -> bool {
        let mut state = self.state.lock();
        if state.subscriptions.iter().any(|other| **other == *uri) {
            return true;
        }
        let bytes: usize = state.subscriptions.iter().map(|uri| uri.len()).sum();
        let room = state.subscriptions.len() < limits::SUBSCRIPTIONS_MAX
            && bytes + uri.len() <= limits::SESSION_SUBSCRIPTION_BYTES_MAX;
        if room {
            state.subscriptions.push(uri.into());
        }
        room
    }

    pub(crate) fn unsubscribe(&self, uri: &str) {
        self.state.lock().subscriptions.retain(|other| **other != *uri);
    }

    pub(crate) fn is_subscribed(&self, uri: &str) -> bool {
        self.state.lock().subscriptions.iter().any(|other| **other == *uri)
    }

    /// Whether a client waits for something, or a call is under way.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state.lock();
        state.events.as_ref().is_some_and(|stream| stream.is_read())
            || state.calls.iter().any(|call| !call.is_left())
    }

    /// Whether a call is under way.
    pub(crate) fn is_at_work(&self) -> bool {
        self.state.lock().calls.iter().any(|call| !call.stream.is_over())
    }

    /// Forgets streams that have been over for `window_s`, and the oldest of those that are over
    /// where all together hold more than a session may keep.
    pub(super) fn tidy(&self, now_s: u32, window_s: u32, bytes_max: usize) {
        let mut state = self.state.lock();
        for call in &mut state.calls {
            if call.over_s.is_none() && call.is_left() {
                call.over_s = Some(now_s);
            }
        }
        let fresh = |over_s: u32| now_s.saturating_sub(over_s) <= window_s;
        state.calls.retain(|call| call.over_s.is_none_or(fresh));
        state.keep_at_most(limits::SESSION_CALLS_MAX, bytes_max);
    }

    /// Takes one of the places of those who wait for the client's answers, if one is left.
    pub(crate) fn wait_here(self: &Arc<Self>) -> Option<Waiting> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(self.clone());
        (before < limits::SESSION_WAITING_MAX).then_some(waiting)
    }

    /// The client's roots changed. Says whether the application was not about to look at them
    /// anyway.
    pub(crate) fn roots_changed(&self) -> bool {
        !self.roots_are_new.swap(true, Ordering::Relaxed)
    }

    /// The application looks at the client's roots now, or cannot.
    pub(crate) fn roots_seen(&self) {
        self.roots_are_new.store(false, Ordering::Relaxed);
    }

    /// Nobody will answer questions any more.
    pub(super) fn hush(&self) {
        let state = self.state.lock();
        let calls = state.calls.iter().map(|call| &call.stream);
        calls.chain(&state.events).for_each(|stream| stream.hush());
    }

    /// Ends all that is under way.
    pub(super) fn end(&self) {
        let over = State { ended: true, ..State::default() };
        let state = std::mem::replace(&mut *self.state.lock(), over);
        let calls = state.calls.into_iter().map(|call| call.stream);
        for stream in calls.chain(state.events) {
            stream.cancel();
        }
        self.parting.say();
    }

    /// Tells somebody when it ends; perhaps more than once.
    pub(crate) fn on_end(&self, farewell: Farewell) {
        self.parting.promise(farewell, || self.has_ended());
    }

    /// The name it has for whoever is told of its end.
    pub(crate) fn name(&self) -> Option<u64> {
        self.parting.name()
    }
}

impl Under {
    /// Nothing more comes on it, and nobody reads it: it is there for whoever comes back.
    fn is_left(&self) -> bool {
        self.over_s.is_some() || self.stream.is_over() && !self.stream.is_read()
    }
}

impl State {
    /// Forgets the oldest streams that are only kept, until there are at most so many streams and
    /// those that are kept hold at most so many bytes.
    fn keep_at_most(&mut self, count: usize, bytes: usize) {
        let mut excess = self.calls.len().saturating_sub(count);
        let left = self.calls.iter().filter(|call| call.is_left());
        let mut kept: usize = left.map(|call| call.stream.bytes()).sum();
        if excess == 0 && kept <= bytes {
            return;
        }
        self.calls.retain(|call| {
            let forget = call.is_left() && (excess > 0 || kept > bytes);
            if forget {
                excess = excess.saturating_sub(1);
                kept -= call.stream.bytes();
            }
            !forget
        });
    }
}
