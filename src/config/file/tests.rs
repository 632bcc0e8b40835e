use std::ffi::OsString;
use std::time::Duration;

use super::*;
use crate::config::tokens::{
    Algorithm, ClientAuthentication, ClientSecret, IntrospectionConfig, Keys, TokenConfig,
};
use crate::config::{
    AccessLogConfig, AuditLogConfig, AuthConfig, CertificateFiles, ClientAuth, CorsConfig,
    DeprecationConfig, GuardConfig, ObserveConfig, OverloadConfig, ProxyProtocol, Rate, RateConfig,
    RejectStatus, TlsConfig, TlsVersion, TraceConfig, Transports,
};
use crate::http::HttpLimits;
use crate::observe::{AccessFormat, AuditArguments, TraceSample, WhenFull};

fn toml(text: &str) -> Result<Settings, String> {
    settled(from_toml(text, "f.toml"))
}

fn json(text: &str) -> Result<Settings, String> {
    settled(from_json(text, "f.json"))
}

fn environment(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variables = variables.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    settled(RawConfig::from_environment(variables))
}

fn settled(raw: Result<RawConfig, Error>) -> Result<Settings, String> {
    raw.and_then(|raw| raw.unified("f")?.settled()).map_err(|error| error.to_string())
}

fn check_error(result: Result<Settings, String>, expected: &[&str]) {
    let error = result.expect_err("a mistake is found");
    assert!(!error.contains('\n'), "one line: {error}");
    for part in expected {
        assert!(error.contains(part), "{part:?} in {error:?}");
    }
}

/// Taking `Config` apart without `..`: a new field must be settable, or this does not compile.
#[test]
fn every_setting_can_be_written() {
    let text = r#"
        dataset = "x.db"
        log = "debug"
        bind = "127.0.0.1:1"
        path = "/p"
        cores = 2
        pin = false
        spin = "50us"
        workers = 3
        deferred_max = 4
        connections_max = 5
        requests_per_turn_max = 6
        head_timeout = 7
        body_timeout = 1.5
        idle_timeout = "8s"
        write_timeout = "9ms"
        shutdown_grace = "2m"
        shutdown_delay = "12s"
        buffer_size = 10000
        max_buffers = 11
        adaptive_sizing = false
        allowed_origins = ["https://a.example"]
        sessions_max = 21
        sessions_per_principal_max = 22
        session_idle_timeout = 23
        stream_events_max = 24
        stream_bytes_max = 25
        replay_window = 26
        replay_bytes_max = 27
        keep_alive = 28
        stream_age_max = 29
        answer_timeout = 30
        json_depth_max = 33
        connections_per_address_max = 34
        requests_per_connection_max = 35
        calls_per_principal_max = 48
        streams_per_principal_max = 49
        streams_per_address_max = 50
        connection_age_max = 36
        call_timeout = 37
        admin_bind = "127.0.0.1:9"
        log_format = "json"
        [metrics]
        public = true
        [access_log]
        path = "a.log"
        format = "text"
        sample = 0.25
        slow_only_ms = 31
        [audit_log]
        path = "b.log"
        when_full = "drop"
        arguments = "full"
        sync = true
        [rate]
        global = "38/s"
        per_address = 39
        per_principal = "40/min burst 4"
        per_tool = "41/h"
        per_tool_and_principal = "42/s"
        tools = { search = "43/s" }
        reject_status = 200
        [overload]
        queue_delay_target = "44ms"
        queue_delay_factor = 45
        interval = 46
        memory_max = 47
        [http]
        head_bytes_max = 12
        target_bytes_max = 13
        header_fields_max = 14
        body_bytes_max = 15
        chunk_line_bytes_max = 16
        chunk_overhead_bytes_max = 17
        trailer_bytes_max = 18
        [tls]
        cert = "a.pem"
        key = "a.key"
        client_auth = "optional"
        client_ca = "ca.pem"
        client_crl = "ca.crl"
        min_version = "1.3"
        [[tls.certificates]]
        cert = "b.pem"
        key = "b.key"
        [auth]
        enabled = true
        issuer = "https://i.example"
        audience = "https://a.example/mcp"
        jwks_uri = "https://i.example/keys"
        algorithms = ["ES256"]
        leeway = 41
        token_bytes_max = 4096
        require_at_jwt = true
        cache_entries_max = 43
        cache_bytes_max = 44000
        refused_ttl = 45
        keys_age_max = 460
        keys_refresh_interval = 47
        issuer_timeout = 48
        allow_http = true
        introspection_threads = 49
        introspection_waiting_max = 50
        anonymous = true
        anonymous_scopes = "guest"
        scopes = ["use"]
        resource_name = "N"
        resource_documentation = "https://d.example"
        decision_timeout = 51
        [[auth.issuers]]
        issuer = "https://j.example"
        audience = ["b", "c"]
        [auth.issuers.introspection]
        endpoint = "https://j.example/ask"
        client_id = "me"
        client_secret_variable = "SECRET"
        client_authentication = "post"
        ttl = 52
        require_audience = false
        [[auth.api_keys]]
        name = "k"
        sha256 = "abcd"
        scopes = ["s"]
        [[auth.mtls]]
        dns = "*"
        name = "d"
        scopes = ["t"]
        [tools.write]
        scopes = ["w", "x"]
        [prompts.p]
        scopes = "y"
        [resources."note://{id}"]
        scopes = "z"
        [transport]
        mode = "both"
        [cors]
        max_age = 33
        credentials = true
        [guard]
        public_url = "https://mcp.example/x"
        allowed_hosts = ["*.example"]
        trusted_proxies = "10.0.0.0/8, ::1"
        proxy_protocol = "required"
        [http_sse]
        enabled = false
        sse_endpoint = "/s"
        messages_endpoint = "/m"
        connections_max = 31
        session_timeout = 32
        [http_sse.deprecation]
        warnings = false
        docs_url = "https://d.example"
        sunset = "2026-12-24"
        successor_endpoint = "/n"
        [tools]
        disabled = ["a"]
    "#;
    let Settings { config, dataset, log, log_format } = toml(text).expect("all is understood");
    assert_eq!((dataset, log.as_deref()), (Some("x.db".into()), Some("debug")));
    let Config {
        transports,
        bind,
        path,
        auth,
        http_sse,
        tls,
        cores,
        pin,
        spin,
        workers,
        deferred_max,
        connections_max,
        requests_per_turn_max,
        http,
        head_timeout,
        body_timeout,
        idle_timeout,
        write_timeout,
        shutdown_grace,
        shutdown_delay,
        buffer_size,
        max_buffers,
        adaptive_sizing,
        sessions_max,
        sessions_per_principal_max,
        session_idle_timeout,
        stream_events_max,
        stream_bytes_max,
        replay_window,
        replay_bytes_max,
        keep_alive,
        stream_age_max,
        answer_timeout,
        allowed_origins,
        json_depth_max,
        connections_per_address_max,
        calls_per_principal_max,
        streams_per_principal_max,
        streams_per_address_max,
        requests_per_connection_max,
        connection_age_max,
        call_timeout,
        rate,
        overload,
        observe,
        cors: CorsConfig { max_age, credentials },
        guard,
        tools,
    } = config;
    check_auth(auth);
    check_http_sse(http_sse);
    assert_eq!(log_format, LogFormat::Json);
    check_observe(observe);
    check_guard(&guard);
    assert_eq!((max_age.as_secs(), credentials), (33, true));
    check_tls(tls);
    assert_eq!((tools.disabled, shutdown_delay.as_secs()), (vec!["a".to_owned()], 12));
    assert_eq!([json_depth_max, connections_per_address_max], [33, 34]);
    assert_eq!(requests_per_connection_max, 35);
    assert_eq!([calls_per_principal_max, streams_per_principal_max], [48, 49]);
    assert_eq!(streams_per_address_max, 50);
    assert_eq!([connection_age_max, call_timeout].map(|time| time.as_secs()), [36, 37]);
    check_rate(&rate);
    let expected = OverloadConfig {
        queue_delay_target: Duration::from_millis(44),
        queue_delay_factor: 45,
        interval: Duration::from_secs(46),
        memory_max: Some(47),
    };
    assert_eq!(overload, expected);
    assert_eq!(transports, Transports::Both);
    assert_eq!([sessions_max, sessions_per_principal_max], [21, 22]);
    assert_eq!([stream_events_max, stream_bytes_max, replay_bytes_max], [24, 25, 27]);
    let streams = [session_idle_timeout, replay_window, keep_alive, stream_age_max, answer_timeout];
    assert_eq!(streams.map(|time| time.as_secs()), [23, 26, 28, 29, 30]);
    assert_eq!((bind.to_string().as_str(), path.as_str()), ("127.0.0.1:1", "/p"));
    assert_eq!((cores, pin, workers), (Some(2), false, Some(3)));
    assert_eq!((deferred_max, connections_max, requests_per_turn_max), (4, 5, 6));
    assert_eq!((buffer_size, max_buffers, adaptive_sizing), (10_000, 11, false));
    assert_eq!(allowed_origins, ["https://a.example"]);
    assert_eq!(spin, Duration::from_micros(50));
    let seconds = [head_timeout, body_timeout, idle_timeout, write_timeout, shutdown_grace];
    assert_eq!(seconds.map(|time| time.as_millis()), [7000, 1500, 8000, 9, 120_000]);
    let HttpLimits {
        head_bytes_max,
        target_bytes_max,
        header_fields_max,
        body_bytes_max,
        chunk_line_bytes_max,
        chunk_overhead_bytes_max,
        trailer_bytes_max,
    } = http;
    assert_eq!(
        [head_bytes_max, target_bytes_max, header_fields_max, body_bytes_max],
        [12, 13, 14, 15]
    );
    assert_eq!([chunk_line_bytes_max, chunk_overhead_bytes_max, trailer_bytes_max], [16, 17, 18]);
}

fn check_rate(rate: &RateConfig) {
    let RateConfig {
        global,
        per_address,
        per_principal,
        per_tool,
        per_tool_and_principal,
        tools,
        reject_status,
    } = rate;
    let rates = [global, per_address, per_principal, per_tool, per_tool_and_principal];
    let rates = rates.map(|rate| rate.expect("it is set").to_string());
    assert_eq!(rates, ["38/s", "39/s", "40/min burst 4", "41/h", "42/s"]);
    assert_eq!(tools.iter().next(), Some((&"search".to_owned(), &Rate::per_second(43))));
    assert_eq!(*reject_status, RejectStatus::Ok);
}

#[test]
fn rates_are_text_or_a_number() {
    let rate = |value: &str| toml(&format!("[rate]\nglobal = {value}"));
    for value in ["0", "-1", "\"0/s\"", "\"5\"", "\"5/day\"", "\"1/s burst 0\"", "\"x/s\"", "1.5"] {
        check_error(rate(value), &["f.toml:2", "rate.global", "rate"]);
    }
    check_error(toml("[rate]\nreject_status = 503"), &["rate.reject_status", "429 or 200"]);
    // The mission's name for it.
    let text = r#"{ "transport": { "http": { "rate_limit": { "global": "7/s" } } } }"#;
    let config = json(text).expect("understood").config;
    assert_eq!(config.rate.global, Some(Rate::per_second(7)));
    assert!(json(r#"{ "transport": { "http": { "rate_limit": null } } }"#).is_ok());
    let both = "[rate]\nglobal = 1\n[transport.http.rate_limit]\nglobal = 1";
    check_error(toml(both), &["rate", "not both"]);
}

fn check_auth(auth: AuthConfig) {
    let AuthConfig {
        tokens,
        api_keys,
        api_keys_file,
        mtls,
        anonymous,
        anonymous_scopes,
        scopes,
        tools,
        prompts,
        resources,
        resource_name,
        resource_documentation,
        decision_timeout,
    } = auth;
    check_tokens(tokens);
    let key = |name: &str, scope: &str| (name.to_owned(), vec![scope.to_owned()]);
    assert_eq!((api_keys[0].name.as_str(), &api_keys[0].scopes[..]), ("k", &["s".to_owned()][..]));
    assert_eq!((api_keys_file, mtls[0].dns.as_deref()), (None, Some("*")));
    assert_eq!(
        (anonymous, anonymous_scopes, scopes),
        (true, vec!["guest".into()], vec!["use".into()])
    );
    assert_eq!(tools["write"], ["w", "x"]);
    assert_eq!(prompts, [key("p", "y")].into());
    assert_eq!(resources, [key("note://{id}", "z")].into());
    assert_eq!(resource_name.as_deref(), Some("N"));
    assert_eq!(resource_documentation.as_deref(), Some("https://d.example"));
    assert_eq!(decision_timeout.as_secs(), 51);
}

fn check_tokens(tokens: TokenConfig) {
    let TokenConfig {
        issuers,
        audiences,
        algorithms,
        leeway,
        token_bytes_max,
        require_at_jwt,
        cache_entries_max,
        cache_bytes_max,
        refused_ttl,
        keys_age_max,
        keys_refresh_interval,
        issuer_timeout,
        allow_http,
        introspection_threads,
        introspection_waiting_max,
    } = tokens;
    assert_eq!(issuers[0].issuer, "https://i.example");
    assert_eq!(issuers[0].keys, Keys::At("https://i.example/keys".to_owned()));
    assert_eq!((issuers[1].keys.clone(), &issuers[1].audiences.len()), (Keys::None, &2));
    let asked = issuers[1].introspection.clone().expect("it is asked");
    let IntrospectionConfig {
        endpoint,
        client_id,
        client_secret,
        client_authentication,
        ttl,
        require_audience,
    } = asked;
    assert_eq!((endpoint.as_deref(), &*client_id), (Some("https://j.example/ask"), "me"));
    assert_eq!(client_secret, ClientSecret::Variable("SECRET".to_owned()));
    assert_eq!(client_authentication, ClientAuthentication::Post);
    assert_eq!((ttl.as_secs(), require_audience), (52, false));
    assert_eq!(audiences, ["https://a.example/mcp"]);
    assert_eq!((algorithms, require_at_jwt, allow_http), (vec![Algorithm::Es256], true, true));
    let seconds = [leeway, refused_ttl, keys_age_max, keys_refresh_interval, issuer_timeout];
    assert_eq!(seconds.map(|time| time.as_secs()), [41, 45, 460, 47, 48]);
    let counts = [token_bytes_max, cache_entries_max, cache_bytes_max];
    assert_eq!(counts, [4096, 43, 44_000]);
    assert_eq!([introspection_threads, introspection_waiting_max], [49, 50]);
}

#[test]
fn who_may_come_has_two_names_and_can_be_switched_off() {
    let auth = r#"{ "enabled": true, "issuer": "https://i.example", "audience": ["a"],
        "jwks_uri": "https://i.example/k" }"#;
    let alias = format!("{{ \"transport\": {{ \"http\": {{ \"auth\": {auth} }} }} }}");
    let settings = json(&alias).expect("understood");
    assert_eq!(settings.config.auth.tokens.issuers[0].issuer, "https://i.example");
    let off = json(&alias.replace("true", "false")).expect("understood");
    assert!(!off.config.auth.is_configured());
    let both = alias.replacen('{', "{ \"auth\": { \"issuer\": \"https://j.example\" },", 1);
    check_error(json(&both), &["auth:", "either", "transport.http.auth"]);
    check_error(toml("[auth]\nenabled = true"), &["auth.enabled", "set issuer"]);
    check_error(toml("[auth]\njwks_uri = \"https://i\""), &["auth.issuer: missing"]);
    check_error(toml("[auth]\nisuer = \"https://i\""), &["f.toml:2", "isuer"]);
    let secret = "[auth]\nissuer = \"https://i\"\n[auth.introspection]\nclient_id = \"x\"";
    check_error(toml(secret), &["auth.introspection", "client_secret_file"]);
}

#[test]
fn variables_below_another_name_of_a_table_are_parts_of_it() {
    let place = |key: &str| format!("MCP_FASTD__TRANSPORT__HTTP__{key}");
    let (issuer, audience) = (place("AUTH__ISSUER"), place("AUTH__AUDIENCE"));
    let (global, address) = (place("RATE_LIMIT__GLOBAL"), place("RATE_LIMIT__PER_ADDRESS"));
    let mut variables =
        [(&*issuer, "https://i.example"), (&*audience, "x"), (&*global, "9/s"), (&*address, "7/s")];
    for _ in 0..2 {
        let config = environment(&variables).expect("understood").config;
        assert_eq!(config.auth.tokens.issuers[0].issuer, "https://i.example");
        assert_eq!(config.auth.tokens.audiences, ["x"]);
        assert_eq!(config.rate.global, Some(Rate::per_second(9)));
        assert_eq!(config.rate.per_address, Some(Rate::per_second(7)));
        variables.reverse();
    }
}

#[test]
fn scopes_of_one_thing_leave_those_of_others() {
    let below = "[tools.a]\nscopes = \"x\"\n[tools.b]\nscopes = \"y\"";
    let below: RawConfig = from_toml(below, "f").expect("a file");
    let above: RawConfig = from_toml("[tools.a]\nscopes = \"z\"", "f").expect("a file");
    let tools = above.over(below).settled().expect("settled").config.auth.tools;
    assert_eq!((&tools["a"][..], &tools["b"][..]), (&["z".to_owned()][..], &["y".to_owned()][..]));
}

#[test]
fn keys_may_stand_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.toml");
    let entry = "[[auth.api_keys]]\nname = \"k\"\nsha256 = \"00\"\n";
    std::fs::write(&file, entry).expect("written");
    let text = format!("[auth]\napi_keys_file = {file:?}\n{}", entry.replace("\"k\"", "\"l\""));
    let keys = toml(&text).expect("understood").config.auth.api_keys;
    assert_eq!(keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["l", "k"]);
    std::fs::write(&file, "bind = \"127.0.0.1:1\"").expect("written");
    check_error(toml(&text), &["keys.toml:1", "bind"]);
}

fn check_guard(guard: &GuardConfig) {
    let GuardConfig { public_url, allowed_hosts, trusted_proxies, proxy_protocol } = guard;
    assert_eq!(public_url.as_deref(), Some("https://mcp.example/x"));
    assert_eq!((&**allowed_hosts, trusted_proxies.len()), (&["*.example".to_owned()][..], 2));
    assert_eq!(*proxy_protocol, ProxyProtocol::Required);
}

fn check_observe(observe: ObserveConfig) {
    let ObserveConfig { admin_bind, metrics_public, access_log, audit_log, trace: _ } = observe;
    assert_eq!(admin_bind, Some(SocketAddr::from(([127, 0, 0, 1], 9))));
    assert!(metrics_public);
    let AccessLogConfig { path, format, sample, slow_only } = access_log;
    assert_eq!((path, format), (Some("a.log".into()), AccessFormat::Text));
    assert_eq!((sample, slow_only), (0.25, Duration::from_millis(31)));
    let AuditLogConfig { path, when_full, arguments, sync } = audit_log;
    assert_eq!((path, when_full), (Some("b.log".into()), WhenFull::Drop));
    assert_eq!((arguments, sync), (AuditArguments::Full, true));
}

#[test]
fn traces_are_set_where_they_can_be_made() {
    let text = r#"
        [trace]
        endpoint = "http://localhost:4318"
        headers_file = "a"
        headers_variable = "B"
        sample = "all"
        timeout = 3
        service_name = "c"
    "#;
    if cfg!(not(feature = "otlp")) {
        return check_error(toml(text), &["trace", "feature `otlp`"]);
    }
    let settings = toml(text).expect("it is understood");
    let expected = TraceConfig {
        endpoint: Some("http://localhost:4318".to_owned()),
        headers_file: Some("a".into()),
        headers_variable: Some("B".to_owned()),
        sample: TraceSample::All,
        timeout: Duration::from_secs(3),
        service_name: Some("c".to_owned()),
    };
    assert_eq!(settings.config.observe.trace, expected);
    let problem = settings.config.check().expect_err("two places of headers");
    assert!(problem.starts_with("trace.headers_file"), "{problem}");
    check_error(toml("trace.sample = 'some'"), &["trace.sample", "0 to 1"]);
}

fn check_http_sse(http_sse: HttpSseConfig) {
    let HttpSseConfig {
        enabled,
        sse_endpoint,
        messages_endpoint,
        connections_max,
        session_timeout,
        deprecation,
    } = http_sse;
    assert_eq!((enabled, &*sse_endpoint, &*messages_endpoint), (false, "/s", "/m"));
    assert_eq!((connections_max, session_timeout.as_secs()), (31, 32));
    let DeprecationConfig { warnings, docs_url, sunset, successor_endpoint } = deprecation;
    let sunset = sunset.map(|day| day.to_string());
    assert_eq!((warnings, docs_url.as_deref()), (false, Some("https://d.example")));
    assert_eq!(
        (sunset.as_deref(), successor_endpoint.as_deref()),
        (Some("2026-12-24"), Some("/n"))
    );
}

#[test]
fn a_day_is_text_or_a_date_of_toml() {
    let sunset = |value: &str| {
        let text = format!("[http_sse.deprecation]\nsunset = {value}");
        toml(&text).map(|settings| settings.config.http_sse.deprecation.sunset)
    };
    for value in ["2027-01-02", "\"2027-01-02\""] {
        let day = sunset(value).expect("a day").map(|day| day.to_string());
        assert_eq!(day.as_deref(), Some("2027-01-02"));
    }
    assert_eq!(sunset("\"never\""), Ok(None));
    for value in ["\"soon\"", "2027-01-02T00:00:00Z", "7", "{}"] {
        check_error(sunset(value).map(|_| unreachable!("{value}")), &["sunset"]);
    }
}

#[test]
fn the_missions_keys_are_understood() {
    let text = r#"{ "transport": { "http": {
        "host": "127.0.0.1", "port": 9, "auth": null,
        "cors": { "allowed_origins": ["*"] } } } }"#;
    let Settings { config, .. } = json(text).expect("understood");
    assert_eq!(config.bind.to_string(), "127.0.0.1:9");
    assert_eq!(config.allowed_origins, ["*"]);
    let v6 = json(r#"{ "transport": { "http": { "host": "::1" } } }"#).expect("understood");
    assert_eq!(v6.config.bind.to_string(), "[::1]:8080");
}

fn files(name: &str) -> CertificateFiles {
    CertificateFiles { cert: format!("{name}.pem").into(), key: format!("{name}.key").into() }
}

fn check_tls(tls: TlsConfig) {
    let TlsConfig { certificates, client_auth, client_ca, client_crl, min_version } = tls;
    assert_eq!(certificates, [files("a"), files("b")]);
    assert_eq!((client_auth, min_version), (ClientAuth::Optional, TlsVersion::Tls13));
    assert_eq!((client_ca, client_crl), (Some("ca.pem".into()), Some("ca.crl".into())));
}

#[test]
fn https_has_two_names_and_needs_its_parts() {
    let ssl = r#"{ "transport": { "http": { "ssl": { "cert": "a.pem", "key": "a.key" } } } }"#;
    let both = ssl.replacen('{', r#"{ "tls": { "min_version": "1.3" },"#, 1);
    assert_eq!(json(ssl).expect("understood").config.tls.certificates, [files("a")]);
    check_error(json(&both), &["tls:", "either", "transport.http.ssl"]);
    check_error(toml("[tls]\ncert = \"a\""), &["tls.key: missing", "tls.cert is set"]);
    check_error(toml("[tls]\nkey = \"a\""), &["tls.cert: missing", "tls.key is set"]);
    check_error(toml("[tls]\nmin_version = \"1.1\""), &["f.toml:2", "min_version", "\"1.3\""]);
    check_error(toml("[tls]\nclient_auth = \"on\""), &["f.toml:2", "off, optional or required"]);
    let variables = [
        ("MCP_FASTD__TLS__CERT", "a.pem"),
        ("MCP_FASTD__TLS__KEY", "a.key"),
        ("MCP_FASTD__TLS__CLIENT_CA", "ca.pem"),
        ("MCP_FASTD__TLS__MIN_VERSION", "1.3"),
    ];
    let tls = environment(&variables).expect("understood").config.tls;
    assert_eq!((tls.client_auth, tls.min_version), (ClientAuth::Required, TlsVersion::Tls13));
    let check = |text: &str| toml(text).expect("understood").config.check().unwrap_err();
    assert!(check("[tls]\nclient_ca = \"a\"").starts_with("tls.cert"));
    let on = "[tls]\ncert = \"a\"\nkey = \"a\"\n";
    assert!(check(&format!("{on}client_auth = \"required\"")).starts_with("tls.client_ca"));
    assert!(check(&format!("{on}client_crl = \"crl\"")).starts_with("tls.client_ca"));
}

#[test]
fn who_may_speak() {
    let text = "cors.max_age = \"1h\"\ntransport.http.cors.credentials = true";
    let cors = toml(text).expect("understood").config.cors;
    assert_eq!((cors.max_age, cors.credentials), (Duration::from_secs(3600), true));
    let twice = "allowed_origins = \"*\"\n[cors]\nallowed_origins = \"*\"";
    check_error(toml(twice), &["allowed_origins", "cors.allowed_origins"]);
    let host = "[guard]\nallowed_hosts = [\"https://a\"]";
    check_error(toml(host), &["f.toml:2: guard.allowed_hosts", "HOST:PORT"]);
    let network = "[guard]\ntrusted_proxies = \"10.0.0.1/8\"";
    check_error(toml(network), &["f.toml:2: guard.trusted_proxies", "10.0.0.0/8"]);
}

#[test]
fn what_is_not_built_is_refused() {}

#[test]
fn mistakes_are_named_with_their_place() {
    check_error(toml("\ncores = \"x\"\n"), &["f.toml:2: cores:", "\"x\"", "expected usize"]);
    check_error(toml("cores = 1\ncroes = 1\n"), &["f.toml:2", "croes", "expected one of", "cores"]);
    check_error(toml("[http]\nbody = 1\n"), &["f.toml:2", "`body`", "body_bytes_max"]);
    check_error(
        toml("idle_timeout = \"x\""),
        &["f.toml:1: idle_timeout", "expected a time such as"],
    );
    check_error(toml("idle_timeout = -1"), &["f.toml:1: idle_timeout", "expected a time"]);
    check_error(toml("spin = []"), &["f.toml:1: spin", "number of microseconds"]);
    check_error(toml("= 1"), &["f.toml:1"]);
    check_error(toml("bind = \"8080\""), &["bind", "`8080`", "expected ADDRESS:PORT"]);
    check_error(toml("bind = \"::1\""), &["bind", "expected ADDRESS:PORT"]);
    check_error(json("{\n\"pin\": 1}"), &["f.json:2: pin", "expected a boolean"]);
    check_error(json("{\"a"), &["f.json:1"]);
    check_error(json("{} {}"), &["f.json:1"]);
    check_error(toml("allowed_origins = [\"https://x/y\"]"), &["f.toml:1", "without a path"]);
    let both = "bind = \"127.0.0.1:1\"\n[transport.http]\nport = 2";
    check_error(toml(both), &["bind", "not both"]);
}

#[test]
fn the_environment_is_read() {
    let Settings { config, log, .. } = environment(&[
        ("MCP_FASTD__CORES", "3"),
        ("MCP_FASTD__BIND", "127.0.0.1:7"),
        ("MCP_FASTD__LOG", "warn"),
        ("MCP_FASTD__HTTP__BODY_BYTES_MAX", "99"),
        ("MCP_FASTD__IDLE_TIMEOUT", "3s"),
        ("MCP_FASTD__ALLOWED_ORIGINS", "https://a.example, https://b.example"),
        ("MCP_FASTD__CONFIG", "elsewhere"),
        ("MCP_FASTDX", "not ours"),
        ("PATH", "not ours"),
    ])
    .expect("all is understood");
    assert_eq!((config.cores, config.http.body_bytes_max), (Some(3), 99));
    assert_eq!((config.bind.port(), log.as_deref()), (7, Some("warn")));
    assert_eq!(config.idle_timeout, Duration::from_secs(3));
    assert_eq!(config.allowed_origins, ["https://a.example", "https://b.example"]);
    check_error(environment(&[("MCP_FASTD__CORES", "many")]), &["MCP_FASTD__CORES", "\"many\""]);
    check_error(environment(&[("MCP_FASTD__CROES", "1")]), &["MCP_FASTD__CROES", "croes"]);
}

#[test]
fn layers_lie_over_each_other() {
    let file: RawConfig =
        from_toml("bind = \"127.0.0.1:1\"\ncores = 1\nworkers = 9", "f").expect("a file");
    let file = file.unified("f").expect("unified");
    let variables = [("MCP_FASTD__CORES", "2"), ("MCP_FASTD__TRANSPORT__HTTP__PORT", "2")];
    let variables = variables.into_iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    let environment = RawConfig::from_environment(variables).expect("an environment");
    let mut flags = RawConfig { cores: Some(3), ..RawConfig::default() };
    let settle = |flags: RawConfig| {
        let raw = flags.over(environment.clone()).over(file.clone());
        raw.settled().expect("settled").config
    };
    let config = settle(flags.clone());
    assert_eq!((config.cores, config.workers), (Some(3), Some(9)));
    assert_eq!(config.bind.to_string(), "127.0.0.1:2");
    flags.listen_on("[::1]:3".parse().expect("an address"));
    assert_eq!(settle(flags).bind.to_string(), "[::1]:3");
}

/// What tokens call this server is what clients ask their tokens for: its endpoints, under the name
/// by which they find it.
#[test]
fn the_audience_of_tokens_comes_from_the_public_url() {
    let with = |rest: &str| {
        toml(&format!("[auth]\nissuer = \"https://id.example\"\n{rest}"))
            .map(|settings| settings.config.auth.tokens.audiences)
    };
    let public = "[guard]\npublic_url = \"https://mcp.example\"\n";
    let both = ["https://mcp.example/mcp", "https://mcp.example/sse"];
    assert_eq!(with(public), Ok(both.map(str::to_owned).to_vec()));
    let alone = with(&format!("{public}[http_sse]\nenabled = false\n"));
    assert_eq!(alone, Ok(vec!["https://mcp.example/mcp".to_owned()]));
    let said = with(&format!("audience = \"api://x\"\n{public}"));
    assert_eq!(said, Ok(vec!["api://x".to_owned()]));
    let nameless = toml("[auth]\nissuer = \"https://id.example\"\n").unwrap();
    assert!(nameless.config.check().unwrap_err().contains("audience"));
}

/// A table that lets nobody in by name lets everybody in: that has to be said.
#[test]
fn who_may_come_is_said_where_something_is() {
    for open in ["[auth]\napi_keys = []\n", "[auth]\nmtls = []\n", "[auth]\naudience = \"x\"\n"] {
        let problem = toml(open).unwrap_err();
        assert!(problem.contains("everybody might"), "{problem}");
        let off = toml(&open.replace("[auth]", "[auth]\nenabled = false"));
        assert!(!off.unwrap().config.auth.is_configured());
    }
}
