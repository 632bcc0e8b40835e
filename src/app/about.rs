//! What is said about a tool, a prompt or a resource: everything but its function.

use serde::Serialize;

use super::content::ContentAnnotations;

/// Where a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// On the shard that read the request: for functions that never wait and end within
    /// microseconds.
    #[default]
    Shard,
    /// On a thread of the worker pool: for functions that may wait, or take their time.
    Worker,
}

/// Whether a tool runs as a task: its client gets a handle at once, and the result when it asks for
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSupport {
    /// As a task for clients that take one, and as a call for the others.
    Optional,
    /// As a task only.
    Required,
}

/// What a tool does to its surroundings, as hints for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// It changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// It may destroy something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Calling it twice is the same as calling it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// It reaches beyond the server (the web, say).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

impl Annotations {
    /// For a tool that only reads what the server holds.
    pub const READ_ONLY: Annotations = Annotations {
        read_only_hint: Some(true),
        destructive_hint: Some(false),
        idempotent_hint: Some(true),
        open_world_hint: Some(false),
    };

    /// For a tool that changes what the server holds; `destructive` where something is lost.
    pub const fn writes(destructive: bool) -> Annotations {
        Annotations {
            read_only_hint: Some(false),
            destructive_hint: Some(destructive),
            idempotent_hint: Some(false),
            open_world_hint: Some(false),
        }
    }
}

/// An icon for a user interface (`Icon` of the schema).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Icon {
    /// An `https:` or `data:` URI.
    pub src: String,
    /// Its MIME type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// `48x48`, or `any`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<String>,
}

/// A name, and what there is to say about it. Made by [`about`], or from a `&str`.
///
/// For tools and prompts the name is the name; for resources it is the URI, and for resource
/// templates the URI template.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) annotations: Option<Annotations>,
    pub(crate) icons: Vec<Icon>,
    pub(crate) placement: Placement,
    pub(crate) task: Option<TaskSupport>,
    pub(crate) input_schema: Option<serde_json::Value>,
    pub(crate) output_schema: Option<serde_json::Value>,
    pub(crate) mime_type: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) content_annotations: Option<ContentAnnotations>,
    pub(crate) meta: Option<serde_json::Value>,
    pub(crate) scopes: Vec<String>,
}

/// Starts the description of a tool, a prompt (by name) or a resource (by URI or URI template).
pub fn about(name: impl Into<String>) -> About {
    About { name: name.into(), ..About::default() }
}

impl From<&str> for About {
    fn from(name: &str) -> Self {
        about(name)
    }
}

impl From<String> for About {
    fn from(name: String) -> Self {
        about(name)
    }
}

impl About {
    /// Says what it does; the model reads this.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// A name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Hints about what the tool does to its surroundings.
    #[must_use]
    pub fn annotations(mut self, annotations: Annotations) -> Self {
        self.annotations = Some(annotations);
        self
    }

    /// Adds an icon.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icons.push(icon);
        self
    }

    /// Runs the function on the worker pool instead of the shard.
    ///
    /// For everything that may wait (files, databases, locks) or takes more than some
    /// microseconds: while a function runs on its shard, the shard serves nobody else.
    #[must_use]
    pub fn on_worker(mut self) -> Self {
        self.placement = Placement::Worker;
        self
    }

    /// Lets the tool run as a task (on a worker): for work that takes minutes.
    #[must_use]
    pub fn task(mut self, support: TaskSupport) -> Self {
        self.task = Some(support);
        self.on_worker()
    }

    /// The JSON Schema of the arguments, in place of the one derived from the input type.
    #[must_use]
    pub fn input_schema(mut self, schema: serde_json::Value) -> Self {
        self.input_schema = Some(schema);
        self
    }

    /// The JSON Schema of the structured result, in place of the one derived from its type.
    #[must_use]
    pub fn output_schema(mut self, schema: serde_json::Value) -> Self {
        self.output_schema = Some(schema);
        self
    }

    /// The MIME type of a resource.
    #[must_use]
    pub fn mime(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// The name of a resource, which is otherwise the last part of its URI.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.label = Some(name.into());
        self
    }

    /// The size of a resource in bytes.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// The scopes that somebody needs to use it, all of them. Who has not is told which (403), and
    /// does not find it in lists.
    #[must_use]
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Says whom a resource is for.
    #[must_use]
    pub fn content_annotations(mut self, annotations: ContentAnnotations) -> Self {
        self.content_annotations = Some(annotations);
        self
    }

    /// Adds `_meta`, an object, to what is listed.
    #[must_use]
    pub fn meta(mut self, meta: serde_json::Value) -> Self {
        self.meta = Some(meta);
        self
    }
}
