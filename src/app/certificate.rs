//! The certificate that a client has shown.

/// The certificate that a client has shown (mTLS): signed by one of the authorities of
/// `tls.client_ca`, and the key is the client's.
///
/// What it says of its subject is what its authority has put there. A name of the subject
/// alternative names (RFC 5280 §4.2.1.6) says more than the common name, which may be any text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common name of the subject: the last, if there are several.
    pub common_name: Option<String>,
    /// Alternative names that are names of hosts.
    pub dns_names: Vec<String>,
    /// Alternative names that are URIs, such as `spiffe://example.org/agent`.
    pub uris: Vec<String>,
    /// Alternative names that are addresses of mail.
    pub emails: Vec<String>,
    /// SHA-256 of the certificate: 64 lower-case hexadecimal digits.
    pub fingerprint: String,
}
