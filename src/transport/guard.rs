//! Who may speak to the server as far as a head shows it, and who it is that speaks.
//!
//! A web page anywhere can make a browser send requests to this machine. Two things give it away:
//! the `Origin` of the page, and, where the page has made its own name point here (DNS rebinding),
//! the `Host` that it asks for. Other programs can write what they like into both; they are for
//! authentication to stop.
//!
//! ```text
//!   the connection's peer ──is a trusted proxy?── yes ──▶ what it forwards ─┐
//!                                    └── no ──▶ what the request says ──────┴▶ Caller
//! ```

use std::borrow::Cow;
use std::net::IpAddr;

use super::cors::Cors;
use super::refuse::HttpRefusal;
use crate::app::Peer;
use crate::http::{
    Authority, Field, Forwarded, Head, Host, HostPattern, Network, Origin, OriginPattern, Status,
    default_port, forwarded,
};

/// Which hosts, origins and proxies are ours.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    /// Only this machine can connect: its pages may call.
    pub(crate) loopback: bool,
    /// Hosts that are ours besides.
    pub(crate) hosts: Vec<HostPattern>,
    /// Origins that may call besides.
    pub(crate) origins: Vec<OriginPattern>,
    /// Where clients find the server: a scheme and an authority.
    pub(crate) public_origin: Option<String>,
    /// Whose word on the client counts.
    pub(crate) proxies: Vec<Network>,
    /// What browsers are told.
    pub(crate) cors: Cors,
}

/// Who sends a request and what it is sent to, as far as that is to be believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'r> {
    /// The client: the other end of the connection, or who a trusted proxy says is behind it.
    pub(crate) peer: &'r Peer,
    /// The host that was asked for; empty only on HTTP/1.0.
    pub(crate) host: &'r [u8],
    /// That is a proxy's word, and not what `Host` says.
    pub(crate) is_host_forwarded: bool,
}

/// What a trusted proxy says, in the place of what its own connection shows.
pub(crate) struct Behind<'r> {
    peer: Peer,
    /// With its port, where that was said apart and is not the one of the scheme.
    host: Option<Cow<'r, [u8]>>,
}

impl<'r> Caller<'r> {
    #[inline]
    pub(crate) fn of(
        peer: &'r Peer,
        behind: Option<&'r Behind<'r>>,
        head: &Head<'r>,
    ) -> Caller<'r> {
        match behind {
            None => Caller { peer, host: head.host, is_host_forwarded: false },
            Some(behind) => Caller {
                peer: &behind.peer,
                host: behind.host.as_deref().unwrap_or(head.host),
                is_host_forwarded: behind.host.is_some(),
            },
        }
    }
}

impl Behind<'_> {
    /// The client.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// What becomes of the origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It names none: no page of a browser has sent it.
    Absent,
    Allowed,
    Refused,
}

impl Guard {
    /// What a proxy says of a request, if its sender is one that is trusted.
    #[inline]
    pub(crate) fn behind<'r>(&self, peer: &Peer, fields: &'r [Field<'r>]) -> Option<Behind<'r>> {
        // Nearly every server trusts none.
        if self.proxies.is_empty() { None } else { self.read_forwarded(peer, fields) }
    }

    #[cold]
    fn read_forwarded<'r>(&self, peer: &Peer, fields: &'r [Field<'r>]) -> Option<Behind<'r>> {
        if !self.is_trusted(peer.address) {
            return None;
        }
        let said = forwarded(fields, |address| self.is_trusted(address));
        let Forwarded { address, secure, host, port } = said;
        let mut peer = peer.clone();
        peer.address = address.unwrap_or(peer.address);
        peer.secure = secure.unwrap_or(peer.secure);
        let scheme_port = default_port(scheme(&peer));
        let host = host.map(|host| match port.filter(|port| Some(*port) != scheme_port) {
            Some(port) if has_no_port(host) => {
                Cow::Owned([host, b":", port.to_string().as_bytes()].concat())
            }
            _ => Cow::Borrowed(host),
        });
        Some(Behind { peer, host })
    }

    /// Whether what comes from there may say for whom it comes.
    pub(crate) fn is_trusted(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }

    /// Whether a host is ours. Those of loopback are, whatever the server listens on: nobody's page
    /// has such a name. HTTP/1.0 may leave it out, which no browser does.
    ///
    /// # Errors
    /// 421 (RFC 9110 §15.5.20).
    #[cold]
    pub(crate) fn admit_host(&self, caller: &Caller<'_>) -> Result<(), HttpRefusal> {
        let ours = match Authority::read(caller.host) {
            None => caller.host.is_empty(),
            Some(named) => {
                named.host.is_loopback() || self.hosts.iter().any(|pattern| pattern.matches(named))
            }
        };
        if ours {
            return Ok(());
        }
        let host = String::from_utf8_lossy(caller.host);
        let said = match caller.is_host_forwarded {
            false => format!("Host `{host}`"),
            true => format!(
                "the host `{host}`, which a trusted proxy (--trusted-proxy, guard.trusted_proxies) \
                 has named in Forwarded or X-Forwarded-Host,"
            ),
        };
        let text = format!(
            "{said} is not a name of this server; allow it with --allowed-host, or with the \
             setting guard.allowed_hosts"
        );
        Err(HttpRefusal::new(Status::MISDIRECTED_REQUEST, text))
    }

    /// Whether an operator's page may be asked for by this name. A listener that this machine alone
    /// can reach has the names of loopback; another one those of the server too, and addresses, by
    /// which whoever gathers metrics asks: no page of a browser can have one for its name.
    ///
    /// # Errors
    /// 421.
    pub(crate) fn admit_operator(&self, host: &[u8], is_local: bool) -> Result<(), HttpRefusal> {
        match Authority::read(host).map(|named| named.host) {
            Some(Host::Address(_)) if !is_local => return Ok(()),
            Some(named) if named.is_loopback() => return Ok(()),
            None if host.is_empty() => return Ok(()),
            _ if is_local => {}
            _ => {
                let caller = Caller { peer: &Peer::LOCAL, host, is_host_forwarded: false };
                return self.admit_host(&caller);
            }
        }
        let text = format!(
            "Host `{}` is not a name of this listener: admin_bind is an address of loopback, so \
             ask for localhost or 127.0.0.1",
            String::from_utf8_lossy(host)
        );
        Err(HttpRefusal::new(Status::MISDIRECTED_REQUEST, text))
    }

    /// Whether pages of an origin may call.
    #[inline]
    pub(crate) fn judge(&self, origin: Option<&[u8]>) -> Verdict {
        match origin {
            None => Verdict::Absent,
            Some(origin) if self.allows(origin) => Verdict::Allowed,
            Some(_) => Verdict::Refused,
        }
    }

    #[cold]
    fn allows(&self, origin: &[u8]) -> bool {
        let read = Origin::read(origin);
        match read {
            None if origin != b"null" => return false,
            Some(origin) if self.loopback && origin.is_loopback() => return true,
            _ => {}
        }
        self.origins.iter().any(|pattern| pattern.matches(read))
    }

    /// Scheme and authority under which a client reaches the server: what was set; or else what
    /// a trusted proxy says, or else the connection and the request.
    pub(crate) fn public_origin(&self, caller: &Caller<'_>) -> Cow<'_, str> {
        if let Some(origin) = &self.public_origin {
            return Cow::Borrowed(origin);
        }
        let host = std::str::from_utf8(caller.host).unwrap_or_default();
        Cow::Owned(format!("{}://{host}", scheme(caller.peer)))
    }
}

fn scheme(peer: &Peer) -> &'static str {
    if peer.secure { "https" } else { "http" }
}

fn has_no_port(host: &[u8]) -> bool {
    Authority::read(host).is_some_and(|named| named.port.is_none())
}

/// 403 (2026-07-28, Streamable HTTP, "Security & Endpoint").
#[cold]
pub(crate) fn refuse_origin(origin: &[u8]) -> HttpRefusal {
    HttpRefusal::new(
        Status::FORBIDDEN,
        format!(
            "Origin `{}` may not call this server; allow it with --allowed-origin, or with the \
             setting allowed_origins",
            String::from_utf8_lossy(origin)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_calls_itself() {
        let guard = |public: Option<&str>| Guard {
            loopback: true,
            hosts: Vec::new(),
            origins: Vec::new(),
            public_origin: public.map(str::to_owned),
            proxies: vec![Network::read("127.0.0.0/8").unwrap()],
            cors: Cors { credentials: false, max_age_s: 0 },
        };
        for (public, secure, fields, expected) in [
            (Some("https://mcp.example"), false, &[][..], "https://mcp.example"),
            (
                Some("https://mcp.example"),
                false,
                &[("X-Forwarded-Host", "a")],
                "https://mcp.example",
            ),
            (None, false, &[], "http://here:8080"),
            (None, true, &[], "https://here:8080"),
            (None, false, &[("Forwarded", "proto=https;host=a.example")], "https://a.example"),
            (None, true, &[("X-Forwarded-Proto", "http")], "http://here:8080"),
            (None, false, &[("X-Forwarded-Host", "a"), ("X-Forwarded-Port", "81")], "http://a:81"),
            (None, false, &[("X-Forwarded-Host", "a"), ("X-Forwarded-Port", "80")], "http://a"),
            (None, true, &[("X-Forwarded-Host", "a"), ("X-Forwarded-Port", "443")], "https://a"),
            (None, false, &[("X-Forwarded-Host", "a:1"), ("X-Forwarded-Port", "2")], "http://a:1"),
            (
                None,
                false,
                &[("X-Forwarded-Host", "[::1]"), ("X-Forwarded-Port", "2")],
                "http://[::1]:2",
            ),
            (None, false, &[("X-Forwarded-Port", "2")], "http://here:8080"),
        ] {
            let guard = guard(public);
            let peer = Peer { secure, ..Peer::LOCAL };
            let field = |(name, value): &(&'static str, &'static str)| Field {
                name,
                value: value.as_bytes(),
            };
            let fields: Vec<_> = fields.iter().map(field).collect();
            let behind = guard.behind(&peer, &fields);
            let (peer, host) = match &behind {
                Some(behind) => (&behind.peer, behind.host.as_deref()),
                None => (&peer, None),
            };
            let caller = Caller {
                peer,
                host: host.unwrap_or(b"here:8080"),
                is_host_forwarded: host.is_some(),
            };
            assert_eq!(guard.public_origin(&caller), expected);
        }
    }
}
