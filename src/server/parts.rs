//! The parts of an application: one is exchanged for another, and the type changes with it.

use crate::app::Catalog;
use crate::app::application::{App, Hooks, Providers, Trees};

impl<S> App<S, Trees, Providers, Hooks> {
    pub(super) fn new(state: S, catalog: Catalog) -> Self {
        let (trees, providers, hooks) = <(Trees, Providers, Hooks)>::default();
        App { state, trees, providers, hooks, catalog, readiness: |_, _| () }
    }
}

impl<S, F, D, H> App<S, F, D, H> {
    pub(super) fn map_trees<X>(self, map: impl FnOnce(F) -> X) -> App<S, X, D, H> {
        let App { state, trees, providers, hooks, catalog, readiness } = self;
        App { state, trees: map(trees), providers, hooks, catalog, readiness }
    }

    pub(super) fn map_providers<X>(self, map: impl FnOnce(D) -> X) -> App<S, F, X, H> {
        let App { state, trees, providers, hooks, catalog, readiness } = self;
        App { state, trees, providers: map(providers), hooks, catalog, readiness }
    }

    pub(super) fn map_hooks<X>(self, map: impl FnOnce(H) -> X) -> App<S, F, D, X> {
        let App { state, trees, providers, hooks, catalog, readiness } = self;
        App { state, trees, providers, hooks: map(hooks), catalog, readiness }
    }
}

impl<T, P, R> Trees<T, P, R> {
    pub(super) fn and_tools<X>(self, added: X) -> Trees<(T, X), P, R> {
        let Trees { tools, prompts, resources } = self;
        Trees { tools: (tools, added), prompts, resources }
    }

    pub(super) fn and_prompt<X>(self, added: X) -> Trees<T, (P, X), R> {
        let Trees { tools, prompts, resources } = self;
        Trees { tools, prompts: (prompts, added), resources }
    }

    pub(super) fn and_resource<X>(self, added: X) -> Trees<T, P, (R, X)> {
        let Trees { tools, prompts, resources } = self;
        Trees { tools, prompts, resources: (resources, added) }
    }
}

impl<T, P, R, L> Providers<T, P, R, L> {
    pub(super) fn with_tools<X>(self, tools: X) -> Providers<X, P, R, L> {
        let Providers { prompts, resources, logging, .. } = self;
        Providers { tools, prompts, resources, logging }
    }

    pub(super) fn with_prompts<X>(self, prompts: X) -> Providers<T, X, R, L> {
        let Providers { tools, resources, logging, .. } = self;
        Providers { tools, prompts, resources, logging }
    }

    pub(super) fn with_resources<X>(self, resources: X) -> Providers<T, P, X, L> {
        let Providers { tools, prompts, logging, .. } = self;
        Providers { tools, prompts, resources, logging }
    }

    pub(super) fn with_logging<X>(self, logging: X) -> Providers<T, P, R, X> {
        let Providers { tools, prompts, resources, .. } = self;
        Providers { tools, prompts, resources, logging }
    }
}

impl<C, W, A, Z> Hooks<C, W, A, Z> {
    pub(super) fn with_completer<X>(self, completer: X) -> Hooks<X, W, A, Z> {
        let Hooks { roots_watcher, authenticator, authorizer, .. } = self;
        Hooks { completer, roots_watcher, authenticator, authorizer }
    }

    pub(super) fn with_roots_watcher<X>(self, roots_watcher: X) -> Hooks<C, X, A, Z> {
        let Hooks { completer, authenticator, authorizer, .. } = self;
        Hooks { completer, roots_watcher, authenticator, authorizer }
    }

    pub(super) fn with_authenticator<X>(self, authenticator: X) -> Hooks<C, W, X, Z> {
        let Hooks { completer, roots_watcher, authorizer, .. } = self;
        Hooks { completer, roots_watcher, authenticator, authorizer }
    }

    pub(super) fn with_authorizer<X>(self, authorizer: X) -> Hooks<C, W, A, X> {
        let Hooks { completer, roots_watcher, authenticator, .. } = self;
        Hooks { completer, roots_watcher, authenticator, authorizer }
    }
}
