//! The vocabulary of MCP that more than one room speaks: revisions, capabilities, log levels,
//! and who is asking.

mod capability;
mod level;
mod principal;
mod version;

pub(crate) use capability::Capabilities;
pub use capability::Capability;
pub use level::LogLevel;
pub use principal::Principal;
pub use version::{Era, ProtocolVersion};
