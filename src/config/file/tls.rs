//! The table `tls`, as it is meant.

use crate::config::raw::RawTls;
use crate::config::{CertificateFiles, ClientAuth, TlsConfig};

/// What is meant by the table.
///
/// # Errors
/// The key that is missing, and why.
pub(super) fn settled(raw: RawTls) -> Result<TlsConfig, (&'static str, String)> {
    let first = match (raw.cert, raw.key) {
        (Some(cert), Some(key)) => Some(CertificateFiles { cert, key }),
        (None, None) => None,
        (Some(_), None) => return Err(("tls.key", without("tls.cert", "its private key"))),
        (None, Some(_)) => return Err(("tls.cert", without("tls.key", "the certificate"))),
    };
    // Who names authorities means their certificates to be asked for.
    let implied = if raw.client_ca.is_some() { ClientAuth::Required } else { ClientAuth::Off };
    Ok(TlsConfig {
        certificates: first.into_iter().chain(raw.certificates.into_iter().flatten()).collect(),
        client_auth: raw.client_auth.unwrap_or(implied),
        client_ca: raw.client_ca,
        client_crl: raw.client_crl,
        min_version: raw.min_version.unwrap_or_default(),
    })
}

fn without(set: &str, missing: &str) -> String {
    format!("missing: {set} is set, and this is the file with {missing}")
}
