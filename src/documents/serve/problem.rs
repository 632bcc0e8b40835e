//! What a client is told about an error, and what it is shown of a document's source.

use std::fmt;

use crate::Failure;
use crate::documents::{DocumentSummary, Error};

/// An error of the dataset, as a client sees it. What is wrong with a request, or will pass, is
/// told in full; what is wrong with the dataset is for the log, since it may name files.
pub(super) struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        if !error.is_callers_fault() {
            tracing::error!(%error, "the dataset failed");
        }
        Problem(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_callers_fault() || self.0.is_transient() {
            return self.0.fmt(f);
        }
        f.write_str(
            "the dataset cannot do this now; this is not your fault, and trying again will not \
             help: tell the user that the server's log says why",
        )
    }
}

impl Problem {
    /// As the failure of a request that is no tool call.
    pub(super) fn into_failure(self) -> Failure {
        match &self.0 {
            Error::NotFound(_) => Failure::ResourceNotFound,
            error if error.is_callers_fault() => Failure::InvalidParams(self.to_string()),
            _ => Failure::Internal(self.to_string()),
        }
    }
}

/// The summary without the folders of the machine the document was imported on: the path below
/// the folder that was named to the import is enough to tell documents apart.
pub(super) fn shown(mut summary: DocumentSummary) -> DocumentSummary {
    summary.source = summary.source.map(|source| shown_source(&summary.id, source));
    summary
}

/// Only imported files have ids that begin with `f`; another document's source is what a client
/// wrote there, and stays as it was written.
fn shown_source(id: &str, source: String) -> String {
    if !id.starts_with('f') {
        return source;
    }
    match source.rsplit_once(crate::documents::ROOT_MARK) {
        Some((_, below)) => below.to_owned(),
        None => source.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
    }
}
