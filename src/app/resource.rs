//! Resources: fixed ones, templates, and providers of many.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, DeserializeOwned};

use super::Failure;
use super::about::{About, Icon, Placement};
use super::call::Call;
use super::catalog::Catalog;
use super::content::{ContentAnnotations, ResourceContents};
use super::function::Function;
use super::page::{Entry, Page};
use crate::json;
use variable::Text;

mod variable;

/// One resource in a list (`Resource` of the schema).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceEntry {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its MIME type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Icons for a user interface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<ContentAnnotations>,
    /// What the client's program may read, an object.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<serde_json::Value>,
}

/// A page of a list of resources, being written.
pub type ResourcePage<'o> = Page<'o, ResourceEntry>;

impl Entry for ResourceEntry {
    fn key(&self) -> &str {
        &self.uri
    }

    fn is_in(&self, catalog: &Catalog) -> bool {
        catalog.resources.has_fixed(&self.uri)
    }
}

/// Where the contents of a resource are written.
///
/// It is written once; were it written again, the last time counts.
pub struct ResourceReply<'o> {
    out: &'o mut Vec<u8>,
    from: usize,
}

impl<'o> ResourceReply<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        let from = out.len();
        ResourceReply { out, from }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == self.from
    }

    /// Writes the contents.
    ///
    /// # Errors
    /// None for the types of this crate.
    pub fn contents(&mut self, contents: &[ResourceContents]) -> Result<(), Failure> {
        self.out.truncate(self.from);
        self.out.extend_from_slice(br#""contents":"#);
        json::write_serialized(self.out, &contents)
            .map_err(|error| Failure::Internal(error.to_string()))
    }
}

/// What a resource's function may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a resource",
    note = "return `String`, `Vec<u8>`, `ResourceContents`, or an `Option` (none: not found) or \
            `Result` of one of them"
)]
pub trait IntoResource {
    /// The contents, for the URI that was asked for and the MIME type that was declared.
    ///
    /// # Errors
    /// [`Failure::ResourceNotFound`], or what the function returned as its error.
    fn into_contents(self, uri: &str, mime: Option<&str>) -> Result<ResourceContents, Failure>;
}

impl IntoResource for String {
    fn into_contents(self, uri: &str, mime: Option<&str>) -> Result<ResourceContents, Failure> {
        Ok(ResourceContents::text(uri, self).mime(mime.unwrap_or("text/plain")))
    }
}

impl IntoResource for &'static str {
    fn into_contents(self, uri: &str, mime: Option<&str>) -> Result<ResourceContents, Failure> {
        self.to_owned().into_contents(uri, mime)
    }
}

impl IntoResource for Vec<u8> {
    fn into_contents(self, uri: &str, mime: Option<&str>) -> Result<ResourceContents, Failure> {
        let mime = mime.unwrap_or("application/octet-stream");
        Ok(ResourceContents::blob(uri, &self).mime(mime))
    }
}

impl IntoResource for ResourceContents {
    fn into_contents(self, _: &str, _: Option<&str>) -> Result<ResourceContents, Failure> {
        Ok(self)
    }
}

impl<T: IntoResource> IntoResource for Option<T> {
    fn into_contents(self, uri: &str, mime: Option<&str>) -> Result<ResourceContents, Failure> {
        match self {
            Some(resource) => resource.into_contents(uri, mime),
            None => Err(Failure::ResourceNotFound),
        }
    }
}

impl<T: IntoResource, E: Display> IntoResource for Result<T, E> {
    fn into_contents(self, uri: &str, mime: Option<&str>) -> Result<ResourceContents, Failure> {
        match self {
            Ok(resource) => resource.into_contents(uri, mime),
            Err(error) => Err(Failure::Internal(error.to_string())),
        }
    }
}

/// What a URI was matched to: the URI, and the variables when it came of a template.
pub struct Matched {
    pub(crate) uri: String,
    pub(crate) variables: Vec<(String, String)>,
}

/// A tree of resources and templates over the state `S`; see [`Tools`](super::tool::Tools).
pub trait Resources<S>: Send + Sync + 'static {
    /// How many leaves the tree holds.
    const COUNT: usize;

    /// Enters each leaf into the catalog.
    fn describe(&self, catalog: &mut Catalog);

    /// Reads the resource of the leaf at `index`.
    ///
    /// # Errors
    /// [`Failure::ResourceNotFound`], [`Failure::Internal`].
    fn read(
        &self,
        index: usize,
        state: &S,
        matched: &Matched,
        call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure>;
}

impl<S> Resources<S> for () {
    const COUNT: usize = 0;

    fn describe(&self, _catalog: &mut Catalog) {}

    fn read(
        &self,
        _: usize,
        _: &S,
        _: &Matched,
        _: &Call<'_>,
        _: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::ResourceNotFound)
    }
}

impl<S, A: Resources<S>, B: Resources<S>> Resources<S> for (A, B) {
    const COUNT: usize = A::COUNT + B::COUNT;

    fn describe(&self, catalog: &mut Catalog) {
        self.0.describe(catalog);
        self.1.describe(catalog);
    }

    fn read(
        &self,
        index: usize,
        state: &S,
        matched: &Matched,
        call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        if index < A::COUNT {
            return self.0.read(index, state, matched, call, reply);
        }
        self.1.read(index - A::COUNT, state, matched, call, reply)
    }
}

/// A fixed resource: a URI and a function of the state.
pub struct FixedResource<F> {
    pub(crate) about: About,
    pub(crate) function: F,
}

impl<S, F, O> Resources<S> for FixedResource<F>
where
    F: Fn(&S) -> O + Send + Sync + 'static,
    O: IntoResource,
{
    const COUNT: usize = 1;

    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_resource(&self.about);
    }

    fn read(
        &self,
        _index: usize,
        state: &S,
        matched: &Matched,
        _call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        let resource = (self.function)(state);
        let mime = self.about.mime_type.as_deref();
        reply.contents(&[resource.into_contents(&matched.uri, mime)?])
    }
}

/// A resource template: a URI template and a function of its variables.
pub struct TemplateResource<F, Shape> {
    about: About,
    function: F,
    shape: PhantomData<fn(Shape)>,
}

impl<F, Shape> TemplateResource<F, Shape> {
    pub(crate) fn new(about: About, function: F) -> Self {
        TemplateResource { about, function, shape: PhantomData }
    }
}

impl<S, F, Shape> Resources<S> for TemplateResource<F, Shape>
where
    Shape: 'static,
    F: Function<S, Shape>,
    F::Input: DeserializeOwned,
    F::Output: IntoResource,
{
    const COUNT: usize = 1;

    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_template(&self.about);
    }

    fn read(
        &self,
        _index: usize,
        state: &S,
        matched: &Matched,
        call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        let variables = matched.variables.iter().map(|(name, value)| (name.as_str(), Text(value)));
        // Variables that do not fit the type (`note://{id}` with a number for the id) name nothing.
        let input = F::Input::deserialize(MapDeserializer::new(variables))
            .map_err(|_: variable::NoMatch| Failure::ResourceNotFound)?;
        let resource = self.function.invoke(state, input, call);
        let mime = self.about.mime_type.as_deref();
        reply.contents(&[resource.into_contents(&matched.uri, mime)?])
    }
}

/// Resources that are too many, or too changeable, to be named one by one: a table, a folder.
///
/// It is asked for every URI that no fixed resource and no template answers to. `()` has none.
pub trait ResourceProvider<S>: Send + Sync + 'static {
    /// Whether there is anything to list.
    const OFFERED: bool = true;

    /// Enters itself into the catalog: that it is there and where it runs
    /// ([`Catalog::add_resource_provider`]), and the URI templates it answers to
    /// ([`Catalog::list_template`]), which settings may not name others beside. Unless said
    /// otherwise, it runs on workers.
    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_resource_provider(Placement::Worker);
    }

    /// Lists a page: entries go into `page` until it has no more [room](Page::room).
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] for a cursor that is not one of the provider's.
    fn list(
        &self,
        state: &S,
        cursor: Option<&str>,
        page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure>;

    /// Reads a resource.
    ///
    /// # Errors
    /// [`Failure::ResourceNotFound`] when there is none of this URI.
    fn read(
        &self,
        state: &S,
        uri: &str,
        call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure>;
}

impl<S> ResourceProvider<S> for () {
    const OFFERED: bool = false;

    fn list(&self, _: &S, _: Option<&str>, _: &mut ResourcePage<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&self, _: &S, _: &str, _: &Call<'_>, _: &mut ResourceReply<'_>) -> Result<(), Failure> {
        Err(Failure::ResourceNotFound)
    }
}
