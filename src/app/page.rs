//! A page of a provider's list, being written.

use std::marker::PhantomData;
use std::ops::Range;

use serde::Serialize;

use super::catalog::Catalog;
use crate::json;

/// What a page consists of: [`ResourceEntry`](super::ResourceEntry),
/// [`ToolEntry`](super::ToolEntry), [`PromptEntry`](super::PromptEntry).
pub trait Entry: Serialize + Sized {
    /// Whether the catalog has one of this name, which is then the one there is: models are not
    /// given two tools of one name.
    fn is_in(&self, catalog: &Catalog) -> bool;

    /// Its name, or its URI.
    fn key(&self) -> &str;

    /// What is wrong with it, for which clients would refuse the whole page.
    fn problem(&self) -> Option<String> {
        None
    }

    /// The entry as JSON; `objects_only` for the revisions up to 2025-11-25, whose structured
    /// content is always an object.
    ///
    /// # Errors
    /// What cannot be JSON: a map whose keys are no strings, say.
    fn write(&self, _objects_only: bool, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        json::write_serialized(out, self)
    }
}

/// A page of a list, to which a provider adds entries.
pub struct Page<'o, E> {
    out: &'o mut Vec<u8>,
    catalog: &'o Catalog,
    objects_only: bool,
    room: usize,
    written: usize,
    next: Option<String>,
    /// Where which entry is, for whoever leaves some of them out again.
    places: Option<Places>,
    entries: PhantomData<fn(&E)>,
}

/// Entries by their names, and where in a page they are.
pub(crate) type Places = Vec<(String, Range<usize>)>;

impl<'o, E> Page<'o, E> {
    /// A page that has `written` entries of the catalog's already.
    pub(crate) fn new(
        out: &'o mut Vec<u8>,
        catalog: &'o Catalog,
        objects_only: bool,
        written: usize,
    ) -> Self {
        let room = catalog.page_size - written;
        let (next, places, entries) = (None, None, PhantomData);
        Page { out, catalog, objects_only, room, written, next, places, entries }
    }

    /// The same, which remembers where its entries are.
    pub(crate) fn with_places(mut self) -> Self {
        self.places = Some(Vec::new());
        self
    }

    /// The cursor of the next page, and where the entries of this one are.
    pub(crate) fn finish(self) -> (Option<String>, Places) {
        (self.next, self.places.unwrap_or_default())
    }

    /// How many more entries the page takes.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Says that there is more, and what to ask for it with: the provider's own cursor, which
    /// comes back as it is.
    pub fn continues(&mut self, cursor: String) {
        self.next = Some(cursor);
    }
}

impl<E: Entry> Page<'_, E> {
    /// Adds an entry, unless the catalog has one of its name. One that clients could not read is
    /// left out too, and the log says why.
    pub fn entry(&mut self, entry: &E) {
        if entry.is_in(self.catalog) {
            return;
        }
        if let Some(problem) = entry.problem() {
            return tracing::warn!(problem, "an entry of a provider is not listed");
        }
        let from = self.out.len();
        if self.written > 0 {
            self.out.push(b',');
        }
        if let Err(error) = entry.write(self.objects_only, self.out) {
            self.out.truncate(from);
            return tracing::warn!(%error, "an entry of a provider is not listed");
        }
        if let Some(places) = &mut self.places {
            let from = if self.written > 0 { from + 1 } else { from };
            places.push((entry.key().to_owned(), from..self.out.len()));
        }
        self.written += 1;
        self.room = self.room.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
