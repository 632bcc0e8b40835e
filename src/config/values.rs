//! The types of settings that people write in more than one way.

use std::fmt;
use std::time::Duration;

use super::{
    ClientAuth, Day, ProxyProtocol, TlsVersion, Transports, host_pattern, network, origin_pattern,
};
use crate::observe::TraceSample;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};
use toml::value::Datetime;

/// A time: text with a unit (`"10s"`, `"250ms"`), or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

/// A short time: text with a unit (`"50us"`), or a number of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Micros(pub Duration);

/// Web origins: a list, or one text with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(pub Vec<String>);

/// Names: a list, or one text with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);
/// Names of hosts: a list, or one text with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts(pub Vec<String>);

/// Networks: a list, or one text with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(pub Vec<String>);

/// A day after which something may be gone; or `"never"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sunset(pub Option<Day>);

const UNITS: [(&str, f64); 7] = [
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
];

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Time { unit: 1.0, name: "seconds" }).map(Seconds)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Time { unit: 1e-6, name: "microseconds" }).map(Micros)
    }
}

/// Reads a time; `unit` is what a bare number counts.
struct Time {
    unit: f64,
    name: &'static str,
}

impl Time {
    fn of<E: Error>(&self, number: f64, unit: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(number * unit).map_err(|_| {
            E::custom(format_args!("{number} is no time; expected {}", Expected(self)))
        })
    }
}

struct Expected<'t>(&'t Time);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

impl Visitor<'_> for Time {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a time such as \"10s\", \"250ms\" or \"50us\", or a number of {}", self.name)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        self.of(number as f64, self.unit)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        self.of(number as f64, self.unit)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
        self.of(number, self.unit)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim_start() {
            "" => Some(self.unit),
            unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds),
        };
        match (number.parse::<f64>(), unit) {
            (Ok(number), Some(unit)) => self.of(number, unit),
            _ => Err(E::custom(format_args!("{text:?}: expected {}", Expected(&self)))),
        }
    }
}

impl<'de> Deserialize<'de> for TraceSample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SampleVisitor)
    }
}

struct SampleVisitor;

impl Visitor<'_> for SampleVisitor {
    type Value = TraceSample;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 1, or \"all\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<TraceSample, E> {
        Ok(TraceSample::Part(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<TraceSample, E> {
        Ok(TraceSample::Part(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<TraceSample, E> {
        Ok(TraceSample::Part(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TraceSample, E> {
        match text {
            "all" => Ok(TraceSample::All),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Sunset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SunsetVisitor)
    }
}

struct SunsetVisitor;

impl<'de> Visitor<'de> for SunsetVisitor {
    type Value = Sunset;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day such as \"2027-07-28\", or \"never\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Sunset, E> {
        match text {
            "never" => Ok(Sunset(None)),
            text => text.parse().map(|day| Sunset(Some(day))).map_err(E::custom),
        }
    }

    /// A date of TOML, which has dates of its own.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sunset, A::Error> {
        let date = Datetime::deserialize(MapAccessDeserializer::new(map))?;
        self.visit_str(&date.to_string())
    }
}

impl<'de> Deserialize<'de> for Transports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ClientAuth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ProxyProtocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a list of origins such as [\"https://app.example\"], or \"*\" for all";
        let check = |text: &str| origin_pattern(text).map(|_| ());
        deserializer.deserialize_any(ListVisitor { expected, check }).map(Origins)
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a list of hosts such as [\"mcp.example.com\"], or \"*\" for all";
        let check = |text: &str| host_pattern(text).map(|_| ());
        deserializer.deserialize_any(ListVisitor { expected, check }).map(Hosts)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a list of networks such as [\"10.0.0.0/8\"]";
        let check = |text: &str| network(text).map(|_| ());
        deserializer.deserialize_any(ListVisitor { expected, check }).map(Networks)
    }
}

/// Reads a list of texts that are all of one kind.
struct ListVisitor {
    expected: &'static str,
    check: fn(&str) -> Result<(), String>,
}

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let checked = |part: &str| (self.check)(part).map(|()| part.to_owned());
        parts.map(checked).collect::<Result<_, _>>().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element_seed(Checked(self.check))? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// One of a list, checked while it is read, so that whoever says what is wrong knows which.
struct Checked(fn(&str) -> Result<(), String>);

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let text = String::deserialize(deserializer)?;
        (self.0)(&text).map(|()| text).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a list of texts such as [\"a\", \"b\"], or one text with commas";
        deserializer.deserialize_any(ListVisitor { expected, check: |_| Ok(()) }).map(Texts)
    }
}
