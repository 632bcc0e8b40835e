//! The vocabulary of MCP that more than one room speaks: revisions, capabilities, log levels.

mod capability;
mod level;
mod version;

pub(crate) use capability::Capabilities;
pub use capability::Capability;
pub use level::LogLevel;
pub use version::{Era, ProtocolVersion};
