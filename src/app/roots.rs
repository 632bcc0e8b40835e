//! Hearing that a client works on other folders.

use super::call::Call;

/// What hears that a client's roots changed; `()` does not listen.
pub trait RootsWatcher<S>: Send + Sync + 'static {
    /// Whether it listens.
    const LISTENS: bool = true;

    /// A client's roots changed; [`Call::roots`] asks for them.
    fn roots_changed(&self, state: &S, call: &Call<'_>);
}

impl<S> RootsWatcher<S> for () {
    const LISTENS: bool = false;

    fn roots_changed(&self, _: &S, _: &Call<'_>) {}
}

/// A watcher made of a function.
pub struct FunctionWatcher<F>(pub(crate) F);

impl<S, F> RootsWatcher<S> for FunctionWatcher<F>
where
    F: Fn(&S, &Call<'_>) + Send + Sync + 'static,
{
    fn roots_changed(&self, state: &S, call: &Call<'_>) {
        (self.0)(state, call);
    }
}
