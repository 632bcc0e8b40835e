//! Questions to the client that are asked in the course of a stream, and waiting for their answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Stream;

/// What a client answers to a question: a result, or an error, as JSON.
pub(crate) type Reply = Result<Vec<u8>, Vec<u8>>;

/// Why no answer to a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    Cancelled,
    TimedOut,
}

impl Stream {
    /// A new question's number, which its answer is known by.
    pub(crate) fn ask(&self) -> u32 {
        let mut state = self.state.lock();
        state.questions += 1;
        let question = state.questions;
        state.asked.push((question, None));
        question
    }

    /// The client's answer to a question. Says whether anybody waits for it.
    pub(crate) fn hear(&self, question: u32, answer: Reply) -> bool {
        let mut state = self.state.lock();
        let slot = state.asked.iter_mut().find(|(number, _)| *number == question);
        let Some((_, slot @ None)) = slot else { return false };
        *slot = Some(answer);
        drop(state);
        self.heard.notify_all();
        true
    }

    /// Waits for the answer to a question.
    pub(crate) fn listen(&self, question: u32, patience: Duration) -> Result<Reply, Silence> {
        let mut state = self.state.lock();
        self.heard.wait_while_for(
            &mut state,
            |state| {
                let answered =
                    |asked: &(u32, Option<Reply>)| asked.0 == question && asked.1.is_some();
                !self.hopeless() && !state.asked.iter().any(answered)
            },
            patience,
        );
        let at = state.asked.iter().position(|(number, _)| *number == question);
        match at.and_then(|at| state.asked.swap_remove(at).1) {
            Some(answer) => Ok(answer),
            None if self.hopeless() => Err(Silence::Cancelled),
            None => Err(Silence::TimedOut),
        }
    }

    /// Nobody will answer any more: whoever waits for an answer is told.
    pub(crate) fn hush(&self) {
        let _state = self.state.lock();
        self.hushed.store(true, Ordering::Relaxed);
        self.heard.notify_all();
    }

    fn hopeless(&self) -> bool {
        self.cancelled() || self.hushed.load(Ordering::Relaxed)
    }

    /// Waits this long, or until it is cancelled. Says whether it was not.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.heard.wait_while_for(&mut state, |_| !self.cancelled(), time);
        !self.cancelled()
    }
}
