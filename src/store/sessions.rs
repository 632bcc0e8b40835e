//! All sessions of a server: found by any core, bounded in number, forgotten when nobody uses them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::live::LiveSessionLimits;
use super::random_id;
use super::session::{Begun, Session, SessionId};
use super::stream::{Bounds, Stream};
use crate::limits;
use crate::protocol::Principal;

#[cfg(test)]
mod tests;

/// What bounds the sessions of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimits {
    pub(crate) sessions_max: usize,
    pub(crate) per_principal_max: usize,
    /// How long one lives that nobody uses.
    pub(crate) idle_s: u32,
    /// How long a finished stream can be asked for again.
    pub(crate) replay_s: u32,
    /// How many bytes of finished streams one keeps.
    pub(crate) replay_bytes: usize,
}

/// The records of all sessions, in stripes with a lock each.
pub(crate) struct Sessions {
    stripes: Box<[Stripe]>,
    count: AtomicUsize,
    /// How many each principal has.
    principals: Mutex<HashMap<Arc<str>, usize>>,
    /// Those with a stream of their own, so that a notice looks at no others.
    with_events: Mutex<HashMap<SessionId, Arc<Session>, BuildHasherDefault<IsRandom>>>,
    pub(crate) limits: LiveSessionLimits,
}

#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    sessions: RwLock<HashMap<SessionId, Arc<Session>, BuildHasherDefault<IsRandom>>>,
}

/// Session ids are random already: their lower half is their hash.
#[derive(Default)]
struct IsRandom(u64);

impl Hasher for IsRandom {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Sessions {
    pub(crate) fn new(limits: SessionLimits) -> Sessions {
        let stripes = (0..limits::SESSION_STRIPES).map(|_| Stripe::default()).collect();
        let (principals, with_events) = (Mutex::default(), Mutex::default());
        let limits = LiveSessionLimits::new(limits);
        Sessions { stripes, count: AtomicUsize::new(0), principals, with_events, limits }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Begins a session; `None` when there are too many and none of them is idle, or the system has
    /// no random bits.
    pub(crate) fn begin(&self, begun: Begun, now_s: u32) -> Option<Arc<Session>> {
        let id = SessionId(random_id()?);
        if let Some(principal) = &begun.principal {
            let own = |session: &Session| session.principal.as_ref() == Some(principal);
            while self.of_principal(&principal.name) >= self.limits.all().per_principal_max {
                self.evict(id, own).then_some(())?;
            }
        }
        while self.count() >= self.limits.sessions_max() {
            self.evict(id, |_| true).then_some(())?;
        }
        if let Some(principal) = &begun.principal {
            *self.principals.lock().entry(principal.name.clone()).or_default() += 1;
        }
        let is_line = begun.line.is_some();
        let session = Arc::new(Session::new(id, begun, now_s));
        self.stripe(id).sessions.write().insert(id, session.clone());
        if is_line {
            self.with_events.lock().insert(id, session.clone());
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(session)
    }

    /// The session of this id, if it is there and is that of `principal`. Using it keeps it.
    pub(crate) fn find(
        &self,
        id: SessionId,
        principal: Option<&Principal>,
        now_s: u32,
    ) -> Option<Arc<Session>> {
        let sessions = self.stripe(id).sessions.read();
        let session = sessions.get(&id)?;
        if session.principal.as_deref() != principal || self.is_stale(session, now_s) {
            return None;
        }
        session.touch(now_s);
        Some(session.clone())
    }

    /// Ends a session, and all that is under way in it.
    pub(crate) fn end(&self, session: &Session) {
        if self.stripe(session.id).sessions.write().remove(&session.id).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
            if let Some(principal) = &session.principal {
                self.forget_one_of(&principal.name);
            }
        }
        session.end();
        self.with_events.lock().remove(&session.id);
    }

    /// The stream of a session that a GET opens, or a subscription.
    pub(super) fn open_events(&self, session: &Arc<Session>, bounds: Bounds) -> Arc<Stream> {
        let (stream, is_new) = session.open_events(bounds);
        if is_new {
            self.with_events.lock().insert(session.id, session.clone());
            // It may have ended meanwhile, on another core.
            if session.has_ended() {
                self.with_events.lock().remove(&session.id);
            }
        }
        stream
    }

    /// The sessions with such a stream.
    pub(super) fn with_events(&self) -> Vec<Arc<Session>> {
        self.with_events.lock().values().cloned().collect()
    }

    /// Calls `visit` with each session.
    pub(crate) fn each(&self, mut visit: impl FnMut(&Arc<Session>)) {
        for stripe in &self.stripes {
            // Visited without the lock: what is done to a session may take its time.
            let sessions: Vec<_> = stripe.sessions.read().values().cloned().collect();
            sessions.iter().for_each(&mut visit);
        }
    }

    /// Forgets sessions that nobody has used for `idle_s`, and what the others keep too long. Says
    /// how many it forgot.
    pub(crate) fn sweep(&self, now_s: u32) -> usize {
        let mut forgotten = 0;
        let SessionLimits { replay_s, replay_bytes, .. } = self.limits.all();
        for stripe in &self.stripes {
            let mut stale = Vec::new();
            for session in stripe.sessions.read().values() {
                session.tidy(now_s, replay_s, replay_bytes);
                match session.is_busy() {
                    true => session.touch(now_s),
                    false if self.is_stale(session, now_s) => stale.push(session.clone()),
                    false => {}
                }
            }
            stale.iter().for_each(|session| self.end(session));
            forgotten += stale.len();
            let mut sessions = stripe.sessions.write();
            if sessions.len() < sessions.capacity() / 4 {
                sessions.shrink_to_fit();
            }
        }
        forgotten
    }

    fn is_stale(&self, session: &Session, now_s: u32) -> bool {
        now_s.saturating_sub(session.used_s()) > self.limits.all().idle_s && !session.is_busy()
    }

    fn of_principal(&self, principal: &str) -> usize {
        self.principals.lock().get(principal).copied().unwrap_or_default()
    }

    fn forget_one_of(&self, principal: &Arc<str>) {
        let mut principals = self.principals.lock();
        if let Entry::Occupied(mut count) = principals.entry(principal.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Ends the session that was idle longest among some, of whole stripes from that of `near` on:
    /// a sample that is good enough, and no list that every use of a session would have to keep in
    /// order. Where there are few, it is all of them.
    fn evict(&self, near: SessionId, wanted: impl Fn(&Session) -> bool) -> bool {
        let first = self.index(near);
        let (mut oldest, mut seen): (Option<Arc<Session>>, usize) = (None, 0);
        for offset in 0..self.stripes.len() {
            let stripe = &self.stripes[(first + offset) % self.stripes.len()];
            for session in stripe.sessions.read().values() {
                if wanted(session) && !session.is_busy() {
                    seen += 1;
                    let used_s = oldest.as_ref().map_or(u32::MAX, |oldest| oldest.used_s());
                    if session.used_s() < used_s || oldest.is_none() {
                        oldest = Some(session.clone());
                    }
                }
            }
            if seen >= limits::EVICTION_SAMPLE {
                break;
            }
        }
        let Some(session) = oldest else { return false };
        tracing::debug!(session = ?session.id, "a session is ended to make room");
        self.end(&session);
        true
    }

    fn index(&self, id: SessionId) -> usize {
        (id.0 >> 64) as usize % self.stripes.len()
    }

    fn stripe(&self, id: SessionId) -> &Stripe {
        &self.stripes[self.index(id)]
    }
}
