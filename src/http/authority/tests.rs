use super::{Authority, Host, HostPattern, Network, Origin, OriginPattern};

#[test]
fn authorities() {
    for (text, host, port) in [
        ("localhost", "localhost", None),
        ("LocalHost.:80", "LocalHost", Some(80)),
        ("a.example:", "a.example", None),
        ("127.0.0.1:8080", "127.0.0.1", Some(8080)),
        ("[::1]:8080", "::1", Some(8080)),
        ("[0:0:0:0:0:0:0:1]", "::1", None),
        ("[::ffff:127.0.0.1]", "127.0.0.1", None),
        ("[::]", "::", None),
        ("127.1", "127.1", None),
    ] {
        let read = Authority::read(text.as_bytes()).expect(text);
        let name = match read.host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.to_owned(),
        };
        assert_eq!((name.as_str(), read.port), (host, port), "{text}");
    }
    for text in ["", ":80", "a b", "a:x", "a:65536", "u@a", "a/b", "[::1", "::1", "a:1:2"] {
        assert_eq!(Authority::read(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn loopback() {
    let is = |text: &str| Authority::read(text.as_bytes()).expect(text).host.is_loopback();
    for text in ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
        assert!(is(text), "{text}");
    }
    for text in ["notlocalhost", "localhost.a", "127.1", "126.0.0.1", "[::2]", "0.0.0.0", "a"] {
        assert!(!is(text), "{text}");
    }
}

#[test]
fn host_patterns() {
    let table = [
        ("a.example", &["a.example", "A.EXAMPLE.", "a.example:1"][..], &["b.a.example", "a"][..]),
        ("a.example:443", &["a.example", "a.example:443"], &["a.example:80", "a.example:444"]),
        ("a.example:81", &["a.example:81"], &["a.example"]),
        ("*.example", &["a.example", "b.a.example:9"], &["example", "aexample", "1.2.3.4"]),
        ("*", &["a", "1.2.3.4", "[::1]:1"], &[]),
        ("10.0.0.5", &["10.0.0.5:8080"], &["10.0.0.6"]),
        ("[fd00::1]:80", &["[fd00:0::1]", "[FD00::1]:80"], &["[fd00::1]:81", "[fd00::2]"]),
    ];
    for (pattern, good, bad) in table {
        let pattern = HostPattern::read(pattern).expect(pattern);
        let matches = |host: &&&str| pattern.matches(Authority::read(host.as_bytes()).expect(host));
        assert!(good.iter().all(|host| matches(&host)), "{pattern:?}");
        assert!(!bad.iter().any(|host| matches(&host)), "{pattern:?}");
    }
    for text in ["", "*a", "a.*", "*.*", "*.", "*.10.0.0.1", "https://a", "a/b", "a:b", "*:80"] {
        assert_eq!(HostPattern::read(text), None, "{text}");
    }
}

#[test]
fn origin_patterns() {
    let table = [
        ("https://a.example", &["https://A.example:443", "HTTPS://a.example"][..]),
        ("https://a.example:443", &["https://a.example"]),
        ("http://a.example:80", &["http://a.example"]),
        ("https://*.a.example", &["https://b.a.example"]),
        ("app://local", &["app://local"]),
        ("http://[::1]:3000", &["http://[0::1]:3000"]),
        ("null", &["null"]),
        ("*", &["https://a.example", "app://local", "http://1.2.3.4:5"]),
    ];
    let all = ["https://a.example:444", "http://a.example:443", "https://a.example.evil", "null"];
    for (text, good) in table {
        let pattern = OriginPattern::read(text).expect(text);
        let matches = |origin: &str| pattern.matches(Origin::read(origin.as_bytes()));
        assert!(good.iter().all(|origin| matches(origin)), "{text}");
        let others = all.iter().filter(|origin| matches(origin)).count();
        let expected = if text == "*" { 3 } else { usize::from(text == "null") };
        assert_eq!(others, expected, "{text}");
    }
    for text in ["", "a", "a.example", "https://", "https://a/", "https://u@a", "https://*", "://a"]
    {
        assert_eq!(OriginPattern::read(text), None, "{text}");
    }
}

#[test]
fn networks() {
    for (text, good, bad) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
        ("fd00::/8", "fdff::1", "fe00::1"),
        ("::/0", "1::", "1.2.3.4"),
        ("::1", "::1", "::2"),
        ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.6"),
    ] {
        let network = Network::read(text).expect(text);
        assert!(network.contains(good.parse().expect(good)), "{text} {good}");
        assert!(!network.contains(bad.parse().expect(bad)), "{text} {bad}");
    }
    for text in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129", "a/8"] {
        assert_eq!(Network::read(text), None, "{text}");
    }
}
