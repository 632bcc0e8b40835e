//! Who still uses what is on its way out, and how much: a count for each client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::limits;

/// What each client did, by the name and version it gives itself.
#[derive(Default)]
pub(crate) struct Usage {
    clients: Mutex<HashMap<Name, Arc<ClientUsage>>>,
    /// How many of them were said to be new.
    told: AtomicUsize,
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

    fn add(&self, other: &ClientUsage) {
        self.sessions.fetch_add(other.sessions.load(Ordering::Relaxed), Ordering::Relaxed);
        self.messages.fetch_add(other.messages.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Usage {
    /// Counts a session of a client. Says whether it is the first one, but not of any number of
    /// clients, for names can be made up. Of too many clients, the one that came least makes room,
    /// and is counted with those without a name.
    pub(crate) fn begin(&self, name: &str, version: &str) -> (Arc<ClientUsage>, bool) {
        let mut clients = self.clients.lock();
        let key = Name { name: name.into(), version: version.into() };
        if clients.len() >= limits::CLIENTS_COUNTED_MAX && !clients.contains_key(&key) {
            let named = clients.iter().filter(|(name, _)| **name != Name::default());
            let least = named.min_by_key(|(_, client)| client.messages.load(Ordering::Relaxed));
            let least = least.map(|(Name { name, version }, _)| Name {
                name: name.clone(),
                version: version.clone(),
            });
            if let Some(gone) = least.and_then(|least| clients.remove(&least)) {
                let nameless = clients.entry(Name::default()).or_default();
                nameless.add(&gone);
            }
        }
        let client = clients.entry(key).or_default().clone();
        let is_first = client.sessions.fetch_add(1, Ordering::Relaxed) == 0;
        let may_be_told =
            || self.told.fetch_add(1, Ordering::Relaxed) < limits::CLIENTS_COUNTED_MAX;
        let is_new = is_first && may_be_told();
        (client, is_new)
    }

    /// Counts a message of a client that has not said who it is.
    pub(crate) fn count_nameless(&self) {
        self.clients.lock().entry(Name::default()).or_default().count_message();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_least_makes_room_and_nothing_is_lost() {
        let usage = Usage::default();
        let (often, is_first) = usage.begin("often", "1");
        assert!(is_first && !usage.begin("often", "1").1);
        often.count_message();
        let mut told = 1;
        for number in 0..3 * limits::CLIENTS_COUNTED_MAX {
            told += usize::from(usage.begin(&format!("made up {number}"), "1").1);
        }
        assert_eq!(told, limits::CLIENTS_COUNTED_MAX, "a log is not filled with made-up names");
        usage.count_nameless();
        let (mut clients, mut all_sessions, mut all_messages, mut is_here) = (0, 0, 0, false);
        usage.each(|name, _, sessions, messages| {
            clients += 1;
            all_sessions += sessions as usize;
            all_messages += messages;
            is_here |= name == "often";
        });
        assert!(is_here && clients <= limits::CLIENTS_COUNTED_MAX + 1, "{clients}");
        assert_eq!((all_sessions, all_messages), (3 * limits::CLIENTS_COUNTED_MAX + 2, 2));
    }
}
