//! Tokens that were checked, so that the next request with one costs a look.
//!
//! A look takes no lock and writes to nothing that shards share but the count of the principal:
//! places are found by a keyed hash, and what is there is compared as a whole.
//!
//! How long the comparison takes says nothing to who guesses tokens: it only begins where 64 bits
//! of a hash agree whose key nobody knows, so a token would have to be guessed before.
//!
//! What is good and what is bad are apart, so that no flood of bad tokens displaces a good one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use super::Checked;
use super::reason::Reason;
use crate::config::tokens::TokenConfig;
use crate::limits;
use crate::protocol::Principal;

/// What is known of a token.
#[derive(Debug, Clone)]
pub enum Answer {
    Yes(Arc<Principal>),
    No(Reason),
    /// Its issuer could not be asked.
    Busy,
}

impl From<Answer> for Checked {
    #[inline]
    fn from(answer: Answer) -> Checked {
        match answer {
            Answer::Yes(principal) => Checked::Yes(principal),
            Answer::No(reason) => Checked::No(reason),
            Answer::Busy => Checked::Busy(super::UNREACHABLE),
        }
    }
}

/// What is remembered of tokens.
pub struct Cache {
    key: RandomState,
    good: Table,
    bad: Table,
    /// Counts changes of keys: what was found out before one is forgotten.
    generation: Arc<AtomicU64>,
    /// The latest time that was asked for, in seconds since 1970.
    latest_s: AtomicU64,
}

impl Cache {
    pub fn new(config: &TokenConfig, generation: Arc<AtomicU64>) -> Cache {
        let (entries, bytes) = (config.cache_entries_max, config.cache_bytes_max);
        // Bad tokens are remembered for seconds, so fewer places do.
        let (good, bad) = (Table::new(entries, bytes), Table::new(entries / 4, bytes / 4));
        Cache { key: RandomState::new(), good, bad, generation, latest_s: AtomicU64::new(0) }
    }

    /// To be asked for before a token is looked into.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What is known of a token at this time.
    #[inline]
    pub fn find(&self, token: &str, unix_s: u64) -> Option<Answer> {
        if unix_s != self.latest_s.load(Ordering::Relaxed) {
            self.look_at_clock(unix_s);
        }
        let (tag, generation) = (self.tag(token), self.generation());
        let found = self.good.find(tag, token, unix_s, generation);
        found.or_else(|| self.bad.find(tag, token, unix_s, generation))
    }

    /// Time goes on. Where the clock was set back, what was to be kept until a time would be kept
    /// for longer, and all is forgotten.
    #[cold]
    fn look_at_clock(&self, unix_s: u64) {
        let latest_s = self.latest_s.load(Ordering::Relaxed);
        let is_set_back = latest_s > unix_s.saturating_add(limits::CLOCK_STEP_S);
        if is_set_back {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        if is_set_back || unix_s > latest_s {
            self.latest_s.store(unix_s, Ordering::Relaxed);
        }
    }

    /// Keeps what was found out about a token until a time.
    pub fn remember(&self, token: &str, answer: Answer, until_s: u64, generation: u64) {
        let table = if matches!(answer, Answer::Yes(_)) { &self.good } else { &self.bad };
        let tag = self.tag(token);
        table.keep(tag, Entry { token: token.into(), answer, until_s, generation });
    }

    /// A hash of the end of a token: in a JWT that is the signature, which nobody chooses. Who
    /// sends many tokens with the same end gets all of them into the same few places.
    #[inline]
    fn tag(&self, token: &str) -> u64 {
        let token = token.as_bytes();
        let tail = &token[token.len().saturating_sub(limits::TOKEN_CACHE_TAIL)..];
        let mut hasher = self.key.build_hasher();
        hasher.write(tail);
        hasher.finish()
    }
}

/// Places in groups: a token may be in any place of its group.
struct Table {
    places: Box<[Place]>,
    bytes: AtomicUsize,
    bytes_max: usize,
    /// Where the next place is emptied when there are too many bytes.
    hand: AtomicUsize,
}

#[derive(Default)]
struct Place {
    /// The hash of what is there, so that other places need not be looked into.
    tag: AtomicU64,
    entry: ArcSwapOption<Entry>,
}

struct Entry {
    token: Box<str>,
    answer: Answer,
    until_s: u64,
    generation: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.token.len() + limits::TOKEN_CACHE_OVERHEAD
    }
}

impl Table {
    fn new(entries_max: usize, bytes_max: usize) -> Table {
        let groups = (entries_max / limits::TOKEN_CACHE_WAYS).max(1);
        // A power of two, not above what was asked for.
        let groups = 1 << groups.ilog2();
        let places = (0..groups * limits::TOKEN_CACHE_WAYS).map(|_| Place::default()).collect();
        let (bytes, hand) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Table { places, bytes, bytes_max, hand }
    }

    #[inline]
    fn group(&self, tag: u64) -> &[Place] {
        let groups = self.places.len() / limits::TOKEN_CACHE_WAYS;
        let first = (tag as usize & (groups - 1)) * limits::TOKEN_CACHE_WAYS;
        &self.places[first..first + limits::TOKEN_CACHE_WAYS]
    }

    #[inline]
    fn find(&self, tag: u64, token: &str, unix_s: u64, generation: u64) -> Option<Answer> {
        for place in self.group(tag) {
            if place.tag.load(Ordering::Relaxed) != tag {
                continue;
            }
            if let Some(entry) = &*place.entry.load()
                && entry.until_s > unix_s
                && entry.generation == generation
                && *entry.token == *token
            {
                return Some(entry.answer.clone());
            }
        }
        None
    }

    /// Two threads may keep something in the same place: then one of them is forgotten.
    fn keep(&self, tag: u64, entry: Entry) {
        let group = self.group(tag);
        let same = group.iter().find(|place| place.tag.load(Ordering::Relaxed) == tag);
        let place = same.unwrap_or_else(|| {
            // Whoever ends first goes; an empty place has ended, and so has what no longer counts.
            let end = |place: &&Place| match &*place.entry.load() {
                Some(old) if old.generation == entry.generation => old.until_s,
                _ => 0,
            };
            group.iter().min_by_key(end).unwrap_or(&group[0])
        });
        self.bytes.fetch_add(entry.bytes(), Ordering::Relaxed);
        place.tag.store(tag, Ordering::Relaxed);
        self.forget(place.entry.swap(Some(Arc::new(entry))));
        for _ in 0..self.places.len() {
            if self.bytes.load(Ordering::Relaxed) <= self.bytes_max {
                break;
            }
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % self.places.len();
            self.forget(self.places[hand].entry.swap(None));
        }
    }

    fn forget(&self, entry: Option<Arc<Entry>>) {
        if let Some(entry) = entry {
            self.bytes.fetch_sub(entry.bytes(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
