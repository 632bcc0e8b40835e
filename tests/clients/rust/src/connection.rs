//! A connected client, and what the eras do differently.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rmcp::model::*;
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{RoleClient, ServiceError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::person::{Memory, Person};

const PATIENCE: Duration = Duration::from_secs(15);

/// How a client finds out which revision is spoken.
#[derive(Clone)]
pub enum Era {
    Stateful(ProtocolVersion),
    Discovered,
    Negotiated,
}

impl Era {
    pub fn is_stateful(&self) -> bool {
        matches!(self, Era::Stateful(_))
    }

    fn revision(&self) -> ProtocolVersion {
        match self {
            Era::Stateful(revision) => revision.clone(),
            Era::Discovered | Era::Negotiated => ProtocolVersion::V_2026_07_28,
        }
    }

    fn lifecycle(&self) -> ClientLifecycleMode {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self {
            Era::Stateful(_) => ClientLifecycleMode::Initialize,
            Era::Discovered => ClientLifecycleMode::Discover { preferred_versions },
            Era::Negotiated => {
                ClientLifecycleMode::Auto { preferred_versions, legacy_version: None }
            }
        }
    }

    pub fn title(&self, place: &str) -> String {
        let mode = match self {
            Era::Stateful(_) => "initialize",
            Era::Discovered => "discover",
            Era::Negotiated => "auto",
        };
        let way = if is_program(place) { "stdio" } else { "http" };
        format!("rmcp {} ({mode}) over {way}", self.revision())
    }
}

pub struct Connection {
    pub service: RunningService<RoleClient, Person>,
    pub era: Era,
    /// A resource that nobody else watches.
    pub resource: String,
}

/// Unsubscribes, or ends the stream, when it is told to.
pub enum Subscribed {
    Session(String),
    Stream(tokio::task::JoinHandle<()>),
}

impl Connection {
    /// To the URL of an endpoint, or to a program that is started.
    pub async fn open(name: &'static str, place: &str, era: &Era) -> Result<Connection> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (person, lifecycle) = (Person::new(name, era.revision()), era.lifecycle());
        let service = if is_program(place) {
            let transport = TokioChildProcess::new(Command::new(place))?;
            serve_client_with_lifecycle(person, transport, lifecycle).await?
        } else {
            let transport = StreamableHttpClientTransport::from_uri(place);
            serve_client_with_lifecycle(person, transport, lifecycle).await?
        };
        let server = service.peer_info().context("a server that says what it is")?;
        ensure!(server.protocol_version == era.revision(), "another revision: {server:?}");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let resource = format!("test://template/{}-{number}/data", std::process::id());
        Ok(Connection { service, era: era.clone(), resource })
    }

    pub fn name(&self) -> &'static str {
        self.service.service().name
    }

    pub fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.service.service().memory()
    }

    /// Calls a tool, and answers what it asks on the way.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Value, ServiceError> {
        let result = self.service.call_tool(call_params(tool, arguments)).await?;
        Ok(to_json(&result))
    }

    /// Calls a tool that succeeds.
    pub async fn text(&self, tool: &str, arguments: Value) -> Result<String> {
        let result = timeout(PATIENCE, self.call(tool, arguments)).await.context("no answer")??;
        ensure!(result["isError"] != true, "{tool}: {result}");
        Ok(result["content"][0]["text"].as_str().context("a text")?.to_owned())
    }

    pub async fn touch(&self, uri: &str) -> Result<()> {
        self.text("test_trigger_resource_update", json!({ "uri": uri })).await?;
        Ok(())
    }

    /// Both eras' ways to hear of the own resource, and of the tools.
    pub async fn subscribe(&self) -> Result<Subscribed> {
        if self.era.is_stateful() {
            self.service.subscribe(from_json(json!({ "uri": self.resource }))).await?;
            return Ok(Subscribed::Session(self.resource.clone()));
        }
        let filter = SubscriptionFilter::builder()
            .resource_subscription(&self.resource)
            .tools_list_changed()
            .build();
        let mut stream = self.service.listen(filter.clone()).await?;
        ensure!(*stream.acknowledged() == filter, "acknowledged: {:?}", stream.acknowledged());
        let person = self.service.service().clone();
        Ok(Subscribed::Stream(tokio::spawn(async move {
            while let Ok(Some(notification)) = stream.next().await {
                person.hear(notification);
            }
        })))
    }

    pub async fn unsubscribe(&self, subscribed: Subscribed) -> Result<()> {
        match subscribed {
            Subscribed::Session(uri) => {
                self.service.unsubscribe(from_json(json!({ "uri": uri }))).await?;
            }
            Subscribed::Stream(task) => task.abort(),
        }
        Ok(())
    }

    pub async fn until(&self, what: &str, condition: impl Fn(&Memory) -> bool) -> Result<()> {
        let wait = async {
            while !condition(&self.memory()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("nothing came, but expected: {what}"),
        }
    }

    pub async fn close(self) -> Result<()> {
        self.service.cancel().await?;
        Ok(())
    }
}

pub fn is_program(place: &str) -> bool {
    !place.starts_with("http://")
}

pub fn call_params(tool: &str, arguments: Value) -> CallToolRequestParams {
    from_json(json!({ "name": tool, "arguments": arguments }))
}

pub fn from_json<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what this program wrote itself")
}

pub fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it came as JSON")
}
