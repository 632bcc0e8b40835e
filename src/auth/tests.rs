use super::*;

#[test]
fn a_token_is_what_can_stand_behind_bearer() {
    for good in ["x", "a.b.c", "a-._~+/Z0", "abc=", "abc=="] {
        assert!(is_token(good), "{good}");
    }
    for bad in ["", "=", "==", "a b", "a=b", "a\"", "ä", "a,b", "a\t", "a\0"] {
        assert!(!is_token(bad), "{bad}");
    }
}

#[test]
fn without_an_issuer_nothing_is_good() {
    let tokens = Tokens::start(&TokenConfig::default()).expect("settings in order");
    assert!(matches!(tokens.check("opaque", 0), Checked::No(Reason::Malformed)));
    let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UifQ.c2ln";
    assert!(matches!(tokens.check(jwt, 0), Checked::No(Reason::Issuer)));
    assert_eq!(tokens.health().count(), 0);
}
