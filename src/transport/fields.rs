//! The header fields this room reads, collected in one pass.

use crate::http::Field;

/// Values of the fields we know, trimmed of white space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'b> {
    pub(crate) all: &'b [Field<'b>],
    pub(crate) origin: Option<&'b [u8]>,
    pub(crate) content_type: Option<&'b [u8]>,
    pub(crate) has_accept: bool,
    pub(crate) protocol_version: Option<&'b [u8]>,
    pub(crate) mcp_method: Option<&'b [u8]>,
    pub(crate) mcp_name: Option<&'b [u8]>,
    /// A field that may stand once and stands more often.
    pub(crate) repeated: Option<&'static str>,
}

impl<'b> Fields<'b> {
    #[inline]
    pub(crate) fn read(all: &'b [Field<'b>]) -> Fields<'b> {
        let mut fields = Fields {
            all,
            origin: None,
            content_type: None,
            has_accept: false,
            protocol_version: None,
            mcp_method: None,
            mcp_name: None,
            repeated: None,
        };
        for field in all {
            let name = field.name;
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            let (slot, known) = match name.len() {
                6 if is("origin") => (&mut fields.origin, "Origin"),
                6 if is("accept") => {
                    fields.has_accept = true;
                    continue;
                }
                8 if is("mcp-name") => (&mut fields.mcp_name, "Mcp-Name"),
                10 if is("mcp-method") => (&mut fields.mcp_method, "Mcp-Method"),
                12 if is("content-type") => (&mut fields.content_type, "Content-Type"),
                20 if is("mcp-protocol-version") => {
                    (&mut fields.protocol_version, "MCP-Protocol-Version")
                }
                _ => continue,
            };
            if slot.replace(trimmed(field.value)).is_some() {
                fields.repeated = Some(known);
            }
        }
        fields
    }

    /// The values of all fields of this name.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let named = move |field: &&Field<'b>| field.name.eq_ignore_ascii_case(name);
        self.all.iter().filter(named).map(|field| trimmed(field.value))
    }
}

/// Without optional white space: SP and HTAB (RFC 9110 §5.6.3).
#[inline]
pub(crate) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
