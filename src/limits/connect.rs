//! The numbers of `mcp-fastd connect`.

use std::time::Duration;

use super::{BODY_BYTES_MAX, SESSION_WAITING_MAX};

/// Requests that `mcp-fastd connect` has under way at once; beyond that, they wait.
pub const CONNECT_REQUESTS_MAX: usize = 64;
/// Messages that wait for their turn; beyond that, requests are answered with an error.
pub const CONNECT_WAITING_MAX: usize = 1_024;
/// Their bytes, together; a single message may be longer.
pub const CONNECT_WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A message of the remote server that it takes, in bytes.
pub const CONNECT_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long it tries to open one connection, and waits for the first event of HTTP+SSE.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection that cannot be made is tried again before the request gets an error.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// How long the server may take to accept a notification, or an answer to a question of its own.
pub const CONNECT_NOTICE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server may take to answer `initialize`.
pub const CONNECT_INITIALIZE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long requests under way may go on after the end of the input.
pub const CONNECT_GRACE: Duration = Duration::from_secs(5);
/// How long the end of a session may take.
pub const CONNECT_GOODBYE: Duration = Duration::from_secs(1);
/// Redirects within the server's origin that one request follows.
pub const CONNECT_REDIRECTS_MAX: usize = 3;
/// Tools whose headers it remembers.
pub const CONNECT_TOOLS_MAX: usize = 10_000;
/// Pages of a list of tools that it reads by itself.
pub const CONNECT_PAGES_MAX: usize = 100;
/// Silence after which a stream for the server's messages is opened again.
pub const CONNECT_SILENCE_MAX: Duration = Duration::from_secs(5 * 60);
/// What it waits before it opens a broken stream again, unless the server says (`retry`).
pub const RECONNECT_DELAY: Duration = Duration::from_secs(1);
/// The least it waits, whatever the server says.
pub const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(100);
/// The most it waits, unless the server says more.
pub const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(30);
/// Failures in a row after which the stream of a request is given up.
pub const RESUMES_MAX: u32 = 8;

const _: () = assert!(CONNECT_REQUESTS_MAX > SESSION_WAITING_MAX as usize);
const _: () = assert!(CONNECT_ANSWER_BYTES_MAX >= BODY_BYTES_MAX);
const _: () = assert!(CONNECT_WAITING_BYTES_MAX >= BODY_BYTES_MAX);
