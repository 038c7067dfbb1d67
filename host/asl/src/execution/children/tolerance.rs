//! How many failures a Map Run goes on in spite of.

use serde::{Deserialize, Serialize};

/// How many items of a Map Run may fail: when neither is said, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// How many of all.
    pub count: Option<u64>,
    /// How many of a hundred.
    pub percentage: Option<f64>,
}

impl Tolerance {
    /// Whether a run goes on although so many items failed. `total` is how many it has, once that is
    /// known: until then no share of them is too large, unless none may fail.
    pub fn allows(self, failed: u64, total: Option<u64>) -> bool {
        let Self { count, percentage } = self;
        if count.is_none() && percentage.is_none() {
            return failed == 0;
        }
        let is_share_allowed = percentage.is_none_or(|most| match total {
            None => failed == 0 || most > 0.0,
            Some(total) => failed as f64 * 100.0 / total.max(1) as f64 <= most,
        });
        count.is_none_or(|most| failed <= most) && is_share_allowed
    }
}
