use super::*;

fn config(issuer: IssuerConfig) -> TokenConfig {
    let audiences = vec!["https://mcp.example".to_owned()];
    TokenConfig { issuers: vec![issuer], audiences, ..TokenConfig::default() }
}

#[test]
fn issuers_have_tls_or_are_here() {
    for url in [
        "https://id.example",
        "https://id.example/realms/x",
        "http://localhost:9000",
        "http://127.0.0.1",
        "http://127.9.9.9:1/x",
        "http://[::1]:9000/",
    ] {
        assert_eq!(config(IssuerConfig::discovered(url)).check(), Ok(()), "{url}");
    }
    for url in [
        "",
        "id.example",
        "https://",
        "http://id.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "https://user@id.example",
        "ftp://id.example",
        "https://id.example?x",
        "https://id.example/#x",
        "https://id.example/a b",
    ] {
        assert!(config(IssuerConfig::discovered(url)).check().is_err(), "{url}");
    }
    let lax = TokenConfig { allow_http: true, ..config(IssuerConfig::discovered("http://id.svc")) };
    assert_eq!(lax.check(), Ok(()));
}

#[test]
fn what_cannot_be_is_named() {
    let error = |change: fn(&mut TokenConfig)| {
        let mut config = config(IssuerConfig::discovered("https://id.example"));
        change(&mut config);
        config.check().expect_err("it cannot be")
    };
    for (found, expected) in [
        (error(|it| it.audiences.clear()), "issuers[0].audience"),
        (error(|it| it.algorithms.clear()), "algorithms"),
        (error(|it| it.refused_ttl = Duration::ZERO), "refused_ttl"),
        (error(|it| it.keys_age_max = Duration::from_secs(1)), "keys_age_max"),
        (error(|it| it.issuers[0].keys = Keys::None), "issuers[0].introspection"),
        (
            error(|it| it.issuers[0].keys = Keys::At("http://x.example".into())),
            "issuers[0].jwks_uri",
        ),
        (
            error(|it| it.issuers.push(IssuerConfig::discovered("https://id.example/"))),
            "issuers[1]",
        ),
        (error(|it| it.cache_bytes_max = 100), "cache_bytes_max"),
    ] {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn algorithms_have_names() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
    }
    assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDsa));
    for none in ["none", "HS256", "HS512", "rs256", "ES512", "ES256K", ""] {
        assert!(none.parse::<Algorithm>().is_err(), "{none}");
    }
}

#[test]
fn a_secret_is_not_shown() {
    assert!(!format!("{:?}", ClientSecret::Given("hush".into())).contains("hush"));
}
