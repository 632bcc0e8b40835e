//! What a client says it can do (`ClientCapabilities` of the schema).

use std::fmt;

use crate::json::{Kind, Value};

/// One thing that a client may be able to do for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// `sampling`: it asks a model.
    Sampling,
    /// `sampling.tools`: it lets the model use tools that the server brings.
    SamplingTools,
    /// `elicitation`, in form mode: it asks its user.
    Elicitation,
    /// `elicitation.url`: it sends its user to a page.
    ElicitationUrl,
    /// `roots`: it says which folders it works on.
    Roots,
    /// `extensions["io.modelcontextprotocol/tasks"]`: it takes a task in place of a result.
    Tasks,
}

impl Capability {
    const ALL: [Capability; 6] = [
        Capability::Sampling,
        Capability::SamplingTools,
        Capability::Elicitation,
        Capability::ElicitationUrl,
        Capability::Roots,
        Capability::Tasks,
    ];

    /// The capability as a client declares it, a JSON object.
    pub(crate) fn declaration(self) -> &'static str {
        match self {
            Capability::Sampling => r#"{"sampling":{}}"#,
            Capability::SamplingTools => r#"{"sampling":{"tools":{}}}"#,
            Capability::Elicitation => r#"{"elicitation":{}}"#,
            Capability::ElicitationUrl => r#"{"elicitation":{"url":{}}}"#,
            Capability::Roots => r#"{"roots":{}}"#,
            Capability::Tasks => r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::Sampling => "sampling",
            Capability::SamplingTools => "sampling with tools",
            Capability::Elicitation => "elicitation",
            Capability::ElicitationUrl => "elicitation in URL mode",
            Capability::Roots => "roots",
            Capability::Tasks => "tasks",
        })
    }
}

/// What one client can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(u8);

impl Capabilities {
    /// Reads `ClientCapabilities`. An `elicitation` that names no mode is in form mode
    /// (elicitation page, "Capabilities").
    pub(crate) fn read(declared: Value<'_>) -> Capabilities {
        let object = |value: Option<Value<'_>>| value.is_some_and(|v| v.kind() == Kind::Object);
        let sampling = declared.get("sampling");
        let elicitation = declared.get("elicitation");
        let url = elicitation.and_then(|modes| modes.get("url"));
        let form = elicitation.and_then(|modes| modes.get("form"));
        let extensions = declared.get("extensions");
        let mut found = Capabilities::default();
        for capability in Capability::ALL {
            let declared = match capability {
                Capability::Sampling => object(sampling),
                Capability::SamplingTools => object(sampling.and_then(|s| s.get("tools"))),
                Capability::Elicitation => object(elicitation) && (object(form) || !object(url)),
                Capability::ElicitationUrl => object(url),
                Capability::Roots => object(declared.get("roots")),
                Capability::Tasks => {
                    object(extensions.and_then(|all| all.get("io.modelcontextprotocol/tasks")))
                }
            };
            if declared {
                found.0 |= 1 << capability as u8;
            }
        }
        found
    }

    pub(crate) fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Parser;

    fn read(text: &str) -> Vec<Capability> {
        let mut text = text.as_bytes().to_vec();
        let mut parser = Parser::new();
        let document = parser.parse(&mut text).expect("the test's JSON is in order");
        let found = Capabilities::read(document.root());
        Capability::ALL.into_iter().filter(|capability| found.has(*capability)).collect()
    }

    #[test]
    fn declarations_are_read_as_they_are_written() {
        use Capability::*;
        assert_eq!(read("{}"), []);
        assert_eq!(read(r#"{"elicitation":{}}"#), [Elicitation]);
        assert_eq!(read(r#"{"elicitation":{"url":{}}}"#), [ElicitationUrl]);
        assert_eq!(read(r#"{"elicitation":{"form":{},"url":{}}}"#), [Elicitation, ElicitationUrl]);
        assert_eq!(read(r#"{"sampling":{"tools":{}}}"#), [Sampling, SamplingTools]);
        assert_eq!(read(r#"{"roots":{"listChanged":true},"sampling":null}"#), [Roots]);
        for capability in Capability::ALL {
            assert!(read(capability.declaration()).contains(&capability), "{capability}");
        }
    }
}
