//! API keys: long random texts, of which the server has the hashes.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::config::ApiKey;
use crate::limits;
use crate::protocol::Principal;

/// What every key of ours begins with: a key is told from a token, and is found where one was
/// published by mistake.
pub(super) const PREFIX: &str = "fastd_";

/// The keys that a server knows.
#[derive(Default)]
pub(super) struct ApiKeys(Box<[Known]>);

struct Known {
    sha256: Box<[u8]>,
    principal: Arc<Principal>,
}

impl ApiKeys {
    /// # Errors
    /// A hash that is none.
    pub(super) fn new(keys: &[ApiKey]) -> Result<ApiKeys, String> {
        let known = |key: &ApiKey| {
            let sha256 = bytes(&key.sha256)
                .filter(|bytes| bytes.len() == SHA256.output_len)
                .ok_or_else(|| format!("api_keys: {}: sha256 is not one", key.name))?;
            let principal = Principal::named(format!("key:{}", key.name))
                .with_scopes(key.scopes.iter().map(String::as_str));
            Ok(Known { sha256, principal: Arc::new(principal) })
        };
        keys.iter().map(known).collect::<Result<_, String>>().map(ApiKeys)
    }

    /// Whose key this is. It takes as long for one that is known as for one that is not, wherever
    /// it stands.
    pub(super) fn find(&self, key: &str) -> Option<Arc<Principal>> {
        if key.len() > limits::API_KEY_BYTES_MAX {
            return None;
        }
        let shown = digest(&SHA256, key.as_bytes());
        let mut found = None;
        for known in &self.0 {
            if verify_slices_are_equal(&known.sha256, shown.as_ref()).is_ok() {
                found = Some(&known.principal);
            }
        }
        found.cloned()
    }
}

/// A new key, which nobody can guess, and its hash; `None` when the system has no random bits.
pub fn new_api_key() -> Option<(String, String)> {
    let mut bits = [0; limits::API_KEY_RANDOM_BYTES];
    getrandom::fill(&mut bits).ok()?;
    let key = format!("{PREFIX}{}", BASE64.encode(bits));
    let mut sha256 = String::new();
    for byte in digest(&SHA256, key.as_bytes()).as_ref() {
        write!(sha256, "{byte:02x}").ok()?;
    }
    Some((key, sha256))
}

fn bytes(hexadecimal: &str) -> Option<Box<[u8]>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = hexadecimal.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_hash() {
        let made: Vec<_> = (0..3).map(|_| new_api_key().unwrap()).collect();
        let configured = |(index, (_, sha256)): (usize, &(String, String))| ApiKey {
            name: index.to_string(),
            sha256: if index == 1 { sha256.to_uppercase() } else { sha256.clone() },
            scopes: vec![format!("s{index}")],
        };
        let keys: Vec<_> = made.iter().enumerate().map(configured).collect();
        let known = ApiKeys::new(&keys).unwrap();
        for (index, (key, _)) in made.iter().enumerate() {
            assert!(key.starts_with(PREFIX) && key.len() > 40, "{key}");
            let principal = known.find(key).unwrap();
            assert_eq!(*principal.name, *format!("key:{index}"));
            assert!(principal.has(&format!("s{index}")));
            assert!(known.find(&key[..key.len() - 1]).is_none());
            assert!(known.find(&format!("{key}x")).is_none());
        }
        assert!(known.find("").is_none());
        assert!(known.find(&"x".repeat(10_000)).is_none());
        assert!(ApiKeys::default().find(&made[0].0).is_none());
        let broken = ApiKey { name: "a".into(), sha256: "0".repeat(63), scopes: Vec::new() };
        assert!(ApiKeys::new(&[broken]).is_err());
    }

    #[test]
    fn the_hash_is_that_of_others_too() {
        // `printf abc | sha256sum`
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let key = ApiKey { name: "a".into(), sha256: sha256.into(), scopes: Vec::new() };
        assert!(ApiKeys::new(&[key]).unwrap().find("abc").is_some());
    }
}
