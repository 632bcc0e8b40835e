//! When requests are due: at once, or at a fixed rate. Time is an argument.

use std::time::{Duration, Instant};

pub enum Pace {
    /// Nothing is due.
    Stopped,
    /// The next request is due as soon as there is a free connection.
    Closed { left: u64 },
    /// Request number `next` is due at `start + next * interval`, whether or not
    /// a connection is free then: the wait for one counts as latency.
    Rate { start: Instant, interval: Duration, next: u32, left: u64 },
}

impl Pace {
    pub fn new(rate: Option<u64>, requests_max: u64, start: Instant) -> Self {
        match rate {
            None => Self::Closed { left: requests_max },
            Some(rate) => Self::Rate {
                start,
                interval: Duration::from_nanos(1_000_000_000 / rate),
                next: 0,
                left: requests_max,
            },
        }
    }

    /// Takes the next request that is due: the time it was meant to go.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.due(now)?;
        if due > now {
            return None;
        }
        match self {
            Self::Stopped => {}
            Self::Closed { left } => *left -= 1,
            Self::Rate { next, left, .. } => {
                *next += 1;
                *left -= 1;
            }
        }
        Some(due)
    }

    /// The time the next request should go, if there is one.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Stopped | Self::Closed { left: 0 } | Self::Rate { left: 0, .. } => None,
            Self::Closed { .. } => Some(now),
            Self::Rate { start, interval, next, .. } => Some(*start + *interval * *next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_request_keeps_its_time() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(1000), 3, start);
        assert_eq!(pace.take(start), Some(start));
        assert_eq!(pace.take(start), None);
        let late = start + Duration::from_millis(5);
        assert_eq!(pace.take(late), Some(start + Duration::from_millis(1)));
        assert_eq!(pace.take(late), Some(start + Duration::from_millis(2)));
        assert_eq!(pace.take(late), None);
    }

    #[test]
    fn closed_means_now() {
        let now = Instant::now();
        let mut pace = Pace::new(None, 1, now);
        assert_eq!(pace.take(now), Some(now));
        assert_eq!(pace.take(now), None);
    }
}
