//! Cuts a text into passages, the unit that is indexed, ranked and shown.

use super::limits::PASSAGE_CHARS;
use std::ops::Range;

/// A part of a text. The passages of a text follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    /// Which bytes of the text.
    pub bytes: Range<usize>,
    /// Where it starts, in characters.
    pub start: u64,
    /// How long it is, in characters.
    pub chars: u64,
}

/// Cuts after a blank line, else a line, else a word, in the second half of `PASSAGE_CHARS`.
/// There is always at least one passage, so that a document without text is found by its title.
pub(super) fn split(text: &str) -> Vec<Passage> {
    let mut passages = Vec::with_capacity(text.len() / PASSAGE_CHARS + 1);
    let (mut at, mut start) = (0, 0);
    loop {
        let rest = &text[at..];
        let taken = match rest.char_indices().nth(PASSAGE_CHARS) {
            Some((window, _)) => cut(&rest[..window]),
            None => rest.len(),
        };
        let chars = rest[..taken].chars().count() as u64;
        passages.push(Passage { bytes: at..at + taken, start, chars });
        at += taken;
        start += chars;
        if at == text.len() {
            return passages;
        }
    }
}

/// Where to end a passage within `window`, in bytes.
fn cut(window: &str) -> usize {
    let half = match window.char_indices().nth(PASSAGE_CHARS / 2) {
        Some((at, _)) => at,
        None => return window.len(),
    };
    let tail = &window[half..];
    let after_blank_line = tail.rfind("\n\n").map(|at| at + 2);
    let after_line = || tail.rfind('\n').map(|at| at + 1);
    let at_space = || tail.rfind(char::is_whitespace);
    match after_blank_line.or_else(after_line).or_else(at_space) {
        Some(at) if half + at > 0 => half + at,
        _ => window.len(),
    }
}

#[cfg(test)]
mod tests;
