//! The numbers of what is refused before it could do harm.

use std::time::Duration;

/// The most that `json_depth_max` may be: values are read and written by functions that call
/// themselves, and the stacks of threads hold some thousand of those.
pub const JSON_DEPTH_SETTING_MAX: usize = 1000;
/// The most that `workers` may be: each is a thread.
pub const WORKERS_SETTING_MAX: usize = 4096;
/// The most that `deferred_max` may be: room for all of them is made at the start.
pub const DEFERRED_SETTING_MAX: usize = 1024 * 1024;
/// Connections that a shard reads to tell them that their address has too many; beyond them, that
/// is told without reading.
pub const TURNED_AWAY_MAX: usize = 64;
/// How long a connection that was refused is read on, so that the refusal is not lost to a reset.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of it is read on, in bytes.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// Connections to the listener for operators at once; beyond them, new ones are closed.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;
/// How long the listener is left alone when the process is out of file descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// A subject, a client or a scope, in bytes. A subject has at most 255 (OpenID Connect Core §2).
pub const TOKEN_NAME_BYTES_MAX: usize = 512;
/// Scopes of one token.
pub const TOKEN_SCOPES_MAX: usize = 256;
/// Audiences of one token.
pub const TOKEN_AUDIENCES_MAX: usize = 64;
