//! The server, as HTTP sees it: a request goes out, a head comes back. What is tried again here has
//! never reached the server, or was turned away by it unread.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_fastd::limits;
use parking_lot::Mutex;
use ureq::config::Config;
use ureq::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use ureq::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error, Timeout};

use super::calls::Call;
use super::credentials::Credentials;
use super::message::Trouble;

/// Between two attempts to connect.
const CONNECT_PAUSE: Duration = Duration::from_millis(200);

/// The server.
pub(super) struct Remote {
    pub(super) url: Uri,
    credentials: Credentials,
    /// Agents that no call has, each with the connection of its last one.
    idle: Mutex<Vec<Agent>>,
}

/// What is asked of it.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Uri,
    pub(super) fields: HeaderMap,
    pub(super) body: &'a str,
}

/// Why there is no answer.
pub(super) enum Failure {
    /// No connection could be made: nothing was sent.
    Unreachable(String),
    /// It ended before the answer's head.
    Broken(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::new(match failure {
            Failure::Unreachable(why) | Failure::Broken(why) => why,
        })
    }
}

impl Remote {
    pub(super) fn new(url: Uri, credentials: Credentials) -> Remote {
        let host = url.host().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if url.scheme_str() == Some("http") && !is_here && !credentials.is_empty() {
            tracing::warn!(
                host,
                "credentials are sent over plain HTTP: anybody on the way can read them"
            );
        }
        Remote { url, credentials, idle: Mutex::default() }
    }

    /// An agent for a request, if possible with a connection.
    pub(super) fn agent(&self) -> Agent {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| config(None, None).new_agent())
    }

    /// Takes an agent back whose call has ended by itself.
    pub(super) fn give_back(&self, call: &Call) {
        if call.finish() {
            self.idle.lock().push(call.agent.clone());
        }
    }

    /// An agent for a stream of the server's own messages.
    pub(super) fn stream_agent(&self) -> Agent {
        config(None, Some(limits::CONNECT_SILENCE_MAX)).new_agent()
    }

    /// An agent for what takes no longer than this.
    pub(super) fn brief_agent(&self, time: Duration) -> Agent {
        config(Some(time), None).new_agent()
    }

    /// Sends a request, and waits for the head of its answer, whatever its status.
    pub(super) fn send(
        &self,
        call: &Call,
        outgoing: &Outgoing<'_>,
    ) -> Result<Response<Body>, Failure> {
        let begun = Instant::now();
        // The end of a session is not worth waiting for.
        let patience = match outgoing.method {
            Method::DELETE => Duration::ZERO,
            _ => limits::CONNECT_PATIENCE,
        };
        let mut url = outgoing.url.clone();
        let mut redirects = 0;
        let mut refreshed = false;
        loop {
            let (request, token) = self.request(&url, outgoing);
            let answer = match outgoing.method {
                Method::POST => call.agent.run(request.map(|()| outgoing.body)),
                _ => call.agent.run(request),
            };
            match answer {
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && !refreshed => {
                    refreshed = true;
                    if !self.credentials.refresh(token.as_ref()) {
                        return Ok(response);
                    }
                }
                Ok(response) if is_redirect(response.status()) => {
                    redirects += 1;
                    url = redirected(&url, &response, redirects)?;
                }
                Ok(response) => return Ok(response),
                Err(error) => {
                    let failure = self.failure(&error);
                    let again = matches!(failure, Failure::Unreachable(_))
                        && is_passing(&error)
                        && begun.elapsed() < patience;
                    if !again || !call.pause(CONNECT_PAUSE) {
                        return Err(failure);
                    }
                }
            }
        }
    }

    fn request(&self, url: &Uri, outgoing: &Outgoing<'_>) -> (Request<()>, Option<HeaderValue>) {
        let mut request = Request::new(());
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = url.clone();
        let fields = request.headers_mut();
        fields.extend(outgoing.fields.clone());
        let accept = match outgoing.method {
            Method::GET => "text/event-stream",
            _ => "application/json, text/event-stream",
        };
        fields.insert(ACCEPT, HeaderValue::from_static(accept));
        if outgoing.method == Method::POST {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let token = self.credentials.add(fields);
        (request, token)
    }

    fn failure(&self, error: &Error) -> Failure {
        let whom = self.url.authority().map_or("the server", |authority| authority.as_str());
        match error {
            Error::Io(io) if is_of_connecting(io) => {
                Failure::Unreachable(format!("cannot connect to {whom}: {io}"))
            }
            Error::HostNotFound
            | Error::ConnectionFailed
            | Error::ConnectProxyFailed(_)
            | Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | Error::Tls(_)
            | Error::Rustls(_) => {
                Failure::Unreachable(format!("cannot connect to {whom}: {error}"))
            }
            // A handshake that fails may come as an error of the stream under it.
            Error::Io(io) if io.kind() == io::ErrorKind::InvalidData => {
                Failure::Unreachable(format!(
                    "no secure connection to {whom}: {io} (what this system does not trust by \
                     itself, SSL_CERT_FILE can name)"
                ))
            }
            error => Failure::Broken(format!(
                "the connection to {whom} broke before an answer came ({error}); the request is \
                 not repeated, since it may have had effects"
            )),
        }
    }
}

fn config(all: Option<Duration>, silence: Option<Duration>) -> Config {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider);
    Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .user_agent(concat!("mcp-fastd/", env!("CARGO_PKG_VERSION")))
        .timeout_global(all)
        .timeout_per_read(silence)
        .timeout_resolve(Some(limits::CONNECT_TIMEOUT))
        .timeout_connect(Some(limits::CONNECT_TIMEOUT))
        .max_idle_connections_per_host(1)
        .build()
}

/// Errors that only the making of a connection has.
fn is_of_connecting(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    let is_by_kind = matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable | NetworkDown
    );
    // A name that cannot be resolved has no kind of its own in the standard library.
    is_by_kind || error.to_string().contains("failed to lookup address")
}

/// Whether another attempt may well end otherwise: not where a certificate is wrong.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Io(io) if is_of_connecting(io))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads: nowhere else than to the same origin, since credentials, and what users
/// say, are for that one only, and only where the method is kept (RFC 9110 §15.4.8).
fn redirected(url: &Uri, response: &Response<Body>, count: usize) -> Result<Uri, Failure> {
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    let keeps_method = matches!(response.status().as_u16(), 307 | 308);
    match same_origin(url, to) {
        Some(next) if keeps_method && count <= limits::CONNECT_REDIRECTS_MAX => Ok(next),
        _ => {
            let from = url.to_string();
            let (from, to) = (without_query(&from), without_query(to));
            Err(Failure::Broken(format!(
                "the server redirects from {from} to {to:?}, which is not followed; if you trust \
                 it, connect to that URL instead"
            )))
        }
    }
}

/// A URL as far as it may be logged: many servers are given their key in the query.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// A reference within an origin as a URL of its own (RFC 3986 §5.2): absolute, or a path.
pub(super) fn same_origin(base: &Uri, reference: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    if reference.is_empty() || reference.starts_with("//") {
        return None;
    }
    let absolute = match reference {
        path if path.starts_with('/') => format!("{scheme}://{authority}{path}"),
        url if url.contains("://") => url.to_owned(),
        query if query.starts_with('?') => format!("{scheme}://{authority}{}{query}", base.path()),
        relative => {
            let folder = &base.path()[..base.path().rfind('/')? + 1];
            format!("{scheme}://{authority}{folder}{relative}")
        }
    };
    let uri: Uri = absolute.parse().ok()?;
    let port = |uri: &Uri| uri.port_u16().or(default_port(uri));
    let same_host = uri.host()?.eq_ignore_ascii_case(base.host()?);
    (uri.scheme_str() == Some(scheme) && same_host && port(&uri) == port(base)).then_some(uri)
}

fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str() {
        Some("https") => Some(443),
        _ => Some(80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (base, reference, expected) in [
            ("http://h/mcp", "/messages?s=1", Some("http://h/messages?s=1")),
            ("http://h/a/sse", "messages", Some("http://h/a/messages")),
            ("http://h/a/sse?x", "?s=1", Some("http://h/a/sse?s=1")),
            ("http://h", "m", Some("http://h/m")),
            ("http://h/mcp", "http://H:80/mcp/", Some("http://H:80/mcp/")),
            ("https://h/mcp", "https://h:443/x", Some("https://h:443/x")),
            ("https://h/mcp", "http://h/mcp", None),
            ("http://h/mcp", "http://h:81/mcp", None),
            ("http://h/mcp", "http://other/mcp", None),
            ("http://h/mcp", "//other/mcp", None),
            ("http://h/mcp", "", None),
        ] {
            let base = base.parse().expect("a URL");
            let found = same_origin(&base, reference).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{base} {reference}");
        }
    }
}
