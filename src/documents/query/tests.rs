use super::*;

/// What was typed, and the expression for "all words" (`None`: no words in it).
fn check(typed: &str, expected: Option<&str>) {
    let parsed = Query::parse(typed);
    match expected {
        Some(expression) => assert_eq!(
            parsed.map(|query| query.expression(Matching::AllWords)).as_deref(),
            Ok(expression),
            "{typed:?}"
        ),
        None => assert_eq!(parsed, Err(Error::NoWords), "{typed:?}"),
    }
}

#[test]
fn words_phrases_and_stars() {
    check("cache", Some("\"cache\""));
    check("  cache\t eviction ", Some("\"cache\" AND \"eviction\""));
    check("\"cache eviction\" lru", Some("\"cache eviction\" AND \"lru\""));
    check("evict*", Some("\"evict\" *"));
    check("evict** lru* ab* x", Some("\"evict\" * AND \"lru\" * AND \"ab\" AND \"x\""));
    check("same same", Some("\"same\""));
    check("naïve Straße 日本", Some("\"naïve\" AND \"Straße\" AND \"日本\""));
}

#[test]
fn syntax_is_text() {
    check("a AND b", Some("\"a\" AND \"AND\" AND \"b\""));
    check("NOT x", Some("\"NOT\" AND \"x\""));
    check("NEAR(a b, 3)", Some("\"NEAR(a\" AND \"b,\" AND \"3)\""));
    check("title:secret", Some("\"title:secret\""));
    check("{title text}: x", Some("\"{title\" AND \"text}:\" AND \"x\""));
    check("^first", Some("\"^first\""));
    check("a\"b", Some("\"a\" AND \"b\""));
    check("\"a b", Some("\"a\" AND \"b\""));
    check("\"a b\" \"c d", Some("\"a b\" AND \"c\" AND \"d\""));
    check("'; DROP TABLE documents; --", Some("\"DROP\" AND \"TABLE\" AND \"documents;\""));
    check("a\0b", Some("\"a\" AND \"b\""));
}

#[test]
fn nothing_to_look_for() {
    for typed in ["", " ", "\"", "\"\"", "***", "😀", "( ) :", "\0", "-- ++", "\" \" \""] {
        check(typed, None);
    }
}

#[test]
fn long_queries_are_refused_by_name() {
    let error = Query::parse(&"x".repeat(10_000)).unwrap_err();
    assert_eq!(error, Error::QueryTooLong { chars: 10_000 });
    assert!(error.to_string().contains("QUERY_CHARS_MAX"));
    let many: String = (0..400).map(|n| format!("w{n} ")).collect();
    assert_eq!(Query::parse(&many).unwrap().terms.len(), QUERY_TERMS_MAX);
}
