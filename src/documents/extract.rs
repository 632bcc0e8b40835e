//! Bytes of a file to title and text, by the ending of its name and what is in it.
//!
//! PDF is left out. pdf-extract 0.12, the one crate that reads most of them, panics on many files
//! (jrmuizel/pdf-extract issues 89, 104, 133, all open), which could be caught, but also overflows
//! the stack (128, open), which cannot: it would end the daemon. It prints to stdout, too, which
//! belongs to the protocol there. A child process for each PDF would do, if one is wanted.

use super::html;
use super::limits::{MINIFIED_LINE_BYTES, TEXT_BYTES_MAX, TITLE_CHARS_MAX};
use super::progress::SkipReason;
use std::path::Path;

/// What a file has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extracted {
    pub title: String,
    pub text: String,
    pub mime_type: &'static str,
}

/// What to do with a file, known from its name alone.
pub(super) fn skip_by_name(path: &Path) -> Option<SkipReason> {
    match extension(path).as_str() {
        "pdf" => Some(SkipReason::Pdf),
        "db" | "db3" | "sqlite" | "sqlite3" => Some(SkipReason::Database),
        // SQLite's helpers: `x.db-wal` and so on.
        ending if ending.ends_with("-wal") || ending.ends_with("-shm") => {
            Some(SkipReason::Database)
        }
        _ => None,
    }
}

/// Reads a file's bytes. `label` is its title, if it has none of its own.
pub(super) fn extract(path: &Path, label: &str, bytes: Vec<u8>) -> Result<Extracted, SkipReason> {
    if bytes.starts_with(b"%PDF-") {
        return Err(SkipReason::Pdf);
    }
    let text = decode(bytes)?;
    let mime_type = mime_type(&extension(path));
    let (title, text, mime_type) = match mime_type {
        "text/html" => {
            let page = html::read(&text);
            // What is stored is no longer HTML.
            (page.title, page.text, "text/plain")
        }
        "text/markdown" => (markdown_title(&text), text, mime_type),
        _ => (None, text, mime_type),
    };
    if text.trim().is_empty() {
        return Err(SkipReason::Empty);
    }
    if is_minified(&text, mime_type) {
        return Err(SkipReason::Minified);
    }
    // UTF-16 grows by half when it becomes UTF-8.
    if text.len() > TEXT_BYTES_MAX {
        return Err(SkipReason::TooLarge(text.len() as u64));
    }
    let title = title.as_deref().unwrap_or(label);
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = match title.is_empty() {
        true => "untitled".to_owned(),
        false => title.chars().take(TITLE_CHARS_MAX).collect(),
    };
    Ok(Extracted { title, text, mime_type })
}

/// Whether a tool wrote this for a browser: lines so long on average that nobody reads them. Search
/// indexes of documentation are such files, and would be found for every word.
fn is_minified(text: &str, mime_type: &str) -> bool {
    let may_be = matches!(mime_type, "text/javascript" | "text/css" | "text/x-typescript");
    may_be && text.len() / text.lines().count().max(1) > MINIFIED_LINE_BYTES
}

/// UTF-8, with or without a byte order mark; UTF-16 with one. NUL means binary.
fn decode(bytes: Vec<u8>) -> Result<String, SkipReason> {
    let wide = |pair: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|unit| pair([unit[0], unit[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| SkipReason::NotUtf8)
    };
    let text = match bytes.get(..2) {
        Some([0xff, 0xfe]) => wide(u16::from_le_bytes)?,
        Some([0xfe, 0xff]) => wide(u16::from_be_bytes)?,
        _ if bytes.contains(&0) => return Err(SkipReason::Binary),
        _ => String::from_utf8(bytes).map_err(|_| SkipReason::NotUtf8)?,
    };
    match text.contains('\0') {
        true => Err(SkipReason::Binary),
        false => Ok(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
    }
}

/// The first heading of level one, outside of code; else `title:` in the front matter.
fn markdown_title(text: &str) -> Option<String> {
    let mut in_code = false;
    let mut front_matter = text.starts_with("---\n");
    let mut named = None;
    for (index, line) in text.lines().enumerate() {
        if front_matter && index > 0 {
            front_matter = line != "---";
            if let Some(title) = line.strip_prefix("title:") {
                named = Some(title.trim().trim_matches(['"', '\'']).to_owned());
            }
            continue;
        }
        if line.starts_with("```") || line.starts_with("~~~") {
            in_code = !in_code;
        }
        if let (Some(heading), false) = (line.strip_prefix("# "), in_code) {
            return Some(heading.trim_end_matches(['#', ' ']).to_owned());
        }
    }
    named
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

fn mime_type(extension: &str) -> &'static str {
    match extension {
        "md" | "markdown" | "mdx" | "mdown" => "text/markdown",
        "html" | "htm" | "xhtml" => "text/html",
        "json" | "ipynb" | "geojson" | "webmanifest" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "xml" | "xsd" | "xsl" | "rss" | "atom" => "application/xml",
        "svg" => "image/svg+xml",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "css" => "text/css",
        "js" | "mjs" | "cjs" | "jsx" => "text/javascript",
        "ts" | "mts" | "cts" | "tsx" => "text/x-typescript",
        "rs" => "text/x-rust",
        "py" | "pyi" => "text/x-python",
        "go" => "text/x-go",
        "java" => "text/x-java",
        "c" | "h" => "text/x-c",
        "cc" | "cpp" | "cxx" | "hpp" | "hh" => "text/x-c++",
        "sh" | "bash" | "zsh" => "text/x-shellscript",
        "sql" => "application/sql",
        "rst" => "text/x-rst",
        "tex" => "text/x-tex",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests;
