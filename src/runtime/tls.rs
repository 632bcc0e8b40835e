//! TLS between socket and buffers: what a connection has besides, when it is HTTPS.
//!
//! ```text
//!   socket ─recv─▶ Tls::input ──decrypt──▶ Connection::input ─▶ …
//!   socket ◀─send─ Tls::output ◀─encrypt── Connection::output ◀─ …
//! ```
//!
//! The engine (rustls, unbuffered) does no I/O and keeps no bytes: both sides of ciphertext are
//! buffers of the shard's pools, which go back when they are empty. What is encrypted stays in
//! `Connection::output` until the kernel has its ciphertext, so that "unsent" means the same with
//! TLS and without, to the rest of the runtime. [`wire`] moves the bytes.

mod certificates;
mod handshakes;
mod wire;
mod x509;

use std::sync::Arc;

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{Error, HandshakeKind};

use super::connection::Phase;
use crate::app::ClientCertificate;
use crate::buffer::{ReadBuffer, WriteBuffer};

pub use certificates::{CertificateError, Certificates};
pub(crate) use handshakes::Handshakes;
pub(crate) use wire::{close, fill, flush, give_back};

/// The first byte of every TLS connection: a record of type handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// A connection's TLS.
pub(crate) struct Tls {
    engine: UnbufferedServerConnection,
    stage: Stage,
    /// Ciphertext that came; what stays after a fill is a part of a record.
    input: ReadBuffer,
    /// Ciphertext to be sent.
    output: WriteBuffer,
    /// How many bytes of the connection's output are in `output`, encrypted.
    encrypted: usize,
}

/// ```text
///   Greeting ─first byte─▶ Handshake ─▶ Open ─close_notify, or a fatal alert─▶ Closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has come.
    Greeting,
    Handshake,
    Open,
    /// Our last word is in the output, if it could be said.
    Closed,
}

/// How the ciphertext of one fill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Received {
    More,
    /// The client's close_notify: nothing follows.
    End,
}

impl Tls {
    /// The server's end of a connection that has not begun.
    pub(crate) fn new(certificates: &Certificates) -> Box<Tls> {
        Box::new(Tls {
            engine: certificates.begin(),
            stage: Stage::Greeting,
            input: ReadBuffer::new(),
            output: WriteBuffer::new(),
            encrypted: 0,
        })
    }

    /// Whether the handshake is still to be done, which is expensive.
    fn is_handshaking(&self) -> bool {
        matches!(self.stage, Stage::Greeting | Stage::Handshake)
    }

    /// What a connection is waiting for that has no part of a request.
    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Greeting | Stage::Handshake => Phase::Handshake,
            _ if !self.output.is_empty() => Phase::Writing,
            // A part of a record: it may be as slow as the part of a head that it is likely to be.
            Stage::Open if !self.input.is_empty() => Phase::Head,
            Stage::Open | Stage::Closed => Phase::Idle,
        }
    }

    /// Decrypts what is there into `plaintext`, and puts into the output what the protocol has to
    /// say to it. After an error, that is an alert.
    fn receive(&mut self, plaintext: &mut ReadBuffer) -> Result<Received, Error> {
        let received = self.receive_records(plaintext);
        if received.is_err() {
            self.stage = Stage::Closed;
            self.write_alert();
        } else if self.stage == Stage::Handshake && !self.engine.is_handshaking() {
            self.stage = Stage::Open;
        }
        received
    }

    fn receive_records(&mut self, plaintext: &mut ReadBuffer) -> Result<Received, Error> {
        loop {
            let Tls { engine, input, output, .. } = self;
            let UnbufferedStatus { mut discard, state } =
                engine.process_tls_records(input.unread());
            let received = match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        append(plaintext, record.payload);
                    }
                    None
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    write(output, |room| Ok(data.encode(room)?))?;
                    None
                }
                // The output is sent in order, whatever comes: as good as transmitted.
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    None
                }
                ConnectionState::PeerClosed | ConnectionState::Closed => Some(Received::End),
                ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_) => {
                    Some(Received::More)
                }
                // Early data is never accepted (`max_early_data_size` is 0), and there is no other.
                _ => return Err(Error::General("an unexpected state".to_owned())),
            };
            input.consume(discard);
            if let Some(received) = received {
                return Ok(received);
            }
        }
    }

    /// The engine has failed: what it wants to tell the client. It is asked for what it has ready
    /// alone, since it must not look at what is wrong a second time.
    fn write_alert(&mut self) {
        let Tls { engine, input, output, .. } = self;
        while engine.wants_write() {
            let status = engine.process_tls_records(input.unread());
            let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state else { return };
            // Without the alert, the end of the connection tells the client enough.
            if write(output, |room| Ok(data.encode(room)?)).is_err() {
                return;
            }
        }
    }

    /// Encrypts bytes of the connection's output.
    fn encrypt(&mut self, plaintext: &[u8]) -> Result<(), Error> {
        self.encrypted = plaintext.len();
        self.with_traffic(|traffic, room| traffic.encrypt(plaintext, room))
    }

    /// Says that nothing follows (RFC 8446 §6.1), once.
    fn write_close_notify(&mut self) {
        if self.stage == Stage::Open {
            // A session that cannot say so has failed before.
            let _ = self.with_traffic(|traffic, room| traffic.queue_close_notify(room));
            self.stage = Stage::Closed;
        }
    }

    fn with_traffic(
        &mut self,
        mut act: impl FnMut(
            &mut WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> Result<(), Error> {
        let Tls { engine, input, output, .. } = self;
        // Whole records are never left in the input, so the engine finds nothing else to do.
        match engine.process_tls_records(input.unread()).state? {
            ConnectionState::WriteTraffic(mut traffic) => {
                write(output, |room| Ok(act(&mut traffic, room)?))
            }
            _ => Err(Error::HandshakeNotComplete),
        }
    }

    /// Who the client is, by the certificate that it has shown. A certificate that came back with a
    /// resumed session has not been verified again: it may have expired since.
    fn client(&self, now_s: u64) -> Result<Option<Arc<ClientCertificate>>, Error> {
        let Some([certificate, ..]) = self.engine.peer_certificates() else { return Ok(None) };
        let encoding = || Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let facts = x509::facts(certificate).ok_or_else(encoding)?;
        let resumed = self.engine.handshake_kind() == Some(HandshakeKind::Resumed);
        if resumed && u64::try_from(facts.expires_s).is_ok_and(|expires_s| expires_s < now_s) {
            return Err(Error::InvalidCertificate(rustls::CertificateError::Expired));
        }
        Ok(Some(Arc::new(x509::client(certificate, facts))))
    }
}

/// Why the engine has written nothing.
enum Unwritten {
    /// It needs so many bytes of room.
    Needs(usize),
    Failed(Error),
}

impl From<EncodeError> for Unwritten {
    fn from(error: EncodeError) -> Unwritten {
        match error {
            EncodeError::InsufficientSize(size) => Unwritten::Needs(size.required_size),
            EncodeError::AlreadyEncoded => Unwritten::Failed(Error::General(error.to_string())),
        }
    }
}

impl From<EncryptError> for Unwritten {
    fn from(error: EncryptError) -> Unwritten {
        match error {
            EncryptError::InsufficientSize(size) => Unwritten::Needs(size.required_size),
            EncryptError::EncryptExhausted => Unwritten::Failed(Error::EncryptError),
        }
    }
}

/// Appends what `act` writes, with as much room as it says it needs.
fn write(
    output: &mut WriteBuffer,
    mut act: impl FnMut(&mut [u8]) -> Result<usize, Unwritten>,
) -> Result<(), Error> {
    let out = output.out();
    let at = out.len();
    loop {
        match act(&mut out[at..]) {
            Ok(written) => {
                out.truncate(at + written);
                return Ok(());
            }
            Err(Unwritten::Needs(size)) => out.resize(at + size, 0),
            Err(Unwritten::Failed(error)) => {
                out.truncate(at);
                return Err(error);
            }
        }
    }
}

/// Appends plaintext. There is a bound though none is given: it is no longer than the ciphertext
/// that it comes from, and nothing is read while a whole request is there.
fn append(buffer: &mut ReadBuffer, bytes: &[u8]) {
    buffer.space(bytes.len(), usize::MAX)[..bytes.len()].copy_from_slice(bytes);
    buffer.filled(bytes.len());
}
