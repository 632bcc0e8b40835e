//! What a catalog reads out of JSON Schemas.

use serde_json::{Map, Value as Json, json};

/// An argument that clients repeat in a header, so that intermediaries can route by it
/// (`x-mcp-header`, 2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamHeader {
    /// The header's name in lower case: `mcp-param-region`.
    pub(crate) field: String,
    /// Where the argument is: the chain of property names from the root.
    pub(crate) path: Vec<String>,
    /// Its type.
    pub(crate) kind: ParamKind,
}

/// The types an argument in a header may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ParamKind {
    String,
    Integer,
    Boolean,
}

/// Formats that schemars writes for Rust's numbers. JSON Schema has none for numbers, and clients
/// that validate with Ajv (the official TypeScript ones) warn of each that they meet.
const RUST_FORMATS: [&str; 14] = [
    "int8", "int16", "int32", "int64", "int128", "int", "uint8", "uint16", "uint32", "uint64",
    "uint128", "uint", "float", "double",
];

/// Drops what tells a model nothing: the root's `title` and `description`, which are the name of a
/// Rust type and what its author tells programmers, and Rust's formats of numbers.
pub(super) fn trim(schema: &mut Json) {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
        schema.remove("description");
    }
    drop_rust_formats(schema);
}

fn drop_rust_formats(schema: &mut Json) {
    match schema {
        Json::Object(members) => {
            let is_rusts = |format: &str| RUST_FORMATS.contains(&format);
            if members.get("format").and_then(Json::as_str).is_some_and(is_rusts) {
                members.remove("format");
            }
            members.values_mut().for_each(drop_rust_formats);
        }
        Json::Array(elements) => elements.iter_mut().for_each(drop_rust_formats),
        _ => {}
    }
}

/// The arguments of a prompt: the properties of its input.
pub(super) fn prompt_arguments(input: &Json) -> Json {
    let required: Vec<&str> = match input.get("required").and_then(Json::as_array) {
        Some(names) => names.iter().filter_map(Json::as_str).collect(),
        None => Vec::new(),
    };
    let properties = input.get("properties").and_then(Json::as_object);
    let argument = |(name, schema): (&String, &Json)| {
        let mut argument = Map::new();
        argument.insert("name".into(), name.as_str().into());
        if let Some(description) = schema.get("description") {
            argument.insert("description".into(), description.clone());
        }
        argument.insert("required".into(), required.contains(&name.as_str()).into());
        Json::Object(argument)
    };
    json!(properties.into_iter().flatten().map(argument).collect::<Vec<Json>>())
}

/// Finds every `x-mcp-header` and checks it against the rules of the specification:
///
/// 1. a non-empty token;
/// 2. unique among the schema's, whatever the case of its letters;
/// 3. on a property of type string, integer or boolean;
/// 4. reached from the root through `properties` alone.
///
/// # Errors
/// An annotation that is none of these.
pub fn param_headers(schema: &Json) -> Result<Vec<ParamHeader>, String> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), &mut found)?;
    for (index, header) in found.iter().enumerate() {
        if found[..index].iter().any(|other| other.field == header.field) {
            return Err(format!("x-mcp-header: `{}` is used twice", header.field));
        }
    }
    let reachable = found.len();
    let all = count_param_headers(schema);
    if all != reachable {
        return Err("x-mcp-header is only understood on properties reached from the root \
                    through `properties` (not through items, $ref, anyOf …)"
            .to_owned());
    }
    Ok(found)
}

fn collect(
    schema: &Json,
    path: &mut Vec<String>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), String> {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return Ok(());
    };
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(annotation) = property.get("x-mcp-header") {
            found.push(param_header(annotation, property, path)?);
        }
        collect(property, path, found)?;
        path.pop();
    }
    Ok(())
}

fn param_header(
    annotation: &Json,
    property: &Json,
    path: &[String],
) -> Result<ParamHeader, String> {
    let at = path.join(".");
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let name = annotation.as_str().filter(|name| !name.is_empty() && name.chars().all(token));
    let Some(name) = name else {
        return Err(format!("x-mcp-header of `{at}` must be a header name"));
    };
    let kind = match property.get("type").and_then(Json::as_str) {
        Some("string") => ParamKind::String,
        Some("integer") => ParamKind::Integer,
        Some("boolean") => ParamKind::Boolean,
        _ => {
            return Err(format!(
                "x-mcp-header of `{at}`: only string, integer and boolean (what may be left out is \
                 `#[serde(default)]` here, not an Option)"
            ));
        }
    };
    let field = format!("mcp-param-{}", name.to_ascii_lowercase());
    Ok(ParamHeader { field, path: path.to_vec(), kind })
}

/// How many schemas, from this one down, carry the annotation, wherever they stand.
pub(crate) fn count_param_headers(schema: &Json) -> usize {
    match schema {
        Json::Object(members) => {
            let own = usize::from(members.get("x-mcp-header").is_some_and(Json::is_string));
            own + members.values().map(count_param_headers).sum::<usize>()
        }
        Json::Array(elements) => elements.iter().map(count_param_headers).sum(),
        _ => 0,
    }
}

/// Takes the annotation from all of them.
pub(crate) fn drop_param_headers(schema: &mut Json) {
    match schema {
        Json::Object(members) => {
            if members.get("x-mcp-header").is_some_and(Json::is_string) {
                members.remove("x-mcp-header");
            }
            members.values_mut().for_each(drop_param_headers);
        }
        Json::Array(elements) => elements.iter_mut().for_each(drop_param_headers),
        _ => {}
    }
}
