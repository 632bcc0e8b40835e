//! Telling clients, from any thread, that something changed.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::store::{Hub, Notice};

/// Tells clients that something changed: those who listen (2026-07-28, `subscriptions/listen`), and
/// those whose sessions have opened a stream, or subscribed (up to 2025-11-25); what comes while
/// the stream is not open waits for it.
///
/// Cheap to clone, and to be used from any thread. Nobody waits for a client here: what a client
/// does not read in time is merged, and at last lost.
#[derive(Clone, Default)]
pub struct Notifier {
    /// Set when the server starts; before that, there is nobody to tell.
    hub: Arc<OnceLock<Arc<Hub>>>,
}

impl Notifier {
    pub(crate) fn new(hub: Arc<Hub>) -> Notifier {
        Notifier { hub: Arc::new(OnceLock::from(hub)) }
    }

    pub(crate) fn begin(&self, hub: Arc<Hub>) {
        // A server starts once.
        let _ = self.hub.set(hub);
    }

    fn notify(&self, notice: Notice<'_>) {
        if let Some(hub) = self.hub.get() {
            hub.notify(notice);
        }
    }

    /// The list of tools is another one.
    pub fn tools_changed(&self) {
        self.notify(Notice::Tools);
    }

    /// The list of prompts is another one.
    pub fn prompts_changed(&self) {
        self.notify(Notice::Prompts);
    }

    /// The list of resources is another one.
    pub fn resources_changed(&self) {
        self.notify(Notice::Resources);
    }

    /// The resource of this URI has other contents. Those who subscribed to it are told.
    pub fn resource_updated(&self, uri: &str) {
        self.notify(Notice::Resource(uri));
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notifier")
    }
}
