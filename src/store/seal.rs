//! Sealing what travels through clients and comes back: nobody else can read it, or make one, and
//! it opens only for what it was made for (2026-07-28, MRTR, "Server Requirements").

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

const NONCE_BYTES: usize = 24;
const EXPIRY_BYTES: usize = 8;

/// Why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsealed {
    /// It was not sealed here, or not for this.
    Foreign,
    /// It is of ours, and its time is over.
    Expired,
}

/// The key that a server seals with.
pub struct Seal {
    cipher: XChaCha20Poly1305,
}

impl Seal {
    /// A seal of this key: it opens what any seal of the key sealed.
    pub fn new(key: &[u8; 32]) -> Seal {
        Seal { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// Seals `text` for `purpose`, until a time. `None` when the system has no random bits.
    pub fn seal(&self, text: &[u8], purpose: &[u8], until_ms: u64) -> Option<String> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).ok()?;
        let mut message = until_ms.to_le_bytes().to_vec();
        message.extend_from_slice(text);
        let payload = Payload { msg: &message, aad: purpose };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(BASE64.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for `purpose`.
    ///
    /// # Errors
    /// It was not, or its time is over.
    pub fn open(&self, sealed: &str, purpose: &[u8], now_ms: u64) -> Result<Vec<u8>, Unsealed> {
        let bytes = BASE64.decode(sealed).map_err(|_| Unsealed::Foreign)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealed::Foreign)?;
        let payload = Payload { msg: sealed, aad: purpose };
        let message = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        let mut message = message.map_err(|_| Unsealed::Foreign)?;
        let until = message.first_chunk::<EXPIRY_BYTES>().ok_or(Unsealed::Foreign)?;
        if u64::from_le_bytes(*until) < now_ms {
            return Err(Unsealed::Expired);
        }
        message.drain(..EXPIRY_BYTES);
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_until_its_time_and_unchanged() {
        let seal = Seal::new(&[7; 32]);
        let sealed = seal.seal(b"state", b"alice", 1_000).expect("the system has random bits");
        assert_eq!(seal.open(&sealed, b"alice", 1_000).as_deref(), Ok(&b"state"[..]));
        assert_eq!(seal.open(&sealed, b"alice", 1_001), Err(Unsealed::Expired));
        assert_eq!(seal.open(&sealed, b"bob", 0), Err(Unsealed::Foreign));
        assert_eq!(Seal::new(&[8; 32]).open(&sealed, b"alice", 0), Err(Unsealed::Foreign));
        for at in 0..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).expect("ASCII");
            assert_eq!(seal.open(&other, b"alice", 0), Err(Unsealed::Foreign), "{at}");
        }
        for more in ["", "x", "-TAMPERED", "===="] {
            let other = format!("{sealed}{more}");
            assert_eq!(seal.open(&other, b"alice", 0).is_ok(), more.is_empty(), "{more}");
        }
        assert_eq!(seal.open("", b"alice", 0), Err(Unsealed::Foreign));
    }
}
