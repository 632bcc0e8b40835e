//! Pages of what a caller may use, where not everybody may use everything.

use super::{List, provide};
use crate::app::call::Link;
use crate::app::{Action, Failure, Handler};
use crate::limits;
use crate::mcp::cursor::Cursor;

/// Appends the entries that the caller may use; says where the next page begins.
///
/// The catalog's entries that nobody sees take no room. Of a provider's page all may be hidden:
/// then the next one is looked at, up to a bound, since clients take an empty page for the end.
#[cold]
pub(super) fn write<H: Handler>(
    list: List,
    from: &Cursor,
    handler: &H,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) -> Result<Option<Cursor>, Failure> {
    let (era, catalog) = (link.version.era(), handler.catalog());
    let principal = link.principal.map(|principal| &**principal);
    let may = |action: Action<'_>| handler.authorize(principal, action).is_ok();
    if !may(Action::Method(list.used_by())) {
        return Ok(None);
    }
    let mut count = 0;
    let mut own = match from {
        Cursor::Provider(own) => own.clone(),
        Cursor::Catalog(from) => {
            for (index, entry) in list.entries(catalog).iter().enumerate().skip(*from) {
                if count == catalog.page_size {
                    return Ok(Some(Cursor::Catalog(index)));
                }
                if list.shows(catalog, index) && may(list.use_of(&entry.name)) {
                    add(entry.text(era).as_bytes(), &mut count, out);
                }
            }
            if list.provider(catalog).is_none() {
                return Ok(None);
            }
            None
        }
    };
    for _ in 0..limits::FILTERED_PAGES_MAX {
        if count == catalog.page_size {
            break;
        }
        let mut page = Vec::new();
        let (next, entries) = provide(list, own.as_deref(), count, true, handler, era, &mut page)?;
        for (name, place) in entries {
            if may(list.use_of(&name)) {
                add(&page[place], &mut count, out);
            }
        }
        let Some(next) = next else { return Ok(None) };
        own = Some(next);
        if count > 0 {
            break;
        }
    }
    Ok(Some(Cursor::Provider(own)))
}

fn add(entry: &[u8], count: &mut usize, out: &mut Vec<u8>) {
    if *count > 0 {
        out.push(b',');
    }
    out.extend_from_slice(entry);
    *count += 1;
}
