//! Who issues the bearer tokens that a server takes, and what a token must say.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::http::default_port;
use crate::limits;

/// How bearer tokens are checked. Without an issuer, none is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenConfig {
    /// Who issues them.
    pub issuers: Vec<IssuerConfig>,
    /// What a token must be for (`aud`): the names of this server, of which one must be there. A
    /// URL counts with and without a slash at its end, and the port of its scheme. Clients of
    /// HTTP+SSE ask for tokens for the URL of its stream; settings that are read from a file or the
    /// environment name that, too, where they name the MCP endpoint.
    pub audiences: Vec<String>,
    /// With which algorithms a JWT may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far the clock of an issuer may be off.
    pub leeway: Duration,
    /// The longest token, in bytes.
    pub token_bytes_max: usize,
    /// Whether a JWT must say that it is an access token (`typ` is `at+jwt`, RFC 9068). Many
    /// issuers do not say so; without this, only what looks like another kind of token is refused.
    pub require_at_jwt: bool,
    /// Tokens that are remembered, so that they are not verified again.
    pub cache_entries_max: usize,
    /// Their bytes, together.
    pub cache_bytes_max: usize,
    /// How long it is remembered that a token is no good.
    pub refused_ttl: Duration,
    /// How long an issuer's keys are used before they are fetched again, at most; an issuer can ask
    /// for less (`Cache-Control: max-age`). They are used longer while it cannot be reached.
    pub keys_age_max: Duration,
    /// How often keys are fetched for a token whose key is not known, at most.
    pub keys_refresh_interval: Duration,
    /// How long an issuer may take to answer.
    pub issuer_timeout: Duration,
    /// Whether issuers may be reached without TLS where they are not on this machine.
    pub allow_http: bool,
    /// Threads that ask issuers about tokens.
    pub introspection_threads: usize,
    /// Tokens that wait to be asked about; beyond them, 503.
    pub introspection_waiting_max: usize,
}

impl Default for TokenConfig {
    fn default() -> Self {
        TokenConfig {
            issuers: Vec::new(),
            audiences: Vec::new(),
            algorithms: Algorithm::ALL.to_vec(),
            leeway: limits::TOKEN_LEEWAY,
            token_bytes_max: limits::TOKEN_BYTES_MAX,
            require_at_jwt: false,
            cache_entries_max: limits::TOKEN_CACHE_ENTRIES_MAX,
            cache_bytes_max: limits::TOKEN_CACHE_BYTES_MAX,
            refused_ttl: limits::TOKEN_REFUSED_TTL,
            keys_age_max: limits::KEYS_AGE_MAX,
            keys_refresh_interval: limits::KEYS_REFRESH_INTERVAL,
            issuer_timeout: limits::ISSUER_TIMEOUT,
            allow_http: false,
            introspection_threads: limits::INTROSPECTION_THREADS,
            introspection_waiting_max: limits::INTROSPECTION_WAITING_MAX,
        }
    }
}

/// An authorization server whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its issuer identifier: what its tokens say as `iss`, and its metadata as `issuer`.
    pub issuer: String,
    /// What its tokens may be for, besides [`TokenConfig::audiences`].
    pub audiences: Vec<String>,
    /// The keys that sign its JWTs.
    pub keys: Keys,
    /// How it is asked about tokens that are no JWT, or about all where it has no keys.
    pub introspection: Option<IntrospectionConfig>,
}

impl IssuerConfig {
    /// An issuer that is found by its metadata, and issues JWTs.
    pub fn discovered(issuer: impl Into<String>) -> IssuerConfig {
        let (audiences, keys) = (Vec::new(), Keys::Discovered);
        IssuerConfig { issuer: issuer.into(), audiences, keys, introspection: None }
    }
}

/// Where an issuer's keys are found (a JWK Set, RFC 7517 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// At the `jwks_uri` of its metadata (RFC 8414, or OpenID Connect Discovery).
    Discovered,
    /// At this URL.
    At(String),
    /// In this file, which is read at the start.
    File(PathBuf),
    /// Nowhere: it is asked about each of its tokens.
    None,
}

/// How an issuer is asked about a token (RFC 7662).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectionConfig {
    /// Where; `None`: at the `introspection_endpoint` of its metadata.
    pub endpoint: Option<String>,
    /// Who we are to the issuer.
    pub client_id: String,
    /// What proves it.
    pub client_secret: ClientSecret,
    /// How that is sent.
    pub client_authentication: ClientAuthentication,
    /// How long an answer is used at most; a token's `exp` may end it earlier.
    pub ttl: Duration,
    /// Whether the answer must say for whom the token is (`aud`). Without this, a token that the
    /// issuer gave out for another server is taken where the issuer does not say so.
    pub require_audience: bool,
}

/// Where our secret with an issuer is, which is not in the configuration itself.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientSecret {
    /// In a file, without the line break at its end.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
    /// Here.
    Given(String),
}

/// Without the secret: no log gives it away.
impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientSecret::File(path) => write!(f, "File({})", path.display()),
            ClientSecret::Variable(name) => write!(f, "Variable({name})"),
            ClientSecret::Given(_) => f.write_str("Given(…)"),
        }
    }
}

/// How a client shows who it is (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// In the header: `client_secret_basic`.
    #[default]
    Basic,
    /// In the body: `client_secret_post`.
    Post,
}

impl FromStr for ClientAuthentication {
    type Err = String;

    fn from_str(text: &str) -> Result<ClientAuthentication, String> {
        match text {
            "basic" | "client_secret_basic" => Ok(ClientAuthentication::Basic),
            "post" | "client_secret_post" => Ok(ClientAuthentication::Post),
            _ => Err(format!("{text:?}: expected basic or post")),
        }
    }
}

/// How a JWT may be signed (RFC 7518 §3.1, RFC 8037 §3.1). Only with keys of two halves: `none` is
/// no signature, and a shared secret would make whoever can check tokens one who can issue them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Algorithm; 9] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];

    /// What it is called in a header.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Algorithm, String> {
        // RFC 9864 gives the one curve of EdDSA that we have a name of its own.
        let text = if text == "Ed25519" { "EdDSA" } else { text };
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or_else(|| {
            format!("{text:?}: expected one of {}", Algorithm::ALL.map(Algorithm::name).join(", "))
        })
    }
}

impl TokenConfig {
    /// Looks for settings that cannot be.
    ///
    /// # Errors
    /// What is wrong with the first of them, by its name.
    pub fn check(&self) -> Result<(), String> {
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// All settings that cannot be. Each begins with the key, as it is written in the table `auth`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.issuers.len() > limits::ISSUERS_MAX {
            problems.push(format!("issuers must be at most {}", limits::ISSUERS_MAX));
        }
        for (index, issuer) in self.issuers.iter().enumerate() {
            let twice = self.issuers[..index].iter().any(|other| {
                without_empty_path(&other.issuer) == without_empty_path(&issuer.issuer)
            });
            let twice = twice.then(|| format!("issuer: {} is there twice", issuer.issuer));
            let found = self.issuer_problems(issuer).into_iter().chain(twice);
            problems.extend(found.map(|problem| format!("issuers[{index}].{problem}")));
        }
        let mut refuse = |is_wrong: bool, problem: &str| {
            if is_wrong {
                problems.push(problem.to_owned());
            }
        };
        refuse(self.algorithms.is_empty(), "algorithms must name at least one");
        refuse(self.token_bytes_max < 64, "token_bytes_max must be at least 64 bytes");
        // An answer must last until whoever waits for it has read it.
        refuse(self.refused_ttl.as_secs() == 0, "refused_ttl must be at least 1s");
        refuse(self.keys_age_max < limits::KEYS_AGE_MIN, "keys_age_max must be at least 60s");
        refuse(
            self.keys_refresh_interval.as_secs() == 0,
            "keys_refresh_interval must be at least 1s",
        );
        refuse(self.issuer_timeout.is_zero(), "issuer_timeout must not be 0");
        refuse(self.cache_entries_max == 0, "cache_entries_max must be at least 1");
        refuse(
            self.cache_bytes_max < self.token_bytes_max,
            "cache_bytes_max must be at least token_bytes_max",
        );
        refuse(self.introspection_threads == 0, "introspection_threads must be at least 1");
        refuse(self.introspection_waiting_max == 0, "introspection_waiting_max must be at least 1");
        problems
    }

    fn issuer_problems(&self, issuer: &IssuerConfig) -> Vec<String> {
        let mut problems = Vec::new();
        let introspection = issuer.introspection.as_ref();
        let jwks_uri = match &issuer.keys {
            Keys::At(url) => Some(url),
            Keys::Discovered | Keys::File(_) | Keys::None => None,
        };
        let endpoint = introspection.and_then(|introspection| introspection.endpoint.as_ref());
        for (key, url) in [
            ("issuer", Some(&issuer.issuer)),
            ("jwks_uri", jwks_uri),
            ("introspection.endpoint", endpoint),
        ] {
            if let Some(Err(problem)) = url.map(|url| self.may_reach(url)) {
                problems.push(format!("{key}: {:?}: {problem}", url.map_or("", String::as_str)));
            }
        }
        let mut refuse = |is_wrong: bool, problem: &str| {
            if is_wrong {
                problems.push(problem.to_owned());
            }
        };
        refuse(
            issuer.issuer.contains(['?', '#', '|']),
            "issuer: no ?, # or | can be in an issuer's name",
        );
        refuse(
            self.audiences.is_empty() && issuer.audiences.is_empty(),
            "audience: name this server as its tokens do (aud)",
        );
        match introspection {
            None => {
                refuse(issuer.keys == Keys::None, "introspection: without keys, this is needed")
            }
            Some(asked) => {
                refuse(asked.ttl.as_secs() == 0, "introspection.ttl must be at least 1s");
                let is_nobody = asked.client_id.is_empty();
                refuse(is_nobody, "introspection.client_id must not be empty");
            }
        }
        problems
    }

    /// Whether anything of it is in files, which may say something else at any time.
    #[cfg(feature = "auth")]
    pub(crate) fn has_files(&self) -> bool {
        self.issuers.iter().any(|issuer| {
            let secret = issuer.introspection.as_ref().map(|asked| &asked.client_secret);
            matches!(issuer.keys, Keys::File(_)) || matches!(secret, Some(ClientSecret::File(_)))
        })
    }

    /// Whether we may ask there: with TLS, on this machine, or where that is wanted without.
    pub(crate) fn may_reach(&self, url: &str) -> Result<(), &'static str> {
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("expected a URL");
        }
        let (scheme, rest) = url.split_once("://").ok_or("expected a URL such as https://…")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        match scheme {
            _ if authority.is_empty() || authority.contains('@') => Err("expected a host"),
            "https" => Ok(()),
            "http" if self.allow_http || is_loopback(authority) => Ok(()),
            "http" => Err("expected https (or set allow_http, where the network is trusted)"),
            _ => Err("expected https"),
        }
    }
}

/// Whether a host with or without a port is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback_address =
        host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    host.eq_ignore_ascii_case("localhost") || is_loopback_address
}

/// A URL without the slash that stands for no path: the only way in which two spellings of an
/// issuer are the same to us.
pub(crate) fn without_empty_path(url: &str) -> &str {
    match url.strip_suffix('/') {
        Some(origin) if origin.split_once("://").is_some_and(|(_, host)| !host.contains('/')) => {
            origin
        }
        _ => url,
    }
}

/// An audience as it is compared: scheme and host are the same in capitals, the port of the scheme
/// need not be said (RFC 3986 §6.2.3), and a slash at the end makes no other server of it (MCP,
/// "Canonical Server URI").
pub(crate) fn plain_audience(audience: &str) -> String {
    let audience = audience.strip_suffix('/').unwrap_or(audience);
    let Some((scheme, rest)) = audience.split_once("://") else { return audience.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let port = default_port(&scheme).map(|port| format!(":{port}"));
    let host = port.and_then(|port| host.strip_suffix(&port)).unwrap_or(&host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests;
