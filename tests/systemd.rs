//! What systemd is told, over a socket of its kind (`sd_notify(3)`).

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use daemon::{Daemon, command};
use mcp_fastd::{Config, Empty, Server};

const PATIENCE: Duration = Duration::from_secs(20);

struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Manager {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Manager { socket, path, _folder: folder }
    }

    fn serve(&self) -> Command {
        let mut command = command();
        command.args(["--bind", "127.0.0.1:0", "--cores", "2"]).env("NOTIFY_SOCKET", &self.path);
        command
    }

    /// The next word that begins like this, past others.
    #[track_caller]
    fn hears(&self, beginning: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while Instant::now() < until {
            let mut bytes = [0; 4096];
            let length = self.socket.recv(&mut bytes).expect("a word");
            let word = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if word.starts_with(beginning) {
                return word;
            }
            heard.push(word);
        }
        panic!("never heard {beginning}: {heard:?}");
    }
}

#[test]
fn it_is_told_of_the_start_of_reloads_and_of_the_end() {
    let manager = Manager::new();
    let mut daemon = Daemon::start(&mut manager.serve());
    let ready = manager.hears("READY=1\n");
    assert!(ready.contains("STATUS=serving http://127.0.0.1:"), "{ready}");
    daemon.signal("HUP");
    let reloading = manager.hears("RELOADING=1\n");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.hears("READY=1\n");
    daemon.signal("USR1");
    daemon.logs(0, "the logs of requests are to be opened again");
    daemon.signal("TERM");
    manager.hears("STOPPING=1\n");
    assert!(daemon.ended().success());
}

#[test]
fn it_is_told_which_process_follows() {
    let manager = Manager::new();
    let mut daemon = Daemon::start(&mut manager.serve());
    manager.hears("READY=1\n");
    daemon.signal("USR2");
    // The two processes speak at the same time.
    let words = [manager.hears(""), manager.hears("")];
    let main = words.iter().find_map(|word| word.strip_prefix("MAINPID=")).expect("the new one");
    let main = main.trim().to_owned();
    assert!(words.iter().any(|word| word.starts_with("READY=1")), "{words:?}");
    assert!(daemon.left().success());
    assert_ne!(main, daemon.id().to_string());
    manager.socket.set_nonblocking(true).expect("set");
    assert!(manager.socket.recv(&mut [0; 16]).is_err(), "the service does not stop");
    assert!(Command::new("kill").args(["-s", "TERM", &main]).status().expect("runs").success());
    manager.socket.set_nonblocking(false).expect("set");
    manager.hears("STOPPING=1\n");
}

#[test]
fn the_watchdog_is_told_while_shards_are_idle() {
    let manager = Manager::new();
    let mut command = manager.serve();
    let daemon = Daemon::start(command.env("WATCHDOG_USEC", "200000"));
    for _ in 0..3 {
        manager.hears("WATCHDOG=1");
    }
    // For another process.
    drop(daemon);
    let manager = Manager::new();
    let mut command = manager.serve();
    command.env("WATCHDOG_USEC", "200000").env("WATCHDOG_PID", "1");
    let daemon = Daemon::start(&mut command);
    manager.hears("READY=1");
    manager.socket.set_read_timeout(Some(Duration::from_millis(500))).expect("set");
    assert!(manager.socket.recv(&mut [0; 16]).is_err());
    drop(daemon);
}

#[test]
fn a_shard_that_is_stuck_is_found() {
    let (release, stuck) = std::sync::mpsc::channel::<()>();
    let stuck = std::sync::Mutex::new(stuck);
    let server = Server::builder()
        .tool("stick", move |_: Empty| {
            let _ = stuck.lock().expect("a lock").recv();
            "released"
        })
        .build();
    let config = Config {
        bind: ([127, 0, 0, 1], 0).into(),
        cores: Some(2),
        pin: false,
        ..Config::default()
    };
    let running = server.config(config).start().expect("it starts");
    let handle = running.handle();
    assert_eq!(handle.silent_shards(PATIENCE), [0; 0]);
    let address = running.addr();
    let caller = std::thread::spawn(move || {
        let mut client = daemon::Client::connect(address);
        client.result("tools/call", serde_json::json!({ "name": "stick", "arguments": {} }))
    });
    let until = Instant::now() + PATIENCE;
    while handle.silent_shards(Duration::from_millis(100)).len() != 1 {
        assert!(Instant::now() < until, "one shard is stuck");
    }
    release.send(()).expect("it waits");
    caller.join().expect("an answer");
    assert_eq!(handle.silent_shards(PATIENCE), [0; 0]);
    running.stop();
}
