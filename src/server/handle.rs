//! What can be asked of a server that runs, from any thread.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{ServeError, settings};
use crate::app::Notifier;
use crate::app::catalog::Switches;
use crate::config::{Config, Reloaded};
use crate::limits;
use crate::runtime::{self, Certificates, Control, Logs, Opened};

/// What can be asked of a server that runs: to stop, to take other settings, to hand its sockets
/// over. Cheap to clone, and to be used from any thread.
#[derive(Clone)]
pub struct Handle {
    pub(super) control: Control,
    pub(super) notifier: Notifier,
    switches: Switches,
    pub(super) certificates: Option<Certificates>,
    /// Whether the application asks who comes.
    authenticates: bool,
    /// What holds now.
    config: Arc<Mutex<Config>>,
}

impl Handle {
    pub(super) fn new(
        control: Control,
        notifier: Notifier,
        switches: Switches,
        certificates: Option<Certificates>,
        authenticates: bool,
        config: Config,
    ) -> Handle {
        let config = Arc::new(Mutex::new(config));
        Handle { control, notifier, switches, certificates, authenticates, config }
    }

    /// Takes over what these settings change, as far as that is possible while the server runs:
    /// limits, time-outs, origins, and which tools are offered. Files of certificates are read
    /// again. Clients are told if lists may be others then. When this returns, shards
    /// go by it; what is under way, and deadlines that are set, stay as they are.
    ///
    /// # Errors
    /// A setting that cannot be: then nothing has changed.
    pub fn reload(&self, config: &Config) -> Result<Reloaded, ServeError> {
        self.reload_with(config, || ())
    }

    /// As [`Handle::reload`], and calls `take` when nothing is refused any more: for what the
    /// application has prepared that goes with these settings
    /// ([`Authentication::take`](crate::Authentication::take), say). Whoever is not let in by it,
    /// or may do less than before, loses then what was open for them; see [`Handle::ask_again`].
    ///
    /// # Errors
    /// A setting that cannot be: then nothing has changed, and `take` was not called.
    pub fn reload_with(
        &self,
        config: &Config,
        take: impl FnOnce(),
    ) -> Result<Reloaded, ServeError> {
        config.check().map_err(ServeError::Setting)?;
        settings::check_names(&self.switches, config)?;
        // Held to the end, so that two reloads do not reach the shards in different orders.
        let mut current = self.config.lock();
        settings::check_auth(&config.auth, self.authenticates)?;
        if current.auth.is_configured() {
            config.auth.check_closed().map_err(ServeError::Setting)?;
        }
        let mut next = current.clone();
        let mut reloaded = next.take_over(config);
        // What is new may not go with what waits for a restart.
        let settings = settings::of(&next)?;
        // Files of a server that is to go on without HTTPS may be gone.
        let certificates = self.certificates.as_ref().filter(|_| config.tls.is_on());
        if let Some(certificates) = certificates {
            let host = next.guard.public_https_host();
            let loaded = certificates.prepare(&next.tls, host).map_err(ServeError::Certificates)?;
            if certificates.take(loaded) {
                reloaded.has_changed("tls.certificates");
            }
        }
        next.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        let mut told = next.clone();
        told.connections_max = runtime::allow_connections(&next);
        settings::tell(&self.control.hub, &told, self.certificates.as_ref());
        take();
        let mail = (!reloaded.changed.is_empty()).then(|| {
            *current = next;
            settings::reload_hub(&self.control.hub, &told);
            Arc::new(runtime::Reloaded { config: Arc::new(told), settings })
        });
        // Also without: keys in files may be others, though the settings are the same.
        self.control.reload(mail.as_ref());
        self.tell_of_lists(&reloaded, self.switches.set(&current.tools.disabled));
        Ok(reloaded)
    }

    /// Tells clients of the lists that may be others now, since other tools are on, or since what
    /// somebody may use is listed for them alone.
    fn tell_of_lists(&self, reloaded: &Reloaded, switched: bool) {
        let has_changed = |key| reloaded.changed.contains(&key);
        let who = ["auth.api_keys", "auth.mtls", "auth.anonymous_scopes"];
        let all = who.into_iter().any(has_changed);
        if switched || all || has_changed("tools") {
            self.notifier.tools_changed();
        }
        if all || has_changed("prompts") {
            self.notifier.prompts_changed();
        }
        if all || has_changed("resources") {
            self.notifier.resources_changed();
        }
    }

    /// Asks the application again whether it would let those in for whom something is open: streams
    /// of sessions, subscriptions, calls under way. What is open for those whom it would not let
    /// in, or who have fewer scopes than before, ends with its last word, and they hear why when
    /// they come back. A reload does so by itself; this is for an application that has taken
    /// somebody's right to be here back. When it returns, nothing more is brought to them.
    pub fn ask_again(&self) {
        self.control.reload(None);
    }

    /// Asks the server to finish what is under way, and to end; does not wait for that.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// As [`Handle::stop`], when another process serves its [listeners](Handle::listeners): no
    /// connection is closed under a client that may be sending. Those that are idle are answered
    /// once more, and told to close then, until [`Config::shutdown_grace`] is over.
    pub fn drain(&self) {
        self.control.drain();
    }

    /// Whether a stop has begun. Said before anything else is done about it, so that who balances
    /// load looks elsewhere.
    pub fn is_stopping(&self) -> bool {
        self.control.hub.is_draining()
    }

    /// Enters in the audit log, and counts in the metrics, what an operator did: what came of it,
    /// or why nothing did.
    pub fn acted(&self, action: &str, outcome: Result<&str, &str>) {
        self.control.hub.ledger.act(action, outcome);
    }

    /// The logs of requests, to go on with new files.
    pub fn logs(&self) -> Logs {
        Logs(self.control.hub.ledger.clone())
    }

    /// The sockets that the server listens on, for a process that is to serve them after this one.
    ///
    /// # Errors
    /// A shard does not answer, or the system gives no more descriptors.
    pub fn listeners(&self) -> io::Result<Opened> {
        self.control.listeners(limits::SHARD_ANSWER_TIMEOUT)
    }

    /// The shards that take no turn within this time, by number: a function on them does not come
    /// back. One that has nothing to do is woken, and is not among them.
    pub fn silent_shards(&self, patience: Duration) -> Vec<usize> {
        self.control.silent_shards(patience)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}
