//! Settings as they are written: in a file (TOML or JSON by its ending) and in the environment.
//!
//! ```text
//! flags ─over─▶ MCP_FASTD__… ─over─▶ file ─over─▶ Config::default()
//! ```
//!
//! [`RawConfig`] is what was written, checked for spelling and types alone; [`Settings`] is what
//! is meant. Keys that are not known are errors: a misspelt limit must not silently be none.

mod auth;
mod tls;

use std::ffi::OsString;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use super::raw::RawConfig;
use super::raw::{RawAuth, RawGuard, RawHttp, RawHttpSse, RawRate, RawTls};
use super::{Config, GuardConfig, HttpSseConfig, LogFormat};
use crate::http::HttpLimits;

/// What is wrong with a setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file, or the name of the environment variable.
    pub place: String,
    /// The line in the file, if the parser knows it.
    pub line: Option<usize>,
    /// The key, with the names of its tables before it.
    pub key: Option<String>,
    /// What was wrong, and what was expected.
    pub problem: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Error {}

impl Error {
    /// What the environment says is placed by its variable.
    pub(super) fn name_variable(&mut self) {
        if let Some(key) = self.key.take_if(|_| self.place == "environment") {
            self.place = format!("environment variable {}", variable(&key));
        }
    }
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// The place of what is wrong with all layers together.
pub(super) const SETTINGS: &str = "settings";

/// What every variable of ours begins with.
pub(super) const VARIABLE_PREFIX: &str = "MCP_FASTD__";
/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "MCP_FASTD__CONFIG";

impl RawConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, does not end in `.toml` or `.json`, or says what is not understood.
    pub fn read(path: &Path) -> Result<RawConfig, Error> {
        let (text, is_json, place) = text_of(path)?;
        RawConfig::from_text(&text, is_json, &place)
    }

    /// Reads a text, in JSON or TOML; errors name it `place`.
    ///
    /// # Errors
    /// It says what is not understood.
    pub fn from_text(text: &str, is_json: bool, place: &str) -> Result<RawConfig, Error> {
        let raw: RawConfig =
            if is_json { from_json(text, place)? } else { from_toml(text, place)? };
        raw.unified(place)
    }

    /// Reads the variables of ours among these. `MCP_FASTD__HTTP__BODY_BYTES_MAX` is
    /// `body_bytes_max` of the table `http`.
    ///
    /// # Errors
    /// The first variable that is not understood.
    pub fn from_environment(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<RawConfig, Error> {
        let mut all = RawConfig::default();
        for one in RawConfig::each_variable(variables) {
            all = one?.over(all);
        }
        all.unified("environment").map_err(|mut error| {
            error.name_variable();
            error
        })
    }

    /// What each variable of ours says, or what is wrong with it.
    pub(super) fn each_variable(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> impl Iterator<Item = Result<RawConfig, Error>> {
        variables.filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX))?;
            let place = format!("environment variable {name}");
            let error = |problem: String| Error { place, line: None, key: None, problem };
            (name != CONFIG_VARIABLE).then(|| {
                let value = value.to_str().ok_or_else(|| "not UTF-8".to_owned());
                value.and_then(|value| from_variable(name, value)).map_err(error)
            })
        })
    }

    /// The two ways to write the same thing become one: `bind` becomes `transport.http`'s host and
    /// port, its `auth`, `cors`, `ssl` and `rate_limit` those at the top, and the `allowed_origins`
    /// of these the one at the top.
    pub(super) fn unified(mut self, place: &str) -> Result<RawConfig, Error> {
        let problem = |key: &str, problem: String| Error {
            place: place.to_owned(),
            line: None,
            key: Some(key.to_owned()),
            problem,
        };
        let http = &mut self.transport.http;
        if let Some(bind) = self.bind.take() {
            if http.host.is_some() || http.port.is_some() {
                let both = "set either this or transport.http.host and .port, not both";
                return Err(problem("bind", both.to_owned()));
            }
            let (host, port) = split_address(&bind).map_err(|error| problem("bind", error))?;
            (http.host, http.port) = (Some(host), Some(port));
        }
        let (cors, alias) = (std::mem::take(&mut self.cors), std::mem::take(&mut http.cors));
        let all = [&self.allowed_origins, &cors.allowed_origins, &alias.allowed_origins];
        if all.into_iter().flatten().count() > 1 {
            let both = "set one of this, cors.allowed_origins and \
                        transport.http.cors.allowed_origins";
            return Err(problem("allowed_origins", both.to_owned()));
        }
        self.cors = cors.over(alias);
        self.allowed_origins = self.allowed_origins.or(self.cors.allowed_origins.take());
        if let Some(rate) = http.rate_limit.take() {
            if self.rate != RawRate::default() {
                let both = "set either this or transport.http.rate_limit, not both";
                return Err(problem("rate", both.to_owned()));
            }
            self.rate = rate;
        }
        let ssl = std::mem::take(&mut http.ssl);
        if ssl != RawTls::default() && self.tls != RawTls::default() {
            let both = "set either this or transport.http.ssl, not both";
            return Err(problem("tls", both.to_owned()));
        }
        self.tls = self.tls.over(ssl);
        let auth = http.auth.take().unwrap_or_default();
        if auth != RawAuth::default() && self.auth != RawAuth::default() {
            let both = "set either this or transport.http.auth, not both";
            return Err(problem("auth", both.to_owned()));
        }
        self.auth = self.auth.over(auth);
        Ok(self)
    }

    /// Says where to listen, as the flag does.
    pub fn listen_on(&mut self, address: SocketAddr) {
        self.transport.http.host = Some(address.ip().to_string());
        self.transport.http.port = Some(address.port());
    }

    /// What is meant by all layers together.
    ///
    /// # Errors
    /// The address to listen on cannot be found, a file of keys cannot be read, or of two keys that
    /// need each other one is missing.
    pub fn settled(self) -> Result<Settings, Error> {
        let mut config = Config::default();
        self.settle_clients(&mut config);
        let http = self.transport.http;
        let observe = (self.admin_bind, self.metrics, self.access_log, self.audit_log, self.trace);
        if http.host.is_some() || http.port.is_some() {
            let host = http.host.unwrap_or_else(|| config.bind.ip().to_string());
            let port = http.port.unwrap_or(config.bind.port());
            config.bind = resolved(&host, port).map_err(|problem| Error {
                place: "settings".to_owned(),
                line: None,
                key: Some("bind".to_owned()),
                problem,
            })?;
        }
        set(&mut config.transports, self.transport.mode);
        set(&mut config.path, self.path);
        settle_http_sse(&mut config.http_sse, self.http_sse);
        self.rate.settle(&mut config.rate);
        self.overload.settle(&mut config.overload);
        config.tls = tls::settled(self.tls).map_err(|(key, problem)| Error {
            place: "settings".to_owned(),
            line: None,
            key: Some(key.to_owned()),
            problem,
        })?;
        config.auth = auth::whole(self.auth, &self.tools, self.prompts, self.resources)?;
        config.cores = self.cores.or(config.cores);
        set(&mut config.pin, self.pin);
        set(&mut config.spin, self.spin.map(|spin| spin.0));
        config.workers = self.workers.or(config.workers);
        set(&mut config.deferred_max, self.deferred_max);
        set(&mut config.connections_max, self.connections_max);
        set(&mut config.requests_per_turn_max, self.requests_per_turn_max);
        set(&mut config.head_timeout, self.head_timeout.map(|time| time.0));
        set(&mut config.body_timeout, self.body_timeout.map(|time| time.0));
        set(&mut config.idle_timeout, self.idle_timeout.map(|time| time.0));
        set(&mut config.write_timeout, self.write_timeout.map(|time| time.0));
        set(&mut config.shutdown_grace, self.shutdown_grace.map(|time| time.0));
        set(&mut config.shutdown_delay, self.shutdown_delay.map(|time| time.0));
        set(&mut config.buffer_size, self.buffer_size);
        set(&mut config.max_buffers, self.max_buffers);
        set(&mut config.adaptive_sizing, self.adaptive_sizing);
        set(&mut config.sessions_max, self.sessions_max);
        set(&mut config.sessions_per_principal_max, self.sessions_per_principal_max);
        set(&mut config.session_idle_timeout, self.session_idle_timeout.map(|time| time.0));
        set(&mut config.stream_events_max, self.stream_events_max);
        set(&mut config.stream_bytes_max, self.stream_bytes_max);
        set(&mut config.replay_window, self.replay_window.map(|time| time.0));
        set(&mut config.replay_bytes_max, self.replay_bytes_max);
        set(&mut config.keep_alive, self.keep_alive.map(|time| time.0));
        set(&mut config.stream_age_max, self.stream_age_max.map(|time| time.0));
        set(&mut config.answer_timeout, self.answer_timeout.map(|time| time.0));
        set(&mut config.allowed_origins, self.allowed_origins.map(|origins| origins.0));
        set(&mut config.cors.max_age, self.cors.max_age.map(|time| time.0));
        set(&mut config.cors.credentials, self.cors.credentials);
        settle_guard(&mut config.guard, self.guard);
        set(&mut config.tools.disabled, self.tools.disabled);
        super::observe::settle(&mut config.observe, observe)?;
        settle_http(&mut config.http, self.http);
        auth::name_server(&mut config);
        let log_format = self.log_format.unwrap_or_default();
        Ok(Settings { config, dataset: self.dataset, log: self.log, log_format })
    }
}

fn settle_http(limits: &mut HttpLimits, raw: RawHttp) {
    set(&mut limits.head_bytes_max, raw.head_bytes_max);
    set(&mut limits.target_bytes_max, raw.target_bytes_max);
    set(&mut limits.header_fields_max, raw.header_fields_max);
    set(&mut limits.body_bytes_max, raw.body_bytes_max);
    set(&mut limits.chunk_line_bytes_max, raw.chunk_line_bytes_max);
    set(&mut limits.chunk_overhead_bytes_max, raw.chunk_overhead_bytes_max);
    set(&mut limits.trailer_bytes_max, raw.trailer_bytes_max);
}

fn settle_http_sse(config: &mut HttpSseConfig, raw: RawHttpSse) {
    set(&mut config.enabled, raw.enabled);
    set(&mut config.sse_endpoint, raw.sse_endpoint);
    set(&mut config.messages_endpoint, raw.messages_endpoint);
    set(&mut config.connections_max, raw.connections_max);
    set(&mut config.session_timeout, raw.session_timeout.map(|time| time.0));
    let deprecation = &mut config.deprecation;
    set(&mut deprecation.warnings, raw.deprecation.warnings);
    set(&mut deprecation.sunset, raw.deprecation.sunset.map(|sunset| sunset.0));
    deprecation.docs_url = raw.deprecation.docs_url.or(deprecation.docs_url.take());
    deprecation.successor_endpoint =
        raw.deprecation.successor_endpoint.or(deprecation.successor_endpoint.take());
}

fn settle_guard(config: &mut GuardConfig, raw: RawGuard) {
    config.public_url = raw.public_url.or(config.public_url.take());
    set(&mut config.allowed_hosts, raw.allowed_hosts.map(|hosts| hosts.0));
    set(&mut config.trusted_proxies, raw.trusted_proxies.map(|networks| networks.0));
    set(&mut config.proxy_protocol, raw.proxy_protocol);
}

/// What is meant.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the server runs.
    pub config: Config,
    /// What it serves; nothing given means the project's own documentation.
    pub dataset: Option<PathBuf>,
    /// What to log.
    pub log: Option<String>,
    /// How.
    pub log_format: LogFormat,
}

/// Reads `ADDRESS:PORT`, where the address may be a name: `localhost:8080`.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = split_address(text)?;
    resolved(&host, port)
}

pub(super) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn split_address(text: &str) -> Result<(String, u16), String> {
    let expected = || format!("`{text}`: expected ADDRESS:PORT, such as 127.0.0.1:8080");
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    if host.is_empty() || (host.contains(':') && !host.starts_with('[')) {
        return Err(expected());
    }
    Ok((host.to_owned(), port.parse().map_err(|_| expected())?))
}

fn resolved(host: &str, port: u16) -> Result<SocketAddr, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut found = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("cannot find the address `{host}`: {error}"))?;
    found.next().ok_or_else(|| format!("the name `{host}` has no address"))
}

/// The text of a file, whether it is JSON, and what errors call it.
fn text_of(path: &Path) -> Result<(String, bool, String), Error> {
    let place = path.display().to_string();
    let plain = |problem: String| Error { place: place.clone(), line: None, key: None, problem };
    let is_json = match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => false,
        Some("json") => true,
        _ => return Err(plain("expected a name that ends in .toml or .json".to_owned())),
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| plain(format!("cannot read this file: {error}")))?;
    Ok((text, is_json, place))
}

fn from_toml<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, Error> {
    let error = |key: Option<String>, error: &toml::de::Error| Error {
        place: place.to_owned(),
        line: error.span().map(|span| 1 + text[..span.start].matches('\n').count()),
        key,
        problem: one_line(error.message()),
    };
    let parsed = toml::Deserializer::parse(text).map_err(|e| error(None, &e))?;
    serde_path_to_error::deserialize(parsed).map_err(|e| error(key(e.path()), e.inner()))
}

fn from_json<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, Error> {
    let error = |key: Option<String>, error: &serde_json::Error| Error {
        place: place.to_owned(),
        line: Some(error.line()).filter(|line| *line > 0),
        key,
        problem: without_position(&error.to_string()),
    };
    let mut parser = serde_json::Deserializer::from_str(text);
    let raw = serde_path_to_error::deserialize(&mut parser)
        .map_err(|e| error(key(e.path()), e.inner()))?;
    parser.end().map_err(|e| error(None, &e))?;
    Ok(raw)
}

/// One variable as a configuration of one key. Numbers, truth values and lists are written as in
/// JSON; what is none of them, or is none where text is wanted, is text.
fn from_variable(name: &str, value: &str) -> Result<RawConfig, String> {
    let nested = |value: serde_json::Value| {
        let path = name[VARIABLE_PREFIX.len()..].to_ascii_lowercase();
        path.rsplit("__").fold(value, |inner, key| serde_json::json!({ key: inner }))
    };
    let typed = serde_json::from_str(value)
        .ok()
        .map(|value| serde_json::from_value::<RawConfig>(nested(value)));
    match typed {
        Some(Ok(raw)) => Ok(raw),
        _ => serde_json::from_value(nested(value.into()))
            .map_err(|error| one_line(&error.to_string())),
    }
}

fn key(path: &serde_path_to_error::Path) -> Option<String> {
    let key = path.to_string();
    (key != "." && !key.is_empty()).then_some(key)
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// serde_json says the position in its message; ours has it in front.
pub(super) fn without_position(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(at) => message[..at].to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
