//! HTTPS in tests: an authority that signs what they need, and clients that trust it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use mcp_fastd::{CertificateFiles, Config, TlsConfig};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;

use super::Wire;

/// An authority of this test alone; its files are gone when it is.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Authority {
        let mut wanted = CertificateParams::new(Vec::new()).expect("no names");
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        wanted.distinguished_name.push(DnType::CommonName, "An authority of tests");
        let key = KeyPair::generate().expect("a key");
        let certificate = wanted.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        let der = certificate.der().clone();
        Authority { issuer: Issuer::new(wanted, key), der, folder }
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for hosts of these names; its files are called by the first, and replace what
    /// is there.
    pub fn issue(&self, names: &[&str]) -> CertificateFiles {
        self.issue_as(names[0], names, |_| {})
    }

    /// The same with more to it, in files of this name.
    pub fn issue_as(
        &self,
        file: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateFiles {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut wanted = CertificateParams::new(names).expect("names");
        wanted.distinguished_name.push(DnType::CommonName, file);
        change(&mut wanted);
        let key = KeyPair::generate().expect("a key");
        let signed = wanted.signed_by(&key, &self.issuer).expect("a certificate");
        let file = file.replace('*', "all");
        let files = CertificateFiles {
            cert: self.path(&format!("{file}.pem")),
            key: self.path(&format!("{file}.key")),
        };
        std::fs::write(&files.cert, signed.pem()).expect("written");
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        files
    }

    /// A list that revokes the certificate with this serial number.
    pub fn revoke(&self, serial: u64) -> PathBuf {
        self.revoke_until(serial, 2099)
    }

    /// The same, with a list that is good until the beginning of this year.
    pub fn revoke_until(&self, serial: u64, year: i32) -> PathBuf {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signed = list.signed_by(&self.issuer).expect("a list");
        std::fs::write(self.path("ca.crl"), signed.pem().expect("PEM")).expect("written");
        self.path("ca.crl")
    }

    /// What a client of it begins with: HTTP/1.1, any version.
    pub fn client(&self) -> ClientConfig {
        self.client_of(rustls::ALL_VERSIONS, None)
    }

    /// The same of these versions, with a certificate to show.
    pub fn client_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        shows: Option<&CertificateFiles>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(versions).expect("versions");
        let builder = builder.with_root_certificates(roots);
        let mut client = match shows {
            None => builder.with_no_client_auth(),
            Some(CertificateFiles { cert, key }) => {
                let cert = CertificateDer::from_pem_file(cert).expect("a certificate");
                let key = PrivateKeyDer::from_pem_file(key).expect("a key");
                builder.with_client_auth_cert(vec![cert], key).expect("they match")
            }
        };
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        client
    }
}

/// HTTPS with these certificates.
pub fn https(certificates: &[&CertificateFiles]) -> impl Fn(&mut Config) + use<> {
    let certificates = certificates.iter().map(|files| (*files).clone()).collect();
    let tls = TlsConfig { certificates, ..TlsConfig::default() };
    move |config| config.tls = tls.clone()
}

/// A connection on which nothing has been said; the first bytes begin the handshake.
#[track_caller]
pub fn open(address: SocketAddr, name: &str, client: &Arc<ClientConfig>) -> Wire {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut wire = Wire::connect(address);
    let connection = ClientConnection::new(client.clone(), name).expect("a connection");
    wire.tls = Some(Box::new(connection));
    wire
}

/// A connection whose handshake is done, as far as the client can tell.
#[track_caller]
pub fn connect(address: SocketAddr, name: &str, client: &Arc<ClientConfig>) -> Wire {
    let mut wire = open(address, name, client);
    wire.shake_hands().expect("the handshake succeeds");
    wire
}

/// The alert that a client gets, in the handshake or when it waits for an answer.
#[track_caller]
pub fn alert(mut wire: Wire) -> rustls::AlertDescription {
    let mut refused = wire.shake_hands();
    if refused.is_ok() {
        // From TLS 1.3 on, the client is done before the server has looked at its certificate.
        refused = wire.read_for_error();
    }
    let error = refused.expect_err("the server refuses");
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        other => panic!("an alert was expected: {other:?} {error}"),
    }
}
