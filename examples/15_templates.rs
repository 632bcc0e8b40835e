//! Resource templates: the variables of a URI are the fields of a type.
//!
//! ```sh
//! cargo run --example 15_templates -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{Server, about};

#[derive(serde::Deserialize)]
struct Square {
    column: char,
    row: u8,
}

/// `None` is a resource that is not there; a row that is no number is not there either.
fn square(Square { column, row }: Square) -> Option<String> {
    let known = column.is_ascii_lowercase() && column <= 'h' && (1..=8).contains(&row);
    let dark = (column as u8 + row).is_multiple_of(2);
    known.then(|| format!("{column}{row} is {}.", if dark { "dark" } else { "light" }))
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .resource_template(about("chess://{column}/{row}").describe("A square."), square)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
