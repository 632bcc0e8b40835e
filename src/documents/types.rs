//! What goes in and what comes out. The doc comments become the descriptions of JSON schemas.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A document without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentSummary {
    /// Stable id of the document, safe in URLs.
    pub id: String,
    /// URI of the document as a resource: `doc://` and the id.
    pub uri: String,
    /// Title of the document.
    pub title: String,
    /// MIME type of the text, such as text/markdown.
    pub mime_type: String,
    /// Where the document came from, such as the path of the imported file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Length of the text in bytes.
    pub bytes: u64,
    /// Length of the text in characters.
    pub chars: u64,
    /// SHA-256 of the text, in hexadecimal.
    pub hash: String,
    /// When the document was added (ISO 8601, UTC).
    pub created: String,
    /// When the document was last changed (ISO 8601, UTC).
    pub updated: String,
}

/// A document with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// All about it but the text.
    #[serde(flatten)]
    pub summary: DocumentSummary,
    /// The whole text.
    pub text: String,
}

/// A part of a document's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentRange {
    /// All about the document but the text.
    #[serde(flatten)]
    pub summary: DocumentSummary,
    /// The part of the text that was asked for.
    pub text: String,
    /// Where the part starts, in characters from the start of the text.
    pub offset: u64,
    /// Where the next part starts; absent if this one reaches the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
}

/// A document to add. `NewDocument::new` fills in the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewDocument {
    /// At most `TITLE_CHARS_MAX` characters; runs of white space become one space.
    pub title: String,
    /// At most `TEXT_BYTES_MAX` bytes; kept and indexed as given, also if it is HTML.
    pub text: String,
    /// `text/plain` if absent.
    pub mime_type: Option<String>,
    /// Where it came from, for people to read.
    pub source: Option<String>,
}

impl NewDocument {
    /// A plain text from nowhere.
    #[must_use]
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> NewDocument {
        NewDocument { title: title.into(), text: text.into(), mime_type: None, source: None }
    }
}

/// What to change about a document; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The new title.
    pub title: Option<String>,
    /// The new text, all of it.
    pub text: Option<String>,
    /// The new MIME type.
    pub mime_type: Option<String>,
}

/// One page of what a search found, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchPage {
    /// The documents found, best first.
    pub hits: Vec<Hit>,
    /// How many documents match in all.
    pub total: u64,
    /// Whether the hits contain all words of the query, or some.
    pub matching: Matching,
    /// Pass this as `cursor`, with the same query, for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// How the words of the query were combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// Every hit has all words of the query near each other.
    AllWords,
    /// No document has all of them, so these have at least one; those with the rarer words first.
    AnyWord,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// Id of the document.
    pub id: String,
    /// URI of the document as a resource.
    pub uri: String,
    /// Title of the document.
    pub title: String,
    /// The words around the match, with matches between `**`.
    pub snippet: String,
    /// How well it matches (BM25, the title weighs more); comparable within one search only.
    pub score: f64,
    /// MIME type of the text.
    pub mime_type: String,
    /// Where the best passage starts, in characters: an offset to read from.
    pub offset: u64,
    /// Length of the whole text in characters.
    pub chars: u64,
}

/// One page of all documents, in the order they were added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListPage {
    /// The documents, oldest first.
    pub documents: Vec<DocumentSummary>,
    /// How many documents there are in all.
    pub total: u64,
    /// Pass this as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// How big the dataset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// How many documents there are.
    pub documents: u64,
    /// Bytes of text in all documents.
    pub text_bytes: u64,
    /// Bytes of the dataset's files on disk.
    pub file_bytes: u64,
    /// The same by MIME type, most documents first.
    pub by_mime_type: Vec<MimeTypeStats>,
}

/// How much of the dataset has one MIME type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MimeTypeStats {
    /// The MIME type.
    pub mime_type: String,
    /// How many documents have it.
    pub documents: u64,
    /// Bytes of their text.
    pub text_bytes: u64,
}
