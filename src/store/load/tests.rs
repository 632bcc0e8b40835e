//! A load that is played, without threads and clocks.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Load, LoadLimits, Overload};
use crate::limits;

const MS: u64 = 1_000_000;

const LIMITS: LoadLimits = LoadLimits {
    target: limits::QUEUE_DELAY_TARGET,
    factor: limits::QUEUE_DELAY_FACTOR,
    interval: limits::OVERLOAD_INTERVAL,
    cpus: 2,
};

fn load() -> Load {
    Load::new(LIMITS)
}

/// Workers that take a call each, one after the other.
struct Play {
    load: Load,
    workers: Vec<u64>,
    /// When each came that waits.
    queue: VecDeque<u64>,
    waits: Vec<u64>,
    refused: usize,
    /// Taken in, and refused later.
    late: usize,
}

impl Play {
    fn new(workers: usize) -> Play {
        let (queue, waits) = (VecDeque::new(), Vec::new());
        Play { load: load(), workers: vec![0; workers], queue, waits, refused: 0, late: 0 }
    }

    /// A call comes, after all that workers did until then.
    fn come(&mut self, now: u64, takes: u64) -> Result<(), Overload> {
        self.work_until(now, takes);
        let verdict = self.load.admit(self.queue.len(), now);
        match verdict {
            Ok(()) => self.queue.push_back(now),
            Err(_) => self.refused += 1,
        }
        self.work_until(now, takes);
        verdict
    }

    fn work_until(&mut self, now: u64, takes: u64) {
        while let Some(&came) = self.queue.front() {
            let free = self.workers.iter_mut().min().expect("a worker");
            let starts = came.max(*free);
            if starts > now {
                return;
            }
            self.queue.pop_front();
            if self.load.is_too_late(came, self.queue.len(), starts).is_some() {
                self.late += 1;
                continue;
            }
            let started = self.load.started(self.queue.len(), starts);
            self.waits.push(starts - came);
            *free = starts + takes;
            self.load.ended(&started, true, starts + takes);
        }
    }
}

#[test]
fn what_can_be_done_is_never_refused() {
    let mut play = Play::new(4);
    // Nine tenths of what four workers can do.
    for index in 0..20_000 {
        assert_eq!(play.come(MS + index * 5 * MS * 10 / 36, 5 * MS), Ok(()));
    }
}

#[test]
fn a_burst_waits_however_long_that_takes() {
    let mut play = Play::new(4);
    for index in 0..10 {
        assert_eq!(play.come(MS + index * 1000 * MS, 1000 * MS), Ok(()));
    }
    let begin = 60_000 * MS;
    for index in 0..1000 {
        assert_eq!(play.come(begin + index * MS, 1000 * MS), Ok(()), "call {index}");
    }
    play.work_until(begin + 400_000 * MS, 1000 * MS);
    assert_eq!((play.waits.len(), play.late), (1010, 0));
    // When it is over, all is as before.
    for index in 0..10 {
        assert_eq!(play.come(begin + 400_000 * MS + index * 300 * MS, 1000 * MS), Ok(()));
    }
}

#[test]
fn for_each_that_is_refused_one_that_has_waited_too_long_is_too() {
    let mut play = Play::new(4);
    for index in 0..10 {
        assert_eq!(play.come(MS + index * 1000 * MS, 1000 * MS), Ok(()));
    }
    let begin = 60_000 * MS;
    for index in 0..1000 {
        assert_eq!(play.come(begin + index * MS, 1000 * MS), Ok(()), "call {index}");
    }
    // It would wait minutes, and is told so.
    let refused = play.come(begin + 4900 * MS, 1000 * MS).expect_err("the burst goes on");
    assert_eq!(refused.limit, "overload.queue_delay_target");
    assert_eq!(refused.retry_after_ms, 60_000);
    play.work_until(begin + 10_000 * MS, 1000 * MS);
    assert_eq!(play.late, 1, "a burst that is followed by little is answered");
    for index in 0..2000 {
        let _ = play.come(begin + (10_000 + index) * MS, 1000 * MS);
    }
    play.work_until(begin + 13_000 * MS, 1000 * MS);
    assert!(play.late > 900, "no burst any more: {}", play.late);
    assert!(play.queue.len() < 12, "what waits is not too long: {}", play.queue.len());
}

#[test]
fn what_lasts_is_refused_and_the_rest_waits_as_long_as_it_may() {
    for times in [2, 10] {
        let mut play = Play::new(4);
        for index in 0..50 {
            assert_eq!(play.come(MS + index * 20 * MS, 5 * MS), Ok(()));
        }
        let (begin, between) = (2000 * MS, 5 * MS / 4 / times);
        let count = 4000 * MS / between;
        for index in 0..count {
            let _ = play.come(begin + index * between, 5 * MS);
        }
        let taken = count as usize - play.refused;
        assert!(taken > 4 * 800 * 9 / 10, "the workers had something to do: {taken}");
        let settled = &play.waits[play.waits.len() / 2..];
        let longest = settled.iter().max().expect("some were taken");
        assert!(*longest <= 12 * MS, "{times} times as much: {} us", longest / 1000);
    }
}

#[test]
fn from_the_first_moment_on_accepted_calls_take_at_most_five_times_as_long() {
    for takes in [MS / 2, 5 * MS, 50 * MS, 200 * MS] {
        let mut play = Play::new(4);
        for index in 0..50 {
            assert_eq!(play.come(MS + index * 4 * takes, takes), Ok(()));
        }
        let quiet = play.waits.len();
        // Twice what four workers can do, for five seconds, or a thousand calls.
        let (begin, between) = (MS + 200 * takes, takes / 8);
        for index in 0..(5000 * MS / between).max(1000) {
            let _ = play.come(begin + index * between, takes);
        }
        let waits = &mut play.waits[quiet..];
        waits.sort_unstable();
        let slow = waits[waits.len() * 99 / 100] + takes;
        assert!(slow <= 5 * takes, "{} us: {} us", takes / 1000, slow / 1000);
    }
}

#[test]
fn a_pause_is_not_the_end_of_an_overload() {
    let load = load();
    let started = load.started(0, MS);
    load.ended(&started, true, 2 * MS);
    assert_eq!(load.admit(0, 50 * MS), Ok(()));
    for now in [100, 130] {
        let _ = load.admit(20, now * MS);
    }
    let is_refused = |now: u64| load.admit(20, now * MS).is_err();
    assert!(is_refused(131));
    assert_eq!(load.admit(0, 150 * MS), Ok(()));
    assert!(is_refused(200), "at once, the second time");
    assert_eq!(load.admit(0, 250 * MS), Ok(()));
    assert!(!is_refused(600), "it may be a burst");
}

#[test]
fn where_nothing_moves_the_wait_grows() {
    let load = load();
    for index in 1..5 {
        assert_eq!(load.admit(0, index * MS), Ok(()));
        let started = load.started(0, index * MS);
        load.ended(&started, true, index * MS + MS);
    }
    assert_eq!(load.admit(0, 10 * MS), Ok(()));
    assert_eq!(load.admit(1, 20 * MS), Ok(()), "it has not been too long for long");
    assert!(load.admit(2, 300 * MS).is_err());
    let moved = load.started(0, 301 * MS);
    load.ended(&moved, true, 302 * MS);
    assert_eq!(load.admit(0, 303 * MS), Ok(()), "a worker is free");
}

#[test]
fn zero_refuses_nothing_for_its_wait() {
    let load = Load::new(LoadLimits { target: Duration::ZERO, ..LIMITS });
    assert_eq!(load.admit(0, MS), Ok(()));
    for second in 0..100 {
        assert_eq!(load.admit(1000, second * 1000 * MS), Ok(()));
    }
    // Other limits hold from the next call on.
    load.set(LIMITS);
    assert_eq!(load.admit(1000, 100_000 * MS), Ok(()), "it has not been too long for long");
    assert!(load.admit(1000, 200_000 * MS).is_err());
    load.set_short_of_memory(true);
    assert_eq!(load.admit(0, 1).expect_err("no memory").limit, "overload.memory_max");
}

#[test]
fn one_that_waits_for_a_person_makes_no_rule() {
    let load = load();
    let run = |at: u64, takes: u64| {
        assert_eq!(load.admit(0, at), Ok(()));
        let started = load.started(0, at);
        load.ended(&started, true, at + takes);
    };
    for index in 1..100 {
        run(index * 10 * MS, 5 * MS);
    }
    let before = load.may_wait();
    run(2000 * MS, 600_000 * MS);
    assert!(load.may_wait() < 2 * before);
}
