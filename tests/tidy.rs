//! The rules of the house, kept by a test: who may use whom, how long things may be, and what must
//! not be found in `src/`. It tests itself on small texts at the end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

/// Each room, and the rooms it may use. Arrows only point up this table: a room stands below what
/// it uses. (`app` is among those of `runtime` and `server` because both are generic over its
/// `Handler`; `server` has those of `transport` because `Exchange` is a shard without sockets.)
const ROOMS: [(&str, &[&str]); 24] = [
    ("limits", &[]),
    ("outbound", &[]),
    ("sys", &["limits"]),
    ("calendar", &[]),
    ("buffer", &[]),
    ("json", &["limits"]),
    ("rpc", &["json"]),
    ("protocol", &["json"]),
    ("http", &["buffer", "calendar", "limits"]),
    ("observe", &["protocol", "rpc", "json", "calendar", "limits"]),
    ("store", &["observe", "protocol", "rpc", "json", "calendar", "sys", "limits"]),
    ("app", &["store", "protocol", "json", "rpc", "limits"]),
    ("mcp", &["app", "store", "protocol", "rpc", "json", "limits"]),
    (
        "transport",
        &["http", "mcp", "app", "store", "observe", "protocol", "rpc", "json", "buffer", "limits"],
    ),
    ("config", &["http", "observe", "calendar", "json", "app", "limits"]),
    ("auth", &["app", "store", "protocol", "json", "config", "outbound", "limits"]),
    (
        "runtime",
        &[
            "transport",
            "http",
            "app",
            "store",
            "observe",
            "buffer",
            "config",
            "json",
            "outbound",
            "sys",
            "limits",
        ],
    ),
    (
        "server",
        &[
            "runtime",
            "app",
            "config",
            "limits",
            "http",
            "buffer",
            "json",
            "store",
            "observe",
            "transport",
        ],
    ),
    ("inherit", &["sys"]),
    ("adapter", &["server", "app", "config", "rpc", "json", "limits"]),
    ("documents", &["app", "calendar", "json", "limits"]),
    (
        "lib",
        &[
            "limits",
            "calendar",
            "sys",
            "buffer",
            "json",
            "rpc",
            "protocol",
            "http",
            "observe",
            "store",
            "app",
            "mcp",
            "transport",
            "config",
            "auth",
            "runtime",
            "server",
            "inherit",
            "outbound",
            "adapter",
            "documents",
        ],
    ),
    ("daemon", &["server", "config", "documents", "inherit", "limits", "app"]),
    ("main", &["daemon", "server", "config", "documents", "limits", "app"]),
];

/// Where sockets, threads and clocks may be named.
const MAY_WAIT: [&str; 6] = ["auth", "runtime", "adapter", "documents", "main", "daemon"];

/// Where `unsafe` may be.
const FENCE: &str = "sys.rs";

/// Where a shard may be woken from besides.
const MAY_WAKE: &str = "store/nudge.rs";

/// A source file: its path below `src/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        let end = self.path.find(['/', '.']).unwrap_or(self.path.len());
        &self.path[..end]
    }

    /// Whether all of it is tests.
    fn is_tests(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The lines before `#[cfg(test)] mod tests {`, with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().peekable();
        let mut number = 0;
        let is_tests = self.is_tests();
        std::iter::from_fn(move || {
            let line = lines.next()?;
            number += 1;
            let begins_tests = lines.peek().is_some_and(|next| next.trim_end() == "mod tests {");
            let over = is_tests || line.trim() == "#[cfg(test)]" && begins_tests;
            (!over).then_some((number, line))
        })
    }

    fn at(&self, line: usize, problem: impl std::fmt::Display) -> String {
        format!("src/{}:{line}: {problem}", self.path)
    }
}

/// The code of a line, without its comment and without what stands in string literals.
fn code(line: &str) -> String {
    let mut code = String::new();
    let mut in_string = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_string => {
                characters.next();
            }
            '"' => {
                in_string = !in_string;
                code.push('"');
            }
            '\'' if !in_string && characters.clone().nth(1) == Some('\'') => {
                characters.nth(1);
            }
            '/' if !in_string && characters.peek() == Some(&'/') => break,
            _ if in_string => {}
            _ => code.push(character),
        }
    }
    code
}

/// The rooms that a line of code reaches into.
fn rooms_used(code: &str) -> Vec<String> {
    // The daemon is a crate of its own, and sees the library from outside.
    let code = &code.replace("mcp_fastd::", "crate::");
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, path)| {
            let rest = &code[at + path.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            rest[..end].to_owned()
        })
        .filter(|room| room.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

fn who_uses_whom(source: &Source) -> Vec<String> {
    let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room()) else {
        return vec![source.at(1, "the room is not in the table of tests/tidy.rs")];
    };
    let mut problems = Vec::new();
    for (number, line) in source.lines() {
        for used in rooms_used(&code(line)) {
            let known = ROOMS.iter().any(|(room, _)| *room == used);
            if known && used != source.room() && !allowed.contains(&used.as_str()) {
                problems.push(source.at(number, format!("{} may not use {used}", source.room())));
            }
        }
    }
    problems
}

fn lengths(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        if line.chars().count() > LINE_CHARS_MAX {
            problems.push(source.at(number, format!("longer than {LINE_CHARS_MAX} characters")));
        }
    }
    if source.lines().count() > FILE_LINES_MAX {
        problems.push(source.at(1, format!("more than {FILE_LINES_MAX} lines without its tests")));
    }
    let mut function: Option<(usize, &str, usize)> = None;
    for (number, line) in source.lines() {
        let indent = line.len() - line.trim_start().len();
        match function {
            None if is_function(line) && !line.trim_end().ends_with([';', '}']) => {
                function = Some((number, line.trim(), indent));
            }
            Some((start, name, depth)) if indent == depth && line.trim_start().starts_with('}') => {
                if number - start + 1 > FUNCTION_LINES_MAX {
                    let problem = format!("more than {FUNCTION_LINES_MAX} lines: {name}");
                    problems.push(source.at(start, problem));
                }
                function = None;
            }
            // A declaration over several lines, of a trait.
            Some((.., depth)) if indent == depth && line.trim_end().ends_with(';') => {
                function = None;
            }
            _ => {}
        }
    }
    problems
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.find(|word| !matches!(*word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async"))
        == Some("fn")
}

fn forbidden(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let mut before = "";
    for (number, line) in source.lines() {
        let code = code(line);
        let mut forbid = |word: &str, why: &str| {
            if code.contains(word) {
                problems.push(source.at(number, format!("`{word}`: {why}")));
            }
        };
        forbid("dyn ", "everything is monomorphic");
        if source.path != FENCE {
            forbid("unsafe ", "only sys.rs has it");
        }
        forbid("todo!", "finish it");
        forbid("unimplemented!", "finish it");
        forbid("dbg!", "a leftover");
        if !MAY_WAIT.contains(&source.room()) && source.path != MAY_WAKE {
            for word in ["Instant::now", "SystemTime::now", "std::thread", "thread::spawn", "mio::"]
            {
                forbid(word, "only the runtime knows sockets, threads and clocks");
            }
        }
        let panics = code.contains(".unwrap()") || code.contains(".expect(\"");
        let reason = line.contains("//") || before.trim_start().starts_with("//");
        if panics && !reason {
            problems.push(source.at(number, "unwrap or expect without a reason beside it"));
        }
        let leftover =
            ["TODO", "FIXME", "XXX", "HACK"].into_iter().find(|word| line.contains(word));
        if let Some(word) = leftover {
            problems.push(source.at(number, format!("`{word}`: a leftover")));
        }
        before = line;
    }
    problems
}

fn opening(source: &Source) -> Vec<String> {
    let begins = source.text.starts_with("//!");
    let wanted = !source.is_tests() && !source.text.trim().is_empty();
    if wanted && !begins { vec![source.at(1, "a file begins with `//!`")] } else { Vec::new() }
}

/// Files that no `mod` declares.
fn unreachable(sources: &[Source]) -> Vec<String> {
    let declared: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| {
            let folder = match source.path.as_str() {
                "lib.rs" | "main.rs" => String::new(),
                path => format!("{}/", path.trim_end_matches(".rs")),
            };
            let modules = source.text.lines().filter_map(|line| {
                let line = line.trim();
                let (_, name) = line.split_once("mod ").filter(|_| line.ends_with(';'))?;
                Some(format!("{folder}{}.rs", name.trim_end_matches(';')))
            });
            modules.collect::<Vec<_>>()
        })
        .collect();
    let roots = ["lib.rs", "main.rs"];
    let reachable =
        |source: &&Source| roots.contains(&source.path.as_str()) || declared.contains(&source.path);
    let lost = sources.iter().filter(|source| !reachable(source));
    lost.map(|source| source.at(1, "no `mod` declares this file")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source is text");
        let path = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
        Source { path, text }
    };
    files(&src).into_iter().map(read).collect()
}

#[track_caller]
fn check(rule: impl Fn(&Source) -> Vec<String>) {
    let problems: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    check(who_uses_whom);
}

#[test]
fn files_functions_and_lines_are_short() {
    check(lengths);
}

#[test]
fn nothing_forbidden_is_in_the_sources() {
    check(forbidden);
}

#[test]
fn files_say_what_they_are() {
    check(opening);
}

#[test]
fn files_are_reachable() {
    let problems = unreachable(&sources());
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn tests_benches_and_examples_are_tidy_too() {
    let mut problems = Vec::new();
    for folder in ["tests", "benches", "examples", "fuzz/fuzz_targets", "fuzz/src"] {
        for path in files(&root().join(folder)) {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            let shown = path.strip_prefix(root()).expect("below the root").display();
            if !text.starts_with("//!") && !text.starts_with("#!") {
                problems.push(format!("{shown}: a file begins with `//!`"));
            }
            if text.lines().any(|line| line.trim_start().starts_with("dbg!")) {
                problems.push(format!("{shown}: a leftover"));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The rooms of ARCHITECTURE.md's table, and what it says that they use.
fn rooms_of_the_page(page: &str) -> Vec<(&str, BTreeSet<&str>)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    rows.filter_map(|row| {
        let (room, rest) = row.split_once("` | ")?;
        let (_, uses) = rest.rsplit_once(" | ")?;
        let words = uses.split(|c: char| !c.is_ascii_alphanumeric());
        let is_room = |word: &&str| ROOMS.iter().any(|(room, _)| room == word);
        Some((room, words.filter(is_room).collect()))
    })
    .collect()
}

#[test]
fn the_table_of_rooms_is_the_one_that_is_checked() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("a page");
    assert!(page.lines().count() <= 300, "ARCHITECTURE.md is longer than 300 lines");
    let (_, page) = page.split_once("\n## Rooms\n").expect("the rooms");
    let (page, _) = page.split_once("\n### ").expect("their end");
    let said = rooms_of_the_page(page);
    // These two stand outside: one declares the rooms, the other calls the command.
    let all = ROOMS.iter().filter(|(room, _)| !["lib", "main"].contains(room));
    for (room, uses) in all {
        let found = said.iter().find(|(name, _)| name == room).map(|(_, uses)| uses);
        let uses: BTreeSet<_> = uses.iter().copied().collect();
        assert_eq!(found, Some(&uses), "ARCHITECTURE.md: {room}");
    }
    for (room, _) in said {
        assert!(ROOMS.iter().any(|(name, _)| *name == room), "ARCHITECTURE.md: what is {room}?");
    }
}

#[test]
fn examples_are_in_the_readme() {
    // Until there is one.
    let Ok(readme) = std::fs::read_to_string(root().join("README.md")) else { return };
    for path in files(&root().join("examples")) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(readme.contains(&name), "README.md does not mention examples/{name}.rs");
    }
}

/// Asked for help, a script says what its first lines say, and does nothing else.
#[test]
fn scripts_say_what_they_do() {
    for entry in std::fs::read_dir(root().join("scripts")).expect("a folder") {
        let path = entry.expect("a readable folder").path();
        let text = std::fs::read_to_string(&path).expect("a script is text");
        let output = Command::new(&path).arg("--help").output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let path = path.display();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        let is_bash = text.starts_with("#!/usr/bin/env bash\n");
        let about = text.lines().nth(1).and_then(|line| line.strip_prefix("# "));
        let about = about.unwrap_or_else(|| panic!("{path}: its second line says what it does"));
        // Python's argparse says it in its own way.
        let expected = if is_bash { about } else { "usage: " };
        assert!(told.starts_with(expected), "{path}: {told}");
    }
}

mod the_rules_themselves {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[track_caller]
    fn check(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, problems: usize) {
        let found = rule(&source(path, text));
        assert_eq!(found.len(), problems, "{text:?}: {found:?}");
    }

    #[test]
    fn who() {
        check(who_uses_whom, "http/head.rs", "use crate::buffer::Tail;\n", 0);
        check(who_uses_whom, "http/head.rs", "use crate::json::Value;\n", 1);
        check(who_uses_whom, "http.rs", "fn f() -> crate::mcp::Era {}\n", 1);
        check(who_uses_whom, "http.rs", "// crate::mcp\nlet x = \"crate::mcp\";\n", 0);
        check(who_uses_whom, "http.rs", "use crate::Config;\n", 0);
        check(who_uses_whom, "json.rs", "#[cfg(test)]\nmod tests {\n    use crate::http;\n}\n", 0);
        check(who_uses_whom, "json/tests.rs", "use crate::http;\n", 0);
        check(who_uses_whom, "attic.rs", "", 1);
    }

    #[test]
    fn long() {
        let function =
            |lines: usize| format!("    pub fn f() {{\n{}    }}\n", "x;\n".repeat(lines));
        check(lengths, "a.rs", &function(68), 0);
        check(lengths, "a.rs", &function(69), 1);
        check(lengths, "a.rs", &function(68).repeat(5), 0);
        check(lengths, "a.rs", &"x\n".repeat(400), 0);
        check(lengths, "a.rs", &"x\n".repeat(401), 1);
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"x\n".repeat(500);
        check(lengths, "a.rs", &tests, 0);
        check(lengths, "a.rs", &"x".repeat(101), 1);
    }

    #[test]
    fn words() {
        check(forbidden, "app.rs", "fn f(x: &dyn Tool) {}\n", 1);
        check(forbidden, "app.rs", "// no dyn here\nlet x = \"dyn \";\n", 0);
        check(forbidden, "app.rs", "x.unwrap();\n", 1);
        check(forbidden, "app.rs", "x.unwrap(); // it was checked above\n", 0);
        check(forbidden, "app.rs", "// it was checked above\nx.expect(\"\");\n", 0);
        check(forbidden, "app.rs", "seen.expect(field);\n", 0);
        check(forbidden, "app.rs", "let now = Instant::now();\n", 1);
        check(forbidden, "runtime/shard.rs", "let now = Instant::now();\n", 0);
        check(forbidden, "app.rs", "// TODO\ntodo!()\n", 2);
        check(forbidden, "app/tests.rs", "x.unwrap();\n", 0);
        check(opening, "a.rs", "use x;\n", 1);
        check(opening, "a.rs", "//! A.\n", 0);
    }

    #[test]
    fn lost_files() {
        let sources = [
            source("lib.rs", "pub mod a;\nmod b {\n}\n"),
            source("a.rs", "mod c;\n#[cfg(test)]\nmod tests;\n"),
            source("a/c.rs", ""),
            source("a/tests.rs", ""),
            source("b.rs", ""),
        ];
        assert_eq!(unreachable(&sources), ["src/b.rs:1: no `mod` declares this file"]);
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code("a(\"b // c\", '\"', d) // e"), "a(\"\", , d) ");
        assert_eq!(code("a(\"\\\"dyn \") + x"), "a(\"\") + x");
        assert_eq!(rooms_used("use crate::http::{self}; mycrate::x; crate::Y"), ["http"]);
    }
}
