//! Bearer tokens are checked: what is good is found good once its keys are there, what is not never
//! is, and an issuer that cannot be reached is no reason to send clients for new tokens.

mod common;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::issuer::{Issuer, SigningKey};
use common::{PATIENCE, eventually};
use jsonwebtoken::Algorithm;
use mcp_fastd::config::tokens::{
    self, ClientAuthentication, ClientSecret, IntrospectionConfig, IssuerConfig, Keys, TokenConfig,
};
use mcp_fastd::internal::{Checked, Reason, Tokens, Verdict};
use serde_json::{Value, json};

const AUDIENCE: &str = "https://mcp.example/mcp";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

fn config(issuer: &Issuer) -> TokenConfig {
    TokenConfig {
        issuers: vec![IssuerConfig::discovered(issuer.url())],
        audiences: vec![AUDIENCE.to_owned()],
        ..TokenConfig::default()
    }
}

fn start(config: &TokenConfig) -> Tokens {
    Tokens::start(config).expect("settings in order")
}

fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "sub": "alice", "exp": now() + 600, "iat": now(),
        "scope": "read write", "client_id": "app",
    })
}

/// Checks, and waits where it must.
#[track_caller]
fn settled(tokens: &Tokens, token: &str, unix_s: u64) -> Checked {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        match tokens.check(token, unix_s) {
            Checked::Later(verdict) => wait(&verdict),
            checked => return checked,
        }
        assert!(std::time::Instant::now() < until, "it is never known");
    }
}

#[track_caller]
fn wait(verdict: &Arc<Verdict>) {
    eventually("the verdict is decided", || verdict.is_decided());
}

#[track_caller]
fn good(tokens: &Tokens, token: &str) -> String {
    match settled(tokens, token, now()) {
        Checked::Yes(principal) => principal.name.to_string(),
        other => panic!("it is good: {other:?}; {:?}", tokens.health().collect::<Vec<_>>()),
    }
}

/// What the bearer of an issuer's token for somebody is called.
fn named(issuer: &Issuer, subject: &str) -> String {
    format!("token:{}|{subject}", issuer.url())
}

#[track_caller]
fn bad(tokens: &Tokens, token: &str, expected: Reason) {
    match settled(tokens, token, now()) {
        Checked::No(reason) => assert_eq!(reason, expected),
        other => panic!("it is not good: {other:?}"),
    }
}

#[test]
fn tokens_of_every_algorithm_are_good() {
    let issuer = Issuer::start();
    let keys = [
        ("rs256", Algorithm::RS256),
        ("rs384", Algorithm::RS384),
        ("rs512", Algorithm::RS512),
        ("ps256", Algorithm::PS256),
        ("ps384", Algorithm::PS384),
        ("ps512", Algorithm::PS512),
        ("es256", Algorithm::ES256),
        ("es384", Algorithm::ES384),
        ("eddsa", Algorithm::EdDSA),
    ]
    .map(|(id, algorithm)| SigningKey::new(id, algorithm));
    issuer.answers().keys = keys.iter().map(SigningKey::public).collect();
    let tokens = start(&config(&issuer));
    for key in &keys {
        let token = key.token(&claims(&issuer.url()));
        assert_eq!(good(&tokens, &token), named(&issuer, "alice"), "{}", key.id);
        // Remembered.
        let Checked::Yes(principal) = tokens.check(&token, now()) else { panic!("at once") };
        assert!(principal.has("read") && principal.has("write") && !principal.has("admin"));
        // One bit more or less.
        let (signed, signature) = token.rsplit_once('.').expect("parts");
        let other = if signature.starts_with('A') { "B" } else { "A" };
        bad(&tokens, &format!("{signed}.{other}{}", &signature[1..]), Reason::Signature);
        bad(&tokens, &format!("{signed}."), Reason::Signature);
    }
    assert_eq!(issuer.count("GET /jwks"), 1);
    // Until it ends.
    let token = keys[0].token(&claims(&issuer.url()));
    assert!(matches!(settled(&tokens, &token, now()), Checked::Yes(_)));
    let late = settled(&tokens, &token, now() + 700);
    assert!(matches!(late, Checked::No(Reason::Expired)), "{late:?}");
}

#[test]
fn what_is_not_for_us_or_not_signed_is_refused() {
    let issuer = Issuer::start();
    let (key, other) =
        (SigningKey::new("k", Algorithm::ES256), SigningKey::new("k", Algorithm::ES256));
    let rsa = SigningKey::new("r", Algorithm::RS256);
    issuer.answers().keys = vec![key.public(), rsa.jwk(json!({ "kid": "r", "alg": "RS512" }))];
    let tokens = start(&config(&issuer));
    let good_claims = claims(&issuer.url());
    let with = |name: &str, value: Value| {
        let mut claims = good_claims.clone();
        claims[name] = value;
        key.token(&claims)
    };
    good(&tokens, &key.token(&good_claims));
    bad(&tokens, &with("aud", json!("https://other.example")), Reason::Audience);
    bad(&tokens, &with("iss", json!("https://other.example")), Reason::Issuer);
    bad(&tokens, &with("exp", json!(now() - 61)), Reason::Expired);
    bad(&tokens, &with("nbf", json!(now() + 100)), Reason::NotYet);
    bad(&tokens, &with("sub", json!(null)), Reason::Claims);
    // Signed by somebody else under the same name.
    bad(&tokens, &other.token(&good_claims), Reason::Signature);
    // The key says with which algorithm it signs.
    bad(&tokens, &rsa.token(&good_claims), Reason::Algorithm);
    // What the token says of its algorithm alone counts for nothing.
    let header = |alg: &str| json!({ "alg": alg, "kid": "k", "typ": "at+jwt" });
    for alg in ["none", "HS256", "HS512"] {
        bad(&tokens, &key.sign(&header(alg), &good_claims), Reason::Algorithm);
    }
    bad(&tokens, &key.sign(&header("RS256"), &good_claims), Reason::Algorithm);
    bad(&tokens, &key.sign(&header("ES384"), &good_claims), Reason::Algorithm);
    // A key that comes with the token is not looked at.
    let mut own = header("ES256");
    own["jwk"] = other.public();
    bad(&tokens, &other.sign(&own, &good_claims), Reason::Signature);
    let id_token = json!({ "alg": "ES256", "kid": "k" });
    let mut id_claims = good_claims.clone();
    id_claims["nonce"] = json!("n");
    bad(&tokens, &key.sign(&id_token, &id_claims), Reason::Type);
    bad(&tokens, &"x".repeat(9_000), Reason::TooLong);
    for malformed in ["", "x", "a.b", "a.b.c", "a b", "ä", "\"", "==", "..."] {
        bad(&tokens, malformed, Reason::Malformed);
    }
    assert_eq!(issuer.count("GET /jwks"), 1);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let issuer = Issuer::start();
    let key = SigningKey::new("k", Algorithm::RS256);
    let secret = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256" });
    issuer.answers().keys = vec![key.public(), secret];
    let tokens = start(&config(&issuer));
    let public = key.public()["n"].as_str().expect("text").to_owned();
    for (id, secret) in [("k", public.as_bytes()), ("s", b"secret")] {
        let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
        header.kid = Some(id.to_owned());
        let secret = jsonwebtoken::EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&header, &claims(&issuer.url()), &secret);
        bad(&tokens, &token.expect("a token"), Reason::Algorithm);
    }
}

#[test]
fn a_token_without_a_key_id_may_be_of_any_key() {
    let issuer = Issuer::start();
    let keys = ["a", "b", "c"].map(|id| SigningKey::new(id, Algorithm::ES256));
    issuer.answers().keys = keys.iter().map(SigningKey::public).collect();
    let tokens = start(&config(&issuer));
    for key in &keys {
        let header = json!({ "alg": "ES256", "typ": "at+jwt" });
        good(&tokens, &key.sign(&header, &claims(&issuer.url())));
    }
}

#[test]
fn new_keys_are_found_and_old_ones_forgotten() {
    let issuer = Issuer::start();
    let (old, new) =
        (SigningKey::new("1", Algorithm::ES256), SigningKey::new("2", Algorithm::ES256));
    issuer.answers().keys = vec![old.public()];
    let tokens = start(&config(&issuer));
    let (first, second) = (old.token(&claims(&issuer.url())), new.token(&claims(&issuer.url())));
    good(&tokens, &first);
    // The issuer rotates: the token of the new key waits for the fetch that it leads to, as do all
    // others that come meanwhile.
    issuer.answers().keys = vec![new.public()];
    issuer.hold(true);
    let Checked::Later(verdict) = tokens.check(&second, now()) else { panic!("not known yet") };
    let Checked::Later(again) = tokens.check(&second, now()) else { panic!("not known yet") };
    assert!(Arc::ptr_eq(&verdict, &again));
    assert!(matches!(tokens.check(&first, now()), Checked::Yes(_)));
    issuer.hold(false);
    wait(&verdict);
    assert!(matches!(tokens.check(&second, now()), Checked::Yes(_)));
    assert_eq!(issuer.count("GET /jwks"), 2);
    // What the old key had signed is not remembered. Whether the key is back is not asked again
    // that soon.
    bad(&tokens, &first, Reason::UnknownKey);
    let third = SigningKey::new("3", Algorithm::ES256).token(&claims(&issuer.url()));
    bad(&tokens, &third, Reason::UnknownKey);
    assert_eq!(issuer.count("GET /jwks"), 2);
    // But later it is.
    let later = now() + 11;
    assert!(matches!(settled(&tokens, &third, later), Checked::No(Reason::UnknownKey)));
    assert_eq!(issuer.count("GET /jwks"), 3);
}

#[test]
fn an_issuer_may_be_down_at_the_start_and_later() {
    let mut issuer = Issuer::start();
    let key = SigningKey::new("1", Algorithm::ES256);
    issuer.answers().keys = vec![key.public()];
    issuer.go();
    let tokens = start(&config(&issuer));
    let token = |name: &str| {
        let mut claims = claims(&issuer.url());
        claims["sub"] = json!(name);
        key.token(&claims)
    };
    let (alice, bob) = (token("alice"), token("bob"));
    // Nobody can say that it is bad.
    assert!(matches!(settled(&tokens, &alice, now()), Checked::Busy(_)));
    let health = tokens.health().next().expect("one issuer");
    assert_eq!((health.is_ready, health.keys_age_s), (false, None));
    assert!(health.last_error.expect("an error").contains("oauth-authorization-server"));
    issuer.come_back();
    eventually("the keys are fetched", || tokens.health().all(|health| health.is_ready));
    assert_eq!(good(&tokens, &alice), named(&issuer, "alice"));
    let health = tokens.health().next().expect("one issuer");
    assert_eq!((health.last_error, health.keys_age_s.is_some()), (None, true));
    // Its keys are kept when it goes again; only what they cannot tell has to wait.
    issuer.go();
    assert_eq!(good(&tokens, &bob), named(&issuer, "bob"));
    let unknown = SigningKey::new("2", Algorithm::ES256).token(&claims(&issuer.url()));
    // Some time after it was last asked for a key.
    assert!(matches!(settled(&tokens, &unknown, now() + 11), Checked::Busy(_)));
    assert!(tokens.health().all(|health| health.is_ready && health.last_error.is_some()));
    assert_eq!(good(&tokens, &bob), named(&issuer, "bob"));
}

#[test]
fn metadata_is_believed_of_its_own_issuer_only() {
    let issuer = Issuer::start();
    let key = SigningKey::new("1", Algorithm::ES256);
    issuer.answers().keys = vec![key.public()];
    issuer.answers().metadata = json!({ "issuer": "https://other.example" });
    let tokens = start(&config(&issuer));
    let token = key.token(&claims(&issuer.url()));
    assert!(matches!(settled(&tokens, &token, now()), Checked::Busy(_)));
    let error = tokens.health().next().and_then(|health| health.last_error).expect("an error");
    assert!(error.contains("this is the issuer \"https://other.example\""), "{error}");
    assert_eq!(issuer.count("GET /jwks"), 0);
}

#[test]
fn each_place_of_metadata_is_looked_at() {
    for (place, path) in [
        ("/.well-known/oauth-authorization-server/realms/x", "/realms/x"),
        ("/.well-known/openid-configuration/realms/x", "/realms/x"),
        ("/realms/x/.well-known/openid-configuration", "/realms/x"),
        ("/.well-known/openid-configuration", ""),
        ("/.well-known/openid-configuration", "/"),
    ] {
        let issuer = Issuer::start();
        let key = SigningKey::new("1", Algorithm::ES256);
        let name = format!("{}{path}", issuer.url());
        issuer.answers().keys = vec![key.public()];
        issuer.answers().metadata_path = place.to_owned();
        issuer.answers().metadata = json!({ "issuer": name });
        let issuers = vec![IssuerConfig::discovered(&name)];
        let tokens = start(&TokenConfig { issuers, ..config(&issuer) });
        good(&tokens, &key.token(&claims(&name)));
    }
}

#[test]
fn answers_that_cannot_be_trusted_are_none() {
    let elsewhere = Issuer::start();
    let key = SigningKey::new("1", Algorithm::ES256);
    elsewhere.answers().keys = vec![key.public()];
    let spoil: [fn(&Issuer, &Issuer); 5] = [
        |issuer, elsewhere| issuer.answers().redirect = Some(elsewhere.url()),
        |issuer, _| issuer.answers().status = Some(500),
        |issuer, _| issuer.answers().keys = vec![json!({ "kty": "oct", "k": "c2VjcmV0" })],
        |issuer, _| issuer.answers().keys = vec![json!("x".repeat(300_000))],
        |issuer, _| {
            let key = issuer.answers().keys[0].clone();
            issuer.answers().keys = vec![key; 65];
        },
    ];
    for spoil in spoil {
        let issuer = Issuer::start();
        issuer.answers().keys = vec![key.public()];
        spoil(&issuer, &elsewhere);
        let tokens = start(&config(&issuer));
        let token = key.token(&claims(&issuer.url()));
        assert!(matches!(settled(&tokens, &token, now()), Checked::Busy(_)));
        assert!(tokens.health().all(|health| !health.is_ready && health.last_error.is_some()));
    }
    assert_eq!(elsewhere.count("GET"), 0);
}

#[test]
fn keys_may_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.json");
    let key = SigningKey::new("1", Algorithm::ES256);
    std::fs::write(&path, json!({ "keys": [key.public()] }).to_string()).expect("a file");
    let name = "https://id.example";
    let config = |path| TokenConfig {
        issuers: vec![IssuerConfig { keys: Keys::File(path), ..IssuerConfig::discovered(name) }],
        audiences: vec![AUDIENCE.to_owned()],
        ..TokenConfig::default()
    };
    let tokens = start(&config(path.clone()));
    assert!(matches!(tokens.check(&key.token(&claims(name)), now()), Checked::Yes(_)));
    let unknown = SigningKey::new("2", Algorithm::ES256).token(&claims(name));
    assert!(matches!(tokens.check(&unknown, now()), Checked::No(Reason::UnknownKey)));
    let error = Tokens::start(&config(folder.path().join("none"))).err().expect("no file");
    assert!(error.starts_with("issuers[0].jwks_file: "), "{error}");
    std::fs::write(&path, "{}").expect("a file");
    assert!(Tokens::start(&config(path)).is_err());
}

#[test]
fn only_allowed_algorithms_and_types() {
    let issuer = Issuer::start();
    let keys = [SigningKey::new("e", Algorithm::ES256), SigningKey::new("d", Algorithm::EdDSA)];
    issuer.answers().keys = keys.iter().map(SigningKey::public).collect();
    let algorithms = vec![tokens::Algorithm::EdDsa];
    let tokens = start(&TokenConfig { algorithms, require_at_jwt: true, ..config(&issuer) });
    let claims = claims(&issuer.url());
    bad(&tokens, &keys[0].token(&claims), Reason::Algorithm);
    good(&tokens, &keys[1].token(&claims));
    let plain = json!({ "alg": "EdDSA", "kid": "d", "typ": "JWT" });
    bad(&tokens, &keys[1].sign(&plain, &claims), Reason::Type);
}

fn introspection(endpoint: Option<String>) -> IntrospectionConfig {
    IntrospectionConfig {
        endpoint,
        client_id: "our self".to_owned(),
        client_secret: ClientSecret::Given("hush/".to_owned()),
        client_authentication: ClientAuthentication::Basic,
        ttl: Duration::from_secs(60),
        require_audience: true,
    }
}

fn asking(issuer: &Issuer, introspection: IntrospectionConfig) -> TokenConfig {
    let mut config = config(issuer);
    config.issuers[0].introspection = Some(introspection);
    config
}

#[test]
fn opaque_tokens_are_asked_about_once() {
    let issuer = Issuer::start();
    let answer = json!({
        "active": true, "sub": "alice", "aud": AUDIENCE, "scope": "read", "token_type": "Bearer",
        "exp": now() + 600, "client_id": "app",
    });
    issuer.answers().tokens.insert("opaque-1".to_owned(), answer.clone());
    let mut other = answer.clone();
    other["aud"] = json!("https://other.example");
    issuer.answers().tokens.insert("opaque-2".to_owned(), other);
    let mut other = answer.clone();
    other["exp"] = json!(now() - 100);
    issuer.answers().tokens.insert("opaque-3".to_owned(), other);
    let tokens = start(&asking(&issuer, introspection(None)));
    issuer.hold(true);
    let Checked::Later(first) = tokens.check("opaque-1", now()) else { panic!("not known yet") };
    let Checked::Later(same) = tokens.check("opaque-1", now()) else { panic!("not known yet") };
    assert!(Arc::ptr_eq(&first, &same) && !first.is_decided());
    issuer.hold(false);
    wait(&first);
    let Checked::Yes(alice) = tokens.check("opaque-1", now()) else { panic!("known now") };
    assert_eq!((&*alice.name, alice.has("read")), (&*named(&issuer, "alice"), true));
    assert_eq!(issuer.count("POST /introspect"), 1);
    let (_, authorization, form) = {
        let answers = issuer.answers();
        answers.asked.iter().find(|(line, ..)| line.starts_with("POST")).expect("asked").clone()
    };
    assert_eq!(form, "token=opaque-1&token_type_hint=access_token");
    // `our+self:hush%2F`
    assert_eq!(authorization.as_deref(), Some("Basic b3VyK3NlbGY6aHVzaCUyRg=="));
    bad(&tokens, "opaque-2", Reason::Audience);
    bad(&tokens, "opaque-3", Reason::Expired);
    bad(&tokens, "opaque-4", Reason::Inactive);
    bad(&tokens, "opaque-4", Reason::Inactive);
    assert_eq!(issuer.count("POST /introspect"), 4);
    // After a while it is asked again: the token may have been revoked.
    issuer.answers().tokens.clear();
    assert!(matches!(tokens.check("opaque-1", now() + 10), Checked::Yes(_)));
    let revoked = settled(&tokens, "opaque-1", now() + 61);
    assert!(matches!(revoked, Checked::No(Reason::Inactive)), "{revoked:?}");
}

#[test]
fn a_secret_may_be_sent_in_the_body() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "hush\n").expect("a file");
    let issuer = Issuer::start();
    let config = IntrospectionConfig {
        client_secret: ClientSecret::File(path.clone()),
        client_authentication: ClientAuthentication::Post,
        ..introspection(Some(format!("{}/introspect", issuer.url())))
    };
    let tokens = start(&asking(&issuer, config.clone()));
    bad(&tokens, "opaque", Reason::Inactive);
    let answers = issuer.answers();
    let (_, authorization, form) =
        answers.asked.iter().find(|(line, ..)| line.starts_with("POST")).expect("asked");
    assert!(form.ends_with("&client_id=our+self&client_secret=hush"), "{form}");
    assert_eq!(*authorization, None);
    drop(answers);
    std::fs::remove_file(path).expect("a file");
    let error = Tokens::start(&asking(&issuer, config)).err().expect("no secret");
    assert!(error.contains("client_secret_file: "), "{error}");
}

#[test]
fn an_issuer_that_cannot_be_asked_makes_no_token_bad() {
    let mut issuer = Issuer::start();
    issuer.answers().tokens.insert(
        "opaque".to_owned(),
        json!({ "active": true, "username": "al", "aud": [AUDIENCE] }),
    );
    let mut config = asking(&issuer, introspection(None));
    config.issuers[0].keys = Keys::None;
    issuer.go();
    let tokens = start(&config);
    assert!(tokens.health().all(|health| health.is_ready));
    assert!(matches!(settled(&tokens, "opaque", now()), Checked::Busy(_)));
    assert!(tokens.health().all(|health| health.last_error.is_some()));
    issuer.come_back();
    eventually("it is asked again", || {
        matches!(settled(&tokens, "opaque", now()), Checked::Yes(_))
    });
    assert!(tokens.health().all(|health| health.last_error.is_none()));
    // An issuer that does not know us says nothing of the token either.
    issuer.answers().status = Some(401);
    assert!(matches!(settled(&tokens, "another", now()), Checked::Busy(_)));
    // Without keys, its JWTs are asked about too.
    issuer.answers().status = None;
    let token = SigningKey::new("1", Algorithm::ES256).token(&claims(&issuer.url()));
    bad(&tokens, &token, Reason::Inactive);
}

#[test]
fn no_more_wait_than_may() {
    let issuer = Issuer::start();
    let mut config = asking(&issuer, introspection(Some(format!("{}/introspect", issuer.url()))));
    (config.introspection_threads, config.introspection_waiting_max) = (1, 2);
    issuer.hold(true);
    let tokens = start(&config);
    let mut later = Vec::new();
    eventually("the queue is full", || match tokens.check(&format!("t{}", later.len()), now()) {
        Checked::Later(verdict) => {
            later.push(verdict);
            false
        }
        Checked::Busy(_) => true,
        other => panic!("nobody was asked: {other:?}"),
    });
    assert!((2..=4).contains(&later.len()), "{}", later.len());
    issuer.hold(false);
    later.iter().for_each(wait);
    bad(&tokens, "t0", Reason::Inactive);
}

#[test]
fn issuers_do_not_speak_for_each_other() {
    let (one, other) = (Issuer::start(), Issuer::start());
    let keys = [SigningKey::new("1", Algorithm::ES256), SigningKey::new("1", Algorithm::ES256)];
    one.answers().keys = vec![keys[0].public()];
    other.answers().keys = vec![keys[1].public()];
    let issuers = [&one, &other].map(|issuer| IssuerConfig::discovered(issuer.url())).to_vec();
    let tokens = start(&TokenConfig { issuers, ..config(&one) });
    assert_eq!(good(&tokens, &keys[0].token(&claims(&one.url()))), named(&one, "alice"));
    assert_eq!(good(&tokens, &keys[1].token(&claims(&other.url()))), named(&other, "alice"));
    bad(&tokens, &keys[0].token(&claims(&other.url())), Reason::Signature);
}

#[test]
fn its_threads_end_with_it() {
    let issuer = Issuer::start();
    let tokens = start(&asking(&issuer, introspection(None)));
    let ours = || {
        let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads");
        let names = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| matches!(name.trim_end(), "mcp-keys" | "mcp-tokens")).count()
    };
    eventually("they begin", || ours() == 5);
    drop(tokens);
    eventually("they end", || ours() == 0);
}
