//! Traces: which span of whom a request belongs to (W3C Trace Context).

/// The span of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) parent: TraceParent,
    /// `tracestate`: what others on the way have to say of it, passed on as it is.
    #[cfg(feature = "otlp")]
    pub(crate) state: String,
}

impl Caller {
    /// Reads `traceparent`, and the members of `tracestate`, which may stand on several lines.
    pub(crate) fn read<'s>(
        parent: Option<&str>,
        state: impl Iterator<Item = &'s str>,
    ) -> Option<Caller> {
        let parent = TraceParent::read(parent?)?;
        #[cfg(not(feature = "otlp"))]
        drop(state);
        Some(Caller {
            parent,
            #[cfg(feature = "otlp")]
            state: joined(state),
        })
    }
}

/// What is longer than everybody has to pass on (§3.3.1.5) is left out.
#[cfg(feature = "otlp")]
fn joined<'s>(lines: impl Iterator<Item = &'s str>) -> String {
    let mut state = String::new();
    for line in lines {
        if state.len() + line.len() >= crate::limits::TRACE_STATE_BYTES_MAX {
            return String::new();
        }
        state.push_str(if state.is_empty() { "" } else { "," });
        state.push_str(line);
    }
    state
}

/// The `traceparent` of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
    pub(crate) flags: u8,
}

impl TraceParent {
    /// Reads `00-TRACE-SPAN-FLAGS` (W3C Trace Context §3.2); a later version may have more behind.
    pub(crate) fn read(text: &str) -> Option<TraceParent> {
        let mut parts = text.split('-');
        let version = hex::<1>(parts.next()?)?;
        let parent = TraceParent {
            trace: hex(parts.next()?)?,
            span: hex(parts.next()?)?,
            flags: hex::<1>(parts.next()?)?[0],
        };
        let is_whole = version != [0xff] && (version != [0] || parts.next().is_none());
        (is_whole && parent.trace != [0; 16] && parent.span != [0; 8]).then_some(parent)
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_recommendation_says() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = TraceParent::read(good).expect("it is one");
        assert_eq!(to_hex(&parent.trace), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((to_hex(&parent.span), parent.flags), ("b7ad6b7169203331".into(), 1));
        assert!(TraceParent::read(&good.replacen("00", "cc", 1)).is_some());
        assert!(TraceParent::read(&format!("{}-more", good.replacen("00", "cc", 1))).is_some());
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::read(bad), None, "{bad}");
        }
    }
}
