//! The keys of an issuer (RFC 7517), and the signatures they make (RFC 7518 §3).

use jsonwebtoken::{Algorithm as Implementation, DecodingKey, crypto};

use super::claims::members;
use super::jwt::Jwt;
use super::reason::Reason;
use crate::config::tokens::Algorithm;
use crate::json::{Parser, Value};
use crate::limits;

/// What the keys say of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    Yes,
    No(Reason),
    /// The key is not among them.
    UnknownKey,
}

/// The keys of an issuer that can sign a JWT.
pub struct KeySet {
    keys: Vec<Key>,
    /// The text it was read from: whether a later one is another.
    text: Vec<u8>,
}

struct Key {
    id: Option<Box<str>>,
    /// What it may sign with: by its own type and, where it says so, its own algorithm. The token
    /// only chooses among them (RFC 8725 §3.1).
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK Set. Keys that are for something else are left out (RFC 7517 §5).
    ///
    /// # Errors
    /// It is no JWK Set, or none of its keys can sign a JWT.
    pub fn read(text: &[u8]) -> Result<KeySet, String> {
        let mut copy = text.to_vec();
        let mut parser = Parser::new();
        let document = parser.parse(&mut copy).map_err(|error| error.to_string())?;
        let list = document.root().get("keys").and_then(|keys| keys.elements());
        let list = list.ok_or("no JWK Set: it has no list of `keys`")?;
        if list.count() > limits::KEYS_MAX {
            return Err(format!("more than {} keys (KEYS_MAX)", limits::KEYS_MAX));
        }
        let keys: Vec<Key> = list.filter_map(Key::read).collect();
        match keys.is_empty() {
            true => Err("none of its keys can sign a JWT".to_owned()),
            false => Ok(KeySet { keys, text: text.to_vec() }),
        }
    }

    /// Whether they were read from this text.
    pub fn are(&self, text: &[u8]) -> bool {
        self.text == text
    }

    /// Whether one of them signed this.
    pub fn verify(&self, jwt: &Jwt<'_>) -> Verified {
        let Some(algorithm) = jwt.header.algorithm else { return Verified::No(Reason::Algorithm) };
        let named = |key: &&Key| match &jwt.header.key_id {
            Some(id) => key.id.as_ref() == Some(id),
            // A token that names none may be of any that fits (RFC 7515 §4.1.4 makes it optional).
            None => true,
        };
        let mut is_known = false;
        let fitting = self.keys.iter().filter(named).filter(|key| {
            is_known = true;
            key.algorithms.contains(&algorithm)
        });
        let mut tried = 0;
        for key in fitting.take(limits::KEYS_TRIED_MAX) {
            tried += 1;
            if key.has_signed(jwt, algorithm) {
                return Verified::Yes;
            }
        }
        match (is_known, tried) {
            (false, _) => Verified::UnknownKey,
            // It may be of a key that is new.
            (true, _) if jwt.header.key_id.is_none() => Verified::UnknownKey,
            (true, 0) => Verified::No(Reason::Algorithm),
            (true, _) => Verified::No(Reason::Signature),
        }
    }
}

impl Key {
    /// `None`: it is not for signatures, or not of a kind that we have.
    fn read(value: Value<'_>) -> Option<Key> {
        let found =
            members(value, &["kty", "kid", "alg", "use", "key_ops", "crv", "n", "e", "x", "y"])?;
        let [kind, id, algorithm, purpose, operations, ..] = found;
        let [.., curve, n, e, x, y] = found.map(|value| value.and_then(|value| value.as_str()));
        if purpose.is_some_and(|purpose| purpose.as_str() != Some("sig")) {
            return None;
        }
        let verifies = |mut operations: crate::json::Elements<'_>| {
            operations.any(|operation| operation.as_str() == Some("verify"))
        };
        if operations.is_some_and(|list| !list.elements().is_some_and(verifies)) {
            return None;
        }
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let rsa = vec![Rs256, Rs384, Rs512, Ps256, Ps384, Ps512];
        let (key, mut algorithms) = match (kind?.as_str()?, curve) {
            ("RSA", _) => (DecodingKey::from_rsa_components(n?, e?).ok()?, rsa),
            ("EC", Some("P-256")) => (DecodingKey::from_ec_components(x?, y?).ok()?, vec![Es256]),
            ("EC", Some("P-384")) => (DecodingKey::from_ec_components(x?, y?).ok()?, vec![Es384]),
            ("OKP", Some("Ed25519")) => (DecodingKey::from_ed_components(x?).ok()?, vec![EdDsa]),
            _ => return None,
        };
        if let Some(own) = algorithm {
            let own: Algorithm = own.as_str()?.parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == own);
        }
        let id = id.and_then(|id| id.as_str()).map(Box::from);
        (!algorithms.is_empty()).then_some(Key { id, algorithms, key })
    }

    fn has_signed(&self, jwt: &Jwt<'_>, algorithm: Algorithm) -> bool {
        let algorithm = match algorithm {
            Algorithm::Rs256 => Implementation::RS256,
            Algorithm::Rs384 => Implementation::RS384,
            Algorithm::Rs512 => Implementation::RS512,
            Algorithm::Ps256 => Implementation::PS256,
            Algorithm::Ps384 => Implementation::PS384,
            Algorithm::Ps512 => Implementation::PS512,
            Algorithm::Es256 => Implementation::ES256,
            Algorithm::Es384 => Implementation::ES384,
            Algorithm::EdDsa => Implementation::EdDSA,
        };
        let signed = jwt.signed.as_bytes();
        crypto::verify(jwt.signature, signed, &self.key, algorithm).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests;
