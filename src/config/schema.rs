//! What editors are told of the values that people write in more than one way.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::ranges::bounds_of_counts;
use super::values::{Hosts, Micros, Networks, Origins, Seconds, Sunset, Texts};
use super::{
    ClientAuth, Config, LogFormat, ProxyProtocol, Rate, RejectStatus, TlsVersion, Transports,
};
use crate::observe::{AccessFormat, AuditArguments, TraceSample, WhenFull};

pub(super) const ADDRESS: &str = r"^(\[.*|[^:]+):\+?[0-9]{1,5}$";
/// The path of an endpoint, which is none of ours.
pub(super) const PATH: &str = r##"^(?!/(health|ready|metrics)$)/[!$%&(->@-\[\]-~]*$"##;

/// What an editor needs to know of such a file (JSON Schema, 2020-12).
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<super::raw::RawConfig>();
    schema.insert("title".to_owned(), "Settings of mcp-fastd".into());
    let mut schema = schema.to_value();
    // With the counts that have no default.
    let config = Config { cores: Some(1), workers: Some(1), ..Config::default() };
    for (key, least, most) in bounds_of_counts(&config) {
        if let Some(count) = schema.pointer_mut(&place_of(&schema, key)) {
            (count["minimum"], count["maximum"]) = (least.into(), most.into());
        }
    }
    schema
}

/// Where a setting is in the schema, of which each table has a place of its own.
fn place_of(schema: &Value, key: &str) -> String {
    key.split('.').fold(String::new(), |table, name| {
        let place = format!("{table}/properties/{name}");
        let reference = schema.pointer(&place).and_then(|found| found["$ref"].as_str());
        reference.map_or(place, |reference| reference.trim_start_matches('#').to_owned())
    })
}

const TIME: &str = r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(us|µs|ms|s|min|m|h)?\s*$";
const ORIGIN: &str = r"^(\*|null|.+?://[^/]+)$";
const ORIGINS: &str =
    r"^(\s*(\*|null|[^,\s][^,]*?://[^,/]+)?\s*)(,\s*(\*|null|[^,\s][^,]*?://[^,/]+)?\s*)*$";
const DAY: &str = r"^(never|(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{1,2}-[0-9]{1,2})$";

const HOST: &str = r"^[^\s/,]+$";
const HOSTS: &str = r"^\s*([^\s/,]+\s*)?(,\s*([^\s/,]+\s*)?)*$";
const RATE: &str = concat!(
    r"^\s*\+?0*[1-9][0-9]*\s*/\s*(s|sec|second|m|min|minute|h|hour)\s*",
    r"(burst\s*\+?0*[1-9][0-9]*\s*)?$",
);

/// A schema without a name of its own.
macro_rules! schema_of {
    ($type:ty, $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema_of!(Seconds, {
    "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": TIME }],
});
schema_of!(Micros, {
    "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": TIME }],
});
schema_of!(Origins, {
    "anyOf": [
        { "type": "string", "pattern": ORIGINS },
        { "type": "array", "items": { "type": "string", "pattern": ORIGIN } },
    ],
});
schema_of!(Hosts, {
    "anyOf": [
        { "type": "string", "pattern": HOSTS },
        { "type": "array", "items": { "type": "string", "pattern": HOST } },
    ],
});
schema_of!(Texts, {
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
});
schema_of!(Networks, {
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
});
schema_of!(Rate, {
    "anyOf": [{ "type": "string", "pattern": RATE }, { "type": "integer", "minimum": 1 }],
});
schema_of!(RejectStatus, { "enum": [429, 200] });
schema_of!(AccessFormat, { "enum": ["json", "text"] });
schema_of!(AuditArguments, { "enum": ["none", "hash", "full"] });
schema_of!(TraceSample, {
    "anyOf": [{ "type": "number", "minimum": 0, "maximum": 1 }, { "const": "all" }],
});
schema_of!(WhenFull, { "enum": ["refuse", "drop"] });
schema_of!(LogFormat, { "enum": ["auto", "human", "json"] });
schema_of!(ClientAuth, { "enum": ["off", "optional", "required"] });
schema_of!(ProxyProtocol, { "enum": ["off", "required"] });
schema_of!(TlsVersion, { "enum": ["1.2", "1.3"] });
schema_of!(Sunset, { "type": "string", "pattern": DAY });
schema_of!(Transports, { "enum": ["http", "stdio", "both"] });
