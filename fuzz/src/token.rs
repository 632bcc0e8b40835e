//! Bearer tokens, without their signatures.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_fastd::config::tokens::TokenConfig;
use mcp_fastd::internal::{Checked, Jwt, KeySet, Tokens};
use mcp_fastd::json::Parser;

/// Bytes as a token, as the header and the claims of one (on two lines), and as keys: nothing
/// panics, what is read is what serde_json reads, and without an issuer nothing is good.
pub fn token(data: &[u8]) {
    let _ = KeySet::read(data);
    if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, claims) = data.split_at(line);
    let claims = claims.get(1..).unwrap_or_default();
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let token = format!("{}.{}.c2ln", encode(header), encode(claims));
    check(&token);
    let Ok(jwt) = Jwt::read(&token, &mut Parser::new()) else { return };
    assert_eq!(format!("{}.{}", jwt.signed, jwt.signature), token);
    let (header, claims) = (members(header), members(claims));
    let text = |object: &serde_json::Value, name: &str| {
        object.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    };
    assert_eq!(jwt.header.key_id.as_deref(), text(&header, "kid").as_deref());
    assert_eq!(jwt.claims.issuer.as_deref(), text(&claims, "iss").as_deref());
    assert_eq!(jwt.claims.subject.as_deref(), text(&claims, "sub").as_deref());
}

fn members(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).expect("what we take is JSON")
}

fn check(token: &str) {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    let tokens =
        TOKENS.get_or_init(|| Tokens::start(&TokenConfig::default()).expect("settings in order"));
    for _ in 0..2 {
        let checked = tokens.check(token, 1_800_000_000);
        assert!(matches!(checked, Checked::No(_)), "{checked:?}");
    }
}
