use super::*;

fn parsed(text: &str) -> Result<String, Error> {
    let mut bytes = text.as_bytes().to_vec();
    Parser::new().parse(&mut bytes).map(|document| format!("{:?}", document.root()))
}

#[test]
fn good_documents_come_back_as_written() {
    for text in [
        "{}",
        "[]",
        "null",
        "\"a\"",
        "-1",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "1.5",
        r#"{"a":[1,{"b":null},"x\ny\"\\\u0001"],"c":true}"#,
        r#"{"é":"😀"}"#,
    ] {
        assert_eq!(parsed(text).as_deref(), Ok(text));
    }
}

#[test]
fn bad_documents_are_errors() {
    for text in [
        "",
        " ",
        "{",
        "{}x",
        "{} {}",
        "\u{feff}{}",
        "{\"a\":1,}",
        "[1e400]",
        "[18446744073709551616]",
        "[-9223372036854775809]",
        "[01]",
        "[1.]",
        "[+1]",
        "[NaN]",
        r#"["\ud800"]"#,
        r#"["\udc00"]"#,
        r#"["\x"]"#,
        "[\"\u{1}\"]",
        "{'a':1}",
        "{\"a\"}",
        "[1 2]",
        "tru",
    ] {
        assert!(parsed(text).is_err(), "{text:?}");
    }
    assert!(Parser::new().parse(&mut b"\"\xff\"".to_vec()).is_err());
    assert!(Parser::new().parse(&mut b"\"\xc0\x80\"".to_vec()).is_err());
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parsed(&nested(limits::JSON_DEPTH_MAX)).is_ok());
    assert!(parsed(&nested(limits::JSON_DEPTH_MAX + 1)).is_err());
    let error = parsed(&nested(100_000)).expect_err("too deep");
    assert!(error.to_string().contains("json_depth_max"), "{error}");
}

#[test]
fn a_parser_survives_its_errors() {
    let mut parser = Parser::new();
    assert!(parser.parse(&mut b"[1,2".to_vec()).is_err());
    let mut good = b"[1,2]".to_vec();
    let document = parser.parse(&mut good).expect("good");
    assert_eq!(document.root().elements().expect("an array").count(), 2);
}

#[derive(Debug, serde::Deserialize, PartialEq)]
struct Point {
    x: i64,
    y: u8,
    #[serde(default)]
    tags: Vec<String>,
    shade: Option<Shade>,
}

#[derive(Debug, serde::Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Shade {
    Dark,
    Mixed(u8, u8),
    Named { name: String },
}

fn point(text: &str) -> Result<Point, String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut parser = Parser::new();
    let document = parser.parse(&mut bytes).expect("valid JSON");
    document.root().decode::<Point>().map_err(|error| error.to_string())
}

#[test]
fn values_decode_into_types() {
    let plain = Point { x: -7, y: 255, tags: vec!["a".into()], shade: None };
    assert_eq!(point(r#"{"x":-7,"y":255,"tags":["a"],"more":[{}]}"#), Ok(plain));
    let dark = Point { x: 5, y: 0, tags: vec![], shade: Some(Shade::Dark) };
    assert_eq!(point(r#"{"x":5.0,"y":0,"shade":"dark"}"#), Ok(dark));
    let mixed = Point { x: 5, y: 0, tags: vec![], shade: Some(Shade::Mixed(1, 2)) };
    assert_eq!(point(r#"{"x":5,"y":0,"shade":{"mixed":[1,2]}}"#), Ok(mixed));
    let named = Shade::Named { name: "n".into() };
    let named = Point { x: 5, y: 0, tags: vec![], shade: Some(named) };
    assert_eq!(point(r#"{"x":5,"y":0,"shade":{"named":{"name":"n"}}}"#), Ok(named));
}

#[test]
fn a_wrong_value_names_its_field_and_what_was_expected() {
    for (text, expected) in [
        (r#"{"x":"a","y":1}"#, r#"`x`: invalid type: string "a", expected i64"#),
        (r#"{"x":1,"y":256}"#, "`y`: invalid value: integer `256`, expected u8"),
        (r#"{"x":1.5,"y":1}"#, "`x`: invalid type: floating point `1.5`, expected i64"),
        (r#"{"y":1}"#, "missing field `x`"),
        (r#"{"x":1,"x":2,"y":1}"#, "duplicate field `x`"),
        (
            r#"{"x":1,"y":1,"tags":["a",2]}"#,
            "`tags[1]`: invalid type: integer `2`, expected a string",
        ),
        (r#"[]"#, "invalid length 0, expected struct Point with 4 elements"),
    ] {
        assert_eq!(point(text).expect_err(text), expected);
    }
}

#[test]
fn text_from_within_is_escaped_again() {
    let mut out = br#"x{"a":"b\n"}"#.to_vec();
    let end = out.len();
    write_json_as_string_from_within(&mut out, 1, end);
    assert_eq!(&out[end..], br#""{\"a\":\"b\\n\"}""#);
}
