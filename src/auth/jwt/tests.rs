use proptest::prelude::*;

use super::*;

const HEADER: &str = r#"{"alg":"RS256","kid":"1","typ":"at+jwt"}"#;
const CLAIMS: &str = r#"{"iss":"https://a.example","sub":"alice"}"#;

fn token(header: &str, claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", encode(header), encode(claims))
}

fn read(token: &str) -> Result<(Header, Claims), Reason> {
    Jwt::read(token, &mut Parser::new()).map(|jwt| (jwt.header, jwt.claims))
}

fn rules(require_at_jwt: bool) -> Rules {
    let algorithms = vec![Algorithm::Rs256];
    let config = crate::config::tokens::TokenConfig {
        algorithms,
        require_at_jwt,
        ..crate::config::tokens::TokenConfig::default()
    };
    Rules::new(&config)
}

#[test]
fn three_parts_are_read() {
    let text = token(HEADER, CLAIMS);
    let jwt = Jwt::read(&text, &mut Parser::new()).expect("a JWT");
    assert_eq!(jwt.header.algorithm, Some(Algorithm::Rs256));
    assert_eq!(jwt.header.key_id.as_deref(), Some("1"));
    assert_eq!(jwt.claims.subject.as_deref(), Some("alice"));
    assert_eq!((jwt.signature, format!("{}.c2ln", jwt.signed)), ("c2ln", text.clone()));
}

#[test]
fn what_is_no_jwt_is_malformed() {
    let good = token(HEADER, CLAIMS);
    let (header, rest) = good.split_once('.').expect("parts");
    for text in [
        "",
        ".",
        "..",
        "opaque",
        "opaque.token",
        "opaque.token.of-three",
        &format!("{header}=.{rest}"),
        &format!("{header}!.{rest}"),
        &format!("{good}.more"),
        &format!("{good}.more.and"),
        &format!("{header}.e30"),
        &token("{}", CLAIMS),
        &token("[]", CLAIMS),
        &token("1", CLAIMS),
        &token(r#"{"alg":1}"#, CLAIMS),
        &token(r#"{"typ":"JWT"}"#, CLAIMS),
        &token(r#"{"alg":"RS256""#, CLAIMS),
    ] {
        assert_eq!(read(text).map(|_| ()), Err(Reason::Malformed), "{text}");
    }
}

#[test]
fn parts_have_one_spelling() {
    // Bits that do not count must be zero, or one token would have many texts.
    let text = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    assert!(URL_SAFE_NO_PAD.encode("ab").ends_with('I'));
    assert_eq!(decoded("YWI").as_deref(), Some(&b"ab"[..]));
    assert_eq!(decoded("YWJ"), None);
    assert!(decoded(&text).is_some());
}

#[test]
fn headers_say_one_thing() {
    for (header, expected) in [
        (r#"{"alg":"RS256","alg":"RS256"}"#, Reason::Claims),
        (r#"{"alg":"RS256","kid":"a","kid":"b"}"#, Reason::Claims),
        (r#"{"alg":"RS256","kid":1}"#, Reason::Claims),
        (r#"{"alg":"RS256","typ":1}"#, Reason::Claims),
        (&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(513)), Reason::Claims),
    ] {
        assert_eq!(read(&token(header, CLAIMS)).map(|_| ()), Err(expected), "{header}");
    }
    assert_eq!(read(&token(HEADER, "[]")).map(|_| ()), Err(Reason::Claims));
    assert_eq!(read(&token(HEADER, "{")).map(|_| ()), Err(Reason::Claims));
}

#[test]
fn only_what_the_header_may_say_is_taken() {
    for (header, lenient, strict) in [
        (r#"{"alg":"RS256"}"#, Ok(Form::Jwt), Err(Reason::Type)),
        (r#"{"alg":"RS256","typ":"JWT"}"#, Ok(Form::Jwt), Err(Reason::Type)),
        (r#"{"alg":"RS256","typ":"jwt"}"#, Ok(Form::Jwt), Err(Reason::Type)),
        (r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(Form::AtJwt), Ok(Form::AtJwt)),
        (r#"{"alg":"RS256","typ":"application/AT+JWT"}"#, Ok(Form::AtJwt), Ok(Form::AtJwt)),
        (r#"{"alg":"RS256","typ":"id+jwt"}"#, Err(Reason::Type), Err(Reason::Type)),
        (r#"{"alg":"RS256","typ":"dpop+jwt"}"#, Err(Reason::Type), Err(Reason::Type)),
        (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Err(Reason::Type), Err(Reason::Type)),
        (r#"{"alg":"none"}"#, Err(Reason::Algorithm), Err(Reason::Algorithm)),
        (r#"{"alg":"None"}"#, Err(Reason::Algorithm), Err(Reason::Algorithm)),
        (r#"{"alg":"HS256"}"#, Err(Reason::Algorithm), Err(Reason::Algorithm)),
        (r#"{"alg":"rs256"}"#, Err(Reason::Algorithm), Err(Reason::Algorithm)),
        (r#"{"alg":"ES256"}"#, Err(Reason::Algorithm), Err(Reason::Algorithm)),
        (
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            Err(Reason::Critical),
            Err(Reason::Critical),
        ),
        (r#"{"alg":"RS256","crit":[]}"#, Err(Reason::Critical), Err(Reason::Critical)),
        (r#"{"alg":"RS256","crit":null}"#, Err(Reason::Critical), Err(Reason::Critical)),
    ] {
        let (header, _) = read(&token(header, CLAIMS)).expect(header);
        assert_eq!(header.check(&rules(false)), lenient, "{header:?}");
        assert_eq!(header.check(&rules(true)), strict, "{header:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(token in "[a-zA-Z0-9._~+/=-]{0,200}") {
        let _ = read(&token);
    }

    #[test]
    fn no_json_panics(header in any::<Vec<u8>>(), claims in any::<Vec<u8>>()) {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let _ = read(&format!("{}.{}.", encode(&header), encode(&claims)));
        let _ = read(&format!("{}.{}.c2ln", encode(HEADER.as_bytes()), encode(&claims)));
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_token(at in 0_usize..100, byte in "[A-Za-z0-9_.-]") {
        let good = token(HEADER, CLAIMS);
        let at = at % good.len();
        let changed = format!("{}{byte}{}", &good[..at], &good[at + 1..]);
        if changed != good
            && let Ok(jwt) = Jwt::read(&changed, &mut Parser::new())
        {
            let again = format!("{}.{}", jwt.signed, jwt.signature);
            prop_assert_ne!(again, good);
        }
    }
}
