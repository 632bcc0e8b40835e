//! The PROXY protocol, versions 1 and 2: what a proxy that passes on connections, and not requests,
//! says of each at its beginning (haproxy.org, "The PROXY protocol").
//!
//! ```text
//!   PROXY TCP4 192.0.2.7 10.0.0.5 56324 443 CRLF                                        version 1
//!
//!   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A │ version, command │ family │ length │ addresses │ more
//!                12 bytes               │       1          │   1    │   2    │   length  ┘ v. 2
//! ```
//!
//! Pure, strict and bounded: anything that is not of this form is an [`ProxyError`], and the
//! connection is to be closed, since nobody can say who is at its other end.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use crate::limits;

#[cfg(test)]
mod tests;

/// What came of the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// More bytes are needed.
    Partial,
    /// It is so many bytes long.
    Whole(usize, Proxied),
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// The proxy itself, which looks whether we are there (`LOCAL`); or somebody of whom it cannot
    /// say where (`UNKNOWN`, `AF_UNSPEC`).
    Unsaid,
    /// Somebody at this address; `secure` when the proxy says that it took TLS from them.
    From {
        /// Where.
        address: IpAddr,
        /// How.
        secure: bool,
    },
}

/// It is not of the protocol: how so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyError(&'static str);

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_LEN: usize = 16;

/// The longest line of version 1, with its CRLF (§2.1).
const LINE_LEN_MAX: usize = 107;

/// Reads the header at the beginning of these bytes.
pub fn proxy_header(bytes: &[u8]) -> Result<ProxyHeader, ProxyError> {
    match bytes {
        [] => Ok(ProxyHeader::Partial),
        [b'P', ..] => read_line(bytes),
        _ => read_binary(bytes),
    }
}

/// Version 1 (§2.1): `PROXY`, the family, both addresses, both ports; one space between each.
fn read_line(bytes: &[u8]) -> Result<ProxyHeader, ProxyError> {
    const NOT_A_LINE: ProxyError = ProxyError("not a line of the PROXY protocol");
    let begins = b"PROXY ".len().min(bytes.len());
    if bytes[..begins] != b"PROXY "[..begins] {
        return Err(NOT_A_LINE);
    }
    let window = &bytes[..bytes.len().min(LINE_LEN_MAX)];
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        return match window.len() < LINE_LEN_MAX {
            true => Ok(ProxyHeader::Partial),
            false => Err(ProxyError("a line of the PROXY protocol is longer than 107 bytes")),
        };
    };
    let line = window[..end].strip_suffix(b"\r").ok_or(NOT_A_LINE)?;
    let mut words = std::str::from_utf8(line).map_err(|_| NOT_A_LINE)?.split(' ').skip(1);
    let proxied = match words.next() {
        // What follows is to be ignored.
        Some("UNKNOWN") => return Ok(ProxyHeader::Whole(end + 1, Proxied::Unsaid)),
        Some("TCP4") => addresses::<Ipv4Addr>(&mut words),
        Some("TCP6") => addresses::<Ipv6Addr>(&mut words),
        _ => None,
    };
    let address = proxied.filter(|_| words.next().is_none()).ok_or(NOT_A_LINE)?;
    let address = address.to_canonical();
    Ok(ProxyHeader::Whole(end + 1, Proxied::From { address, secure: false }))
}

/// The source's address, if all four words are what they are to be.
fn addresses<'w, A: core::str::FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'w str>,
) -> Option<IpAddr> {
    let is_port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text == "0" || !text.starts_with('0')) && text.parse::<u16>().is_ok()
    };
    let source = words.next()?.parse::<A>().ok()?;
    words.next()?.parse::<A>().ok()?;
    (is_port(words.next()?) && is_port(words.next()?)).then(|| source.into())
}

/// Version 2 (§2.2).
fn read_binary(bytes: &[u8]) -> Result<ProxyHeader, ProxyError> {
    let begins = SIGNATURE.len().min(bytes.len());
    if bytes[..begins] != SIGNATURE[..begins] {
        return Err(ProxyError("not of the PROXY protocol"));
    }
    let Some(fixed) = bytes.first_chunk::<FIXED_LEN>() else { return Ok(ProxyHeader::Partial) };
    let &[.., version_and_command, family_and_protocol, high, low] = fixed;
    let is_local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyError("another version or command of the PROXY protocol")),
    };
    let len = FIXED_LEN + usize::from(u16::from_be_bytes([high, low]));
    if len > limits::PROXY_HEADER_BYTES_MAX {
        return Err(ProxyError("a PROXY header is longer than proxy_header_bytes_max"));
    }
    let Some(rest) = bytes.get(FIXED_LEN..len) else { return Ok(ProxyHeader::Partial) };
    if is_local {
        // Whatever it says of addresses is to be discarded.
        return Ok(ProxyHeader::Whole(len, Proxied::Unsaid));
    }
    const SHORT: ProxyError = ProxyError("a PROXY header is shorter than its addresses");
    let (address, more): (IpAddr, &[u8]) = match family_and_protocol {
        // Unspecified; and streams of UNIX sockets, whose addresses are none of ours.
        0x00 => return Ok(ProxyHeader::Whole(len, Proxied::Unsaid)),
        0x31 => (Ipv4Addr::LOCALHOST.into(), rest.get(216..).ok_or(SHORT)?),
        0x11 => {
            let source: [u8; 4] = *rest.first_chunk().ok_or(SHORT)?;
            (source.into(), rest.get(12..).ok_or(SHORT)?)
        }
        0x21 => {
            let source: [u8; 16] = *rest.first_chunk().ok_or(SHORT)?;
            (source.into(), rest.get(36..).ok_or(SHORT)?)
        }
        _ => return Err(ProxyError("a PROXY header is not about a stream")),
    };
    let secure = read_more(&bytes[..len], more)?;
    let address = address.to_canonical();
    Ok(ProxyHeader::Whole(len, Proxied::From { address, secure }))
}

const TYPE_CRC32C: u8 = 0x03;
const TYPE_SSL: u8 = 0x20;
/// In the first byte of [`TYPE_SSL`]: the client came over TLS.
const CLIENT_SSL: u8 = 0x01;

/// What follows the addresses, each a type, a length and a value (§2.2.1 and following). Says
/// whether the client came over TLS.
fn read_more(header: &[u8], mut more: &[u8]) -> Result<bool, ProxyError> {
    const SHORT: ProxyError = ProxyError("what a PROXY header adds ends too early");
    let mut secure = false;
    while let Some((&kind, rest)) = more.split_first() {
        let (len, rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        let (value, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(SHORT)?;
        match kind {
            TYPE_CRC32C => {
                let said = value.try_into().map(u32::from_be_bytes).map_err(|_| SHORT)?;
                let at = header.len() - rest.len() - value.len();
                // The sum is made with zeros in its own place.
                let bytes = header
                    .iter()
                    .enumerate()
                    .map(|(i, byte)| if (at..at + value.len()).contains(&i) { 0 } else { *byte });
                if crc32c(bytes) != said {
                    return Err(ProxyError("a PROXY header has another checksum than it says"));
                }
            }
            TYPE_SSL => secure |= value.first().ok_or(SHORT)? & CLIENT_SSL != 0,
            _ => {}
        }
        more = rest;
    }
    Ok(secure)
}

/// Castagnoli's, bit by bit: it is for some hundred bytes, once in a connection (RFC 3720 §12.1).
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0x82F6_3B78 } else { 0 }
        })
    })
}
