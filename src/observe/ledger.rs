//! Where requests are entered when they have ended, and where all that is counted is found.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::counters::{Counter, Table};
use super::gauges::{Dependencies, Gauges};
use super::lines::{Entry, write_access, write_audit};
use super::observation::State;
use super::outcome::{Observed, Operations, Outcome};
use super::rules::{AccessLog, AuditArguments, AuditLog, Logs, WhenFull};

/// What time it is.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// Nanoseconds since some moment; never goes back.
    pub(crate) steady_ns: fn() -> u64,
    /// Nanoseconds since 1970.
    pub(crate) unix_ns: fn() -> u64,
    /// What the system says of the process.
    pub(crate) process: fn() -> Process,
}

/// What the system says of a process, where it does.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) open_files: Option<u64>,
}

/// All that a server knows of what it did.
pub(crate) struct Ledger {
    pub(crate) operations: Operations,
    /// One for each shard; the last one is for all other threads together.
    pub(crate) tables: Box<[Table]>,
    pub(crate) gauges: Gauges,
    pub(crate) dependencies: Dependencies,
    pub(crate) logs: Logs,
    /// Whether any log wants to be told of requests, or a collector of traces.
    pub(super) is_telling: bool,
    pub(crate) times: Times,
    /// Requests that went well and might be in the access log.
    sampled: AtomicU64,
    /// What session ids are hashed with: nobody else has it.
    salt: RandomState,
}

impl Ledger {
    /// Of a server of so many shards, whose workers have a queue of this length.
    pub(crate) fn new(
        operations: Operations,
        (shards, queue): (usize, usize),
        logs: Logs,
        times: Times,
    ) -> Ledger {
        let tables = (0..=shards).map(|_| Table::new(&operations)).collect();
        let is_telling = logs.access.is_some() || logs.audit.is_some() || logs.traces.is_some();
        Ledger {
            operations,
            tables,
            gauges: Gauges::new(queue),
            dependencies: Dependencies::default(),
            logs,
            is_telling,
            times,
            sampled: AtomicU64::new(0),
            salt: RandomState::new(),
        }
    }

    /// What an audit log says of arguments, where there is one.
    pub(crate) fn audits(&self) -> Option<AuditArguments> {
        self.logs.audit.as_ref().map(|audit| audit.arguments)
    }

    /// The table of the threads that are no shards.
    pub(crate) fn common(&self) -> &Table {
        &self.tables[self.tables.len() - 1]
    }

    /// A name for something that must not be told: always the same one while the server runs, and
    /// of no use to anybody.
    pub(crate) fn veiled(&self, secret: &[u8]) -> String {
        format!("{:016x}", self.salt.hash_one(secret))
    }

    /// The sum over all tables.
    pub(crate) fn sum(&self, field: impl Fn(&Table) -> &Counter) -> u64 {
        self.tables.iter().map(|table| field(table).get()).sum()
    }

    /// Enters a request that has ended.
    pub(super) fn enter(&self, began_ns: u64, state: &mut State) {
        let Some(observed) = state.observed else { return self.never_mind(state) };
        let now_ns = state.ended_ns.unwrap_or_else(self.times.steady_ns);
        let ns = now_ns.saturating_sub(began_ns);
        self.common().count(observed, ns);
        if !self.is_telling {
            return;
        }
        let since_ns = (self.times.steady_ns)().saturating_sub(now_ns);
        let unix_ns = (self.times.unix_ns)().saturating_sub(since_ns);
        let entry = Entry { ledger: self, unix_ns, ns, observed, state };
        if let Some(traces) = &self.logs.traces {
            traces.enter(&entry);
        }
        if let Some(access) = &self.logs.access
            && entry.state.is_exchange()
            && self.is_wanted(access, observed, ns)
        {
            access.lines.put(|| write_access(&entry, access.format));
        }
        if let Some(audit) = &self.logs.audit {
            self.audit(audit, &entry);
        }
    }

    /// A request of which nothing is known in the end: it was taken over by parts of it.
    fn never_mind(&self, state: &State) {
        if let (true, Some(audit)) = (state.audited, &self.logs.audit) {
            audit.lines.done(1);
        }
    }

    /// Calls of tools are audited, and who was not let in.
    fn audit(&self, audit: &AuditLog, entry: &Entry<'_>) {
        let Observed { operation, outcome, .. } = entry.observed;
        let is_denied = matches!(outcome, Outcome::Unauthorized | Outcome::Forbidden);
        let said = entry.state.message.as_ref().and_then(|said| said.tool.as_ref());
        let is_call = said.is_some() || self.operations.tool(operation).is_some();
        match (is_call || is_denied, entry.state.audited) {
            (true, true) => audit.lines.put_reserved(write_audit(entry)),
            (true, false) => audit.lines.put(|| write_audit(entry)),
            (false, true) => audit.lines.done(1),
            (false, false) => {}
        }
    }

    /// An act of an operator, for the audit log: a reload, say.
    #[allow(dead_code)] // for whoever reloads
    pub(crate) fn act(&self, action: &str, detail: &str) {
        if let Some(audit) = &self.logs.audit {
            let unix_ms = (self.times.unix_ns)() / 1_000_000;
            audit.lines.put(|| super::lines::write_act(unix_ms, action, detail));
        }
    }

    /// Whether the access log wants a request. What went wrong it always wants.
    fn is_wanted(&self, access: &AccessLog, observed: Observed, ns: u64) -> bool {
        if observed.outcome.error_type().is_some() {
            return true;
        }
        if ns < access.slow_only_ns {
            return false;
        }
        // Every so many, evenly: the whole part of the sum rises by one.
        let before = self.sampled.fetch_add(1, Ordering::Relaxed) % 1_000_000;
        let part = access.sample_millionths;
        (before + 1) * part / 1_000_000 > before * part / 1_000_000
    }
}

impl AuditLog {
    /// Whether a call may go on that there is no room for.
    pub(super) fn may_go_on(&self) -> bool {
        self.when_full == WhenFull::Drop
    }
}

impl State {
    /// Whether it is an exchange of HTTP, and not a part of one.
    fn is_exchange(&self) -> bool {
        self.observed.is_some_and(|observed| observed.status != 0)
    }
}
