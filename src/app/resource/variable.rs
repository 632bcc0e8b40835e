//! The variables of a URI template as fields of a function's input.

use serde::de::{Deserializer, IntoDeserializer, Visitor};

/// A variable's text, decoded as whatever type the field has.
pub(super) struct Text<'v>(pub(super) &'v str);

impl<'de> IntoDeserializer<'de, NoMatch> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoMatch> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(NoMatch),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = NoMatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoMatch> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoMatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, NoMatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoMatch> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    parsed! {
        deserialize_bool visit_bool deserialize_f32 visit_f32 deserialize_f64 visit_f64
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32
        deserialize_i64 visit_i64 deserialize_u8 visit_u8 deserialize_u16 visit_u16
        deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// The variables of a URI do not fit the type that a template's function takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMatch;

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the variables do not fit")
    }
}

impl std::error::Error for NoMatch {}

impl serde::de::Error for NoMatch {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        NoMatch
    }
}
