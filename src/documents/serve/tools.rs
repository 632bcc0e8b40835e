//! The tools. Descriptions are written for a model: when to use it, what to do next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::{Problem, shown};
use crate::app::Annotations;
use crate::documents::limits::{GET_CHARS_DEFAULT, GET_CHARS_MAX, PAGE_DEFAULT};
use crate::documents::{
    Changes, Dataset, DocumentRange, DocumentSummary, ListPage, NewDocument, SearchPage, Stats,
};
use crate::{About, Call, Empty, Json, about};

type Answer<T> = Result<Json<T>, Problem>;

/// Arguments of `search_documents`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchDocuments {
    /// What to look for: a few keywords. "Quotes" make an exact phrase, word* matches any word
    /// that begins so (three letters or more); there is no other syntax.
    query: String,
    /// How many hits to return; a number outside the range is taken as the nearest in it.
    #[serde(default = "default_limit")]
    limit: usize,
    /// The next_cursor of the page before, with the same query.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) fn about_search() -> About {
    about("search_documents")
        .title("Search documents")
        .describe(
            "Finds documents by their words, best first, each with a snippet of the passage that \
             matches. Use this first when a question may be answered by the documents. All words \
             must stand near each other; if no document has them all, those with any of them are \
             returned and `matching` is any_word. Words match in all their forms (search, \
             searches, searching). Read a hit with get_document: pass its id, and its offset to \
             start at the passage.",
        )
        .annotations(Annotations::READ_ONLY)
        .on_worker()
}

pub(super) fn search(dataset: &Dataset, input: SearchDocuments) -> Answer<SearchPage> {
    Ok(Json(dataset.search(&input.query, input.limit, input.cursor.as_deref())?))
}

/// Arguments of `get_document`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDocument {
    /// The document's id, or its doc:// uri.
    id: String,
    /// Where to start, in characters from the start of the text.
    #[serde(default)]
    offset: u64,
    /// How many characters to return at most.
    #[serde(default = "default_chars")]
    max_chars: u64,
}

pub(super) fn about_get() -> About {
    about("get_document")
        .title("Get a document")
        .describe(
            "Returns a document's text and what is known about it. Long texts come in parts: if \
             next_offset is there, call again with it as offset for the next part. After a \
             search, pass the hit's offset to start at the passage that matched.",
        )
        .annotations(Annotations::READ_ONLY)
}

pub(super) fn get(dataset: &Dataset, input: GetDocument) -> Answer<DocumentRange> {
    let max_chars = input.max_chars.clamp(1, GET_CHARS_MAX);
    let mut range = dataset.get_range(&input.id, input.offset, max_chars)?;
    range.summary = shown(range.summary);
    Ok(Json(range))
}

/// Arguments of `list_documents`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDocuments {
    /// How many documents to return.
    #[serde(default = "default_limit")]
    limit: usize,
    /// The next_cursor of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) fn about_list() -> About {
    about("list_documents")
        .title("List documents")
        .describe(
            "Lists all documents without their texts, in the order in which they were added. To \
             find something, search_documents is faster.",
        )
        .annotations(Annotations::READ_ONLY)
}

pub(super) fn list(dataset: &Dataset, input: ListDocuments) -> Answer<ListPage> {
    let mut page = dataset.list(input.limit, input.cursor.as_deref())?;
    page.documents = page.documents.into_iter().map(shown).collect();
    Ok(Json(page))
}

pub(super) fn about_stats() -> About {
    about("dataset_stats")
        .title("Size of the dataset")
        .describe("Says how many documents there are and how big they are, also by MIME type.")
        .annotations(Annotations::READ_ONLY)
}

pub(super) fn stats(dataset: &Dataset, _: Empty) -> Answer<Stats> {
    Ok(Json(dataset.stats()?))
}

/// Arguments of `add_document`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddDocument {
    /// A title by which people will know it; words in it weigh more in searches.
    title: String,
    /// The whole text.
    text: String,
    /// The MIME type of the text; text/plain if left out.
    #[serde(default)]
    #[schemars(extend("examples" = ["text/markdown"]))]
    mime_type: Option<String>,
    /// Where the text came from, such as a URL; kept and shown as it is.
    #[serde(default)]
    source: Option<String>,
}

pub(super) fn about_add() -> About {
    about("add_document")
        .title("Add a document")
        .describe(
            "Adds a document and returns its id. When this returns, the document is safely on \
             disk and can be found. Calling it twice adds two documents; use update_document to \
             change one.",
        )
        .annotations(Annotations::writes(false))
        .on_worker()
}

pub(super) fn add(
    dataset: &Dataset,
    input: AddDocument,
    call: &Call<'_>,
) -> Answer<DocumentSummary> {
    let AddDocument { title, text, mime_type, source } = input;
    // Like all writes, it waits for the disk, and for others who write; reads do not.
    let added = call.waiting(|| dataset.add(NewDocument { title, text, mime_type, source }))?;
    call.notifier().resources_changed();
    Ok(Json(shown(added)))
}

/// Arguments of `update_document`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateDocument {
    /// The document's id, or its doc:// uri.
    id: String,
    /// The new title; unchanged if left out.
    #[serde(default)]
    title: Option<String>,
    /// The new text, all of it; unchanged if left out.
    #[serde(default)]
    text: Option<String>,
    /// The new MIME type; unchanged if left out.
    #[serde(default)]
    mime_type: Option<String>,
}

pub(super) fn about_update() -> About {
    about("update_document")
        .title("Change a document")
        .describe(
            "Changes the title, the text or the MIME type of a document; what is left out stays \
             as it is. The text is replaced as a whole: read it with get_document first, to its \
             end, if you want to change a part.",
        )
        .annotations(Annotations { idempotent_hint: Some(true), ..Annotations::writes(true) })
        .on_worker()
}

pub(super) fn update(
    dataset: &Dataset,
    input: UpdateDocument,
    call: &Call<'_>,
) -> Answer<DocumentSummary> {
    let UpdateDocument { id, title, text, mime_type } = input;
    let renamed = title.is_some();
    let changes = Changes { title, text, mime_type };
    let updated = shown(call.waiting(|| dataset.update(&id, changes))?);
    call.notifier().resource_updated(&updated.uri);
    if renamed {
        call.notifier().resources_changed();
    }
    Ok(Json(updated))
}

/// Arguments of `delete_document`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteDocument {
    /// The document's id, or its doc:// uri.
    id: String,
}

/// Result of `delete_document`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deleted {
    /// The document that is no longer there.
    deleted: DocumentSummary,
}

pub(super) fn about_delete() -> About {
    about("delete_document")
        .title("Delete a document")
        .describe(
            "Deletes a document for good and returns what it was, without its text. There is no \
             undo: ask the user before you delete what you did not add yourself.",
        )
        .annotations(Annotations::writes(true))
        .on_worker()
}

pub(super) fn delete(dataset: &Dataset, input: DeleteDocument, call: &Call<'_>) -> Answer<Deleted> {
    let deleted = shown(call.waiting(|| dataset.delete(&input.id))?);
    call.notifier().resource_updated(&deleted.uri);
    call.notifier().resources_changed();
    Ok(Json(Deleted { deleted }))
}

fn default_limit() -> usize {
    PAGE_DEFAULT
}

fn default_chars() -> u64 {
    GET_CHARS_DEFAULT
}
