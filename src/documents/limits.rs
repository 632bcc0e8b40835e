//! Every number of this room: what a document, a query, a queue and a page may be at most.
//! An error that refuses something names the limit by the constant's name.

/// The longest text of a document, in bytes.
pub const TEXT_BYTES_MAX: usize = 16 << 20;
/// The longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 500;
/// The longest MIME type, in bytes.
pub const MIME_TYPE_BYTES_MAX: usize = 100;
/// The longest note of where a document came from, in bytes (Linux' PATH_MAX).
pub const SOURCE_BYTES_MAX: usize = 4_096;

/// The longest query, in characters. A model that pastes a page gets an error, not a slow search.
pub const QUERY_CHARS_MAX: usize = 2_000;
/// Words of a query that are looked up; later ones are ignored.
pub const QUERY_TERMS_MAX: usize = 32;
/// Passages scored for one query, newest first: bounds what a search for "the" costs.
pub const SEARCH_CANDIDATES_MAX: usize = 50_000;
/// How deep paging through one search goes: past that, a better query is the cure.
pub const SEARCH_REACH_MAX: usize = 1_000;
/// Words in a snippet (FTS5 allows 64).
pub const SNIPPET_WORDS: usize = 28;
/// How much more a word in the title weighs than one in the text.
pub const TITLE_WEIGHT: f64 = 8.0;
/// What stands before and after a matched word in a snippet: Markdown, as clients render it.
pub const SNIPPET_MARK: &str = "**";

/// Entries on a page when the caller names no number.
pub const PAGE_DEFAULT: usize = 20;
/// Entries on a page at most; more are clamped to it.
pub const PAGE_MAX: usize = 100;
/// Characters one `get_range` returns at most; more are clamped to it.
pub const RANGE_CHARS_MAX: u64 = 1_000_000;

/// Passages looked at for one completion; a title stands with each of its passages.
pub const COMPLETIONS_LOOKED_AT_MAX: usize = 1_000;

/// Characters `get_document` returns when the caller names no number.
pub const GET_CHARS_DEFAULT: u64 = 20_000;
/// Characters `get_document` returns at most: it runs on a shard, and fills a model's context.
pub const GET_CHARS_MAX: u64 = 100_000;
/// Characters of a document that `summarize_document` puts into its prompt.
pub const PROMPT_CHARS_MAX: u64 = 100_000;
/// Passages that `answer_from_documents` puts into its prompt.
pub const PROMPT_PASSAGES: usize = 8;

/// Characters in a passage, the unit that is indexed, ranked and shown as a snippet: big enough
/// that the words of one thought stand together, small enough that a snippet costs microseconds.
pub const PASSAGE_CHARS: usize = 4_000;
/// A passage's number is its document's number shifted by this, plus its place in the document.
pub const PASSAGE_BITS: u32 = 16;

/// Read-only connections kept open. More threads than this still read at once: the surplus opens
/// a connection for the one call.
pub const READERS_MAX: usize = 64;
/// Prepared statements kept by a connection; more than the room has.
pub const STATEMENTS_MAX: usize = 48;
/// Page cache of a reader, KiB. Small: `MMAP_BYTES` serves most pages without copying.
pub const READER_CACHE_KIB: i64 = 2_048;
/// Page cache of a writer, KiB: a batch of FTS5 segments stays in memory until it is committed.
pub const WRITER_CACHE_KIB: i64 = 16_384;
/// How much of the file readers map. Address space, not memory; 32-bit targets get what they can.
pub const MMAP_BYTES: i64 = 1 << 30;
/// The WAL is cut back to this after a checkpoint, so one big import leaves no big file behind.
pub const WAL_BYTES_KEPT: i64 = 64 << 20;

/// Writes that may wait for the writer.
pub const QUEUE_MAX: usize = 1_024;
/// Bytes of text that may wait for the writer: 1,024 documents of 16 MiB must not.
pub const QUEUE_BYTES_MAX: usize = 128 << 20;
/// How long a write waits for a place in the queue, milliseconds.
pub const QUEUE_WAIT_MS: u64 = 2_000;
/// Writes in one transaction of the writer.
pub const GROUP_MAX: usize = 256;
/// Bytes of text in one transaction of the writer (one document may exceed it alone).
pub const GROUP_BYTES_MAX: usize = 8 << 20;
/// How long a writer waits for another process (an import) to give up the write lock, ms.
pub const WRITE_LOCK_WAIT_MS: u64 = 15_000;
/// How often, at least, a writer that waits looks whether it is to give up, ms.
pub const WRITE_LOCK_STEP_MS: u64 = 100;
/// How long a reader waits, ms: only while another process recovers the file after a crash.
pub const READ_LOCK_WAIT_MS: u64 = 2_000;

/// Files in one import; the rest is reported, not silently dropped.
pub const IMPORT_FILES_MAX: usize = 1_000_000;
/// Folders below a given one that an import descends.
pub const IMPORT_DEPTH_MAX: usize = 64;
/// Skipped files an import report lists by name; all are counted.
pub const IMPORT_SKIPS_LISTED_MAX: usize = 1_000;
/// Average length of a line beyond which a script or a style sheet is taken for minified.
pub const MINIFIED_LINE_BYTES: usize = 500;
/// Pages of the index merged in one transaction after an import: a few milliseconds.
pub const MERGE_PAGES: i64 = 500;
/// How old a file must be for "same size, same time" to mean "same content", milliseconds.
/// A file written twice within one tick of a coarse clock looks unchanged (git: "racily clean").
pub const IMPORT_SETTLED_MS: i64 = 2_000;

// A passage is cut in its second half, so the shortest but the last has PASSAGE_CHARS / 2.
const _: () = assert!(TEXT_BYTES_MAX / (PASSAGE_CHARS / 2) < 1 << PASSAGE_BITS);
const _: () = assert!(SNIPPET_WORDS <= 64);
const _: () = assert!(PAGE_DEFAULT <= PAGE_MAX && PAGE_MAX <= SEARCH_REACH_MAX);
const _: () = assert!(GROUP_BYTES_MAX <= QUEUE_BYTES_MAX && TEXT_BYTES_MAX <= QUEUE_BYTES_MAX);
const _: () = assert!(GROUP_MAX <= QUEUE_MAX);
