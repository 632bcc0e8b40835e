//! The parts of an application: one is exchanged for another, and the type changes with it.

use crate::app::{App, Catalog};

impl<S> App<S, (), (), (), (), (), (), ()> {
    pub(super) fn new(state: S, catalog: Catalog) -> Self {
        App {
            state,
            tools: (),
            prompts: (),
            resources: (),
            provider: (),
            completer: (),
            roots_watcher: (),
            authenticator: (),
            catalog,
        }
    }
}

impl<S, T, P, R, D, C, W, A> App<S, T, P, R, D, C, W, A> {
    pub(super) fn map_tools<X>(self, map: impl FnOnce(T) -> X) -> App<S, X, P, R, D, C, W, A> {
        App {
            tools: map(self.tools),
            state: self.state,
            prompts: self.prompts,
            resources: self.resources,
            provider: self.provider,
            completer: self.completer,
            roots_watcher: self.roots_watcher,
            authenticator: self.authenticator,
            catalog: self.catalog,
        }
    }

    pub(super) fn map_prompts<X>(self, map: impl FnOnce(P) -> X) -> App<S, T, X, R, D, C, W, A> {
        App {
            prompts: map(self.prompts),
            state: self.state,
            tools: self.tools,
            resources: self.resources,
            provider: self.provider,
            completer: self.completer,
            roots_watcher: self.roots_watcher,
            authenticator: self.authenticator,
            catalog: self.catalog,
        }
    }

    pub(super) fn map_resources<X>(self, map: impl FnOnce(R) -> X) -> App<S, T, P, X, D, C, W, A> {
        App {
            resources: map(self.resources),
            state: self.state,
            tools: self.tools,
            prompts: self.prompts,
            provider: self.provider,
            completer: self.completer,
            roots_watcher: self.roots_watcher,
            authenticator: self.authenticator,
            catalog: self.catalog,
        }
    }

    pub(super) fn map_provider<X>(self, map: impl FnOnce(D) -> X) -> App<S, T, P, R, X, C, W, A> {
        App {
            provider: map(self.provider),
            state: self.state,
            tools: self.tools,
            prompts: self.prompts,
            resources: self.resources,
            completer: self.completer,
            roots_watcher: self.roots_watcher,
            authenticator: self.authenticator,
            catalog: self.catalog,
        }
    }

    pub(super) fn map_completer<X>(self, map: impl FnOnce(C) -> X) -> App<S, T, P, R, D, X, W, A> {
        App {
            completer: map(self.completer),
            state: self.state,
            tools: self.tools,
            prompts: self.prompts,
            resources: self.resources,
            provider: self.provider,
            roots_watcher: self.roots_watcher,
            authenticator: self.authenticator,
            catalog: self.catalog,
        }
    }

    pub(super) fn map_roots_watcher<X>(
        self,
        map: impl FnOnce(W) -> X,
    ) -> App<S, T, P, R, D, C, X, A> {
        App {
            roots_watcher: map(self.roots_watcher),
            state: self.state,
            tools: self.tools,
            prompts: self.prompts,
            resources: self.resources,
            provider: self.provider,
            completer: self.completer,
            authenticator: self.authenticator,
            catalog: self.catalog,
        }
    }

    pub(super) fn map_authenticator<X>(
        self,
        map: impl FnOnce(A) -> X,
    ) -> App<S, T, P, R, D, C, W, X> {
        App {
            authenticator: map(self.authenticator),
            state: self.state,
            tools: self.tools,
            prompts: self.prompts,
            resources: self.resources,
            provider: self.provider,
            completer: self.completer,
            roots_watcher: self.roots_watcher,
            catalog: self.catalog,
        }
    }
}
