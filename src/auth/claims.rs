//! What a token says of itself, in a JWT or in its issuer's answer, and whether that will do.

use std::collections::BTreeSet;

use super::issuer::Issuer;
use super::reason::Reason;
use crate::config::tokens::{Algorithm, TokenConfig, without_empty_path};
use crate::json::{Kind, Value};
use crate::limits;
use crate::protocol::Principal;

/// The claims that are read; all others are ignored (RFC 7519 §4).
const NAMES: [&str; 19] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "scope",
    "scp",
    "client_id",
    "azp",
    "username",
    "cnf",
    "token_type",
    "token_use",
    "typ",
    "nonce",
    "at_hash",
    "c_hash",
    "events",
];

/// What a token says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claims {
    pub issuer: Option<Box<str>>,
    pub subject: Option<Box<str>>,
    pub client: Option<Box<str>>,
    pub username: Option<Box<str>>,
    pub audiences: Vec<Box<str>>,
    pub expires_s: Option<u64>,
    pub not_before_s: Option<u64>,
    pub issued_s: Option<u64>,
    pub scopes: Vec<Box<str>>,
    /// Bound to a key that its sender would have to show (RFC 7800).
    pub is_bound: bool,
    /// Says that it is something else than an access token.
    pub is_other_type: bool,
    /// Has what tokens for other purposes have.
    pub looks_like_other_type: bool,
}

impl Claims {
    /// Reads the members of an object.
    ///
    /// # Errors
    /// It is no object, or a claim is not what it must be, or is there twice.
    pub fn read(object: Value<'_>) -> Result<Claims, Reason> {
        let found = members(object, &NAMES).ok_or(Reason::Claims)?;
        let [
            issuer,
            subject,
            audience,
            expires,
            not_before,
            issued,
            scope,
            scp,
            client,
            party,
            user,
            confirmation,
            token_type,
            token_use,
            kind,
            nonce,
            at_hash,
            c_hash,
            events,
        ] = found;
        let scopes = match (scope, scp) {
            (Some(scopes), _) | (None, Some(scopes)) => words(scopes)?,
            (None, None) => Vec::new(),
        };
        let is_other_type = says_other(token_type, &["bearer", "access_token"])
            || says_other(token_use, &["access", "access_token"])
            // Keycloak says so in a claim, and `JWT` in the header of all its tokens.
            || ["ID", "Refresh", "Offline", "Logout"]
                .iter()
                .any(|other| kind.and_then(|kind| kind.as_str()) == Some(other));
        Ok(Claims {
            issuer: text(issuer)?,
            subject: text(subject)?,
            client: text(said(client).or(said(party)))?,
            username: text(said(user))?,
            audiences: audiences(audience)?,
            expires_s: time(expires)?,
            not_before_s: time(not_before)?,
            issued_s: time(issued)?,
            scopes,
            is_bound: confirmation.is_some(),
            is_other_type,
            looks_like_other_type: [nonce, at_hash, c_hash, events].iter().any(Option::is_some),
        })
    }
}

/// The members of an object with these names. `None`: it is no object, or has one of them twice.
pub fn members<'t, const N: usize>(
    object: Value<'t>,
    names: &[&str; N],
) -> Option<[Option<Value<'t>>; N]> {
    let mut found = [None; N];
    for (name, value) in object.members()? {
        let Some(index) = names.iter().position(|known| *known == name) else { continue };
        if found[index].replace(value).is_some() {
            return None;
        }
    }
    Some(found)
}

fn says_other(value: Option<Value<'_>>, ours: &[&str]) -> bool {
    value.is_some_and(|value| match value.as_str() {
        Some(text) => !ours.iter().any(|our| our.eq_ignore_ascii_case(text)),
        None => true,
    })
}

fn text(value: Option<Value<'_>>) -> Result<Option<Box<str>>, Reason> {
    let Some(value) = value else { return Ok(None) };
    let text = value.as_str().ok_or(Reason::Claims)?;
    let is_good = !text.is_empty()
        && text.len() <= limits::TOKEN_NAME_BYTES_MAX
        && !text.contains(char::is_control);
    if is_good { Ok(Some(text.into())) } else { Err(Reason::Claims) }
}

/// What may be left out, and some issuers send empty instead (RFC 7662 §2.2).
fn said(value: Option<Value<'_>>) -> Option<Value<'_>> {
    value.filter(|value| value.kind() != Kind::Null && value.as_str() != Some(""))
}

/// Scopes: words in one text, or a list of them (some issuers' `scp`).
fn words(value: Value<'_>) -> Result<Vec<Box<str>>, Reason> {
    let mut scopes = BTreeSet::new();
    let mut add = |text: &str| {
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            // RFC 6749 §3.3.
            let is_scope = word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            if !is_scope || word.contains('\\') || word.len() > limits::TOKEN_NAME_BYTES_MAX {
                return Err(Reason::Claims);
            }
            scopes.insert(word.to_owned());
        }
        Ok(())
    };
    match (value.as_str(), value.elements()) {
        (Some(text), _) => add(text)?,
        (None, Some(list)) => {
            for element in list {
                add(element.as_str().ok_or(Reason::Claims)?)?;
            }
        }
        (None, None) => return Err(Reason::Claims),
    }
    if scopes.len() > limits::TOKEN_SCOPES_MAX {
        return Err(Reason::Claims);
    }
    Ok(scopes.into_iter().map(String::into_boxed_str).collect())
}

/// One text, or a list of them (RFC 7519 §4.1.3).
fn audiences(value: Option<Value<'_>>) -> Result<Vec<Box<str>>, Reason> {
    let Some(value) = value else { return Ok(Vec::new()) };
    if let Some(text) = value.as_str() {
        return Ok(vec![text.into()]);
    }
    let elements = value.elements().ok_or(Reason::Claims)?;
    let audiences = elements
        .map(|element| element.as_str().map(Box::from).ok_or(Reason::Claims))
        .collect::<Result<Vec<_>, _>>()?;
    match audiences.len() <= limits::TOKEN_AUDIENCES_MAX {
        true => Ok(audiences),
        false => Err(Reason::Claims),
    }
}

/// Seconds since 1970, which may have a fraction (RFC 7519 §2, "NumericDate").
fn time(value: Option<Value<'_>>) -> Result<Option<u64>, Reason> {
    let Some(value) = value else { return Ok(None) };
    let whole =
        value.as_float().filter(|time| *time >= 0.0 && *time < 1e15).map(|time| time as u64);
    value.as_u64().or(whole).map(Some).ok_or(Reason::Claims)
}

/// Where claims come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JWT that says it is an access token (RFC 9068 §2.1).
    AtJwt,
    /// Another JWT.
    Jwt,
    /// The issuer's answer.
    Answer {
        /// Whether it must name an audience.
        require_audience: bool,
    },
}

/// What all tokens must keep to.
pub struct Rules {
    pub algorithms: Vec<Algorithm>,
    pub token_bytes_max: usize,
    pub refused_s: u64,
    pub require_at_jwt: bool,
    leeway_s: u64,
}

impl Rules {
    pub fn new(config: &TokenConfig) -> Rules {
        Rules {
            algorithms: config.algorithms.clone(),
            token_bytes_max: config.token_bytes_max,
            refused_s: config.refused_ttl.as_secs(),
            require_at_jwt: config.require_at_jwt,
            leeway_s: config.leeway.as_secs(),
        }
    }

    /// Who a token with these claims is from, and the second at which it ends.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(
        &self,
        claims: &Claims,
        form: Form,
        issuer: &Issuer,
        unix_s: u64,
    ) -> Result<(Principal, u64), Reason> {
        let is_answer = matches!(form, Form::Answer { .. });
        // 1. The issuer is the one that it was taken for (RFC 9068 §4); an answer need not say.
        match &claims.issuer {
            Some(name) if issuer.is_named(name) => {}
            None if is_answer => {}
            _ => return Err(Reason::Issuer),
        }
        // 2. It is for us (RFC 8707 §2, RFC 9068 §4).
        let need_not_say = form == Form::Answer { require_audience: false };
        let is_for_us = claims.audiences.iter().any(|audience| issuer.has_audience(audience));
        if !(is_for_us || need_not_say && claims.audiences.is_empty()) {
            return Err(Reason::Audience);
        }
        // 3. It is an access token (RFC 9068 §5), and one that its bearer may use.
        if claims.is_other_type || form == Form::Jwt && claims.looks_like_other_type {
            return Err(Reason::Type);
        }
        if claims.is_bound {
            return Err(Reason::Bound);
        }
        // 4. Now. A JWT without an end would be good for ever.
        let ends_s = match claims.expires_s {
            Some(expires_s) => expires_s.saturating_add(self.leeway_s),
            None if is_answer => u64::MAX,
            None => return Err(Reason::Claims),
        };
        if ends_s <= unix_s {
            return Err(Reason::Expired);
        }
        let begins_s = claims.not_before_s.max(claims.issued_s).unwrap_or_default();
        if begins_s > unix_s.saturating_add(self.leeway_s) {
            return Err(Reason::NotYet);
        }
        Ok((principal(claims, issuer)?, ends_s))
    }
}

/// A subject is unique with its issuer (RFC 7519 §4.1.2), and says nothing of what clients are
/// called (RFC 9068 §5). So the name begins with what it is the name of, which says too that a
/// token was shown, and with the issuer, which has no `|`: what a token says comes last, and can be
/// no other's name, whatever it is.
fn principal(claims: &Claims, issuer: &Issuer) -> Result<Principal, Reason> {
    let (kind, name) = match (&claims.subject, &claims.username, &claims.client) {
        (Some(subject), ..) => ("token", subject),
        (None, Some(username), _) => ("username", username),
        (None, None, Some(client)) => ("client", client),
        (None, None, None) => return Err(Reason::Claims),
    };
    let name = format!("{kind}:{}|{name}", without_empty_path(&issuer.name));
    Ok(Principal::named(name).with_scopes(claims.scopes.iter().map(|scope| &**scope)))
}

#[cfg(test)]
mod tests;
