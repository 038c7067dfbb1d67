//! `Assign`: what a state, a Choice rule or a catcher puts into variables.

use serde_json::Value;

use crate::{
    EvaluationError, Payload,
    fields::{Fields, expected, problem},
    payload::{
        Scope,
        query::{Moment, QueryLanguage},
        template::Template,
        variables::{Assignments, NameError, check_name},
    },
};

/// An `Assign`; without one nothing is assigned.
#[derive(Debug, Default)]
pub(crate) struct Assign(Option<Template>);

impl Assign {
    pub(crate) fn read(fields: &mut Fields<'_>, moment: Moment) -> Self {
        const NAME: &str = "Assign";
        let Some(value) = fields.value(NAME) else { return Self::default() };
        let at = fields.at().field(NAME);
        let Some(members) = value.as_object() else {
            fields.found().push(expected("Object", at));
            return Self::default();
        };
        let has_paths = fields.language() == QueryLanguage::JsonPath;
        for key in members.keys() {
            let name = key.strip_suffix(".$").filter(|_| has_paths).unwrap_or(key);
            if let Err(error) = check_name(name) {
                let what = if error == NameError::Reserved { "reserved" } else { "not valid" };
                let message = format!("The variable name '{name}' is {what}");
                fields.found().push(problem(message, at.clone(), error.to_string()));
            }
        }
        Self(fields.template(NAME, moment))
    }

    /// The values to assign: every one is made of the variables as they are.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Assignments, EvaluationError> {
        let Some(template) = &self.0 else { return Ok(Assignments::new()) };
        let Value::Object(members) = template.evaluate(scope)? else {
            return Ok(Assignments::new());
        };
        Ok(members.into_iter().map(|(name, value)| (name.into(), Payload::from(value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Location, findings::Findings, payload::testing::in_scope};

    fn read(value: &Value) -> (Assign, Vec<String>) {
        let (value, mut found) = (json!({ "Assign": value }), Findings::default());
        let mut fields = Fields::of(&value, Location::default(), &mut found).unwrap();
        let assign = Assign::read(&mut fields, Moment::Entering);
        (assign, found.iter().map(|it| format!("{} at {}", it.message, it.location)).collect())
    }

    #[test]
    fn values_are_computed_of_what_there_was() {
        let (assign, found) = read(
            &json!({"n": 1, "order.$": "$.id", "box": {"was.$": "$box.size[0]"}, "p": "$.id"}),
        );
        assert_eq!(found, [""; 0]);
        let assigned = in_scope(&json!({"id": 7}), |scope| assign.evaluate(scope)).unwrap();
        let shown: Vec<_> = assigned.iter().map(|(name, it)| format!("{name}={it}")).collect();
        assert_eq!(shown, [r#"box={"was":3}"#, "n=1", "order=7", r#"p="$.id""#]);
    }

    #[test]
    fn what_is_no_name_is_reported() {
        let cases = [
            (json!({"states": 1}), "The variable name 'states' is reserved at /Assign"),
            (json!({"a.b.$": "$.x"}), "The variable name 'a.b' is not valid at /Assign"),
            (json!({"a[0]": 1}), "The variable name 'a[0]' is not valid at /Assign"),
            (json!("a"), "Expected value of type [OBJECT] at /Assign"),
        ];
        for (value, expected) in cases {
            assert_eq!(read(&value).1, [expected], "{value}");
        }
    }
}
