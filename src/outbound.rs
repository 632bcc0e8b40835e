//! How other servers are asked over HTTP: issuers of tokens, collectors of traces.
//!
//! Who asks waits, so it is a thread of its own. A server's certificate is checked by what the
//! system trusts. Redirects are not followed: they could lead to where TLS, or the name that was
//! asked for, was to keep us from. A status of an error is an answer like others.

use std::sync::Arc;

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// What all who ask have in common; each adds its times.
pub(crate) fn client() -> ConfigBuilder<AgentScope> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider);
    Agent::config_builder()
        .tls_config(tls.build())
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("mcp-fastd/", env!("CARGO_PKG_VERSION")))
}
