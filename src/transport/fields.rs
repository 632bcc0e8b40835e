//! The header fields this room reads, collected in one pass.

use crate::http::Field;

/// Values of the fields we know. They have no white space around them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'b> {
    all: &'b [Field<'b>],
    pub(crate) origin: Option<&'b [u8]>,
    pub(crate) content_type: Option<&'b [u8]>,
    /// The first `Accept`; there may be more.
    pub(crate) accept: Option<&'b [u8]>,
    pub(crate) protocol_version: Option<&'b [u8]>,
    pub(crate) mcp_method: Option<&'b [u8]>,
    pub(crate) mcp_name: Option<&'b [u8]>,
    /// The first field that may stand once and stands more often.
    pub(crate) repeated: Option<&'static str>,
}

impl<'b> Fields<'b> {
    #[inline]
    pub(crate) fn read(all: &'b [Field<'b>]) -> Fields<'b> {
        let mut fields = Fields {
            all,
            origin: None,
            content_type: None,
            accept: None,
            protocol_version: None,
            mcp_method: None,
            mcp_name: None,
            repeated: None,
        };
        for field in all {
            let (slot, known) = match field.name.len() {
                6 if is(field, b"Accept") => {
                    fields.accept = fields.accept.or(Some(field.value));
                    continue;
                }
                6 if is(field, b"Origin") => (&mut fields.origin, "Origin"),
                8 if is(field, b"Mcp-Name") => (&mut fields.mcp_name, "Mcp-Name"),
                10 if is(field, b"Mcp-Method") => (&mut fields.mcp_method, "Mcp-Method"),
                12 if is(field, b"Content-Type") => (&mut fields.content_type, "Content-Type"),
                20 if is(field, b"MCP-Protocol-Version") => {
                    (&mut fields.protocol_version, "MCP-Protocol-Version")
                }
                _ => continue,
            };
            if slot.replace(field.value).is_some() {
                fields.repeated = fields.repeated.or(Some(known));
            }
        }
        fields
    }

    /// The values of all fields of this name.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let named = move |field: &&Field<'b>| field.name.eq_ignore_ascii_case(name);
        self.all.iter().filter(named).map(|field| field.value)
    }
}

/// Most clients write a name as the specification does, or in lower case, and those comparisons are
/// some instructions, since the length is known.
#[inline]
fn is<const N: usize>(field: &Field<'_>, name: &[u8; N]) -> bool {
    let bytes = field.name.as_bytes();
    bytes == name || bytes.eq_ignore_ascii_case(name)
}
