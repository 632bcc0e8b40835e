//! What all threads of a server share, in one place; and the way of a notice to whom it concerns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use slab::Slab;

use super::live::LiveStreamLimits;
use super::load::Load;
use super::overdue::Overdue;
use super::seal::Seal;
use super::seconds;
use super::session::Session;
use super::sessions::{SessionLimits, Sessions};
use super::shares::Shares;
use super::stream::{Bounds, Kind, Stream};
use super::tasks::{Owner, Task, Tasks};
use super::usage::Usage;
use crate::observe::Ledger;
use crate::{json, limits, rpc, sys};

/// What time it is, for those who cannot be told.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Milliseconds since 1970.
    pub(crate) unix_ms: fn() -> u64,
    /// The same in nanoseconds.
    pub(crate) unix_ns: fn() -> u64,
    /// Milliseconds since some moment; never goes back.
    pub(crate) steady_ms: fn() -> u64,
    /// The same in nanoseconds.
    pub(crate) steady_ns: fn() -> u64,
}

/// What bounds streams and those who wait on them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamLimits {
    pub(crate) bounds: Bounds,
    /// A stream that can be resumed ends after so long.
    pub(crate) age_max: Duration,
    /// How long a call waits for its client's answer to a question.
    pub(crate) answer_timeout: Duration,
}

/// What all threads of a server share.
pub(crate) struct Hub {
    pub(crate) sessions: Sessions,
    /// Those of clients with one channel for everything: HTTP+SSE, stdio.
    pub(crate) lines: Sessions,
    pub(crate) tasks: Tasks,
    pub(crate) seal: Seal,
    pub(crate) streams: LiveStreamLimits,
    pub(crate) clock: Clock,
    /// When the server was made, in milliseconds since 1970.
    pub(crate) started_ms: u64,
    pub(crate) relief: Relief,
    pub(crate) load: Load,
    pub(crate) overdue: Overdue,
    pub(crate) shares: Shares,
    /// What is known of what the server did.
    pub(crate) ledger: Arc<Ledger>,
    /// Who still uses HTTP+SSE.
    pub(crate) usage: Usage,
    listeners: Mutex<Slab<Arc<Listener>>>,
    /// When what is too old is looked for next.
    sweep_at_ms: AtomicU64,
    /// Sessions forgotten since memory was last given back.
    forgotten: AtomicUsize,
    /// A stop has begun: no longer ready, though all is served for a while yet.
    draining: AtomicBool,
    closing: AtomicBool,
}

/// Somebody who listens to notices (2026-07-28, `subscriptions/listen`).
pub(crate) struct Listener {
    pub(crate) filter: Filter,
    /// Whose tasks it may hear of.
    pub(crate) owner: Owner,
    /// The id of the request that opened it, as JSON: the id of the subscription.
    pub(crate) id: Box<[u8]>,
    pub(crate) stream: Arc<Stream>,
}

/// What a listener wants to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) tools: bool,
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
    pub(crate) uris: Vec<Box<str>>,
    pub(crate) tasks: Vec<Box<str>>,
}

/// Something changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Notice<'n> {
    Tools,
    Prompts,
    Resources,
    /// The resource of this URI.
    Resource(&'n str),
}

impl Notice<'_> {
    fn method(self) -> &'static str {
        match self {
            Notice::Tools => "notifications/tools/list_changed",
            Notice::Prompts => "notifications/prompts/list_changed",
            Notice::Resources => "notifications/resources/list_changed",
            Notice::Resource(_) => "notifications/resources/updated",
        }
    }

    /// The message; with the id of the subscription it belongs to, where there is one.
    fn message(self, subscription: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        rpc::begin_notification(&mut out, self.method());
        out.push(b'{');
        if let Some(id) = subscription {
            write_subscription(&mut out, id);
        }
        if let Notice::Resource(uri) = self {
            if subscription.is_some() {
                out.push(b',');
            }
            out.extend_from_slice(br#""uri":"#);
            json::write_string(&mut out, uri);
        }
        out.extend_from_slice(b"}}");
        out
    }
}

/// `"_meta":{"io.modelcontextprotocol/subscriptionId":…}`.
pub(crate) fn write_subscription(out: &mut Vec<u8>, id: &[u8]) {
    out.extend_from_slice(br#""_meta":{"io.modelcontextprotocol/subscriptionId":"#);
    out.extend_from_slice(id);
    out.push(b'}');
}

impl Filter {
    fn wants(&self, notice: Notice<'_>) -> bool {
        match notice {
            Notice::Tools => self.tools,
            Notice::Prompts => self.prompts,
            Notice::Resources => self.resources,
            Notice::Resource(uri) => self.uris.iter().any(|other| **other == *uri),
        }
    }
}

impl Hub {
    pub(crate) fn new(
        sessions: Sessions,
        lines: Sessions,
        seal: Seal,
        streams: StreamLimits,
        (load, overdue, shares): (Load, Overdue, Shares),
        clock: Clock,
        ledger: Arc<Ledger>,
    ) -> Hub {
        let (tasks, relief) = (Tasks::default(), Relief::default());
        let (listeners, forgotten) = (Mutex::default(), AtomicUsize::new(0));
        let sweep_at_ms = AtomicU64::new(0);
        let closing = AtomicBool::new(false);
        Hub {
            sessions,
            lines,
            tasks,
            seal,
            streams: LiveStreamLimits::new(streams),
            clock,
            started_ms: (clock.unix_ms)(),
            relief,
            load,
            overdue,
            shares,
            ledger,
            usage: Usage::default(),
            listeners,
            sweep_at_ms,
            forgotten,
            draining: AtomicBool::new(false),
            closing,
        }
    }

    /// A stop has begun. Said before anything else, so that who balances load looks elsewhere.
    pub(crate) fn begin_to_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether a stop has begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Takes in a listener; its place is given back with [`Hub::leave`].
    pub(crate) fn listen(&self, listener: Arc<Listener>) -> usize {
        self.listeners.lock().insert(listener)
    }

    pub(crate) fn leave(&self, place: usize) {
        self.listeners.lock().remove(place);
    }

    /// Sends a notice to everybody whom it concerns.
    pub(crate) fn notify(&self, notice: Notice<'_>) {
        for listener in self.listeners_of(|listener| listener.filter.wants(notice)) {
            listener.stream.push(Kind::Notice, notice.message(Some(&listener.id)));
        }
        let message = notice.message(None);
        let sessions = self.sessions.with_events().into_iter().chain(self.lines.with_events());
        for session in sessions {
            if let Some(stream) = session.events().filter(|_| concerns(notice, &session)) {
                stream.push(Kind::Notice, message.clone());
            }
        }
    }

    /// The stream on which a session hears of what is not about its requests.
    pub(crate) fn open_events(&self, session: &Arc<Session>) -> Arc<Stream> {
        self.sessions.open_events(session, self.streams.bounds())
    }

    /// Ends a session of either kind.
    pub(crate) fn end(&self, session: &Session) {
        match session.line {
            None => self.sessions.end(session),
            Some(_) => self.lines.end(session),
        }
    }

    /// Tells those who listen for this task how it stands.
    pub(crate) fn announce(&self, task: &Task) {
        let wants = |listener: &Listener| {
            listener.owner == task.owner && listener.filter.tasks.contains(&task.id)
        };
        task.announce(|members| {
            for listener in self.listeners_of(wants) {
                let mut out = Vec::new();
                rpc::begin_notification(&mut out, "notifications/tasks");
                out.push(b'{');
                write_subscription(&mut out, &listener.id);
                out.push(b',');
                out.extend_from_slice(members);
                out.extend_from_slice(b"}}");
                listener.stream.push(Kind::Notice, out);
            }
        });
    }

    fn listeners_of(&self, wanted: impl Fn(&Listener) -> bool) -> Vec<Arc<Listener>> {
        let listeners = self.listeners.lock();
        let all = listeners.iter().map(|(_, listener)| listener);
        all.filter(|listener| wanted(listener)).cloned().collect()
    }

    /// Forgets what is too old, if it is time. To be called every [`Hub::sweep_interval`] by
    /// whoever is awake; one of them does it.
    pub(crate) fn sweep(&self, now_ms: u64) {
        let due_ms = self.sweep_at_ms.load(Ordering::Relaxed);
        let next_ms = now_ms + self.sweep_interval().as_millis() as u64;
        let (ok, other) = (Ordering::Relaxed, Ordering::Relaxed);
        if now_ms < due_ms || self.sweep_at_ms.compare_exchange(due_ms, next_ms, ok, other).is_err()
        {
            return;
        }
        let now_s = self.now_s();
        let lines = limits::TRIM_LINE_WEIGHT * self.lines.sweep(now_s);
        let forgotten = self.sessions.sweep(now_s) + lines;
        self.tasks.sweep((self.clock.steady_ms)(), (self.clock.unix_ms)());
        if self.forgotten.fetch_add(forgotten, Ordering::Relaxed) + forgotten >= limits::TRIM_AFTER
        {
            self.forgotten.store(0, Ordering::Relaxed);
            sys::give_memory_back();
        }
    }

    /// Gives back to the system what was freed and is kept for later.
    pub(crate) fn give_memory_back(&self) {
        sys::give_memory_back();
    }

    /// How often what is too old is looked for.
    pub(crate) fn sweep_interval(&self) -> Duration {
        let SessionLimits { idle_s, replay_s, .. } = self.sessions.limits.all();
        let shortest = idle_s.min(replay_s).min(self.lines.limits.all().idle_s);
        Duration::from_secs(u64::from(shortest / 4))
            .clamp(limits::SWEEP_INTERVAL_MIN, limits::SWEEP_INTERVAL_MAX)
    }

    /// Whether there is anything that can become too old.
    pub(crate) fn needs_sweeping(&self) -> bool {
        self.sessions.count() + self.lines.count() + self.tasks.count() > 0
    }

    /// The server stops: nobody can come back for anything, or answer a question.
    pub(crate) fn begin_to_close(&self) {
        if !self.closing.swap(true, Ordering::Relaxed) {
            self.sessions.each(|session| session.hush());
            self.lines.each(|session| session.hush());
            self.tasks.hush();
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The server has ended: whoever still runs or waits for a client is told.
    pub(crate) fn close(&self) {
        self.relief.close();
        for table in [&self.sessions, &self.lines] {
            table.each(|session| table.end(session));
        }
        self.tasks.sweep(u64::MAX, (self.clock.unix_ms)());
    }

    /// The time of sessions.
    pub(crate) fn now_s(&self) -> u32 {
        seconds((self.clock.steady_ms)())
    }
}

fn concerns(notice: Notice<'_>, session: &Session) -> bool {
    match notice {
        Notice::Resource(uri) => session.is_subscribed(uri),
        // On a line, who has not begun with `initialize` asks for what it wants to hear.
        Notice::Tools | Notice::Prompts | Notice::Resources => session.client().is_some(),
    }
}

/// Replaces workers that wait for a client's answer, so that waiting costs nobody else a worker.
#[derive(Default)]
pub(crate) struct Relief {
    waiting: AtomicUsize,
    wanted: Mutex<Option<Sender<()>>>,
}

impl Relief {
    /// Where to ask for another worker from now on.
    pub(crate) fn ask_at(&self, wanted: Sender<()>) {
        *self.wanted.lock() = Some(wanted);
    }

    fn close(&self) {
        *self.wanted.lock() = None;
    }

    /// Has whoever replaces workers look at what there is to do, though nobody waits.
    pub(crate) fn look(&self) {
        if let Some(wanted) = &*self.wanted.lock() {
            // One who is wanted already looks anyway.
            let _ = wanted.try_send(());
        }
    }

    /// How many workers wait for clients.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Runs what may wait for a client; `None` when too many do.
    pub(crate) fn wait<T>(&self, wait: impl FnOnce() -> T) -> Option<T> {
        let _relieved = self.relieve()?;
        Some(wait())
    }

    /// Another worker takes the place of this one until what is given is dropped; `None` when too
    /// many are replaced.
    pub(crate) fn relieve(&self) -> Option<Relieved<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let relieved = Relieved(self);
        if before >= limits::WAITING_CALLS_MAX {
            return None;
        }
        self.look();
        Some(relieved)
    }
}

/// For as long as this lives, a worker is replaced.
pub(crate) struct Relieved<'r>(&'r Relief);

impl Drop for Relieved<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
