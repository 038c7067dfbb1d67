//! How long it is until the next attempt at what was not taken.

use std::time::Duration;

/// At first, and at most.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);
/// While the process ends there is less time.
const CLOSING: Duration = Duration::from_millis(250);

/// After so many that failed: twice as long each time, and drawn, so that what failed together does not come
/// again together.
pub(crate) fn backoff(failed: u32, is_closing: bool) -> Duration {
    if is_closing {
        return CLOSING;
    }
    let longest = SHORTEST.saturating_mul(2_u32.saturating_pow(failed)).min(LONGEST);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    SHORTEST.max(Duration::from_millis(fastrand::u64(0..=millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_a_bound_and_is_short_at_the_end() {
        for failed in [0, 1, 5, 20, u32::MAX] {
            for _ in 0..50 {
                let backoff = backoff(failed, false);
                assert!((SHORTEST..=LONGEST).contains(&backoff), "{backoff:?} after {failed}");
            }
            assert_eq!(backoff(failed, true), CLOSING);
        }
        assert!((0..50).any(|_| backoff(20, false) > SHORTEST * 10));
    }
}
