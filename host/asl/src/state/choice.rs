//! Choice: goes where the first true rule says.

mod rule;

use super::{Assign, Context, Exit, Progress, StateType, flow::Filter};
use crate::{StateName, StatesError, fields::Fields, payload::Scope};
use rule::Rule;

/// A Choice state.
#[derive(Debug)]
pub(crate) struct Choice {
    input_path: Filter,
    choices: Vec<Choosing>,
    default: Option<StateName>,
    output_path: Filter,
    /// When no rule is true.
    assign: Assign,
}

/// An element of `Choices`.
#[derive(Debug)]
struct Choosing {
    rule: Rule,
    next: StateName,
    assign: Assign,
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
            assign: Assign::read(fields),
        }
    }
}

/// Reads an element of `Choices`. Its condition reads, and reports, all fields but these.
fn read_rule(mut fields: Fields<'_>) -> Option<Choosing> {
    fields.string("Comment");
    let assign = Assign::read(&mut fields);
    let next = fields.string("Next").map(StateName::from);
    if !fields.has("Next") {
        fields.report("These fields are required: [Next]", "name the state to go to in `Next`");
    }
    let (object, at) = (fields.object(), fields.at().clone());
    let rule = Rule::read(object, &at, fields.found());
    let (rule, next) = rule.zip(next)?;
    Some(Choosing { rule, next, assign })
}

impl StateType for Choice {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, StatesError> {
        let input = self.input_path.apply(cx, cx.input)?;
        let scope = cx.scope(input.value());
        let (next, assign) = self.choose(&scope)?;
        let assigned = assign.evaluate(&scope)?;
        let output = self.output_path.apply(cx, &input)?;
        Ok(Progress::Goto(next.clone(), Exit { output, assigned }))
    }
}

impl Choice {
    /// Where to go, and what is assigned on the way.
    fn choose(&self, scope: &Scope<'_>) -> Result<(&StateName, &Assign), StatesError> {
        for choosing in &self.choices {
            if choosing.rule.holds(scope)? {
                return Ok((&choosing.next, &choosing.assign));
            }
        }
        let default = self.default.as_ref().map(|next| (next, &self.assign));
        default.ok_or_else(|| {
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
                json!({"Choices": [{"Variable": "$v.a", "IsNull": true, "Next": "B", "Assign": {"states": 1}}]}),
                Some("The variable name 'states' is reserved at /States/A/Choices[0]/Assign"),
            ),
        ];
        for (fields, expected) in cases {
            let expected = expected.map(|it| format!("SCHEMA_VALIDATION_FAILED: {it}"));
            assert_eq!(problems(&fields), Vec::from_iter(expected), "{fields:#}");
        }
    }
}
