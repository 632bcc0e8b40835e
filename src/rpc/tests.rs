use super::*;
use crate::json::Parser;

/// Reads a message and says in one line what it is.
fn check(text: &str, expected: &str) {
    let mut bytes = text.as_bytes().to_vec();
    let mut parser = Parser::new();
    let document = parser.parse(&mut bytes).expect("valid JSON");
    let seen = match Message::read(document.root()) {
        Ok(Message::Request { id, method, params }) => {
            format!("request {id:?} {method} {params:?}")
        }
        Ok(Message::Notification { method, params }) => format!("notification {method} {params:?}"),
        Ok(Message::Response { id, .. }) => format!("response {id:?}"),
        Err(Invalid { id, message }) => format!("invalid {id:?} {message}"),
    };
    assert!(seen.starts_with(expected), "{text}\n  seen     {seen}\n  expected {expected}");
}

#[test]
fn messages() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#, "request Signed(1) a {}");
    check(
        r#"{"jsonrpc":"2.0","id":"x","method":"a","params":{"b":1}}"#,
        r#"request Text("x") a {"b":1}"#,
    );
    check(
        r#"{"method":"a","id":18446744073709551615,"jsonrpc":"2.0"}"#,
        "request Unsigned(18446744073709551615) a",
    );
    check(
        r#"{"jsonrpc":"2.0","id":-9007199254740993,"method":"a"}"#,
        "request Signed(-9007199254740993) a",
    );
    check(r#"{"jsonrpc":"2.0","id":1.0,"method":"a"}"#, "request Float(1.0) a");
    check(r#"{"jsonrpc":"2.0","method":"a","extra":[]}"#, "notification a {}");
    check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "response Signed(1)");
    check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#, "response Signed(1)");
}

#[test]
fn not_messages() {
    check("[]", "invalid None a batch is no message");
    check("1", "invalid None a JSON-RPC message must be an object");
    check("{}", "invalid None `jsonrpc` must be");
    check(r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, "invalid Some(Signed(1)) `jsonrpc`");
    check(r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, "invalid Some(Signed(1)) `jsonrpc`");
    check(r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, "invalid None `id` must be");
    check(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, "invalid None `id` must be");
    check(r#"{"jsonrpc":"2.0","id":1e300,"method":"a"}"#, "invalid None `id` must be");
    check(r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, "invalid None `id` must be");
    check(r#"{"jsonrpc":"2.0","id":1}"#, "invalid Some(Signed(1)) `method` is missing");
    check(r#"{"jsonrpc":"2.0","id":1,"method":2}"#, "invalid Some(Signed(1)) `method` must be");
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#,
        "invalid Some(Signed(1)) `params`",
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#,
        "invalid Some(Signed(1)) `params`",
    );
    check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, "invalid None a member");
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
        "invalid Some(Signed(1)) `method` and",
    );
    check(r#"{"jsonrpc":"2.0","result":{}}"#, "invalid None a response needs");
}

#[test]
fn errors_are_written_with_and_without_data() {
    let mut out = Vec::new();
    write_error(&mut out, None, ErrorCode::PARSE_ERROR, "a \"b\"", |_| ());
    assert_eq!(
        String::from_utf8_lossy(&out),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"a \"b\""}}"#
    );
    out.clear();
    write_error(&mut out, Some(Id::Text("x")), ErrorCode(-32022), "m", |out| out.push(b'1'));
    assert_eq!(
        String::from_utf8_lossy(&out),
        r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32022,"message":"m","data":1}}"#
    );
}
