//! Who still uses what is on its way out, and how much: a count for each client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::limits;

/// What each client did, by the name and version it gives itself.
#[derive(Default)]
pub(crate) struct Usage {
    clients: Mutex<HashMap<Name, Arc<ClientUsage>>>,
}

#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    name: Box<str>,
    version: Box<str>,
}

/// What one client did.
#[derive(Debug, Default)]
pub(crate) struct ClientUsage {
    sessions: AtomicU64,
    messages: AtomicU64,
}

impl ClientUsage {
    pub(crate) fn count_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }
}

impl Usage {
    /// Counts a session of a client. Says whether it is the first one. Of too many clients, those
    /// that come last are counted together, without a name.
    pub(crate) fn begin(&self, name: &str, version: &str) -> (Arc<ClientUsage>, bool) {
        let mut clients = self.clients.lock();
        let mut key = Name { name: name.into(), version: version.into() };
        if clients.len() >= limits::CLIENTS_COUNTED_MAX && !clients.contains_key(&key) {
            key = Name::default();
        }
        let client = clients.entry(key).or_default().clone();
        let is_first = client.sessions.fetch_add(1, Ordering::Relaxed) == 0;
        (client, is_first)
    }

    /// Calls `visit` with each client's name and version, its sessions and its messages, in order.
    pub(crate) fn each(&self, mut visit: impl FnMut(&str, &str, u64, u64)) {
        let clients = self.clients.lock();
        let mut names: Vec<_> = clients.iter().collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        for (Name { name, version }, client) in names {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            visit(name, version, count(&client.sessions), count(&client.messages));
        }
    }
}
