//! Pass: passes its input on, reshaped, or a fixed result in its place.

use super::{
    Assign, Context, Exit, Progress, StateType,
    flow::{Filter, OutputFlow, ResultPath, fill},
};
use crate::{
    EvaluationError, Payload,
    fields::Fields,
    payload::{query::Moment, template::Template},
};

/// A Pass state.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    input_path: Filter,
    parameters: Option<Template>,
    /// Taken as it stands: keys that end in `.$` mean nothing in it.
    result: Option<Payload>,
    result_path: ResultPath,
    output: OutputFlow,
    assign: Assign,
}

impl Pass {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            input_path: Filter::read(fields, "InputPath"),
            parameters: fields.template("Parameters", Moment::Entering),
            result: fields.value("Result").cloned().map(Payload::from),
            result_path: ResultPath::read(fields),
            output: OutputFlow::read(fields),
            assign: Assign::read(fields, Moment::Entering),
        }
    }
}

impl StateType for Pass {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        let input = self.input_path.apply(cx, cx.input)?;
        let filled = fill(self.parameters.as_ref(), cx, input.clone())?;
        // As AWS shows it: of a state with a Result, not what it makes of its input.
        cx.inspect(|it| match &self.result {
            Some(result) => it.result = Some(result.clone()),
            None => {
                it.after_input_path = Some(input);
                it.after_parameters = Some(filled.clone());
            }
        });
        let result = self.result.clone().unwrap_or(filled);
        cx.inspect(|it| it.after_result_selector = Some(result.clone()));
        let assigned = self.assign.evaluate(&cx.scope(result.value()))?;
        let data = self.result_path.apply(cx.input, result)?;
        cx.inspect(|it| it.after_result_path = Some(data.clone()));
        let output = self.output.output(cx, &data)?;
        Ok(Progress::Leave(Exit { output, assigned }))
    }
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        check(
            &json!({"Type": "Pass", "End": true, "InputPath": null, "Parameters": {"a.$": "$"},
                "Result": [1], "ResultPath": "$.a", "OutputPath": "$$.Execution", "Comment": "",
                "Assign": {"x.$": "$[0]", "y": {"z.$": "$x"}}}),
            &[
                (
                    json!({"InputPath": 1}),
                    &["Expected value of type [STRING] at /States/A/InputPath"],
                ),
                (
                    json!({"OutputPath": "a.b"}),
                    &["Value is not a JSONPath at /States/A/OutputPath"],
                ),
                (
                    json!({"ResultPath": "$.a[*]"}),
                    &["Value is not a Reference Path at /States/A/ResultPath"],
                ),
                (
                    json!({"ResultPath": "$$.Task.Token"}),
                    &["Value is not a Reference Path at /States/A/ResultPath"],
                ),
                (
                    json!({"ResultPath": "$x"}),
                    &["Value is not a Reference Path at /States/A/ResultPath"],
                ),
                (json!({"Retry": []}), &["Field 'Retry' is not supported at /States/A"]),
                (
                    json!({"TimeoutSeconds": 1}),
                    &["Field 'TimeoutSeconds' is not supported at /States/A"],
                ),
            ],
        );
    }
}
