//! Command-line arguments, taken by name: `--name value` and `--flag`.
//!
//! Each program takes what it knows and calls `finish`, which refuses the rest.

use std::fmt::Display;
use std::str::FromStr;

pub struct Arguments {
    left: Vec<String>,
}

impl Arguments {
    pub fn from_env() -> Self {
        Self { left: std::env::args().skip(1).collect() }
    }

    /// The value after `name`, if it was given.
    pub fn optional<T>(&mut self, name: &str) -> Result<Option<T>, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(at) = self.left.iter().position(|word| word == name) else {
            return Ok(None);
        };
        if at + 1 >= self.left.len() {
            return Err(format!("{name} needs a value"));
        }
        let value = self.left.drain(at..at + 2).nth(1).unwrap_or_default();
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) => Err(format!("{name} {value}: {error}")),
        }
    }

    pub fn required<T>(&mut self, name: &str) -> Result<T, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional(name)?.ok_or_else(|| format!("{name} is required"))
    }

    /// A number between 0 and `max`; more than that is refused, not clamped.
    pub fn bounded<T>(&mut self, name: &str, default: T, max: T) -> Result<T, String>
    where
        T: FromStr + PartialOrd + Display + Default,
        T::Err: Display,
    {
        let value = self.optional(name)?.unwrap_or(default);
        if value < T::default() || value > max {
            return Err(format!("{name} {value}: must be from 0 to {max}"));
        }
        Ok(value)
    }

    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|word| word != name);
        self.left.len() < before
    }

    pub fn finish(self) -> Result<(), String> {
        match self.left.first() {
            Some(word) => Err(format!("unknown argument {word}")),
            None => Ok(()),
        }
    }
}
