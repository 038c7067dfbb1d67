//! How long to wait after a failure: twice as long after each, up to a minute.

/// Pauses that grow.
#[derive(Debug)]
pub(crate) struct Pause {
    next_millis: u64,
}

const FIRST_MILLIS: u64 = 250;
const LONGEST_MILLIS: u64 = 60_000;

impl Default for Pause {
    fn default() -> Self {
        Self { next_millis: FIRST_MILLIS }
    }
}

impl Pause {
    /// How long to wait after one more failure, in milliseconds.
    pub(crate) fn more_millis(&mut self) -> u64 {
        let millis = self.next_millis;
        self.next_millis = (millis * 2).min(LONGEST_MILLIS);
        millis
    }

    /// It worked.
    pub(crate) fn over(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_minute_and_begin_anew() {
        let mut pause = Pause::default();
        let pauses: Vec<u64> = (0..10).map(|_| pause.more_millis()).collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        pause.over();
        assert_eq!(pause.more_millis(), 250);
    }
}
