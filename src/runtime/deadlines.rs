//! Deadlines of connections, in ticks of `DEADLINE_TICK`.
//!
//! A connection that answers requests pushes its deadline back with each of them, which must cost
//! nothing. So the queue holds, for each connection, one entry that may be early: when it comes up
//! and the deadline has moved, it is entered again. Only a deadline that comes *closer* needs a new
//! entry at once, and the old one is then recognised as stale.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ConnectionKey;
use crate::limits;

/// Time since the shard started, in ticks.
pub(crate) type Tick = u32;

/// The tick in which `elapsed` falls.
pub(crate) fn tick_at(elapsed: Duration) -> Tick {
    Tick::try_from(elapsed.as_millis() / limits::DEADLINE_TICK.as_millis()).unwrap_or(Tick::MAX)
}

/// The first tick that is wholly after `timeout` from `now`.
pub(crate) fn tick_after(now: Tick, timeout: Duration) -> Tick {
    now.saturating_add(tick_at(timeout)).saturating_add(1)
}

/// The first tick that is not before a time, in milliseconds since the shard's clock began.
pub(crate) fn tick_of(at_ms: u64) -> Tick {
    tick_at(Duration::from_millis(at_ms)).saturating_add(1)
}

/// What a connection remembers about its deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Timer {
    /// When it is due; `None` while nothing is.
    pub(crate) due: Option<Tick>,
    /// Where its entry is.
    entry: Option<Tick>,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Deadlines {
    entries: BTreeMap<Tick, Vec<ConnectionKey>>,
}

impl Deadlines {
    /// Sets the deadline of a connection.
    #[inline]
    pub(crate) fn set(&mut self, key: ConnectionKey, timer: &mut Timer, due: Option<Tick>) {
        timer.due = due;
        if let Some(due) = due
            && timer.entry.is_none_or(|entry| due < entry)
        {
            self.enter(key, timer, due);
        }
    }

    #[cold]
    fn enter(&mut self, key: ConnectionKey, timer: &mut Timer, due: Tick) {
        timer.entry = Some(due);
        self.entries.entry(due).or_default().push(key);
    }

    /// When the next entry comes up.
    #[inline]
    pub(crate) fn next(&self) -> Option<Tick> {
        self.entries.first_key_value().map(|(tick, _)| *tick)
    }

    /// Takes the connections whose entries have come up, with the tick they stood at.
    pub(crate) fn take_due(&mut self, now: Tick) -> Option<(Tick, Vec<ConnectionKey>)> {
        let entry = self.entries.first_entry().filter(|entry| *entry.key() <= now)?;
        Some(entry.remove_entry())
    }

    /// Says whether a connection whose entry came up is due; enters it again if it is later.
    pub(crate) fn came_up(
        &mut self,
        key: ConnectionKey,
        timer: &mut Timer,
        entry: Tick,
        now: Tick,
    ) -> bool {
        if timer.entry != Some(entry) {
            return false;
        }
        timer.entry = None;
        match timer.due {
            Some(due) if due <= now => true,
            due => {
                self.set(key, timer, due);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ConnectionKey = ConnectionKey { slot: 1, generation: 1 };

    /// Runs the queue up to `now` and says whether the connection came due.
    fn run(deadlines: &mut Deadlines, timer: &mut Timer, now: Tick) -> bool {
        let mut due = false;
        while let Some((entry, keys)) = deadlines.take_due(now) {
            for key in keys {
                due |= deadlines.came_up(key, timer, entry, now);
            }
        }
        due
    }

    #[test]
    fn a_deadline_that_moves_away_costs_no_entry() {
        let (mut deadlines, mut timer) = (Deadlines::default(), Timer::default());
        for now in 0..100 {
            deadlines.set(KEY, &mut timer, Some(now + 50));
        }
        assert_eq!(deadlines.entries.len(), 1);
        assert!(!run(&mut deadlines, &mut timer, 148));
        assert_eq!(deadlines.next(), Some(149));
        assert!(run(&mut deadlines, &mut timer, 149));
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn a_deadline_that_comes_closer_is_kept() {
        let (mut deadlines, mut timer) = (Deadlines::default(), Timer::default());
        deadlines.set(KEY, &mut timer, Some(1000));
        deadlines.set(KEY, &mut timer, Some(10));
        assert!(run(&mut deadlines, &mut timer, 10));
        assert!(!run(&mut deadlines, &mut timer, 2000), "the entry at 1000 is stale");
    }

    #[test]
    fn a_deadline_can_be_taken_away_and_set_again() {
        let (mut deadlines, mut timer) = (Deadlines::default(), Timer::default());
        deadlines.set(KEY, &mut timer, Some(10));
        deadlines.set(KEY, &mut timer, None);
        assert!(!run(&mut deadlines, &mut timer, 20));
        deadlines.set(KEY, &mut timer, Some(30));
        assert!(run(&mut deadlines, &mut timer, 30));
    }
}
