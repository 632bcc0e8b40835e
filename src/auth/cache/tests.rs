use super::*;

fn cache(entries: usize, bytes: usize) -> Cache {
    let config = TokenConfig {
        cache_entries_max: entries,
        cache_bytes_max: bytes,
        ..TokenConfig::default()
    };
    Cache::new(&config, Arc::default())
}

fn yes(name: &str) -> Answer {
    Answer::Yes(Arc::new(Principal::named(name)))
}

fn name(answer: Option<Answer>) -> Option<String> {
    match answer? {
        Answer::Yes(principal) => Some(principal.name.to_string()),
        Answer::No(reason) => Some(reason.name().to_owned()),
        Answer::Busy => Some("busy".to_owned()),
    }
}

#[test]
fn what_is_remembered_ends() {
    let cache = cache(64, 1 << 20);
    assert_eq!(name(cache.find("a", 0)), None);
    cache.remember("a", yes("alice"), 100, 0);
    cache.remember("b", Answer::No(Reason::Signature), 50, 0);
    cache.remember("c", Answer::Busy, 50, 0);
    assert_eq!(name(cache.find("c", 0)).as_deref(), Some("busy"));
    assert_eq!(name(cache.find("b", 49)).as_deref(), Some("signature"));
    assert_eq!(name(cache.find("b", 50)), None);
    assert_eq!(name(cache.find("a", 99)).as_deref(), Some("alice"));
    assert_eq!(name(cache.find("a", 100)), None);
    cache.remember("a", yes("bob"), 200, 0);
    assert_eq!(name(cache.find("a", 100)).as_deref(), Some("bob"));
    // What was found out with other keys does not count, even if it is remembered after that.
    cache.generation.fetch_add(1, Ordering::Relaxed);
    assert_eq!(name(cache.find("a", 100)), None);
    cache.remember("a", yes("alice"), 200, 0);
    assert_eq!(name(cache.find("a", 100)), None);
    cache.remember("a", yes("alice"), 200, cache.generation());
    assert_eq!(name(cache.find("a", 100)).as_deref(), Some("alice"));
}

#[test]
fn nothing_is_kept_for_longer_because_the_clock_was_set_back() {
    let cache = cache(64, 1 << 20);
    assert_eq!(name(cache.find("a", 5000)), None);
    cache.remember("a", yes("alice"), 5005, cache.generation());
    cache.remember("b", Answer::No(Reason::Expired), 5002, cache.generation());
    // The clocks of two shards, each as it was read last.
    assert_eq!(name(cache.find("a", 4999)).as_deref(), Some("alice"));
    assert_eq!(name(cache.find("a", 5000)).as_deref(), Some("alice"));
    for token in ["a", "b"] {
        assert_eq!(name(cache.find(token, 1400)), None, "{token}");
    }
    cache.remember("a", yes("alice"), 1405, cache.generation());
    assert_eq!(name(cache.find("a", 1401)).as_deref(), Some("alice"));
}

#[test]
fn tokens_with_the_same_end_differ() {
    let cache = cache(64, 1 << 20);
    let end = "e".repeat(64);
    let token = |n: u32| format!("{n}{end}");
    for n in 0..100 {
        cache.remember(&token(n), yes(&n.to_string()), 100, 0);
        assert_eq!(name(cache.find(&token(n), 0)), Some(n.to_string()));
        assert_eq!(name(cache.find(&token(n + 1), 0)), None);
    }
}

#[test]
fn entries_and_bytes_are_bounded() {
    let cache = cache(64, 20_000);
    for n in 0..10_000 {
        let token = format!("{n:0200}");
        cache.remember(&token, yes("a"), 100, 0);
        cache.remember(&token, Answer::No(Reason::Issuer), 100, 0);
        for table in [&cache.good, &cache.bad] {
            let held: Vec<_> =
                table.places.iter().filter_map(|place| place.entry.load_full()).collect();
            let bytes: usize = held.iter().map(|entry| entry.bytes()).sum();
            assert_eq!(bytes, table.bytes.load(Ordering::Relaxed));
            assert!(held.len() <= 64 && bytes <= table.bytes_max, "{bytes}");
        }
    }
    assert_eq!((cache.good.places.len(), cache.bad.places.len()), (64, 16));
}

#[test]
fn bad_tokens_displace_no_good_one() {
    let cache = cache(1024, 1 << 20);
    cache.remember("good", yes("alice"), 100, 0);
    for n in 0..10_000 {
        cache.remember(&format!("bad{n}"), Answer::No(Reason::Signature), 100, 0);
    }
    assert_eq!(name(cache.find("good", 0)).as_deref(), Some("alice"));
}

#[test]
fn many_threads_find_what_they_keep_or_nothing() {
    let cache = cache(64, 1 << 20);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for n in 0..5_000 {
                    let token = format!("{}", (thread * 31 + n) % 200);
                    cache.remember(&token, yes(&token), 100, 0);
                    let found = name(cache.find(&token, 0));
                    assert!(found.is_none() || found == Some(token));
                }
            });
        }
    });
    for table in [&cache.good, &cache.bad] {
        let held = table.places.iter().filter_map(|place| place.entry.load_full());
        let bytes: usize = held.map(|entry| entry.bytes()).sum();
        assert_eq!(bytes, table.bytes.load(Ordering::Relaxed));
    }
}
