use super::*;

fn check(name: &str, bytes: &[u8], expected: Result<(&str, &str, &'static str), SkipReason>) {
    let found = extract(Path::new(name), name, bytes.to_vec());
    let expected = expected.map(|(title, text, mime_type)| Extracted {
        title: title.to_owned(),
        text: text.to_owned(),
        mime_type,
    });
    assert_eq!(found, expected, "{name}");
}

#[test]
fn kinds_of_text() {
    check("a.txt", b"hello", Ok(("a.txt", "hello", "text/plain")));
    check("NOTES", b"hello", Ok(("NOTES", "hello", "text/plain")));
    check("a.MD", b"intro\n# The title #\n", {
        Ok(("The title", "intro\n# The title #\n", "text/markdown"))
    });
    check("b.md", b"```\n# no\n```\nx", Ok(("b.md", "```\n# no\n```\nx", "text/markdown")));
    check("c.md", b"---\ntitle: \"T\"\n---\nx", {
        Ok(("T", "---\ntitle: \"T\"\n---\nx", "text/markdown"))
    });
    check("a.html", b"<title>T</title><p>x", Ok(("T", "x", "text/plain")));
    check("lib.rs", b"fn main() {}", Ok(("lib.rs", "fn main() {}", "text/x-rust")));
    check("a.csv", b"a,b\n1,2", Ok(("a.csv", "a,b\n1,2", "text/csv")));
}

#[test]
fn encodings() {
    check("a.txt", b"\xef\xbb\xbfhi", Ok(("a.txt", "hi", "text/plain")));
    check("a.txt", b"\xff\xfeh\0i\0", Ok(("a.txt", "hi", "text/plain")));
    check("a.txt", b"\xfe\xff\0h\0i", Ok(("a.txt", "hi", "text/plain")));
    check("a.txt", b"\xff\xfe\x00\xd8", Err(SkipReason::NotUtf8));
    check("a.txt", b"caf\xe9", Err(SkipReason::NotUtf8));
    check("a.png", b"\x89PNG\0\0", Err(SkipReason::Binary));
}

#[test]
fn what_is_left_out() {
    check("a.txt", b" \n", Err(SkipReason::Empty));
    check("a.html", b"<p></p>", Err(SkipReason::Empty));
    check("a.bin", b"%PDF-1.7 ...", Err(SkipReason::Pdf));
    let line = "var a=1;".repeat(100);
    check("a.min.js", line.as_bytes(), Err(SkipReason::Minified));
    for (name, reason) in [
        ("a.PDF", Some(SkipReason::Pdf)),
        ("x.db", Some(SkipReason::Database)),
        ("x.db-wal", Some(SkipReason::Database)),
        ("x.sqlite3-shm", Some(SkipReason::Database)),
        ("x.txt", None),
        ("x", None),
    ] {
        assert_eq!(skip_by_name(Path::new(name)), reason, "{name}");
    }
}
