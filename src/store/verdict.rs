//! A decision that is not there yet, and who waits for it: whoever decides wakes them all.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::Reader;
use crate::limits;

/// Something that is being found out elsewhere: whether a token is good, say, of which a shard
/// cannot wait to hear. Connections wait for it, and ask again when it is decided.
///
/// It says that there is an answer, and not which: whoever decides keeps that where it is asked
/// for.
pub struct Verdict {
    state: Mutex<State>,
    /// How many of those who have it may have left.
    doubtful: AtomicUsize,
}

enum State {
    Open(Vec<Reader>),
    Decided,
}

impl Verdict {
    /// One that is open.
    pub fn new() -> Verdict {
        Verdict { state: Mutex::new(State::Open(Vec::new())), doubtful: AtomicUsize::new(0) }
    }

    /// Somebody who waits for it may have left.
    pub(crate) fn doubt(&self) {
        self.doubtful.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody of whom that was said has it no more.
    pub(crate) fn forget_doubt(&self) {
        self.doubtful.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many of those who have it may have left.
    #[cfg(feature = "auth")]
    pub(crate) fn doubtful(&self) -> usize {
        self.doubtful.load(Ordering::Relaxed)
    }

    /// It is decided, for better or worse: whoever waits for it is woken. To be called when the
    /// answer is where they will look, from any thread; again does nothing.
    pub fn decide(&self) {
        let before = mem::replace(&mut *self.state.lock(), State::Decided);
        if let State::Open(readers) = before {
            readers.iter().for_each(Reader::tell);
        }
    }

    /// Whether it is decided.
    pub fn is_decided(&self) -> bool {
        matches!(*self.state.lock(), State::Decided)
    }

    /// Somebody waits for it from now on, and is told at once where it is decided already. `false`
    /// when too many do.
    pub(crate) fn wake(&self, reader: Reader) -> bool {
        let mut state = self.state.lock();
        match &mut *state {
            State::Open(readers) if readers.len() >= limits::VERDICT_READERS_MAX => return false,
            State::Open(readers) => readers.push(reader),
            State::Decided => {
                drop(state);
                reader.tell();
            }
        }
        true
    }
}

impl Default for Verdict {
    fn default() -> Self {
        Verdict::new()
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verdict {{ decided: {} }}", self.is_decided())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_told_once() {
        let verdict = Verdict::new();
        let (told, heard) = crossbeam_channel::unbounded();
        assert!(verdict.wake(Reader::thread(told.clone())));
        assert!(verdict.wake(Reader::thread(told.clone())));
        assert_eq!((heard.len(), verdict.is_decided()), (0, false));
        verdict.decide();
        verdict.decide();
        assert_eq!((heard.len(), verdict.is_decided()), (2, true));
        // Who comes late is not left to wait.
        assert!(verdict.wake(Reader::thread(told)));
        assert_eq!(heard.len(), 3);
    }

    #[test]
    fn not_everybody_may_wait() {
        let verdict = Verdict::new();
        for _ in 0..limits::VERDICT_READERS_MAX {
            assert!(verdict.wake(Reader::untold()));
        }
        assert!(!verdict.wake(Reader::untold()));
        verdict.decide();
        assert!(verdict.wake(Reader::untold()));
    }
}
