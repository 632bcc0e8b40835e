//! Every number there is, in one place, with asserts on how the numbers relate.
//!
//! Names are what error messages say and, where a number can be set, what the setting is called.

use std::time::Duration;

/// Nesting of arrays and objects in one JSON document.
pub const JSON_DEPTH_MAX: usize = 64;
/// The largest document for which a parser keeps its working memory afterwards, in bytes.
pub const JSON_KEEP_BYTES: usize = 64 * 1024;
/// The largest tape, in nodes, that a parser keeps after a document.
pub const JSON_KEEP_NODES: usize = 16 * 1024;

/// Entries on one page of a list.
pub const LIST_PAGE: usize = 500;
/// How long clients may keep a list that cannot change, in milliseconds.
pub const LIST_TTL_MS: u64 = 300_000;
/// The name of a tool, in bytes (tools page, "Tool Names").
pub const NAME_BYTES_MAX: usize = 128;
/// Values in one answer to `completion/complete` (completion page, "Completion Results").
pub const COMPLETION_VALUES_MAX: usize = 100;

/// The port of [`Config::bind`](crate::Config::bind) unless another is given.
pub const PORT: u16 = 8080;
/// Default of `deferred_max`.
pub const DEFERRED_MAX: usize = 1024;
/// Default of `connections_max`.
pub const CONNECTIONS_MAX: usize = 65_536;
/// Default of `requests_per_turn_max`.
pub const REQUESTS_PER_TURN_MAX: usize = 64;
/// The most shards, whatever was asked for.
pub const CORES_MAX: usize = 1024;
/// Default of `head_timeout`.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Default of `body_timeout`.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Default of `idle_timeout`.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Default of `write_timeout`.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Default of `shutdown_grace`.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// How long a connection that was refused is read on, so that the refusal is not lost to a reset.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of it is read on, in bytes.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How long the listener is left alone when the process is out of file descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How finely deadlines are kept.
pub const DEADLINE_TICK: Duration = Duration::from_millis(50);

/// Default of `buffer_size`, in bytes.
pub const BUFFER_SIZE: usize = 8 * 1024;
/// What `adaptive_sizing` lets a pooled buffer grow to, in bytes.
pub const BUFFER_SIZE_MAX: usize = 64 * 1024;
/// Default of `max_buffers`.
pub const BUFFERS_MAX: usize = 256;
/// Buffers given back between two looks at what they were used for.
pub const BUFFER_WINDOW: u32 = 1024;
/// Such looks without growth after which buffers are made smaller again.
pub const BUFFER_CALM_WINDOWS: u32 = 64;

/// Events taken from the kernel in one turn.
pub const EVENTS_PER_TURN_MAX: usize = 1024;
/// Connections accepted in one turn.
pub const ACCEPTS_PER_TURN_MAX: usize = 64;
/// Letters taken from the mailbox in one turn.
pub const MAIL_PER_TURN_MAX: usize = 256;
/// Reads of one connection in one turn.
pub const READS_PER_TURN_MAX: usize = 16;
/// Connections answered before their answers are written: the code that answers stays in the
/// instruction cache for some, then the kernel's code that sends.
pub const WRITE_BATCH: usize = 32;
/// Unsent bytes beyond which a connection's next requests wait.
pub const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// Connections the kernel holds for us before they are accepted.
pub const BACKLOG: i32 = 4096;
/// Bytes of one connection that the kernel takes and has not sent (`TCP_NOTSENT_LOWAT`).
pub const NOTSENT_BYTES: u32 = 128 * 1024;
/// Letters to one shard besides the answers of workers: new connections, and the stop.
pub const MAILBOX_EXTRA: usize = 1024;

const _: () = assert!(BUFFER_SIZE <= BUFFER_SIZE_MAX);
const _: () = assert!(JSON_KEEP_BYTES >= BUFFER_SIZE_MAX);
/// The least space a read is given, in bytes.
pub const READ_SPACE_MIN: usize = 4 * 1024;

const _: () = assert!(READ_SPACE_MIN <= BUFFER_SIZE);

/// How many header fields one request may have; the size of `http::FieldStorage`.
pub const HEADER_FIELDS_MAX: usize = 100;

/// Default of `head_bytes_max`: request line, header fields and the empty line after them.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Default of `target_bytes_max`. RFC 9112 §3 recommends at least 8,000.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// Default of `body_bytes_max`: the body as decoded, without its chunk framing.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Default of `chunk_line_bytes_max`: one chunk-size line with its extensions and its CRLF.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Default of `chunk_overhead_bytes_max`: how much longer than a fair share of its chunk all
/// chunk-size lines of one body may be, together (fair is `CHUNK_LINE_BYTES_FAIR` and twice the
/// data).
pub const CHUNK_OVERHEAD_BYTES_MAX: usize = 16 * 1024;

/// A chunk-size line this long is never counted as overhead.
pub const CHUNK_LINE_BYTES_FAIR: usize = 20;

/// The most digits a chunk size may have: those of a 64-bit number.
pub const CHUNK_SIZE_DIGITS_MAX: usize = 16;

/// Default of `trailer_bytes_max`: the trailer section with its final empty line.
pub const TRAILER_BYTES_MAX: usize = 4 * 1024;

/// How many empty lines are skipped before a request line (RFC 9112 §2.2 asks for one at least).
pub const LEADING_EMPTY_LINES_MAX: u8 = 4;

/// What a response head takes at most before its extra fields; reserved in one go.
pub const RESPONSE_HEAD_BYTES: usize = 256;

const _: () = assert!(TARGET_BYTES_MAX < HEAD_BYTES_MAX);
const _: () = assert!(CHUNK_LINE_BYTES_FAIR >= CHUNK_SIZE_DIGITS_MAX + 2);
const _: () = assert!(CHUNK_LINE_BYTES_FAIR < CHUNK_LINE_BYTES_MAX);
const _: () = assert!(CHUNK_LINE_BYTES_MAX <= TRAILER_BYTES_MAX);

/// The least number of workers there is by default.
pub const WORKERS_MIN: usize = 4;
/// Open files a server needs besides its connections.
pub const FILES_BESIDE_CONNECTIONS: usize = 512;
