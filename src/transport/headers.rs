//! The headers that repeat parts of the body, checked against it
//! (2026-07-28, Streamable HTTP, "Server Validation").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::fields::Fields;
use crate::app::Catalog;
use crate::app::catalog::{ParamHeader, ParamKind};
use crate::http::Field;
use crate::json::Value;
use crate::mcp::{Claims, Context, Method, Refusal};
use crate::protocol::Era;

/// What the headers claim about the message as a whole.
#[inline]
pub(crate) fn claims<'b>(fields: &Fields<'b>) -> Claims<'b> {
    Claims {
        version: fields.protocol_version,
        method: fields.mcp_method,
        repeated: fields.repeated,
    }
}

/// Checks `Mcp-Name` and the `Mcp-Param-*` headers of a modern request against its parameters.
///
/// # Errors
/// -32020 for the first that is missing, malformed or different.
#[inline]
pub(crate) fn check<'b>(
    context: &Context<'b>,
    fields: &Fields<'_>,
    catalog: &Catalog,
) -> Result<(), Refusal<'b>> {
    let (Some(method), Era::Modern) = (context.method, context.era()) else { return Ok(()) };
    // A name that is missing or no string is for the method to refuse.
    let Some(name) = method.named_by(&context.params) else { return Ok(()) };
    check_name(name, fields)?;
    if method != Method::CallTool {
        return Ok(());
    }
    let Some(tool) = catalog.tool(name) else { return Ok(()) };
    for header in &catalog.tools[tool.index()].param_headers {
        check_param(header, context.params.arguments(), fields)?;
    }
    Ok(())
}

/// How an `Mcp-Param-*` header and an argument differ, if they do; for those who have the schema.
pub fn mismatch(
    header: &ParamHeader,
    arguments: Option<Value<'_>>,
    fields: &[Field<'_>],
) -> Option<String> {
    let refusal = check_param(header, arguments, &Fields::of(fields)).err()?;
    Some(refusal.message.into_owned())
}

#[inline]
fn check_name<'b>(name: &str, fields: &Fields<'_>) -> Result<(), Refusal<'b>> {
    match fields.mcp_name {
        Some(value) if value == name.as_bytes() && sentinel(value).is_none() => Ok(()),
        Some(value) if decoded(value).as_deref() == Some(name) => Ok(()),
        Some(value) => Err(Refusal::header_mismatch(format!(
            "Header mismatch: Mcp-Name is `{}`, the body says `{name}`",
            String::from_utf8_lossy(value)
        ))),
        None => Err(Refusal::header_mismatch(format!(
            "Header mismatch: Mcp-Name is missing; it must repeat the body's `{name}`"
        ))),
    }
}

/// One `Mcp-Param-*` header: there exactly when the argument is, and with the same value.
fn check_param<'b>(
    header: &ParamHeader,
    arguments: Option<Value<'b>>,
    fields: &Fields<'_>,
) -> Result<(), Refusal<'b>> {
    let mut argument = arguments;
    for name in &header.path {
        argument = argument.and_then(|value| value.get(name));
    }
    let argument = argument.filter(|value| value.kind() != crate::json::Kind::Null);
    let mut values = fields.values(&header.field);
    let value = values.next();
    let mismatch = |what: &str| {
        Err(Refusal::header_mismatch(format!(
            "Header mismatch: {} {what} the argument `{}`",
            header.field,
            header.path.join(".")
        )))
    };
    match (argument, value) {
        _ if values.next().is_some() => mismatch("is repeated; it may stand once for"),
        (None, None) => Ok(()),
        (Some(_), None) => mismatch("is missing; it must repeat"),
        (None, Some(_)) => mismatch("is there without"),
        (Some(argument), Some(value)) => match decoded(value) {
            Some(text) if same(header.kind, argument, &text) => Ok(()),
            Some(_) => mismatch("differs from"),
            None => mismatch("is not well encoded for"),
        },
    }
}

/// Whether a header's text is an argument's value. Integers are compared as numbers: `42.0` is 42.
fn same(kind: ParamKind, argument: Value<'_>, text: &str) -> bool {
    match kind {
        ParamKind::String => argument.as_str() == Some(text),
        ParamKind::Boolean => {
            argument.as_bool() == Some(true) && text == "true"
                || argument.as_bool() == Some(false) && text == "false"
        }
        ParamKind::Integer => match (argument.as_i64(), text.parse::<i64>()) {
            (Some(argument), Ok(text)) => argument == text,
            _ => match (number(argument), text.parse::<f64>()) {
                (Some(argument), Ok(text)) => argument == text,
                _ => false,
            },
        },
    }
}

fn number(argument: Value<'_>) -> Option<f64> {
    argument.as_float().or_else(|| argument.as_i64().map(|integer| integer as f64))
}

/// The text of a header value: as it is when it is plain ASCII, decoded when it stands between
/// `=?base64?` and `?=`; `None` when it is neither.
pub(super) fn decoded(value: &[u8]) -> Option<String> {
    if let Some(encoded) = sentinel(value) {
        return String::from_utf8(BASE64.decode(encoded).ok()?).ok();
    }
    let plain = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    plain.then(|| String::from_utf8_lossy(value).into_owned())
}

#[inline]
fn sentinel(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"=?base64?")?.strip_suffix(b"?=")
}
