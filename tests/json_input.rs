//! Whatever is sent as JSON gets an answer (-32700, -32600, or the right one) from a live server,
//! and what comes back is what was sent.

mod common;

use common::{Post, Wire, legacy, modern, start};
use serde_json::json;

#[track_caller]
fn check(wire: &mut Wire, body: impl AsRef<[u8]>, code: i64) -> String {
    let body = body.as_ref();
    let response = wire.ask(Post::new(body).bytes());
    let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
    assert_eq!((response.status, response.error().0), (400, code), "{shown} {}", response.text());
    assert!(!response.closes(), "{shown}");
    response.error().1
}

fn ping_with(rest: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping"{rest}}}"#)
}

#[test]
fn text_that_is_not_the_json_we_take() {
    let server = start();
    let mut wire = server.connect();
    for body in [
        "\u{feff}{}".to_owned(),
        "{} {}".to_owned(),
        "{}}".to_owned(),
        "{}\0".to_owned(),
        ping_with(",\"x\":1") + "x",
        ping_with(r#","x":"\ud800""#),
        ping_with(r#","x":"\udc00""#),
        ping_with(r#","x":"\ud800\ud800""#),
        ping_with(r#","x":"\ud800x""#),
        ping_with(r#","x":"\u12""#),
        ping_with(r#","x":"\q""#),
        ping_with(",\"x\":\"\n\""),
        ping_with(",\"x\":\"\t\""),
        ping_with(",\"x\":\"\0\""),
        ping_with(",\"x\":1e400"),
        ping_with(",\"x\":-1e400"),
        ping_with(",\"x\":18446744073709551616"),
        ping_with(",\"x\":-9223372036854775809"),
        ping_with(&format!(",\"x\":{}", "9".repeat(100_000))),
        ping_with(",\"x\":01"),
        ping_with(",\"x\":+1"),
        ping_with(",\"x\":1."),
        ping_with(",\"x\":.5"),
        ping_with(",\"x\":1e"),
        ping_with(",\"x\":-"),
        ping_with(",\"x\":NaN"),
        ping_with(",\"x\":Infinity"),
        ping_with(",\"x\":0x10"),
        ping_with(",\"x\":tru"),
        ping_with(",\"x\":nullx"),
        ping_with(",\"x\":[1,]"),
        ping_with(",\"x\":{\"a\":1,}"),
        ping_with(",\"x\":[,1]"),
        ping_with(",\"x\":{1:2}"),
        ping_with(",\"x\":{a:2}"),
        ping_with(",\"x\":'a'"),
        ping_with(",\"x\":[1 2]"),
        ping_with(",\"x\":[}"),
        ping_with(",,"),
        ping_with("/* */"),
        ping_with(",\"x\":\""),
        "\"".to_owned(),
        "\\".to_owned(),
        "[".repeat(100),
    ] {
        check(&mut wire, &body, -32700);
    }
    server.assert_alive();
}

#[test]
fn text_that_is_not_utf_8() {
    let server = start();
    let mut wire = server.connect();
    for bytes in [
        &b"\xff"[..],
        b"\xc3",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"\x80",
        b"\xf0\x9f\xa6",
        b"\xfe\xff",
    ] {
        for place in ["\"x\":\"", "\""] {
            let start = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",{place}");
            check(&mut wire, [start.as_bytes(), bytes, b"\"}"].concat(), -32700);
        }
        check(&mut wire, bytes, -32700);
    }
    // UTF-16, with and without its mark.
    let utf16: Vec<u8> = ping_with("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&mut wire, &utf16, -32700);
    check(&mut wire, [b"\xff\xfe", utf16.as_slice()].concat(), -32700);
}

#[test]
fn depth_is_bounded_and_the_limit_named() {
    let server = start();
    let mut wire = server.connect();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [100, 10_000, 100_000] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let message = check(&mut wire, ping_with(&format!(",\"x\":{nested}")), -32700);
            assert!(message.contains("json_depth_max"), "{message}");
            let id = format!(r#"{{"jsonrpc":"2.0","id":{nested},"method":"ping"}}"#);
            check(&mut wire, id, -32700);
        }
        for depth in [1, 10, 50] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let response = wire.ask(Post::new(ping_with(&format!(",\"x\":{nested}"))).bytes());
            assert_eq!(response.status, 200, "{depth}");
        }
    }
}

#[test]
fn members_that_the_server_reads_are_not_repeated() {
    let server = start();
    let mut wire = server.connect();
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"ping"}"#,
    ] {
        check(&mut wire, body, -32600);
    }
    for params in [
        r#"{"name":"add","name":"echo","arguments":{}}"#,
        r#"{"name":"add","arguments":{},"arguments":{}}"#,
        r#"{"name":"add","n\u0061me":"echo","arguments":{}}"#,
        r#"{"name":"add","_meta":{},"_meta":{}}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        let response = wire.ask(Post::new(body).bytes());
        assert_eq!(response.error().0, -32602, "{params}");
    }
    // In arguments, a repeated field is a wrong argument.
    let arguments = r#"{"a":1,"b":2,"a":3}"#;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"add","arguments":{arguments}}}}}"#
    );
    let result = wire.ask(Post::new(body).bytes()).result();
    assert_eq!(result["isError"], true, "{result}");
}

#[test]
fn ids_come_back_exactly() {
    let server = start();
    let mut wire = server.connect();
    for (id, back) in [
        ("0", "0"),
        ("-1", "-1"),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        (r#""""#, r#""""#),
        (r#""a\"b\\c\/d\b\f\n\r\t""#, r#""a\"b\\c/d\b\f\n\r\t""#),
        (r#""\u0000\u001f\u007f""#, "\"\\u0000\\u001f\u{7f}\""),
        (r#""\ud83e\udd80""#, "\"\u{1f980}\""),
        ("\"\u{1f980}\u{e9}\u{2028}\"", "\"\u{1f980}\u{e9}\u{2028}\""),
        (r#""1""#, r#""1""#),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let response = wire.ask(Post::new(body).bytes());
        assert_eq!(response.text(), format!(r#"{{"jsonrpc":"2.0","id":{back},"result":{{}}}}"#));
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"no"}}"#);
        let response = wire.ask(Post::new(body).bytes());
        let begin = format!(r#"{{"jsonrpc":"2.0","id":{back},"error":"#);
        assert!(response.text().starts_with(&begin), "{}", response.text());
    }
    let long = "x".repeat(100_000);
    let body = format!(r#"{{"jsonrpc":"2.0","id":"{long}","method":"ping"}}"#);
    assert_eq!(wire.ask(Post::new(body).bytes()).json()["id"], long);
}

#[test]
fn arguments_come_back_exactly() {
    let server = start();
    let mut wire = server.connect();
    for value in [
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "0.1",
        "-0.0",
        "1e-300",
        "1.7976931348623157e+308",
        "5e-324",
        "true",
        "null",
        "\"\u{1f980}\"",
        "[]",
        "{}",
        "[1,[2,[3,{\"a\":[]}]]]",
    ] {
        for worker in [false, true] {
            let text = match worker {
                // To a worker the message travels as text once more.
                true => format!(r#"{{"text":{}}}"#, json!(value)),
                false => format!(r#"{{"value":{value}}}"#),
            };
            let name = if worker { "echo_on_worker" } else { "same" };
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{text}}}}}"#
            );
            let result = wire.ask(Post::new(body).bytes()).result();
            assert_eq!(result["content"][0]["text"], value, "{result}");
        }
    }
}

#[test]
fn strings_of_every_kind_come_back() {
    let server = start();
    let mut wire = server.connect();
    let all: String = (0..0x2_0000).filter_map(char::from_u32).step_by(7).collect();
    for text in ["", "\0\u{1}\u{1f}\u{7f}\"\\/", "\u{2028}\u{2029}\u{feff}", all.as_str()] {
        for name in ["echo", "echo_on_worker"] {
            let params = json!({ "name": name, "arguments": { "text": text } });
            for post in [
                modern(json!(text), "tools/call", params.clone()),
                legacy(json!(text), "tools/call", params.clone()),
            ] {
                let json = wire.ask(post.bytes()).json();
                assert_eq!(json["id"], text);
                assert_eq!(json["result"]["content"][0]["text"], text);
            }
        }
    }
}
