//! Why a token is no good.

use std::fmt;

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reason {
    Malformed,
    TooLong,
    Algorithm,
    UnknownKey,
    Signature,
    Critical,
    Type,
    Issuer,
    Audience,
    Expired,
    NotYet,
    Claims,
    Bound,
    Inactive,
}

impl Reason {
    /// A word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::TooLong => "too_long",
            Reason::Algorithm => "algorithm",
            Reason::UnknownKey => "unknown_key",
            Reason::Signature => "signature",
            Reason::Critical => "critical",
            Reason::Type => "type",
            Reason::Issuer => "issuer",
            Reason::Audience => "audience",
            Reason::Expired => "expired",
            Reason::NotYet => "not_yet",
            Reason::Claims => "claims",
            Reason::Bound => "bound",
            Reason::Inactive => "inactive",
        }
    }

    /// What is wrong, for people. It fits `error_description` (RFC 6750 §3: no quotes, no
    /// backslashes), and gives nothing of the token away.
    pub fn text(self) -> &'static str {
        match self {
            Reason::Malformed => "this is no token that this server can read",
            Reason::TooLong => "the token is longer than auth.token_bytes_max",
            Reason::Algorithm => "the algorithm of the signature is not allowed for its key",
            Reason::UnknownKey => "the issuer has no such key",
            Reason::Signature => "the signature is wrong",
            Reason::Critical => "the token has a critical extension that is not understood",
            Reason::Type => "this is no access token",
            Reason::Issuer => {
                "the token is of an issuer that this server does not take tokens from"
            }
            Reason::Audience => "the token is for another server (aud)",
            Reason::Expired => "the token has expired",
            Reason::NotYet => "the token is not valid yet",
            Reason::Claims => "a claim is missing or malformed",
            Reason::Bound => "the token is bound to a key, and only bearer tokens are taken",
            Reason::Inactive => "the issuer says that the token is not active",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
