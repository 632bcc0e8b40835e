//! Lines of standard input, each of them bounded.

use std::io::{self, BufRead};

use serde_json::Value;

/// How much of a line that is too long is looked at for its id, at both ends.
const ENDS: usize = 1024;

/// What was read.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A line without its end; not a blank one.
    Text(Vec<u8>),
    /// One that is longer than it may be, and the id of the request in it if it is easily seen.
    TooLong(Option<Value>),
    End,
}

/// Reads the next line that is not blank.
pub(super) fn next(input: &mut impl BufRead, bytes_max: usize) -> io::Result<Line> {
    loop {
        let mut line = Vec::new();
        let mut tail = Vec::new();
        let ended = read_line(input, bytes_max, &mut line, &mut tail)?;
        if line.len() > bytes_max {
            return Ok(Line::TooLong(id_at_an_end(&line[..ENDS.min(line.len())], &tail)));
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Line::Text(line));
        }
        if ended {
            return Ok(Line::End);
        }
    }
}

/// Reads up to the end of a line; keeps one byte more than allowed, and the last of what follows.
/// Says whether the input has ended.
fn read_line(
    input: &mut impl BufRead,
    bytes_max: usize,
    line: &mut Vec<u8>,
    tail: &mut Vec<u8>,
) -> io::Result<bool> {
    loop {
        let bytes = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            return Ok(true);
        }
        let end = memchr::memchr(b'\n', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        let room = (bytes_max + 1).saturating_sub(line.len());
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        if line.len() > bytes_max {
            tail.extend_from_slice(piece);
            tail.drain(..tail.len().saturating_sub(ENDS));
        }
        let used = piece.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(false);
        }
    }
}

/// The id, where the usual clients write it: right at the begin or right at the end of the
/// outermost object. Anywhere else it might be another object's.
fn id_at_an_end(head: &[u8], tail: &[u8]) -> Option<Value> {
    let head = String::from_utf8_lossy(head);
    let tail = String::from_utf8_lossy(tail);
    let compact: String = head.chars().filter(|c| *c != ' ').collect();
    if let Some(rest) = compact.strip_prefix(r#"{"jsonrpc":"2.0","id":"#) {
        return id(&rest[..rest.find(',')?]);
    }
    let tail = tail.trim_end().strip_suffix('}')?;
    let at = tail.rfind(r#","id":"#)?;
    id(tail[at + 6..].trim())
}

fn id(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|id: &Value| id.is_string() || id.is_number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(text: &str, bytes_max: usize, buffer: usize) -> Vec<Line> {
        let mut input = BufReader::with_capacity(buffer, text.as_bytes());
        let mut lines = Vec::new();
        loop {
            lines.push(next(&mut input, bytes_max).expect("text"));
            if lines.last() == Some(&Line::End) {
                return lines;
            }
        }
    }

    #[test]
    fn lines_are_bounded() {
        let text = |text: &str| Line::Text(text.as_bytes().to_vec());
        for buffer in [1, 3, 100] {
            assert_eq!(lines("", 9, buffer), [Line::End]);
            assert_eq!(lines("\n \r\n\t\n", 9, buffer), [Line::End]);
            assert_eq!(lines("a\n\nb", 9, buffer), [text("a"), text("b"), Line::End]);
            assert_eq!(
                lines("123456789\n1234567890\n12", 9, buffer),
                [text("123456789"), Line::TooLong(None), text("12"), Line::End]
            );
        }
    }

    #[test]
    fn ids_of_long_lines() {
        let x = "x".repeat(5000);
        for (line, expected) in [
            (format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{x}"}}"#), Some(Value::from(7))),
            (format!(r#"{{"jsonrpc": "2.0", "id": "a-7", "method":"{x}"}}"#), Some("a-7".into())),
            (format!(r#"{{"method":"{x}","jsonrpc":"2.0","id":7}}"#), Some(7.into())),
            (format!(r#"{{"method":"{x}","id":"a" }}"#), Some("a".into())),
            (format!(r#"{{"params":{{"text":"{x}","id":7}}}}"#), None),
            (format!(r#"{{"params":"{x}","id":null}}"#), None),
            (format!(r#"{{"jsonrpc":"2.0","method":"{x}","params":{{}}}}"#), None),
            (x.clone(), None),
        ] {
            assert_eq!(lines(&line, 100, 64), [Line::TooLong(expected), Line::End], "{line}");
        }
    }
}
