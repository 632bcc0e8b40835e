//! Keeps many connections busy, from one thread.
//!
//! A connection is free or busy; a free one takes the next request that is due.
//! After each answer the clock is read once: that time ends one request and, in
//! closed loop, begins the next.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Heard};
use crate::pace::Pace;
use crate::scenario::Scenario;
use crate::tally::{Cpu, Report, Tally};

const EVENTS_MAX: usize = 1024;
const SCRATCH_BYTES: usize = 64 * 1024;
/// So many errors are not a load test.
const ERRORS_MAX: u64 = 1000;
const SILENCE_MAX: Duration = Duration::from_secs(10);
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// Of so many connections one should be served from the CPU that is wanted.
const ELSEWHERE_MAX: usize = 16;
/// A connection's own socket, and that of its line: so many tokens each has.
const SOCKETS: usize = 2;
/// How long a late answer is waited for, at a fixed rate.
const DRAIN_MAX: Duration = Duration::from_secs(2);

pub struct Options {
    pub connections: usize,
    pub warmup: Duration,
    /// When to start measuring, in place of `warmup`: several generators, one time.
    pub start: Option<SystemTime>,
    /// Use connections only that are served from this CPU.
    pub same_cpu: Option<usize>,
    pub duration: Duration,
    pub requests_max: u64,
    pub rate: Option<u64>,
    /// 429 and 503 are no errors, and are counted apart.
    pub refusals: bool,
    /// Ask for events without sleeping: lower latency, a busy CPU.
    pub spin: bool,
    /// The process whose CPU time is reported.
    pub server: Option<i32>,
}

pub struct Engine<'s> {
    scenario: &'s Scenario,
    target: SocketAddr,
    first: Rc<[u8]>,
    poll: Poll,
    spin: bool,
    connections: Vec<Connection>,
    /// Invariant: each connection is free, busy, or being prepared.
    /// The one that has rested longest goes first.
    free: VecDeque<usize>,
    busy: usize,
    pace: Pace,
    takes_refusals: bool,
    scratch: Vec<u8>,
    pub tally: Tally,
}

pub fn run(scenario: &Scenario, target: SocketAddr, options: &Options) -> Result<Report, String> {
    let mut engine = Engine::new(scenario, target, options.spin)?;
    match options.same_cpu {
        None => engine.open(options.connections)?,
        Some(cpu) => engine.open_on(options.connections, cpu)?,
    }
    let warmup = match options.start {
        None => options.warmup,
        Some(start) => start.duration_since(SystemTime::now()).map_err(|_| "--start is over")?,
    };
    let begin = Instant::now();
    engine.takes_refusals = options.refusals;
    engine.pace = Pace::new(options.rate, options.requests_max, begin);
    engine.until(begin + warmup)?;

    engine.tally.restart();
    let cpu = || options.server.map(Cpu::of).transpose();
    let before = cpu()?;
    let start = Instant::now();
    engine.until(start + options.duration)?;
    let end = Instant::now();
    let after = cpu()?;
    let seconds = (end - start).as_secs_f64();

    let unsent = engine.settle(end)?;
    if engine.tally.answers_all == 0 && engine.tally.errors == 0 {
        return Err("there was not one answer".into());
    }
    Ok(Report { tally: engine.tally, seconds, unsent, server: before.zip(after) })
}

impl<'s> Engine<'s> {
    pub fn new(scenario: &'s Scenario, target: SocketAddr, spin: bool) -> Result<Self, String> {
        // Over HTTP+SSE there is a session before the first request.
        let first = scenario.bytes(0, scenario.stream.as_ref().map(|_| ""));
        Ok(Self {
            scenario,
            target,
            first: first.ok_or("the first request names a session")?.into(),
            poll: Poll::new().map_err(|error| format!("poll: {error}"))?,
            spin,
            connections: Vec::new(),
            free: VecDeque::new(),
            busy: 0,
            pace: Pace::Stopped,
            takes_refusals: false,
            scratch: vec![0; SCRATCH_BYTES],
            tally: Tally::new()?,
        })
    }

    /// Opens `count` more connections and prepares them.
    pub fn open(&mut self, count: usize) -> Result<(), String> {
        let first = self.connections.len();
        for index in first..first + count {
            let connection = self.connect(index)?;
            self.connections.push(connection);
            self.begin(index);
        }
        let deadline = Instant::now() + SILENCE_MAX;
        let mut events = Events::with_capacity(EVENTS_MAX);
        while self.free.len() < self.connections.len() {
            self.turn(&mut events, Some(SLEEP_MAX))?;
            if self.tally.errors > 0 || Instant::now() > deadline {
                let why = self.tally.complaint.take();
                return Err(why.unwrap_or("the server does not answer".into()));
            }
        }
        Ok(())
    }

    /// Opens connections until `count` of them are answered from this CPU. The others stay open and
    /// rest, so that the server, which balances its shards by connections, has no reason to move any.
    fn open_on(&mut self, count: usize, cpu: usize) -> Result<(), String> {
        let mut near = Vec::new();
        while near.len() < count {
            if self.connections.len() >= count * ELSEWHERE_MAX {
                return Err(format!("{} of {count} connections on CPU {cpu}", near.len()));
            }
            let more = count - near.len();
            self.open(more)?;
            self.ask_last(more)?;
            near = self.free.iter().copied().collect();
            near.retain(|index| self.connections[*index].answered_from(cpu));
        }
        near.truncate(count);
        self.free = near.into();
        Ok(())
    }

    /// One request on each connection opened last, and all the answers.
    pub fn ask_last(&mut self, count: usize) -> Result<(), String> {
        for index in self.free.split_off(self.free.len() - count) {
            self.send(index, Instant::now());
        }
        let deadline = Instant::now() + SILENCE_MAX;
        let mut events = Events::with_capacity(EVENTS_MAX);
        while self.busy > 0 {
            self.turn(&mut events, Some(SLEEP_MAX))?;
            if Instant::now() > deadline {
                return Err("the server does not answer".into());
            }
        }
        Ok(())
    }

    fn until(&mut self, deadline: Instant) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let (mut answers, mut heard) = (0, Instant::now());
        loop {
            let now = Instant::now();
            while let Some(index) = self.free.pop_front() {
                match self.pace.take(now) {
                    Some(intended) => self.send(index, intended),
                    None => {
                        self.free.push_front(index);
                        break;
                    }
                }
            }
            let over = self.busy == 0 && self.pace.due(now).is_none();
            if now >= deadline || over || self.tally.errors >= ERRORS_MAX {
                return Ok(());
            }
            if self.tally.answers_all > answers || self.busy == 0 {
                (answers, heard) = (self.tally.answers_all, now);
            } else if now - heard > SILENCE_MAX {
                return Err(format!("no answer for {SILENCE_MAX:?}"));
            }
            let timeout = self.timeout(now, deadline);
            self.turn(&mut events, Some(timeout))?;
        }
    }

    /// Polling is exact to a millisecond, so the last one before a request is
    /// due is spent awake.
    fn timeout(&self, now: Instant, deadline: Instant) -> Duration {
        let sleep = SLEEP_MAX.min(deadline - now);
        match self.pace.due(now) {
            _ if self.spin => Duration::ZERO,
            Some(due) if !self.free.is_empty() => {
                let awake = (due - now).as_millis().saturating_sub(1) as u64;
                sleep.min(Duration::from_millis(awake))
            }
            _ => sleep,
        }
    }

    fn turn(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), String> {
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(format!("poll: {error}")),
        }
        for event in events.iter() {
            let index = event.token().0 / SOCKETS;
            if event.token() == line_token(index) {
                self.receive(index, Connection::listen)?;
            } else if event.is_writable() && self.connections[index].flush().is_err() {
                self.lost(index, "cannot send".into())?;
            } else if event.is_readable() {
                self.receive(index, Connection::receive)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, index: usize, hear: Hear) -> Result<(), String> {
        let connection = &mut self.connections[index];
        let (close, heard) = match hear(connection, self.scenario, &mut self.scratch) {
            Heard::Nothing => return Ok(()),
            Heard::Lost(why) => return self.lost(index, why),
            Heard::Prepared => {
                self.begin(index);
                return Ok(());
            }
            Heard::Answer { len, close } => (close, Ok(len)),
            Heard::Wrong { why, close } => (close, Err(why)),
            Heard::Refused { close, .. } if self.takes_refusals => (close, Ok(0)),
            Heard::Refused { why, close } => (close, Err(why)),
        };
        let now = Instant::now();
        self.busy -= 1;
        match heard {
            Ok(0) => self.tally.refusal(now - connection.intended),
            Ok(len) => self.tally.answer(now - connection.intended, len),
            Err(why) => self.tally.error(why),
        }
        if close {
            self.tally.reopened += 1;
            return self.reopen(index);
        }
        match self.pace.take(now) {
            Some(intended) => self.send(index, intended),
            None => self.free.push_back(index),
        }
        Ok(())
    }

    /// The next preparation, or a place among the free.
    fn begin(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if connection.prepared(self.scenario) {
            return self.free.push_back(index);
        }
        if let Err(error) = connection.send(Instant::now()) {
            self.tally.error(error.to_string());
        }
    }

    /// A failure to send shows as a lost connection at the next turn.
    fn send(&mut self, index: usize, intended: Instant) {
        self.busy += 1;
        let _ = self.connections[index].send(intended);
    }

    fn lost(&mut self, index: usize, why: String) -> Result<(), String> {
        self.tally.error(why);
        let before = self.free.len();
        self.free.retain(|free| *free != index);
        if self.free.len() == before && self.connections[index].prepared(self.scenario) {
            self.busy -= 1;
        }
        self.reopen(index)
    }

    fn reopen(&mut self, index: usize) -> Result<(), String> {
        self.connections[index] = self.connect(index)?;
        self.begin(index);
        Ok(())
    }

    fn connect(&self, index: usize) -> Result<Connection, String> {
        let mut connection = Connection::open(self.target, self.scenario, &self.first)
            .map_err(|error| format!("connection {index} to {}: {error}", self.target))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        let complain = |error: std::io::Error| format!("poll: {error}");
        let token = Token(index * SOCKETS);
        registry.register(&mut connection.stream, token, interest).map_err(complain)?;
        if let Some(line) = &mut connection.line {
            let token = line_token(index);
            registry.register(&mut line.stream, token, Interest::READABLE).map_err(complain)?;
        }
        Ok(connection)
    }

    /// At a fixed rate, what is late at the end counts with the time it waited:
    /// else a server that stands still would look fast.
    fn settle(&mut self, end: Instant) -> Result<u64, String> {
        if !matches!(self.pace, Pace::Rate { .. }) {
            return Ok(0);
        }
        let mut unsent = 0;
        while let Some(intended) = self.pace.take(end) {
            self.tally.latency(end - intended);
            unsent += 1;
        }
        self.pace = Pace::Stopped;
        let answers = self.tally.answers;
        self.until(Instant::now() + DRAIN_MAX)?;
        self.tally.answers = answers;
        Ok(unsent)
    }

    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many connections the server has closed while nothing was asked.
    pub fn closed(&mut self) -> usize {
        let scenario = self.scenario;
        let scratch = &mut self.scratch;
        let silent = |heard: Heard| matches!(heard, Heard::Nothing);
        let closed = |connection: &mut Connection| {
            !silent(connection.receive(scenario, scratch))
                || !silent(connection.listen(scenario, scratch))
        };
        self.connections.iter_mut().map(closed).filter(|closed| *closed).count()
    }
}

/// Reads from one of a connection's sockets.
type Hear = fn(&mut Connection, &Scenario, &mut [u8]) -> Heard;

fn line_token(index: usize) -> Token {
    Token(index * SOCKETS + 1)
}
