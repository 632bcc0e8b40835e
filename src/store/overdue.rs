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
    timeout: Duration,
    calls: Mutex<BTreeMap<Due, Call>>,
    next: AtomicU64,
}

/// When a call's time is over, in milliseconds of the steady clock, and which call it is.
pub(crate) type Due = (u64, u64);

struct Call {
    stream: Arc<Stream>,
    /// The id of the request, as JSON; empty of a batch.
    request: Box<[u8]>,
}

impl Overdue {
    /// Zero is no bound.
    pub(crate) fn new(timeout: Duration) -> Overdue {
        Overdue { timeout, calls: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// A call is taken in. To be ended with what is given, if anything is.
    pub(crate) fn begin(&self, stream: &Arc<Stream>, request: &[u8], now_ms: u64) -> Option<Due> {
        if self.timeout.is_zero() {
            return None;
        }
        let due_ms = now_ms.saturating_add(self.timeout.as_millis() as u64);
        let due = (due_ms, self.next.fetch_add(1, Ordering::Relaxed));
        let call = Call { stream: stream.clone(), request: request.into() };
        self.calls.lock().insert(due, call);
        Some(due)
    }

    pub(crate) fn end(&self, due: Due) {
        self.calls.lock().remove(&due);
    }

    /// Ends those whose time is over. Says how long there is nothing to do, at most: `None` where
    /// calls have no time. Whoever sleeps for that long misses none, since all have as much.
    pub(crate) fn look(&self, now_ms: u64) -> Option<Duration> {
        if self.timeout.is_zero() {
            return None;
        }
        loop {
            let mut calls = self.calls.lock();
            let Some(first) = calls.first_entry() else { return Some(self.timeout) };
            let due_ms = first.key().0;
            if due_ms > now_ms {
                return Some(Duration::from_millis(due_ms - now_ms));
            }
            let call = first.remove();
            drop(calls);
            self.end_late(&call);
        }
    }

    fn end_late(&self, call: &Call) {
        let text = format!(
            "the call took longer than {:?} (call_timeout), and is not waited for any more",
            self.timeout
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
}
