//! Reading the members of `params` and `_meta`: each at most once.

use super::refusal::Refusal;
use crate::json::Value;

/// The members of an object that are named by `keys`, in that order; the rest is ignored.
///
/// A repeated member is refused: two readers of one message must not see two different values.
#[inline]
pub(super) fn members<'b, const N: usize>(
    object: Value<'b>,
    keys: [&str; N],
) -> Result<[Option<Value<'b>>; N], Refusal<'b>> {
    let mut found = [None; N];
    for (key, value) in object.members().into_iter().flatten() {
        if let Some(at) = keys.iter().position(|wanted| *wanted == key)
            && found[at].replace(value).is_some()
        {
            return Err(Refusal::invalid_params(format!("params: `{key}` is repeated")));
        }
    }
    Ok(found)
}

/// A member that must be there and be a string.
#[inline]
pub(super) fn string<'b>(
    value: Option<Value<'b>>,
    what: &'static str,
) -> Result<&'b str, Refusal<'b>> {
    match value.and_then(|value| value.as_str()) {
        Some(text) => Ok(text),
        None => Err(Refusal::invalid_params(format!("{what} must be a string"))),
    }
}
