//! Pages of lists: entries of the catalog are copied, a provider writes its own.

use super::cursor::Cursor;
use super::plan::ListFrom;
use crate::app::call::Link;
use crate::app::catalog::Listing;
use crate::app::{Catalog, Failure, Handler, ResourcePage};
use crate::json;
use crate::protocol::Era;
use crate::store::Seal;

/// Appends a page of the catalog's entries as the member `key`, and the next cursor.
pub(super) fn write_page(
    key: &str,
    entries: &[Listing],
    from: usize,
    page_size: usize,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) {
    let era = link.version.era();
    let to = entries.len().min(from + page_size);
    begin(key, out);
    write_entries(&entries[from..to], era, out);
    let next = (to < entries.len()).then_some(Cursor::Catalog(to));
    end(key, next, &link.hub.seal, out);
}

/// Appends a page of resources: the catalog's first, then the provider's.
pub(super) fn write_resources<H: Handler>(
    handler: &H,
    from: &ListFrom,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let era = link.version.era();
    let catalog = handler.catalog();
    begin("resources", out);
    let next = match from {
        ListFrom::Provider(own) => provider_page(handler, own.as_deref(), 0, catalog, out)?,
        ListFrom::Catalog(from) => {
            let entries = &catalog.resource_list;
            let to = entries.len().min(from + catalog.page_size);
            write_entries(&entries[*from..to], era, out);
            if to < entries.len() {
                Some(Cursor::Catalog(to))
            } else if catalog.provider.is_some() {
                provider_page(handler, None, to - from, catalog, out)?
            } else {
                None
            }
        }
    };
    end("resources", next, &link.hub.seal, out);
    Ok(())
}

fn provider_page<H: Handler>(
    handler: &H,
    cursor: Option<&str>,
    written: usize,
    catalog: &Catalog,
    out: &mut Vec<u8>,
) -> Result<Option<Cursor>, Failure> {
    let room = catalog.page_size - written;
    if room == 0 {
        return Ok(Some(Cursor::Provider(None)));
    }
    let mut page = ResourcePage::new(out, room, written);
    handler.list_resources(cursor, &mut page)?;
    Ok(page.next_cursor().map(|own| Cursor::Provider(Some(own))))
}

fn begin(key: &str, out: &mut Vec<u8>) {
    json::write_string(out, key);
    out.extend_from_slice(b":[");
}

fn write_entries(entries: &[Listing], era: Era, out: &mut Vec<u8>) {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let text = match era {
            Era::Modern => &entry.modern,
            Era::Legacy => &entry.legacy,
        };
        out.extend_from_slice(text.as_bytes());
    }
}

fn end(list: &str, next: Option<Cursor>, seal: &Seal, out: &mut Vec<u8>) {
    out.push(b']');
    write_cursor(list, next, seal, out);
}

/// Appends the member `nextCursor`, when there is a next page.
pub(super) fn write_cursor(list: &str, next: Option<Cursor>, seal: &Seal, out: &mut Vec<u8>) {
    if let Some(next) = next.and_then(|next| next.write(list, seal)) {
        out.extend_from_slice(br#","nextCursor":"#);
        json::write_string(out, &next);
    }
}
