//! What the server wants to see before it answers. None of it is ever logged.

use std::path::PathBuf;

use parking_lot::Mutex;
use ureq::http::header::AUTHORIZATION;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::ConnectArguments;
use crate::daemon::Problem;

/// The headers of every request.
pub(super) struct Credentials {
    headers: Vec<(HeaderName, HeaderValue)>,
    file: Option<PathBuf>,
    token: Mutex<Option<HeaderValue>>,
}

impl Credentials {
    pub(super) fn new(arguments: &ConnectArguments) -> Result<Credentials, Problem> {
        let ConnectArguments { bearer_token, bearer_token_env, bearer_token_file, .. } = arguments;
        let (text, from) = match (bearer_token, bearer_token_env, bearer_token_file) {
            (Some(token), ..) => (Some(token.clone()), "--bearer-token".to_owned()),
            (_, Some(name), _) => {
                let value = std::env::var(name).map_err(|_| {
                    Problem(format!("--bearer-token-env: there is no text in ${name}"))
                })?;
                (Some(value), format!("--bearer-token-env: ${name}"))
            }
            (.., Some(file)) => {
                let named = |what| format!("--bearer-token-file: {}: {what}", file.display());
                let text =
                    std::fs::read_to_string(file).map_err(|e| Problem(named(e.to_string())))?;
                (Some(text), named("the file".to_owned()))
            }
            _ => (None, String::new()),
        };
        let not_a_token = || Problem(format!("{from} is not a token (one word in ASCII)"));
        let token = text.map(|text| bearer(&text).ok_or_else(not_a_token)).transpose()?;
        let headers = arguments.headers.clone();
        Ok(Credentials { headers, file: bearer_token_file.clone(), token: Mutex::new(token) })
    }

    /// Adds them to a request, and says which token that was.
    pub(super) fn add(&self, fields: &mut HeaderMap) -> Option<HeaderValue> {
        for (name, value) in &self.headers {
            fields.append(name, value.clone());
        }
        let token = self.token.lock().clone();
        if let Some(token) = &token {
            fields.insert(AUTHORIZATION, token.clone());
        }
        token
    }

    /// Whether there is something to be lost to a stranger.
    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.token.lock().is_none()
    }

    /// Reads the file again after this token was refused; whether there is another one now.
    pub(super) fn refresh(&self, refused: Option<&HeaderValue>) -> bool {
        let mut token = self.token.lock();
        let read = self.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        if let Some(read) = read.as_deref().and_then(bearer) {
            *token = Some(read);
        }
        token.as_ref() != refused
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let token = token.trim();
    let is_word = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| is_word)?;
    value.set_sensitive(true);
    Some(value)
}
