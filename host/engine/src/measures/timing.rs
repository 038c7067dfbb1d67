//! How long things take.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How many things took how long.
#[derive(Debug)]
pub struct Timing {
    /// Those within each bound and above the one before; the last are above all.
    within: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// The bounds that times are told apart by, in seconds: from a call in memory to the longest wait.
const BOUNDS: [f64; 21] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 86_400.0,
];

/// A [`Timing`] as it was at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// How many took no longer than a bound, in seconds, and longer than the one before. The last
    /// bound is infinite.
    pub within: Vec<(f64, u64)>,
    /// How long all took together.
    pub seconds: f64,
}

impl Times {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.within.iter().map(|(_, count)| count).sum()
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self { within: array::from_fn(|_| AtomicU64::new(0)), nanos: AtomicU64::new(0) }
    }
}

impl Timing {
    /// One that took so long.
    pub fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = BOUNDS.partition_point(|bound| *bound < seconds);
        self.within[place].fetch_add(1, Ordering::Relaxed);
        // 584 years of them fit.
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// What was added so far.
    pub fn read(&self) -> Times {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let counts = self.within.iter().map(|count| count.load(Ordering::Relaxed));
        let nanos = self.nanos.load(Ordering::Relaxed);
        Times { within: bounds.zip(counts).collect(), seconds: nanos as f64 / 1e9 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_within_the_first_bound_that_it_does_not_pass() {
        let timing = Timing::default();
        for millis in [1, 1, 2, 25, 26] {
            timing.add(Duration::from_millis(millis));
        }
        timing.add(Duration::from_secs(100_000));
        let times = timing.read();
        let some: Vec<_> = times.within.iter().filter(|(_, count)| *count > 0).copied().collect();
        assert_eq!(some, [(0.001, 2), (0.0025, 1), (0.025, 1), (0.05, 1), (f64::INFINITY, 1)]);
        assert_eq!(times.count(), 6);
        assert!((times.seconds - 100_000.055).abs() < 1e-6, "{}", times.seconds);
    }
}
