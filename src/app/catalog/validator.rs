//! Arguments against the schema of their tool (tools page, "Error Handling").
//!
//! Decoding finds wrong types by itself. What it does not know (ranges, patterns, lengths; and all
//! of a schema that was not derived from the type) is checked beforehand, for tools that have it.

#[cfg(feature = "validate")]
mod checked;

#[cfg(feature = "validate")]
pub(crate) use checked::Validator;

/// Without the feature `validate`, decoding is all that checks.
#[cfg(not(feature = "validate"))]
#[derive(Debug)]
pub(crate) enum Validator {}

#[cfg(not(feature = "validate"))]
impl Validator {
    pub(crate) fn new(_: &serde_json::Value, _: bool) -> Result<Option<Validator>, String> {
        Ok(None)
    }

    pub(crate) fn check(&self, _: crate::json::Value<'_>) -> Result<(), String> {
        match *self {}
    }
}
