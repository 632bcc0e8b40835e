//! What proxies say of the requests they pass on: `Forwarded` (RFC 7239), and the older
//! `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
//!
//! ```text
//!   Forwarded: for=198.51.100.1, for=203.0.113.7;proto=https;host=mcp.example, for=10.0.0.2
//!              ────────────────  ───────────────────────────────────────────── ────────────
//!              the client may    written by the first proxy that is trusted,   written by the
//!              have written it   of who came to it: this one is believed       second one
//! ```
//!
//! Each proxy appends who came to it, so the list is believed from its end, as long as who is named
//! is a proxy that is trusted too: the client is the rightmost that is not. Anything to its left
//! may be the client's own invention. Has not heard of who is trusted: that is an argument.

use core::net::{IpAddr, SocketAddr};

use super::{Field, target};

#[cfg(test)]
mod tests;

/// What is said of one request. What is missing or malformed is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarded<'b> {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// Whether it came over TLS.
    pub secure: Option<bool>,
    /// The host that it asked for: a valid `uri-host [":" port]`.
    pub host: Option<&'b [u8]>,
    /// The port of that, where it was said apart.
    pub port: Option<u16>,
}

/// Reads what the fields of a request say. `Forwarded` counts where it is there; a proxy that
/// knows the other kind alone passes on what a client wrote of this one, so where the two name
/// different clients, neither is believed.
pub fn forwarded<'b>(
    fields: &'b [Field<'b>],
    is_trusted: impl Fn(IpAddr) -> bool + Copy,
) -> Forwarded<'b> {
    let older = read_older(fields, is_trusted);
    let said = match read_standard(fields, is_trusted) {
        Ok(Some(said)) => said,
        Ok(None) => return older,
        Err(Malformed) => return Forwarded::default(),
    };
    let names_another = said.address != older.address;
    match names_another && values(fields, "X-Forwarded-For").next().is_some() {
        true => Forwarded::default(),
        false => said,
    }
}

fn values<'b>(fields: &'b [Field<'b>], name: &'static str) -> impl Iterator<Item = &'b [u8]> {
    let named = move |field: &&Field<'b>| field.name.eq_ignore_ascii_case(name);
    fields.iter().filter(named).map(|field| field.value)
}

/// The element that is believed while a list is read from its beginning: the last whose client is
/// not trusted, or the first of all when every one is.
fn believed<T: Copy>(
    kept: Option<T>,
    next: T,
    address: Option<IpAddr>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<T> {
    match (kept, address) {
        (Some(kept), Some(address)) if is_trusted(address) => Some(kept),
        _ => Some(next),
    }
}

/// Something of it is: a quote that does not end hides what a proxy has appended.
struct Malformed;

/// RFC 7239 §4. `None` without it.
fn read_standard<'b>(
    fields: &'b [Field<'b>],
    is_trusted: impl Fn(IpAddr) -> bool + Copy,
) -> Result<Option<Forwarded<'b>>, Malformed> {
    let mut kept = None;
    for mut rest in values(fields, "Forwarded") {
        loop {
            let (element, after) = element(rest).ok_or(Malformed)?;
            if let Some(element) = element {
                kept = believed(kept, element, element.address, is_trusted);
            }
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
    }
    Ok(kept)
}

/// An element of the list, unless it is empty (RFC 9110 §5.6.1.2), and what follows its comma.
fn element(mut rest: &[u8]) -> Option<(Option<Forwarded<'_>>, Option<&[u8]>)> {
    let mut found = None;
    loop {
        rest = rest.trim_ascii_start();
        let is_delimiter = |byte: &u8| matches!(byte, b'=' | b',' | b';' | b'"');
        match rest.iter().position(is_delimiter) {
            Some(at) if rest[at] == b'=' => {
                let (value, after) = value(&rest[at + 1..])?;
                read_pair(&rest[..at], value, found.get_or_insert_default());
                rest = after.trim_ascii_start();
            }
            // An empty element, or an empty pair.
            None if rest.is_empty() => {}
            Some(0) if rest[0] != b'"' => {}
            _ => return None,
        }
        match rest {
            [] => return Some((found, None)),
            [b',', after @ ..] => return Some((found, Some(after))),
            [b';', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// A token, or a quoted string; and what follows it. One with a backslash in it says nothing that
/// matters here: no host and no address needs one.
fn value(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'"', rest @ ..] = rest else {
        let ends = |byte: &u8| matches!(byte, b',' | b';' | b' ' | b'\t' | b'"');
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        return Some(rest.split_at(end));
    };
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'"' => return Some((&rest[..at], &rest[at + 1..])),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn read_pair<'b>(name: &[u8], value: &'b [u8], said: &mut Forwarded<'b>) {
    match name {
        _ if name.eq_ignore_ascii_case(b"for") => said.address = node(value),
        _ if name.eq_ignore_ascii_case(b"proto") => said.secure = secure(value),
        _ if name.eq_ignore_ascii_case(b"host") => said.host = host(value),
        _ => {}
    }
}

/// An address, with or without a port (RFC 7239 §6). `unknown` and `_hidden` are none.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let literal = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = literal.unwrap_or(text).parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn secure(text: &[u8]) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case(b"https") => Some(true),
        _ if text.eq_ignore_ascii_case(b"http") => Some(false),
        _ => None,
    }
}

fn host(text: &[u8]) -> Option<&[u8]> {
    target::is_host(text).then_some(text)
}

/// `X-Forwarded-For` and its company.
fn read_older<'b>(
    fields: &'b [Field<'b>],
    is_trusted: impl Fn(IpAddr) -> bool + Copy,
) -> Forwarded<'b> {
    let mut kept: Option<(Option<IpAddr>, usize)> = None;
    let mut count = 0;
    for entry in entries(fields, "X-Forwarded-For") {
        let address = node(entry);
        kept = believed(kept, (address, count), address, is_trusted);
        count += 1;
    }
    // How many proxies wrote something after the one that is believed.
    let (address, after) = match kept {
        Some((address, at)) => (address, count - at - 1),
        None => (None, 0),
    };
    let port = nth_from_end(fields, "X-Forwarded-Port", after);
    Forwarded {
        address,
        secure: nth_from_end(fields, "X-Forwarded-Proto", after).and_then(secure),
        host: nth_from_end(fields, "X-Forwarded-Host", after).and_then(host),
        port: port.and_then(|port| std::str::from_utf8(port).ok()?.parse().ok()),
    }
}

/// The entries of all lists of this name. Nothing says that empty ones do not count: what stands
/// there may be what a proxy knows of the client.
fn entries<'b>(fields: &'b [Field<'b>], name: &'static str) -> impl Iterator<Item = &'b [u8]> {
    values(fields, name).flat_map(|list| list.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// The entry that has so many after it: most proxies overwrite these, some append to them. The
/// first of a list that is shorter.
fn nth_from_end<'b>(fields: &'b [Field<'b>], name: &'static str, after: usize) -> Option<&'b [u8]> {
    let count = entries(fields, name).count();
    entries(fields, name).nth(count.saturating_sub(after + 1))
}
