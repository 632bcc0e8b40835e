//! Clients that show a certificate: who must, who may, who is refused (by alert), and what an
//! application sees of it.
#![cfg(feature = "tls")]

mod common;

use std::sync::Arc;

use common::tls::{Authority, alert, connect, https, open};
use common::{Wire, call};
use mcp_fastd::{
    Access, Call, CertificateFiles, ClientAuth, Config, Credentials, Empty, Running, Server,
};
use rcgen::{SanType, SerialNumber};
use rustls::{AlertDescription, HandshakeKind};
use serde_json::json;

/// Who somebody is by the certificate, as an application may want it.
fn access(_: &(), credentials: &Credentials<'_>) -> Access {
    let Some(certificate) = &credentials.peer.certificate else { return Access::Anonymous };
    assert!(credentials.peer.secure);
    let names = [&certificate.dns_names[..], &certificate.uris, &certificate.emails].concat();
    let common_name = certificate.common_name.as_deref().unwrap_or_default();
    assert_eq!(certificate.fingerprint.len(), 64);
    Access::named(format!("{common_name} {}", names.join(" ")))
}

fn whoami(_: &(), _: Empty, call: &Call<'_>) -> String {
    call.principal().unwrap_or("nobody").to_owned()
}

fn start(authority: &Authority, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config {
        bind: ([127, 0, 0, 1], 0).into(),
        cores: Some(2),
        pin: false,
        ..Config::default()
    };
    https(&[&authority.issue(&["localhost"])])(&mut config);
    config.tls.client_ca = Some(authority.file());
    config.tls.client_auth = ClientAuth::Required;
    change(&mut config);
    let server = Server::builder().authenticate(access).tool("whoami", whoami).build();
    server.config(config).start().expect("the server starts")
}

#[track_caller]
fn who(wire: &mut Wire) -> String {
    let result = wire.ask(call(1, "whoami", json!({})).bytes()).result();
    result["content"][0]["text"].as_str().map(str::to_owned).unwrap_or_default()
}

/// A certificate of a client, with each kind of name.
fn agent(authority: &Authority, file: &str, serial: u64) -> CertificateFiles {
    authority.issue_as(file, &["agent.example"], |wanted| {
        wanted.serial_number = Some(SerialNumber::from(serial));
        let uri = "spiffe://example.org/agent".try_into().expect("a URI");
        wanted.subject_alt_names.push(SanType::URI(uri));
        let email = "agent@example.org".try_into().expect("an address");
        wanted.subject_alt_names.push(SanType::Rfc822Name(email));
    })
}

const NAMES: &str = "agent.example spiffe://example.org/agent agent@example.org";

#[test]
fn a_certificate_says_who_asks() {
    let authority = Authority::new();
    let running = start(&authority, |_| {});
    let shown = agent(&authority, "ada", 7);
    for version in rustls::ALL_VERSIONS {
        let client = Arc::new(authority.client_of(&[version], Some(&shown)));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut wire = connect(running.addr(), "localhost", &client);
            assert_eq!(who(&mut wire), format!("ada {NAMES}"));
            assert_eq!(who(&mut wire), format!("ada {NAMES}"));
            assert_eq!(wire.tls.as_ref().and_then(|tls| tls.handshake_kind()), Some(kind));
        }
    }
    running.stop();
}

#[test]
fn who_shows_none_or_a_bad_one_is_refused_by_alert() {
    let (authority, other) = (Authority::new(), Authority::new());
    let running = start(&authority, |_| {});
    let expired = authority.issue_as("expired", &["x.example"], |wanted| {
        wanted.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let strange = other.issue(&["x.example"]);
    for version in rustls::ALL_VERSIONS {
        let refused = |shows: Option<&CertificateFiles>| {
            let client = Arc::new(authority.client_of(&[version], shows));
            alert(open(running.addr(), "localhost", &client))
        };
        let missing = refused(None);
        let expected = [AlertDescription::CertificateRequired, AlertDescription::HandshakeFailure];
        assert!(expected.contains(&missing), "{missing:?}");
        assert_eq!(refused(Some(&expired)), AlertDescription::CertificateExpired);
        let unknown = refused(Some(&strange));
        // A name that is not among the authorities the server asks for is not shown at all.
        let expected = [AlertDescription::UnknownCA, AlertDescription::DecryptError, missing];
        assert!(expected.contains(&unknown), "{unknown:?}");
    }
    let good =
        Arc::new(authority.client_of(rustls::ALL_VERSIONS, Some(&agent(&authority, "a", 1))));
    assert_eq!(who(&mut connect(running.addr(), "localhost", &good)), format!("a {NAMES}"));
    running.stop();
}

#[test]
fn a_certificate_can_be_left_to_the_client() {
    let (authority, other) = (Authority::new(), Authority::new());
    let running = start(&authority, |config| config.tls.client_auth = ClientAuth::Optional);
    let nobody = Arc::new(authority.client());
    assert_eq!(who(&mut connect(running.addr(), "localhost", &nobody)), "nobody");
    let shown = agent(&authority, "alan", 7);
    let known = Arc::new(authority.client_of(rustls::ALL_VERSIONS, Some(&shown)));
    assert_eq!(who(&mut connect(running.addr(), "localhost", &known)), format!("alan {NAMES}"));
    let bad = other.issue(&["x.example"]);
    let bad = Arc::new(authority.client_of(rustls::ALL_VERSIONS, Some(&bad)));
    let refused = alert(open(running.addr(), "localhost", &bad));
    let expected = [AlertDescription::UnknownCA, AlertDescription::DecryptError];
    assert!(expected.contains(&refused), "{refused:?}");
    running.stop();
}

#[test]
fn what_is_revoked_while_the_server_runs_is_refused_from_the_next_reading_on() {
    let authority = Authority::new();
    let list = authority.revoke(1_000);
    let running = start(&authority, |config| config.tls.client_crl = Some(list));
    let shown = agent(&authority, "ada", 7);
    let client = Arc::new(authority.client_of(rustls::ALL_VERSIONS, Some(&shown)));
    let mut stands = connect(running.addr(), "localhost", &client);
    assert_eq!(who(&mut stands), format!("ada {NAMES}"));

    authority.revoke(7);
    running.certificates().expect("HTTPS").reload().expect("the files are good");
    // The client has a session that it could resume, and must not.
    let refused = alert(open(running.addr(), "localhost", &client));
    assert_eq!(refused, AlertDescription::CertificateRevoked);
    assert_eq!(who(&mut stands), format!("ada {NAMES}"), "what stands is left alone");
    let other = agent(&authority, "alan", 8);
    let other = Arc::new(authority.client_of(rustls::ALL_VERSIONS, Some(&other)));
    assert_eq!(who(&mut connect(running.addr(), "localhost", &other)), format!("alan {NAMES}"));

    std::fs::write(authority.path("ca.crl"), "no PEM").expect("written");
    let broken = running.certificates().expect("HTTPS").reload().expect_err("a broken file");
    assert!(
        broken.file.ends_with("ca.crl") && broken.problem.contains("BEGIN X509 CRL"),
        "{broken}"
    );
    running.stop();
}

#[test]
fn a_list_that_is_past_its_time_lets_nobody_in() {
    let authority = Authority::new();
    let list = authority.revoke_until(1_000, 2021);
    let running = start(&authority, |config| config.tls.client_crl = Some(list));
    let shown = agent(&authority, "ada", 7);
    let client = Arc::new(authority.client_of(rustls::ALL_VERSIONS, Some(&shown)));
    alert(open(running.addr(), "localhost", &client));
    authority.revoke(1_000);
    running.certificates().expect("HTTPS").reload().expect("the files are good");
    assert_eq!(who(&mut connect(running.addr(), "localhost", &client)), format!("ada {NAMES}"));
    running.stop();
}

#[test]
fn authorities_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let files = authority.issue(&["localhost"]);
    let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    https(&[&files])(&mut config);
    config.tls.client_auth = ClientAuth::Required;
    let start = |config: &Config| {
        let server = Server::builder().tool("t", |_: Empty| "").build().config(config.clone());
        server.start().err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(start(&config).starts_with("tls.client_ca must name"), "{}", start(&config));
    config.tls.client_ca = Some(files.key);
    let refused = start(&config);
    assert!(refused.contains("localhost.key: expected PEM with"), "{refused}");
}
