//! The numbers of what is refused before it could do harm.

use std::time::Duration;

/// The least that `http.head_bytes_max` may be: with less, `/health` could not be asked for.
pub const HEAD_BYTES_SETTING_MIN: usize = 256;
/// The same of `http.target_bytes_max`; the longest path of ours has some fifty.
pub const TARGET_BYTES_SETTING_MIN: usize = 64;
/// The same of `http.header_fields_max`: a message of 2026-07-28 with its token has as many.
pub const HEADER_FIELDS_SETTING_MIN: usize = 8;
/// The same of `http.body_bytes_max`.
pub const BODY_BYTES_SETTING_MIN: usize = 256;
/// The most that `http.body_bytes_max` and `stream_bytes_max` may be.
pub const BODY_BYTES_SETTING_MAX: usize = 1 << 30;
/// The same of `buffer_size`, and of what is read before a body: each connection has it.
pub const BUFFER_BYTES_SETTING_MAX: usize = 16 << 20;
/// The same of `workers`.
pub const WORKERS_SETTING_MAX: usize = 1024;
/// The same of `deferred_max`: the places are there from the start.
pub const DEFERRED_SETTING_MAX: usize = 1 << 20;
/// The same of `connections_max`.
pub const CONNECTIONS_SETTING_MAX: usize = 1 << 24;
/// The same of `stream_events_max`.
pub const STREAM_EVENTS_SETTING_MAX: usize = 1 << 20;
/// The same of all times.
pub const TIME_SETTING_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// The least that `json_depth_max` may be: messages of ours have as many levels.
pub const JSON_DEPTH_SETTING_MIN: usize = 8;
/// The most that `json_depth_max` may be: values are read and written by functions that call
/// themselves, and the stacks of threads hold some thousand of those.
pub const JSON_DEPTH_SETTING_MAX: usize = 1000;
/// Connections that a shard reads to tell them that their address has too many; beyond them, that
/// is told without reading.
pub const TURNED_AWAY_MAX: usize = 64;
/// How long a connection that was refused is read on, so that the refusal is not lost to a reset.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of it is read on, in bytes.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How long connections that are idle when a server stops may still ask for something.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// Connections to the listener for operators at once; beyond them, new ones are closed.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;
/// How long the listener is left alone when the process is out of file descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// While it is out of them, that is said this often, by all shards together.
pub const ACCEPT_COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);
/// A subject, a client or a scope, in bytes. A subject has at most 255 (OpenID Connect Core §2).
pub const TOKEN_NAME_BYTES_MAX: usize = 512;
/// Scopes of one token.
pub const TOKEN_SCOPES_MAX: usize = 256;
/// Audiences of one token.
pub const TOKEN_AUDIENCES_MAX: usize = 64;
