//! Who may come, by what they show, and what they may use.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::tokens::TokenConfig;
use crate::app::Policy;
use crate::limits;

/// Who may come, by what they show: bearer tokens, API keys, client certificates. Where one of them
/// is set, nobody comes without (but for [`AuthConfig::anonymous`]).
///
/// What is shown first in this order counts, and is not made up for by the others:
///
/// 1. `Authorization: Bearer`: an API key where it begins with `fastd_`, or where no tokens are
///    taken; a token otherwise;
/// 2. `X-API-Key`;
/// 3. the certificate of a client.
///
/// How somebody was let in is part of their name, so that nobody is taken for somebody else: a key
/// is `key:NAME`, a certificate `certificate:NAME`, a token `token:ISSUER|SUB`. A token without a
/// subject is `username:ISSUER|NAME`, or else `client:ISSUER|CLIENT_ID`.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// Whose tokens are taken, and what they must say.
    pub tokens: TokenConfig,
    /// Keys that are taken.
    pub api_keys: Vec<ApiKey>,
    /// A file with more of them.
    pub api_keys_file: Option<PathBuf>,
    /// Certificates that are taken, of those that [`TlsConfig`](super::TlsConfig) lets in.
    pub mtls: Vec<KnownClient>,
    /// Whether somebody may come who shows nothing. Who shows something that is no good may not.
    pub anonymous: bool,
    /// The scopes that they have then.
    pub anonymous_scopes: Vec<String>,
    /// The scopes that each request needs.
    pub scopes: Vec<String>,
    /// The scopes that the use of a tool needs besides, by its name.
    pub tools: BTreeMap<String, Vec<String>>,
    /// The same of prompts.
    pub prompts: BTreeMap<String, Vec<String>>,
    /// The same of resources, by their URI or a URI template.
    pub resources: BTreeMap<String, Vec<String>>,
    /// The server's name for people who are asked to let a client use it.
    pub resource_name: Option<String>,
    /// A page about it.
    pub resource_documentation: Option<String>,
    /// Time that a request waits for somebody else to say who it is from; then 503.
    pub decision_timeout: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        AuthConfig {
            tokens: TokenConfig::default(),
            api_keys: Vec::new(),
            api_keys_file: None,
            mtls: Vec::new(),
            anonymous: false,
            anonymous_scopes: Vec::new(),
            scopes: Vec::new(),
            tools: BTreeMap::new(),
            prompts: BTreeMap::new(),
            resources: BTreeMap::new(),
            resource_name: None,
            resource_documentation: None,
            decision_timeout: limits::DECISION_TIMEOUT,
        }
    }
}

/// An API key, of which the hash is kept. `mcp-fastd key` makes one.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "daemon", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Whose it is: their principal is `key:NAME`. Somebody may have several.
    pub name: String,
    /// SHA-256 of the key, as 64 hexadecimal digits.
    #[cfg_attr(feature = "daemon", schemars(regex(pattern = "^[0-9a-fA-F]{64}$")))]
    pub sha256: String,
    /// What it is good for.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// Without the hash: a weak key could be guessed from it.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, {:?})", self.name, self.scopes)
    }
}

/// Clients that show a certificate: by one of its names, which is exactly this, begins with what
/// stands before a `*`, or is any where there is nothing but `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "daemon", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct KnownClient {
    /// The common name of its subject.
    pub common_name: Option<String>,
    /// An alternative name that is the name of a host.
    pub dns: Option<String>,
    /// An alternative name that is a URI: `spiffe://example.org/agent`.
    pub uri: Option<String>,
    /// An alternative name that is an address of mail.
    pub email: Option<String>,
    /// SHA-256 of the certificate, as 64 hexadecimal digits.
    pub fingerprint: Option<String>,
    /// Who that is: their principal is `certificate:NAME`. Without it, NAME is what was matched,
    /// behind its kind: `certificate:dns=a.example`. A name has no `=`, so it is none of those.
    pub name: Option<String>,
    /// What they may do.
    pub scopes: Vec<String>,
}

impl KnownClient {
    fn patterns(&self) -> usize {
        let KnownClient { common_name, dns, uri, email, fingerprint, .. } = self;
        [common_name, dns, uri, email, fingerprint].into_iter().flatten().count()
    }
}

impl AuthConfig {
    /// Whether anybody has to show anything.
    pub fn is_configured(&self) -> bool {
        !(self.tokens.issuers.is_empty() && self.api_keys.is_empty() && self.mtls.is_empty())
            || self.api_keys_file.is_some()
    }

    /// Whether a server that asks who comes can go on with these settings. The last key that is
    /// taken away must not let everybody in.
    ///
    /// # Errors
    /// It would ask nobody any more.
    pub(crate) fn check_closed(&self) -> Result<(), String> {
        match self.is_configured() {
            true => Ok(()),
            false => Err("auth: everybody would be let in with these settings, and so far nobody \
                          is who shows nothing: that takes a restart"
                .to_owned()),
        }
    }

    /// The scopes that are needed by these settings.
    ///
    /// # Errors
    /// A URI template that is not understood, by its key.
    pub fn policy(&self) -> Result<Policy, String> {
        let mut policy = Policy::default();
        policy.requests(self.scopes.iter().map(String::as_str));
        policy.anonymous(self.anonymous_scopes.iter().map(String::as_str));
        for (name, scopes) in &self.tools {
            policy.tool(name, scopes.iter().map(String::as_str));
        }
        for (name, scopes) in &self.prompts {
            policy.prompt(name, scopes.iter().map(String::as_str));
        }
        for (uri, scopes) in &self.resources {
            policy
                .resource(uri, scopes.iter().map(String::as_str))
                .map_err(|problem| format!("{}: {problem}", within("resources", uri)))?;
        }
        Ok(policy)
    }

    /// Looks for settings that cannot be.
    ///
    /// # Errors
    /// What is wrong with the first of them, by its key as it is written in a file.
    pub fn check(&self) -> Result<(), String> {
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// All settings that cannot be. Each begins with the key, as it is written in a file.
    pub fn problems(&self) -> Vec<String> {
        let tokens = self.tokens.problems().into_iter();
        let mut problems: Vec<_> = tokens.map(|problem| format!("auth.{problem}")).collect();
        let mut refuse = |is_wrong: bool, problem: String| {
            if is_wrong {
                problems.push(format!("auth.{problem}"));
            }
        };
        let most = limits::API_KEYS_MAX;
        let count = format!("api_keys must be at most {most} (api_keys_max)");
        refuse(self.api_keys.len() > most, count);
        for (index, key) in self.api_keys.iter().enumerate() {
            let text = "must be 64 hexadecimal digits; `mcp-fastd key NAME` makes a key";
            let problem = format!("api_keys[{index}].sha256 (of {:?}) {text}", key.name);
            refuse(!is_sha256(&key.sha256), problem);
            refuse(key.name.is_empty(), format!("api_keys[{index}].name must not be empty"));
        }
        // With other scopes, say: the last would count, and to take one away would revoke nothing.
        let mut known = HashMap::new();
        for (index, key) in self.api_keys.iter().enumerate() {
            if let Some(first) = known.insert(key.sha256.to_ascii_lowercase(), &key.name) {
                let name = &key.name;
                refuse(
                    true,
                    format!("api_keys[{index}].sha256 (of {name:?}) is that of {first:?}"),
                );
            }
        }
        for (index, client) in self.mtls.iter().enumerate() {
            let text = "needs one of common_name, dns, uri, email and fingerprint";
            refuse(client.patterns() != 1, format!("mtls[{index}] {text}"));
            let name = client.name.as_deref().unwrap_or("none");
            let problem = format!("mtls[{index}].name: {name:?} must not be empty, and has no `=`");
            refuse(name.is_empty() || name.contains('='), problem);
        }
        problems.extend(self.useless_key().filter(|_| !self.is_configured()).map(|key| {
            format!(
                "{key}: nobody can have any scopes: set auth.issuer, auth.api_keys or auth.mtls \
                 besides"
            )
        }));
        problems.extend(self.scope_problems());
        problems
    }

    /// A key that means nothing where nobody has to show anything.
    fn useless_key(&self) -> Option<String> {
        let own = [
            ("auth.anonymous", self.anonymous),
            ("auth.scopes", !self.scopes.is_empty()),
            ("auth.anonymous_scopes", !self.anonymous_scopes.is_empty()),
        ];
        let own = own.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key.to_owned());
        own.or_else(|| Some(self.scopes_of_things().next()?.0))
    }

    /// The scopes of each tool, prompt and resource, by their keys.
    fn scopes_of_things(&self) -> impl Iterator<Item = (String, &Vec<String>)> {
        let tables =
            [("tools", &self.tools), ("prompts", &self.prompts), ("resources", &self.resources)];
        tables.into_iter().flat_map(|(table, things)| {
            things.iter().map(move |(name, scopes)| (within(table, name), scopes))
        })
    }

    /// Scopes that are none, and resources whose template is not understood.
    fn scope_problems(&self) -> impl Iterator<Item = String> {
        let named =
            [("auth.scopes", &self.scopes), ("auth.anonymous_scopes", &self.anonymous_scopes)];
        let mut all: Vec<_> =
            named.into_iter().map(|(key, scopes)| (key.to_owned(), scopes)).collect();
        all.extend(self.scopes_of_things());
        let keys = self.api_keys.iter().enumerate();
        all.extend(keys.map(|(at, key)| (format!("auth.api_keys[{at}].scopes"), &key.scopes)));
        let clients = self.mtls.iter().enumerate();
        all.extend(clients.map(|(at, it)| (format!("auth.mtls[{at}].scopes"), &it.scopes)));
        let wrong = all.into_iter().filter_map(|(key, scopes)| {
            let scope = scopes.iter().find(|scope| !is_scope(scope))?;
            Some(format!("{key}: {scope:?} is no scope: no spaces, quotes or backslashes"))
        });
        let wrong: Vec<_> = wrong.chain(self.policy().err()).collect();
        wrong.into_iter()
    }
}

/// The key of the scopes of a thing, written as the parser writes it.
fn within(table: &str, name: &str) -> String {
    format!("{table}.{name}.scopes")
}

/// RFC 6749 §3.3, `scope-token`.
fn is_scope(text: &str) -> bool {
    let is_byte = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(is_byte)
}

pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sha256: &str, scope: &str) -> ApiKey {
        ApiKey { name: "a".into(), sha256: sha256.into(), scopes: vec![scope.to_owned()] }
    }

    fn named_dns() -> KnownClient {
        KnownClient { dns: Some("*".to_owned()), ..KnownClient::default() }
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        let good =
            AuthConfig { api_keys: vec![key(&"0a".repeat(32), "x:y")], ..AuthConfig::default() };
        assert_eq!((good.check(), good.is_configured()), (Ok(()), true));
        let check = |auth: AuthConfig| auth.check().unwrap_err();
        let with = |key| check(AuthConfig { api_keys: vec![key], ..AuthConfig::default() });
        assert!(with(key("0a", "x")).starts_with("auth.api_keys[0].sha256 (of \"a\") must be 64"));
        assert!(with(key(&"0a".repeat(32), "x y")).contains("\"x y\" is no scope"));
        let mtls = vec![KnownClient::default()];
        assert!(
            check(AuthConfig { mtls, ..AuthConfig::default() })
                .starts_with("auth.mtls[0] needs one")
        );
        let name = |name: &str| KnownClient { name: Some(name.to_owned()), ..named_dns() };
        let mtls = vec![name("a"), name("dns=a")];
        assert!(check(AuthConfig { mtls, ..AuthConfig::default() }).contains("dns=a"));
        let nobody = AuthConfig { anonymous: true, ..AuthConfig::default() };
        assert!(check(nobody).starts_with("auth.anonymous: nobody can have any"));
        let resources = BTreeMap::from([("a{".to_owned(), vec!["x".to_owned()])]);
        assert!(check(AuthConfig { resources, ..good }).starts_with("resources.a{.scopes: "));
    }

    #[test]
    fn no_log_gives_a_hash_away() {
        let text = format!("{:?}", key(&"0a".repeat(32), "x"));
        assert!(!text.contains("0a0a"), "{text}");
    }
}
