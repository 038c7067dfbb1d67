//! How long a thread has computed. What other threads and processes did meanwhile does not count, so a
//! busy machine ends no step that computes little.

use std::time::Duration;

/// The time that the calling thread has had a processor.
#[cfg(unix)]
pub(crate) fn of_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // Neither part is ever negative.
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The time that has passed: the nearest that this system tells.
#[cfg(not(unix))]
pub(crate) fn of_this_thread() -> Duration {
    static BEGUN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    BEGUN.elapsed()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{hint::black_box, thread, time::Instant};

    use super::*;

    #[test]
    fn computing_counts_and_sleeping_does_not() {
        let begun = of_this_thread();
        thread::sleep(Duration::from_millis(50));
        assert!(of_this_thread() - begun < Duration::from_millis(25));
        let (begun, deadline) = (of_this_thread(), Instant::now() + Duration::from_secs(60));
        while of_this_thread() - begun < Duration::from_millis(5) {
            assert!(Instant::now() < deadline, "computing takes no time");
            black_box(0);
        }
    }
}
