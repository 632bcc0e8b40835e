//! What a server is set to about who may speak to it: hosts, origins, proxies, and what browsers
//! are told.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use super::Config;
use crate::http::{Authority, HostPattern, Network, OriginPattern, default_port};
use crate::limits;

/// Under which names the server is reached, and whose word counts about who reaches it.
///
/// **Host.** A server answers to the names of loopback (`localhost`, what is below it,
/// `127.0.0.0/8`, `[::1]`), to the host of [`public_url`] and to [`allowed_hosts`]. One that
/// listens on more than loopback must be told one of the last two. Anything else in `Host` is
/// refused (421), since it may be the name of somebody's page that was made to point here (DNS
/// rebinding). `/health` answers to any name: orchestrators ask by address.
///
/// **Origin.** What a web page sends is refused (403) unless the page is of the origin of
/// [`public_url`], of one of [`Config::allowed_origins`], or, where the server listens on loopback,
/// of this machine. Where it listens elsewhere, a page at `http://localhost` is some page on the
/// machine of whoever visits it, and has to be named like any other. `*` allows all but `null`,
/// which has to be named too.
///
/// [`public_url`]: GuardConfig::public_url
/// [`allowed_hosts`]: GuardConfig::allowed_hosts
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardConfig {
    /// Where clients find the server, as they write it: `https://mcp.example.com`. With a path, as
    /// in `https://example.com/tools/mcp`, it is that of the MCP endpoint: what stands there before
    /// [`Config::path`] is taken away by a proxy, for all paths. What the server says of itself
    /// begins with it.
    pub public_url: Option<String>,
    /// Names under which it is reached besides: `mcp.example.com`, with `:PORT` for one port alone,
    /// `*.example.com` for all that is below, `*` for every name.
    pub allowed_hosts: Vec<String>,
    /// Networks of proxies (`10.0.0.0/8`) that are believed when they say for whom they come
    /// (`Forwarded`, else `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`). Such a proxy must set
    /// these or remove them; of anybody else they are ignored.
    pub trusted_proxies: Vec<String>,
    /// Whether connections begin with a header of the PROXY protocol.
    pub proxy_protocol: ProxyProtocol,
}

/// Whether connections begin with a header of the PROXY protocol, version 1 or 2, that says who is
/// at the other end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// They do not.
    #[default]
    Off,
    /// All do; they come from [`GuardConfig::trusted_proxies`] alone, and others are closed.
    Required,
}

impl GuardConfig {
    /// The host of [`GuardConfig::public_url`], where that is HTTPS.
    pub(crate) fn public_https_host(&self) -> Option<&str> {
        let (origin, host) = origin_and_host(self.public_url.as_ref()?)?;
        origin.starts_with("https:").then(|| host.trim_matches(['[', ']']))
    }
}

impl FromStr for ProxyProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<ProxyProtocol, String> {
        match text {
            "off" => Ok(ProxyProtocol::Off),
            "required" => Ok(ProxyProtocol::Required),
            _ => Err(format!("{text:?}: expected \"off\" or \"required\"")),
        }
    }
}

/// What browsers are told about requests from pages of [other origins](Config::allowed_origins).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsConfig {
    /// How long a browser may remember what it was allowed (`Access-Control-Max-Age`).
    pub max_age: Duration,
    /// Whether pages may send credentials of the browser's own, which are cookies and client
    /// certificates (`Access-Control-Allow-Credentials`). Tokens and keys need no such thing. Not
    /// together with the origin `*`.
    pub credentials: bool,
}

impl Default for CorsConfig {
    fn default() -> Self {
        CorsConfig { max_age: limits::CORS_MAX_AGE, credentials: false }
    }
}

/// The same, understood.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) loopback: bool,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) origins: Vec<OriginPattern>,
    pub(crate) public_origin: Option<String>,
    pub(crate) proxies: Vec<Network>,
}

impl Config {
    /// The path under which clients find a path of ours, by [`GuardConfig::public_url`].
    pub(crate) fn public_path(&self, path: &str) -> String {
        let public = self.guard.public_url.as_deref().map_or("", path_of).trim_end_matches('/');
        match public.strip_suffix(self.path.trim_end_matches('/')) {
            _ if public.is_empty() => path.to_owned(),
            _ if path == self.path => public.to_owned(),
            Some(before) => format!("{before}{path}"),
            None => path.to_owned(),
        }
    }

    /// The paths of the endpoints that somebody may ask tokens for.
    pub(crate) fn endpoints(&self) -> Vec<&str> {
        let sse = self.http_sse.enabled.then_some(&*self.http_sse.sse_endpoint);
        [&*self.path].into_iter().chain(sse).collect()
    }

    /// What these are called, as far as it is known under which name clients find the server: its
    /// resource identifiers (RFC 9728 §1.2).
    pub(crate) fn resources(&self) -> Vec<String> {
        let origin = self.guard.public_url.as_deref().and_then(origin_and_host);
        let named = origin.into_iter().flat_map(|(origin, _)| {
            let url = move |path: &str| format!("{origin}{}", self.public_path(path));
            self.endpoints().into_iter().map(url)
        });
        named.collect()
    }

    /// What the settings of the guard mean.
    ///
    /// # Errors
    /// What is wrong with those that cannot be, each by its name.
    pub(crate) fn guarded(&self) -> Result<Guarded, Vec<String>> {
        let guard = &self.guard;
        let mut problems = Vec::new();
        let loopback = self.bind.ip().to_canonical().is_loopback();
        let (public_url, allowed_hosts) = (guard.public_url.as_ref(), &guard.allowed_hosts);
        let is_named = public_url.is_some() || !allowed_hosts.is_empty();
        if self.transports.has_http() && !loopback && !is_named {
            problems.push(unnamed(self.bind.ip()));
        }
        let wrong = &mut problems;
        let mut hosts = each("guard.allowed_hosts", allowed_hosts, host_pattern, wrong);
        let mut origins = each("allowed_origins", &self.allowed_origins, origin_pattern, wrong);
        let proxies = each("guard.trusted_proxies", &guard.trusted_proxies, network, wrong);
        let public = public_url.map(|url| (url, origin_and_host(url)));
        let public_origin = match public {
            None => None,
            Some((url, None)) => {
                problems.push(format!("guard.public_url: {url:?}: {URL_EXPECTED}"));
                None
            }
            Some((_, Some((origin, host)))) => {
                hosts.extend(HostPattern::read(host));
                origins.extend(OriginPattern::read(&origin));
                Some(origin)
            }
        };
        if guard.proxy_protocol == ProxyProtocol::Required && guard.trusted_proxies.is_empty() {
            let text = "guard.proxy_protocol: \"required\" needs guard.trusted_proxies \
                        (--trusted-proxy): nobody else's header is believed";
            problems.push(text.to_owned());
        }
        if self.cors.credentials && origins.contains(&OriginPattern::Any) {
            let text = "cors.credentials cannot be together with \"*\" in allowed_origins: name \
                        the origins whose pages may use them";
            problems.push(text.to_owned());
        }
        match problems.is_empty() {
            true => Ok(Guarded { loopback, hosts, origins, public_origin, proxies }),
            false => Err(problems),
        }
    }
}

fn unnamed(address: IpAddr) -> String {
    format!(
        "bind: {address} is reached by more than this machine, and then the server has to know \
         its own name, so that no web page can reach it under another (DNS rebinding): set \
         --public-url https://mcp.example.com (guard.public_url), or --allowed-host NAME \
         (guard.allowed_hosts; * allows every name), or bind 127.0.0.1"
    )
}

const URL_EXPECTED: &str = "expected a URL such as \"https://mcp.example.com\", with or without a \
                            path, and without a query";

/// Those that can be; the others are problems.
fn each<T>(
    key: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, String>,
    problems: &mut Vec<String>,
) -> Vec<T> {
    let read = |text: &String| {
        read(text).map_err(|problem| problems.push(format!("{key}: {problem}"))).ok()
    };
    texts.iter().filter_map(read).collect()
}

/// Reads a name under which a server may be reached.
pub(crate) fn host_pattern(text: &str) -> Result<HostPattern, String> {
    HostPattern::read(text).ok_or_else(|| {
        format!("{text:?}: expected HOST or HOST:PORT, such as mcp.example.com, *.example.com or *")
    })
}

/// Reads an origin whose pages may call.
pub(crate) fn origin_pattern(text: &str) -> Result<OriginPattern, String> {
    OriginPattern::read(text).ok_or_else(|| {
        format!(
            "{text:?}: expected an origin such as \"https://app.example\" without a path, or \"*\""
        )
    })
}

/// Reads a network.
pub(crate) fn network(text: &str) -> Result<Network, String> {
    Network::read(text).ok_or_else(|| {
        format!(
            "{text:?}: expected an address, or a network such as 10.0.0.0/8 (no bits behind the \
             prefix)"
        )
    })
}

/// Checks a URL under which a server is reached.
///
/// # Errors
/// What was expected.
pub fn public_url(text: &str) -> Result<String, String> {
    match origin_and_host(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(URL_EXPECTED.to_owned()),
    }
}

/// What follows the authority of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    &rest[rest.find('/').unwrap_or(rest.len())..]
}

/// The origin of a URL, as browsers write it (RFC 6454 §6.2), and its host.
fn origin_and_host(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = default_port(&scheme)?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let is_path_byte = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte);
    let port = Authority::read(authority.as_bytes()).filter(|_| !authority.contains('*'))?.port;
    if !path.bytes().all(is_path_byte) {
        return None;
    }
    let host = match port {
        _ if authority.ends_with(']') => authority,
        _ => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let name = host.to_ascii_lowercase();
    let origin = match port.filter(|port| *port != default_port) {
        Some(port) => format!("{scheme}://{name}:{port}"),
        None => format!("{scheme}://{name}"),
    };
    Some((origin, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls() {
        for (url, origin, host) in [
            ("https://mcp.example.com", "https://mcp.example.com", "mcp.example.com"),
            ("HTTPS://MCP.example.com:443/a/b", "https://mcp.example.com", "MCP.example.com"),
            ("http://a:8080/", "http://a:8080", "a"),
            ("http://[::1]:80", "http://[::1]", "[::1]"),
            ("https://[::1]:80/", "https://[::1]:80", "[::1]"),
        ] {
            assert_eq!(origin_and_host(url), Some((origin.to_owned(), host)), "{url}");
        }
        let bad = ["", "a", "a.example", "ftp://a", "https://", "https://a?b", "https://a/#b"];
        for url in bad.into_iter().chain(["https://u@a", "https://*.a", "https://a b"]) {
            assert_eq!(origin_and_host(url), None, "{url}");
        }
    }

    #[test]
    fn public_paths() {
        for (url, path, endpoint, sse) in [
            (None, "/mcp", "/mcp", "/sse"),
            (Some("https://a"), "/mcp", "/mcp", "/sse"),
            (Some("https://a/"), "/", "/", "/sse"),
            (Some("https://a/mcp"), "/mcp", "/mcp", "/sse"),
            (Some("https://a:443/tools/mcp/"), "/mcp", "/tools/mcp", "/tools/sse"),
            (Some("https://a/tools/mcp"), "/tools/mcp", "/tools/mcp", "/sse"),
            (Some("https://a/tools"), "/", "/tools", "/tools/sse"),
            // Whatever the proxy does, it is not known of another path.
            (Some("https://a/tools"), "/mcp", "/tools", "/sse"),
        ] {
            let mut config = Config { path: path.to_owned(), ..Config::default() };
            config.guard.public_url = url.map(str::to_owned);
            let paths = config.endpoints().into_iter().map(|path| config.public_path(path));
            assert_eq!(paths.collect::<Vec<_>>(), [endpoint, sse], "{url:?} {path}");
            let named = [format!("https://a{endpoint}"), format!("https://a{sse}")];
            assert_eq!(config.resources(), if url.is_some() { &named[..] } else { &[] });
        }
    }

    #[test]
    fn what_cannot_be() {
        let check = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().err().unwrap_or_default()
        };
        let public = |config: &mut Config| config.bind = ([0, 0, 0, 0], 8080).into();
        assert!(check(public).contains("--public-url"), "{}", check(public));
        assert!(check(public).contains("guard.allowed_hosts"));
        let named = |config: &mut Config| {
            config.bind = ([0, 0, 0, 0], 8080).into();
            config.guard.allowed_hosts = vec!["a".to_owned()];
        };
        assert_eq!(check(named), "");
        let required = |config: &mut Config| config.guard.proxy_protocol = ProxyProtocol::Required;
        assert!(check(required).contains("guard.trusted_proxies"));
        let both = |config: &mut Config| {
            config.allowed_origins = vec!["*".to_owned()];
            config.cors.credentials = true;
        };
        assert!(check(both).contains("cors.credentials"));
        for (key, change) in [
            ("guard.public_url", (|c| c.guard.public_url = Some("a".into())) as fn(&mut Config)),
            ("guard.allowed_hosts", |c| c.guard.allowed_hosts = vec!["a/b".into()]),
            ("guard.trusted_proxies", |c| c.guard.trusted_proxies = vec!["10.0.0.1/8".into()]),
            ("allowed_origins", |c| c.allowed_origins = vec!["a.example".into()]),
        ] {
            assert!(check(change).starts_with(key), "{}", check(change));
        }
    }
}
