//! Rates and overload, as written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::values::Seconds;
use super::super::{Config, OverloadConfig, Rate, RateConfig, RejectStatus};
use super::RawConfig;

layer! {
    /// [`RateConfig`] as written. Each rate is text (`"600/min burst 20"`), or a number a second.
    RawRate
    values {
        /// Of all clients.
        global: Rate,
        /// Of an address.
        per_address: Rate,
        /// Of a principal.
        per_principal: Rate,
        /// Of a tool.
        per_tool: Rate,
        /// Of a tool, called by a principal.
        per_tool_and_principal: Rate,
        /// Of these tools.
        tools: BTreeMap<String, Rate>,
        /// 429, or 200.
        reject_status: RejectStatus,
    }
    tables {}
}

layer! {
    /// [`OverloadConfig`] as written.
    RawOverload
    values {
        /// A wait that is short enough.
        queue_delay_target: Seconds,
        /// Times the duration of a call.
        queue_delay_factor: u32,
        /// How long it has to last.
        interval: Seconds,
        /// Bytes.
        memory_max: usize,
    }
    tables {}
}

impl RawConfig {
    /// What one client, one connection or one call may have.
    pub(in super::super) fn settle_clients(&self, config: &mut Config) {
        let count = |count: Option<usize>, before| count.unwrap_or(before);
        let time = |time: Option<Seconds>, before| time.map_or(before, |time| time.0);
        config.json_depth_max = count(self.json_depth_max, config.json_depth_max);
        config.connections_per_address_max =
            count(self.connections_per_address_max, config.connections_per_address_max);
        config.calls_per_principal_max =
            count(self.calls_per_principal_max, config.calls_per_principal_max);
        config.streams_per_principal_max =
            count(self.streams_per_principal_max, config.streams_per_principal_max);
        config.streams_per_address_max =
            count(self.streams_per_address_max, config.streams_per_address_max);
        config.requests_per_connection_max =
            count(self.requests_per_connection_max, config.requests_per_connection_max);
        config.connection_age_max = time(self.connection_age_max, config.connection_age_max);
        config.call_timeout = time(self.call_timeout, config.call_timeout);
    }
}

impl RawRate {
    /// What is meant.
    pub(in super::super) fn settle(self, config: &mut RateConfig) {
        config.global = self.global.or(config.global);
        config.per_address = self.per_address.or(config.per_address);
        config.per_principal = self.per_principal.or(config.per_principal);
        config.per_tool = self.per_tool.or(config.per_tool);
        config.per_tool_and_principal =
            self.per_tool_and_principal.or(config.per_tool_and_principal);
        if let Some(tools) = self.tools {
            config.tools = tools;
        }
        config.reject_status = self.reject_status.unwrap_or(config.reject_status);
    }
}

impl RawOverload {
    /// What is meant.
    pub(in super::super) fn settle(self, config: &mut OverloadConfig) {
        let time = |time: Option<Seconds>, before| time.map_or(before, |time| time.0);
        config.queue_delay_target = time(self.queue_delay_target, config.queue_delay_target);
        config.interval = time(self.interval, config.interval);
        config.queue_delay_factor = self.queue_delay_factor.unwrap_or(config.queue_delay_factor);
        config.memory_max = self.memory_max.or(config.memory_max);
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rate such as \"600/min burst 20\", or a number of requests a second")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Rate, E> {
        match u32::try_from(count) {
            Ok(count) if count > 0 => Ok(Rate::per_second(count)),
            _ => Err(E::custom("a rate is at least 1 a second; leave it out for none")),
        }
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Rate, E> {
        self.visit_u64(u64::try_from(count).unwrap_or(0))
    }
}

impl<'de> Deserialize<'de> for RejectStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RejectStatus, D::Error> {
        match u16::deserialize(deserializer)? {
            429 => Ok(RejectStatus::TooManyRequests),
            200 => Ok(RejectStatus::Ok),
            other => Err(D::Error::custom(format_args!("{other}: expected 429 or 200"))),
        }
    }
}
