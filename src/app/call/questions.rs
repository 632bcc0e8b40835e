//! Asking the client in the middle of a call, in either era.
//!
//! Up to 2025-11-25 a question is a request to the client, on the call's own stream, and the
//! function waits for the answer. From 2026-07-28 on nothing waits: the call is answered with its
//! questions, and made again with the answers. A task's questions stand in the task.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::{Call, Interruption, NO_STREAM, ON_SHARD, TOO_MANY, remembered};
use crate::app::ask::{Elicitation, Elicited, Interrupted, Root, Sampled, Sampling};
use crate::limits;
use crate::protocol::{Capability, Era, ProtocolVersion};
use crate::store::{Kind, Silence, Task, random_id};

/// A question as it goes to a client.
struct Question<'k> {
    key: &'k str,
    capability: Capability,
    method: &'static str,
    params: Json,
}

impl Call<'_> {
    /// Asks the client's user. `key` is the question's name within the call.
    ///
    /// From 2026-07-28 on, a function that asks runs once more for each round of questions: it asks
    /// before it changes anything. Questions asked before the first `?` go out together.
    ///
    /// # Errors
    /// [`Interrupted`], for the function to return.
    pub fn elicit(&self, key: &str, question: Elicitation) -> Result<Elicited, Interrupted> {
        self.ask_one(self.elicitation(key, question), Elicited::read)
    }

    /// Asks the client's user several things at once, in either era and in tasks.
    ///
    /// # Errors
    /// [`Interrupted`], for the function to return.
    pub fn elicit_all<const N: usize>(
        &self,
        questions: [(&str, Elicitation); N],
    ) -> Result<[Elicited; N], Interrupted> {
        let questions = questions.map(|(key, question)| self.elicitation(key, question));
        self.ask(questions, Elicited::read)
    }

    /// Asks the client's model; see [`Call::elicit`].
    ///
    /// # Errors
    /// [`Interrupted`], for the function to return.
    pub fn sample(&self, key: &str, question: Sampling) -> Result<Sampled, Interrupted> {
        let Sampling { params, capability } = question;
        let method = "sampling/createMessage";
        self.ask_one(Question { key, capability, method, params }, Sampled::read)
    }

    /// Asks the client which folders it works on; see [`Call::elicit`].
    ///
    /// # Errors
    /// [`Interrupted`], for the function to return.
    pub fn roots(&self, key: &str) -> Result<Vec<Root>, Interrupted> {
        let (capability, method, params) = (Capability::Roots, "roots/list", json!({}));
        self.ask_one(Question { key, capability, method, params }, Root::read_all)
    }

    /// Keeps a value for the next round of this call, which [`Call::recall`] finds. It travels
    /// sealed with the client, bound to this call, its arguments and its principal. Where a
    /// function waits for answers (up to 2025-11-25), its variables do this.
    pub fn remember<T: Serialize>(&self, value: &T) {
        match serde_json::to_value(value) {
            Ok(value) => self.interrupt(|interruption| interruption.remembered = Some(value)),
            Err(error) => tracing::warn!(%error, "a value cannot be remembered as JSON"),
        }
    }

    /// What an earlier round of this call remembered.
    pub fn recall<T: DeserializeOwned>(&self) -> Option<T> {
        remembered(self.link.inputs)
    }

    fn elicitation<'k>(&self, key: &'k str, question: Elicitation) -> Question<'k> {
        let Elicitation { mut params, capability } = question;
        if self.link.version < ProtocolVersion::V2025_11_25
            && let Some(members) = params.as_object_mut()
        {
            // There was but one mode.
            members.remove("mode");
        }
        if capability == Capability::ElicitationUrl && self.link.version.era() == Era::Legacy {
            // Unique in the server (2025-11-25, elicitation, "URL Mode").
            let id = random_id().unwrap_or_default();
            params["elicitationId"] = format!("{id:032x}").into();
        }
        Question { key, capability, method: "elicitation/create", params }
    }

    fn ask_one<T>(
        &self,
        question: Question<'_>,
        read: fn(Json) -> Option<T>,
    ) -> Result<T, Interrupted> {
        let [answer] = self.ask([question], read)?;
        Ok(answer)
    }

    /// Asks all, then waits for all, or leaves them to the next round.
    fn ask<T, const N: usize>(
        &self,
        questions: [Question<'_>; N],
        read: fn(Json) -> Option<T>,
    ) -> Result<[T; N], Interrupted> {
        for question in &questions {
            self.require(question.capability)?;
        }
        let mut answers = Vec::with_capacity(N);
        if self.link.version.era() == Era::Modern && self.task().is_none() {
            for question in questions {
                let given = self.link.inputs.and_then(|inputs| inputs.answers.get(question.key));
                // An answer that is none is asked for again (MRTR, "Error Handling").
                match given.and_then(|answer| read(answer.clone())) {
                    Some(answer) => answers.push(answer),
                    None => self.put(question),
                }
            }
            return answers.try_into().map_err(|_| Interrupted::InputRequired);
        }
        // The places of those who wait are taken first: no question goes out that nobody waits for.
        let place = self.link.session.map(|session| session.wait_here());
        let relieved = self.link.hub.relief.relieve();
        if matches!(place, Some(None)) || relieved.is_none() {
            return Err(Interrupted::Unreachable(TOO_MANY));
        }
        let mut posed = Vec::with_capacity(N);
        for question in questions {
            posed.push(match self.task() {
                Some(task) => self.pose_in_task(task, question)?,
                None => self.pose(&question)?,
            });
        }
        for number in posed {
            answers.push(read(self.wait(number)?).ok_or(Interrupted::Malformed)?);
        }
        answers.try_into().map_err(|_| Interrupted::Malformed)
    }

    /// Puts a question to be answered in the next round.
    fn put(&self, question: Question<'_>) {
        let Question { key, method, params, .. } = question;
        self.interrupt(|Interruption { questions, .. }| {
            if questions.len() < limits::QUESTIONS_MAX && !questions.iter().any(|(k, _)| k == key) {
                questions.push((key.to_owned(), json!({ "method": method, "params": params })));
            }
        });
    }

    /// Sends a question to the client as a request. Gives the number that its answer comes under.
    fn pose(&self, question: &Question<'_>) -> Result<u32, Interrupted> {
        let Some(stream) = self.link.stream else {
            return Err(Interrupted::Unreachable(ON_SHARD));
        };
        // Where the answer cannot become a stream, the session's own will do.
        let events = self.link.session.and_then(|session| session.events());
        let way = match (self.link.streams, &events) {
            (true, _) => stream,
            (false, Some(events)) if events.is_read() => events,
            (false, _) => return Err(Interrupted::Unreachable(NO_STREAM)),
        };
        let number = stream.ask();
        let id = format!("q-{}-{number}", stream.number().unwrap_or_default());
        let Question { method, params, .. } = question;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        way.push(Kind::Question, request.to_string().into_bytes());
        Ok(number)
    }

    /// Enters a question into the task, where the client finds it.
    fn pose_in_task(&self, task: &Task, question: Question<'_>) -> Result<u32, Interrupted> {
        let Question { key, method, mut params, .. } = question;
        if self.link.version.era() == Era::Legacy {
            params["_meta"] =
                json!({ "io.modelcontextprotocol/related-task": { "taskId": &*task.id } });
        }
        let request = json!({ "method": method, "params": params }).to_string();
        let number = task.ask(key, request.as_bytes(), (self.link.hub.clock.unix_ms)());
        self.link.hub.announce(task);
        number.ok_or(Interrupted::Cancelled)
    }

    /// Waits for an answer.
    fn wait(&self, number: u32) -> Result<Json, Interrupted> {
        let hub = self.link.hub;
        let stream = self.living().ok_or(Interrupted::Unreachable(ON_SHARD))?;
        let heard = stream.listen(number, hub.streams.answer_timeout());
        if let Some(task) = self.task() {
            task.settle(number, (hub.clock.unix_ms)());
            hub.announce(task);
        }
        let reply = match heard {
            Err(Silence::Cancelled) => return Err(Interrupted::Cancelled),
            Err(Silence::TimedOut) => return Err(Interrupted::TimedOut),
            Ok(reply) => reply,
        };
        let read = |text: &[u8]| serde_json::from_slice(text).map_err(|_| Interrupted::Malformed);
        match reply {
            Ok(result) => read(&result),
            Err(error) => {
                let error: Json = read(&error)?;
                let message = error.get("message").and_then(Json::as_str).unwrap_or_default();
                let code = error.get("code").and_then(Json::as_i64).unwrap_or_default();
                Err(Interrupted::Refused(code, message.to_owned()))
            }
        }
    }
}
