//! Tools for each kind of content, and for what a schema may say.

use mcp_fastd::app::tool::{Group, Tools};
use mcp_fastd::{ContentBlock, Empty, ResourceContents, about, group};
use serde_json::json;

/// A PNG of one white pixel.
pub(crate) const PICTURE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\
    \x9bU\0\0\0\nIDATx\xdac\xf8\x0f\0\x01\x01\x01\0\x1c\xb0\x8c\x99\0\0\0\0IEND\xaeB`\x82";

/// A WAV of a millisecond of silence.
const SOUND: &[u8] = b"RIFF,\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\
    \x08\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80";

pub(crate) fn tools() -> Group<(), impl Tools<()>> {
    group()
        .tool(about("test_simple_text").describe("Gives a text."), |_: Empty| "A simple text.")
        .tool(about("test_image_content").describe("Gives a picture."), |_: Empty| picture())
        .tool(about("test_audio_content").describe("Gives a sound."), |_: Empty| {
            ContentBlock::audio(SOUND, "audio/wav")
        })
        .tool(about("test_embedded_resource").describe("Gives a resource."), |_: Empty| {
            resource("test://embedded-resource")
        })
        .tool(about("test_multiple_content_types").describe("Gives several things."), |_: Empty| {
            let text = ContentBlock::text("A text, a picture and a resource:");
            vec![text, picture(), resource("test://mixed-content-resource")]
        })
        .tool(about("test_error_handling").describe("Always fails."), |_: Empty| {
            Err::<(), _>("This tool always fails.")
        })
        .tool(about("greet").describe("Greets by name."), greet)
        .tool(about("test_custom_header").describe("Gives its argument back."), echo)
        .tool(
            about("json_schema_2020_12_tool")
                .describe("Takes a contact; only its schema is looked at.")
                .input_schema(contact_schema()),
            |_: Empty| "Noted.",
        )
}

pub(crate) fn picture() -> ContentBlock {
    ContentBlock::image(PICTURE, "image/png")
}

pub(crate) fn resource(uri: &str) -> ContentBlock {
    let text = "The text of an embedded resource.";
    ContentBlock::resource(ResourceContents::text(uri, text).mime("text/plain"))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greeted {
    name: String,
}

fn greet(Greeted { name }: Greeted) -> String {
    format!("Hello, {name}!")
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    /// Repeated by the client in the header `Mcp-Param-Value`.
    #[schemars(extend("x-mcp-header" = "Value"))]
    value: String,
}

fn echo(Echo { value }: Echo) -> String {
    value
}

/// What a server might lose on the way: references, anchors, and schemas within schemas.
fn contact_schema() -> serde_json::Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "address",
                "type": "object",
                "properties": {
                    "street": { "type": "string" },
                    "city": { "type": "string" },
                },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"],
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
