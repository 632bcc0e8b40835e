//! What is served without a dataset: the project's own documentation, from memory.

use mcp_fastd::documents::{Dataset, Error, NewDocument};

const DOCUMENTS: [(&str, &str, &str); 12] = [
    ("README.md", "mcp-fastd: what it is and how to run it", include_str!("../../README.md")),
    ("docs/clients.md", "Clients of mcp-fastd", include_str!("../../docs/clients.md")),
    ("docs/operations.md", "Operations of mcp-fastd", include_str!("../../docs/operations.md")),
    ("docs/security.md", "Security of mcp-fastd", include_str!("../../docs/security.md")),
    ("docs/limits.md", "Limits of mcp-fastd", include_str!("../../docs/limits.md")),
    ("docs/https.md", "HTTPS with mcp-fastd", include_str!("../../docs/https.md")),
    ("docs/observing.md", "Observing mcp-fastd", include_str!("../../docs/observing.md")),
    ("docs/migrating.md", "Migrating to mcp-fastd", include_str!("../../docs/migrating.md")),
    ("ARCHITECTURE.md", "Architecture of mcp-fastd", include_str!("../../ARCHITECTURE.md")),
    ("PERFORMANCE.md", "Performance of mcp-fastd", include_str!("../../PERFORMANCE.md")),
    ("CONTRIBUTING.md", "Contributing to mcp-fastd", include_str!("../../CONTRIBUTING.md")),
    ("CHANGELOG.md", "Changes in mcp-fastd", include_str!("../../CHANGELOG.md")),
];

/// A dataset of the documentation, gone when it is dropped.
pub(super) fn dataset() -> Result<Dataset, Error> {
    let dataset = Dataset::in_memory()?;
    for (file, title, text) in DOCUMENTS {
        dataset.add(NewDocument {
            mime_type: Some("text/markdown".to_owned()),
            source: Some(file.to_owned()),
            ..NewDocument::new(title, text)
        })?;
    }
    Ok(dataset)
}
