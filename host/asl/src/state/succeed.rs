//! Succeed: ends its machine with its input.

use super::{
    Context, Progress, StateType,
    flow::{Filter, OutputFlow},
};
use crate::{EvaluationError, fields::Fields};

/// A Succeed state.
#[derive(Debug)]
pub(crate) struct Succeed {
    input_path: Filter,
    output: OutputFlow,
}

impl Succeed {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        Self { input_path: Filter::read(fields, "InputPath"), output: OutputFlow::read(fields) }
    }
}

impl StateType for Succeed {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        let input = self.input_path.apply(cx, cx.input)?;
        cx.inspect(|it| it.after_input_path = Some(input.clone()));
        Ok(Progress::Leave(self.output.apply(cx, &input)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        check(
            &json!({"Type": "Succeed", "InputPath": "$.a", "OutputPath": null}),
            &[
                (json!({"End": true}), &["Field 'End' is not supported at /States/A"]),
                (json!({"Assign": {}}), &["Field 'Assign' is not supported at /States/A"]),
                (json!({"ResultPath": "$"}), &["Field 'ResultPath' is not supported at /States/A"]),
            ],
        );
    }
}
