//! Choice: goes where the first true rule says.

mod rule;

use serde_json::Value;

use super::{Context, Progress, StateType, flow::Filter};
use crate::{StateName, StatesError, fields::Fields};
use rule::Rule;

/// A Choice state.
#[derive(Debug)]
pub(crate) struct Choice {
    input_path: Filter,
    choices: Vec<(Rule, StateName)>,
    default: Option<StateName>,
    output_path: Filter,
}

impl Choice {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let at = fields.at().field("Choices");
        let mut choices = Vec::new();
        for (index, rule) in fields.filled_array("Choices").into_iter().flatten().enumerate() {
            let rule = Fields::of(rule, at.index(index), fields.found());
            choices.extend(rule.and_then(read_rule));
        }
        Self {
            input_path: Filter::read(fields, "InputPath"),
            choices,
            default: fields.string("Default").map(StateName::from),
            output_path: Filter::read(fields, "OutputPath"),
        }
    }
}

/// Reads an element of `Choices`. Its condition reads, and reports, all fields but these.
fn read_rule(mut fields: Fields<'_>) -> Option<(Rule, StateName)> {
    fields.string("Comment");
    if fields.has("Assign") {
        fields.not_built("Assign", "carry the value in the state's output instead");
    }
    let next = fields.string("Next").map(StateName::from);
    if !fields.has("Next") {
        fields.report("These fields are required: [Next]", "name the state to go to in `Next`");
    }
    let (object, at) = (fields.object(), fields.at().clone());
    let rule = Rule::read(object, &at, fields.found());
    rule.zip(next)
}

impl StateType for Choice {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, StatesError> {
        let input = self.input_path.apply(cx, cx.input)?;
        let next = self.choose(cx, input.value())?;
        let output = self.output_path.apply(cx, &input)?;
        Ok(Progress::Goto(next.clone(), output))
    }
}

impl Choice {
    fn choose(&self, cx: &Context<'_>, input: &Value) -> Result<&StateName, StatesError> {
        let scope = cx.scope(input);
        for (rule, next) in &self.choices {
            if rule.holds(&scope)? {
                return Ok(next);
            }
        }
        self.default.as_ref().ok_or_else(|| {
            StatesError::runtime(
                "Failed to transition out of the state. None of its Choices is true for the \
                 input, and it has no Default.",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::state::testing::problems_of;
    use serde_json::{Value, json};

    fn problems(fields: &Value) -> Vec<String> {
        let mut choice = json!({"Type": "Choice", "Default": "B"});
        let members = choice.as_object_mut().unwrap();
        members.extend(fields.as_object().unwrap().clone());
        let machine = json!({"StartAt": "A", "States": {"A": choice, "B": {"Type": "Succeed"}}});
        problems_of(&machine.to_string())
    }

    #[test]
    fn its_fields_are_checked() {
        let rule = json!({"Variable": "$.a", "IsNull": true, "Next": "B"});
        let cases = [
            (json!({"Choices": [rule]}), None),
            (json!({}), Some("These fields are required: [Choices] at /States/A")),
            (json!({"Choices": []}), Some("Value cannot be empty at /States/A/Choices")),
            (
                json!({"Choices": [7]}),
                Some("Expected value of type Object at /States/A/Choices[0]"),
            ),
            (
                json!({"Choices": [{"Variable": "$.a", "IsNull": true}]}),
                Some("These fields are required: [Next] at /States/A/Choices[0]"),
            ),
            (
                json!({"Choices": [rule], "Next": "B"}),
                Some("Field 'Next' is not supported at /States/A"),
            ),
            (
                json!({"Choices": [{"Variable": "$.a", "IsNull": true, "Next": "B", "Assign": {}}]}),
                Some(
                    "Assign is not supported by this version of Stepyard yet at /States/A/Choices[0]",
                ),
            ),
        ];
        for (fields, expected) in cases {
            let expected = expected.map(|it| format!("SCHEMA_VALIDATION_FAILED: {it}"));
            assert_eq!(problems(&fields), Vec::from_iter(expected), "{fields:#}");
        }
    }
}
