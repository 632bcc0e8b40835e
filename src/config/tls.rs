//! What HTTPS is set to.

use std::path::PathBuf;
use std::str::FromStr;

/// HTTPS: the certificates that are shown, and those that are asked for. Without a certificate, the
/// server speaks HTTP in the clear.
///
/// Files are PEM. They are read at the start, and again whenever `Certificates::reload` is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificates to choose from, by the name that the client asks for (SNI). The first is
    /// for clients that ask for none, or for one that no certificate has.
    pub certificates: Vec<CertificateFiles>,
    /// Whether clients are asked for a certificate, and must have one (mTLS).
    pub client_auth: ClientAuth,
    /// The authorities that sign clients' certificates.
    pub client_ca: Option<PathBuf>,
    /// Their lists of certificates that are revoked.
    pub client_crl: Option<PathBuf>,
    /// The oldest version of TLS that is spoken.
    pub min_version: TlsVersion,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "daemon",
    derive(schemars::JsonSchema, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead to an authority.
    pub cert: PathBuf,
    /// Its private key (PKCS #8, PKCS #1 or SEC 1, not encrypted).
    pub key: PathBuf,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked to.
    #[default]
    Off,
    /// They may; one that is shown must be good.
    Optional,
    /// They must.
    Required,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsConfig {
    /// Whether HTTPS is served.
    pub fn is_on(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// All that is wrong, each beginning with the key.
    pub(super) fn problems(&self, refuse: &mut impl FnMut(bool, &str)) {
        let TlsConfig { client_auth, client_ca, client_crl, min_version, .. } = self;
        let wants_ca = *client_auth != ClientAuth::Off && client_ca.is_none();
        let says_something = client_ca.is_some()
            || client_crl.is_some()
            || *client_auth != ClientAuth::Off
            || *min_version != TlsVersion::default();
        refuse(
            !self.is_on() && says_something,
            "tls.cert must be set, and tls.key, for the other keys of tls to mean anything (or \
             --tls-cert and --tls-key)",
        );
        refuse(
            wants_ca,
            "tls.client_ca must name the authorities whose certificates clients may show, or \
             tls.client_auth must be \"off\"",
        );
        refuse(
            client_crl.is_some() && client_ca.is_none() && !wants_ca,
            "tls.client_ca must be set for tls.client_crl to mean anything",
        );
        refuse(
            self.is_on() && cfg!(not(feature = "tls")),
            "tls.cert is set, and this build has no TLS (feature `tls`)",
        );
    }
}

impl FromStr for ClientAuth {
    type Err = String;

    fn from_str(text: &str) -> Result<ClientAuth, String> {
        match text {
            "off" => Ok(ClientAuth::Off),
            "optional" => Ok(ClientAuth::Optional),
            "required" => Ok(ClientAuth::Required),
            _ => Err(format!("{text:?}: expected off, optional or required")),
        }
    }
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<TlsVersion, String> {
        match text {
            "1.2" => Ok(TlsVersion::Tls12),
            "1.3" => Ok(TlsVersion::Tls13),
            _ => Err(format!("{text:?}: expected \"1.2\" or \"1.3\"")),
        }
    }
}
