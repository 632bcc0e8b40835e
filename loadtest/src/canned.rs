//! The fixed answer of the servers that parse nothing, padded to a length.

/// The part of the answer the generator looks for.
const ANSWER: &str = r#"{"structuredContent":{"sum":5},"padding":""#;
const ANSWER_END: &str = "\"}";

/// A JSON body of exactly `len` bytes, or `None` if the answer needs more.
pub fn body(len: usize) -> Option<String> {
    let padding = len.checked_sub(ANSWER.len() + ANSWER_END.len())?;
    Some(format!("{ANSWER}{}{ANSWER_END}", "x".repeat(padding)))
}

/// The body that makes head and body `total` bytes, given the head's length
/// without the digits of Content-Length. `None` if there is no such body.
pub fn body_for_total(total: usize, head_without_digits: usize) -> Option<String> {
    (1..=7).find_map(|digits| {
        let len = total.checked_sub(head_without_digits + digits)?;
        match len.to_string().len() == digits {
            true => body(len),
            false => None,
        }
    })
}

/// A whole HTTP response of exactly `total` bytes.
pub fn response(total: usize) -> Option<Vec<u8>> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \r\n\r\n";
    let body = body_for_total(total, head.len())?;
    let bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    debug_assert_eq!(bytes.len(), total);
    Some(bytes.into_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_response_has_the_length_asked_for() {
        assert_eq!(super::response(110), None);
        for total in [150, 163, 164, 165, 166, 223, 1064, 1065, 1066, 9999] {
            assert_eq!(super::response(total).map(|bytes| bytes.len()), Some(total));
        }
    }
}
