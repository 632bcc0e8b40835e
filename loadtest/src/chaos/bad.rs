//! Peers that misbehave, each in a way that the dice choose. What they are told in return does not
//! matter, but for this: no fault of a peer is a fault of the server (500).

mod oversized;
mod streams;

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::dice::Dice;
use super::message;
use super::wire::Wire;

type Act = fn(&mut Peer<'_>) -> io::Result<()>;

/// Everything that a peer may do.
pub const ACTS: [(&str, Act); 15] = [
    ("slow heads", slow_head),
    ("slow bodies", slow_body),
    ("slow readers", streams::slow_reader),
    ("half-closes", half_close),
    ("resets in every phase", reset),
    ("oversized requests", oversized::request),
    ("oversized JSON", oversized::json),
    ("garbage", garbage),
    ("TLS hellos", tls_hello),
    ("connection floods", flood),
    ("pipelining floods", pipelining),
    ("streams nobody reads", streams::unread),
    ("abandoned streams", streams::abandoned),
    ("abandoned sessions", streams::sessions),
    ("abandoned tasks and calls", streams::calls),
];

/// Longer than the times the servers are set to.
const LONG: Duration = Duration::from_secs(5);

/// What all peers share.
pub struct Mob {
    pub seed: u64,
    pub targets: [SocketAddr; 2],
    /// Connections that one flood opens: more than either server can have.
    pub flood: usize,
    pub over: AtomicBool,
    pub acts: [AtomicU64; ACTS.len()],
    /// Answers of status 500.
    pub faults: Mutex<Vec<String>>,
    /// One flood at a time, and some time in between, since what is to be seen is whether others
    /// are served, not whether they can be kept waiting for ever.
    flooding: Mutex<Option<Instant>>,
}

impl Mob {
    pub fn new(seed: u64, targets: [SocketAddr; 2], flood: usize) -> Self {
        Self {
            seed,
            targets,
            flood,
            over: AtomicBool::new(false),
            acts: Default::default(),
            faults: Mutex::default(),
            flooding: Mutex::default(),
        }
    }
}

pub struct Peer<'m> {
    mob: &'m Mob,
    dice: Dice,
    target: SocketAddr,
    /// Never the address of a client that behaves.
    from: IpAddr,
}

impl<'m> Peer<'m> {
    pub fn new(mob: &'m Mob, number: usize) -> Self {
        // Players of their own: clients have the numbers before.
        let dice = Dice::new(mob.seed, 1_000_000 + number as u64);
        Self { mob, dice, target: mob.targets[0], from: Ipv4Addr::new(127, 0, 1, 1).into() }
    }

    pub fn live(mut self) {
        while !self.is_over() {
            self.target = *self.dice.pick(&self.mob.targets);
            self.from = Ipv4Addr::new(127, 0, 1, self.dice.between(1, 250) as u8).into();
            let act = self.dice.roll(ACTS.len());
            // Whatever the server does about it is fine.
            let _ = ACTS[act].1(&mut self);
            self.mob.acts[act].fetch_add(1, Ordering::Relaxed);
            self.pause(0, 50);
        }
    }

    fn is_over(&self) -> bool {
        self.mob.over.load(Ordering::Relaxed)
    }

    /// Waits, unless the run is over.
    fn pause(&mut self, from_ms: usize, to_ms: usize) {
        let until = Instant::now() + self.dice.millis(from_ms, to_ms);
        while !self.is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }

    fn connect(&self) -> io::Result<Wire> {
        self.connect_with(None)
    }

    fn connect_with(&self, buffer: Option<usize>) -> io::Result<Wire> {
        let wire = Wire::connect_from(self.target, self.from, buffer)?;
        wire.stream.set_read_timeout(Some(LONG))?;
        wire.stream.set_write_timeout(Some(LONG))?;
        Ok(wire)
    }

    /// A good request, mostly small.
    fn request(&mut self) -> Vec<u8> {
        let text = "z".repeat(self.dice.roll(3_000));
        match self.dice.roll(6) {
            0 => message::call(1, "fill", json!({ "bytes": self.dice.roll(400_000) })),
            1 => message::call(2, "echo_on_worker", json!({ "text": text })),
            2 => message::call(3, "count", json!({ "steps": 4, "pause_ms": self.dice.roll(20) })),
            3 => message::modern(4, "tools/list", json!({})),
            4 => message::call(5, "search_documents", json!({ "query": "session", "limit": 20 })),
            _ => message::call(6, "echo", json!({ "text": text })),
        }
    }

    /// Reads what comes until the end, or until it takes long; looks at the first status.
    fn drain(&mut self, wire: &mut Wire, what: &str) -> io::Result<()> {
        let until = Instant::now() + LONG;
        let head = wire.head()?;
        if head.status == 500
            && let Ok(mut faults) = self.mob.faults.lock()
        {
            let body = wire.body(&head).unwrap_or_default();
            faults.push(format!("{what}: {}", String::from_utf8_lossy(&body)));
        }
        let mut scratch = [0; 16 * 1024];
        while Instant::now() < until && !self.is_over() && wire.stream.read(&mut scratch)? > 0 {}
        Ok(())
    }

    /// Leaves in one of the ways there are.
    fn leave(&mut self, wire: Wire) {
        match self.dice.roll(3) {
            0 => wire.reset(),
            1 => drop(wire),
            _ => {
                // It may be gone already.
                let _ = wire.half_close();
                self.pause(0, 500);
            }
        }
    }
}

/// Sends in small steps until the server has enough of it, or the peer has.
fn drip(peer: &mut Peer<'_>, wire: &mut Wire, bytes: &[u8], pause_ms: usize) -> io::Result<()> {
    let until = Instant::now() + LONG;
    for byte in bytes {
        if Instant::now() > until || peer.is_over() {
            break;
        }
        wire.send(&[*byte])?;
        peer.pause(pause_ms / 4, pause_ms);
    }
    Ok(())
}

fn slow_head(peer: &mut Peer<'_>) -> io::Result<()> {
    let (mut wire, request) = (peer.connect()?, peer.request());
    let pause_ms = peer.dice.between(20, 400);
    drip(peer, &mut wire, &request, pause_ms)?;
    peer.drain(&mut wire, "a slow head")
}

fn slow_body(peer: &mut Peer<'_>) -> io::Result<()> {
    let (mut wire, request) = (peer.connect()?, peer.request());
    let head = request.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    let some = head + peer.dice.roll(request.len() - head);
    wire.send(&request[..some])?;
    let pause_ms = peer.dice.between(20, 400);
    drip(peer, &mut wire, &request[some..], pause_ms)?;
    peer.drain(&mut wire, "a slow body")
}

fn half_close(peer: &mut Peer<'_>) -> io::Result<()> {
    let (mut wire, request) = (peer.connect()?, peer.request());
    let some = if peer.dice.roll(2) == 0 { request.len() } else { peer.dice.roll(request.len()) };
    wire.send(&request[..some])?;
    wire.half_close()?;
    peer.drain(&mut wire, "half a close")
}

fn reset(peer: &mut Peer<'_>) -> io::Result<()> {
    for _ in 0..peer.dice.between(1, 20) {
        let (mut wire, request) = (peer.connect()?, peer.request());
        let phase = peer.dice.roll(5);
        let some = match phase {
            0 => 0,
            1 => peer.dice.roll(request.len()),
            _ => request.len(),
        };
        wire.send(&request[..some])?;
        match phase {
            3 => peer.pause(0, 30),
            4 => drop(wire.head()?),
            _ => {}
        }
        wire.reset();
    }
    Ok(())
}

fn garbage(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect()?;
    let (count, request) = (peer.dice.between(1, 5_000), peer.request());
    let bytes = match peer.dice.roll(6) {
        0 => peer.dice.bytes(count),
        1 => vec![0; count],
        2 => b"\r\n".repeat(count),
        3 => b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        4 => {
            // Something that ought to be a request, with some bytes of it changed.
            let mut request = request;
            for _ in 0..peer.dice.between(1, 10) {
                let at = peer.dice.roll(request.len());
                request[at] = peer.dice.roll(256) as u8;
            }
            request
        }
        _ => {
            // Two lengths, of which nobody knows which one is meant.
            let length = peer.dice.roll(50);
            let head = format!(
                "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\
                 Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            );
            [head.as_bytes(), &request].concat()
        }
    };
    wire.send(&bytes)?;
    peer.drain(&mut wire, "garbage")
}

fn tls_hello(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect()?;
    let random = peer.dice.bytes(32);
    // A record of a handshake, and in it a hello of TLS 1.2 with two suites and no extensions.
    let hello = [&[3, 3], &random[..], &[0, 0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0]].concat();
    let message = [&[1, 0, 0, hello.len() as u8], &hello[..]].concat();
    let record = [&[22, 3, 1, 0, message.len() as u8], &message[..]].concat();
    wire.send(&record)?;
    peer.drain(&mut wire, "a TLS hello")
}

/// More connections than there is room for, some of which even ask for something.
fn flood(peer: &mut Peer<'_>) -> io::Result<()> {
    let Ok(mut last) = peer.mob.flooding.try_lock() else { return Ok(()) };
    if last.is_some_and(|last| last.elapsed() < LONG) {
        return Ok(());
    }
    let mut wires = Vec::new();
    let request = peer.request();
    for _ in 0..peer.mob.flood {
        if peer.is_over() {
            break;
        }
        // The backlog takes what the server does not; once that is full too, connecting fails.
        let Ok(mut wire) = peer.connect() else { break };
        if peer.dice.roll(4) == 0 {
            wire.send(&request)?;
        }
        wires.push(wire);
    }
    peer.pause(200, 2_000);
    for wire in wires {
        match peer.dice.roll(2) {
            0 => wire.reset(),
            _ => drop(wire),
        }
    }
    *last = Some(Instant::now());
    Ok(())
}

/// Requests without end and without a look at the answers.
fn pipelining(peer: &mut Peer<'_>) -> io::Result<()> {
    let (mut wire, request) = (peer.connect()?, peer.request());
    let requests = request.repeat(peer.dice.between(10, 400));
    wire.stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    let sent = wire.send(&requests);
    match peer.dice.roll(2) {
        0 if sent.is_ok() => peer.drain(&mut wire, "pipelined requests")?,
        _ => peer.leave(wire),
    }
    Ok(())
}
