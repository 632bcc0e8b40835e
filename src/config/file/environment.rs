//! Settings in the environment: a variable for each key.

use std::ffi::OsString;

use super::{CONFIG_VARIABLE, Error, RawConfig, VARIABLE_PREFIX, one_line};

impl Error {
    /// What the environment says is placed by its variable.
    pub(in super::super) fn name_variable(&mut self) {
        if let Some(key) = self.key.take_if(|_| self.place == "environment") {
            self.place = format!("environment variable {}", variable(&key));
        }
    }
}

/// The variable of a key.
pub(in super::super) fn variable(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

impl RawConfig {
    /// What each variable of ours says, or what is wrong with it.
    pub(in super::super) fn each_variable(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> impl Iterator<Item = Result<RawConfig, Error>> {
        variables.filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX))?;
            let place = format!("environment variable {name}");
            let error = |problem: String| Error { place, line: None, key: None, problem };
            (name != CONFIG_VARIABLE).then(|| {
                let value = value.to_str().ok_or_else(|| "not UTF-8".to_owned());
                value.and_then(|value| from_variable(name, value)).map(by_one_name).map_err(error)
            })
        })
    }
}

/// What is below a table's other name is put below its own: of a table, each variable sets a part,
/// and the parts are laid over each other.
fn by_one_name(mut raw: RawConfig) -> RawConfig {
    let http = &mut raw.transport.http;
    if let Some(auth) = http.auth.take() {
        raw.auth = auth;
    }
    if let Some(rate) = http.rate_limit.take() {
        raw.rate = rate;
    }
    raw
}

/// One variable as a configuration of one key. Numbers, truth values and lists are written as in
/// JSON; what is none of them, or is none where text is wanted, is text.
fn from_variable(name: &str, value: &str) -> Result<RawConfig, String> {
    let nested = |value: serde_json::Value| {
        let path = name[VARIABLE_PREFIX.len()..].to_ascii_lowercase();
        path.rsplit("__").fold(value, |inner, key| serde_json::json!({ key: inner }))
    };
    let typed = serde_json::from_str(value)
        .ok()
        .map(|value| serde_json::from_value::<RawConfig>(nested(value)));
    match typed {
        Some(Ok(raw)) => Ok(raw),
        _ => serde_json::from_value(nested(value.into()))
            .map_err(|error| one_line(&error.to_string())),
    }
}
