//! What issuers are asked over HTTP. This waits, and is for threads of its own.
//!
//! An answer is read up to [`limits::ISSUER_ANSWER_BYTES_MAX`].

use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body};

use super::issuer::Issuer;
use crate::config::tokens::TokenConfig;
use crate::json::Parser;
use crate::{limits, outbound};

/// Asks.
pub struct Fetcher {
    agent: Agent,
    config: TokenConfig,
}

/// An answer, and how long it is good for, if the issuer says.
pub struct Fetched {
    pub body: Vec<u8>,
    pub max_age: Option<Duration>,
}

/// What an issuer says of itself (RFC 8414 §2).
pub struct Metadata {
    pub jwks_uri: Option<String>,
    pub introspection_endpoint: Option<String>,
}

impl Fetcher {
    pub fn new(config: &TokenConfig) -> Fetcher {
        let agent = outbound::client()
            .timeout_global(Some(config.issuer_timeout))
            .max_idle_age(Duration::from_secs(10));
        Fetcher { agent: agent.build().into(), config: config.clone() }
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    /// What went wrong, with the URL.
    pub fn get(&self, url: &str) -> Result<Fetched, String> {
        self.config.may_reach(url).map_err(|problem| format!("{url}: {problem}"))?;
        let request = self.agent.get(url).header("accept", "application/json, */*;q=0.5");
        let answer = request.call().map_err(|error| format!("{url}: {error}"))?;
        read(answer, url)
    }

    /// Sends a form.
    ///
    /// # Errors
    /// What went wrong, with the URL and without the form.
    pub fn post(
        &self,
        url: &str,
        form: &str,
        authorization: Option<&str>,
    ) -> Result<Fetched, String> {
        self.config.may_reach(url).map_err(|problem| format!("{url}: {problem}"))?;
        let mut request = self
            .agent
            .post(url)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = request.send(form).map_err(|error| format!("{url}: {error}"))?;
        read(answer, url)
    }

    /// Finds what an issuer says of itself, at the places where MCP clients look, in their order.
    ///
    /// # Errors
    /// It says nothing at all of them, or is another issuer.
    pub fn metadata(&self, issuer: &Issuer) -> Result<Metadata, String> {
        let mut problems = Vec::new();
        for url in well_known(&issuer.name) {
            let read = |fetched: Fetched| {
                read_metadata(fetched.body, issuer).map_err(|problem| format!("{url}: {problem}"))
            };
            match self.get(&url).and_then(read) {
                Ok(metadata) => return Ok(metadata),
                Err(problem) => problems.push(problem),
            }
        }
        Err(problems.join("; "))
    }
}

/// Where metadata is: RFC 8414 §3.1, the same for OpenID Connect, and OpenID Connect Discovery §4.
fn well_known(issuer: &str) -> Vec<String> {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let start = issuer.find("://").map_or(0, |at| at + 3);
    let path = issuer[start..].find('/').map_or(issuer.len(), |at| start + at);
    let (origin, path) = issuer.split_at(path);
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{issuer}/.well-known/openid-configuration"));
    }
    places
}

fn read_metadata(mut text: Vec<u8>, issuer: &Issuer) -> Result<Metadata, String> {
    let mut parser = Parser::new();
    let document = parser.parse(&mut text).map_err(|error| error.to_string())?;
    let member = |name: &str| document.root().get(name).and_then(|value| value.as_str());
    // RFC 8414 §3.3.
    match member("issuer") {
        Some(name) if issuer.is_named(name) => {}
        Some(name) => return Err(format!("this is the issuer {name:?}, not {:?}", issuer.name)),
        None => return Err("it does not say its `issuer`".to_owned()),
    }
    let endpoint = |name: &str| match member(name) {
        // An issuer with TLS has all of it with TLS.
        Some(url) if issuer.name.starts_with("https:") && !url.starts_with("https:") => {
            Err(format!("`{name}`: {url:?}: expected https"))
        }
        url => Ok(url.map(str::to_owned)),
    };
    Ok(Metadata {
        jwks_uri: endpoint("jwks_uri")?,
        introspection_endpoint: endpoint("introspection_endpoint")?,
    })
}

fn read(mut answer: Response<Body>, url: &str) -> Result<Fetched, String> {
    let status = answer.status();
    if status.is_redirection() {
        return Err(format!("{url}: status {status}: redirects are not followed"));
    }
    if status != 200 {
        return Err(format!("{url}: status {status}"));
    }
    let control = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
    let max_age = control.and_then(max_age);
    let body = answer.body_mut().with_config().limit(limits::ISSUER_ANSWER_BYTES_MAX);
    let body = body.read_to_vec().map_err(|error| format!("{url}: {error}"))?;
    Ok(Fetched { body, max_age })
}

/// How long `Cache-Control` lets something be used (RFC 9111 §5.2.2).
fn max_age(control: &str) -> Option<Duration> {
    let mut found = None;
    for directive in control.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "max-age" => found = value.trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    found
}

/// Writes one more field of a form (the URL Standard's `application/x-www-form-urlencoded`).
pub fn write_field(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    form.push_str(&form_encoded(value));
}

/// A text as it stands in a form.
pub fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(byte as char);
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
