//! HTML to text: what a reader would see, with a line for each block.
//!
//! On the tokens, not on a tree: html5gum follows the WHATWG rules for them, and a page is read in
//! one pass, in linear time, without recursion, however deeply or wrongly it is nested. A tree
//! (html5ever, scraper, html2text) would also lay out tables and notes for links, which an index
//! does not want.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// A page as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From `<title>`, else from the first `<h1>`.
    pub title: Option<String>,
    pub text: String,
}

/// Reads a page. Nothing in it is an error.
pub(super) fn read(html: &str) -> Page {
    let mut emitter = DefaultEmitter::default();
    // What is inside script, style, title and textarea is not markup.
    emitter.naively_switch_states(true);
    let mut page = Builder::default();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => page.open(&tag.name),
            Token::EndTag(tag) => page.close(&tag.name),
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    page.finish()
}

/// Where the text that comes next goes.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum Into {
    #[default]
    Text,
    Title,
    Heading,
    /// Inside an element nobody sees, until its end tag.
    Nowhere(Hidden),
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Hidden {
    Script,
    Style,
    Template,
}

#[derive(Default)]
struct Builder {
    title: String,
    heading: String,
    text: String,
    into: Into,
    /// Inside how many `<pre>`: white space counts there.
    preformatted: usize,
}

impl Builder {
    fn open(&mut self, name: &[u8]) {
        if let Into::Nowhere(_) = self.into {
            return;
        }
        match name {
            b"script" => self.into = Into::Nowhere(Hidden::Script),
            b"style" => self.into = Into::Nowhere(Hidden::Style),
            b"template" => self.into = Into::Nowhere(Hidden::Template),
            b"title" if self.title.is_empty() => self.into = Into::Title,
            b"h1" if self.heading.is_empty() => {
                self.break_lines(2);
                self.into = Into::Heading;
            }
            b"pre" => {
                self.preformatted += 1;
                self.break_lines(2);
            }
            b"br" => self.text.push('\n'),
            b"li" => {
                self.break_lines(1);
                self.text.push_str("- ");
            }
            b"td" | b"th" => self.text.push(' '),
            _ => self.break_lines(lines_around(name)),
        }
    }

    fn close(&mut self, name: &[u8]) {
        match (self.into, name) {
            (Into::Nowhere(Hidden::Script), b"script")
            | (Into::Nowhere(Hidden::Style), b"style")
            | (Into::Nowhere(Hidden::Template), b"template")
            | (Into::Title, b"title") => self.into = Into::Text,
            (Into::Nowhere(_), _) => {}
            (Into::Heading, b"h1") => {
                self.into = Into::Text;
                self.break_lines(2);
            }
            (_, b"pre") => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.break_lines(2);
            }
            (_, name) => self.break_lines(lines_around(name)),
        }
    }

    fn text(&mut self, text: &str) {
        match self.into {
            Into::Nowhere(_) => {}
            Into::Title => self.title.push_str(text),
            Into::Heading => {
                self.heading.push_str(text);
                push_collapsed(&mut self.text, text);
            }
            Into::Text if self.preformatted > 0 => self.text.push_str(text),
            Into::Text => push_collapsed(&mut self.text, text),
        }
    }

    /// Ends the line, and the paragraph if `lines` is 2; nothing at the start of the text.
    fn break_lines(&mut self, lines: usize) {
        if lines == 0 {
            return;
        }
        let kept = self.text.trim_end_matches([' ', '\t']).len();
        self.text.truncate(kept);
        let there = self.text.bytes().rev().take_while(|&b| b == b'\n').count();
        if there < self.text.len() {
            (there..lines).for_each(|_| self.text.push('\n'));
        }
    }

    fn finish(self) -> Page {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (title, heading) = (one_line(&self.title), one_line(&self.heading));
        let title = if title.is_empty() { heading } else { title };
        let text = self.text.trim().to_owned();
        Page { title: (!title.is_empty()).then_some(title), text }
    }
}

/// How many line breaks stand before and after an element.
fn lines_around(name: &[u8]) -> usize {
    match name {
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"blockquote" | b"ul" | b"ol"
        | b"dl" | b"table" | b"section" | b"article" | b"hr" | b"figure" => 2,
        b"div" | b"tr" | b"dt" | b"dd" | b"header" | b"footer" | b"main" | b"nav" | b"aside"
        | b"form" | b"fieldset" | b"address" | b"figcaption" | b"caption" | b"option"
        | b"summary" | b"details" | b"body" => 1,
        _ => 0,
    }
}

/// Runs of white space become one space, none at the start of a line.
fn push_collapsed(out: &mut String, text: &str) {
    let mut words = text.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let starts_apart = text.starts_with(|c: char| c.is_ascii_whitespace());
    let mut needs_space = starts_apart && !out.is_empty() && !out.ends_with([' ', '\n']);
    for word in words.by_ref() {
        if needs_space {
            out.push(' ');
        }
        out.push_str(word);
        needs_space = true;
    }
    let ends_apart = text.ends_with(|c: char| c.is_ascii_whitespace());
    if ends_apart && !out.is_empty() && !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests;
