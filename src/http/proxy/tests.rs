use super::{Proxied, ProxyError, ProxyHeader, SIGNATURE, crc32c, proxy_header};

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let len = u16::try_from(rest.len()).expect("short").to_be_bytes();
    [&SIGNATURE[..], &[command, family], &len, rest].concat()
}

/// 192.0.2.7:1 to 10.0.0.5:443, and more.
fn tcp4(more: &[u8]) -> Vec<u8> {
    binary(0x21, 0x11, &[&[192, 0, 2, 7, 10, 0, 0, 5, 0, 1, 1, 187], more].concat())
}

fn from(address: &str, secure: bool) -> Proxied {
    Proxied::From { address: address.parse().expect(address), secure }
}

/// It is understood, with what follows it left alone; and needed to its last byte.
#[track_caller]
fn good(header: &[u8], expected: Proxied) {
    let whole = Ok(ProxyHeader::Whole(header.len(), expected));
    assert_eq!(proxy_header(header), whole);
    assert_eq!(proxy_header(&[header, b"GET / HTTP/1.1\r\n"].concat()), whole);
    for cut in 0..header.len() {
        assert_eq!(proxy_header(&header[..cut]), Ok(ProxyHeader::Partial), "{cut}");
    }
}

#[test]
fn lines() {
    good(b"PROXY TCP4 192.0.2.7 10.0.0.5 56324 443\r\n", from("192.0.2.7", false));
    good(b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", from("2001:db8::1", false));
    good(b"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 1\r\n", from("1.2.3.4", false));
    good(b"PROXY UNKNOWN\r\n", Proxied::Unsaid);
    good(b"PROXY UNKNOWN ffff::1 ffff::2 1 2 whatever\r\n", Proxied::Unsaid);
    for line in [
        "PROXY\r\n",
        "PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n",
        "PROXY TCP4 1.2.3.4 ::1 1 1\r\n",
        "PROXY TCP6 1.2.3.4 ::1 1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4\r1.2.3.4 1 1\r\n",
        "POST / HTTP/1.1\r\n",
        "proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
    ] {
        assert!(proxy_header(line.as_bytes()).is_err(), "{line}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert!(proxy_header(long.as_bytes()).is_err());
    good(format!("PROXY UNKNOWN {}\r\n", "x".repeat(91)).as_bytes(), Proxied::Unsaid);
}

#[test]
fn binaries() {
    good(&tcp4(&[]), from("192.0.2.7", false));
    let mut addresses = [0; 36];
    addresses[..16].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    good(&binary(0x21, 0x21, &addresses), from("2001:db8::9", false));
    good(&binary(0x21, 0x31, &[0; 216]), from("127.0.0.1", false));
    good(&binary(0x20, 0x00, &[]), Proxied::Unsaid);
    good(&binary(0x20, 0x11, &[1, 2, 3]), Proxied::Unsaid);
    good(&binary(0x21, 0x00, b"anything"), Proxied::Unsaid);
    // What is added: of a kind that is not known, of TLS, and of a client without it.
    good(&tcp4(&[0xee, 0, 2, 1, 2]), from("192.0.2.7", false));
    good(&tcp4(&[0x20, 0, 5, 1, 0, 0, 0, 0]), from("192.0.2.7", true));
    good(&tcp4(&[0x20, 0, 5, 2, 0, 0, 0, 0]), from("192.0.2.7", false));
    for header in [
        binary(0x11, 0x11, &[0; 12]),
        binary(0x22, 0x11, &[0; 12]),
        binary(0x21, 0x12, &[0; 12]),
        binary(0x21, 0x41, &[0; 12]),
        binary(0x21, 0x11, &[0; 11]),
        binary(0x21, 0x21, &[0; 35]),
        binary(0x21, 0x31, &[0; 215]),
        tcp4(&[0xee]),
        tcp4(&[0xee, 0]),
        tcp4(&[0xee, 0, 2, 1]),
        tcp4(&[0x20, 0, 0]),
        tcp4(&[0x03, 0, 1, 0]),
        binary(0x20, 0, &[0; 3000]),
        b"\r\n\r\nGET / HTTP/1.1".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01".to_vec(),
    ] {
        assert!(proxy_header(&header).is_err(), "{header:?}");
    }
}

#[test]
fn checksums() {
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xE306_9283);
    let zero = tcp4(&[3, 0, 4, 0, 0, 0, 0, 0xee, 0, 0]);
    let sum = crc32c(zero.iter().copied()).to_be_bytes();
    good(&tcp4(&[&[3, 0, 4], &sum[..], &[0xee, 0, 0]].concat()), from("192.0.2.7", false));
    let wrong = ProxyError("a PROXY header has another checksum than it says");
    assert_eq!(proxy_header(&zero), Err(wrong));
}
