//! A new process takes over (SIGUSR2) and no request is lost; one that cannot leaves all as it was.
//! Sockets that are open already (socket activation) are served.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use daemon::{Daemon, command};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// The processes that have followed a daemon; ended with the test.
struct Followers(Vec<String>);

impl Followers {
    fn signal(&self, name: &str) {
        let last = self.0.last().expect("a follower");
        assert!(Command::new("kill").args(["-s", name, last]).status().expect("runs").success());
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ =
                Command::new("kill").args(["-s", "KILL", process]).stderr(Stdio::null()).status();
        }
    }
}

/// The process that the log says has followed.
fn follower(log: &str) -> String {
    let (_, rest) = log.split_once("process=").expect("it says which");
    rest.split_whitespace().next().expect("a number").to_owned()
}

/// A connection over which requests are sent; every one must get its answer.
struct Caller {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    /// It adds a document with each call, instead of asking for figures.
    writes: bool,
    id: u64,
    reconnected: u64,
}

impl Caller {
    fn new(address: SocketAddr) -> Caller {
        Caller { address, stream: None, writes: false, id: 0, reconnected: 0 }
    }

    /// One `tools/call`; says what was wrong with its answer.
    fn call(&mut self) -> Result<(), String> {
        self.id += 1;
        let (tool, arguments) = match self.writes {
            true => ("add_document", json!({ "title": "written", "text": "while it moves" })),
            false => ("dataset_stats", json!({})),
        };
        let body = json!({ "jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments,
            "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                       "io.modelcontextprotocol/clientCapabilities": {} } } })
        .to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
             Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).map_err(|e| format!("connect: {e}"))?;
            stream.set_read_timeout(Some(PATIENCE)).expect("set");
            stream.set_nodelay(true).expect("set");
            self.stream = Some(BufReader::new(stream));
            self.reconnected += 1;
        }
        let stream = self.stream.as_mut().expect("connected");
        let say = |doing: &str, e: std::io::Error| format!("{doing}: {e}");
        stream.get_mut().write_all(request.as_bytes()).map_err(|e| say("send", e))?;
        let (mut length, mut closes, mut status) = (0, false, String::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).map_err(|e| say("head", e))? == 0 {
                return Err(format!("closed after {status:?}"));
            }
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                Some(("connection", value)) => closes = value == "close",
                Some(_) => {}
                None => status = line,
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).map_err(|e| say("body", e))?;
        if closes {
            self.stream = None;
        }
        let answer: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
        match status.contains(" 200")
            && answer["id"] == self.id
            && answer["result"]["isError"] == false
        {
            true => Ok(()),
            false => Err(format!("{status}: {answer}")),
        }
    }
}

#[test]
fn several_upgrades_in_a_row_lose_no_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Daemon::over(&folder.path().join("x.db"));
    let address = first.address;
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..16)
        .map(|number| {
            let (over, answered) = (over.clone(), answered.clone());
            std::thread::spawn(move || {
                let mut caller = Caller::new(address);
                // The writers of two processes share one file meanwhile.
                caller.writes = number % 8 == 2;
                let mut written = 0;
                while !over.load(Ordering::Relaxed) {
                    // Some open a connection for each request.
                    if number % 4 == 0 {
                        caller.stream = None;
                    }
                    caller.call()?;
                    answered.fetch_add(1, Ordering::Relaxed);
                    written += u64::from(caller.writes);
                    // Some are idle in between, so that they come back to a process that drains.
                    if number % 4 == 1 {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
                Ok::<_, String>((caller.reconnected, written))
            })
        })
        .collect();
    let mut followers = Followers(Vec::new());
    for upgrade in 0..4 {
        let (before, seen) = (first.log().len(), answered.load(Ordering::Relaxed));
        match upgrade {
            0 => first.signal("USR2"),
            _ => followers.signal("USR2"),
        }
        followers.0.push(follower(&first.logs(before, "the new process serves")));
        // The one before has answered all and left; there is load on the new one.
        first.logs(before, "stopped");
        if upgrade == 0 {
            assert!(first.left().success());
        }
        while answered.load(Ordering::Relaxed) < seen + 200 {
            assert!(!callers.iter().any(|caller| caller.is_finished()), "a request was lost");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    over.store(true, Ordering::Relaxed);
    let (mut reconnected, mut written) = (0, 0);
    for caller in callers {
        let done = caller.join().expect("no panic").expect("every request has its answer");
        (reconnected, written) = (reconnected + done.0, written + done.1);
    }
    let stats = daemon::Client::connect(address).call("dataset_stats", json!({}));
    assert_eq!(stats["documents"], written, "what was answered is there");
    assert!(reconnected >= 4, "connections moved to the new processes: {reconnected}");
}

#[test]
fn one_that_cannot_start_leaves_all_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("c.toml");
    fs::write(&config, "bind = \"127.0.0.1:0\"\ncores = 1\n").expect("a file");
    let mut command = command();
    command.arg("--config").arg(&config).arg(folder.path().join("x.db"));
    let mut daemon = Daemon::start(&mut command);
    let mut caller = Caller::new(daemon.address);
    caller.call().expect("an answer");
    fs::write(&config, "bind = \"127.0.0.1:0\"\ncroes = 1\n").expect("a file");
    daemon.signal("USR2");
    let log = daemon.logs(0, "no upgrade, and all goes on as it was");
    assert!(log.contains("c.toml:2") && log.contains("croes"), "{log}");
    caller.call().expect("the old connection");
    Caller::new(daemon.address).call().expect("a new one");
    assert_eq!(caller.reconnected, 1);
    // It can be tried again.
    fs::write(&config, "bind = \"127.0.0.1:0\"\ncores = 3\n").expect("a file");
    let before = daemon.log().len();
    daemon.signal("USR2");
    let _followers = Followers(vec![follower(&daemon.logs(before, "the new process serves"))]);
    while caller.stream.is_some() {
        caller.call().expect("the old connection is answered, and at last told to close");
    }
    assert!(daemon.left().success());
    for _ in 0..10 {
        Caller::new(daemon.address).call().expect("three shards on one socket");
    }
}

#[test]
fn a_stop_during_the_drain_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut daemon = Daemon::over(&folder.path().join("x.db"));
    let mut idle = Caller::new(daemon.address);
    idle.call().expect("an answer");
    daemon.signal("USR2");
    let _followers = Followers(vec![follower(&daemon.logs(0, "the new process serves"))]);
    daemon.signal("HUP");
    daemon.logs(0, "no reload: this process is about to end");
    daemon.signal("TERM");
    assert!(daemon.left().success());
    Caller::new(daemon.address).call().expect("the new process is another one");
}

/// Starts the daemon with these sockets from the third descriptor on, as systemd does.
fn activated(sockets: &[TcpListener], names: &str, pid: &str, arguments: &[&str]) -> Command {
    // A shell puts them in their places, and says for which process they are: its own.
    let mut script = String::new();
    let mut moves = String::new();
    for (index, socket) in sockets.iter().enumerate() {
        let descriptor = socket.as_raw_fd();
        script += &format!("exec {}<&{descriptor}; ", 20 + index);
        moves += &format!("exec {}<&{}; ", 3 + index, 20 + index);
    }
    script += &moves;
    script += &format!("export LISTEN_PID={pid}; exec \"$@\"");
    let program = env!("CARGO_BIN_EXE_mcp-fastd");
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash", program]).args(arguments);
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    command.env("MCP_FASTD__LOG_FORMAT", "human");
    command
}

/// Listens, with a descriptor that processes inherit.
fn socket() -> TcpListener {
    socket_at("127.0.0.1:0")
}

fn socket_at(address: &str) -> TcpListener {
    let socket = TcpListener::bind(address).expect("a port");
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty()).expect("set");
    socket
}

#[test]
fn sockets_that_are_open_are_served_whatever_their_number() {
    for (sockets, cores) in [(1, "3"), (3, "1"), (2, "2")] {
        let opened: Vec<_> = (0..sockets).map(|_| socket()).collect();
        let at: Vec<_> = opened.iter().map(|it| it.local_addr().expect("bound")).collect();
        // Who comes before the server does is served when it is there.
        let mut early = TcpStream::connect(at[sockets - 1]).expect("queued");
        early.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        let daemon = Daemon::start(&mut activated(&opened, "", "$$", &["--cores", cores]));
        assert_eq!(daemon.address, at[0], "it says where it is");
        let mut answer = [0; 12];
        early.set_read_timeout(Some(PATIENCE)).expect("set");
        early.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
        drop(opened);
        for address in at {
            Caller::new(address).call().expect("an answer");
        }
        // And handed over to the next.
        daemon.signal("USR2");
        let _followers = Followers(vec![follower(&daemon.logs(0, "the new process serves"))]);
        Caller::new(daemon.address).call().expect("an answer");
    }
}

#[test]
fn names_and_the_process_they_are_for_are_respected() {
    let opened = [socket(), socket()];
    let daemon = Daemon::start(&mut activated(&opened, "admin:mcp", "$$", &["--cores", "1"]));
    assert_eq!(daemon.address, opened[1].local_addr().expect("bound"));
    daemon.logs(0, "operators find /health, /ready and /metrics here");
    let admin = opened[0].local_addr().expect("bound");
    let mut asked = TcpStream::connect(admin).expect("it listens");
    asked
        .write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    asked.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // Both are where the unit says: nothing of that waits for a restart.
    for _ in 0..2 {
        let before = daemon.log().len();
        daemon.signal("HUP");
        // What it warns of comes after that, and so before the second one.
        daemon.logs(before, "reloaded");
        assert!(!daemon.log().contains("after a restart only"), "{}", daemon.log());
    }
    // For somebody else: as if there were none.
    let arguments = ["--bind", "127.0.0.1:0", "--cores", "1"];
    let daemon = Daemon::start(&mut activated(&opened, "", "1", &arguments));
    assert!(opened.iter().all(|it| it.local_addr().expect("bound") != daemon.address));
    // What was promised is not there.
    let mut command = activated(&[], "", "$$", &[]);
    let output = command.env("LISTEN_FDS", "9").output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("which was promised"), "{told}");
}

#[test]
fn each_socket_that_others_reach_demands_a_name_and_is_warned_of() {
    for places in [["127.0.0.1:0", "0.0.0.0:0"], ["0.0.0.0:0", "127.0.0.1:0"]] {
        let opened = places.map(socket_at);
        let output = activated(&opened, "", "$$", &["--cores", "1"]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains("--public-url"), "{told}");
        let named = ["--cores", "1", "--allowed-host", "a.example"];
        let daemon = Daemon::start(&mut activated(&opened, "", "$$", &named));
        let public = opened.iter().map(|it| it.local_addr().expect("bound"));
        let public = public.filter(|it| !it.ip().is_loopback()).map(|it| it.to_string());
        // What comes after all that the start says.
        daemon.signal("USR1");
        let log = daemon.logs(0, "the logs of requests");
        let warned: Vec<_> = log.lines().filter(|it| it.contains("beyond this machine")).collect();
        assert_eq!(warned.len(), 1, "{log}");
        assert!(public.into_iter().all(|it| warned[0].contains(&it)), "{log}");
        // A page at localhost is a visitor's own, at either socket.
        for socket in &opened {
            let at = (std::net::Ipv4Addr::LOCALHOST, socket.local_addr().expect("bound").port());
            let mut asked = TcpStream::connect(at).expect("it listens");
            asked
                .write_all(
                    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\
                      Content-Length: 0\r\nConnection: close\r\n\r\n",
                )
                .expect("sent");
            let mut answer = String::new();
            asked.read_to_string(&mut answer).expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        }
    }
}

#[test]
fn an_upgrade_goes_by_the_operators_address_unless_systemd_has_opened_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    let admin = |socket: &TcpListener| socket.local_addr().expect("bound").to_string();
    for names in ["mcp", "mcp:admin"] {
        let is_systemds = names.contains("admin");
        let opened: Vec<_> = names.split(':').map(|_| socket()).collect();
        let [one, other] = [socket(), socket()].map(|free| admin(&free));
        let set = |address: &str| {
            fs::write(&file, format!("cores = 1\nadmin_bind = \"{address}\"\n")).expect("a file");
        };
        set(&one);
        let arguments = ["--config", file.to_str().expect("text")];
        let daemon = Daemon::start(&mut activated(&opened, names, "$$", &arguments));
        let log = daemon.logs(0, "operators find");
        assert_eq!(log.contains("admin_bind is not served"), is_systemds, "{log}");
        set(&other);
        let before = daemon.log().len();
        daemon.signal("USR2");
        let log = daemon.logs(before, "the new process serves");
        let _followers = Followers(vec![follower(&log)]);
        let served = if is_systemds { admin(&opened[1]) } else { other };
        let here = log.lines().find(|line| line.contains("operators find")).expect("it says where");
        assert!(here.contains(&served), "{here}: {served}");
        assert_eq!(log.contains("admin_bind is not served"), is_systemds, "{log}");
    }
}
