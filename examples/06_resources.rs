//! Resources: a fixed one, a template, and a provider of many.
//!
//! ```sh
//! cargo run --example 06_resources -- --bind 127.0.0.1:8000
//! ```

use std::collections::BTreeMap;

use mcp_fastd::{
    Call, Failure, ResourceContents, ResourceEntry, ResourcePage, ResourceProvider, ResourceReply,
    Server, about,
};

/// Notes by number, and pages by name.
struct Library {
    notes: BTreeMap<u32, &'static str>,
    pages: BTreeMap<&'static str, &'static str>,
}

#[derive(serde::Deserialize)]
struct Note {
    number: u32,
}

impl Library {
    fn note(&self, Note { number }: Note) -> Option<String> {
        self.notes.get(&number).map(|note| (*note).to_owned())
    }
}

/// All pages, listed a page of the list at a time: their names are the cursors.
struct Pages;

impl ResourceProvider<Library> for Pages {
    fn list(
        &self,
        library: &Library,
        cursor: Option<&str>,
        page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure> {
        let after = cursor.unwrap_or_default();
        for name in library.pages.keys().filter(|name| **name > after) {
            page.entry(&ResourceEntry {
                uri: format!("page:{name}"),
                name: (*name).to_owned(),
                mime_type: Some("text/plain".to_owned()),
                ..ResourceEntry::default()
            });
            if page.room() == 0 {
                page.continues((*name).to_owned());
                break;
            }
        }
        Ok(())
    }

    fn read(
        &self,
        library: &Library,
        uri: &str,
        _call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        let page = uri.strip_prefix("page:").and_then(|name| library.pages.get(name));
        let page = page.ok_or(Failure::ResourceNotFound)?;
        reply.contents(&[ResourceContents::text(uri, *page).mime("text/plain")])
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let library = Library {
        notes: BTreeMap::from([(1, "Water the plants."), (2, "Write the readme.")]),
        pages: BTreeMap::from([("about", "Who we are."), ("contact", "Where we are.")]),
    };
    let running = Server::builder()
        .state(library)
        .resource(about("app:motto").mime("text/plain"), |_: &Library| "Read more.")
        .resource_template(about("note:{number}").named("note"), Library::note)
        .resource_provider(Pages)
        .bind(bind.as_str())
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    running.wait();
    Ok(())
}
