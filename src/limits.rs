//! Every number there is, in one place, with asserts on how the numbers relate.
//!
//! Names are what error messages say and, where a number can be set, what the setting is called.

use std::time::Duration;

mod connect;
mod refusing;
mod tokens;

pub use connect::*;
pub use refusing::*;
pub use tokens::*;

/// Default of `json_depth_max`: nesting of arrays and objects in one JSON document.
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
/// Wrong arguments that one answer names.
pub const ARGUMENT_ERRORS_MAX: usize = 8;
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
/// Mistakes in one file of settings that are named.
pub const SETTING_ERRORS_MAX: usize = 100;
/// How long the process that follows this one may take until it serves.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a shard may take to say which sockets it has.
pub const SHARD_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a shard may take to end when its grace is over.
pub const SHARD_END_TIMEOUT: Duration = Duration::from_secs(5);
/// How finely deadlines are kept.
pub const DEADLINE_TICK: Duration = Duration::from_millis(50);

/// Default of `buffer_size`, in bytes.
pub const BUFFER_SIZE: usize = 8 * 1024;
/// What `adaptive_sizing` lets a pooled buffer grow to, in bytes.
pub const BUFFER_SIZE_MAX: usize = 64 * 1024;
/// Default of `max_buffers`.
pub const BUFFERS_MAX: usize = 256;
/// Buffers of a kind that a shard with nothing to do keeps.
pub const BUFFERS_AT_REST: usize = 8;
/// Connections of a shard of which three quarters have gone when memory is given back, too.
pub const TRIM_AFTER_CONNECTIONS: usize = 64;
/// Bytes of buffers that were given back after which memory is given back to the system.
pub const TRIM_AFTER_BYTES: usize = 1024 * 1024;
/// Freed bytes that stay at the end of a thread's heap; blocks as large are no part of a heap.
pub const HEAP_KEPT_BYTES: i32 = 1024 * 1024;
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
/// Connections about which it is asked in one turn whether their clients are still let in. Few,
/// since a signature may have to be checked for each (100 µs).
pub const ASKED_AGAIN_PER_TURN_MAX: usize = 32;
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
/// Letters to one shard: new connections, and the stop.
pub const MAILBOX_ROOM: usize = 1024;

/// Steps of TLS handshakes that a shard takes in one turn; a step is some 0.1 to 2 ms of CPU.
pub const HANDSHAKES_PER_TURN_MAX: u32 = 8;
/// Ciphertext of one connection that is not understood yet, in bytes: a record has at most 18,437,
/// and a message of a handshake (a client's certificates) 65,535 in several records.
pub const TLS_INPUT_BYTES_MAX: usize = 80 * 1024;
/// Bytes of an answer that are encrypted before the kernel takes them: three records.
pub const TLS_PART_BYTES: usize = 48 * 1024;
/// Days before a certificate expires in which that is told at every start and reload.
pub const CERTIFICATE_WARNING_DAYS: i64 = 14;
/// How often the daemon tells it besides.
pub const CERTIFICATE_WARNING_INTERVAL: Duration = Duration::from_secs(24 * 3600);

const _: () = assert!(BUFFER_SIZE <= BUFFER_SIZE_MAX);
const _: () = assert!(TLS_INPUT_BYTES_MAX > 64 * 1024 && TLS_PART_BYTES < BUFFER_SIZE_MAX);
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

/// A header of the PROXY protocol, in bytes. Addresses take some 50, and load balancers add less
/// than a kilobyte.
pub const PROXY_HEADER_BYTES_MAX: usize = 2 * 1024;
/// Default of `cors.max_age`. Browsers have bounds of their own: a day, or two hours.
pub const CORS_MAX_AGE: Duration = Duration::from_secs(86_400);
/// The declared `Mcp-Param-*` names that a preflight is told of; of more, it is told those that it
/// asks for.
pub const CORS_PARAM_HEADERS_MAX: usize = 64;

const _: () = assert!(TARGET_BYTES_MAX < HEAD_BYTES_MAX);
const _: () = assert!(CHUNK_LINE_BYTES_FAIR >= CHUNK_SIZE_DIGITS_MAX + 2);
const _: () = assert!(CHUNK_LINE_BYTES_FAIR < CHUNK_LINE_BYTES_MAX);
const _: () = assert!(CHUNK_LINE_BYTES_MAX <= TRAILER_BYTES_MAX);

/// The least number of workers there is by default.
pub const WORKERS_MIN: usize = 4;
/// Open files a server needs besides its connections.
pub const FILES_BESIDE_CONNECTIONS: usize = 512;

/// Default of `sessions_max`.
pub const SESSIONS_MAX: usize = 100_000;
/// Default of `sessions_per_principal_max`.
pub const SESSIONS_PER_PRINCIPAL_MAX: usize = 1_000;
/// Default of `session_idle_timeout`.
pub const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Locks over which session records are spread.
pub const SESSION_STRIPES: usize = 64;
/// Idle sessions among which the one is found that ends to make room.
pub const EVICTION_SAMPLE: usize = 256;
/// Requests of one session under way at once, and streams of it that are kept for replay.
pub const SESSION_CALLS_MAX: usize = 256;
/// Resources that one session, or one subscription, may be told about.
pub const SUBSCRIPTIONS_MAX: usize = 1_024;
/// Forgotten sessions after which memory is given back to the system.
pub const TRIM_AFTER: usize = 10_000;
/// A client of HTTP+SSE counts as so many of them: it may have left much unread.
pub const TRIM_LINE_WEIGHT: usize = 100;
/// Bytes of their URIs, together, that a session keeps.
pub const SESSION_SUBSCRIPTION_BYTES_MAX: usize = 64 * 1024;
/// The same of a subscription, which lives no longer than its connection.
pub const SUBSCRIPTION_BYTES_MAX: usize = 1024 * 1024;
/// The id of a request under way, in bytes of JSON. One with a longer id cannot be cancelled.
pub const CANCELLABLE_ID_BYTES_MAX: usize = 1024;
/// How often, at least, what is too old is looked for.
pub const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(30);
/// How often, at most.
pub const SWEEP_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Default of `http_sse.connections_max`: streams of HTTP+SSE open at once.
pub const HTTP_SSE_CONNECTIONS_MAX: usize = 1_000;
/// Default of `http_sse.session_timeout`: how long a client of HTTP+SSE can come back for its
/// stream.
pub const HTTP_SSE_SESSION_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Clients of HTTP+SSE that are counted one by one.
pub const CLIENTS_COUNTED_MAX: usize = 256;

/// Names that are counted one by one (limits that were met, reasons of failed handshakes, issuers).
pub const NAMES_COUNTED_MAX: usize = 64;
/// Lines of the access log that wait to be written; beyond them, they are dropped and counted.
pub const ACCESS_LINES_MAX: usize = 16_384;
/// Lines of the audit log that wait to be written; beyond them, calls are refused, or the lines
/// dropped and counted (`audit_log.when_full`).
pub const AUDIT_LINES_MAX: usize = 16_384;
/// Bytes of a path, a user agent or a client's name that a log takes.
pub const LOG_TEXT_BYTES_MAX: usize = 256;
/// Bytes of a call's arguments that the audit log takes; of longer ones it has the hash.
pub const AUDIT_ARGUMENTS_BYTES_MAX: usize = 8 * 1024;
/// How long a log gathers lines before it writes them all at once.
pub const LOG_GATHER: Duration = Duration::from_millis(10);
/// How long the end of a server waits for a disk, or a pipe, that takes nothing.
pub const LOG_END: Duration = Duration::from_secs(5);
/// While a log cannot be written, that is said this often.
pub const LOG_COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// How long a log waits after an error of writing before it tries again, and at the end for whoever
/// has not said yet what came of a call.
pub const LOG_RETRY: Duration = Duration::from_secs(1);
/// Spans that wait to be sent; beyond them, they are dropped and counted.
pub const TRACE_SPANS_MAX: usize = 8_192;
/// Spans that are sent in one request.
pub const TRACE_BATCH_SPANS_MAX: usize = 1_024;
/// Their bytes.
pub const TRACE_BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long spans are gathered before they are sent.
pub const TRACE_INTERVAL: Duration = Duration::from_secs(1);
/// Default of `trace.timeout`: how long a collector may take to answer.
pub const TRACE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often spans are sent before they are dropped.
pub const TRACE_ATTEMPTS_MAX: u32 = 5;
/// How long is waited before spans are sent again; twice as long each time.
pub const TRACE_RETRY_MIN: Duration = Duration::from_secs(1);
/// How long at most, whatever a collector asks for (`Retry-After`).
pub const TRACE_RETRY_MAX: Duration = Duration::from_secs(30);
/// How long a server that ends waits for its last spans to be sent, or `shutdown_grace` where that
/// is less. Service managers that know the grace give a server 5 s more.
pub const TRACE_FLUSH: Duration = Duration::from_secs(3);
/// Bytes of a collector's answer that are read.
pub const TRACE_ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a `tracestate` that is passed on; W3C Trace Context §3.3.1.5 asks for as many.
pub const TRACE_STATE_BYTES_MAX: usize = 512;

/// Default of `stream_events_max`: events that a stream holds, unsent or for replay.
pub const STREAM_EVENTS_MAX: usize = 1_024;
/// Default of `stream_bytes_max`: the same in bytes.
pub const STREAM_BYTES_MAX: usize = 1024 * 1024;
/// How many times `stream_bytes_max` may wait on the stream of a client of HTTP+SSE, since requests
/// that were let in are answered whether or not it reads; then its session ends.
pub const LINE_EXCESS: usize = 4;
/// Default of `replay_window`.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(5 * 60);
/// Default of `replay_bytes_max`: finished streams that one session keeps.
pub const REPLAY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Default of `keep_alive`.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Default of `stream_age_max`.
pub const STREAM_AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// Default of `answer_timeout`: how long a call waits for its client's answer to a question.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// What clients are told to wait before they come back to a stream, in milliseconds (`retry`).
pub const RETRY_MS: u64 = 500;
/// Bytes of events that are handed to a connection before the client has read them.
pub const EVENTS_IN_HAND_BYTES: usize = 64 * 1024;
/// Progress of one call that is sent at once.
pub const PROGRESS_BURST: u32 = 32;
/// After that, one for each so many milliseconds.
pub const PROGRESS_INTERVAL_MS: u64 = 20;
/// The pause after progress on standard output that something follows. Clients that read both at
/// once take the answer first, and then do not know what the progress is about (some even leave).
pub const PROGRESS_PAUSE: Duration = Duration::from_millis(1);
/// Progress of one call that waits to be sent; of more, the latest counts.
pub const PROGRESS_UNSENT_MAX: usize = 16;
/// Calls that may wait for their clients at once, each on a worker that is replaced meanwhile.
pub const WAITING_CALLS_MAX: usize = 256;
/// Those of one session.
pub const SESSION_WAITING_MAX: u32 = 32;
/// How long a worker that was brought in for a waiting one stays without work.
pub const RELIEF_IDLE: Duration = Duration::from_secs(10);
/// Questions one call may ask in one round.
pub const QUESTIONS_MAX: usize = 64;
/// How long `requestState` can come back.
pub const REQUEST_STATE_TTL: Duration = Duration::from_secs(60 * 60);
/// Messages in one batch (2025-03-26).
pub const BATCH_MAX: usize = 100;

/// Messages that wait for code behind [`adapter`](crate::adapter); beyond them, 503.
pub const INBOX_MAX: usize = 1_024;
/// Their bytes, together.
pub const INBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = assert!(INBOX_BYTES_MAX >= BODY_BYTES_MAX);

/// Tasks kept at once.
pub const TASKS_MAX: usize = 10_000;
/// Tasks that are worked on at once.
pub const TASKS_RUNNING_MAX: usize = 256;
/// How long a task is kept, in milliseconds, unless its client asks for less or more.
pub const TASK_TTL_MS: u64 = 60 * 60 * 1000;
/// The longest a client can ask for.
pub const TASK_TTL_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// How often clients are to look at a task, in milliseconds.
pub const TASK_POLL_INTERVAL_MS: u64 = 500;
/// Requests that may wait for the outcome of one task.
pub const TASK_WAITING_MAX: usize = 16;

const _: () = assert!(TASKS_RUNNING_MAX <= WAITING_CALLS_MAX && TASKS_RUNNING_MAX <= TASKS_MAX);
const _: () = assert!(EVENTS_IN_HAND_BYTES < UNSENT_BYTES_MAX);
const _: () = assert!(PROGRESS_UNSENT_MAX < STREAM_EVENTS_MAX);

/// Addresses, principals or tools whose rates are known at once, of each kind; beyond that, the one
/// that asked least is forgotten.
pub const RATE_KEYS_MAX: usize = 64 * 1024;
/// Places among which the one is found that is forgotten.
pub const RATE_WAYS: usize = 8;
/// How far the clocks of two shards may be apart, as they read them once a turn.
pub const RATE_CLOCK_SKEW: Duration = Duration::from_secs(10);

const _: () = assert!(RATE_KEYS_MAX.is_multiple_of(RATE_WAYS));

/// Default of `overload.queue_delay_target`: a wait for a worker that is short enough for any call.
pub const QUEUE_DELAY_TARGET: Duration = Duration::from_millis(1);
/// Default of `overload.queue_delay_factor`: how many times its duration a call may wait.
pub const QUEUE_DELAY_FACTOR: u32 = 2;
/// Default of `overload.interval`: how long waits have to be too long before calls are refused.
pub const OVERLOAD_INTERVAL: Duration = Duration::from_millis(25);
/// How many times as long no call has to be refused before an overload is over. If it were over as
/// soon as it begins, calls would wait too long each time that it begins again.
pub const OVERLOAD_CALM: u64 = 10;
/// How far the clocks of shards may be apart, in seconds: one that is further back was set back.
pub const CLOCK_STEP_S: u64 = 2;
/// How many times as long as it may a call has waited that is refused although it was taken in.
pub const OVERLOAD_PATIENCE: u64 = 2;
/// What a call is taken to last before there was one.
pub const CALL_ASSUMED: Duration = Duration::from_secs(1);
/// The longest that clients are told to wait.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// How often the process looks how much memory it has.
pub const MEMORY_LOOK: Duration = Duration::from_millis(100);
/// A body of so many bytes is large, where memory is short.
pub const MEMORY_LARGE_BODY: usize = 64 * 1024;

/// Default of `auth.decision_timeout`: how long a request waits for somebody else to say who it is
/// from.
pub const DECISION_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections that wait for one such decision; beyond them, 503.
pub const VERDICT_READERS_MAX: usize = 65_536;
/// Pages of a provider's that are looked at for one that has something for the caller.
pub const FILTERED_PAGES_MAX: usize = 64;
/// API keys that a server knows.
pub const API_KEYS_MAX: usize = 1_024;
/// The longest API key, in bytes: longer ones are no keys.
pub const API_KEY_BYTES_MAX: usize = 256;
/// Random bytes of a key that is made here.
pub const API_KEY_RANDOM_BYTES: usize = 32;

const _: () = assert!(API_KEY_RANDOM_BYTES >= 16 && 2 * API_KEY_RANDOM_BYTES < API_KEY_BYTES_MAX);
