//! What somebody may use: by the scopes that each thing needs, or by a function of the
//! application's own.
//!
//! A request is asked about twice: by what its head says of it (`Mcp-Method`, `Mcp-Name`), before
//! its body is read, and by the body.

use std::collections::HashMap;

use super::template::Template;
use crate::protocol::Principal;

/// What a request is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Any request at all.
    Request,
    /// A request of this method.
    Method(&'a str),
    /// The use of this tool.
    Tool(&'a str),
    /// The use of this prompt: rendering it, or completing its arguments.
    Prompt(&'a str),
    /// The use of the resource of this URI, or of a template: reading, watching, completing.
    Resource(&'a str),
}

/// Somebody may not do something: the scopes with which they could, all of them. None means that
/// no scope would help.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    scopes: Vec<Box<str>>,
}

impl Missing {
    /// These scopes are needed.
    pub fn scopes<'s>(scopes: impl IntoIterator<Item = &'s str>) -> Missing {
        let mut missing = Missing::default();
        missing.add(scopes);
        missing
    }

    /// Whether no scope would help.
    pub(crate) fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The scopes, separated by spaces (RFC 6749 §3.3).
    pub(crate) fn text(&self) -> String {
        self.scopes.join(" ")
    }

    /// More is needed: all of it is said at once, so that nobody has to ask step by step.
    pub(crate) fn and(&mut self, other: &Missing) {
        self.add(other.scopes.iter().map(|scope| &**scope));
    }

    fn add<'s>(&mut self, scopes: impl IntoIterator<Item = &'s str>) {
        for scope in scopes {
            if !self.scopes.iter().any(|known| **known == *scope) {
                self.scopes.push(scope.into());
            }
        }
    }
}

/// Decides what a principal may use, beside the scopes that things declare; `()` allows everything
/// and costs nothing.
///
/// It runs on the shard, several times for one request, and for each entry of a list: it must not
/// wait.
pub trait Authorizer<S>: Send + Sync + 'static {
    /// Whether it is to be asked at all.
    #[inline]
    fn decides(&self) -> bool {
        true
    }

    /// The scopes that it may ask for, for clients that want to know beforehand.
    fn scopes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Decides about one action. Without a principal, it is somebody unknown.
    ///
    /// # Errors
    /// [`Missing`]: what would be needed.
    fn authorize(
        &self,
        state: &S,
        principal: Option<&Principal>,
        action: Action<'_>,
    ) -> Result<(), Missing>;
}

impl<S> Authorizer<S> for () {
    #[inline]
    fn decides(&self) -> bool {
        false
    }

    #[inline]
    fn authorize(&self, _: &S, _: Option<&Principal>, _: Action<'_>) -> Result<(), Missing> {
        Ok(())
    }
}

/// An authorizer made of a function.
pub struct FunctionAuthorizer<F>(pub(crate) F);

impl<S, F> Authorizer<S> for FunctionAuthorizer<F>
where
    F: Fn(&S, Option<&Principal>, Action<'_>) -> Result<(), Missing> + Send + Sync + 'static,
{
    fn authorize(
        &self,
        state: &S,
        principal: Option<&Principal>,
        action: Action<'_>,
    ) -> Result<(), Missing> {
        (self.0)(state, principal, action)
    }
}

/// The scopes that each thing needs, all of them: for each request, and for each use of a tool, a
/// prompt, a resource. [`About::scopes`](crate::About::scopes) adds to it, as do settings.
#[derive(Debug, Default)]
pub struct Policy {
    requests: Scopes,
    anonymous: Scopes,
    tools: Table,
    prompts: Table,
    resources: Table,
    /// Resources by their templates.
    templates: Vec<(Template, Scopes)>,
    decides: bool,
}

impl Policy {
    /// Each request needs these scopes.
    pub fn requests<'s>(&mut self, scopes: impl IntoIterator<Item = &'s str>) {
        self.decides |= add(&mut self.requests, scopes);
    }

    /// Somebody unknown counts as having these scopes.
    pub fn anonymous<'s>(&mut self, scopes: impl IntoIterator<Item = &'s str>) {
        add(&mut self.anonymous, scopes);
    }

    /// A tool needs these scopes.
    pub fn tool<'s>(&mut self, name: &str, scopes: impl IntoIterator<Item = &'s str>) {
        self.decides |= add(self.tools.entry(name.into()).or_default(), scopes);
    }

    /// A prompt needs these scopes.
    pub fn prompt<'s>(&mut self, name: &str, scopes: impl IntoIterator<Item = &'s str>) {
        self.decides |= add(self.prompts.entry(name.into()).or_default(), scopes);
    }

    /// The resource of a URI needs these scopes, or those of a URI template. One that several of
    /// them match needs what all of them say.
    ///
    /// # Errors
    /// It is a template that is not understood.
    pub fn resource<'s>(
        &mut self,
        uri: &str,
        scopes: impl IntoIterator<Item = &'s str>,
    ) -> Result<(), String> {
        let mut needed = Vec::new();
        self.decides |= add(&mut needed, scopes);
        match uri.contains('{') {
            true => self.templates.push((Template::new(uri)?, needed)),
            false => self.resources.entry(uri.into()).or_default().extend(needed),
        }
        Ok(())
    }

    /// All that another policy asks for is asked for besides.
    pub(crate) fn extend(&mut self, other: Policy) {
        self.requests.extend(other.requests);
        self.anonymous.extend(other.anonymous);
        for (own, others) in [
            (&mut self.tools, other.tools),
            (&mut self.prompts, other.prompts),
            (&mut self.resources, other.resources),
        ] {
            for (name, scopes) in others {
                own.entry(name).or_default().extend(scopes);
            }
        }
        self.templates.extend(other.templates);
        self.decides |= other.decides;
    }

    /// Whether it asks for anything.
    #[inline]
    pub(crate) fn decides(&self) -> bool {
        self.decides
    }

    /// Every scope that it may ask for, sorted.
    pub(crate) fn scopes(&self) -> Vec<&str> {
        let named = self.tools.values().chain(self.prompts.values()).chain(self.resources.values());
        let templates = self.templates.iter().map(|(_, scopes)| scopes);
        let all = named.chain(templates).chain([&self.requests]).flatten();
        let mut scopes: Vec<&str> = all.map(|scope| &**scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// What it names: tools, prompts, and resources with their templates.
    pub(crate) fn names(&self) -> (Vec<&str>, Vec<&str>, Vec<String>) {
        let resources = names(&self.resources).map(str::to_owned);
        let templates = self.templates.iter().map(|(template, _)| template.to_string());
        let resources = resources.chain(templates).collect();
        (names(&self.tools).collect(), names(&self.prompts).collect(), resources)
    }

    /// Decides about one action.
    pub(crate) fn authorize(
        &self,
        principal: Option<&Principal>,
        action: Action<'_>,
    ) -> Result<(), Missing> {
        let needed = self.needed(action);
        let has = |scope: &str| match principal {
            Some(principal) => principal.has(scope),
            None => self.anonymous.iter().any(|own| **own == *scope),
        };
        match needed.iter().all(|scope| has(scope)) {
            true => Ok(()),
            false => Err(Missing::scopes(needed)),
        }
    }

    fn needed(&self, action: Action<'_>) -> Vec<&str> {
        let matching = |uri| {
            let templates = self.templates.iter();
            templates.filter(move |(it, _)| it.matches(uri).is_some()).map(|(_, scopes)| scopes)
        };
        let needed: Vec<&Scopes> = match action {
            Action::Request => vec![&self.requests],
            Action::Method(_) => Vec::new(),
            Action::Tool(name) => self.tools.get(name).into_iter().collect(),
            Action::Prompt(name) => self.prompts.get(name).into_iter().collect(),
            Action::Resource(uri) => {
                self.resources.get(uri).into_iter().chain(matching(uri)).collect()
            }
        };
        needed.into_iter().flatten().map(|scope| &**scope).collect()
    }
}

type Scopes = Vec<Box<str>>;
type Table = HashMap<Box<str>, Scopes>;

fn names(table: &Table) -> impl Iterator<Item = &str> {
    table.keys().map(|name| &**name)
}

/// Adds scopes to others. Says whether there were any.
fn add<'s>(to: &mut Scopes, scopes: impl IntoIterator<Item = &'s str>) -> bool {
    let before = to.len();
    to.extend(scopes.into_iter().map(Box::from));
    to.len() > before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let mut policy = Policy::default();
        policy.requests(["use"]);
        policy.tool("write", ["w", "x"]);
        policy.prompt("write", ["p"]);
        policy.resource("note://{id}", ["r"]).unwrap();
        policy.resource("note://secret", ["s"]).unwrap();
        policy
    }

    #[test]
    fn all_that_is_needed_is_named() {
        let policy = policy();
        let may = |scopes: &[&str], action| {
            let somebody = Principal::named("a").with_scopes(scopes.iter().copied());
            policy.authorize(Some(&somebody), action).map_err(|missing| missing.text())
        };
        assert_eq!(may(&[], Action::Request), Err("use".to_owned()));
        assert_eq!(may(&["use"], Action::Request), Ok(()));
        assert_eq!(may(&[], Action::Method("tools/list")), Ok(()));
        assert_eq!(may(&["x"], Action::Tool("write")), Err("w x".to_owned()));
        assert_eq!(may(&["x", "w"], Action::Tool("write")), Ok(()));
        assert_eq!(may(&[], Action::Tool("read")), Ok(()));
        assert_eq!(may(&["w", "x"], Action::Prompt("write")), Err("p".to_owned()));
        assert_eq!(may(&[], Action::Resource("memo://1")), Ok(()));
        assert_eq!(may(&[], Action::Resource("note://1")), Err("r".to_owned()));
        assert_eq!(may(&["r"], Action::Resource("note://{id}")), Ok(()), "the template");
        assert_eq!(may(&["r"], Action::Resource("note://secret")), Err("s r".to_owned()));
        assert_eq!(may(&["r", "s"], Action::Resource("note://secret")), Ok(()));
        assert_eq!(policy.scopes(), ["p", "r", "s", "use", "w", "x"]);
    }

    #[test]
    fn somebody_unknown_has_what_everybody_has() {
        let mut policy = policy();
        assert!(policy.authorize(None, Action::Request).is_err());
        policy.anonymous(["use"]);
        assert!(policy.authorize(None, Action::Request).is_ok());
        assert!(policy.authorize(None, Action::Tool("write")).is_err());
        let known = Principal::named("a");
        assert!(policy.authorize(Some(&known), Action::Request).is_err(), "theirs are their own");
    }

    #[test]
    fn policies_add_up() {
        assert!(!Policy::default().decides());
        let mut one = Policy::default();
        one.tool("write", []);
        assert!(!one.decides(), "nothing is asked for");
        one.extend(policy());
        one.tool("write", ["y"]);
        assert!(one.decides());
        let missing = one.authorize(None, Action::Tool("write")).unwrap_err();
        assert_eq!(missing, Missing::scopes(["w", "x", "y"]));
        assert!(one.resource("note://{", ["r"]).is_err());
    }
}
