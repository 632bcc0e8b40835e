//! Cursors of lists: opaque to clients, and sealed, so that none but ours comes back.

use crate::store::Seal;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// At this entry of the catalog.
    Catalog(usize),
    /// In the provider's list: at its beginning, or at a cursor of its own.
    Provider(Option<String>),
}

impl Cursor {
    /// Reads a cursor of this list; `None` for what is not one of ours.
    pub fn read(text: &str, list: &str, seal: &Seal) -> Option<Cursor> {
        let bytes = seal.open(text, list.as_bytes(), 0).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        match text.split_at_checked(1)? {
            ("c", offset) => offset.parse().ok().map(Cursor::Catalog),
            ("p", "") => Some(Cursor::Provider(None)),
            ("q", own) => Some(Cursor::Provider(Some(own.to_owned()))),
            _ => None,
        }
    }

    /// The cursor as text. `None` when the system has no random bits: then there is no next page.
    pub fn write(&self, list: &str, seal: &Seal) -> Option<String> {
        let text = match self {
            Cursor::Catalog(offset) => format!("c{offset}"),
            Cursor::Provider(None) => "p".to_owned(),
            Cursor::Provider(Some(own)) => format!("q{own}"),
        };
        seal.seal(text.as_bytes(), list.as_bytes(), u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_to_their_list() {
        let seal = Seal::new(&[1; 32]);
        for cursor in [
            Cursor::Catalog(0),
            Cursor::Catalog(500),
            Cursor::Provider(None),
            Cursor::Provider(Some("x:é".to_owned())),
            Cursor::Provider(Some(String::new())),
        ] {
            let text = cursor.write("tools", &seal).expect("the system has random bits");
            assert_eq!(Cursor::read(&text, "tools", &seal), Some(cursor));
            assert_eq!(Cursor::read(&text, "prompts", &seal), None);
            assert_eq!(Cursor::read(&text, "tools", &Seal::new(&[2; 32])), None);
        }
    }

    #[test]
    fn anything_else_is_not_a_cursor() {
        for text in ["", "c5", "!!", "YzU=", "YzU", "Y3g", "eA"] {
            assert_eq!(Cursor::read(text, "tools", &Seal::new(&[1; 32])), None, "{text}");
        }
    }
}
