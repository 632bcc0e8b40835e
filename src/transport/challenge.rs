//! What a response says of the authorization that it wants (RFC 6750 §3, RFC 9728 §5.1).

/// The value of `WWW-Authenticate`, in parts.
#[derive(Debug, Default)]
pub(super) struct Challenge<'c> {
    /// Where something was shown: what is wrong with it.
    pub(super) error: Option<&'c str>,
    pub(super) description: Option<&'c str>,
    /// Where it is said who gives out tokens for this server.
    pub(super) resource_metadata: Option<String>,
    /// The scopes that would do.
    pub(super) scope: Option<String>,
}

impl Challenge<'_> {
    pub(super) fn write(&self) -> String {
        let parts = [
            ("error", self.error),
            ("error_description", self.description),
            ("resource_metadata", self.resource_metadata.as_deref()),
            ("scope", self.scope.as_deref().filter(|scope| !scope.is_empty())),
        ];
        let mut text = "Bearer".to_owned();
        let mut given: Vec<_> =
            parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        if given.is_empty() {
            // RFC 6750 §3: "MUST be followed by one or more auth-param values".
            given.push(("realm", "mcp"));
        }
        for (index, (name, value)) in given.into_iter().enumerate() {
            text.push_str(if index == 0 { " " } else { ", " });
            text.push_str(name);
            text.push_str("=\"");
            quote(value, &mut text);
            text.push('"');
        }
        text
    }
}

/// A text within quotes (RFC 9110 §5.6.4); what cannot stand in a header's value becomes `?`, so
/// that nothing of it can end the value.
fn quote(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            _ => out.push('?'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_what_is_known() {
        assert_eq!(Challenge::default().write(), "Bearer realm=\"mcp\"");
        let all = Challenge {
            error: Some("invalid_token"),
            description: Some("the token\r\n says \"no\\\" é"),
            resource_metadata: Some("https://a.example/.well-known/x".to_owned()),
            scope: Some("a b".to_owned()),
        };
        assert_eq!(
            all.write(),
            "Bearer error=\"invalid_token\", \
             error_description=\"the token?? says \\\"no\\\\\\\" ?\", \
             resource_metadata=\"https://a.example/.well-known/x\", scope=\"a b\""
        );
        let scopes = Challenge { scope: Some(String::new()), ..Challenge::default() };
        assert_eq!(scopes.write(), "Bearer realm=\"mcp\"", "no scope would help");
    }
}
