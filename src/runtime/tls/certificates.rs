//! The certificates of a server: read from files, chosen by name, read again while it runs.
//!
//! Each reading makes a `ServerConfig` of its own. New handshakes take the latest; connections that
//! stand keep the one they began with.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, UnbufferedServerConnection,
    VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ConfigBuilder, Error, InconsistentKeys, RootCertStore, ServerConfig, WantsVerifier};

use super::x509::{Facts, facts};
use crate::config::{CertificateFiles, ClientAuth, TlsConfig, TlsVersion};
use crate::http::Date;
use crate::limits;
use crate::runtime::clock::unix_ms;

/// The certificates of a server that runs; clones are the same ones.
#[derive(Clone)]
pub struct Certificates(Arc<Files>);

type Files = ArcSwap<Loaded>;

/// What is in the files.
pub(crate) struct Loaded {
    tls: TlsConfig,
    /// The name under which clients come, as far as it is known.
    host: Option<String>,
    server: Arc<ServerConfig>,
    served: Arc<Served>,
}

/// Why certificates cannot be used: a file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateError {
    /// The file, as it is named in the settings.
    pub file: String,
    /// What is wrong, and what was expected.
    pub problem: String,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

impl std::error::Error for CertificateError {}

impl Certificates {
    /// Reads the files that these settings name; `None` where HTTPS is off. Warns of certificates
    /// that expire soon, and when none is for the host of this name, under which clients come.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn read(
        tls: &TlsConfig,
        host: Option<&str>,
    ) -> Result<Option<Certificates>, CertificateError> {
        if !tls.is_on() {
            return Ok(None);
        }
        let loaded = Loaded::read(tls, host)?;
        loaded.warn();
        Ok(Some(Certificates(Arc::new(ArcSwap::from_pointee(loaded)))))
    }

    /// All that is wrong with the files that these settings name.
    pub fn problems(tls: &TlsConfig) -> Vec<CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let wrong = |files| read_certificate(files, &provider).err();
        let mut problems: Vec<_> = tls.certificates.iter().filter_map(wrong).collect();
        let builder = ServerConfig::builder_with_provider(provider.clone());
        if let Ok(builder) = builder.with_safe_default_protocol_versions() {
            let nothing = Arc::new(Served(Vec::new()));
            problems.extend(with_client_auth(builder, tls, &provider, nothing).err());
        }
        problems
    }

    /// Reads the files again: certificates, keys, authorities and revocation lists. New handshakes
    /// use what is in them now; connections that stand are left alone. Sessions of TLS from before
    /// are not resumed, so that nobody comes back on a certificate that has been revoked since.
    ///
    /// # Errors
    /// The first file that cannot be used. Nothing is changed then.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let current = self.0.load();
        let loaded = self.prepare(&current.tls, current.host.as_deref())?;
        self.take(loaded);
        Ok(())
    }

    /// Reads the files that other settings name, and changes nothing.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub(crate) fn prepare(
        &self,
        tls: &TlsConfig,
        host: Option<&str>,
    ) -> Result<Loaded, CertificateError> {
        Loaded::read(tls, host)
    }

    /// Takes these from now on; says whether other certificates are shown than before.
    pub(crate) fn take(&self, loaded: Loaded) -> bool {
        loaded.warn();
        let loaded = Arc::new(loaded);
        let before = self.0.swap(loaded.clone());
        let differs = before.served.chains().ne(loaded.served.chains());
        if differs {
            for served in &loaded.served.0 {
                let seconds = u64::try_from(served.facts.expires_s).unwrap_or_default();
                let date = Date::at(seconds);
                let expires = String::from_utf8_lossy(date.as_bytes());
                tracing::info!(file = served.file, %expires, "a certificate is shown from now on");
            }
        }
        differs
    }

    /// Warns in the log of certificates that have expired, or soon will, and where none is for the
    /// host of `guard.public_url`; as at the start and at each reload.
    pub fn warn(&self) {
        self.0.load().warn();
    }

    /// When the first of the certificates expires, in seconds since 1970.
    pub fn expires_at(&self) -> i64 {
        let loaded = self.0.load();
        let expires = loaded.served.0.iter().map(|served| served.facts.expires_s);
        expires.min().unwrap_or(i64::MAX)
    }

    /// Whether one of the certificates is for a host of this name.
    pub fn cover(&self, host: &str) -> bool {
        self.0.load().served.cover(host)
    }

    /// The server's end of a new connection.
    pub(super) fn begin(&self) -> UnbufferedServerConnection {
        let server = self.0.load().server.clone();
        let begun = UnbufferedServerConnection::new(server);
        // All that can be wrong is the size of records, which is not set.
        begun.expect("settings that are good for any connection")
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.0.load().tls.certificates).finish()
    }
}

impl Loaded {
    /// Reads the files that these settings name, one at least; `host` is the name under which
    /// clients come.
    ///
    /// # Errors
    /// The first file that cannot be used.
    fn read(tls: &TlsConfig, host: Option<&str>) -> Result<Loaded, CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let read = |files| read_certificate(files, &provider);
        let served = tls.certificates.iter().map(read).collect::<Result<_, _>>()?;
        let served = Arc::new(Served(served));
        let first = &tls.certificates[0].cert;
        let refused = |error: Error| problem(first, error.to_string());
        let versions = match tls.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(versions).map_err(refused)?;
        let mut server = with_client_auth(builder, tls, &provider, served.clone())?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Sessions are resumed by tickets, whose keys change every six hours; a table of them would
        // be shared by the shards, and would grow.
        server.ticketer = aws_lc_rs::Ticketer::new().map_err(refused)?;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        let (tls, host) = (tls.clone(), host.map(str::to_owned));
        Ok(Loaded { tls, host, server: Arc::new(server), served })
    }

    /// Tells what is about to go wrong.
    fn warn(&self) {
        if let Some(host) = self.host.as_ref().filter(|host| !self.served.cover(host)) {
            tracing::warn!(
                host,
                "no certificate is for the host of guard.public_url: clients that come by that \
                 name refuse the server, unless a proxy in front has one"
            );
        }
        let now_s = i64::try_from(unix_ms() / 1000).unwrap_or(i64::MAX);
        for served in &self.served.0 {
            if let Some(problem) = untimely(&served.facts, now_s) {
                tracing::warn!("{}: {problem}", served.file);
            }
        }
    }
}

/// What is wrong with a certificate at this time.
fn untimely(facts: &Facts, now_s: i64) -> Option<String> {
    let left_s = facts.expires_s.saturating_sub(now_s);
    let days = left_s / (24 * 60 * 60);
    match left_s {
        ..=0 => Some("the certificate has expired: clients refuse it".to_owned()),
        _ if facts.begins_s > now_s => Some("the certificate is not valid yet".to_owned()),
        _ if days < limits::CERTIFICATE_WARNING_DAYS => {
            Some(format!("the certificate expires in {days} days; put a new one there and reload"))
        }
        _ => None,
    }
}

fn with_client_auth(
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    tls: &TlsConfig,
    provider: &Arc<CryptoProvider>,
    served: Arc<Served>,
) -> Result<ServerConfig, CertificateError> {
    let Some(ca) = tls.client_ca.as_ref().filter(|_| tls.client_auth != ClientAuth::Off) else {
        return Ok(builder.with_no_client_auth().with_cert_resolver(served));
    };
    let mut roots = RootCertStore::empty();
    for certificate in read_all::<CertificateDer<'static>>(ca, "CERTIFICATE")? {
        roots.add(certificate).map_err(|error| problem(ca, error.to_string()))?;
    }
    let mut verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    if let Some(crl) = &tls.client_crl {
        let lists = read_all::<CertificateRevocationListDer<'static>>(crl, "X509 CRL")?;
        // One that is past its `nextUpdate` says nothing any more (RFC 5280 §6.3.3).
        verifier = verifier.with_crls(lists).enforce_revocation_expiration();
    }
    if tls.client_auth == ClientAuth::Optional {
        verifier = verifier.allow_unauthenticated();
    }
    let verifier = verifier.build().map_err(|error| {
        let lists = matches!(error, VerifierBuilderError::InvalidCrl(_));
        let file = tls.client_crl.as_ref().filter(|_| lists).unwrap_or(ca);
        problem(file, error.to_string())
    })?;
    Ok(builder.with_client_cert_verifier(verifier).with_cert_resolver(served))
}

/// A certificate that is shown to clients.
#[derive(Debug)]
struct ServedCertificate {
    file: String,
    key: Arc<CertifiedKey>,
    facts: Facts,
}

fn read_certificate(
    files: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<ServedCertificate, CertificateError> {
    let CertificateFiles { cert, key } = files;
    let chain = read_all::<CertificateDer<'static>>(cert, "CERTIFICATE")?;
    let facts = facts(&chain[0]).ok_or_else(|| {
        problem(cert, "the first certificate in it cannot be understood (X.509, RFC 5280)")
    })?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unread(key, &error, "PRIVATE KEY (one that is not encrypted)"))?;
    let key = CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            problem(key, format!("this is not the key of the certificate in {}", cert.display()))
        }
        error => problem(key, error.to_string()),
    })?;
    Ok(ServedCertificate { file: cert.display().to_string(), key: Arc::new(key), facts })
}

/// What a file holds of one kind: one at least.
fn read_all<T: PemObject>(file: &Path, kind: &str) -> Result<Vec<T>, CertificateError> {
    let found = T::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<T>, _>>);
    let found = found.map_err(|error| unread(file, &error, kind))?;
    match found.is_empty() {
        true => Err(unread(file, &PemError::NoItemsFound, kind)),
        false => Ok(found),
    }
}

fn unread(file: &Path, error: &PemError, kind: &str) -> CertificateError {
    match error {
        PemError::NoItemsFound => {
            problem(file, format!("expected PEM with -----BEGIN {kind}-----, and found none"))
        }
        PemError::Io(error) => problem(file, format!("cannot read this file: {error}")),
        error => problem(file, format!("this is no PEM: {error}")),
    }
}

fn problem(file: &Path, problem: impl Into<String>) -> CertificateError {
    CertificateError { file: file.display().to_string(), problem: problem.into() }
}

/// The certificates to choose from.
#[derive(Debug)]
struct Served(Vec<ServedCertificate>);

impl Served {
    fn chains(&self) -> impl Iterator<Item = &[CertificateDer<'static>]> {
        self.0.iter().map(|served| &*served.key.cert)
    }

    fn cover(&self, host: &str) -> bool {
        self.0.iter().any(|served| served.facts.cover(host))
    }
}

impl ResolvesServerCert for Served {
    /// The first that is for the name, and that the client can verify; else the first at all. A
    /// client that comes by address names nothing (RFC 6066 §3).
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |served: &&ServedCertificate| {
            served.key.key.choose_scheme(hello.signature_schemes()).is_some()
        };
        let named = hello
            .server_name()
            .and_then(|name| self.0.iter().filter(usable).find(|served| served.facts.cover(name)));
        named.or_else(|| self.0.iter().find(usable)).map(|served| served.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_expires_soon_is_told() {
        const DAY: i64 = 24 * 60 * 60;
        let facts = Facts { begins_s: DAY, expires_s: 100 * DAY, ..Facts::default() };
        let told = |now_s| untimely(&facts, now_s);
        assert_eq!(told(86 * DAY), None);
        assert!(told(86 * DAY + 1).is_some_and(|text| text.contains("expires in 13 days")));
        assert!(told(100 * DAY - 1).is_some_and(|text| text.contains("expires in 0 days")));
        assert!(told(100 * DAY).is_some_and(|text| text.contains("has expired")));
        assert!(told(0).is_some_and(|text| text.contains("not valid yet")));
    }
}
