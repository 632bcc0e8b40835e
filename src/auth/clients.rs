//! Clients that are known by their certificates.

use std::sync::Arc;

use crate::app::ClientCertificate;
use crate::config::KnownClient;
use crate::protocol::Principal;

/// The certificates that a server takes, of those that were let in.
#[derive(Default)]
pub(super) struct Clients(Vec<KnownClient>);

impl Clients {
    pub(super) fn new(clients: &[KnownClient]) -> Clients {
        Clients(clients.to_vec())
    }

    /// Whose certificate this is, by the first entry that matches it.
    pub(super) fn find(&self, certificate: &ClientCertificate) -> Option<Arc<Principal>> {
        let known = |client| Some((client, matched(client, certificate)?));
        let (client, matched) = self.0.iter().find_map(known)?;
        let principal = Principal::named(match &client.name {
            Some(name) => format!("certificate:{name}"),
            None => format!("certificate:{}={}", matched.0, matched.1),
        });
        Some(Arc::new(principal.with_scopes(client.scopes.iter().map(String::as_str))))
    }
}

/// The name in a certificate by which a client is known, if it is, behind what kind of name it is:
/// what one kind says is nobody's name of another.
fn matched<'c>(
    client: &KnownClient,
    certificate: &'c ClientCertificate,
) -> Option<(&'static str, &'c str)> {
    let ClientCertificate { common_name, dns_names, uris, emails, fingerprint } = certificate;
    [
        ("common_name", &client.common_name, common_name.as_slice()),
        ("dns", &client.dns, dns_names),
        ("uri", &client.uri, uris),
        ("email", &client.email, emails),
        ("fingerprint", &client.fingerprint, std::slice::from_ref(fingerprint)),
    ]
    .into_iter()
    .find_map(|(kind, pattern, names)| Some((kind, first(pattern, names)?)))
}

/// The first of the names that is exactly this, or begins with what stands before a `*`.
fn first<'c>(pattern: &Option<String>, names: &'c [String]) -> Option<&'c str> {
    let pattern = pattern.as_deref()?;
    let matches = |name: &&String| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name.as_str() == pattern,
    };
    names.iter().find(matches).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_a_name_of_its_certificate() {
        let certificate = ClientCertificate {
            common_name: Some("agent 7".to_owned()),
            dns_names: vec!["a.example".to_owned(), "b.example".to_owned()],
            uris: vec!["spiffe://example.org/agent/7".to_owned()],
            emails: Vec::new(),
            fingerprint: "ab".repeat(32),
        };
        let some = |text: &str| Some(text.to_owned());
        let named = KnownClient::default;
        let cases = [
            (KnownClient { dns: some("b.example"), ..named() }, Some("dns=b.example")),
            (KnownClient { dns: some("*"), ..named() }, Some("dns=a.example")),
            (KnownClient { dns: some("c.example"), ..named() }, None),
            (KnownClient { dns: some("agent 7"), ..named() }, None),
            (KnownClient { email: some("*"), ..named() }, None),
            (KnownClient { common_name: some("agent*"), name: some("x"), ..named() }, Some("x")),
            (
                KnownClient { uri: some("spiffe://example.org/agent/*"), ..named() },
                Some("uri=spiffe://example.org/agent/7"),
            ),
            (
                KnownClient { fingerprint: Some("ab".repeat(32)), name: some("y"), ..named() },
                Some("y"),
            ),
            (named(), None),
        ];
        for (client, expected) in cases {
            let scopes = vec!["s".to_owned()];
            let found =
                Clients::new(&[KnownClient { scopes, ..client.clone() }]).find(&certificate);
            let name = found.as_ref().map(|principal| &*principal.name);
            assert_eq!(name, expected.map(|name| format!("certificate:{name}")).as_deref());
            assert!(found.is_none_or(|principal| principal.has("s")), "{client:?}");
        }
        assert!(Clients::default().find(&certificate).is_none());
    }
}
