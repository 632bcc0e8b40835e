//! The request-target's forms (RFC 9112 §3.2), and hosts (RFC 3986 §3.2.2).

use super::fields::byte_set;
use super::{Error, Method};

#[cfg(test)]
mod tests;

/// What the request is about: visible ASCII, no fragment. RFC 9112 §3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'b> {
    /// From the `/` on, as sent (not percent-decoded, case-sensitive); or `*`.
    pub path: &'b str,
    /// What follows the first `?`. RFC 3986 §3.4.
    pub query: Option<&'b str>,
}

/// Takes a request-target apart; gives the authority of one in absolute-form besides.
///
/// RFC 9112 §3.2, the forms:
/// 1. origin-form: `absolute-path [ "?" query ]`.
/// 2. absolute-form: for http and https, whose authority is `uri-host [ ":" port ]`: user
///    information is an error (RFC 9110 §4.2.4), and so is an empty host (§4.2.1).
/// 3. authority-form: for CONNECT only, which is not implemented here.
/// 4. asterisk-form: for OPTIONS only. Absolute-form without a path means it too (§3.2.4).
pub(super) fn parse(method: Method, text: &str) -> Result<(Target<'_>, Option<&str>), Error> {
    if !text.bytes().all(is_target_byte) {
        return Err(Error::InvalidTarget);
    }
    if text.starts_with('/') {
        return Ok((split_query(text), None));
    }
    if text == "*" {
        return match method {
            Method::Options => Ok((Target { path: text, query: None }, None)),
            _ => Err(Error::InvalidTarget),
        };
    }
    let rest = after_scheme(text).ok_or(Error::InvalidTarget)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if !is_host(authority.as_bytes()) {
        return Err(Error::InvalidTarget);
    }
    let mut target = split_query(rest);
    if target.path.is_empty() {
        let asterisk = method == Method::Options && target.query.is_none();
        target.path = if asterisk { "*" } else { "/" };
    }
    Ok((target, Some(authority)))
}

/// Visible ASCII, but for the `#` of a fragment, which is never sent (RFC 9110 §4.2.5).
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

fn split_query(text: &str) -> Target<'_> {
    // A byte at a time: targets are short, and a search is set up for longer ones.
    match text.bytes().position(|byte| byte == b'?') {
        None => Target { path: text, query: None },
        Some(at) => Target { path: &text[..at], query: Some(&text[at + 1..]) },
    }
}

/// Schemes have no case. RFC 3986 §3.1.
fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    known.then_some(rest)
}

/// Whether this is `uri-host [ ":" port ]` with a host that is not empty. RFC 9110 §7.2 and §4.2.1.
pub(super) fn is_host(value: &[u8]) -> bool {
    if let [b'[', after_bracket @ ..] = value {
        return is_bracketed_host(after_bracket);
    }
    let Some(name_len) = value.iter().position(|byte| !HOST_BYTES[usize::from(*byte)]) else {
        return !value.is_empty();
    };
    let port = match value[name_len] {
        b'%' => after_reg_name(value),
        _ => &value[name_len..],
    };
    port.len() < value.len() && is_port_suffix(port)
}

/// `IP-literal "]" [ ":" port ]`; cold, since it is rare, and large for where a name is looked at.
#[cold]
fn is_bracketed_host(after_bracket: &[u8]) -> bool {
    match memchr::memchr(b']', after_bracket) {
        Some(end) => {
            is_ip_literal(&after_bracket[..end]) && is_port_suffix(&after_bracket[end + 1..])
        }
        None => false,
    }
}

/// Nothing, or a colon and a port; RFC 3986 §3.2.3 lets it have no digits, TCP has 16 bits.
fn is_port_suffix(suffix: &[u8]) -> bool {
    match suffix {
        [] => true,
        [b':', digits @ ..] => {
            let mut port = 0_u64;
            for digit in digits {
                let value = u64::from(digit.wrapping_sub(b'0'));
                if value > 9 || port > u64::from(u16::MAX) {
                    return false;
                }
                port = port * 10 + value;
            }
            port <= u64::from(u16::MAX)
        }
        _ => false,
    }
}

/// What follows `*( unreserved / pct-encoded / sub-delims )`, among which are IPv4 addresses.
/// RFC 3986 §3.2.2.
#[cold]
fn after_reg_name(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| !is_unreserved_or_sub_delim(*byte));
        rest = &rest[end.unwrap_or(rest.len())..];
        match rest {
            [b'%', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                rest = after;
            }
            _ => return rest,
        }
    }
}

/// An IPv6 address (without a zone: RFC 9110 has none), or one of a later kind. RFC 3986 §3.2.2.
fn is_ip_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else {
        return false;
    };
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else {
            return false;
        };
        return !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !address.is_empty()
            && address.bytes().all(|byte| byte == b':' || is_unreserved_or_sub_delim(byte));
    }
    // Only the grammar is used: `core::net` has addresses and no sockets.
    text.parse::<core::net::Ipv6Addr>().is_ok()
}

fn is_unreserved_or_sub_delim(byte: u8) -> bool {
    HOST_BYTES[usize::from(byte)]
}

static HOST_BYTES: [bool; 256] = byte_set(b"-._~!$&'()*+,;=");
