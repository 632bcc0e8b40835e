//! Pages of lists: entries of the catalog are copied, a provider writes its own.

use super::cursor::Cursor;
use crate::app::call::Link;
use crate::app::catalog::Listing;
use crate::app::page::Page;
use crate::app::{Catalog, Failure, Handler, Placement};
use crate::json;
use crate::protocol::Era;
use crate::store::Seal;

/// What an application lists: the catalog's entries first, then the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Tools,
    Prompts,
    Resources,
    ResourceTemplates,
}

impl List {
    /// The member of the result that holds the entries; cursors are sealed for it.
    pub(super) fn key(self) -> &'static str {
        match self {
            List::Tools => "tools",
            List::Prompts => "prompts",
            List::Resources => "resources",
            List::ResourceTemplates => "resourceTemplates",
        }
    }

    /// What the catalog has.
    pub(super) fn entries(self, catalog: &Catalog) -> &[Listing] {
        match self {
            List::Tools => &catalog.tool_list,
            List::Prompts => &catalog.prompt_list,
            List::Resources => &catalog.resource_list,
            List::ResourceTemplates => &catalog.template_list,
        }
    }

    /// Whether an entry of the catalog is to be seen.
    fn shows(self, catalog: &Catalog, index: usize) -> bool {
        self != List::Tools || !catalog.tools[index].off.is_off()
    }

    /// Where a provider lists more, if there is one.
    pub(super) fn provider(self, catalog: &Catalog) -> Option<Placement> {
        match self {
            List::Tools => catalog.provided.tools,
            List::Prompts => catalog.provided.prompts,
            List::Resources => catalog.provided.resources,
            List::ResourceTemplates => None,
        }
    }
}

/// Appends a page, and the next cursor.
pub(super) fn write<H: Handler>(
    list: List,
    from: &Cursor,
    handler: &H,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let era = link.version.era();
    let catalog = handler.catalog();
    json::write_string(out, list.key());
    out.extend_from_slice(b":[");
    let next = match from {
        Cursor::Provider(own) => write_provided(list, own.as_deref(), 0, handler, era, out)?,
        Cursor::Catalog(from) => {
            let entries = list.entries(catalog);
            let to = entries.len().min(from + catalog.page_size);
            let shown = (*from..to).filter(|index| list.shows(catalog, *index));
            let written = write_entries(shown.map(|index| &entries[index]), era, out);
            match list.provider(catalog) {
                _ if to < entries.len() => Some(Cursor::Catalog(to)),
                Some(_) => write_provided(list, None, written, handler, era, out)?,
                None => None,
            }
        }
    };
    out.push(b']');
    write_cursor(list.key(), next, &link.hub.seal, out);
    Ok(())
}

/// Lets the provider fill the page, which has `written` entries already; says where the next one
/// begins.
fn write_provided<H: Handler>(
    list: List,
    cursor: Option<&str>,
    written: usize,
    handler: &H,
    era: Era,
    out: &mut Vec<u8>,
) -> Result<Option<Cursor>, Failure> {
    let catalog = handler.catalog();
    if written == catalog.page_size {
        return Ok(Some(Cursor::Provider(None)));
    }
    let objects_only = era == Era::Legacy;
    let own = match list {
        List::Tools => fill(Page::new(out, catalog, objects_only, written), |page| {
            handler.list_tools(cursor, page)
        }),
        List::Prompts => fill(Page::new(out, catalog, objects_only, written), |page| {
            handler.list_prompts(cursor, page)
        }),
        List::Resources => fill(Page::new(out, catalog, objects_only, written), |page| {
            handler.list_resources(cursor, page)
        }),
        List::ResourceTemplates => Ok(None),
    };
    Ok(own?.map(|own| Cursor::Provider(Some(own))))
}

fn fill<E>(
    mut page: Page<'_, E>,
    list: impl FnOnce(&mut Page<'_, E>) -> Result<(), Failure>,
) -> Result<Option<String>, Failure> {
    list(&mut page)?;
    Ok(page.next_cursor())
}

/// Says how many there were.
fn write_entries<'e>(
    entries: impl Iterator<Item = &'e Listing>,
    era: Era,
    out: &mut Vec<u8>,
) -> usize {
    let mut written = 0;
    for entry in entries {
        if written > 0 {
            out.push(b',');
        }
        written += 1;
        let text = match era {
            Era::Modern => &entry.modern,
            Era::Legacy => &entry.legacy,
        };
        out.extend_from_slice(text.as_bytes());
    }
    written
}

/// Appends the member `nextCursor`, when there is a next page.
pub(super) fn write_cursor(list: &str, next: Option<Cursor>, seal: &Seal, out: &mut Vec<u8>) {
    if let Some(next) = next.and_then(|next| next.write(list, seal)) {
        out.extend_from_slice(br#","nextCursor":"#);
        json::write_string(out, &next);
    }
}
