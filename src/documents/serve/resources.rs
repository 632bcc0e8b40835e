//! Documents as resources: `doc://` and the id.

use super::problem::{Problem, shown};
use crate::app::Placement;
use crate::documents::{Dataset, DocumentSummary, Error, id};
use crate::{
    Call, Catalog, Failure, ResourceContents, ResourceEntry, ResourcePage, ResourceProvider,
    ResourceReply, about,
};

/// The URI template, as it is listed.
pub(super) const TEMPLATE: &str = "doc://{id}";

/// All documents of the dataset.
pub(super) struct Documents;

impl ResourceProvider<Dataset> for Documents {
    fn describe(&self, catalog: &mut Catalog) {
        // On workers: the whole text of a document may be megabytes.
        catalog.add_resource_provider(Placement::Worker);
        let template = about(TEMPLATE).named("document").title("A document of the dataset");
        catalog.list_template(&template.describe(
            "The whole text of a document by its id, as search_documents and list_documents \
             give it.",
        ));
    }

    fn list(
        &self,
        dataset: &Dataset,
        cursor: Option<&str>,
        page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure> {
        let mut next = cursor.map(str::to_owned);
        while page.room() > 0 {
            let listed = dataset.list(page.room(), next.as_deref()).map_err(failure)?;
            for document in listed.documents {
                page.entry(&entry(shown(document)));
            }
            next = listed.next_cursor;
            if next.is_none() {
                return Ok(());
            }
        }
        next.into_iter().for_each(|next| page.continues(next));
        Ok(())
    }

    fn read(
        &self,
        dataset: &Dataset,
        uri: &str,
        _call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        if !uri.starts_with(id::URI_PREFIX) {
            return Err(Failure::ResourceNotFound);
        }
        let document = dataset.get(uri).map_err(failure)?;
        let contents = ResourceContents::text(document.summary.uri, document.text);
        reply.contents(&[contents.mime(document.summary.mime_type)])
    }
}

fn entry(document: DocumentSummary) -> ResourceEntry {
    ResourceEntry {
        name: document.source.unwrap_or_else(|| document.title.clone()),
        uri: document.uri,
        title: Some(document.title),
        description: None,
        mime_type: Some(document.mime_type),
        size: Some(document.bytes),
        ..ResourceEntry::default()
    }
}

fn failure(error: Error) -> Failure {
    Problem::from(error).into_failure()
}
