//! What is offered, and where it runs.

use super::{Catalog, Names, PromptId, ToolId};
use crate::app::about::Placement;
use crate::app::resource::Matched;
use crate::app::template::Template;

/// Fixed resources and templates.
#[derive(Debug, Default)]
pub(crate) struct ResourceIndex {
    pub(super) fixed: Names,
    pub(super) templates: Vec<(Template, usize)>,
    pub(super) placements: Vec<Placement>,
}

impl ResourceIndex {
    /// The leaf that answers to `uri`, and the variables its template finds in it.
    pub(crate) fn find(&self, uri: &str) -> Option<(usize, Matched)> {
        let matched = |variables| Matched { uri: uri.to_owned(), variables };
        if let Some(&index) = self.fixed.get(uri) {
            return Some((index, matched(Vec::new())));
        }
        self.templates.iter().find_map(|(template, index)| {
            template.matches(uri).map(|variables| (*index, matched(variables)))
        })
    }

    /// Whether there is a fixed resource at `uri`.
    pub(crate) fn has_fixed(&self, uri: &str) -> bool {
        self.fixed.contains_key(uri)
    }
}

/// Where providers list and answer: [`Placement::Worker`] when they may wait; `None` where there
/// is no provider.
#[derive(Debug, Default)]
pub(crate) struct Provided {
    pub(crate) tools: Option<Placement>,
    pub(crate) prompts: Option<Placement>,
    pub(crate) resources: Option<Placement>,
}

impl Catalog {
    /// Says that [`Handler::list_tools`](crate::Handler::list_tools) has something to list, and
    /// where it and [`Handler::call_provided_tool`](crate::Handler::call_provided_tool) run.
    pub fn add_tool_provider(&mut self, placement: Placement) {
        self.provided.tools = Some(placement);
    }

    /// Says that [`Handler::list_prompts`](crate::Handler::list_prompts) has something to list, and
    /// where it and [`Handler::get_provided_prompt`](crate::Handler::get_provided_prompt) run.
    pub fn add_prompt_provider(&mut self, placement: Placement) {
        self.provided.prompts = Some(placement);
    }

    /// Says that [`Handler::list_resources`](crate::Handler::list_resources) has something to
    /// list, and where it and reading run.
    pub fn add_resource_provider(&mut self, placement: Placement) {
        self.provided.resources = Some(placement);
    }

    /// The tool of this name, unless it is switched off.
    #[inline]
    pub(crate) fn tool(&self, name: &str) -> Option<ToolId> {
        let index = *self.tool_names.get(name)?;
        (!self.tools[index].off.is_off()).then_some(ToolId(index))
    }

    /// The prompt of this name.
    pub(crate) fn prompt(&self, name: &str) -> Option<PromptId> {
        self.prompt_names.get(name).copied().map(PromptId)
    }

    /// Where a read of `uri` runs; `None` when nothing could answer it.
    pub(crate) fn read_placement(&self, uri: &str) -> Option<Placement> {
        match self.resources.find(uri) {
            Some((index, _)) => Some(self.resources.placements[index]),
            None => self.provided.resources,
        }
    }

    /// Whether anything is placed on workers.
    pub(crate) fn needs_workers(&self) -> bool {
        let placements = self.prompts.iter().chain(&self.resources.placements).copied();
        let tools = self.tools.iter().map(|tool| tool.placement);
        let Provided { tools: provided, prompts, resources } = self.provided;
        let one_of_each = [provided, prompts, resources, self.completes];
        let mut all = placements.chain(tools).chain(one_of_each.into_iter().flatten());
        self.hears_roots || all.any(|placement| placement == Placement::Worker)
    }

    /// Whether any tool may run as a task.
    pub(crate) fn has_tasks(&self) -> bool {
        // A function on a worker may start one by itself.
        self.provided.tools == Some(Placement::Worker)
            || self
                .tools
                .iter()
                .any(|tool| tool.task.is_some() || tool.placement == Placement::Worker)
    }

    /// Whether there are tools, or may be.
    #[inline]
    pub(crate) fn has_tools(&self) -> bool {
        !self.tools.is_empty() || self.provided.tools.is_some()
    }

    /// Whether there are prompts, or may be.
    pub(crate) fn has_prompts(&self) -> bool {
        !self.prompts.is_empty() || self.provided.prompts.is_some()
    }

    /// Whether there are resources of any kind, or may be.
    pub(crate) fn has_resources(&self) -> bool {
        !self.resources.placements.is_empty() || self.provided.resources.is_some()
    }
}
