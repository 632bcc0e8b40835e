//! Calls that take too long: their clients are told so, and they are told that nobody waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::stream::Stream;
use crate::json;
use crate::rpc::{self, ErrorCode};

/// The calls under way that have a time, in the order in which it is over.
pub(crate) struct Overdue {
    /// Zero is no bound.
    timeout_ns: AtomicU64,
    calls: Mutex<BTreeMap<Due, Call>>,
    next: AtomicU64,
}

/// When a call's time is over, in milliseconds of the steady clock, and which call it is.
pub(crate) type Due = (u64, u64);

struct Call {
    stream: Arc<Stream>,
    /// The id of the request, as JSON; empty of a batch.
    request: Box<[u8]>,
    /// How long it had.
    timeout: Duration,
}

impl Overdue {
    /// Zero is no bound.
    pub(crate) fn new(timeout: Duration) -> Overdue {
        let overdue = Overdue {
            timeout_ns: AtomicU64::new(0),
            calls: Mutex::default(),
            next: AtomicU64::new(0),
        };
        overdue.set(timeout);
        overdue
    }

    /// Calls that begin from now on have so long; others what they had.
    pub(crate) fn set(&self, timeout: Duration) {
        let timeout_ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        self.timeout_ns.store(timeout_ns, Ordering::Relaxed);
    }

    fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout_ns.load(Ordering::Relaxed))
    }

    /// A call is taken in. To be ended with what is given, if anything is.
    pub(crate) fn begin(&self, stream: &Arc<Stream>, request: &[u8], now_ms: u64) -> Option<Due> {
        let timeout = self.timeout();
        if timeout.is_zero() {
            return None;
        }
        let due_ms = now_ms.saturating_add(timeout.as_millis() as u64);
        let due = (due_ms, self.next.fetch_add(1, Ordering::Relaxed));
        let call = Call { stream: stream.clone(), request: request.into(), timeout };
        self.calls.lock().insert(due, call);
        Some(due)
    }

    pub(crate) fn end(&self, due: Due) {
        self.calls.lock().remove(&due);
    }

    /// Ends those whose time is over. Says how long there is nothing to do, at most: `None` where
    /// no call has a time. Whoever sleeps for that long, and looks again when calls are given
    /// another time, misses none: those that begin have as much.
    pub(crate) fn look(&self, now_ms: u64) -> Option<Duration> {
        let timeout = Some(self.timeout()).filter(|timeout| !timeout.is_zero());
        loop {
            let mut calls = self.calls.lock();
            let Some(first) = calls.first_entry() else { return timeout };
            let due_ms = first.key().0;
            if due_ms > now_ms {
                let left = Duration::from_millis(due_ms - now_ms);
                return Some(timeout.map_or(left, |timeout| timeout.min(left)));
            }
            let call = first.remove();
            drop(calls);
            end_late(&call);
        }
    }
}

fn end_late(call: &Call) {
    let text = format!(
        "the call took longer than {:?} (call_timeout), and is not waited for any more",
        call.timeout
    );
    let id: &[u8] = if call.request.is_empty() { b"null" } else { &call.request };
    let mut out = Vec::new();
    rpc::write_error_raw(&mut out, id, |out| {
        rpc::write_error_object(out, ErrorCode::INTERNAL_ERROR, &text, |out| {
            out.extend_from_slice(br#"{"limit":"#);
            json::write_string(out, "call_timeout");
            out.push(b'}');
        });
    });
    // One that has become a task meanwhile has its answer.
    if call.stream.finish(out, false) {
        call.stream.give_up();
    }
}
