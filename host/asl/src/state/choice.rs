//! Choice: goes where the first true rule says.

mod rule;

use super::{
    Assign, Context, Exit, Progress, StateType,
    flow::{Filter, OutputFlow},
};
use crate::{
    EvaluationError, StateName, StatesError,
    fields::Fields,
    payload::{
        Scope,
        query::{Kind, Moment, Query, QueryLanguage},
        template::Template,
    },
};
use rule::Rule;

/// A Choice state.
#[derive(Debug)]
pub(crate) struct Choice {
    input_path: Filter,
    choices: Vec<Choosing>,
    default: Option<StateName>,
    /// Of its parts, `Assign` and in JSONata `Output` are for when no rule is true.
    output: OutputFlow,
}

/// An element of `Choices`.
#[derive(Debug)]
struct Choosing {
    condition: Condition,
    next: StateName,
    assign: Assign,
    /// In JSONata.
    output: Option<Template>,
}

/// When a rule is true.
#[derive(Debug)]
enum Condition {
    Rule(Rule),
    /// In JSONata.
    Literal(bool),
    Query(Query),
}

impl Choice {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let at = fields.at().field("Choices");
        let mut choices = Vec::new();
        for (index, rule) in fields.filled_array("Choices").into_iter().flatten().enumerate() {
            choices.extend(fields.inner(rule, at.index(index)).and_then(Choosing::read));
        }
        Self {
            input_path: Filter::read(fields, "InputPath"),
            choices,
            default: fields.string("Default").map(StateName::from),
            output: OutputFlow::read_with_assign(fields),
        }
    }
}

impl Choosing {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        fields.string("Comment");
        let assign = Assign::read(&mut fields, Moment::Entering);
        let output = fields.template("Output", Moment::Entering);
        let next = fields.string("Next").map(StateName::from);
        if !fields.has("Next") {
            fields.report("These fields are required: [Next]", "name the state to go to in `Next`");
        }
        let condition = Condition::read(fields);
        let (condition, next) = condition.zip(next)?;
        Some(Self { condition, next, assign, output })
    }
}

impl Condition {
    /// Reads, and reports, all that is left of a rule's fields.
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        const NAME: &str = "Condition";
        if fields.language() == QueryLanguage::JsonPath {
            let (object, at) = (fields.object(), fields.at().clone());
            return Rule::read(object, &at, fields.found()).map(Self::Rule);
        }
        let condition = match fields.query(NAME, Moment::Entering) {
            Some(query) => query.map(Self::Query),
            None => {
                fields.required(NAME);
                fields.boolean(NAME).map(Self::Literal)
            }
        };
        fields.finish();
        condition
    }

    fn holds(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match self {
            Self::Rule(rule) => Ok(rule.holds(scope)?),
            Self::Literal(holds) => Ok(*holds),
            Self::Query(query) => Ok(query.evaluate_as(Kind::Boolean, scope)? == true),
        }
    }
}

impl StateType for Choice {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        let input = self.input_path.apply(cx, cx.input)?;
        cx.inspect(|it| it.after_input_path = Some(input.clone()));
        let scope = cx.scope(input.value());
        for choosing in &self.choices {
            if choosing.condition.holds(&scope)? {
                let assigned = choosing.assign.evaluate(&scope)?;
                let output = match &choosing.output {
                    Some(output) => output.evaluate(&scope)?.into(),
                    None => self.output.filtered(cx, &input)?,
                };
                return Ok(Progress::Goto(choosing.next.clone(), Exit { output, assigned }));
            }
        }
        let Some(default) = &self.default else {
            return Err(StatesError::runtime(
                "Failed to transition out of the state. None of its Choices is true for the \
                 input, and it has no Default.",
            )
            .into());
        };
        Ok(Progress::Goto(default.clone(), self.output.apply(cx, &input)?))
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
                Some("Expected value of type [OBJECT] at /States/A/Choices[0]"),
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
