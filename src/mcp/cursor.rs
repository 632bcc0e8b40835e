//! Cursors of lists: opaque to clients, checked when they come back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cursor {
    /// At this entry of the catalog.
    Catalog(usize),
    /// In the provider's list: at its beginning, or at a cursor of its own.
    Provider(Option<String>),
}

impl Cursor {
    /// Reads a cursor; `None` for what is not one of ours.
    pub(super) fn read(text: &str) -> Option<Cursor> {
        let bytes = BASE64.decode(text).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        match text.split_at_checked(1)? {
            ("c", offset) if offset.bytes().all(|byte| byte.is_ascii_digit()) => {
                offset.parse().ok().map(Cursor::Catalog)
            }
            ("p", "") => Some(Cursor::Provider(None)),
            ("q", own) => Some(Cursor::Provider(Some(own.to_owned()))),
            _ => None,
        }
    }

    pub(super) fn write(&self) -> String {
        BASE64.encode(match self {
            Cursor::Catalog(offset) => format!("c{offset}"),
            Cursor::Provider(None) => "p".to_owned(),
            Cursor::Provider(Some(own)) => format!("q{own}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        for cursor in [
            Cursor::Catalog(0),
            Cursor::Catalog(500),
            Cursor::Provider(None),
            Cursor::Provider(Some("x:é".to_owned())),
            Cursor::Provider(Some(String::new())),
        ] {
            assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        }
    }

    #[test]
    fn anything_else_is_not_a_cursor() {
        for text in ["", "c5", "!!", "YzU=", "Y3g", "eA"] {
            assert_eq!(Cursor::read(text), None, "{text}");
        }
    }
}
