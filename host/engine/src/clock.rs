//! Time and randomness come in through here, so that a test can bring its own.

mod virtual_time;

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use stepyard_asl::{Seed, Timestamp};

pub use virtual_time::VirtualClock;

/// Tells the time and waits for it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Resolves once `at` has come; at once when it has passed. The wait begins with the call, not
    /// with the first poll.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;

    /// The engine tells that it waits for time alone: it has no message, commit or task left.
    /// Called again whenever that is so; a clock that makes time of its own moves it on.
    fn idle(&self) {}
}

/// Draws randomness.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// 32 unpredictable bytes.
    fn seed(&self) -> Seed;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A sleep looks at the time of day again after this long, because that clock is set by people and
/// goes on while a machine is suspended.
const LONGEST_NAP: Duration = Duration::from_secs(30);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(elapsed.as_millis().try_into().unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let clock = *self;
        Box::pin(async move {
            loop {
                let left = at.as_millis().saturating_sub(clock.now().as_millis());
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(LONGEST_NAP)).await;
            }
        })
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn seed(&self) -> Seed {
        let mut seed = Seed::default();
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        seed
    }
}

/// The same randomness for the same number: for tests and simulations.
#[derive(Debug)]
pub struct SeededEntropy {
    number: u64,
    drawn: AtomicU64,
}

impl SeededEntropy {
    /// The randomness that `number` stands for.
    pub fn new(number: u64) -> Self {
        Self { number, drawn: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn seed(&self) -> Seed {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new()
            .chain_update(self.number.to_be_bytes())
            .chain_update(drawn.to_be_bytes())
            .finalize();
        digest.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_entropy_repeats_itself_and_differs_by_number_and_draw() {
        let draw = |number| {
            let entropy = SeededEntropy::new(number);
            [entropy.seed(), entropy.seed()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[0], draw(1)[1]);
    }

    #[test]
    fn system_entropy_never_repeats_itself() {
        assert_ne!(SystemEntropy.seed(), SystemEntropy.seed());
    }

    #[tokio::test]
    async fn a_moment_that_has_passed_is_not_waited_for() {
        SystemClock.sleep_until(SystemClock.now()).await;
        SystemClock.sleep_until(Timestamp::from_millis(i64::MIN)).await;
    }
}
