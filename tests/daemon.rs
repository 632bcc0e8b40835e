//! The command's promises: flags, environment, file, exit codes, its words, its end.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use daemon::{Daemon, command};
use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// It ends with this code, and says this in one line.
fn check_problem(command: &mut Command, expected: &[&str]) {
    let output = command.output().expect("it runs");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.trim_end().lines().count(), 1, "one line: {told}");
    for part in expected {
        assert!(told.contains(part), "{part:?} in {told}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn help_teaches() {
    let help = text(&run(&["--help"]).stdout);
    let parts = ["--cores", "--bind", "--path", "--config", "--log", "--spin", "--allowed-origin"];
    for part in parts.into_iter().chain(["import", "Examples:", "MCP_FASTD__BIND", "Exit codes"]) {
        assert!(help.contains(part), "{part} in {help}");
    }
    for part in ["--public-url", "--allowed-host", "--trusted-proxy"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let help = text(&run(&["import", "--help"]).stdout);
    for part in ["--prune", "--verbose", "Examples:", "Exit codes"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let version = text(&run(&["--version"]).stdout);
    assert_eq!(version, format!("mcp-fastd {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_daemon_for_other_machines_is_told_its_name() {
    let bind = ["--bind", "0.0.0.0:0"];
    check_problem(command().args(bind), &["--public-url", "--allowed-host", "DNS rebinding"]);
    let wrong = ["--trusted-proxy", "10.0.0.1/8"];
    check_problem(command().args(wrong), &["guard.trusted_proxies", "10.0.0.0/8"]);
    let origin = ["--allowed-origin", "app.example"];
    check_problem(command().args(origin), &["allowed_origins", "https://app.example"]);
    let mut named = command();
    named.args(bind).args(["--public-url", "https://mcp.example.com", "--allowed-host", "*.lan"]);
    let mut daemon = Daemon::start(named.args(["--trusted-proxy", "127.0.0.0/8", "--cores", "1"]));
    for (host, status) in [("mcp.example.com", 204), ("a.lan:80", 204), ("lan", 421)] {
        let mut socket = TcpStream::connect(daemon.address).expect("connected");
        let request = "OPTIONS /mcp HTTP/1.1\r\nConnection: close\r\nHost: backend";
        write!(socket, "{request}\r\nX-Forwarded-Host: {host}\r\n\r\n").expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
    daemon.signal("TERM");
    assert!(daemon.ended().success());
}

#[test]
fn wrong_arguments_end_with_2() {
    for (arguments, expected) in [
        (&["--cores", "0"][..], "from 1 to 1024"),
        (&["--cores", "many"], "from 1 to 1024"),
        (&["--bind", "8080"], "ADDRESS:PORT"),
        (&["--bind", "localhost:http"], "ADDRESS:PORT"),
        (&["--path", "mcp"], "a path such as /mcp"),
        (&["--path", "/health"], "not /health"),
        (&["--log", "debgu"], "expected error, warn, info"),
        (&["--spin", "-1"], "-1"),
        (&["--croes", "1"], "--cores"),
        (&["a.db", "b.db"], "b.db"),
        (&["import", "a.db"], "PATH"),
        (&["import"], "DATASET"),
    ] {
        let output = run(arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}

#[test]
fn what_cannot_be_served_ends_with_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text.db"), "x".repeat(5000)).expect("a file");
    check_problem(command().arg(at("text.db")), &["text.db is not an SQLite database"]);
    assert_eq!(fs::read(at("text.db")).expect("a file").len(), 5000, "it is left alone");
    check_problem(command().arg(folder.path()), &["this is a folder"]);
    check_problem(command().arg(at("no/x.db")), &["folder of this file does not exist"]);
    let import = ["import".into(), at("x.db"), at("missing")];
    check_problem(command().args(import), &["missing", "No such file"]);

    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = busy.local_addr().expect("an address").to_string();
    let in_use = [address.as_str(), "another program already does"];
    check_problem(command().args(["--bind", &address]).arg(at("x.db")), &in_use);
    let named = format!("admin_bind: cannot listen on {address}: another program already does");
    let free = ["--bind", "127.0.0.1:0", "--admin-bind", &address];
    check_problem(command().args(free).arg(at("x.db")), &[&named]);
    let daemon = Daemon::over(&at("y.db"));
    let address = daemon.address.to_string();
    check_problem(command().args(["--bind", &address]).arg(at("x.db")), &["already does"]);
}

#[test]
fn wrong_settings_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file
    };
    let with = |file: &Path| {
        let mut command = command();
        command.arg("--config").arg(file);
        command
    };
    check_problem(&mut with(&folder.path().join("none.toml")), &["none.toml", "No such file"]);
    check_problem(&mut with(&file("a.yaml", "")), &["a.yaml", ".toml or .json"]);
    let a = file("a.toml", "# a comment\ncroes = 1\n");
    check_problem(&mut with(&a), &["a.toml:2", "croes", "cores"]);
    let b = file("b.json", "{\n \"transport\": {\"http\": {\"auth\": {\"cert\": \"x\"}}}}");
    check_problem(&mut with(&b), &["b.json:2", "transport.http.auth", "unknown field"]);
    let c = file("c.toml", "path = \"mcp\"");
    check_problem(&mut with(&c), &["expected a path"]);
    let d = file("d.toml", "log = \"debgu\"");
    check_problem(&mut with(&d), &["log", "expected error, warn"]);
    check_problem(command().env("MCP_FASTD__CORES", "x"), &["MCP_FASTD__CORES", "\"x\"", "usize"]);
    check_problem(command().env("MCP_FASTD__NO", "x"), &["MCP_FASTD__NO", "unknown field"]);
}

#[test]
fn flags_are_over_the_environment_over_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("c.json");
    let dataset = folder.path().join("x.db");
    let text = json!({
        "path": "/file", "dataset": dataset,
        "transport": { "http": { "host": "127.0.0.1", "port": 0 } },
        "http": { "body_bytes_max": 2000 },
    });
    fs::write(&config, text.to_string()).expect("a file");
    let greeting = |command: &mut Command| Daemon::start(command).greeting.clone();

    let of_file = greeting(command().arg("--config").arg(&config));
    assert!(of_file.contains("/file\n") && of_file.contains(path(&dataset)), "{of_file}");
    let of_variable = greeting(command().env("MCP_FASTD__CONFIG", &config));
    assert!(of_variable.contains("/file\n"), "{of_variable}");
    let mut over = command();
    over.arg("--config").arg(&config).env("MCP_FASTD__PATH", "/environment");
    assert!(greeting(&mut over).contains("/environment\n"));
    assert!(greeting(over.args(["--path", "/flag"])).contains("/flag\n"));

    // What the file says and nobody else does, still holds.
    let daemon = Daemon::start(&mut over);
    let (status, body) = daemon.client().post("/flag", "", &"x".repeat(3000)).expect("an answer");
    assert_eq!((status, body.contains("body_bytes_max")), (413, true), "{body}");
}

/// The line is pasted into a shell, as a user would.
fn pasted(greeting: &str) -> Value {
    let line = greeting.lines().find(|line| line.starts_with("curl ")).expect("a curl line");
    let output = Command::new("sh").args(["-c", line]).output().expect("a shell");
    let told = text(&output.stdout);
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{}", text(&output.stderr)))
}

#[test]
fn the_first_search_answers() {
    let own = Daemon::start(command().args(["--bind", "127.0.0.1:0"]));
    assert!(own.greeting.contains("its own documentation"), "{}", own.greeting);
    let answer = pasted(&own.greeting);
    let total = answer["result"]["structuredContent"]["total"].as_u64();
    assert!(total.is_some_and(|total| total > 0), "{answer}");

    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.md"), "# It's \"$HOME\" `lighthouse`\nlamps").expect("a file");
    let dataset = folder.path().join("it's.db");
    let import = command().arg("import").args([&dataset, folder.path()]).output().expect("it runs");
    let told = text(&import.stdout);
    assert!(import.status.success() && told.contains("1 added"), "{told}");
    // The last line can be pasted too.
    assert!(told.contains("'\\''s.db'"), "{told}");
    let daemon = Daemon::over(&dataset);
    assert!(daemon.greeting.contains("(1 document)"), "{}", daemon.greeting);
    assert_eq!(pasted(&daemon.greeting)["result"]["structuredContent"]["total"], 1);

    let empty = Daemon::over(&folder.path().join("empty.db"));
    assert!(empty.greeting.contains("The dataset is empty"), "{}", empty.greeting);
    assert_eq!(pasted(&empty.greeting)["result"]["structuredContent"]["total"], 0);
}

/// Whether a daemon with one shard, and so many workers in the environment, comes to have as many.
fn has_workers(variable: Option<&str>, expected: usize) -> bool {
    let mut command = command();
    command.args(["--bind", "127.0.0.1:0", "--cores", "1"]);
    command.envs(variable.map(|count| ("MCP_FASTD__WORKERS", count)));
    let daemon = Daemon::start(&mut command);
    let threads = format!("/proc/{}/task", daemon.id());
    // A thread gives itself its name, and some are gone soon.
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm"));
    let names = || fs::read_dir(&threads).expect("threads").flatten().flat_map(name);
    let count = || names().filter(|name| name.starts_with("worker-")).count();
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        count() == expected
    })
}

#[test]
fn there_are_as_many_workers_as_cores_unless_it_is_said_otherwise() {
    assert!(has_workers(None, 1));
    assert!(has_workers(Some("7"), 7));
}

#[test]
fn signals_stop_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut command = command();
        command.args(["--bind", "127.0.0.1:0"]).env("TMPDIR", temporary.path());
        let mut daemon = Daemon::start(&mut command);
        let mut client = daemon.client();
        for _ in 0..3 {
            client.call("dataset_stats", json!({}));
        }
        daemon.signal(signal);
        assert_eq!(daemon.ended().code(), Some(0), "{}", daemon.log());
        let log = daemon.log();
        assert!(log.contains(&format!("signal=\"SIG{signal}\"")), "{log}");
        let last = log.lines().last().expect("a line");
        assert!(last.contains("stopped requests=3 buffer_hits="), "{log}");
        let left: Vec<_> = fs::read_dir(temporary.path()).expect("a folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--bind", "127.0.0.1:0"]).arg(folder.path().join("x.db"));
    command.env("MCP_FASTD__SHUTDOWN_GRACE", "60s").env("MCP_FASTD__BODY_TIMEOUT", "60s");
    let mut daemon = Daemon::start(&mut command);
    // A request whose body does not come holds the stop up.
    let mut stream = TcpStream::connect(daemon.address).expect("connected");
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Accept: application/json, text/event-stream\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).expect("written");
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    daemon.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    daemon.signal("TERM");
    let code = daemon.ended().code();
    // Where a half-read request does not hold the stop up, the first signal was enough.
    assert!(matches!(code, Some(0 | 143)), "{code:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// A pipe that nobody writes to: who opens it to read, or reads it, waits for ever.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

#[test]
fn a_file_that_hangs_keeps_no_signal_from_being_heard() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "bind = \"127.0.0.1:0\"\nshutdown_grace = \"60s\"\nbody_timeout = \"60s\"\n";
    // What holds a stop up, and what does not.
    for (head, code) in [("", 0), ("Content-Length: 100\r\n\r\n{", 143)] {
        let file = folder.path().join(format!("{code}.toml"));
        fs::write(&file, text).expect("a file");
        let mut daemon = Daemon::start(command().arg("--config").arg(&file));
        fs::remove_file(&file).expect("removed");
        pipe(&file);
        let mut held = TcpStream::connect(daemon.address).expect("connected");
        let begin = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                     Accept: application/json, text/event-stream\r\n";
        if !head.is_empty() {
            write!(held, "{begin}{head}").expect("written");
        }
        // The first is read, the second waits, the third is told so; how far the first is by then
        // is all the same.
        let until = Instant::now() + Duration::from_secs(20);
        while !daemon.log().contains("a reload waits already") {
            assert!(Instant::now() < until, "{}", daemon.log());
            daemon.signal("HUP");
            std::thread::sleep(Duration::from_millis(5));
        }
        daemon.client().call("dataset_stats", json!({}));
        daemon.signal("USR1");
        daemon.logs(0, "the logs of requests are to be opened again");
        daemon.signal("TERM");
        daemon.logs(0, "stopping; a second signal");
        if code != 0 {
            daemon.signal("TERM");
        }
        assert_eq!(daemon.ended().code(), Some(code), "{}", daemon.log());
    }
}

#[test]
fn a_start_that_hangs_is_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("audit.log");
    pipe(&log);
    let mut command = command();
    command.args(["--bind", "127.0.0.1:0", "--audit-log"]).arg(&log);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    // The thread that hears signals is there before the file is opened.
    let until = Instant::now() + Duration::from_secs(20);
    let threads = format!("/proc/{}/task", child.id());
    let hears = || {
        let mut found = fs::read_dir(&threads).expect("it runs").flatten();
        found.any(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "signals\n")
        })
    };
    while !hears() {
        assert!(Instant::now() < until, "nothing hears signals");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().expect("runs").success());
    assert_eq!(daemon::wait(&mut child).code(), Some(0));
    let mut told = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
    assert!(told.contains("stopped before it served"), "{told}");
}

#[test]
fn logs_are_what_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = |level: &str| {
        let mut command = command();
        command.args(["--bind", "127.0.0.1:0", "--log", level]).arg(folder.path().join("x.db"));
        let mut daemon = Daemon::start(&mut command);
        daemon.signal("TERM");
        daemon.ended();
        daemon.log()
    };
    assert_eq!(log("error"), "");
    assert_eq!(log("off"), "");
    assert!(log("info").contains("INFO stopped"));
    assert!(log("warn,mcp_fastd=info").contains("INFO stopped"));
}

#[test]
fn imports_say_what_they_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes");
    fs::create_dir(&notes).expect("a folder");
    for i in 0..5 {
        fs::write(notes.join(format!("{i}.bin")), b"\0\0\0").expect("a file");
        fs::write(notes.join(format!("{i}.md")), format!("# Note {i}\ntext")).expect("a file");
    }
    fs::write(notes.join("empty.txt"), "").expect("a file");
    fs::write(notes.join("latin.txt"), b"caf\xe9").expect("a file");
    let dataset = folder.path().join("x.db");
    let import = |flags: &[&str]| {
        let mut command = command();
        let output = command.arg("import").args(flags).args([&dataset, &notes]).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "no bar where there is no terminal");
        text(&output.stdout)
    };
    let told = import(&[]);
    for part in [
        "5 added, 0 updated, 0 unchanged, 0 pruned, 7 skipped",
        "skipped 5 (binary)",
        "2 more (--verbose names them)",
        "skipped 1 (has no text in it)",
        "latin.txt",
        "skipped 1 (not UTF-8",
    ] {
        assert!(told.contains(part), "{part:?} in {told}");
    }

    // The daemon sees what an import does while it runs.
    let daemon = Daemon::over(&dataset);
    let mut client = daemon.client();
    assert_eq!(client.call("dataset_stats", json!({}))["documents"], 5);
    fs::remove_file(notes.join("0.md")).expect("removed");
    fs::write(notes.join("new.md"), "# New\ntext").expect("a file");
    let told = import(&["--verbose"]);
    assert!(told.contains("1 added, 0 updated, 4 unchanged, 0 pruned"), "{told}");
    assert!(told.contains("4.bin") && !told.contains("more ("), "{told}");
    assert_eq!(client.call("dataset_stats", json!({}))["documents"], 6);
    let told = import(&["--prune"]);
    assert!(told.contains("5 unchanged, 1 pruned"), "{told}");
    assert_eq!(client.call("dataset_stats", json!({}))["documents"], 5);
}

#[test]
fn an_import_that_is_killed_leaves_whole_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes");
    fs::create_dir(&notes).expect("a folder");
    for i in 0..1500 {
        let text = format!("# Note {i}\n{}", "many words ".repeat(300));
        fs::write(notes.join(format!("{i}.md")), text).expect("a file");
    }
    let dataset = folder.path().join("x.db");
    let import = || {
        let mut command = command();
        command.arg("import").args([&dataset, &notes]).stdout(std::process::Stdio::null());
        command
    };
    for pause_ms in [20, 60, 120, 250, 400] {
        let mut child = import().spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(pause_ms));
        let _ = child.kill();
        child.wait().expect("waited for");
        mcp_fastd::documents::Dataset::open(&dataset).expect("opened").check().expect("whole");
    }
    assert!(import().status().expect("it runs").success());
    let dataset = mcp_fastd::documents::Dataset::open(&dataset).expect("opened");
    assert_eq!(dataset.stats().expect("counted").documents, 1500);
    dataset.check().expect("whole");
}

#[test]
fn an_import_that_is_interrupted_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes");
    fs::create_dir(&notes).expect("a folder");
    for i in 0..3_000 {
        let text = format!("# Note {i}\n{}", "many words ".repeat(500));
        fs::write(notes.join(format!("{i}.md")), text).expect("a file");
    }
    let dataset = folder.path().join("x.db");
    let mut import = command();
    import.arg("import").args([&dataset, &notes]);
    import.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = import.spawn().expect("it starts");
    // The file is there before the first document is read, and after the signals are heeded.
    while !dataset.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().expect("kill runs").success());
    let output = child.wait_with_output().expect("waited for");
    assert_eq!(output.status.code(), Some(130));
    let told = text(&output.stderr);
    assert!(told.contains("interrupted; run it again"), "{told}");
    assert!(text(&output.stdout).contains(" added, "));
    mcp_fastd::documents::Dataset::open(&dataset).expect("opened").check().expect("whole");
}
