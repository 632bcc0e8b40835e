//! Who may come, and what they may use, as written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::values::{Seconds, Texts};
use super::super::{ApiKey, KnownClient};

layer! {
    /// [`AuthConfig`](crate::config::AuthConfig) as written, with its tokens.
    RawAuth
    values {
        /// Whether anything of this counts.
        enabled: bool,
        /// Who issues tokens, where that is one.
        issuer: String,
        /// Who issues tokens, where there are more.
        issuers: Vec<RawIssuer>,
        /// The names of this server in tokens: a list, or text with commas.
        audience: Texts,
        /// Where the keys of `issuer` are.
        jwks_uri: String,
        /// The file that they are in.
        jwks_file: PathBuf,
        /// How `issuer` is asked about tokens.
        introspection: RawIntrospection,
        /// `["ES256", "RS256"]`.
        algorithms: Texts,
        /// How far clocks may be off.
        leeway: Seconds,
        /// Bytes of a token.
        token_bytes_max: usize,
        /// Whether tokens say that they are access tokens.
        require_at_jwt: bool,
        /// Tokens that are remembered.
        cache_entries_max: usize,
        /// Their bytes.
        cache_bytes_max: usize,
        /// How long bad ones are.
        refused_ttl: Seconds,
        /// How long keys are used.
        keys_age_max: Seconds,
        /// How often keys are fetched for unknown ones.
        keys_refresh_interval: Seconds,
        /// Time for an issuer to answer.
        issuer_timeout: Seconds,
        /// Whether issuers may be reached without TLS.
        allow_http: bool,
        /// Threads that ask issuers.
        introspection_threads: usize,
        /// Tokens that wait for them.
        introspection_waiting_max: usize,
        /// Keys.
        api_keys: Vec<ApiKey>,
        /// A file with more of them.
        api_keys_file: PathBuf,
        /// Clients by their certificates.
        mtls: Vec<KnownClient>,
        /// Whether somebody may come who shows nothing.
        anonymous: bool,
        /// What they may do.
        anonymous_scopes: Texts,
        /// What each request needs: a list, or text with commas.
        scopes: Texts,
        /// The server's name for people.
        resource_name: String,
        /// A page about it.
        resource_documentation: String,
        /// Time to find out who somebody is.
        decision_timeout: Seconds,
    }
    tables {}
}

/// [`IssuerConfig`](crate::config::tokens::IssuerConfig) as written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RawIssuer {
    /// What its tokens say as `iss`.
    pub issuer: String,
    /// The names of this server in its tokens.
    pub audience: Option<Texts>,
    /// Where its keys are.
    pub jwks_uri: Option<String>,
    /// The file that they are in.
    pub jwks_file: Option<PathBuf>,
    /// How it is asked about tokens.
    pub introspection: Option<RawIntrospection>,
}

/// [`IntrospectionConfig`](crate::config::tokens::IntrospectionConfig) as written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RawIntrospection {
    /// Where.
    pub endpoint: Option<String>,
    /// Who we are.
    pub client_id: String,
    /// What proves it, in a file.
    pub client_secret_file: Option<PathBuf>,
    /// The same, in an environment variable.
    pub client_secret_variable: Option<String>,
    /// `"basic"` or `"post"`.
    pub client_authentication: Option<String>,
    /// How long an answer is used.
    pub ttl: Option<Seconds>,
    /// Whether it must say whom the token is for.
    pub require_audience: Option<bool>,
}

crate::config::raw::tables! { RawIssuer RawIntrospection }

layer! {
    /// What is set about one tool, prompt or resource.
    RawThing
    values {
        /// The scopes that its use needs: a list, or text with commas.
        scopes: Texts,
    }
    tables {}
}

/// What is set about things, by their names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawThings(pub BTreeMap<String, RawThing>);

impl RawThings {
    /// What is set here, and what is set in `under` where nothing is set here.
    #[must_use]
    pub fn over(self, mut under: RawThings) -> RawThings {
        for (name, thing) in self.0 {
            let below = under.0.remove(&name).unwrap_or_default();
            under.0.insert(name, thing.over(below));
        }
        under
    }
}

/// What is set about tools: which are not offered, and what is set about one, by its name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
pub struct RawTools {
    /// Names of tools that are not offered.
    #[serde(default)]
    pub disabled: Option<Vec<String>>,
    /// What is set about one.
    #[serde(flatten)]
    pub named: RawThings,
}

impl RawTools {
    /// What is set here, and what is set in `under` where nothing is set here.
    #[must_use]
    pub fn over(self, under: RawTools) -> RawTools {
        let disabled = self.disabled.or(under.disabled);
        RawTools { disabled, named: self.named.over(under.named) }
    }
}
