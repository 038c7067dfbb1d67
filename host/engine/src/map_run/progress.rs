//! How far a Map Run has come: which children are over, and where the items of the others are. Kept now
//! and then, so that an engine that goes on with the run repeats no more than what was not kept yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stepyard_asl::{Outputs, Timestamp};

use super::{items::Place, results::ChildResult};

/// How often it is kept how far a run has come.
const KEEP_MILLIS: i64 = 1_000;
/// After how many children that is done at the latest, and how many bytes of results.
const KEEP_CHILDREN: usize = 1_000;
const KEEP_BYTES: usize = 4 << 20;

/// How far a run has come. Counts of what is over are beside it, in the run's record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// The first child that is not over.
    pub(super) next: Mark,
    /// Which children behind that one are.
    pub(super) ended: Ended,
    /// Those that were when the run was redriven last. They succeeded, but for those of which it is kept that
    /// they did not.
    pub(super) earlier: Ended,
    /// The outputs of those that succeeded, where they are the state's result.
    pub(super) outputs: Outputs,
}

impl Progress {
    /// That of a run that is redriven: from its first child, without those that succeeded.
    pub(super) fn redriven(self) -> Self {
        let Self { next, ended, mut earlier, outputs } = self;
        let over = Vec::from(ended).into_iter().chain([(0, next.child)]);
        over.for_each(|(start, end)| earlier.insert(start, end));
        Self { earlier, outputs, ..Self::default() }
    }
}

/// Where a child begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mark {
    /// The child's number.
    pub(super) child: usize,
    /// The number of its first item.
    pub(super) item: usize,
    /// Where that is read.
    pub(super) place: Place,
}

/// Numbers of children, as ranges: as many as there are gaps, and these are no more than the children
/// that are under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, usize)>", into = "Vec<(usize, usize)>")]
pub(super) struct Ended(BTreeMap<usize, usize>);

impl From<Vec<(usize, usize)>> for Ended {
    fn from(ranges: Vec<(usize, usize)>) -> Self {
        Self(ranges.into_iter().collect())
    }
}

impl From<Ended> for Vec<(usize, usize)> {
    fn from(ended: Ended) -> Self {
        ended.0.into_iter().collect()
    }
}

impl Ended {
    /// Adds the children from one up to another.
    pub(super) fn insert(&mut self, mut start: usize, mut end: usize) {
        if start == end {
            return;
        }
        let before = self.0.range(..=start).next_back().filter(|(_, end)| **end >= start);
        start = before.map_or(start, |(before, _)| *before);
        while let Some((&touching, &its_end)) = self.0.range(start..=end).next() {
            self.0.remove(&touching);
            end = end.max(its_end);
        }
        self.0.insert(start, end);
    }

    pub(super) fn contains(&self, child: usize) -> bool {
        self.0.range(..=child).next_back().is_some_and(|(_, end)| child < *end)
    }

    /// Forgets those before a child.
    pub(super) fn forget_before(&mut self, child: usize) {
        while let Some((&start, &end)) = self.0.first_key_value() {
            if start >= child {
                return;
            }
            self.0.remove(&start);
            if end > child {
                self.0.insert(child, end);
            }
        }
    }
}

/// What is not kept yet.
#[derive(Debug, Default)]
pub(super) struct Unkept {
    pub(super) results: Vec<(u64, ChildResult)>,
    pub(super) bytes: usize,
    pub(super) children: usize,
    pub(super) since: Option<Timestamp>,
}

impl Unkept {
    /// Nothing, at a moment at which all was kept.
    pub(super) fn since(now: Timestamp) -> Self {
        Self { since: Some(now), ..Self::default() }
    }

    /// Whether it is time to keep it.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        let since = *self.since.get_or_insert(now);
        self.children >= KEEP_CHILDREN
            || self.bytes >= KEEP_BYTES
            || now.as_millis() - since.as_millis() >= KEEP_MILLIS
    }

    /// When it will be, though nothing is added until then; none where nothing is to be kept.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        let since = self.since.filter(|_| self.children > 0)?;
        Some(Timestamp::from_millis(since.as_millis() + KEEP_MILLIS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_that_are_over_are_kept_as_ranges() {
        let mut ended = Ended::default();
        for child in [5, 7, 6, 1, 9, 5] {
            ended.insert(child, child + 1);
        }
        assert_eq!(Vec::from(ended.clone()), [(1, 2), (5, 8), (9, 10)]);
        let contained = (0..11).filter(|child| ended.contains(*child));
        assert_eq!(contained.collect::<Vec<_>>(), [1, 5, 6, 7, 9]);
        ended.forget_before(6);
        assert_eq!(Vec::from(ended.clone()), [(6, 8), (9, 10)]);
        for (start, end) in [(3, 3), (8, 9), (0, 2), (1, 7), (12, 14)] {
            ended.insert(start, end);
        }
        assert_eq!(Vec::from(ended), [(0, 10), (12, 14)]);
    }
}
