//! Pages of lists: entries of the catalog are copied, a provider writes its own.

mod filtered;

use super::cursor::Cursor;
use crate::app::call::Link;
use crate::app::catalog::Listing;
use crate::app::page::{Page, Places};
use crate::app::{Action, Catalog, Failure, Handler, Placement};
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

    /// The method that uses what is listed.
    fn used_by(self) -> &'static str {
        match self {
            List::Tools => "tools/call",
            List::Prompts => "prompts/get",
            List::Resources | List::ResourceTemplates => "resources/read",
        }
    }

    /// The use of an entry.
    fn use_of(self, name: &str) -> Action<'_> {
        match self {
            List::Tools => Action::Tool(name),
            List::Prompts => Action::Prompt(name),
            List::Resources | List::ResourceTemplates => Action::Resource(name),
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
        _ if link.filters => filtered::write(list, from, handler, link, out)?,
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
    let (own, _) = provide(list, cursor, written, false, handler, era, out)?;
    Ok(own.map(|own| Cursor::Provider(Some(own))))
}

/// Lets the provider write entries behind `written` others; says what it goes on with, and with
/// `places` where which entry is.
fn provide<H: Handler>(
    list: List,
    cursor: Option<&str>,
    written: usize,
    places: bool,
    handler: &H,
    era: Era,
    out: &mut Vec<u8>,
) -> Result<(Option<String>, Places), Failure> {
    let (catalog, objects_only) = (handler.catalog(), era == Era::Legacy);
    match list {
        List::Tools => fill(Page::new(out, catalog, objects_only, written), places, |page| {
            handler.list_tools(cursor, page)
        }),
        List::Prompts => fill(Page::new(out, catalog, objects_only, written), places, |page| {
            handler.list_prompts(cursor, page)
        }),
        List::Resources => fill(Page::new(out, catalog, objects_only, written), places, |page| {
            handler.list_resources(cursor, page)
        }),
        List::ResourceTemplates => Ok((None, Vec::new())),
    }
}

fn fill<E>(
    page: Page<'_, E>,
    places: bool,
    list: impl FnOnce(&mut Page<'_, E>) -> Result<(), Failure>,
) -> Result<(Option<String>, Places), Failure> {
    let mut page = if places { page.with_places() } else { page };
    list(&mut page)?;
    Ok(page.finish())
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
        out.extend_from_slice(entry.text(era).as_bytes());
        written += 1;
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
