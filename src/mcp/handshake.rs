//! The first answer of each era: what the server is, and what it can do.

use super::refusal::write_modern_versions;
use crate::app::Catalog;
use crate::json;
use crate::protocol::ProtocolVersion;

/// Appends the members of the result of `initialize`.
pub(super) fn write_initialize(catalog: &Catalog, version: ProtocolVersion, out: &mut Vec<u8>) {
    out.extend_from_slice(br#""protocolVersion":"#);
    json::write_string(out, version.as_str());
    out.extend_from_slice(br#","capabilities":"#);
    catalog.write_capabilities(version, out);
    out.extend_from_slice(br#","serverInfo":"#);
    out.extend_from_slice(catalog.server_info.as_bytes());
    write_instructions(catalog, out);
}

/// Appends the members of the result of `server/discover`.
pub(super) fn write_discover(catalog: &Catalog, version: ProtocolVersion, out: &mut Vec<u8>) {
    out.extend_from_slice(br#""supportedVersions":"#);
    write_modern_versions(out);
    out.extend_from_slice(br#","capabilities":"#);
    catalog.write_capabilities(version, out);
    write_instructions(catalog, out);
}

fn write_instructions(catalog: &Catalog, out: &mut Vec<u8>) {
    if let Some(instructions) = &catalog.instructions {
        out.extend_from_slice(br#","instructions":"#);
        json::write_string(out, instructions);
    }
}
