//! The numbers of tokens and of those who issue them.

use std::time::Duration;

use super::HEAD_BYTES_MAX;

/// Default of `token_bytes_max`: a bearer token.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Default of `leeway`: how far the clock of a token's issuer may be off.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(60);
/// Default of `cache_entries_max`: tokens that are remembered as good, and again as bad.
pub const TOKEN_CACHE_ENTRIES_MAX: usize = 16 * 1024;
/// Default of `cache_bytes_max`: the same in bytes.
pub const TOKEN_CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What remembering a token takes besides the token itself, in bytes.
pub const TOKEN_CACHE_OVERHEAD: usize = 256;
/// Places in which one token may be remembered.
pub const TOKEN_CACHE_WAYS: usize = 4;
/// The end of a token that says in which of them.
pub const TOKEN_CACHE_TAIL: usize = 32;
/// Default of `refused_ttl`: how long it is remembered that a token is no good.
pub const TOKEN_REFUSED_TTL: Duration = Duration::from_secs(10);
/// Issuers of one server.
pub const ISSUERS_MAX: usize = 16;
/// Default of `issuer_timeout`: one question to an issuer.
pub const ISSUER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer of an issuer, in bytes.
pub const ISSUER_ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// Keys of one issuer.
pub const KEYS_MAX: usize = 64;
/// Keys that are tried for a token that does not name its key.
pub const KEYS_TRIED_MAX: usize = 8;
/// Default of `keys_age_max`: when an issuer's keys are fetched again.
pub const KEYS_AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// The earliest that an issuer can ask for.
pub const KEYS_AGE_MIN: Duration = Duration::from_secs(60);
/// Default of `keys_refresh_interval`: between two fetches for tokens with unknown keys.
pub const KEYS_REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// How soon keys that could not be fetched are tried again; twice as long each time.
pub const KEYS_RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest.
pub const KEYS_RETRY_MAX: Duration = Duration::from_secs(60);
/// How long the place of an issuer's keys is believed before its metadata is read again.
pub const METADATA_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Default of `introspection_threads`.
pub const INTROSPECTION_THREADS: usize = 4;
/// Default of `introspection_waiting_max`: tokens that wait to be asked about.
pub const INTROSPECTION_WAITING_MAX: usize = 1_024;
/// Default of `introspection.ttl`: how long an answer is used.
pub const INTROSPECTION_TTL: Duration = Duration::from_secs(60);
/// How long it is remembered that an issuer could not be asked about a token.
pub const INTROSPECTION_RETRY: Duration = Duration::from_secs(2);

const _: () = assert!(TOKEN_BYTES_MAX < HEAD_BYTES_MAX);
const _: () = assert!(KEYS_AGE_MIN.as_secs() <= KEYS_AGE_MAX.as_secs());
const _: () = assert!(KEYS_TRIED_MAX <= KEYS_MAX);
