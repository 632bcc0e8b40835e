use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crossbeam_channel::bounded;

use super::*;
use crate::config::tokens::IssuerConfig;
use crate::json::Parser;

const NOW: u64 = 1_800_000_000;

fn claims(text: &str) -> Result<Claims, Reason> {
    let mut bytes = text.as_bytes().to_vec();
    let mut parser = Parser::new();
    let document = parser.parse(&mut bytes).expect("JSON");
    Claims::read(document.root())
}

fn config() -> TokenConfig {
    let issuers = vec![IssuerConfig {
        audiences: vec!["api://fastd".to_owned()],
        ..IssuerConfig::discovered("https://id.example")
    }];
    let audiences = vec!["https://MCP.example/mcp/".to_owned()];
    TokenConfig { issuers, audiences, ..TokenConfig::default() }
}

fn issuer(config: &TokenConfig) -> Issuer {
    let generation = Arc::new(AtomicU64::new(0));
    Issuer::new(&config.issuers[0], config, generation, bounded(1).0).expect("an issuer")
}

/// Checks claims that are good but for these members.
fn check(form: Form, changes: &str) -> Result<(Principal, u64), Reason> {
    let config = config();
    let good = serde_json::json!({
        "iss": "https://id.example", "aud": "https://mcp.example/mcp", "exp": NOW + 300,
        "sub": "alice",
    });
    let mut all = good.as_object().expect("an object").clone();
    for (name, value) in serde_json::from_str::<serde_json::Value>(changes)
        .expect("JSON")
        .as_object()
        .expect("an object")
    {
        match value {
            serde_json::Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    let claims = claims(&serde_json::Value::Object(all).to_string())?;
    Rules::new(&config).check(&claims, form, &issuer(&config), NOW)
}

#[track_caller]
fn good(form: Form, changes: &str) -> Principal {
    check(form, changes).expect(changes).0
}

#[track_caller]
fn bad(form: Form, changes: &str, reason: Reason) {
    assert_eq!(check(form, changes).map(|_| ()), Err(reason), "{changes}");
}

#[test]
fn who_and_what_for() {
    let alice = good(Form::Jwt, r#"{"scope":"b a  b","client_id":"app"}"#);
    assert_eq!(
        (&*alice.name, alice.has("a"), alice.has("b"), alice.has("c")),
        ("token:https://id.example|alice", true, true, false)
    );
    assert_eq!(alice.scopes.len(), 2);
    assert!(good(Form::Jwt, r#"{"scp":["x","y z"]}"#).has("z"));
    assert!(good(Form::Jwt, r#"{"scp":"x y"}"#).has("y"));
    assert_eq!(
        &*good(Form::Jwt, r#"{"sub":null,"client_id":"app"}"#).name,
        "client:https://id.example|app"
    );
    assert_eq!(
        &*good(Form::Jwt, r#"{"sub":null,"username":"al"}"#).name,
        "username:https://id.example|al"
    );
    bad(Form::Jwt, r#"{"sub":null}"#, Reason::Claims);
}

#[test]
fn of_whom_and_for_whom() {
    good(Form::Jwt, r#"{"iss":"https://id.example/"}"#);
    for other in [
        "https://id.example/x",
        "https://ID.example",
        "http://id.example",
        "id.example",
        "https://id.example//",
        "https://id.example:443",
        "https://id.example?",
    ] {
        bad(Form::Jwt, &format!(r#"{{"iss":"{other}"}}"#), Reason::Issuer);
    }
    bad(Form::Jwt, r#"{"iss":null}"#, Reason::Issuer);
    for ours in [
        r#""https://mcp.example/mcp/""#,
        r#""HTTPS://mcp.EXAMPLE/mcp""#,
        r#""api://fastd""#,
        r#"["other","https://mcp.example/mcp"]"#,
    ] {
        good(Form::Jwt, &format!(r#"{{"aud":{ours}}}"#));
    }
    for other in [
        r#""https://mcp.example""#,
        r#""https://mcp.example/MCP""#,
        "[]",
        r#""""#,
        r#""https://mcp.example/mcp2""#,
        r#""https://mcp.example/mcp//""#,
        r#"["https://x"]"#,
    ] {
        bad(Form::Jwt, &format!(r#"{{"aud":{other}}}"#), Reason::Audience);
    }
    bad(Form::Jwt, r#"{"aud":null}"#, Reason::Audience);
    bad(Form::Jwt, r#"{"aud":{"a":1}}"#, Reason::Claims);
    bad(Form::Jwt, r#"{"aud":[1]}"#, Reason::Claims);
}

#[test]
fn when() {
    let at = |name: &str, offset: i64| format!(r#"{{"{name}":{}}}"#, NOW as i64 + offset);
    good(Form::Jwt, &at("exp", -59));
    bad(Form::Jwt, &at("exp", -60), Reason::Expired);
    bad(Form::AtJwt, r#"{"exp":null}"#, Reason::Claims);
    bad(Form::Jwt, r#"{"exp":"1900000000"}"#, Reason::Claims);
    bad(Form::Jwt, r#"{"exp":-1}"#, Reason::Claims);
    bad(Form::Jwt, r#"{"exp":0}"#, Reason::Expired);
    good(Form::Jwt, r#"{"exp":1900000000.5}"#);
    bad(Form::Jwt, r#"{"exp":1e300}"#, Reason::Claims);
    assert_eq!(
        check(Form::Jwt, r#"{"exp":18446744073709551615}"#).map(|(_, end)| end),
        Ok(u64::MAX)
    );
    for name in ["nbf", "iat"] {
        good(Form::Jwt, &at(name, 60));
        bad(Form::Jwt, &at(name, 61), Reason::NotYet);
    }
}

#[test]
fn only_access_tokens() {
    for claim in [r#""nonce":"n""#, r#""at_hash":"h""#, r#""c_hash":"h""#, r#""events":{}"#] {
        bad(Form::Jwt, &format!("{{{claim}}}"), Reason::Type);
        good(Form::AtJwt, &format!("{{{claim}}}"));
    }
    for claim in [
        r#""typ":"ID""#,
        r#""typ":"Refresh""#,
        r#""token_use":"id""#,
        r#""token_type":"DPoP""#,
        r#""token_use":1"#,
    ] {
        bad(Form::Jwt, &format!("{{{claim}}}"), Reason::Type);
        bad(Form::AtJwt, &format!("{{{claim}}}"), Reason::Type);
    }
    for claim in [r#""typ":"Bearer""#, r#""token_use":"access""#, r#""token_type":"bearer""#] {
        good(Form::Jwt, &format!("{{{claim}}}"));
    }
    bad(Form::AtJwt, r#"{"cnf":{"jkt":"x"}}"#, Reason::Bound);
}

#[test]
fn an_answer_may_say_less() {
    let (lax, strict) =
        (Form::Answer { require_audience: false }, Form::Answer { require_audience: true });
    good(strict, r#"{"iss":null,"exp":null}"#);
    bad(strict, r#"{"iss":"https://x"}"#, Reason::Issuer);
    good(lax, r#"{"aud":null}"#);
    bad(lax, r#"{"aud":"https://x"}"#, Reason::Audience);
    bad(strict, r#"{"aud":null}"#, Reason::Audience);
    bad(strict, &format!(r#"{{"exp":{}}}"#, NOW - 100), Reason::Expired);
}

#[test]
fn claims_are_bounded_and_said_once() {
    let many = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>();
    let scope = |n| format!(r#"{{"scope":"{}"}}"#, many(n).join(" "));
    assert_eq!(good(Form::Jwt, &scope(256)).scopes.len(), 256);
    bad(Form::Jwt, &scope(257), Reason::Claims);
    let audiences = |n: usize| serde_json::json!({ "aud": many(n) }).to_string();
    bad(Form::Jwt, &audiences(64), Reason::Audience);
    bad(Form::Jwt, &audiences(65), Reason::Claims);
    good(Form::Jwt, &format!(r#"{{"sub":"{}"}}"#, "a".repeat(512)));
    for wrong in [
        &*format!(r#"{{"sub":"{}"}}"#, "a".repeat(513)),
        r#"{"sub":""}"#,
        r#"{"sub":1}"#,
        r#"{"sub":"a\nb"}"#,
        r#"{"scope":1}"#,
        r#"{"scope":[1]}"#,
        r#"{"scope":"a\"b"}"#,
        r#"{"scope":"a\\b"}"#,
        r#"{"scope":"ä"}"#,
        r#"{"client_id":[]}"#,
    ] {
        bad(Form::Jwt, wrong, Reason::Claims);
    }
    assert_eq!(claims(r#"{"sub":"a","sub":"b"}"#), Err(Reason::Claims));
    assert_eq!(claims(r#"{"aud":"a","x":1,"x":2,"aud":"a"}"#), Err(Reason::Claims));
    assert!(claims(r#"{"x":1,"x":2}"#).is_ok());
    assert_eq!(claims("[]"), Err(Reason::Claims));
}

/// A name says how it was found out and who vouches for it; so nothing that a token says of itself
/// is the name of somebody else.
#[test]
fn no_token_has_the_name_of_another_method() {
    for (claims, expected) in [
        (r#"{"sub":"alice"}"#, "token:https://id.example|alice"),
        (r#"{"sub":"key:bob"}"#, "token:https://id.example|key:bob"),
        (r#"{"sub":"certificate:bob"}"#, "token:https://id.example|certificate:bob"),
        (r#"{"sub":"client|app"}"#, "token:https://id.example|client|app"),
        (r#"{"sub":"auth0|1"}"#, "token:https://id.example|auth0|1"),
        (r#"{"sub":null,"client_id":"x|app"}"#, "client:https://id.example|x|app"),
    ] {
        assert_eq!(&*good(Form::Jwt, claims).name, expected);
    }
}
