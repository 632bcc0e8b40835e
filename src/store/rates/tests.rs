//! A bucket against arithmetic, whatever the clock does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Bucket, Pace, Paces, Rates, Table, TooOften, WAYS, network};
use crate::limits;

const SECOND: Duration = Duration::from_secs(1);

fn rates(paces: Paces) -> Arc<Rates> {
    Rates::new(paces, false).expect("something is counted")
}

#[test]
fn a_burst_and_then_the_rate() {
    let (bucket, pace) = (Bucket::default(), Pace::new(10, SECOND, 3));
    for _ in 0..3 {
        assert_eq!(bucket.take(pace, 1, 1000), Ok(()));
    }
    assert_eq!(bucket.take(pace, 1, 1000), Err(Some(100_000_000)));
    assert_eq!(bucket.take(pace, 1, 1099), Err(Some(1_000_000)));
    assert_eq!(bucket.take(pace, 1, 1100), Ok(()));
    assert!(bucket.take(pace, 1, 1100).is_err());
    assert_eq!(bucket.take(pace, 3, 1400), Ok(()), "three came back");
    assert_eq!(bucket.take(pace, 4, 100_000), Err(None), "there are never four");
    assert_eq!(bucket.take(pace, 3, 100_000), Ok(()));
}

#[test]
fn a_clock_that_went_back_costs_one_bucket() {
    let (bucket, pace) = (Bucket::default(), Pace::new(10, SECOND, 10));
    let hour_ms = 3_600_000;
    assert_eq!(bucket.take(pace, 10, 10 * hour_ms), Ok(()));
    assert_eq!(bucket.take(pace, 1, hour_ms), Err(Some(100_000_000)));
    assert_eq!(bucket.take(pace, 1, hour_ms + 100), Ok(()));
}

#[test]
fn what_is_counted_is_named() {
    let one = Some(Pace::new(1, SECOND, 1));
    let refusal = |taken: Result<(), TooOften>| taken.err().map(|refused| refused.limit);
    let here: IpAddr = "192.0.2.1".parse().expect("an address");
    let there: IpAddr = "192.0.2.2".parse().expect("an address");

    let all = rates(Paces { address: one, ..Paces::default() });
    assert_eq!(refusal(all.arrive(here, 1, 0)), None);
    assert_eq!(refusal(all.arrive(here, 1, 0)), Some("rate.per_address"));
    assert_eq!(refusal(all.arrive(there, 1, 0)), None);

    let all = rates(Paces { global: one, ..Paces::default() });
    assert_eq!(refusal(all.arrive(here, 1, 0)), None);
    assert_eq!(refusal(all.arrive(there, 1, 0)), Some("rate.global"));

    let all = rates(Paces { principal: one, ..Paces::default() });
    assert_eq!(refusal(all.ask("ada", 1, 0)), None);
    assert_eq!(refusal(all.ask("alan", 1, 0)), None);
    assert_eq!(refusal(all.ask("ada", 1, 0)), Some("rate.per_principal"));

    let tools = vec![("slow".to_owned(), Pace::new(1, SECOND, 1))];
    let all = rates(Paces { tools, tool: Some(Pace::new(2, SECOND, 2)), ..Paces::default() });
    assert_eq!(refusal(all.call("slow", None, 1, 0)), None);
    assert_eq!(refusal(all.call("slow", None, 1, 0)), Some("rate.tools"));
    assert_eq!(refusal(all.call("quick", None, 1, 0)), None);
    assert_eq!(refusal(all.call("quick", None, 1, 0)), None);
    assert_eq!(refusal(all.call("quick", None, 1, 0)), Some("rate.per_tool"));

    let all = rates(Paces { tool_and_principal: one, ..Paces::default() });
    assert_eq!(refusal(all.call("x", Some("ada"), 1, 0)), None);
    assert_eq!(refusal(all.call("x", Some("alan"), 1, 0)), None);
    assert_eq!(refusal(all.call("x", Some("ada"), 1, 0)), Some("rate.per_tool_and_principal"));
    assert!(Rates::new(Paces::default(), false).is_none());
}

#[test]
fn an_address_of_ipv6_stands_for_its_network() {
    let network = |text: &str| network(text.parse().expect("an address"));
    assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1:2:3"));
    assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    assert_ne!(network("::1"), network("0.0.0.0"));
}

#[test]
fn a_full_table_forgives_nobody() {
    let table = Table::new(Pace::new(1, SECOND, 1));
    let sets = table.sets.len() as u64;
    let same_set = |index: u64| 5 + index * sets;
    for index in 0..WAYS as u64 {
        assert_eq!(table.take(same_set(index), 1, 0), Ok(()));
    }
    // One too many takes over a bucket with what is missing there.
    assert!(table.take(same_set(99), 1, 0).is_err());
    assert_eq!(table.take(same_set(98), 1, 1000), Ok(()));
}

#[test]
fn many_threads_get_no_more_than_there_is() {
    let bucket = Bucket::default();
    let pace = Pace::new(1, Duration::from_secs(3600), 1000);
    let take = || (0..1000).filter(|_| bucket.take(pace, 1, 5).is_ok()).count();
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(taken, 1000);
}

proptest! {
    /// In any time, never more than the rate times that time, and the burst; and whoever waits as
    /// long as he was told gets it.
    #[test]
    fn never_more_than_rate_and_burst(
        count in 1_u32..5000,
        period_ms in 1_u64..100_000,
        burst in 1_u32..50,
        steps in prop::collection::vec((0_u64..2000, 1_u64..4), 1..200),
    ) {
        let pace = Pace::new(count, Duration::from_millis(period_ms), burst);
        let bucket = Bucket::default();
        let mut taken = Vec::<(u64, u64)>::new();
        let mut now_ms = 7;
        for (pause_ms, tokens) in steps {
            now_ms += pause_ms;
            match bucket.take(pace, tokens, now_ms) {
                Ok(()) => taken.push((now_ms, tokens)),
                Err(Some(wait_ns)) => {
                    let later_ms = now_ms + wait_ns.div_ceil(1_000_000);
                    prop_assert_eq!(bucket.take(pace, tokens, later_ms), Ok(()));
                    taken.push((later_ms, tokens));
                    now_ms = later_ms;
                }
                Err(None) => prop_assert!(tokens > u64::from(burst)),
            }
        }
        for from in 0..taken.len() {
            let mut sum = 0;
            for (at_ms, tokens) in &taken[from..] {
                sum += tokens;
                let time_ms = u128::from(at_ms - taken[from].0);
                let rate = u128::from(count) * time_ms / u128::from(period_ms);
                prop_assert!(u128::from(sum) <= rate + u128::from(burst));
            }
        }
    }

    /// A clock that jumps takes nothing away for longer than a bucket takes to fill.
    #[test]
    fn jumps_of_the_clock_are_harmless(jumps in prop::collection::vec(0_u64..1 << 40, 1..50)) {
        let pace = Pace::new(10, SECOND, 10);
        let bucket = Bucket::default();
        for now_ms in jumps {
            let _ = bucket.take(pace, 1, now_ms);
            let filled_ms = now_ms + 1000 + limits::RATE_CLOCK_SKEW.as_millis() as u64;
            prop_assert_eq!(bucket.take(pace, 1, filled_ms), Ok(()));
        }
    }

    /// Keys do not share a bucket while there is room.
    #[test]
    fn keys_are_counted_apart(hashes in prop::collection::vec(1_u64.., 1..200)) {
        let table = Table::new(Pace::new(1, SECOND, 2));
        let mut sets = HashMap::<usize, usize>::new();
        let mut seen = HashMap::<u64, usize>::new();
        for hash in hashes {
            if !seen.contains_key(&hash) {
                *sets.entry(hash as usize % table.sets.len()).or_default() += 1;
            }
            prop_assume!(sets.values().all(|keys| *keys <= WAYS));
            let before = seen.entry(hash).or_default();
            prop_assert_eq!(table.take(hash, 1, 9).is_ok(), *before < 2);
            *before += 1;
        }
    }
}
