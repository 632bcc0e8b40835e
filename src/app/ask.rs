//! Questions to the client: what a function may ask in the middle of a call, and what it hears.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::content::ContentBlock;
use super::prompt::Role;
use crate::protocol::Capability;

/// A question to the client's user (`elicitation/create`).
#[derive(Debug, Clone, PartialEq)]
pub struct Elicitation {
    pub(crate) params: Json,
    pub(crate) capability: Capability,
}

impl Elicitation {
    /// Asks with a form. Without fields, the user can only say yes or no.
    pub fn form(message: impl Into<String>) -> Elicitation {
        let params = json!({
            "mode": "form",
            "message": message.into(),
            "requestedSchema": { "type": "object", "properties": {}, "required": [] },
        });
        Elicitation { params, capability: Capability::Elicitation }
    }

    /// Adds a field that must be filled in. Its schema is that of a string, a number, a boolean, or
    /// a choice (elicitation page, "Requested Schema").
    #[must_use]
    pub fn field(mut self, name: &str, schema: Json) -> Self {
        if let Some(required) = self.params["requestedSchema"]["required"].as_array_mut() {
            required.push(name.into());
        }
        self.optional(name, schema)
    }

    /// Adds a field that may be left empty.
    #[must_use]
    pub fn optional(mut self, name: &str, schema: Json) -> Self {
        if let Some(fields) = self.params["requestedSchema"]["properties"].as_object_mut() {
            fields.insert(name.to_owned(), schema);
        }
        self
    }

    /// The whole schema of the form, in place of what was added field by field.
    #[must_use]
    pub fn schema(mut self, schema: Json) -> Self {
        self.params["requestedSchema"] = schema;
        self
    }

    /// Sends the user to a page, for what must not pass through the client: credentials, payments.
    pub fn url(message: impl Into<String>, url: impl Into<String>) -> Elicitation {
        let params = json!({ "mode": "url", "message": message.into(), "url": url.into() });
        Elicitation { params, capability: Capability::ElicitationUrl }
    }
}

/// What came of an [`Elicitation`] (`ElicitResult`).
#[derive(Debug, Clone, PartialEq)]
pub enum Elicited {
    /// The user said yes; the fields of the form, an object (empty for a page).
    Accepted(Json),
    /// The user said no.
    Declined,
    /// The user went away without a choice.
    Cancelled,
}

impl Elicited {
    /// A field of the form; `None` when it is empty, or the user did not say yes.
    pub fn field(&self, name: &str) -> Option<&Json> {
        match self {
            Elicited::Accepted(fields) => fields.get(name),
            Elicited::Declined | Elicited::Cancelled => None,
        }
    }

    /// The form as a type; an error where the user did not say yes.
    ///
    /// # Errors
    /// What does not fit the type.
    pub fn decode<T: serde::de::DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        match self {
            Elicited::Accepted(fields) => serde_json::from_value(fields),
            Elicited::Declined | Elicited::Cancelled => {
                Err(serde::de::Error::custom("the user did not accept"))
            }
        }
    }

    pub(crate) fn read(answer: Json) -> Option<Elicited> {
        match (answer.get("action")?.as_str()?, answer.get("content")) {
            ("accept", Some(content)) if content.is_object() => {
                Some(Elicited::Accepted(content.clone()))
            }
            ("accept", None) => Some(Elicited::Accepted(Json::Object(Map::new()))),
            ("decline", _) => Some(Elicited::Declined),
            ("cancel", _) => Some(Elicited::Cancelled),
            _ => None,
        }
    }
}

/// A question to the client's model (`sampling/createMessage`).
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    pub(crate) params: Json,
    pub(crate) capability: Capability,
}

impl Sampling {
    /// A question that may be answered with so many tokens.
    pub fn new(max_tokens: u32) -> Sampling {
        let params = json!({ "messages": [], "maxTokens": max_tokens });
        Sampling { params, capability: Capability::Sampling }
    }

    /// Adds what the user says.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Role::User, ContentBlock::text(text))
    }

    /// Adds what the model is taken to have said.
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Role::Assistant, ContentBlock::text(text))
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, role: Role, content: ContentBlock) -> Self {
        if let Some(messages) = self.params["messages"].as_array_mut() {
            messages.push(json!({ "role": role, "content": content }));
        }
        self
    }

    /// What the model is told beforehand.
    #[must_use]
    pub fn system(mut self, prompt: impl Into<String>) -> Self {
        self.params["systemPrompt"] = prompt.into().into();
        self
    }

    /// Lets the model use these tools, a list of `Tool` objects; needs
    /// [`Capability::SamplingTools`]. The answer's content may then be a use of one of them, which
    /// goes on in another question.
    #[must_use]
    pub fn tools(mut self, tools: Json) -> Self {
        self.params["tools"] = tools;
        self.capability = Capability::SamplingTools;
        self
    }

    /// Sets another member of the request: `temperature`, `modelPreferences`, say.
    #[must_use]
    pub fn with(mut self, member: &str, value: Json) -> Self {
        self.params[member] = value;
        self
    }
}

/// What the client's model said (`CreateMessageResult`).
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Who speaks: `assistant`, mostly.
    pub role: String,
    /// What is said: a content block, or a list of them.
    pub content: Json,
    /// The model that said it.
    pub model: String,
    /// Why it stopped.
    pub stop_reason: Option<String>,
}

impl Sampled {
    /// The text, when that is what was said; the first, when it is a list.
    pub fn text(&self) -> Option<&str> {
        let block = self.content.as_array().map_or(Some(&self.content), |blocks| blocks.first())?;
        block.get("text")?.as_str()
    }

    pub(crate) fn read(answer: Json) -> Option<Sampled> {
        let content = answer.get("content")?.clone();
        if !content.is_object() && !content.is_array() {
            return None;
        }
        Some(Sampled {
            role: answer.get("role")?.as_str()?.to_owned(),
            content,
            model: answer.get("model").and_then(Json::as_str).unwrap_or_default().to_owned(),
            stop_reason: answer.get("stopReason").and_then(Json::as_str).map(str::to_owned),
        })
    }
}

/// A folder that the client works on (`Root` of the schema).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// A `file:` URI.
    pub uri: String,
    /// A name for people.
    pub name: Option<String>,
}

impl Root {
    pub(crate) fn read_all(answer: Json) -> Option<Vec<Root>> {
        let read = |root: &Json| {
            let name = root.get("name").and_then(Json::as_str).map(str::to_owned);
            Some(Root { uri: root.get("uri")?.as_str()?.to_owned(), name })
        };
        answer.get("roots")?.as_array()?.iter().map(read).collect()
    }
}

/// Why a call cannot go on here. To be returned from the function as its error (with `?`): the
/// server then makes of it what the client's revision wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interrupted {
    /// The client is to answer first, and to call again (from 2026-07-28 on).
    InputRequired,
    /// The client cannot do what the call needs.
    MissingCapability(Capability),
    /// The client refused to answer, with this code and message of JSON-RPC.
    Refused(i64, String),
    /// The client's answer is not what was asked for.
    Malformed,
    /// The client did not answer in time.
    TimedOut,
    /// The call was cancelled.
    Cancelled,
    /// There is no way to ask: what is missing.
    Unreachable(&'static str),
    /// The call fails as a whole, with this code and message of JSON-RPC.
    Failed(i32, String),
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interrupted::InputRequired => f.write_str("the client's answer is needed first"),
            Interrupted::MissingCapability(capability) => {
                write!(f, "this needs a client that supports {capability}")
            }
            Interrupted::Refused(code, message) => {
                write!(f, "the client refused to answer: {message} ({code})")
            }
            Interrupted::Malformed => f.write_str("the client's answer is not what was asked for"),
            Interrupted::TimedOut => {
                f.write_str("the client did not answer in time (answer_timeout)")
            }
            Interrupted::Cancelled => f.write_str("the call was cancelled"),
            Interrupted::Unreachable(missing) => write!(f, "the client cannot be asked: {missing}"),
            Interrupted::Failed(code, message) => write!(f, "{message} ({code})"),
        }
    }
}

impl std::error::Error for Interrupted {}
