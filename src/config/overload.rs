//! What a server does when it is asked for more than it can do.

use std::time::Duration;

use crate::limits;

/// When calls for workers are refused with 503, because those that wait already wait too long.
///
/// A call may wait for `queue_delay_factor` times as long as calls run when there is little to do,
/// or for `queue_delay_target` where that is more. When it would be longer, and has been for
/// `interval` (or for as long as a call takes, if that is more), calls that would wait longer are
/// refused until nobody had to be for ten times as long; and for each of them, one that waits and
/// has for twice as long as it may. So a burst waits, up to `deferred_max`; what lasts is refused;
/// a call that a worker is free for never is.
#[derive(Debug, Clone, PartialEq)]
pub struct OverloadConfig {
    /// A wait that is short enough whatever calls take. Zero: nothing is refused for its wait.
    pub queue_delay_target: Duration,
    /// How many times the duration of a call it may wait.
    pub queue_delay_factor: u32,
    /// How long the wait has to be too long, at least.
    pub interval: Duration,
    /// Memory of the process beyond which calls for workers and large bodies are refused, in bytes.
    /// `None`: four fifths of what its control group allows, where that is limited. 0: any.
    pub memory_max: Option<usize>,
}

impl Default for OverloadConfig {
    fn default() -> Self {
        OverloadConfig {
            queue_delay_target: limits::QUEUE_DELAY_TARGET,
            queue_delay_factor: limits::QUEUE_DELAY_FACTOR,
            interval: limits::OVERLOAD_INTERVAL,
            memory_max: None,
        }
    }
}
