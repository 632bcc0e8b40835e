//! Much to say, and readers that are slow, or many.

use super::*;

fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<_> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let number = |at: usize| fields[at].parse::<u64>().expect("a number");
    number(11) + number(12)
}

fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn a_backlog_goes_out_whole() {
    let (server, _) = start_with(|config| {
        config.cores = Some(1);
        config.keep_alive = Duration::from_secs(1);
    });
    let uris: Vec<_> = (0..800).map(|at| uri(at, 1000)).collect();
    let mut tap = server.open(&listen(json!(1), json!({ "resourceSubscriptions": uris })));
    tap.message();
    server.result(&sized("shout", 800, 1000));
    for uri in uris {
        assert_eq!(tap.message()["params"]["uri"], uri.as_str());
    }
}

#[test]
fn a_flood_drops_lines_and_not_the_result() {
    let (server, _) = start_with(|_| {});
    let mut tap = server.open(&sized("flood", 20_000, 500));
    std::thread::sleep(Duration::from_millis(200));
    let messages = tap.messages();
    let (last, said) = messages.split_last().expect("messages");
    assert_eq!(last["result"]["content"][0]["text"], "flooded");
    let (mut progress, mut line) = (-1.0, -1);
    for message in said {
        match message["method"].as_str().expect("a method") {
            "notifications/progress" => {
                let now = message["params"]["progress"].as_f64().expect("a number");
                assert!(now > progress, "{now} after {progress}");
                progress = now;
            }
            "notifications/message" => {
                let text = message["params"]["data"].as_str().expect("text");
                let now = text.split(' ').next().and_then(|at| at.parse().ok()).expect("a number");
                assert!(now > line, "{now} after {line}");
                line = now;
            }
            other => panic!("{other}"),
        }
    }
    tap.open(&call_with(2, "quick", json!({})));
    assert_eq!(tap.messages()[0]["id"], 2);
}

#[test]
fn what_a_function_on_a_shard_says_is_bounded_too() {
    let (server, _) = start_with(|_| {});
    let messages = server.ask(&sized("flood_on_shard", 20_000, 500));
    let bytes: usize = messages.iter().map(|message| message.to_string().len()).sum();
    assert!(bytes <= 2 * 1024 * 1024, "stream_bytes_max bounds it: {bytes}");
    assert_eq!(messages.last().expect("a result")["result"]["isError"], false);
}

#[test]
fn slow_readers_cost_others_nothing() {
    let (server, _) = start_with(|config| {
        config.write_timeout = Duration::from_millis(500);
        config.connections_max = 12;
    });
    let uris: Vec<_> = (0..1000).map(|at| uri(at, 900)).collect();
    let before = resident_kb();
    let slow: Vec<_> = (0..10)
        .map(|_| {
            let mut tap = Tap::connect(server.address);
            tap.shrink_receive_buffer();
            tap.send(listen(json!(1), json!({ "resourceSubscriptions": uris })).bytes());
            tap
        })
        .collect();
    let mut flooded = Tap::connect(server.address);
    flooded.shrink_receive_buffer();
    flooded.send(sized("flood", 200_000, 500).bytes());
    for _ in 0..5 {
        server.result(&sized("shout", 1000, 900));
    }
    let grown = resident_kb().saturating_sub(before);
    assert!(grown < 200 * 1024, "{grown} kB more");
    // Whoever takes nothing for longer than `write_timeout` is let go: there is room for others,
    // all at once.
    let others: Vec<_> = (0..12).map(|_| server.open(&tools())).collect();
    assert!(others.iter().all(|tap| tap.status == 200));
    drop((others, slow, flooded));
    assert_eq!(server.result(&call_with(1, "says", json!({})))["isError"], false);
}

#[test]
fn many_idle_streams_cost_next_to_nothing() {
    let (server, _) = start_with(|config| config.connections_max = 2000);
    let post = get(&server, "2025-11-25");
    let mut taps: Vec<_> = (0..250).map(|_| server.open(&tools())).collect();
    taps.extend((0..250).map(|_| server.open(&get(&server, "2025-06-18"))));
    drop(post);
    let before = ticks();
    std::thread::sleep(Duration::from_secs(1));
    // Other tests of this process run meanwhile; what spins would burn 100 a second and core.
    assert!(ticks() - before < 400, "{} ticks", ticks() - before);
    server.running().notifier().tools_changed();
    for tap in &mut taps {
        while tap.message()["method"] != "notifications/tools/list_changed" {}
    }
}
