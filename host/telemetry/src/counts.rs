//! What is counted of what is passed on, and how the log tells of what is lost.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use stepyard_engine::measures::Shipping;

/// How often the log tells of losses of a kind at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How many of a kind were taken outside, were lost, and wait.
#[derive(Debug)]
pub(crate) struct Counts {
    what: &'static str,
    sent: AtomicU64,
    lost: AtomicU64,
    waiting: AtomicU64,
    untold: Mutex<Untold>,
}

/// Losses that the log was not told of.
#[derive(Debug, Default)]
struct Untold {
    count: u64,
    told_at: Option<Instant>,
}

impl Counts {
    pub(crate) fn new(what: &'static str) -> Self {
        let (sent, lost, waiting, untold) = Default::default();
        Self { what, sent, lost, waiting, untold }
    }

    pub(crate) fn wait(&self, count: usize) {
        self.waiting.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// So many of those that waited do so no longer: of them so many were taken outside.
    pub(crate) fn settle(&self, count: usize, sent: usize) {
        self.waiting.fetch_sub(count as u64, Ordering::Relaxed);
        self.sent.fetch_add(sent as u64, Ordering::Relaxed);
    }

    /// So many are lost. The log says so, now or when it has not for a while.
    pub(crate) fn lose(&self, count: usize, why: &str) {
        if count == 0 {
            return;
        }
        self.lost.fetch_add(count as u64, Ordering::Relaxed);
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        untold.count += count as u64;
        if untold.told_at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return;
        }
        tracing::warn!(what = self.what, count = untold.count, why, "telemetry is lost");
        *untold = Untold { count: 0, told_at: Some(Instant::now()) };
    }

    /// Tells the log, at the end of the process, of what it was not told of and of what still waits.
    pub(crate) fn tell_rest(&self) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        if untold.count > 0 {
            tracing::warn!(what = self.what, count = untold.count, "telemetry is lost");
            untold.count = 0;
        }
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > 0 {
            tracing::warn!(what = self.what, waiting, "the process ends before all is told");
        }
    }

    pub(crate) fn read(&self) -> Shipping {
        Shipping {
            what: self.what,
            sent: self.sent.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}
