//! Protocol revisions, and the two eras they fall into.

/// A revision of the protocol that this server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProtocolVersion {
    /// 2024-11-05, the revision of HTTP+SSE.
    V2024_11_05,
    /// 2025-03-26, the first with Streamable HTTP.
    V2025_03_26,
    /// 2025-06-18, the first with the `MCP-Protocol-Version` header.
    V2025_06_18,
    /// 2025-11-25, the last with `initialize`.
    V2025_11_25,
    /// 2026-07-28, the first without state.
    V2026_07_28,
}

/// How a revision keeps what it knows of the client (versioning page, "Terminology").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Up to 2025-11-25: agreed once, with `initialize`.
    Legacy,
    /// From 2026-07-28 on: said again in each request's `_meta`.
    Modern,
}

impl ProtocolVersion {
    /// All of them, oldest first.
    pub const ALL: [ProtocolVersion; 5] = [
        ProtocolVersion::V2024_11_05,
        ProtocolVersion::V2025_03_26,
        ProtocolVersion::V2025_06_18,
        ProtocolVersion::V2025_11_25,
        ProtocolVersion::V2026_07_28,
    ];

    /// What a client that names no revision speaks: the header came with 2025-06-18, so it is the
    /// one before (2025-06-18, transports, "Protocol Version Header").
    pub(crate) const UNNAMED: ProtocolVersion = ProtocolVersion::V2025_03_26;

    /// What `initialize` is answered with when the client asks for a revision we do not know.
    pub(crate) const LATEST_LEGACY: ProtocolVersion = ProtocolVersion::V2025_11_25;

    /// The revision of this name.
    pub fn from_name(name: &[u8]) -> Option<ProtocolVersion> {
        let named = |version: &ProtocolVersion| version.as_str().as_bytes() == name;
        // The newest first: it is the one that names itself in each request.
        ProtocolVersion::ALL.into_iter().rev().find(named)
    }

    /// Its name: a date.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProtocolVersion::V2024_11_05 => "2024-11-05",
            ProtocolVersion::V2025_03_26 => "2025-03-26",
            ProtocolVersion::V2025_06_18 => "2025-06-18",
            ProtocolVersion::V2025_11_25 => "2025-11-25",
            ProtocolVersion::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era it belongs to.
    pub const fn era(self) -> Era {
        match self {
            ProtocolVersion::V2026_07_28 => Era::Modern,
            _ => Era::Legacy,
        }
    }
}
