use super::*;

// RFC 7515, appendix A.2 and A.3: keys and tokens of others.
const RSA: &str = include_str!("rsa.jwk");
const RSA_TOKEN: &str = include_str!("rsa.jwt");
const EC: &str = include_str!("ec.jwk");
const EC_TOKEN: &str = include_str!("ec.jwt");

fn with(key: &str, members: &str) -> String {
    format!("{},{members}}}", key.strip_suffix('}').expect("an object"))
}

fn verified(keys: &[&str], token: &str) -> Verified {
    let set = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    let keys = KeySet::read(set.as_bytes()).expect("keys");
    keys.verify(&Jwt::read(token, &mut Parser::new()).expect("a JWT"))
}

#[test]
fn signatures_of_others_are_verified() {
    assert_eq!(verified(&[RSA], RSA_TOKEN), Verified::Yes);
    assert_eq!(verified(&[EC], EC_TOKEN), Verified::Yes);
    assert_eq!(verified(&[EC, RSA], RSA_TOKEN), Verified::Yes);
    // Other claims.
    let changed = RSA_TOKEN.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Yi", 1);
    assert_eq!(verified(&[RSA], &changed), Verified::UnknownKey);
    assert_eq!(verified(&[&with(RSA, r#""kid":"a""#)], &changed), Verified::UnknownKey);
    // A token that names no key may be of one that is not here yet.
    assert_eq!(verified(&[EC], RSA_TOKEN), Verified::UnknownKey);
}

#[test]
fn a_key_signs_with_its_own_algorithm_for_its_own_purpose() {
    for (members, expected) in [
        (r#""alg":"RS256""#, Some(Verified::Yes)),
        (r#""use":"sig","key_ops":["verify"]"#, Some(Verified::Yes)),
        (r#""alg":"PS256""#, Some(Verified::UnknownKey)),
        (r#""alg":"RS512""#, Some(Verified::UnknownKey)),
        (r#""alg":"HS256""#, None),
        (r#""alg":"ES256""#, None),
        (r#""alg":1"#, None),
        (r#""use":"enc""#, None),
        (r#""key_ops":["sign"]"#, None),
        (r#""key_ops":"verify""#, None),
        (r#""kty":"EC""#, None),
    ] {
        let text = format!(r#"{{"keys":[{}]}}"#, with(RSA, members));
        let found = KeySet::read(text.as_bytes()).ok();
        let jwt_of =
            |keys: KeySet| keys.verify(&Jwt::read(RSA_TOKEN, &mut Parser::new()).expect("a JWT"));
        assert_eq!(found.map(jwt_of), expected, "{members}");
    }
}

#[test]
fn sets_are_bounded_and_have_a_key() {
    let set = |keys: &[&str]| {
        let text = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        KeySet::read(text.as_bytes()).map(|set| set.keys.len())
    };
    assert_eq!(set(&[RSA; 64]), Ok(64));
    assert!(set(&[RSA; 65]).is_err_and(|error| error.contains("KEYS_MAX")));
    // What is not ours is left out.
    let odd = [
        r#"{"kty":"oct","k":"YQ"}"#,
        r#"{"kty":"EC","crv":"P-521","x":"YQ","y":"YQ"}"#,
        r#"{"kty":"OKP","crv":"X25519","x":"YQ"}"#,
        r#"{"kty":"RSA","n":"!","e":"AQAB"}"#,
        "1",
        "{}",
    ];
    assert_eq!(set(&[&odd[..], &[RSA]].concat()), Ok(1));
    assert!(set(&odd).is_err() && set(&[]).is_err());
    for text in ["", "{}", "[]", "{\"keys\":{}}", "<html>"] {
        assert!(KeySet::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_key_that_is_too_short_verifies_nothing() {
    let short = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#;
    assert_eq!(verified(&[&with(short, r#""kid":"k""#), RSA], RSA_TOKEN), Verified::Yes);
    assert_eq!(verified(&[short], RSA_TOKEN), Verified::UnknownKey);
}
