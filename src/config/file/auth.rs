//! The table `auth`, and the scopes of tools, prompts and resources, as they are meant.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Error, set};
use crate::config::raw::{RawAuth, RawIntrospection, RawIssuer, RawThings, RawTools};
use crate::config::tokens::{
    Algorithm, ClientSecret, IntrospectionConfig, IssuerConfig, Keys, TokenConfig,
};
use crate::config::{ApiKey, AuthConfig, Config};
use crate::limits;

type Problem = (String, String);

/// It may have been read in the middle of a write.
const NO_KEYS: &str = "no key is in it, and so nobody would be let in by it: `mcp-fastd key NAME` \
                       makes one; where no file is meant to have keys, leave api_keys_file out";

/// What is meant by the table and by the scopes of things, with the keys of the file that it names.
///
/// # Errors
/// A key that is wrong, or a file of keys that cannot be read.
pub(super) fn whole(
    raw: RawAuth,
    tools: &RawTools,
    prompts: RawThings,
    resources: RawThings,
) -> Result<AuthConfig, Error> {
    let mut auth = settled(raw).map_err(|(key, problem)| Error {
        place: "settings".to_owned(),
        line: None,
        key: Some(key),
        problem,
    })?;
    if let Some(file) = &auth.api_keys_file {
        let keys = api_keys(file)?;
        if keys.is_empty() {
            return Err(of_keys_file(format!("{}: {NO_KEYS}", file.display())));
        }
        auth.api_keys.extend(keys);
    }
    auth.tools = scopes(tools.named.clone());
    auth.prompts = scopes(prompts);
    auth.resources = scopes(resources);
    Ok(auth)
}

/// What is meant by the table.
///
/// # Errors
/// The key that is wrong, and why.
fn settled(raw: RawAuth) -> Result<AuthConfig, Problem> {
    if raw.enabled == Some(false) {
        return Ok(AuthConfig::default());
    }
    let says_something = raw != RawAuth::default();
    let mut auth = AuthConfig { tokens: tokens(&raw)?, ..AuthConfig::default() };
    set(&mut auth.api_keys, raw.api_keys);
    auth.api_keys_file = raw.api_keys_file;
    set(&mut auth.mtls, raw.mtls);
    set(&mut auth.anonymous, raw.anonymous);
    set(&mut auth.anonymous_scopes, raw.anonymous_scopes.map(|scopes| scopes.0));
    set(&mut auth.scopes, raw.scopes.map(|scopes| scopes.0));
    auth.resource_name = raw.resource_name;
    auth.resource_documentation = raw.resource_documentation;
    set(&mut auth.decision_timeout, raw.decision_timeout.map(|time| time.0));
    if says_something && !auth.is_configured() {
        let text = "nothing here says who may come, and so everybody might: set issuer, api_keys \
                    or mtls (or enabled = false, where that is meant)";
        return Err(("auth.enabled".to_owned(), text.to_owned()));
    }
    Ok(auth)
}

/// What tokens call this server: where that is not said, the URL of each endpoint that tokens are
/// asked for (RFC 8707 §2), if it is known under which name clients find it. Where it is, the
/// stream of HTTP+SSE beside an MCP endpoint that is named. Clients compare the resource with the
/// very URL that they have (RFC 9728 §3.3), so each endpoint is one by itself; all are this server.
pub(super) fn name_server(config: &mut Config) {
    if config.auth.tokens.issuers.is_empty() {
        return;
    }
    if config.auth.tokens.audiences.is_empty() {
        config.auth.tokens.audiences = config.resources();
    }
    if config.http_sse.enabled {
        let (path, sse) = (config.path.trim_end_matches('/'), &config.http_sse.sse_endpoint);
        let tokens = &mut config.auth.tokens;
        let own = tokens.issuers.iter_mut().map(|issuer| &mut issuer.audiences);
        for audiences in own.chain([&mut tokens.audiences]) {
            name_beside(audiences, path, sse);
        }
    }
}

/// Adds, for each of these that is the URL of a path, that of another one beside it.
fn name_beside(audiences: &mut Vec<String>, path: &str, other: &str) {
    let beside = |audience: &String| {
        let before = audience.trim_end_matches('/').strip_suffix(path)?;
        before.contains("://").then(|| format!("{before}{other}"))
    };
    let beside: Vec<_> = audiences.iter().filter_map(beside).collect();
    for audience in beside {
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
}

/// The scopes of each thing, by its name.
fn scopes(raw: RawThings) -> BTreeMap<String, Vec<String>> {
    let named = raw.0.into_iter();
    named.filter_map(|(name, thing)| Some((name, thing.scopes?.0))).collect()
}

/// A file of keys. They stand in it as in the configuration: `[[auth.api_keys]]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    #[serde(default)]
    auth: KeysTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysTable {
    #[serde(default)]
    api_keys: Vec<ApiKey>,
}

fn of_keys_file(problem: String) -> Error {
    let key = Some("auth.api_keys_file".to_owned());
    Error { key, problem, place: super::SETTINGS.to_owned(), line: None }
}

/// Reads a file of keys.
///
/// # Errors
/// It cannot be read, or is not understood.
fn api_keys(path: &Path) -> Result<Vec<ApiKey>, Error> {
    let (text, is_json, place) = super::text_of(path)
        .map_err(|error| of_keys_file(format!("{}: {}", error.place, error.problem)))?;
    let file: KeysFile = match is_json {
        true => super::from_json(&text, &place)?,
        false => super::from_toml(&text, &place)?,
    };
    Ok(file.auth.api_keys)
}

fn tokens(raw: &RawAuth) -> Result<TokenConfig, Problem> {
    let mut tokens = TokenConfig::default();
    if let Some(one) = &raw.issuer {
        let (jwks_uri, jwks_file) = (raw.jwks_uri.clone(), raw.jwks_file.clone());
        let (issuer, introspection) = (one.clone(), raw.introspection.clone());
        let one = RawIssuer { issuer, audience: None, jwks_uri, jwks_file, introspection };
        tokens.issuers.push(issuer_of(one, "auth")?);
    } else if raw.jwks_uri.is_some() || raw.jwks_file.is_some() || raw.introspection.is_some() {
        return Err(("auth.issuer".to_owned(), "missing: whose keys are these?".to_owned()));
    }
    for (index, issuer) in raw.issuers.iter().flatten().enumerate() {
        tokens.issuers.push(issuer_of(issuer.clone(), &format!("auth.issuers[{index}]"))?);
    }
    set(&mut tokens.audiences, raw.audience.clone().map(|audience| audience.0));
    if let Some(algorithms) = &raw.algorithms {
        let read = algorithms.0.iter().map(|name| name.parse::<Algorithm>());
        let problem = |problem| ("auth.algorithms".to_owned(), problem);
        tokens.algorithms = read.collect::<Result<_, _>>().map_err(problem)?;
    }
    set(&mut tokens.leeway, raw.leeway.map(|time| time.0));
    set(&mut tokens.token_bytes_max, raw.token_bytes_max);
    set(&mut tokens.require_at_jwt, raw.require_at_jwt);
    set(&mut tokens.cache_entries_max, raw.cache_entries_max);
    set(&mut tokens.cache_bytes_max, raw.cache_bytes_max);
    set(&mut tokens.refused_ttl, raw.refused_ttl.map(|time| time.0));
    set(&mut tokens.keys_age_max, raw.keys_age_max.map(|time| time.0));
    set(&mut tokens.keys_refresh_interval, raw.keys_refresh_interval.map(|time| time.0));
    set(&mut tokens.issuer_timeout, raw.issuer_timeout.map(|time| time.0));
    set(&mut tokens.allow_http, raw.allow_http);
    set(&mut tokens.introspection_threads, raw.introspection_threads);
    set(&mut tokens.introspection_waiting_max, raw.introspection_waiting_max);
    Ok(tokens)
}

/// What is meant by an issuer, which stands in this table.
fn issuer_of(raw: RawIssuer, table: &str) -> Result<IssuerConfig, Problem> {
    let keys = match (raw.jwks_uri, raw.jwks_file) {
        (Some(_), Some(_)) => {
            let text = "set either this or jwks_uri, not both";
            return Err((format!("{table}.jwks_file"), text.to_owned()));
        }
        (Some(url), None) => Keys::At(url),
        (None, Some(file)) => Keys::File(file),
        // Who asks the issuer about its tokens needs no keys.
        (None, None) if raw.introspection.is_some() => Keys::None,
        (None, None) => Keys::Discovered,
    };
    let introspection = raw.introspection.map(|raw| introspection(raw, table)).transpose()?;
    let audiences = raw.audience.map(|audience| audience.0).unwrap_or_default();
    Ok(IssuerConfig { issuer: raw.issuer, audiences, keys, introspection })
}

fn introspection(raw: RawIntrospection, table: &str) -> Result<IntrospectionConfig, Problem> {
    let client_secret = match (raw.client_secret_file, raw.client_secret_variable) {
        (Some(file), None) => ClientSecret::File(file),
        (None, Some(variable)) => ClientSecret::Variable(variable),
        _ => {
            let text = "set one of client_secret_file and client_secret_variable";
            return Err((format!("{table}.introspection"), text.to_owned()));
        }
    };
    let authentication = raw.client_authentication.as_deref().unwrap_or("basic");
    let client_authentication = authentication
        .parse()
        .map_err(|problem| (format!("{table}.introspection.client_authentication"), problem))?;
    Ok(IntrospectionConfig {
        endpoint: raw.endpoint,
        client_id: raw.client_id,
        client_secret,
        client_authentication,
        ttl: raw.ttl.map_or(limits::INTROSPECTION_TTL, |time| time.0),
        require_audience: raw.require_audience.unwrap_or(true),
    })
}
