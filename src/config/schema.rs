//! What editors are told of the values that people write in more than one way.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::values::{Hosts, Micros, Networks, Origins, Seconds, Sunset, Texts};
use super::{ClientAuth, LogFormat, ProxyProtocol, Rate, RejectStatus, TlsVersion, Transports};
use crate::observe::{AccessFormat, AuditArguments, TraceSample, WhenFull};

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
