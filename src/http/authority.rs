//! Hosts and origins as requests name them, and as people allow them (RFC 3986 §3.2.2, RFC 6454).
//!
//! `LOCALHOST.`, `[0:0::1]` and `https://a.example:443` are other ways to write `localhost`,
//! `[::1]` and `https://a.example`: what is compared here has been read first.

use core::net::IpAddr;
use std::fmt;

use super::target::is_host;

#[cfg(test)]
mod tests;

/// `uri-host [ ":" port ]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// Who.
    pub host: Host<'a>,
    /// At which port, where one is named.
    pub port: Option<u16>,
}

/// A host, by its address or by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// An address; one of IPv4 in the clothes of IPv6 is of IPv4.
    Address(IpAddr),
    /// A name, as it was written, without the dot that may end it.
    Name(&'a str),
}

impl<'a> Authority<'a> {
    /// What is written; `None` when it is none.
    pub fn read(text: &'a [u8]) -> Option<Authority<'a>> {
        let text = std::str::from_utf8(text).ok().filter(|text| is_host(text.as_bytes()))?;
        // The colon after a bracket, or the only one.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (text, None),
        };
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match literal.unwrap_or(host).parse::<IpAddr>() {
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) => Host::Name(host.strip_suffix('.').unwrap_or(host)),
        };
        Some(Authority { host, port })
    }
}

impl Host<'_> {
    /// Whether it can be nothing but this machine: `localhost` and what is below it
    /// (RFC 6761 §6.3), and the addresses of loopback.
    pub fn is_loopback(self) -> bool {
        match self {
            Host::Address(address) => address.is_loopback(),
            Host::Name(name) => is_or_below(name, "localhost"),
        }
    }
}

/// Whether a name is this one, or one below it.
fn is_or_below(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.as_bytes(), domain.as_bytes());
    match name.len().checked_sub(domain.len()) {
        Some(0) => name.eq_ignore_ascii_case(domain),
        Some(at) => name[at - 1] == b'.' && name[at..].eq_ignore_ascii_case(domain),
        None => false,
    }
}

/// Hosts that are allowed, as people write them: `mcp.example.com`, `mcp.example.com:8443`,
/// `*.example.com` for all that is below, `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    host: HostName,
    /// `None` is any port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    Any,
    Address(IpAddr),
    Name(String),
    Below(String),
}

impl HostPattern {
    /// What is written; `None` when it is none.
    pub fn read(text: &str) -> Option<HostPattern> {
        if text == "*" {
            return Some(HostPattern { host: HostName::Any, port: None });
        }
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let Authority { host, port } = Authority::read(rest.as_bytes())?;
        let host = match host {
            // A star elsewhere would be allowed by the grammar of names, and match nothing.
            Host::Name(name) if name.is_empty() || name.contains('*') => return None,
            Host::Name(name) if below => HostName::Below(name.to_owned()),
            Host::Name(name) => HostName::Name(name.to_owned()),
            Host::Address(_) if below => return None,
            Host::Address(address) => HostName::Address(address),
        };
        Some(HostPattern { host, port })
    }

    /// Whether a host is allowed. One that is named without a port is at the port of its scheme,
    /// and whether that is 80 or 443 is not known behind a proxy: it may be either.
    pub fn matches(&self, authority: Authority<'_>) -> bool {
        let port = match (self.port, authority.port) {
            (None, _) => true,
            (Some(port), None) => [80, 443].contains(&port),
            (Some(port), Some(other)) => port == other,
        };
        port && self.host.matches(authority.host)
    }
}

impl HostName {
    fn matches(&self, host: Host<'_>) -> bool {
        match (self, host) {
            (HostName::Any, _) => true,
            (HostName::Address(address), Host::Address(other)) => *address == other,
            (HostName::Name(name), Host::Name(other)) => name.eq_ignore_ascii_case(other),
            (HostName::Below(domain), Host::Name(other)) => {
                other.len() > domain.len() && is_or_below(other, domain)
            }
            _ => false,
        }
    }
}

/// A web origin: a scheme, a host and a port (RFC 6454 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    /// What is written, with the port that its scheme has if none is named; `None` when it is
    /// none, as `null` is.
    pub fn read(text: &'a [u8]) -> Option<Origin<'a>> {
        let (scheme, authority) = std::str::from_utf8(text).ok()?.split_once("://")?;
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
            return None;
        }
        let mut authority = Authority::read(authority.as_bytes())?;
        authority.port = authority.port.or(default_port(scheme));
        Some(Origin { scheme, authority })
    }

    /// Whether a page of this machine has it.
    pub fn is_loopback(&self) -> bool {
        self.authority.host.is_loopback()
    }
}

/// RFC 9110 §4.2.1 and §4.2.2.
pub fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Some(80),
        _ if scheme.eq_ignore_ascii_case("https") => Some(443),
        _ => None,
    }
}

/// Origins that are allowed, as people write them: `https://app.example`,
/// `https://*.app.example` for all that is below, `null`, `*` for all but `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// All that are one.
    Any,
    /// What browsers say of pages that have none: of a file, of a frame in a sandbox.
    Null,
    /// These.
    Of(NamedOrigin),
}

/// Origins that are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedOrigin {
    scheme: String,
    host: HostName,
    port: Option<u16>,
}

impl OriginPattern {
    /// What is written; `None` when it is none.
    pub fn read(text: &str) -> Option<OriginPattern> {
        match text {
            "*" => return Some(OriginPattern::Any),
            "null" => return Some(OriginPattern::Null),
            _ => {}
        }
        // The rest is read as an origin, whose scheme says its port.
        let (scheme, authority) = text.split_once("://")?;
        let HostPattern { host, port } = HostPattern::read(authority)?;
        if host == HostName::Any {
            return None;
        }
        Origin::read(format!("{scheme}://host").as_bytes())?;
        let port = port.or(default_port(scheme));
        Some(OriginPattern::Of(NamedOrigin { scheme: scheme.to_owned(), host, port }))
    }

    /// Whether an origin is allowed; `null` is `None`.
    pub fn matches(&self, origin: Option<Origin<'_>>) -> bool {
        match (self, origin) {
            (OriginPattern::Any, Some(_)) | (OriginPattern::Null, None) => true,
            (OriginPattern::Of(named), Some(Origin { scheme, authority })) => {
                named.port == authority.port
                    && named.scheme.eq_ignore_ascii_case(scheme)
                    && named.host.matches(authority.host)
            }
            _ => false,
        }
    }
}

/// Addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7` (RFC 4632 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// What is written; `None` when it is none. Bits behind the prefix must be 0: whoever wrote
    /// `10.1.2.3/8` meant something else than it says.
    pub fn read(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().ok()?;
        let bits_max = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => bits_max,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        let network = Network { first, prefix_bits };
        let is_one = prefix_bits <= bits_max && network.masked(first) == Some(first);
        // Addresses of IPv4 are met as such, however they are written (RFC 4291 §2.5.5.2).
        match (first.to_canonical(), prefix_bits.checked_sub(96)) {
            (IpAddr::V4(first), Some(prefix_bits)) if network.first.is_ipv6() => {
                is_one.then_some(Network { first: first.into(), prefix_bits })
            }
            _ => is_one.then_some(network),
        }
    }

    /// Whether an address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.masked(address.to_canonical()) == Some(self.first)
    }

    /// The address with nothing behind the prefix; `None` for one of the other kind.
    fn masked(&self, address: IpAddr) -> Option<IpAddr> {
        let bits = u32::from(self.prefix_bits);
        match (self.first, address) {
            (IpAddr::V4(_), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                Some(IpAddr::V4((u32::from(address) & mask).into()))
            }
            (IpAddr::V6(_), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                Some(IpAddr::V6((u128::from(address) & mask).into()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}
