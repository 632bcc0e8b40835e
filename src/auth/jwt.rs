//! A JWT as text (RFC 7519, RFC 7515 §7.1): what its header and claims say, before anything of it
//! is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::{Claims, Form, Rules, members};
use super::reason::Reason;
use crate::config::tokens::Algorithm;
use crate::json::{Parser, Value};
use crate::limits;

/// Three parts, read.
#[derive(Debug)]
pub struct Jwt<'t> {
    /// The first part.
    pub header: Header,
    /// The second.
    pub claims: Claims,
    /// What is signed: the first two parts with the dot between them.
    pub signed: &'t str,
    /// The signature as it was sent.
    pub signature: &'t str,
}

/// What a header says (RFC 7515 §4.1). Keys that come with the token itself (`jwk`, `jku`, `x5c`,
/// `x5u`) are not read: anybody can sign with those.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// `None`: one that we do not have.
    pub algorithm: Option<Algorithm>,
    pub key_id: Option<Box<str>>,
    kind: Kind,
    is_critical: bool,
}

/// `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `at+jwt` (RFC 9068 §2.1).
    AtJwt,
    /// `JWT`, or nothing.
    Jwt,
    Other,
}

impl<'t> Jwt<'t> {
    /// Reads a token.
    ///
    /// # Errors
    /// [`Reason::Malformed`]: it is no JWT, and may be an opaque token. Others: it is none that can
    /// be good.
    pub fn read(token: &'t str, parser: &mut Parser) -> Result<Jwt<'t>, Reason> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Reason::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Reason::Malformed)?;
        if claims.contains('.') {
            // Encrypted (RFC 7516), for whoever it is.
            return Err(Reason::Malformed);
        }
        let mut header = decoded(header).ok_or(Reason::Malformed)?;
        let header = {
            let document = parser.parse(&mut header).map_err(|_| Reason::Malformed)?;
            Header::read(document.root())?
        };
        let mut claims = decoded(claims).ok_or(Reason::Malformed)?;
        let document = parser.parse(&mut claims).map_err(|_| Reason::Claims)?;
        let claims = Claims::read(document.root())?;
        Ok(Jwt { header, claims, signed, signature })
    }
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

impl Header {
    fn read(object: Value<'_>) -> Result<Header, Reason> {
        object.members().ok_or(Reason::Malformed)?;
        let [algorithm, key_id, kind, critical] =
            members(object, &["alg", "kid", "typ", "crit"]).ok_or(Reason::Claims)?;
        // Every JWT has one (RFC 7515 §4.1.1): without it, this is something else.
        let algorithm = algorithm.and_then(|name| name.as_str()).ok_or(Reason::Malformed)?;
        let key_id = match key_id.map(|id| id.as_str()) {
            None => None,
            Some(Some(id)) if id.len() <= limits::TOKEN_NAME_BYTES_MAX => Some(id.into()),
            Some(_) => return Err(Reason::Claims),
        };
        let kind = match kind.map(|kind| kind.as_str()) {
            None => Kind::Jwt,
            Some(Some(kind)) => Kind::named(kind),
            Some(None) => return Err(Reason::Claims),
        };
        let is_critical = critical.is_some();
        Ok(Header { algorithm: algorithm.parse().ok(), key_id, kind, is_critical })
    }

    /// The form of the claims, if the header will do.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, rules: &Rules) -> Result<Form, Reason> {
        // We understand no extension, so none that is critical (RFC 7515 §4.1.11).
        if self.is_critical {
            return Err(Reason::Critical);
        }
        if !self.algorithm.is_some_and(|algorithm| rules.algorithms.contains(&algorithm)) {
            return Err(Reason::Algorithm);
        }
        match self.kind {
            Kind::AtJwt => Ok(Form::AtJwt),
            Kind::Jwt if !rules.require_at_jwt => Ok(Form::Jwt),
            Kind::Jwt | Kind::Other => Err(Reason::Type),
        }
    }
}

impl Kind {
    /// A media type, without `application/` where it has no other slash (RFC 7515 §4.1.9).
    fn named(text: &str) -> Kind {
        let text = match text.split_at_checked("application/".len()) {
            Some((tree, rest)) if tree.eq_ignore_ascii_case("application/") => rest,
            _ => text,
        };
        match text {
            text if text.eq_ignore_ascii_case("at+jwt") => Kind::AtJwt,
            text if text.eq_ignore_ascii_case("JWT") => Kind::Jwt,
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests;
