//! A version on trial: what its calls came to, and when it is given up.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// When the additional version of an alias is given up: its calls then go to the version that the alias
/// names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canary {
    /// No judgement before so many calls.
    pub calls_min: u64,
    /// The largest part of its calls that may fail, from 0 to 1.
    pub errors_max: f64,
    /// The longest that a call may take on average.
    pub latency_max: Option<Duration>,
}

/// What calls came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: AtomicU64,
    errors: AtomicU64,
    micros: AtomicU64,
}

impl Tally {
    /// Counts a call that has ended.
    pub(super) fn count(&self, failed: bool, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(failed.into(), Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Calls that have ended.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Those of them that failed.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// How long all of them took together.
    pub(super) fn duration(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

impl Canary {
    /// Why a version is given up; none while it may go on.
    pub(super) fn verdict(&self, tally: &Tally) -> Option<String> {
        let (calls, errors, duration) = (tally.calls(), tally.errors(), tally.duration());
        if calls < self.calls_min.max(1) {
            return None;
        }
        if errors as f64 / calls as f64 > self.errors_max {
            let allowed = self.errors_max * 100.0;
            return Some(format!("{errors} of its {calls} calls failed, over {allowed} %"));
        }
        let mean = duration / u32::try_from(calls).unwrap_or(u32::MAX);
        let too_long = self.latency_max.filter(|latency_max| mean > *latency_max)?;
        Some(format!("its {calls} calls took {mean:.1?} on average, over {too_long:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_given_up_for_its_errors_or_its_latency() {
        let latency_max = Some(Duration::from_millis(10));
        let canary = Canary { calls_min: 10, errors_max: 0.1, latency_max };
        for (calls, errors, millis, expected) in [
            (9, 9, 1, None),
            (10, 1, 10, None),
            (10, 2, 1, Some("2 of its 10 calls failed, over 10 %")),
            (10, 0, 11, Some("its 10 calls took 11.0ms on average, over 10ms")),
        ] {
            let tally = Tally::default();
            (0..calls).for_each(|call| tally.count(call < errors, Duration::from_millis(millis)));
            assert_eq!(canary.verdict(&tally).as_deref(), expected, "{errors} of {calls}");
        }
    }
}
