use core::net::IpAddr;

use super::{Forwarded, forwarded};
use crate::http::Field;

/// 10.0.0.0/8 and fd00::/8 are trusted.
fn is_trusted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.octets()[0] == 0xfd,
    }
}

/// The client, `s` for TLS or `p` for plain, the host and the port, as far as they are known.
fn read(fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
    let Forwarded { address, secure, host, port } = forwarded(&fields, is_trusted);
    let address = address.map_or("-".to_owned(), |address| address.to_string());
    let secure = secure.map_or("-", |secure| if secure { "s" } else { "p" });
    let host = host.map_or("-", |host| std::str::from_utf8(host).expect("ASCII"));
    let port = port.map_or("-".to_owned(), |port| port.to_string());
    format!("{address} {secure} {host} {port}")
}

#[test]
fn standard() {
    for (value, expected) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60 p - -"),
        ("For=\"[2001:db8::1]:4711\";Proto=HTTPS", "2001:db8::1 s - -"),
        ("for=\"[2001:db8::1]\" ; host=\"mcp.example:8443\"", "2001:db8::1 - mcp.example:8443 -"),
        ("for=192.0.2.1:4711", "192.0.2.1 - - -"),
        // The rightmost that is not trusted, with what was said of it.
        ("for=1.1.1.1;host=evil, for=2.2.2.2;host=good, for=10.0.0.2", "2.2.2.2 - good -"),
        ("for=10.0.0.1;host=first, for=10.0.0.2;host=second", "10.0.0.1 - first -"),
        ("for=1.1.1.1, for=unknown;proto=https", "- s - -"),
        ("for=1.1.1.1, for=_hidden", "- - - -"),
        ("for=1.1.1.1, proto=https, for=10.0.0.2", "- s - -"),
        (",for=1.1.1.1;;proto=https;", "1.1.1.1 s - -"),
        ("for=1.1.1.1;host=\"a b\";proto=ftp", "1.1.1.1 - - -"),
        ("for=\"1.1.\\1.1\"", "- - - -"),
        ("", "- - - -"),
        // Malformed: nothing of it.
        ("for=\"1.1.1.1, for=2.2.2.2", "- - - -"),
        ("for=\"1.1.1.1\\", "- - - -"),
        ("for=1.1.1.1 x;proto=https", "- - - -"),
        ("for", "- - - -"),
        ("for=\"1.1.1.1\"x", "- - - -"),
        ("x\"for=1.1.1.1\"", "- - - -"),
    ] {
        assert_eq!(read(&[("forwarded", value)]), expected, "{value}");
    }
    // Empty elements do not count.
    for value in ["for=1.1.1.1, ", "for=1.1.1.1,,for=10.0.0.1", ", ,for=1.1.1.1"] {
        assert_eq!(read(&[("Forwarded", value)]), "1.1.1.1 - - -", "{value}");
    }
    let lines = [("Forwarded", "for=1.1.1.1"), ("Forwarded", "for=2.2.2.2, for=10.0.0.1")];
    assert_eq!(read(&lines), "2.2.2.2 - - -");
}

#[test]
fn older() {
    let all = |list, proto, host, port| {
        read(&[
            ("X-Forwarded-For", list),
            ("X-Forwarded-Proto", proto),
            ("X-Forwarded-Host", host),
            ("X-Forwarded-Port", port),
        ])
    };
    assert_eq!(all("1.1.1.1", "https", "a.example", "8443"), "1.1.1.1 s a.example 8443");
    assert_eq!(all("6.6.6.6, 1.1.1.1, 10.0.0.2", "https", "a", "443"), "1.1.1.1 s a 443");
    // Lists that were appended to have their entry at the same place.
    assert_eq!(
        all("6.6.6.6,1.1.1.1,10.0.0.2", "http,https,http", "e,a,b", "1,2,3"),
        "1.1.1.1 s a 2"
    );
    assert_eq!(all("10.0.0.3,10.0.0.2", "https,http", "a,b", "1,2"), "10.0.0.3 s a 1");
    assert_eq!(all("1.1.1.1", "gopher", "a b", "65536"), "1.1.1.1 - - -");
    assert_eq!(all("1.1.1.1, garbage", "https", "a", "1"), "- s a 1");
    for (list, expected) in [
        ("garbage, 1.1.1.1", "1.1.1.1 - - -"),
        ("1.1.1.1:555", "1.1.1.1 - - -"),
        ("2001:db8::1", "2001:db8::1 - - -"),
        ("[2001:db8::1]:443", "2001:db8::1 - - -"),
        ("::ffff:1.2.3.4", "1.2.3.4 - - -"),
        ("", "- - - -"),
        ("1.1.1.1,", "- - - -"),
    ] {
        assert_eq!(read(&[("x-forwarded-for", list)]), expected, "{list}");
    }
    assert_eq!(read(&[("X-Forwarded-Proto", "https")]), "- s - -");
    assert_eq!(read(&[]), "- - - -");
}

#[test]
fn both() {
    let both = |standard, older| read(&[("Forwarded", standard), ("X-Forwarded-For", older)]);
    assert_eq!(both("for=1.1.1.1;proto=https", "1.1.1.1"), "1.1.1.1 s - -");
    // A proxy that knows one kind alone passes on what a client wrote of the other.
    assert_eq!(both("for=6.6.6.6;proto=https", "1.1.1.1"), "- - - -");
    assert_eq!(both("for=unknown;host=a", "1.1.1.1"), "- - - -");
    let proto = [("Forwarded", "for=1.1.1.1;proto=http"), ("X-Forwarded-Proto", "https")];
    assert_eq!(read(&proto), "1.1.1.1 p - -");
    // Where one is malformed, a client may have written that, to be believed in the other.
    assert_eq!(both("for=\"x, for=1.2.3.4", "1.1.1.1"), "- - - -");
}
