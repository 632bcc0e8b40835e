//! What certificates say: of a client, who it is; of ours, for which names and until when.

use std::net::{Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::app::ClientCertificate;

/// What is of interest in a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) common_name: Option<String>,
    pub(super) dns_names: Vec<String>,
    pub(super) uris: Vec<String>,
    pub(super) emails: Vec<String>,
    /// Alternative names that are addresses, as text.
    pub(super) addresses: Vec<String>,
    /// Seconds since 1970.
    pub(super) begins_s: i64,
    pub(super) expires_s: i64,
}

/// Reads a certificate (DER); `None` if it is none.
pub(super) fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let common_name = certificate.subject().iter_common_name().last();
    let mut facts = Facts {
        common_name: common_name.and_then(|name| name.as_str().ok()).map(str::to_owned),
        begins_s: validity.not_before.timestamp(),
        expires_s: validity.not_after.timestamp(),
        ..Facts::default()
    };
    let names = certificate.subject_alternative_name().ok()?;
    for name in names.map(|names| &names.value.general_names).into_iter().flatten() {
        match name {
            GeneralName::DNSName(name) => facts.dns_names.push((*name).to_owned()),
            GeneralName::URI(uri) => facts.uris.push((*uri).to_owned()),
            GeneralName::RFC822Name(email) => facts.emails.push((*email).to_owned()),
            GeneralName::IPAddress(bytes) => facts.addresses.extend(address(bytes)),
            _ => {}
        }
    }
    Some(facts)
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
    v4.or(v6).ok()
}

/// What an application is told of a client's certificate.
pub(super) fn client(der: &[u8], facts: Facts) -> ClientCertificate {
    let Facts { common_name, dns_names, uris, emails, .. } = facts;
    ClientCertificate { common_name, dns_names, uris, emails, fingerprint: fingerprint(der) }
}

fn fingerprint(der: &[u8]) -> String {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[digit as usize]);
    let hash = digest(&SHA256, der);
    hash.as_ref().iter().flat_map(digits).map(char::from).collect()
}

impl Facts {
    /// Whether the certificate is for a host of this name (RFC 9525 §6.3: a `*` stands for all of
    /// the leftmost label), or with this address.
    pub(super) fn cover(&self, host: &str) -> bool {
        let matches = |name: &String| match name.strip_prefix("*.") {
            Some(rest) => host.split_once('.').is_some_and(|(label, host_rest)| {
                !label.is_empty() && host_rest.eq_ignore_ascii_case(rest)
            }),
            None => name.eq_ignore_ascii_case(host),
        };
        self.dns_names.iter().any(matches) || self.addresses.iter().any(|known| known == host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_hosts() {
        let names = ["a.example", "*.b.example"].map(str::to_owned).to_vec();
        let addresses = vec!["127.0.0.1".to_owned()];
        let facts = Facts { dns_names: names, addresses, ..Facts::default() };
        for host in ["a.example", "A.Example", "x.b.example", "127.0.0.1"] {
            assert!(facts.cover(host), "{host}");
        }
        for host in ["b.example", "x.a.example", "x.y.b.example", ".b.example", "", "127.0.0.2"] {
            assert!(!facts.cover(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_certificate_says_nothing() {
        assert_eq!(facts(b""), None);
        assert_eq!(facts(b"\x30\x03\x02\x01\x01"), None);
    }

    #[test]
    fn a_certificate_says_who_it_is() {
        let names = ["a.example".to_owned(), "127.0.0.1".to_owned()];
        let mut wanted = rcgen::CertificateParams::new(names).expect("names");
        let uri = "spiffe://example.org/agent".try_into().expect("a URI");
        wanted.subject_alt_names.push(rcgen::SanType::URI(uri));
        let email = "a@example.org".try_into().expect("an address");
        wanted.subject_alt_names.push(rcgen::SanType::Rfc822Name(email));
        wanted.distinguished_name = rcgen::DistinguishedName::new();
        wanted.distinguished_name.push(rcgen::DnType::CommonName, "An Agent");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = wanted.self_signed(&key).expect("a certificate");
        let facts = facts(certificate.der()).expect("it is understood");
        assert_eq!(facts.addresses, ["127.0.0.1"]);
        assert!(facts.begins_s < facts.expires_s);
        let seen = client(certificate.der(), facts);
        assert_eq!(seen.common_name.as_deref(), Some("An Agent"));
        assert_eq!(seen.dns_names, ["a.example"]);
        assert_eq!(seen.uris, ["spiffe://example.org/agent"]);
        assert_eq!(seen.emails, ["a@example.org"]);
        assert_eq!(seen.fingerprint.len(), 64);
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fingerprint(b"abc"), abc);
    }
}
