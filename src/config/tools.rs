//! Which tools are offered.

/// Which of an application's tools are offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolsConfig {
    /// Names of tools that are not: they are not listed, and who calls one is answered as if there
    /// were none of that name. They must be tools that the application names at the start; those of
    /// a provider are its own.
    pub disabled: Vec<String>,
}
