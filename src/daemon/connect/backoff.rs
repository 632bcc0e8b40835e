//! When a broken stream is opened again: never a storm, whatever the server does.

use std::time::Duration;

use mcp_fastd::limits::{RECONNECT_DELAY, RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN};

/// A server that names an interval (`retry`) may end its connections on purpose, and be asked again
/// and again (2025-11-25, "polling"); the interval grows only after so many times without a word.
const PATIENT: u32 = 8;

/// What is known of the attempts so far.
#[derive(Default)]
pub(super) struct Backoff {
    /// What the server said to wait.
    pub(super) said: Option<Duration>,
    /// Openings in a row that brought no message.
    fruitless: u32,
    /// Those that failed altogether.
    pub(super) failures: u32,
}

impl Backoff {
    /// A message came. (That a stream could be opened proves nothing: some servers open and close
    /// it without end.)
    pub(super) fn heard(&mut self) {
        self.fruitless = 0;
        self.failures = 0;
    }

    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        self.fruitless = self.fruitless.saturating_add(1);
        delay(self.said.filter(|_| self.failures == 0), self.fruitless - 1, random())
    }
}

/// At least what the server said ("MUST respect the `retry` field"), doubled for each fruitless
/// attempt, and up to a quarter more by chance, so that clients that lost a server together do not
/// come back together.
fn delay(said: Option<Duration>, fruitless: u32, random: u8) -> Duration {
    let (base, doublings) = match said {
        Some(said) => (said.max(RECONNECT_DELAY_MIN), fruitless / PATIENT),
        None => (RECONNECT_DELAY, fruitless),
    };
    let most = RECONNECT_DELAY_MAX.max(base);
    let delay = base.saturating_mul(1 << doublings.min(16)).min(most);
    delay + delay / 4 * u32::from(random) / 255
}

fn random() -> u8 {
    let mut byte = [0];
    // Without chance, the delay is the least there is: no reason to fail.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays() {
        let ms = Duration::from_millis;
        for (said, fruitless, least) in [
            (None, 0, ms(1000)),
            (None, 1, ms(2000)),
            (None, 4, ms(16_000)),
            (None, 5, ms(30_000)),
            (None, u32::MAX, ms(30_000)),
            (Some(0), 0, ms(100)),
            (Some(500), 7, ms(500)),
            (Some(500), 8, ms(1000)),
            (Some(500), 80, ms(30_000)),
            (Some(60_000), 80, ms(60_000)),
            (Some(u64::MAX), 80, ms(u64::MAX)),
        ] {
            let said = said.map(Duration::from_millis);
            assert_eq!(delay(said, fruitless, 0), least, "{said:?} {fruitless}");
            assert_eq!(delay(said, fruitless, 255), least + least / 4, "{said:?} {fruitless}");
        }
    }

    #[test]
    fn a_message_resets_it_and_a_failure_forgets_what_was_said() {
        let mut backoff = Backoff { said: Some(Duration::from_millis(200)), ..Backoff::default() };
        assert!(backoff.next() <= Duration::from_millis(250));
        backoff.failures = 1;
        assert!(backoff.next() >= Duration::from_secs(2));
        backoff.heard();
        assert!(backoff.next() <= Duration::from_millis(250));
    }
}
