//! `mcp-fastd install`: what is printed, and what becomes of a client's configuration.

#![cfg(feature = "daemon")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-fastd");

/// A home directory, and commands in it.
struct Home(TempDir);

struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().expect("a folder"))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn run(&self, arguments: &[&str]) -> Told {
        let mut command = Command::new(PROGRAM);
        command.arg("install").args(arguments).current_dir(self.0.path());
        command.env("HOME", self.0.path()).env_remove("XDG_CONFIG_HOME");
        let output = command.output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Told {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> Told {
        let told = self.run(arguments);
        assert_eq!(told.code, Some(0), "{arguments:?}: {}", told.stderr);
        told
    }

    /// It fails, says this, and changes nothing.
    #[track_caller]
    fn fails(&self, arguments: &[&str], expected: &str) {
        let before = tree(self.0.path());
        let told = self.run(arguments);
        assert_eq!(told.code, Some(1), "{arguments:?}: {}", told.stderr);
        assert!(told.stderr.contains(expected), "{expected:?} in {}", told.stderr);
        assert_eq!(tree(self.0.path()), before);
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }
}

/// All files below a folder, and what is in them.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => found.push((path.clone(), fs::read(&path).expect("a file"))),
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

/// Where each client looks, below the home directory or the current folder.
fn place(client: &str) -> &'static str {
    match (client, cfg!(target_os = "macos")) {
        ("cursor", _) => ".cursor/mcp.json",
        ("claude-code", _) => ".mcp.json",
        ("vscode", false) => ".config/Code/User/mcp.json",
        ("vscode", true) => "Library/Application Support/Code/User/mcp.json",
        (_, false) => ".config/Claude/claude_desktop_config.json",
        (_, true) => "Library/Application Support/Claude/claude_desktop_config.json",
    }
}

const CLIENTS: [(&str, &str, bool); 4] = [
    ("claude-desktop", "mcpServers", false),
    ("cursor", "mcpServers", false),
    ("vscode", "servers", true),
    ("claude-code", "mcpServers", true),
];

fn expected(servers: &str, name: &str, typed: bool, arguments: &[&str]) -> Value {
    let mut entry = json!({ "command": PROGRAM, "args": arguments });
    if typed {
        entry["type"] = json!("stdio");
    }
    json!({ servers: { name: entry } })
}

#[test]
fn entries_are_printed() {
    let home = Home::new();
    let library = home.at("my library.db");
    let library = library.to_str().expect("UTF-8");
    for (client, servers, typed) in CLIENTS {
        for (arguments, name, line) in [
            (&["my library.db"][..], "mcp-fastd", &[library, "--transport", "stdio"][..]),
            (&["--name", "docs"], "docs", &["--transport", "stdio"]),
            (&["--url", "http://h/mcp?a=b"], "mcp-fastd", &["connect", "http://h/mcp?a=b"]),
        ] {
            let told = home.done(&[&[client], arguments].concat());
            let printed: Value = serde_json::from_str(&told.stdout).expect("JSON alone");
            assert_eq!(printed, expected(servers, name, typed, line), "{client} {arguments:?}");
            assert!(told.stderr.contains(place(client)), "{}", told.stderr);
            let is_remote = arguments[0] == "--url" && client != "claude-desktop";
            assert_eq!(told.stderr.contains("\"url\":\"http://h/mcp?a=b\""), is_remote);
        }
    }
    let told = home.done(&["cursor", "--url", "https://h", "--bearer-token-file", "token"]);
    let token = home.at("token");
    let line = ["connect", "https://h/", "--bearer-token-file", token.to_str().expect("UTF-8")];
    let printed: Value = serde_json::from_str(&told.stdout).expect("JSON alone");
    assert_eq!(printed, expected("mcpServers", "mcp-fastd", false, &line));
    assert!(tree(home.0.path()).is_empty(), "nothing was written");
}

/// What is printed works: a client that starts it is answered.
#[test]
fn an_entry_starts_a_server() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::Stdio;
    let home = Home::new();
    let printed = home.done(&["vscode", "library.db"]).stdout;
    let printed: Value = serde_json::from_str(&printed).expect("JSON alone");
    let entry = &printed["servers"]["mcp-fastd"];
    let mut command = Command::new(entry["command"].as_str().expect("a command"));
    for argument in entry["args"].as_array().expect("arguments") {
        command.arg(argument.as_str().expect("text"));
    }
    // Clients start their servers anywhere.
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" } } });
    let mut stdin = child.stdin.take().expect("a pipe");
    writeln!(stdin, "{initialize}").expect("written");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    let answer: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
    drop(stdin);
    assert!(child.wait().expect("waited for").success());
    assert!(home.at("library.db").exists());
}

#[test]
fn entries_are_written_where_nothing_was() {
    let home = Home::new();
    for (client, servers, typed) in CLIENTS {
        let told = home.done(&[client, "x.db", "--write"]);
        assert_eq!(told.stdout, "");
        let written: Value = serde_json::from_str(&read(&home.at(place(client)))).expect("JSON");
        let library = home.at("x.db");
        let line = [library.to_str().expect("UTF-8"), "--transport", "stdio"];
        assert_eq!(written, expected(servers, "mcp-fastd", typed, &line));
        assert!(told.stderr.contains("no x.db yet"), "{}", told.stderr);
    }
    // One file each: no backup, and nothing temporary.
    assert_eq!(tree(home.0.path()).len(), CLIENTS.len());
    let before = tree(home.0.path());
    let told = home.done(&["cursor", "x.db", "--write"]);
    assert!(told.stderr.contains("already"), "{}", told.stderr);
    assert_eq!(tree(home.0.path()), before, "once is enough");
}

const MINE: &str = "{\n    // Mine, and \"so\" it stays\n    \"inputs\": [ 1,2,  3 ],\n    \
                    \"servers\": {\n        \"z\": { \"url\": \"http://z\" }, /* last */\n        \
                    \"a\": {\"type\":\"stdio\"},\n    },\n    \"n\": 1.0e2\n}\n";

#[test]
fn the_rest_of_a_file_stays() {
    let home = Home::new();
    let file = home.write(place("vscode"), MINE);
    let told = home.done(&["vscode", "--write"]);
    let written = read(&file);
    let (before, after) = written.split_once("        \"mcp-fastd\": {\n").expect("the entry");
    let rest = after.split_once("        }").expect("its end").1;
    assert_eq!(format!("{before}{}", rest.trim_start_matches([',', '\n'])), MINE);
    // What was there is kept, each time under another name.
    let backup = home.at(&format!("{}.bak", place("vscode")));
    assert!(told.stderr.contains(backup.to_str().expect("UTF-8")), "{}", told.stderr);
    assert_eq!(read(&backup), MINE);
    let told = home.done(&["vscode", "--write", "--name", "other"]);
    let second = home.at(&format!("{}.bak.1", place("vscode")));
    assert!(told.stderr.contains(second.to_str().expect("UTF-8")), "{}", told.stderr);
    assert_eq!((read(&backup), read(&second)), (MINE.to_owned(), written));
}

#[test]
fn an_entry_of_the_same_name_is_kept_unless_forced() {
    let home = Home::new();
    let text = "{\n  \"mcpServers\": {\n    \"mcp-fastd\": { \"command\": \"old\" },\n    \"b\": {}\n  }\n}";
    let file = home.write(place("cursor"), text);
    home.fails(&["cursor", "--write"], "--force");
    home.done(&["cursor", "--write", "--force"]);
    let written: Value = serde_json::from_str(&read(&file)).expect("JSON");
    assert_eq!(written["mcpServers"]["mcp-fastd"]["command"], PROGRAM);
    assert!(read(&file).ends_with("    },\n    \"b\": {}\n  }\n}"), "{}", read(&file));
    assert_eq!(read(&home.at(&format!("{}.bak", place("cursor")))), text);
}

#[test]
fn several_at_once_lose_nothing() {
    let home = Home::new();
    let names: Vec<_> = (0..16).map(|number| format!("n{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| home.done(&["cursor", "--write", "--name", name]));
        }
    });
    let written: Value = serde_json::from_str(&read(&home.at(place("cursor")))).expect("JSON");
    let servers = written["mcpServers"].as_object().expect("an object");
    assert!(names.iter().all(|name| servers.contains_key(name)), "{written}");
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    let home = Home::new();
    for (text, expected) in [
        ("{ \"servers\": ", "left as it is"),
        ("{ \"servers\": [] }", "`servers` is not an object"),
        ("[]", "not an object"),
        ("{ \"servers\": {}, \"servers\": {} }", "more than once"),
    ] {
        home.write(place("vscode"), text);
        home.fails(&["vscode", "--write", "--force"], expected);
    }
    fs::write(home.at(place("vscode")), b"\xff").expect("written");
    home.fails(&["vscode", "--write"], "not UTF-8");
    // A client that takes no comments would not read the rest either.
    home.write(place("claude-desktop"), "{} // mine");
    home.fails(&["claude-desktop", "--write"], "left as it is");
    home.fails(&["cursor", "--write", "--file", "."], "directory");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_permissions_kept() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = Home::new();
    let real = home.write("dotfiles/cursor.json", "{}");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).expect("set");
    fs::create_dir(home.at(".cursor")).expect("made");
    let link = home.at(".cursor/mcp.json");
    symlink("../dotfiles/cursor.json", &link).expect("linked");
    let told = home.done(&["cursor", "--write"]);
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert!(read(&real).contains(PROGRAM));
    for file in [&real, &home.at("dotfiles/cursor.json.bak")] {
        let mode = fs::metadata(file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}: {}", file.display(), told.stderr);
    }
    // One that leads nowhere yet.
    symlink(home.at("dotfiles/deep/new.json"), home.at("link.json")).expect("linked");
    home.done(&["cursor", "--write", "--file", "link.json"]);
    assert!(read(&home.at("dotfiles/deep/new.json")).contains(PROGRAM));
    symlink("round.json", home.at("round.json")).expect("linked");
    let told = home.run(&["cursor", "--write", "--file", "round.json"]);
    assert_eq!(told.code, Some(1));
    assert!(told.stderr.contains("too many links"), "{}", told.stderr);
}

#[test]
fn wrong_arguments_end_with_2() {
    let home = Home::new();
    for (arguments, expected) in [
        (&["emacs"][..], "claude-desktop, cursor, vscode, claude-code"),
        (&[], "CLIENT"),
        (&["cursor", "x.db", "--url", "http://h"], "cannot be used with"),
        (&["cursor", "--url", "h"], "https://example.com/mcp"),
        (&["cursor", "--name", "a b"], "letters, digits"),
        (&["cursor", "--name", ""], "letters, digits"),
        (&["cursor", "--force"], "--write"),
        (&["cursor", "--bearer-token-file", "x"], "--url"),
    ] {
        let told = home.run(arguments);
        assert_eq!(told.code, Some(2), "{arguments:?}: {}", told.stderr);
        assert!(told.stderr.contains(expected), "{arguments:?}: {}", told.stderr);
    }
    for part in ["--write", "Examples:", "claude_desktop_config.json", "Exit codes"] {
        let help = home.done(&["--help"]).stdout;
        assert!(help.contains(part), "{part} in {help}");
    }
}
