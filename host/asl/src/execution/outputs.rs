//! The outputs of branches, iterations or child executions, on their way to being one array.

use serde::{Deserialize, Serialize};

use super::{
    PAYLOAD_BYTES_MAX,
    visit::{too_deep, too_long},
};
use crate::{Payload, StatesError};

/// Outputs, each with its place. What is too long to be a state's result is not kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// By place; empty once they are too long to be a result.
    kept: Vec<Option<Payload>>,
    count: usize,
    /// What they come to as an array, besides its brackets.
    bytes: usize,
}

impl Outputs {
    /// Keeps an output, unless all together are too long to be of use.
    pub fn keep(&mut self, place: usize, output: Payload) {
        self.count += 1;
        self.bytes += output.len() + usize::from(self.count > 1);
        if self.are_too_long() {
            self.kept = Vec::new();
            return;
        }
        if self.kept.len() <= place {
            self.kept.resize(place + 1, None);
        }
        self.kept[place] = Some(output);
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The outputs as an array, each with its text as it is: the result of `state`.
    pub(super) fn result(&self, state: &str) -> Result<Payload, StatesError> {
        if self.are_too_long() {
            return Err(too_long(state));
        }
        let texts: Vec<_> = self.kept.iter().flatten().map(Payload::text).collect();
        // What nests too deep to be read again is too deep for a state's result.
        Payload::parse(format!("[{}]", texts.join(","))).map_err(|_| too_deep(state))
    }

    fn are_too_long(&self) -> bool {
        self.bytes + 2 > PAYLOAD_BYTES_MAX
    }
}
