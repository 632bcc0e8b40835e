//! What the application offers, rendered once when the server is built.
//!
//! Lists are kept as JSON text, so that `tools/list` is a copy; names are hashed to dense ids, so
//! that a call is an index. What is advertised is derived from what is here.

use serde_json::{Map, Value as Json, json};

use super::about::{About, Placement, TaskSupport};
use super::policy::Policy;
use super::template::Template;
use crate::limits;
use crate::protocol::Era;

use names::Names;

mod capabilities;
mod names;
mod offered;
mod schema;
mod server;
mod switches;
#[cfg(test)]
mod tests;
mod validator;

pub(crate) use offered::{Provided, ResourceIndex};
#[doc(hidden)]
pub use schema::param_headers;
pub use schema::{ParamHeader, ParamKind};
pub(crate) use schema::{count_param_headers, drop_param_headers};
pub(crate) use switches::{Switch, Switches};
pub(crate) use validator::Validator;

/// A tool of a catalog, by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolId(pub(crate) usize);

/// A prompt of a catalog, by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptId(pub(crate) usize);

impl ToolId {
    /// The tool's place in the order in which tools were added.
    pub fn index(self) -> usize {
        self.0
    }
}

impl PromptId {
    /// The prompt's place in the order in which prompts were added.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A list entry as JSON text.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The name of the entry, or its URI.
    pub(crate) name: String,
    /// For 2026-07-28 and later.
    pub(crate) modern: String,
    /// For the revisions with `initialize`, whose structured content is always an object.
    pub(crate) legacy: String,
}

impl Listing {
    pub(crate) fn text(&self, era: Era) -> &str {
        match era {
            Era::Modern => &self.modern,
            Era::Legacy => &self.legacy,
        }
    }

    fn same(name: &str, entry: &Json) -> Listing {
        let text = entry.to_string();
        Listing { name: name.to_owned(), legacy: text.clone(), modern: text }
    }
}

#[derive(Debug)]
pub(crate) struct ToolSpec {
    pub(crate) placement: Placement,
    pub(crate) task: Option<TaskSupport>,
    /// The arguments that clients repeat in headers (`x-mcp-header`).
    pub(crate) param_headers: Vec<ParamHeader>,
    /// What arguments are checked with, where decoding them does not say all.
    pub(crate) validator: Option<Validator>,
    pub(crate) off: Switch,
}

/// How long a client may keep what it was told, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheHints {
    pub(crate) lists_ttl_ms: u64,
    pub(crate) reads_ttl_ms: u64,
}

/// What an application offers.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) tools: Vec<ToolSpec>,
    tool_names: Names,
    pub(crate) tool_list: Vec<Listing>,
    pub(crate) prompts: Vec<Placement>,
    prompt_names: Names,
    pub(crate) prompt_list: Vec<Listing>,
    pub(crate) resources: ResourceIndex,
    pub(crate) resource_list: Vec<Listing>,
    pub(crate) template_list: Vec<Listing>,
    pub(crate) provided: Provided,
    pub(crate) completes: Option<Placement>,
    /// `Implementation` of the schema.
    server: Json,
    /// The same as JSON text.
    pub(crate) server_info: String,
    /// What every result of 2026-07-28 begins with, up to the comma behind it: its type, and who we
    /// are (overview, "Per-response protocol fields").
    pub(crate) modern_begin: String,
    /// The value of `_meta` in it.
    pub(crate) server_meta: String,
    /// Functions may send log lines.
    pub(crate) logs: bool,
    /// [`Handler::roots_changed`](super::Handler::roots_changed) wants to know.
    pub(crate) hears_roots: bool,
    pub(crate) instructions: Option<String>,
    pub(crate) page_size: usize,
    pub(crate) cache: CacheHints,
    /// The scopes that each thing needs.
    pub(crate) policy: Policy,
    problems: Vec<String>,
}

impl Catalog {
    /// An empty catalog of a server with this name and version.
    pub fn new(name: &str, version: &str) -> Self {
        let mut catalog = Catalog {
            tools: Vec::new(),
            tool_names: Names::default(),
            tool_list: Vec::new(),
            prompts: Vec::new(),
            prompt_names: Names::default(),
            prompt_list: Vec::new(),
            resources: ResourceIndex::default(),
            resource_list: Vec::new(),
            template_list: Vec::new(),
            provided: Provided::default(),
            completes: None,
            server: Json::Null,
            server_info: String::new(),
            modern_begin: String::new(),
            server_meta: String::new(),
            logs: false,
            hears_roots: false,
            instructions: None,
            page_size: limits::LIST_PAGE,
            cache: CacheHints { lists_ttl_ms: limits::LIST_TTL_MS, reads_ttl_ms: 0 },
            policy: Policy::default(),
            problems: Vec::new(),
        };
        catalog.identify(name, version);
        catalog
    }

    /// Says how the model should use this server.
    pub fn instructions(&mut self, instructions: impl Into<String>) {
        self.instructions = Some(instructions.into());
    }

    /// Offers a tool, and says by which id it is called. Its arguments are checked against `input`
    /// (with the feature `validate`).
    pub fn add_tool(&mut self, about: About, input: Json, output: Option<Json>) -> ToolId {
        self.add_checked_tool(about, input, output, true)
    }

    /// As [`Catalog::add_tool`]; `all` where decoding the arguments would not find what is wrong
    /// with their types.
    pub(crate) fn add_checked_tool(
        &mut self,
        about: About,
        mut input: Json,
        output: Option<Json>,
        all: bool,
    ) -> ToolId {
        let id = self.tools.len();
        let name = about.name;
        if name.is_empty() || name.len() > limits::NAME_BYTES_MAX {
            self.problem(format!("tool name `{name}`: 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        if self.tool_names.insert(name.clone(), id).is_some() {
            self.problem(format!("tool `{name}`: there are two of this name"));
        }
        if input.get("type").and_then(Json::as_str) != Some("object") {
            self.problem(format!("tool `{name}`: its input must be an object (a struct)"));
        }
        schema::trim(&mut input);
        let param_headers = schema::param_headers(&input).unwrap_or_else(|problem| {
            self.problem(format!("tool `{name}`: {problem}"));
            Vec::new()
        });
        let validator = Validator::new(&input, all).unwrap_or_else(|problem| {
            self.problem(format!("tool `{name}`: its input schema: {problem}"));
            None
        });
        let mut entry = Map::new();
        entry.insert("name".into(), name.clone().into());
        insert(&mut entry, "title", about.title);
        insert(&mut entry, "description", about.description);
        entry.insert("inputSchema".into(), input);
        insert(&mut entry, "annotations", about.annotations.map(|hints| json!(hints)));
        insert(&mut entry, "_meta", about.meta);
        if !about.icons.is_empty() {
            entry.insert("icons".into(), json!(about.icons));
        }
        let legacy_output = output.is_some_and(|mut output| {
            schema::trim(&mut output);
            let is_object = output.get("type").and_then(Json::as_str) == Some("object");
            entry.insert("outputSchema".into(), output);
            is_object
        });
        let modern = Json::Object(entry.clone()).to_string();
        if !legacy_output {
            entry.remove("outputSchema");
        }
        let support = about.task.map(|support| match support {
            TaskSupport::Optional => json!({ "taskSupport": "optional" }),
            TaskSupport::Required => json!({ "taskSupport": "required" }),
        });
        insert(&mut entry, "execution", support);
        self.policy.tool(&name, about.scopes.iter().map(String::as_str));
        self.tool_list.push(Listing { name, modern, legacy: Json::Object(entry).to_string() });
        let (placement, task) = (about.placement, about.task);
        let spec = ToolSpec { placement, task, param_headers, validator, off: Switch::default() };
        self.tools.push(spec);
        ToolId(id)
    }

    /// Offers a prompt whose arguments are the properties of `input`, and says by which id it is
    /// rendered.
    pub fn add_prompt(&mut self, about: About, input: &Json) -> PromptId {
        let id = self.prompts.len();
        let name = about.name;
        if self.prompt_names.insert(name.clone(), id).is_some() {
            self.problem(format!("prompt `{name}`: there are two of this name"));
        }
        let mut entry = Map::new();
        entry.insert("name".into(), name.clone().into());
        insert(&mut entry, "title", about.title);
        insert(&mut entry, "description", about.description);
        entry.insert("arguments".into(), schema::prompt_arguments(input));
        insert(&mut entry, "_meta", about.meta);
        if !about.icons.is_empty() {
            entry.insert("icons".into(), json!(about.icons));
        }
        self.policy.prompt(&name, about.scopes.iter().map(String::as_str));
        self.prompt_list.push(Listing::same(&name, &Json::Object(entry)));
        self.prompts.push(about.placement);
        PromptId(id)
    }

    /// Offers a resource at a fixed URI, which is the name of `about`.
    pub fn add_resource(&mut self, about: &About) {
        let index = self.resources.placements.len();
        let uri = about.name.clone();
        if !uri.contains(':') {
            self.problem(format!("resource `{uri}`: a URI has a scheme, like `file:` or `app:`"));
        }
        self.needs_scopes(about);
        self.resource_list.push(Listing::same(&uri, &resource_entry(about, "uri")));
        self.resources.placements.push(about.placement);
        if self.resources.fixed.insert(uri.clone(), index).is_some() {
            self.problem(format!("resource `{uri}`: there are two at this URI"));
        }
    }

    /// Offers the resources of a URI template, which is the name of `about`.
    pub fn add_template(&mut self, about: &About) {
        let index = self.resources.placements.len();
        match Template::new(&about.name) {
            Ok(template) => self.resources.templates.push((template, index)),
            Err(problem) => self.problem(format!("resource template {problem}")),
        }
        self.list_template(about);
        self.resources.placements.push(about.placement);
    }

    /// Lists a URI template whose resources a provider reads.
    pub fn list_template(&mut self, about: &About) {
        self.needs_scopes(about);
        let entry = resource_entry(about, "uriTemplate");
        self.template_list.push(Listing::same(&about.name, &entry));
    }

    fn needs_scopes(&mut self, about: &About) {
        if about.scopes.is_empty() {
            return;
        }
        let scopes = about.scopes.iter().map(String::as_str);
        if let Err(problem) = self.policy.resource(&about.name, scopes) {
            self.problem(format!("resource template {problem}"));
        }
    }

    /// Says that [`Handler::complete`](super::Handler::complete) has something to suggest, and
    /// where it runs.
    pub fn add_completions(&mut self, placement: Placement) {
        self.completes = Some(placement);
    }

    /// Says that functions may send log lines to clients, or that
    /// [`Handler::log_level_set`](super::Handler::log_level_set) wants to know which.
    pub fn add_logging(&mut self) {
        self.logs = true;
    }

    /// Says that [`Handler::roots_changed`](super::Handler::roots_changed) wants to know.
    pub fn add_roots_watcher(&mut self) {
        self.hears_roots = true;
    }

    /// How long clients may keep lists and the contents of resources, in milliseconds
    /// (`ttlMs` of 2026-07-28). A list that a provider adds to may be kept as long as contents.
    pub fn cache(&mut self, lists_ttl_ms: u64, reads_ttl_ms: u64) {
        self.cache = CacheHints { lists_ttl_ms, reads_ttl_ms };
    }

    /// How many entries a page of a list has.
    pub fn page_size(&mut self, entries: usize) {
        self.page_size = entries.max(1);
    }

    /// What is wrong with what was added, if anything is.
    pub(crate) fn problem_found(&self) -> Option<&str> {
        self.problems.first().map(String::as_str)
    }

    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }
}

fn insert(entry: &mut Map<String, Json>, key: &str, value: Option<impl Into<Json>>) {
    if let Some(value) = value {
        entry.insert(key.into(), value.into());
    }
}

fn resource_entry(about: &About, uri_key: &str) -> Json {
    let last = about.name.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&about.name);
    let name = about.label.as_deref().unwrap_or(last);
    let mut entry = Map::new();
    entry.insert(uri_key.into(), about.name.clone().into());
    entry.insert("name".into(), name.into());
    insert(&mut entry, "title", about.title.clone());
    insert(&mut entry, "description", about.description.clone());
    insert(&mut entry, "mimeType", about.mime_type.clone());
    insert(&mut entry, "size", about.size);
    insert(&mut entry, "annotations", about.content_annotations.as_ref().map(|it| json!(it)));
    insert(&mut entry, "_meta", about.meta.clone());
    if !about.icons.is_empty() {
        entry.insert("icons".into(), json!(about.icons));
    }
    Json::Object(entry)
}
