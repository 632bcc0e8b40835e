//! The order of things.
//!
//! ```text
//! start ─▶ warm-up: clients alone ─▶ they leave; what is held is the measure
//!       ─▶ clients again, all of them served once ─▶ peers too, and signals ─▶ both end
//!       ─▶ what is held comes back to the measure ─▶ peers again, and the end of the servers
//! ```

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::bad::{ACTS, Mob, Peer};
use super::clock::WallClock;
use super::dice::Dice;
use super::good::{Client, Crowd, KINDS, Kind, Known, Tally};
use super::servers::{Holdings, Server};
use crate::sys;

pub struct Options {
    pub seed: u64,
    pub seconds: u64,
    pub clients: usize,
    pub peers: usize,
    pub daemon: String,
    pub example: String,
    pub clock: String,
    pub config: String,
}

/// Descriptors of the example: fewer than the connections it may have.
const FILES_MAX: u64 = 700;
/// More connections than the daemon may have, or the example has descriptors for.
const FLOOD: usize = 900;
/// How long servers are given to let go of what is over: sessions end after 10 seconds, and are
/// looked for every few; tasks after 20.
const SETTLE: Duration = Duration::from_secs(60);
/// The grace that servers are set to, and some time on a busy machine.
const STOP_MAX: Duration = Duration::from_secs(3 + 5);
/// What memory may be above the measure.
const MEMORY_PERCENT: u64 = 20;
const MEMORY_KB: u64 = 16 * 1024;
/// A worker that stands in for another stays a while; a descriptor may be on its way out.
const THREADS_MORE: u64 = 0;
const DESCRIPTORS_MORE: u64 = 0;

/// What was found to be wrong; empty is a pass.
pub type Problems = Vec<String>;

/// Runs all of it, and prints what happened.
///
/// # Errors
/// It could not be run at all.
pub fn run(options: &Options) -> Result<Problems, String> {
    let mut dice = Dice::new(options.seed, u64::MAX);
    let ahead = clock_ahead(&mut dice);
    let clock = WallClock::new(&options.clock).map_err(|error| format!("clock: {error}"))?;
    let mut servers = start(options, ahead, &clock)?;
    conduct(options, &mut servers, &clock, &mut dice).map_err(|problem| {
        let last = servers.iter().map(|server| server.last_words());
        format!("{problem}{}", last.collect::<String>())
    })
}

fn conduct(
    options: &Options,
    servers: &mut [Server; 2],
    clock: &WallClock,
    dice: &mut Dice,
) -> Result<Problems, String> {
    let mut problems = Problems::new();
    let fresh = [servers[0].holdings()?, servers[1].holdings()?];
    let known = Known::learn(&mut Client::new(&crowd(options, servers, &[]), DAEMON_CLIENT))?;
    let warm_up = crowd(options, servers, &known);
    let warm_for = Duration::from_secs((options.seconds / 8).clamp(2, 15));
    std::thread::scope(|scope| {
        enter(scope, &warm_up, options.clients);
        std::thread::sleep(warm_for);
        warm_up.over.store(true, Ordering::Relaxed);
    });
    problems.extend(warm_up.tally.complaints());
    let measures = [settled(&servers[0], &fresh[0])?, settled(&servers[1], &fresh[1])?];

    let crowd = crowd(options, servers, &known);
    let mob = Mob::new(options.seed, [servers[0].address, servers[1].address], FLOOD);
    let done = std::thread::scope(|scope| {
        enter(scope, &crowd, options.clients);
        let served = until_served(&crowd, options.clients);
        bring(scope, &mob, options.peers);
        let done = disturb(servers, clock, dice, Duration::from_secs(options.seconds));
        mob.over.store(true, Ordering::Relaxed);
        crowd.over.store(true, Ordering::Relaxed);
        served.and(done)
    });
    problems.extend(done.err());
    show_clients(&crowd.tally, &mut problems);
    show_peers(&mob, &mut problems);
    for (server, before) in servers.iter().zip(&measures) {
        show_holdings(server.name, before, &returned(server, before)?, &mut problems);
    }
    stop(options, servers, &mut problems)?;
    Ok(problems)
}

/// A player among the clients that talks to the daemon.
const DAEMON_CLIENT: usize = 5;
const _: () = assert!(matches!(KINDS[DAEMON_CLIENT].0, Kind::Documents));

fn crowd<'r>(options: &Options, servers: &[Server; 2], known: &'r [Known]) -> Crowd<'r> {
    Crowd {
        seed: options.seed,
        daemon: servers[0].address,
        example: servers[1].address,
        known,
        over: AtomicBool::new(false),
        ready: AtomicUsize::new(0),
        tally: Tally::default(),
    }
}

/// Steady clocks begin at boot; here some begin far ahead, where the system lets them.
fn clock_ahead(dice: &mut Dice) -> Option<u64> {
    let seconds = *dice.pick(&[0, 86_400, 50 * 86_400, 10 * 365 * 86_400]);
    let possible = std::process::Command::new("unshare")
        .args(["--time", "--monotonic", "1", "--", "true"])
        .status()
        .is_ok_and(|status| status.success());
    println!(
        "steady clocks: {}",
        if possible {
            format!("{seconds} s ahead")
        } else {
            "as they are (no time namespace)".into()
        }
    );
    possible.then_some(seconds)
}

fn start(options: &Options, ahead: Option<u64>, clock: &WallClock) -> Result<[Server; 2], String> {
    let files = sys::raise_open_files().map_err(|error| format!("open files: {error}"))?;
    if files < 4 * FLOOD as u64 {
        return Err(format!("only {files} open files: raise ulimit -n to {}", 4 * FLOOD));
    }
    let arguments = ["--config", &options.config];
    let daemon = Server::start("daemon", &options.daemon, &arguments, ahead, clock)?;
    let arguments = ["--connections-max", "5000"];
    let example = Server::start("example", &options.example, &arguments, ahead, clock)?;
    sys::limit_open_files(example.pid(), FILES_MAX).map_err(|error| format!("prlimit: {error}"))?;
    Ok([daemon, example])
}

type Scope<'scope, 'env> = &'scope std::thread::Scope<'scope, 'env>;

fn enter<'scope, 'env>(scope: Scope<'scope, 'env>, crowd: &'env Crowd<'env>, count: usize) {
    for number in 0..count {
        spawn(scope, move || Client::new(crowd, number).live());
    }
}

fn bring<'scope, 'env>(scope: Scope<'scope, 'env>, mob: &'env Mob, count: usize) {
    for number in 0..count {
        spawn(scope, move || Peer::new(mob, number).live());
    }
}

fn spawn<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    life: impl FnOnce() + Send + 'scope,
) {
    // Hundreds of threads with small stacks. A client that panics makes the scope panic.
    let builder = std::thread::Builder::new().stack_size(512 * 1024);
    builder.spawn_scoped(scope, life).expect("a thread");
}

/// All clients have their connections before anybody floods.
fn until_served(crowd: &Crowd<'_>, count: usize) -> Result<(), String> {
    let until = Instant::now() + SETTLE;
    while crowd.ready.load(Ordering::Relaxed) < count {
        if Instant::now() > until {
            return Err("not all clients were served before the peers came".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Stops servers for a while, which is a jump of time to all their deadlines, and sends them what
/// other signals they know. Looks how many descriptors they come to have.
fn disturb(
    servers: &[Server; 2],
    clock: &WallClock,
    dice: &mut Dice,
    time: Duration,
) -> Result<(), String> {
    let until = Instant::now() + time;
    let (mut stops, mut longest, mut signals, mut most) = (0, Duration::ZERO, 0, [0, 0]);
    let mut jumps = 0;
    while Instant::now() < until {
        let next = Instant::now() + dice.millis(1_000, 5_000);
        while Instant::now() < next.min(until) {
            std::thread::sleep(Duration::from_millis(100));
            for (server, most) in servers.iter().zip(&mut most) {
                *most = server.descriptors()?.max(*most);
            }
        }
        let server = dice.pick(servers);
        if dice.roll(2) == 0 {
            clock.jump(dice).map_err(|error| format!("clock: {error}"))?;
            jumps += 1;
        }
        if dice.roll(2) == 0 {
            let caught = [libc::SIGHUP, libc::SIGUSR1].into_iter();
            for signal in caught.filter(|signal| server.catches(*signal)) {
                server.signal(signal)?;
                signals += 1;
            }
        }
        if dice.roll(3) > 0 {
            let pause = dice.millis(200, 4_000);
            server.signal(libc::SIGSTOP)?;
            std::thread::sleep(pause);
            server.signal(libc::SIGCONT)?;
            (stops, longest) = (stops + 1, longest.max(pause));
        }
    }
    println!("stopped and continued: {stops} times, up to {longest:?}; HUP and USR1: {signals}");
    println!("the wall clock jumped: {jumps} times, up to 400 days");
    for (server, most) in servers.iter().zip(most) {
        println!("{}: up to {most} descriptors", server.name);
    }
    Ok(())
}

/// What a server holds when the clients that it had are gone, and what it had of them.
fn settled(server: &Server, fresh: &Holdings) -> Result<Holdings, String> {
    let until = Instant::now() + SETTLE;
    let is_as = |fresh: &Holdings, held: &Holdings| {
        held.gauges.iter().all(|(name, value)| fresh.gauges.get(name).is_some_and(|f| value <= f))
    };
    while !is_as(fresh, &server.holdings()?) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(250));
    }
    // A moment for what else is on its way out.
    std::thread::sleep(Duration::from_secs(1));
    server.holdings()
}

/// Waits until a server holds what it held before, or for long enough.
fn returned(server: &Server, before: &Holdings) -> Result<Holdings, String> {
    let until = Instant::now() + SETTLE;
    loop {
        let held = server.holdings()?;
        if excess(before, &held).is_empty() || Instant::now() > until {
            return Ok(held);
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// What is held beyond the measure.
fn excess(before: &Holdings, after: &Holdings) -> Problems {
    let mut problems = Problems::new();
    let mut check = |what: &str, before: u64, after: u64, most: u64| {
        if after > most {
            problems.push(format!("{what}: {before} before, {after} after, at most {most}"));
        }
    };
    let (resident, most) = (before.resident_kb, memory_max(before));
    check("memory in kB", resident, after.resident_kb, most);
    check("threads", before.threads, after.threads, before.threads + THREADS_MORE);
    let descriptors = before.descriptors;
    check("descriptors", descriptors, after.descriptors, descriptors + DESCRIPTORS_MORE);
    for (name, value) in &after.gauges {
        let before = before.gauges.get(name).copied().unwrap_or_default() as u64;
        check(name, before, *value as u64, before);
    }
    problems
}

fn memory_max(before: &Holdings) -> u64 {
    before.resident_kb * (100 + MEMORY_PERCENT) / 100 + MEMORY_KB
}

fn show_clients(tally: &Tally, problems: &mut Problems) {
    println!("\n{:<32} {:>10} {:>10} {:>12}", "clients", "answers", "failed", "slowest ms");
    for (kind, (_, name)) in KINDS.iter().enumerate() {
        let (answers, failures, slowest_ms) = tally.of(kind);
        println!("{name:<32} {answers:>10} {failures:>10} {slowest_ms:>12}");
        if failures > 0 {
            problems.push(format!("{name}: {failures} valid requests failed"));
        }
    }
    problems.extend(tally.complaints());
}

fn show_peers(mob: &Mob, problems: &mut Problems) {
    println!("\n{:<32} {:>10}", "peers", "times");
    for ((name, _), count) in ACTS.iter().zip(&mob.acts) {
        println!("{name:<32} {:>10}", count.load(Ordering::Relaxed));
    }
    if let Ok(faults) = mob.faults.lock() {
        problems.extend(faults.iter().take(5).map(|fault| format!("status 500: {fault}")));
    }
}

fn show_holdings(name: &str, before: &Holdings, after: &Holdings, problems: &mut Problems) {
    println!("\n{name:<32} {:>10} {:>10} {:>12}", "before", "after", "at most");
    let row = |what: &str, before: u64, after: u64, most: u64| {
        println!("{what:<32} {before:>10} {after:>10} {most:>12}");
    };
    let most = memory_max(before);
    row("memory in kB", before.resident_kb, after.resident_kb, most);
    row("  at its peak", before.peak_kb, after.peak_kb, after.peak_kb);
    row("threads", before.threads, after.threads, before.threads + THREADS_MORE);
    let descriptors = before.descriptors;
    row("descriptors", descriptors, after.descriptors, descriptors + DESCRIPTORS_MORE);
    for (gauge, value) in &after.gauges {
        let before = before.gauges.get(gauge).copied().unwrap_or_default() as u64;
        row(gauge, before, *value as u64, before);
    }
    problems.extend(excess(before, after).into_iter().map(|what| format!("{name}: {what}")));
}

/// Servers end in time, with peers all about them.
fn stop(
    options: &Options,
    servers: &mut [Server; 2],
    problems: &mut Problems,
) -> Result<(), String> {
    let mob = Mob::new(options.seed + 1, [servers[0].address, servers[1].address], 100);
    println!();
    std::thread::scope(|scope| {
        bring(scope, &mob, options.peers);
        std::thread::sleep(Duration::from_secs(2));
        let ended: Result<(), String> = servers.iter_mut().try_for_each(|server| {
            if !server.is_running() {
                problems.push(format!("{} has ended by itself", server.name));
                return Ok(());
            }
            server.signal(libc::SIGTERM)?;
            match server.wait(STOP_MAX) {
                Ok((status, took)) if status.success() => {
                    println!("{} ended {took:?} after SIGTERM", server.name);
                }
                Ok((status, _)) => problems.push(format!("{}: {status}", server.name)),
                Err(problem) => problems.push(problem),
            }
            Ok(())
        });
        mob.over.store(true, Ordering::Relaxed);
        ended
    })?;
    for server in servers {
        let errors = server.errors();
        problems.extend(errors.iter().take(5).map(|line| format!("{}: {line}", server.name)));
    }
    Ok(())
}
