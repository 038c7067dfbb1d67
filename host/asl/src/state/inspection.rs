//! What a state's data is on its way through the state: what TestState shows of it.

use crate::Payload;

/// The data of a state under test, as far as it came (API reference, `InspectionData`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// What `InputPath` left of the input. In JSONPath, as are all but those that say otherwise.
    pub after_input_path: Option<Payload>,
    /// What `Parameters` made of that.
    pub after_parameters: Option<Payload>,
    /// What `Arguments` made of the input, in JSONata.
    pub after_arguments: Option<Payload>,
    /// What a task came to, or the `Result` of a Pass state; in either language.
    pub result: Option<Payload>,
    /// What `ResultSelector` made of the result.
    pub after_result_selector: Option<Payload>,
    /// That, put into the input by `ResultPath`.
    pub after_result_path: Option<Payload>,
    /// All variables as the state leaves them, an object; in either language, as are all that follow
    /// but the two of paths.
    pub variables: Option<Payload>,
    /// The items that `ItemsPath` of a Map leads to, in JSONPath.
    pub after_items_path: Option<Payload>,
    /// The items that `ItemsPointer` of a Map's `ReaderConfig` leads to, in what was read.
    pub after_items_pointer: Option<Payload>,
    /// What `ItemSelector` made of each item, an array.
    pub after_item_selector: Option<Payload>,
    /// What each child of a Map Run would be given by `ItemBatcher`, an array.
    pub after_item_batcher: Option<Payload>,
    /// How many iterations of a Map may run at once; 0 for as many as there may be.
    pub max_concurrency: Option<u64>,
    /// How many iterations may fail, where the state says so.
    pub tolerated_failure_count: Option<u64>,
    /// How many of a hundred iterations may fail, where the state says so.
    pub tolerated_failure_percentage: Option<f64>,
    /// What dealt with an error.
    pub error_details: Option<ErrorDetails>,
}

/// What dealt with a state's error (API reference, `InspectionErrorDetails`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetails {
    /// The place in `Catch` of the catcher that caught it.
    pub catch_index: Option<usize>,
    /// The place in `Retry` of the retrier that names it, whether or not that has attempts left.
    pub retry_index: Option<usize>,
    /// How long the retrier waits before the next attempt.
    pub retry_backoff_interval_seconds: Option<u64>,
}

impl Inspection {
    /// Without what a state in JSONata has not.
    pub(crate) fn in_jsonata(self) -> Self {
        Self {
            after_input_path: None,
            after_parameters: None,
            after_result_selector: None,
            after_result_path: None,
            after_items_path: None,
            ..self
        }
    }

    /// Without what a state in JSONPath has not.
    pub(crate) fn in_jsonpath(self) -> Self {
        Self { after_arguments: None, ..self }
    }
}
