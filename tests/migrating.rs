//! `docs/migrating.md` is true: its code stands in files that are built and run, its commands say
//! what it shows, its requests are sent and answered so, and what it names is there.
//!
//! Each fenced block has a comment on the line above it:
//!
//! ```text
//!   from FILE           its lines stand in that file, one after the other
//!   run                 a command ($ …), and what it writes
//!   sent to EXAMPLE     a request, without its Content-Length
//!   answered            the status of its answer, and fields and members that are in it
//! ```
//!
//! `…` alone on a line is any number of lines, and within a line any characters. `SESSION` is the id
//! that the server gave.

#![cfg(feature = "daemon")]

mod common;
#[path = "common/daemon.rs"]
mod daemon;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use common::example::Example;
use common::sse::Talk;
use daemon::command;
use serde_json::Value;

/// What is left out.
const ANY: &str = "…";
const GUIDE: &str = "docs/migrating.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    let path = root().join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{GUIDE} names {file}: {error}"))
}

/// A fenced block.
#[derive(Debug)]
struct Block<'g> {
    /// The number of the line of its fence.
    line: usize,
    /// What the comment above it says.
    comment: &'g str,
    lines: Vec<&'g str>,
}

fn blocks(guide: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    let mut above = "";
    for (number, line) in (1..).zip(guide.lines()) {
        match (line.starts_with("```"), is_open) {
            (true, false) => {
                let comment =
                    above.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let comment =
                    comment.unwrap_or_else(|| panic!("{GUIDE}:{number}: where is it from?"));
                blocks.push(Block { line: number, comment, lines: Vec::new() });
                is_open = true;
            }
            (true, true) => is_open = false,
            (false, true) => blocks.last_mut().expect("one is open").lines.push(line),
            (false, false) => {}
        }
        above = line;
    }
    assert!(!is_open, "{GUIDE}: a block has no end");
    blocks
}

fn guide_and<T>(check: impl FnOnce(&str, Vec<Block<'_>>) -> T) -> T {
    let guide = read(GUIDE);
    check(&guide, blocks(&guide))
}

/// Whether a line is as it is shown: `a … c` is `a b c`.
fn is_like(shown: &str, line: &str) -> bool {
    let Some((first, rest)) = shown.split_once(ANY) else { return shown == line };
    let Some(mut left) = line.strip_prefix(first) else { return false };
    let mut parts = rest.split(ANY).collect::<Vec<_>>();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

/// Looks for lines, from somewhere in `text` on (`at_start`: there); what follows them.
fn after<'t>(shown: &[&str], mut text: &'t [&'t str], at_start: bool) -> Option<&'t [&'t str]> {
    let mut may_skip = !at_start;
    for run in shown.split(|line| line.trim() == ANY) {
        let fits = |from: &&[&str]| {
            from.len() >= run.len()
                && run.iter().zip(*from).all(|(shown, line)| is_like(shown, line))
        };
        let starts = if may_skip { 0..text.len() + 1 } else { 0..1 };
        text = starts.map(|from| &text[from..]).find(&fits)?.get(run.len()..)?;
        may_skip = true;
    }
    Some(text)
}

#[test]
fn code_stands_in_the_files_it_is_said_to_be_from() {
    guide_and(|_, blocks| {
        let mut count = 0;
        for Block { line, comment, lines } in blocks {
            let Some(file) = comment.strip_prefix("from ") else { continue };
            let text = read(file);
            let text: Vec<_> = text.lines().collect();
            assert!(after(&lines, &text, false).is_some(), "{GUIDE}:{line}: this is not in {file}");
            count += 1;
        }
        assert!(count >= 10, "{count} blocks of code");
    });
}

#[test]
fn commands_say_what_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["fastd.toml", "client.json", "metrics.txt"] {
        let from = root().join("tests/migrating").join(file);
        fs::copy(from, folder.path().join(file)).expect("copied");
    }
    guide_and(|_, blocks| {
        let mut count = 0;
        for Block { line, lines, .. } in blocks.iter().filter(|block| block.comment == "run") {
            let words = lines[0].strip_prefix("$ mcp-fastd ").expect("a command of ours");
            let arguments = words.split(' ').map(|word| word.trim_matches('"'));
            let output = command().args(arguments).current_dir(&folder).output().expect("it runs");
            let told = String::from_utf8(output.stdout).expect("UTF-8");
            assert!(output.status.success(), "{GUIDE}:{line}: {told}");
            let told: Vec<_> = told.lines().collect();
            let left = after(&lines[1..], &told, true);
            let ends_open = lines.last().is_some_and(|last| last.trim() == ANY);
            let is_shown = left.is_some_and(|left| left.is_empty() || ends_open);
            assert!(is_shown, "{GUIDE}:{line}: it says\n{}", told.join("\n"));
            count += 1;
        }
        assert_eq!(count, 3, "commands");
    });
}

/// Whether all that is shown is in the answer.
fn is_in(shown: &Value, answer: &Value) -> bool {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => shown
            .iter()
            .all(|(name, value)| answer.get(name).is_some_and(|other| is_in(value, other))),
        (Value::Array(shown), Value::Array(answer)) => {
            shown.len() == answer.len() && shown.iter().zip(answer).all(|(a, b)| is_in(a, b))
        }
        _ => shown == answer,
    }
}

/// A head and a body.
fn parts<'b>(lines: &[&'b str]) -> (Vec<&'b str>, String) {
    let mut halves = lines.splitn(2, |line| line.is_empty());
    let head = halves.next().unwrap_or_default().to_vec();
    (head, halves.next().unwrap_or_default().join("\n"))
}

/// Sends what a block shows.
fn send(example: &Example, lines: &[&str], session: &str) -> Talk {
    let (head, body) = parts(lines);
    let mut talk = Talk::connect(example.address);
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head = head.join("\r\n").replace("SESSION", session);
    talk.send(format!("{head}\r\n{length}\r\n{body}"));
    talk
}

/// Compares an answer with what is shown of it; gives its result.
fn check_answer(mut talk: Talk, block: &Block<'_>, session: &mut String) -> Value {
    let line = block.line;
    let (head, body) = parts(&block.lines);
    let answer = match body.is_empty() {
        // A stream that does not end.
        true => {
            talk.head();
            None
        }
        false => Some(talk.answer()),
    };
    let (status, fields) = match &answer {
        Some(answer) => (answer.status, &answer.fields),
        None => (talk.status, &talk.fields),
    };
    assert_eq!(head[0], format!("HTTP/1.1 {status}"), "{GUIDE}:{line}: {answer:?}");
    for field in &head[1..] {
        let (name, value) = field.split_once(": ").expect("a field");
        let mut same = fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        if value == "SESSION" {
            *session = same.next().unwrap_or_else(|| panic!("{GUIDE}:{line}: {field}")).1.clone();
            continue;
        }
        assert!(same.any(|(_, other)| other == value), "{GUIDE}:{line}: {field} in {fields:?}");
    }
    let Some(answer) = answer else { return Value::Null };
    let shown: Value = serde_json::from_str(&body)
        .unwrap_or_else(|error| panic!("{GUIDE}:{line}: the body shown: {error}"));
    assert!(is_in(&shown, answer.last()), "{GUIDE}:{line}: answered with {}", answer.last());
    answer.last()["result"].clone()
}

#[test]
fn requests_are_answered_as_shown() {
    let mut examples: HashMap<String, Example> = HashMap::new();
    let mut session = String::new();
    let mut prices = Vec::new();
    guide_and(|_, blocks| {
        let mut blocks = blocks.iter();
        while let Some(block) = blocks.next() {
            let Some(name) = block.comment.strip_prefix("sent to ") else { continue };
            let example = examples.entry(name.to_owned()).or_insert_with(|| Example::start(name));
            let talk = send(example, &block.lines, &session);
            let answered = blocks.next().filter(|block| block.comment == "answered");
            let answered = answered.unwrap_or_else(|| panic!("{GUIDE}:{}: no answer", block.line));
            let result = check_answer(talk, answered, &mut session);
            if block.lines.iter().any(|line| line.contains("\"name\": \"price\"")) {
                prices.push(result);
            }
        }
    });
    assert!(!session.is_empty(), "a session was begun");
    let [before, after] = prices.as_slice() else { panic!("one call in each era: {prices:?}") };
    for member in ["content", "structuredContent", "isError"] {
        assert!(before.get(member).is_some(), "{member} in {before}");
        assert_eq!(before[member], after[member], "the same result");
    }
}

#[test]
fn every_block_is_checked() {
    guide_and(|_, blocks| {
        for Block { line, comment, .. } in blocks {
            let is_known = ["run", "answered"].contains(&comment)
                || comment.starts_with("from ")
                || comment.starts_with("sent to ");
            assert!(is_known, "{GUIDE}:{line}: {comment:?} is checked by nothing");
        }
    });
}

#[test]
fn what_is_named_is_there() {
    let guide = read(GUIDE);
    let mut count = 0;
    for name in guide.split('`').skip(1).step_by(2) {
        let file = name.split(' ').next().unwrap_or_default();
        if ["tests/", "examples/", "src/"].iter().any(|folder| file.starts_with(folder)) {
            assert!(root().join(file).exists(), "{GUIDE} names {file}, which is not there");
            count += 1;
        }
    }
    assert!(count > 20, "{count} names");
    for rest in guide.split("](").skip(1) {
        let target = rest.split(')').next().unwrap_or_default();
        match target.strip_prefix('#') {
            Some(anchor) => assert!(anchors(&guide).contains(&anchor.to_owned()), "#{anchor}"),
            None => assert!(root().join("docs").join(target).exists(), "{target}"),
        }
    }
}

/// What the headings are linked by.
fn anchors(guide: &str) -> Vec<String> {
    let headings = guide.lines().filter_map(|line| line.strip_prefix("## "));
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-'].contains(c);
    headings
        .map(|heading| heading.chars().filter(kept).collect::<String>())
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect()
}

#[test]
fn figures_are_those_that_were_measured() {
    let guide = read(GUIDE);
    let performance = read("PERFORMANCE.md");
    let (_, section) = performance.split_once("<!-- bench:rmcp:begin -->").expect("it has them");
    let (section, _) = section.split_once("<!-- bench:rmcp:end -->").expect("an end");
    let (_, said) = guide.split_once("<!-- figures of bench:rmcp -->").expect("figures");
    let (said, _) = said.split_once("\n\n").expect("a paragraph");
    let figures = said.split_whitespace().filter(|word| word.contains('.'));
    let figures = figures.map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()));
    let figures: Vec<_> = figures.filter(|figure| figure.contains('.')).collect();
    assert_eq!(figures.len(), 6, "{figures:?}");
    for figure in figures {
        let cell = format!("| {figure} (");
        assert!(section.contains(&cell), "{GUIDE} says {figure}; PERFORMANCE.md has it no more");
    }
}

#[test]
fn the_check_notices_what_differs() {
    let text = ["a", "b c", "d", "e"];
    for (shown, is_there) in [
        (&["b c", "d"][..], true),
        (&["a", ANY, "e"], true),
        (&["b … ", "d"], false),
        (&["b …", "d"], true),
        (&["b d"], false),
        (&["a", "d"], false),
        (&["d", ANY, "a"], false),
        (&["e", "f"], false),
    ] {
        assert_eq!(after(shown, &text, false).is_some(), is_there, "{shown:?}");
    }
    assert!(after(&["b c"], &text, true).is_none(), "not at the start");
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert!(is_in(&json(r#"{"a":[{"b":1}]}"#), &json(r#"{"a":[{"b":1,"c":2}],"d":3}"#)));
    for other in [r#"{"a":[{"b":2}]}"#, r#"{"a":[]}"#, r#"{"a":[{"b":1},2]}"#, "{}", "[]"] {
        assert!(!is_in(&json(r#"{"a":[{"b":1}]}"#), &json(other)), "{other}");
    }
}
