//! What a thread that answers requests notes of the one it is at, and of those before it that it
//! has not counted yet.

use std::cell::Cell;
use std::sync::Arc;

use super::gauges::Gauges;
use super::ledger::Ledger;
use super::observation::Observation;
use super::outcome::{Observed, Operation, Outcome};

/// The notes of one thread.
///
/// A shard reads the clock when a batch of events has come, and again when all answers to it are
/// written. Each of these requests is counted with that time: reading it for each would cost more
/// than all the rest that is done here.
pub(crate) struct Watch {
    pub(crate) ledger: Arc<Ledger>,
    /// Which table of the ledger is this thread's.
    table: usize,
    /// When what is read now was there to be read.
    pub(crate) began_ns: u64,
    current: Cell<Observed>,
    /// Where somebody wants to be told of the request.
    observation: Cell<Option<Arc<Observation>>>,
    /// What ended last, and how many did so in a row since the last count.
    row: (Observed, u64),
    /// What ended before those.
    ended: Vec<(Observed, u64)>,
    /// The same, of those that somebody is told of.
    told: Vec<Arc<Observation>>,
    /// Bytes since the last count.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Watch {
    /// The notes of the shard of this index.
    pub(crate) fn new(ledger: Arc<Ledger>, table: usize) -> Watch {
        Watch {
            ledger,
            table,
            began_ns: 0,
            current: Cell::new(Observed::NOTHING),
            observation: Cell::new(None),
            row: (Observed::NOTHING, 0),
            ended: Vec::new(),
            bytes_in: 0,
            bytes_out: 0,
            told: Vec::new(),
        }
    }

    /// Whether somebody is to be told of requests, and not only their number.
    #[inline]
    pub(crate) fn is_telling(&self) -> bool {
        self.ledger.is_telling
    }

    /// A request begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.current.set(Observed::NOTHING);
        if self.is_telling() {
            self.observation.set(Some(Observation::new(&self.ledger, self.began_ns)));
        }
    }

    /// A request begins that nobody is to know of: who counts is not counted.
    #[cold]
    pub(crate) fn begin_unseen(&self) {
        self.observation.set(None);
        self.current.set(Observed { operation: Operation::UNSEEN, ..Observed::NOTHING });
    }

    /// What was asked, and what came of it.
    #[inline]
    pub(crate) fn note(&self, operation: Operation, outcome: Outcome) {
        self.current.set(Observed { operation, outcome, status: 0 });
    }

    /// The request was not answered as it might have been; it asked for `operation`, if it is not
    /// known for what.
    #[cold]
    pub(crate) fn failed(&self, operation: Operation, outcome: Outcome) {
        let mut observed = self.current.get();
        if observed.operation == Operation::NONE {
            observed.operation = operation;
        }
        self.current.set(Observed { outcome, ..observed });
    }

    /// The request is not answered here and now: whoever answers it holds this.
    #[cold]
    pub(crate) fn hand_over(&self) -> Arc<Observation> {
        let observation = self.observation.take();
        let observation =
            observation.unwrap_or_else(|| Observation::new(&self.ledger, self.began_ns));
        let Observed { operation, outcome, .. } = self.current.replace(Observed::NOTHING);
        if operation != Operation::NONE {
            observation.ended(operation, outcome);
        }
        observation
    }

    /// What the current request asks for goes on as a part of it; what is left is that it was
    /// answered.
    #[cold]
    pub(crate) fn part_over(&self) -> Arc<Observation> {
        let part = self.part();
        let Observed { operation, outcome, .. } = self.current.replace(Observed::NOTHING);
        part.ended(operation, outcome);
        part
    }

    /// A part of the current request that has an end of its own.
    #[cold]
    pub(crate) fn part(&self) -> Arc<Observation> {
        let Some(whole) = self.observation.take() else {
            return Observation::new(&self.ledger, self.began_ns);
        };
        let part = whole.part();
        self.observation.set(Some(whole));
        part
    }

    /// The observation of the current request, where there is one.
    pub(crate) fn tell(&self, tell: impl FnOnce(&Observation)) {
        if let Some(observation) = self.observation.take() {
            tell(&observation);
            self.observation.set(Some(observation));
        }
    }

    /// The response to the current request was written: all of `response`.
    ///
    /// Its status is read where it stands. So nobody who writes a response has to say so here, and
    /// nobody can forget to.
    #[inline(always)]
    pub(crate) fn written(&mut self, response: &[u8]) {
        let mut observed = self.current.get();
        observed.status = match response.get(9..13) {
            Some(b"200 ") => 200,
            _ => status_of(response, &mut observed.outcome, &self.ledger.gauges),
        };
        if self.is_telling() && self.tell_written(observed, response.len()) {
            return;
        }
        if self.row.0 == observed {
            self.row.1 += 1;
        } else {
            self.ended.push(std::mem::replace(&mut self.row, (observed, 1)));
        }
    }

    #[cold]
    fn tell_written(&mut self, observed: Observed, len: usize) -> bool {
        let Some(observation) = self.observation.take() else { return false };
        observation.close(observed, len as u64);
        self.told.push(observation);
        true
    }

    /// All that was written is on its way: counts what ended since the last time.
    #[inline]
    pub(crate) fn count(&mut self, clock: fn() -> u64) {
        let table = &self.ledger.tables[self.table];
        table.bytes_in.add_alone(std::mem::take(&mut self.bytes_in));
        table.bytes_out.add_alone(std::mem::take(&mut self.bytes_out));
        if self.row.1 > 0 {
            self.ended.push(self.row);
            self.row.1 = 0;
        }
        if self.ended.is_empty() && self.told.is_empty() {
            return;
        }
        let now_ns = clock();
        let each_ns = now_ns.saturating_sub(self.began_ns);
        for (observed, count) in self.ended.drain(..) {
            if observed.operation == Operation::UNSEEN || count == 0 {
                continue;
            }
            table.count_alone(observed, count, each_ns);
        }
        for observation in self.told.drain(..) {
            observation.ended_at(now_ns);
        }
    }
}

/// The status of a response that is not 200, from which there may be an outcome; and if it names a
/// limit that was met, that is counted.
#[cold]
pub(super) fn status_of(response: &[u8], outcome: &mut Outcome, gauges: &Gauges) -> u16 {
    let digits = response.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    let status = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
    if status >= 400 && *outcome == Outcome::Ok {
        *outcome = Outcome::of_status(status);
    }
    if matches!(status, 429 | 503)
        && let Some(limit) = limit_of(response)
    {
        gauges.limited.add(limit);
    }
    status
}

/// The name of the limit in an error body. Within a string of JSON these quotes would be escaped.
fn limit_of(response: &[u8]) -> Option<&str> {
    const KEY: &[u8] = br#""data":{"limit":""#;
    let at = response.windows(KEY.len()).position(|window| window == KEY)?;
    let name = response[at + KEY.len()..].split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(name).ok()
}
