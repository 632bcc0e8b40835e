//! What a tool gives back, and how it becomes a `CallToolResult`.

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::prompt::Role;
use crate::json;

/// One block of a result or a prompt (`ContentBlock` of the schema).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentBlock {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Its bytes, Base64.
        data: String,
        /// `image/png`, say.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// A sound.
    Audio {
        /// Its bytes, Base64.
        data: String,
        /// `audio/wav`, say.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// A resource, whole.
    Resource {
        /// Its contents.
        resource: ResourceContents,
    },
    /// A resource the client may read.
    ResourceLink {
        /// Its URI.
        uri: String,
        /// Its name.
        name: String,
        /// What it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// Its MIME type.
        #[serde(rename = "mimeType", skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
    /// Any block as JSON, passed on as it is.
    #[serde(untagged)]
    Raw(serde_json::Value),
}

/// Whom a content block or a resource is for (`Annotations` of the schema).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentAnnotations {
    /// The user, the assistant, or both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<Role>,
    /// From 0 (may be left out) to 1 (must be there).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<f64>,
    /// When it last changed, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl ContentBlock {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        ContentBlock::Text { text: text.into() }
    }

    /// A picture from its bytes.
    pub fn image(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        ContentBlock::Image { data: BASE64.encode(bytes), mime_type: mime_type.into() }
    }

    /// A sound from its bytes.
    pub fn audio(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        ContentBlock::Audio { data: BASE64.encode(bytes), mime_type: mime_type.into() }
    }

    /// A resource, whole.
    pub fn resource(resource: ResourceContents) -> Self {
        ContentBlock::Resource { resource }
    }

    /// A resource the client may read.
    pub fn resource_link(uri: impl Into<String>, name: impl Into<String>) -> Self {
        let (uri, name) = (uri.into(), name.into());
        ContentBlock::ResourceLink { uri, name, description: None, mime_type: None }
    }

    /// Says whom the block is for.
    #[must_use]
    pub fn annotated(self, annotations: ContentAnnotations) -> Self {
        self.with("annotations", serde_json::json!(annotations))
    }

    /// Adds `_meta`, an object.
    #[must_use]
    pub fn meta(self, meta: serde_json::Value) -> Self {
        self.with("_meta", meta)
    }

    fn with(self, member: &str, value: serde_json::Value) -> Self {
        let mut block = serde_json::json!(self);
        block[member] = value;
        ContentBlock::Raw(block)
    }
}

/// The contents of a resource (`TextResourceContents`, `BlobResourceContents`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResourceContents {
    /// Its URI.
    pub uri: String,
    /// Its MIME type.
    #[serde(rename = "mimeType", skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    #[serde(flatten)]
    body: ContentsBody,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum ContentsBody {
    Text(String),
    Blob(String),
}

impl ResourceContents {
    /// Contents that are text.
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        let body = ContentsBody::Text(text.into());
        ResourceContents { uri: uri.into(), mime_type: None, body, meta: None }
    }

    /// Contents that are bytes; they travel as Base64.
    pub fn blob(uri: impl Into<String>, bytes: &[u8]) -> Self {
        let body = ContentsBody::Blob(BASE64.encode(bytes));
        ResourceContents { uri: uri.into(), mime_type: None, body, meta: None }
    }

    /// Adds `_meta`, an object.
    #[must_use]
    pub fn meta(mut self, meta: serde_json::Value) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Sets the MIME type.
    #[must_use]
    pub fn mime(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }
}

/// Structured content: a value the client gets as JSON, beside the same JSON as text for clients
/// of older revisions. Its type gives the tool's output schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// Where a tool's result is written: straight into the answer.
///
/// One of its methods is called once; were it called again, the last call counts.
pub struct ToolReply<'o> {
    out: &'o mut Vec<u8>,
    from: usize,
    objects_only: bool,
    failed: bool,
}

impl<'o> ToolReply<'o> {
    /// `objects_only`: structured content that is not an object is left out, as the revisions up
    /// to 2025-11-25 want it.
    pub(crate) fn new(out: &'o mut Vec<u8>, objects_only: bool) -> Self {
        let from = out.len();
        ToolReply { out, from, objects_only, failed: false }
    }

    /// Whether what was written is an error.
    pub(crate) fn is_error(&self) -> bool {
        self.failed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == self.from
    }

    /// A result of one text block.
    pub fn text(&mut self, text: &str) {
        self.one_text(text, false);
    }

    /// A result of blocks.
    pub fn blocks(&mut self, blocks: &[ContentBlock]) {
        self.failed = false;
        self.out.truncate(self.from);
        self.out.extend_from_slice(br#""content":"#);
        if let Err(error) = json::write_serialized(self.out, &blocks) {
            return self.error(&error);
        }
        self.out.extend_from_slice(br#","isError":false"#);
    }

    /// A structured result, and the same as a text block.
    pub fn structured<T: Serialize>(&mut self, value: &T) {
        self.failed = false;
        self.out.truncate(self.from);
        self.out.extend_from_slice(br#""structuredContent":"#);
        let value_from = self.out.len();
        if let Err(error) = json::write_serialized(self.out, value) {
            return self.error(&error);
        }
        let value_to = self.out.len();
        self.out.extend_from_slice(br#","content":[{"type":"text","text":"#);
        json::write_json_as_string_from_within(self.out, value_from, value_to);
        self.out.extend_from_slice(br#"}],"isError":false"#);
        if self.objects_only && self.out[value_from] != b'{' {
            self.out.drain(self.from..=value_to);
        }
    }

    /// A failed call, for the model to read: say what was wrong and what to do.
    #[cold]
    pub fn error(&mut self, error: &impl Display) {
        self.one_text(&error.to_string(), true);
    }

    fn one_text(&mut self, text: &str, is_error: bool) {
        self.failed = is_error;
        self.out.truncate(self.from);
        self.out.extend_from_slice(br#""content":[{"type":"text","text":"#);
        json::write_string(self.out, text);
        self.out.extend_from_slice(match is_error {
            true => br#"}],"isError":true"#.as_slice(),
            false => br#"}],"isError":false"#.as_slice(),
        });
    }
}

/// What a tool may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a tool",
    note = "return `String`, `Json<T>`, `ContentBlock`, `Vec<ContentBlock>`, `()`, or a `Result` \
            of one of them with any error that implements `Display`",
    note = "for `Json<T>`, derive `serde::Serialize` and `schemars::JsonSchema` on `T`"
)]
pub trait IntoToolResult {
    /// Writes the result.
    fn write(self, reply: &mut ToolReply<'_>);

    /// The JSON Schema of the structured content, if there is any.
    fn output_schema() -> Option<serde_json::Value> {
        None
    }
}

impl IntoToolResult for () {
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.blocks(&[]);
    }
}

impl IntoToolResult for String {
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.text(&self);
    }
}

impl IntoToolResult for &'static str {
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.text(self);
    }
}

impl IntoToolResult for ContentBlock {
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.blocks(&[self]);
    }
}

impl IntoToolResult for Vec<ContentBlock> {
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.blocks(&self);
    }
}

#[cfg(feature = "schema")]
impl<T: Serialize + schemars::JsonSchema> IntoToolResult for Json<T> {
    #[inline]
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.structured(&self.0);
    }

    fn output_schema() -> Option<serde_json::Value> {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        let root = settings.for_serialize().into_generator().into_root_schema_for::<T>();
        Some(root.to_value())
    }
}

#[cfg(not(feature = "schema"))]
impl<T: Serialize> IntoToolResult for Json<T> {
    #[inline]
    fn write(self, reply: &mut ToolReply<'_>) {
        reply.structured(&self.0);
    }
}

impl<T: IntoToolResult, E: Display> IntoToolResult for Result<T, E> {
    #[inline]
    fn write(self, reply: &mut ToolReply<'_>) {
        match self {
            Ok(value) => value.write(reply),
            Err(error) => reply.error(&error),
        }
    }

    fn output_schema() -> Option<serde_json::Value> {
        T::output_schema()
    }
}
