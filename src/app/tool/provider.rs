//! Tools that are found when they are asked for: of a gateway, of a host of plug-ins.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::app::Failure;
use crate::app::about::{Annotations, Icon, Placement};
use crate::app::call::Call;
use crate::app::catalog::{Catalog, count_param_headers, drop_param_headers};
use crate::app::content::ToolReply;
use crate::app::page::{Entry, Page};
use crate::json::{self, Value};
use crate::limits;

/// One tool in a list (`Tool` of the schema).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolEntry {
    /// Its name.
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does; the model reads this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its arguments, of type `object`. `x-mcp-header` is not passed on, since
    /// only the schemas of the catalog are there when a request's headers are checked.
    pub input_schema: Json,
    /// The JSON Schema of its structured result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Json>,
    /// What it does to its surroundings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Icons for a user interface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// What the client's program may read, an object.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Json>,
}

/// A tool without a name that takes any arguments.
impl Default for ToolEntry {
    fn default() -> Self {
        ToolEntry {
            name: String::new(),
            title: None,
            description: None,
            input_schema: json!({ "type": "object" }),
            output_schema: None,
            annotations: None,
            icons: Vec::new(),
            meta: None,
        }
    }
}

/// A page of a list of tools, being written.
pub type ToolPage<'o> = Page<'o, ToolEntry>;

impl Entry for ToolEntry {
    fn key(&self) -> &str {
        &self.name
    }

    fn is_in(&self, catalog: &Catalog) -> bool {
        catalog.tool(&self.name).is_some()
    }

    fn problem(&self) -> Option<String> {
        let name = &self.name;
        if name.is_empty() || name.len() > limits::NAME_BYTES_MAX {
            return Some(format!("tool name `{name}`: 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        match is_of_objects(&self.input_schema) {
            true => None,
            false => Some(format!("tool `{name}`: its input schema must be of type `object`")),
        }
    }

    fn write(&self, objects_only: bool, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let shows_output = !objects_only || self.output_schema.as_ref().is_none_or(is_of_objects);
        if shows_output && count_param_headers(&self.input_schema) == 0 {
            return json::write_serialized(out, self);
        }
        let mut shown = self.clone();
        drop_param_headers(&mut shown.input_schema);
        shown.output_schema = shown.output_schema.filter(|_| shows_output);
        json::write_serialized(out, &shown)
    }
}

fn is_of_objects(schema: &Json) -> bool {
    schema.get("type").and_then(Json::as_str) == Some("object")
}

/// Tools that are too many, or too changeable, to be named one by one.
///
/// It is asked for every name that the catalog has not. What it lists may change at any time:
/// [`Notifier::tools_changed`](crate::Notifier::tools_changed) tells clients. None of its tools
/// declares that it runs as a task; on a worker, one becomes a task with [`Call::start_task`]. `()`
/// has none.
pub trait ToolProvider<S>: Send + Sync + 'static {
    /// Whether there is anything to list.
    const OFFERED: bool = true;

    /// Enters itself into the catalog: that it is there and where it runs
    /// ([`Catalog::add_tool_provider`]), and whether its tools send log lines
    /// ([`Catalog::add_logging`]). Unless said otherwise, it runs on workers.
    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_tool_provider(Placement::Worker);
    }

    /// Lists a page: entries go into `page` until it has no more [room](Page::room).
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] for a cursor that is not one of the provider's.
    fn list(&self, state: &S, cursor: Option<&str>, page: &mut ToolPage<'_>)
    -> Result<(), Failure>;

    /// Calls a tool. `arguments` is an object, and has not been checked against a schema.
    ///
    /// # Errors
    /// [`Failure::UnknownName`] when there is none of this name; any [`Failure`] for what the
    /// model could do nothing about; all else goes into `reply`.
    fn call(
        &self,
        state: &S,
        name: &str,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure>;
}

impl<S> ToolProvider<S> for () {
    const OFFERED: bool = false;

    fn list(&self, _: &S, _: Option<&str>, _: &mut ToolPage<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn call(
        &self,
        _: &S,
        _: &str,
        _: Value<'_>,
        _: &Call<'_>,
        _: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::UnknownName)
    }
}
