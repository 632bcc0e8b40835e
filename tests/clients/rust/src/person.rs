//! A client that answers questions in its own name and remembers what it was told.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ClientHandler, ErrorData, RoleClient};
use serde_json::{Value, json};
use tokio::sync::broadcast::Sender;
use tokio::time::sleep;

use crate::connection::from_json;

#[derive(Clone)]
pub struct Person {
    pub name: &'static str,
    pub revision: ProtocolVersion,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
pub struct Memory {
    pub declines: bool,
    /// The user takes their time until this is false.
    pub thinks: bool,
    /// Cut at the first progress that is told.
    pub scissors: Option<Sender<()>>,
    pub asked: Vec<String>,
    pub progress: Vec<f64>,
    pub logged: Vec<Value>,
    pub updated: Vec<String>,
    pub tools_changed: usize,
}

impl Person {
    pub fn new(name: &'static str, revision: ProtocolVersion) -> Person {
        Person { name, revision, memory: Arc::default() }
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics holding it")
    }

    pub fn hear(&self, notification: ServerNotification) {
        match notification {
            ServerNotification::ResourceUpdatedNotification(updated) => {
                self.memory().updated.push(updated.params.uri.clone());
            }
            ServerNotification::ToolListChangedNotification(_) => self.memory().tools_changed += 1,
            _ => {}
        }
    }

    /// What is filled in for a form.
    pub fn answer(&self, schema: &Value) -> Value {
        let fields = schema["properties"].as_object().into_iter().flatten();
        let values = fields.map(|(field, kind)| {
            let value = if kind["type"] == "boolean" { json!(true) } else { json!(self.name) };
            (field.clone(), value)
        });
        Value::Object(values.collect())
    }
}

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let capabilities = json!({
            "roots": {},
            "sampling": {},
            "elicitation": {},
            "extensions": { "io.modelcontextprotocol/tasks": {} },
        });
        ClientConfig::new(from_json(capabilities), Implementation::new(self.name, "1.0.0"))
            .with_protocol_version(self.revision.clone())
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let params = serde_json::to_value(params).expect("it came as JSON");
        self.memory().asked.push(params["message"].as_str().unwrap_or_default().to_owned());
        while self.memory().thinks {
            sleep(Duration::from_millis(10)).await;
        }
        if self.memory().declines {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        }
        let content = self.answer(&params["requestedSchema"]);
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let params = serde_json::to_value(params).expect("it came as JSON");
        let text = params["messages"][0]["content"]["text"].as_str().unwrap_or_default();
        self.memory().asked.push(text.to_owned());
        let said = SamplingMessage::assistant_text(format!("{} heard {text}", self.name));
        Ok(CreateMessageResult::new(said, "a parrot".to_owned()))
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![Root::new(format!("file:///home/{}", self.name))]))
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.memory().progress.push(params.progress);
        if let Some(scissors) = self.memory().scissors.take() {
            let _ = scissors.send(());
        }
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.memory().logged.push(params.data);
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.memory().updated.push(params.uri);
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.memory().tools_changed += 1;
    }
}
