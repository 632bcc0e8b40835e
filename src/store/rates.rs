//! How often who may ask: token buckets, shared by all shards without a lock.
//!
//! A bucket is one number, the time at which it will be full again (GCRA, the generic cell rate
//! algorithm: ITU-T I.371): who takes a token moves that time on by what a token takes to come
//! back, and may not move it further away than what the whole bucket takes. So a bucket that is
//! full says nothing, and forgetting it changes nothing: the tables forget the fullest one when
//! they need room.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::limits;

#[cfg(test)]
mod tests;

/// So many tokens come back in so long, and so many are there at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// What one token takes to come back.
    token_ns: u64,
    /// What all of them take.
    full_ns: u64,
}

/// What was asked for too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOften {
    /// The setting.
    pub(crate) limit: &'static str,
    /// `None`: it is more at once than there ever is.
    pub(crate) retry_after_ms: Option<u64>,
}

/// What is counted, each by its pace; what has none is not counted.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    pub(crate) global: Option<Pace>,
    pub(crate) address: Option<Pace>,
    pub(crate) principal: Option<Pace>,
    pub(crate) tool: Option<Pace>,
    pub(crate) tool_and_principal: Option<Pace>,
    /// Tools with a pace of their own.
    pub(crate) tools: Vec<(String, Pace)>,
}

/// The buckets of a server.
pub(crate) struct Rates {
    global: Option<(Pace, Bucket)>,
    address: Option<Table>,
    principal: Option<Table>,
    tool: Option<Table>,
    tool_and_principal: Option<Table>,
    tools: Vec<(String, Pace, Bucket)>,
    hasher: RandomState,
    /// Requests that are refused are answered with 200 where they can be (some clients throw the
    /// body of a 429 away).
    pub(crate) refused_with_ok: bool,
}

impl Pace {
    /// `count` tokens in each `period`, `burst` of them at once; none of the three is zero.
    pub(crate) fn new(count: u32, period: Duration, burst: u32) -> Pace {
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        // Rounded up, so that there are never more than was said.
        let token_ns = period_ns.div_ceil(u64::from(count.max(1))).max(1);
        Pace { token_ns, full_ns: token_ns.saturating_mul(u64::from(burst.max(1))) }
    }

    /// What so many tokens take to come back; `None`: there are never as many.
    fn cost_ns(self, count: u64) -> Option<u64> {
        let cost_ns = self.token_ns.saturating_mul(count);
        (cost_ns <= self.full_ns).then_some(cost_ns)
    }
}

impl Rates {
    /// `None` where nothing is counted.
    pub(crate) fn new(paces: Paces, refused_with_ok: bool) -> Option<Arc<Rates>> {
        let Paces { global, address, principal, tool, tool_and_principal, tools } = paces;
        let any = [global, address, principal, tool, tool_and_principal];
        if any.iter().all(Option::is_none) && tools.is_empty() {
            return None;
        }
        let tools = tools.into_iter().map(|(name, pace)| (name, pace, Bucket::default()));
        Some(Arc::new(Rates {
            global: global.map(|pace| (pace, Bucket::default())),
            address: address.map(Table::new),
            principal: principal.map(Table::new),
            tool: tool.map(Table::new),
            tool_and_principal: tool_and_principal.map(Table::new),
            tools: tools.collect(),
            hasher: RandomState::new(),
            refused_with_ok,
        }))
    }

    /// So many messages have come from here. The address comes first, so that what it sends in
    /// vain is not at the cost of all others.
    pub(crate) fn arrive(&self, from: IpAddr, count: u64, now_ms: u64) -> Result<(), TooOften> {
        if let Some(table) = &self.address {
            let key = self.hasher.hash_one(network(from));
            table.take(key, count, now_ms).map_err(too_often("rate.per_address"))?;
        }
        match &self.global {
            Some((pace, bucket)) => {
                bucket.take(*pace, count, now_ms).map_err(too_often("rate.global"))
            }
            None => Ok(()),
        }
    }

    /// So many messages have come at once, from an address where it is known and of a principal
    /// where there is one. Whether they would be let in if nothing had come before.
    pub(crate) fn fit(&self, count: u64, is_from: bool, is_whose: bool) -> Result<(), TooOften> {
        let address = self.address.as_ref().map(|table| table.pace).filter(|_| is_from);
        let global = self.global.as_ref().map(|(pace, _)| *pace).filter(|_| is_from);
        let principal = self.principal.as_ref().map(|table| table.pace).filter(|_| is_whose);
        let paces = [
            ("rate.per_address", address),
            ("rate.global", global),
            ("rate.per_principal", principal),
        ];
        let is_too_small = |pace: Pace| pace.cost_ns(count).is_none();
        let met = paces.into_iter().find(|(_, pace)| pace.is_some_and(is_too_small));
        met.map_or(Ok(()), |(limit, _)| Err(TooOften { limit, retry_after_ms: None }))
    }

    /// So many messages are this principal's.
    pub(crate) fn ask(&self, principal: &str, count: u64, now_ms: u64) -> Result<(), TooOften> {
        let Some(table) = &self.principal else { return Ok(()) };
        let key = self.hasher.hash_one(principal);
        table.take(key, count, now_ms).map_err(too_often("rate.per_principal"))
    }

    /// A tool is called, so many times at once.
    pub(crate) fn call(
        &self,
        tool: &str,
        principal: Option<&str>,
        count: u64,
        now_ms: u64,
    ) -> Result<(), TooOften> {
        if let Some(table) = &self.tool_and_principal {
            let key = self.hasher.hash_one((tool, principal));
            table.take(key, count, now_ms).map_err(too_often("rate.per_tool_and_principal"))?;
        }
        if let Some((_, pace, bucket)) = self.tools.iter().find(|(name, ..)| name == tool) {
            return bucket.take(*pace, count, now_ms).map_err(too_often("rate.tools"));
        }
        let Some(table) = &self.tool else { return Ok(()) };
        table.take(self.hasher.hash_one(tool), count, now_ms).map_err(too_often("rate.per_tool"))
    }
}

/// Whose an address is: a customer has a /64 of IPv6 at least, and all of its addresses.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        // With a bit that no IPv4 address has.
        IpAddr::V6(address) => u128::from(address) >> 64 << 64 | 1 << 63,
    }
}

fn too_often(limit: &'static str) -> impl FnOnce(Option<u64>) -> TooOften {
    let wait_ms = |wait_ns: u64| wait_ns.div_ceil(1_000_000).max(1);
    move |wait_ns| TooOften { limit, retry_after_ms: wait_ns.map(wait_ms) }
}

/// When it will be full again, in nanoseconds of the steady clock.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

impl Bucket {
    /// Takes so many tokens, or says in how many nanoseconds they will be there; `None`: there are
    /// never as many.
    fn take(&self, pace: Pace, count: u64, now_ms: u64) -> Result<(), Option<u64>> {
        let now = now_ms.saturating_mul(1_000_000);
        let cost = pace.cost_ns(count).ok_or(None)?;
        let mut full_at = self.0.load(Ordering::Relaxed);
        loop {
            // Shards read the clock each for itself. What is further away than any of them can be
            // is of a clock that went back: the bucket is empty then, and no emptier.
            let known = match full_at > now + pace.full_ns + CLOCK_SKEW_NS {
                true => now + pace.full_ns,
                false => full_at,
            };
            let next = known.max(now).saturating_add(cost);
            let (taken, next) = match next - now <= pace.full_ns {
                true => (Ok(()), next),
                false => (Err(Some(next - now - pace.full_ns)), known),
            };
            if next == full_at {
                return taken;
            }
            let (ok, other) = (Ordering::Relaxed, Ordering::Relaxed);
            match self.0.compare_exchange_weak(full_at, next, ok, other) {
                Ok(_) => return taken,
                Err(meanwhile) => full_at = meanwhile,
            }
        }
    }
}

const CLOCK_SKEW_NS: u64 = limits::RATE_CLOCK_SKEW.as_nanos() as u64;

/// Buckets by the hash of what they are for, in sets of some; a set is a cache line or two.
struct Table {
    pace: Pace,
    sets: Box<[Set]>,
}

#[derive(Default)]
#[repr(align(128))]
struct Set {
    /// Hashes; 0 stands for none.
    keys: [AtomicU64; WAYS],
    buckets: [Bucket; WAYS],
}

const WAYS: usize = limits::RATE_WAYS;

impl Table {
    fn new(pace: Pace) -> Table {
        let sets = (0..limits::RATE_KEYS_MAX / WAYS).map(|_| Set::default()).collect();
        Table { pace, sets }
    }

    fn take(&self, hash: u64, count: u64, now_ms: u64) -> Result<(), Option<u64>> {
        let set = &self.sets[hash as usize % self.sets.len()];
        set.bucket(hash.max(1)).take(self.pace, count, now_ms)
    }
}

impl Set {
    /// The bucket of a key. One that has none takes over the fullest, with what is missing there:
    /// nobody is given a token by that, even if two come at once. (They may choose two buckets at
    /// first; the next one of them finds the first of these.)
    fn bucket(&self, key: u64) -> &Bucket {
        let (ok, other) = (Ordering::Relaxed, Ordering::Relaxed);
        loop {
            let keys = self.keys.each_ref().map(|key| key.load(Ordering::Relaxed));
            if let Some(way) = keys.iter().position(|known| *known == key) {
                return &self.buckets[way];
            }
            let full_at = |way: &usize| self.buckets[*way].0.load(Ordering::Relaxed);
            let fullest = (0..WAYS).min_by_key(full_at).unwrap_or_default();
            let taken = self.keys[fullest].compare_exchange(keys[fullest], key, ok, other);
            if taken.is_ok() {
                return &self.buckets[fullest];
            }
        }
    }
}
