//! The outputs of branches, iterations or child executions, on their way to being one array.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    PAYLOAD_BYTES_MAX,
    visit::{too_deep, too_long},
};
use crate::{Payload, StatesError};

/// Outputs, each with its place. What is too long to be a state's result is not kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// By place; empty once they are too long to be a result.
    #[serde(serialize_with = "write_kept", deserialize_with = "read_kept")]
    kept: BTreeMap<usize, Payload>,
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
            self.kept.clear();
            return;
        }
        self.kept.insert(place, output);
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The outputs as an array, each with its text as it is: the result of `state`.
    pub(super) fn result(&self, state: &str) -> Result<Payload, StatesError> {
        if self.are_too_long() {
            return Err(too_long(state));
        }
        let texts: Vec<_> = self.kept.values().map(Payload::text).collect();
        // What nests too deep to be read again is too deep for a state's result.
        Payload::parse(format!("[{}]", texts.join(","))).map_err(|_| too_deep(state))
    }

    fn are_too_long(&self) -> bool {
        self.bytes + 2 > PAYLOAD_BYTES_MAX
    }
}

/// As pairs: there may be a hundred million places, and few outputs.
fn write_kept<S: Serializer>(
    kept: &BTreeMap<usize, Payload>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(kept)
}

fn read_kept<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<usize, Payload>, D::Error> {
    let stored: Vec<Stored> = Vec::deserialize(deserializer)?;
    let placed = stored.into_iter().enumerate().filter_map(|(index, stored)| match stored {
        Stored::Placed(place, output) => Some((place, output)),
        Stored::Listed(output) => Some((index, output?)),
    });
    Ok(placed.collect())
}

/// An output as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Placed(usize, Payload),
    /// As 0.1.0 wrote it: at its place in the list, null where there is none.
    Listed(Option<Payload>),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(outputs: &[(usize, &str)]) -> Outputs {
        let mut all = Outputs::default();
        for (place, text) in outputs {
            all.keep(*place, Payload::parse(*text).unwrap());
        }
        all
    }

    #[test]
    fn outputs_are_written_without_the_places_that_have_none() {
        let outputs = kept(&[(99_999_999, r#"{"a": 1}"#), (3, "2")]);
        let text = serde_json::to_string(&outputs).unwrap();
        let expected = r#"{"kept":[[3,"2"],[99999999,"{\"a\": 1}"]],"count":2,"bytes":10}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Outputs>(&text).unwrap(), outputs);
    }

    #[test]
    fn a_list_with_all_places_is_read_too() {
        for (stored, expected) in [
            (json!([]), kept(&[])),
            (json!([null, "7", null, "[1, 2]"]), kept(&[(1, "7"), (3, "[1, 2]")])),
        ] {
            let (count, bytes) = (expected.count, expected.bytes);
            let stored = json!({"kept": stored, "count": count, "bytes": bytes});
            assert_eq!(serde_json::from_value::<Outputs>(stored).unwrap(), expected);
        }
    }
}
