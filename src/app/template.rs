//! URI templates (RFC 6570), matched backwards: from a URI to the variables that make it.
//!
//! Two expressions are understood, and anything else is refused when the server is built:
//! `{name}` stands for one or more characters without `/`, percent-decoded; `{+name}` for one or
//! more characters of any kind, as they are.

use std::collections::HashSet;
use std::fmt;

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable { name: String, reserved: bool },
}

/// The variables of a matched URI, in the order of the template.
pub(crate) type Variables = Vec<(String, String)>;

impl Template {
    pub(crate) fn new(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}').map(|at| open + at) else {
                return Err(format!("`{text}`: a `{{` without its `}}`"));
            };
            if open > 0 {
                parts.push(Part::Literal(rest[..open].to_owned()));
            }
            let expression = &rest[open + 1..close];
            let (name, reserved) = match expression.strip_prefix('+') {
                Some(name) => (name, true),
                None => (expression, false),
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!(
                    "`{text}`: `{{{expression}}}` is not understood; \
                     write `{{name}}` or `{{+name}}`"
                ));
            }
            if let Some(Part::Variable { .. }) = parts.last() {
                return Err(format!("`{text}`: two variables need text between them"));
            }
            parts.push(Part::Variable { name: name.to_owned(), reserved });
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Template { parts })
    }

    /// The variables with which the template makes `uri`, if it does.
    pub(crate) fn matches(&self, uri: &str) -> Option<Variables> {
        let mut variables = Variables::new();
        let mut rest = uri;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Variable { name, reserved } => {
                    // A variable ends where the text after it begins: the first place for `{name}`,
                    // which cannot hold it, the last place for `{+name}`, which can.
                    let end = match (parts.peek(), reserved) {
                        (Some(Part::Literal(text)), true) => rest.rfind(text.as_str())?,
                        (Some(Part::Literal(text)), false) => rest.find(text.as_str())?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    if value.is_empty() || (!reserved && value.contains('/')) {
                        return None;
                    }
                    let value = if *reserved { value.to_owned() } else { percent_decoded(value)? };
                    variables.push((name.clone(), value));
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(variables)
    }

    /// Whether there can be a URI that both match.
    pub(crate) fn may_meet(&self, other: &Template) -> bool {
        let (own, others) = (self.steps(), other.steps());
        let (mut seen, mut open) = (HashSet::new(), vec![(0, 0)]);
        while let Some((at, there)) = open.pop() {
            if !seen.insert((at, there)) {
                continue;
            }
            let (one, two) = (own.get(at), others.get(there));
            if let (None, None) = (one, two) {
                return true;
            }
            if let Some(Step::More { .. }) = one {
                open.push((at + 1, there));
            }
            if let Some(Step::More { .. }) = two {
                open.push((at, there + 1));
            }
            if let (Some(one), Some(two)) = (one, two)
                && one.meets(two)
            {
                open.push((at + one.len(), there + two.len()));
            }
        }
        false
    }

    fn steps(&self) -> Vec<Step> {
        let steps = self.parts.iter().flat_map(|part| match part {
            Part::Literal(text) => text.chars().map(Step::Char).collect(),
            Part::Variable { reserved, .. } => {
                let reserved = *reserved;
                vec![Step::One { reserved }, Step::More { reserved }]
            }
        });
        steps.collect()
    }
}

/// What a character of a URI has to be.
enum Step {
    Char(char),
    /// The first of a variable.
    One {
        reserved: bool,
    },
    /// Any number of others of it.
    More {
        reserved: bool,
    },
}

impl Step {
    /// Whether one character can be both.
    fn meets(&self, other: &Step) -> bool {
        match (self, other) {
            (Step::Char(one), Step::Char(two)) => one == two,
            (Step::Char(one), Step::One { reserved } | Step::More { reserved })
            | (Step::One { reserved } | Step::More { reserved }, Step::Char(one)) => {
                *reserved || *one != '/'
            }
            _ => true,
        }
    }

    /// How far it goes with one character.
    fn len(&self) -> usize {
        usize::from(!matches!(self, Step::More { .. }))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Variable { name, reserved: true } => write!(f, "{{+{name}}}")?,
                Part::Variable { name, reserved: false } => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.get(..2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_templates_have_in_common() {
        for (one, other, expected) in [
            ("doc://{id}", "doc://{name}", true),
            ("doc://{id}", "document://{id}", false),
            ("doc://{id}", "docs://{id}", false),
            ("doc://{id}", "doc://old-{id}", true),
            ("doc://{id}", "doc:/{id}", false),
            ("doc://{id}", "doc:/{+id}", true),
            ("a-{b}-c", "a-{b}-c-{d}", true),
            ("a-{b}-c", "a-{b}/{c}", false),
            ("a-{b}-c", "{d}-c-e", false),
            ("doc://{id}", "doc://{id}/raw", false),
            ("doc://{id}/text", "doc://{id}/raw", false),
            ("doc://{id}", "{+any}", true),
            ("doc://{id}", "doc://1", true),
            ("doc://{id}", "doc://1/2", false),
            ("doc://1", "doc://1", true),
            ("a", "aa", false),
            ("", "a{b}", false),
        ] {
            let [one, other] = [one, other].map(|text| Template::new(text).unwrap());
            assert_eq!((one.may_meet(&other), other.may_meet(&one)), (expected, expected), "{one}");
        }
    }

    fn check(template: &str, uri: &str, expected: Option<&[(&str, &str)]>) {
        let template = Template::new(template).expect("a good template");
        let expected = expected.map(|pairs| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Variables>()
        });
        assert_eq!(template.matches(uri), expected, "{template} {uri}");
    }

    #[test]
    fn uris_are_matched() {
        check("note://{id}", "note://7", Some(&[("id", "7")]));
        check("note://{id}", "note://a%20b", Some(&[("id", "a b")]));
        check("note://{id}", "note://", None);
        check("note://{id}", "note://a/b", None);
        check("note://{id}", "note://%zz", None);
        check("note://{id}", "memo://7", None);
        check("t://{id}/data", "t://123/data", Some(&[("id", "123")]));
        check("t://{id}/data", "t://123/data/x", None);
        check("f:///{+path}", "f:///a/b.txt", Some(&[("path", "a/b.txt")]));
        check("f:///{+path}/x", "f:///a/x/b/x", Some(&[("path", "a/x/b")]));
        check("d://{a}/{b}", "d://1/2", Some(&[("a", "1"), ("b", "2")]));
        check("fixed://x", "fixed://x", Some(&[]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in ["a{", "a{}", "a{?q}", "a{b*}", "a{b}{c}", "a{b,c}"] {
            assert!(Template::new(bad).is_err(), "{bad}");
        }
    }
}
