//! Prompts, and suggestions for their arguments.

use mcp_fastd::app::Role;
use mcp_fastd::{Call, CompletionRequest, ContentBlock, Empty, Interrupted, PromptMessage};

use crate::{content, questions};

const SUGGESTIONS: [&str; 3] = ["test", "testing", "text"];

pub(crate) fn simple(_: Empty) -> PromptMessage {
    PromptMessage::user("This is a simple prompt.")
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Two {
    /// The first argument.
    arg1: String,
    /// The second argument.
    arg2: String,
}

pub(crate) fn with_arguments(Two { arg1, arg2 }: Two) -> PromptMessage {
    PromptMessage::user(format!("The arguments are `{arg1}` and `{arg2}`."))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Embedded {
    /// The URI of the resource.
    #[serde(rename = "resourceUri")]
    resource_uri: String,
}

pub(crate) fn with_resource(Embedded { resource_uri }: Embedded) -> Vec<PromptMessage> {
    let message = PromptMessage::user("Read the resource above.");
    vec![from_user(content::resource(&resource_uri)), message]
}

pub(crate) fn with_image(_: Empty) -> Vec<PromptMessage> {
    vec![from_user(content::picture()), PromptMessage::user("Look at the picture above.")]
}

/// A prompt asks as a tool does; see [`questions`].
pub(crate) fn with_answer(_: &(), _: Empty, call: &Call) -> Result<PromptMessage, Interrupted> {
    let elicited = call.elicit("user_context", questions::for_name())?;
    let name = elicited.field("name").and_then(|name| name.as_str());
    Ok(PromptMessage::user(format!("My name is {}.", name.unwrap_or("of no concern"))))
}

pub(crate) fn suggest(_: &(), request: &CompletionRequest<'_>) -> Vec<String> {
    let fitting = SUGGESTIONS.iter().filter(|suggestion| suggestion.starts_with(request.value));
    fitting.map(|suggestion| (*suggestion).to_owned()).collect()
}

fn from_user(content: ContentBlock) -> PromptMessage {
    PromptMessage { role: Role::User, content }
}
