//! Tools that an operator has switched off: not listed, and unknown to who calls them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Catalog;
use crate::app::template::Template;

/// Whether one tool is off. Read by every call of it, written by a reload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switch(Arc<AtomicBool>);

impl Switch {
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The switches of all tools of a catalog, by name, and what else settings may name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    tools: Vec<(String, Switch)>,
    prompts: Vec<String>,
    /// URIs and URI templates.
    resources: Vec<String>,
    /// Whether there may be tools besides, which a provider names, or a handler of its own kind.
    more_tools: bool,
    /// The same of prompts.
    more_prompts: bool,
    /// The same of resources. A provider that lists templates has none but what they match.
    more_resources: bool,
}

impl Catalog {
    /// The switches of its tools.
    pub(crate) fn switches(&self) -> Switches {
        let tools = self.tool_names.iter();
        let tools = tools.map(|(name, id)| (name.clone(), self.tools[*id].off.clone()));
        let templates = self.template_list.iter().map(|listing| listing.name.clone());
        let resources = self.resources.fixed.keys().cloned().chain(templates);
        // Those that stand for functions of their own are in both.
        let lists_templates = self.template_list.len() > self.resources.templates.len();
        let has_unlisted = self.provided.resources.is_some() && !lists_templates;
        Switches {
            more_resources: has_unlisted || !self.has_resources(),
            resources: resources.collect(),
            tools: tools.collect(),
            prompts: self.prompt_names.keys().cloned().collect(),
            more_tools: self.provided.tools.is_some() || self.tools.is_empty(),
            more_prompts: self.provided.prompts.is_some() || self.prompts.is_empty(),
        }
    }
}

impl Switches {
    /// What is wrong with a name, where there is no tool of it that can be switched off.
    pub(crate) fn no_switch(&self, key: &str, name: &str) -> Option<String> {
        let names: Vec<_> = self.tools.iter().map(|(name, _)| &**name).collect();
        unknown(key, "tool", name, names)
    }

    /// What is wrong with a name, where there can be no tool of it.
    pub(crate) fn no_tool(&self, key: &str, name: &str) -> Option<String> {
        self.no_switch(key, name).filter(|_| !self.more_tools)
    }

    /// What is wrong with a name, where there can be no prompt of it.
    pub(crate) fn no_prompt(&self, key: &str, name: &str) -> Option<String> {
        let names = self.prompts.iter().map(String::as_str).collect();
        unknown(key, "prompt", name, names).filter(|_| !self.more_prompts)
    }

    /// What is wrong with a URI or a URI template, where it can be none of any resource.
    pub(crate) fn no_resource(&self, key: &str, uri: &str) -> Option<String> {
        // One that is no template is refused elsewhere.
        let named = Template::new(uri).ok()?;
        // A provider may list templates of kinds that we do not understand.
        let may_be = |own: &String| Template::new(own).map_or(true, |own| own.may_meet(&named));
        if self.more_resources || self.resources.iter().any(may_be) {
            return None;
        }
        unknown(key, "resource", uri, self.resources.iter().map(String::as_str).collect())
    }

    /// Switches these off, and all others on; says whether that changed anything.
    pub(crate) fn set(&self, off: &[String]) -> bool {
        let mut changed = false;
        for (name, switch) in &self.tools {
            let is_off = off.contains(name);
            changed |= switch.0.swap(is_off, Ordering::Relaxed) != is_off;
        }
        changed
    }
}

fn unknown(key: &str, kind: &str, name: &str, mut names: Vec<&str>) -> Option<String> {
    if names.contains(&name) {
        return None;
    }
    names.sort_unstable();
    let mut problem = format!("{key}: there is no {kind} `{name}`");
    let _ = match names.is_empty() {
        true => write!(problem, " (there are none but those of providers)"),
        false => write!(problem, " (there are: {})", names.join(", ")),
    };
    Some(problem)
}
