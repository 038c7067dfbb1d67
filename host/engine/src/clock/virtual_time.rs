//! A clock whose time is made, not measured: a year passes in a millisecond.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, future::BoxFuture};
use stepyard_asl::Timestamp;
use tokio::sync::oneshot;

use super::Clock;

/// Time that stands still until it is moved: by [`advance_millis`](Self::advance_millis), or, with
/// [`VirtualClock::new`], by the engine's being idle. Clones tell the same time.
///
/// An engine that runs a task is not idle: to see a task time out, advance the clock.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<Mutex<Time>>);

#[derive(Debug)]
struct Time {
    now: Timestamp,
    passes_when_idle: bool,
    /// In the order in which they wake; the number tells sleepers to one moment apart.
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
    last_sleeper: u64,
}

impl VirtualClock {
    /// Time that jumps to the next moment somebody sleeps until, whenever the engine is idle.
    pub fn new(now: Timestamp) -> Self {
        Self::starting(now, true)
    }

    /// Time that moves only when it is advanced.
    pub fn manual(now: Timestamp) -> Self {
        Self::starting(now, false)
    }

    fn starting(now: Timestamp, passes_when_idle: bool) -> Self {
        let (sleepers, last_sleeper) = (BTreeMap::new(), 0);
        Self(Arc::new(Mutex::new(Time { now, passes_when_idle, sleepers, last_sleeper })))
    }

    /// Moves time on and wakes whoever slept until a moment that has come.
    pub fn advance_millis(&self, millis: u64) {
        let mut time = self.time();
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        let now = time.now.plus_millis(millis);
        time.move_to(now);
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.time().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let mut time = self.time();
        if at <= time.now {
            return Box::pin(std::future::ready(()));
        }
        time.last_sleeper += 1;
        let place = (at, time.last_sleeper);
        let (waker, woken) = oneshot::channel();
        time.sleepers.insert(place, waker);
        Box::pin(woken.map(drop))
    }

    fn idle(&self) {
        let mut time = self.time();
        if time.passes_when_idle {
            time.sleepers.retain(|_, waker| !waker.is_closed());
            if let Some(&(next, _)) = time.sleepers.keys().next() {
                time.move_to(next);
            }
        }
    }
}

impl Time {
    fn move_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some(sleeper) = self.sleepers.first_entry() {
            if sleeper.key().0 > self.now {
                break;
            }
            // A sleeper that has gone needs no waking.
            let _ = sleeper.remove().send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000);

    fn woken(sleep: &mut BoxFuture<'static, ()>) -> bool {
        sleep.now_or_never().is_some()
    }

    #[test]
    fn time_moves_when_it_is_advanced_and_wakes_in_time() {
        let clock = VirtualClock::manual(START);
        let mut soon = clock.sleep_until(START.plus_millis(10));
        let mut later = clock.sleep_until(START.plus_millis(11));
        clock.idle();
        assert!(!woken(&mut soon));
        clock.advance_millis(10);
        assert!(woken(&mut soon) && !woken(&mut later));
        assert_eq!(clock.now(), START.plus_millis(10));
        assert!(woken(&mut clock.sleep_until(clock.now())));
    }

    #[test]
    fn an_idle_engine_takes_time_to_the_next_moment_that_is_still_waited_for() {
        let clock = VirtualClock::new(START);
        drop(clock.sleep_until(START.plus_millis(5)));
        let mut waited = clock.sleep_until(START.plus_millis(31_536_000_000));
        clock.idle();
        assert!(woken(&mut waited));
        assert_eq!(clock.now(), START.plus_millis(31_536_000_000));
        clock.idle();
        assert_eq!(clock.now(), START.plus_millis(31_536_000_000));
    }
}
