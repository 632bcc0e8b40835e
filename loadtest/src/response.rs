//! Where an HTTP response ends, and the little of it the generator looks at.
//!
//! Knows Content-Length and chunked bodies (with or without an event stream in
//! them). A body that ends with the connection is an error here: a connection
//! that cannot be kept is not what is measured.

pub struct Response<'b> {
    pub status: u16,
    /// Head and body together.
    pub len: usize,
    pub close: bool,
    pub session: Option<&'b str>,
}

#[derive(Debug, PartialEq)]
pub enum Sin {
    BadHead,
    BadChunk,
    NoFraming,
}

/// `Ok(None)` means that more bytes are needed.
pub fn parse(bytes: &[u8]) -> Result<Option<Response<'_>>, Sin> {
    let Some((status_line, mut at)) = line(bytes, 0) else {
        return Ok(None);
    };
    let status = status(status_line)?;
    let mut length = match status {
        204 | 304 => Some(0),
        _ => None,
    };
    let (mut chunked, mut close, mut session) = (false, false, None);
    loop {
        let Some((header, next)) = line(bytes, at) else {
            return Ok(None);
        };
        at = next;
        if header.is_empty() {
            break;
        }
        // The length of the name decides, since most headers are not ours.
        match header.iter().position(|&byte| byte == b':') {
            Some(14) => {
                session = value(header, "mcp-session-id").or(session);
                if let Some(value) = value(header, "content-length") {
                    length = Some(value.parse().map_err(|_| Sin::BadHead)?);
                }
            }
            Some(17) => chunked |= value(header, "transfer-encoding") == Some("chunked"),
            Some(10) => close |= value(header, "connection") == Some("close"),
            Some(_) => {}
            None => return Err(Sin::BadHead),
        }
    }
    let end = match (chunked, length) {
        (true, _) => chunks_end(bytes, at)?,
        (false, Some(length)) => Some(at + length),
        // "Accepted", with nothing to say.
        (false, None) if status == 202 => Some(at),
        (false, None) => return Err(Sin::NoFraming),
    };
    Ok(end.filter(|end| *end <= bytes.len()).map(|len| Response { status, len, close, session }))
}

fn status(line: &[u8]) -> Result<u16, Sin> {
    match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', a, b, c, ..]
            if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) =>
        {
            Ok([a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(*digit - b'0')))
        }
        _ => Err(Sin::BadHead),
    }
}

fn value<'b>(header: &'b [u8], name: &str) -> Option<&'b str> {
    let (found, value) = header.split_at_checked(name.len())?;
    match found.eq_ignore_ascii_case(name.as_bytes()) {
        true => std::str::from_utf8(value.strip_prefix(b":")?).ok().map(str::trim),
        false => None,
    }
}

/// The line that starts at `start`, without its end, and where the next starts.
pub fn line(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(start..)?;
    let len = rest.iter().position(|&byte| byte == b'\n')?;
    let line = &rest[..len];
    Some((line.strip_suffix(b"\r").unwrap_or(line), start + len + 1))
}

/// The end of a chunked body that starts at `at`; trailers are skipped.
fn chunks_end(bytes: &[u8], mut at: usize) -> Result<Option<usize>, Sin> {
    loop {
        let Some((size, next)) = line(bytes, at) else {
            return Ok(None);
        };
        let digits = size.split(|&byte| byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| Sin::BadChunk)?;
        let size = usize::from_str_radix(digits.trim(), 16).map_err(|_| Sin::BadChunk)?;
        at = next;
        if size == 0 {
            break;
        }
        at = at.checked_add(size + 2).ok_or(Sin::BadChunk)?;
        if at > bytes.len() {
            return Ok(None);
        }
    }
    loop {
        match line(bytes, at) {
            None => return Ok(None),
            Some((b"", next)) => return Ok(Some(next)),
            Some((_, next)) => at = next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The response is whole at its end and at no byte before it.
    fn check(text: &str, status: u16) {
        let bytes = text.as_bytes();
        for len in 0..bytes.len() {
            assert!(parse(&bytes[..len]).unwrap().is_none(), "{len} of {text}");
        }
        let followed = [bytes, b"HTTP/1.1 500"].concat();
        let response = parse(&followed).unwrap().unwrap();
        assert_eq!((response.status, response.len), (status, bytes.len()));
    }

    #[test]
    fn ends_are_found() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200);
        check("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", 202);
        check("HTTP/1.1 202 Accepted\r\nDate: x\r\n\r\n", 202);
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             6\r\ndata: \r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
            200,
        );
    }

    #[test]
    fn sins_are_named() {
        let parse = |text: &'static str| parse(text.as_bytes()).err();
        assert_eq!(parse("SSH-2.0\r\n"), Some(Sin::BadHead));
        assert_eq!(parse("HTTP/1.1 200 OK\r\n\r\n"), Some(Sin::NoFraming));
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
        assert_eq!(parse(chunk), Some(Sin::BadChunk));
    }

    #[test]
    fn the_session_is_seen() {
        let bytes = b"HTTP/1.1 200 OK\r\nMCP-Session-Id: abc\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(parse(bytes).unwrap().unwrap().session, Some("abc"));
    }
}
