//! Tools that an operator has switched off: not listed, and unknown to who calls them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Catalog;

/// Whether one tool is off. Read by every call of it, written by a reload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switch(Arc<AtomicBool>);

impl Switch {
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The switches of all tools of a catalog, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches(Vec<(String, Switch)>);

impl Catalog {
    /// The switches of its tools.
    pub(crate) fn switches(&self) -> Switches {
        let names = self.tool_names.iter();
        Switches(names.map(|(name, id)| (name.clone(), self.tools[*id].off.clone())).collect())
    }
}

impl Switches {
    /// Whether there are tools of all these names; what is wrong otherwise.
    pub(crate) fn check(&self, off: &[String]) -> Result<(), String> {
        let is_there = |name: &&String| self.0.iter().any(|(other, _)| other == *name);
        let Some(missing) = off.iter().find(|name| !is_there(name)) else { return Ok(()) };
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut problem = format!("tools.disabled: there is no tool `{missing}`");
        let _ = match names.is_empty() {
            true => write!(problem, " (there are none but those of providers)"),
            false => write!(problem, " (there are: {})", names.join(", ")),
        };
        Err(problem)
    }

    /// Switches these off, and all others on; says whether that changed anything.
    pub(crate) fn set(&self, off: &[String]) -> bool {
        let mut changed = false;
        for (name, switch) in &self.0 {
            let is_off = off.contains(name);
            changed |= switch.0.swap(is_off, Ordering::Relaxed) != is_off;
        }
        changed
    }
}
