//! What marks a JSONata expression, `{%` and `%}`: neither stands at its end of a text without the other
//! ("Improperly opening or closing the expression will result in a validation error": Developer Guide,
//! "Transforming data with JSONata").
//!
//! Read from the JSON, as [`crate::outline`] is.

use serde_json::{Map, Value};

use crate::{
    Code, Diagnostic, Location,
    fields::problem,
    findings::Findings,
    outline::Outline,
    payload::query::is_half_marked,
    references::{CONTAINERS, MACHINES},
};

/// Fields that hold no expression whatever their text: those for people, those that name states or errors, and a
/// file's columns.
const NO_VALUES: [&str; 5] = ["CSVHeaders", "Comment", "Default", "ErrorEquals", "Next"];

/// Fields that hold fields again, besides those that may refer to variables.
const MORE_CONTAINERS: [&str; 2] = ["ReaderConfig", "Retry"];

/// Every text with half of the marks, state by state.
pub(crate) fn check(definition: &Value) -> Findings {
    let outline = Outline::read(definition);
    let of_machine = definition.get("QueryLanguage");
    let states = outline.containers.iter().flat_map(|container| &container.states);
    let mut found = Findings::default();
    for state in states.filter(|state| !state.is_jsonpath(of_machine)) {
        in_fields(state.fields, &state.at, &mut found);
    }
    found
}

/// Looks at a state's fields, or at those of what is inside one. Recursion here and below is as deep as
/// JSON is read.
fn in_fields(fields: &Map<String, Value>, at: &Location, found: &mut Findings) {
    let holds_fields = |name: &str| CONTAINERS.contains(&name) || MORE_CONTAINERS.contains(&name);
    for (name, value) in fields {
        match (name.as_str(), value) {
            (name, _) if NO_VALUES.contains(&name) || MACHINES.contains(&name) => {}
            (name, Value::Object(inner)) if holds_fields(name) => {
                in_fields(inner, &at.field(name), found);
            }
            (name, Value::Array(elements)) if holds_fields(name) => {
                let at = at.field(name);
                for (index, element) in elements.iter().enumerate() {
                    if let Value::Object(inner) = element {
                        in_fields(inner, &at.index(index), found);
                    }
                }
            }
            (name, _) => in_value(value, &at.field(name), found),
        }
    }
}

/// Looks at all texts of a value.
fn in_value(value: &Value, at: &Location, found: &mut Findings) {
    match value {
        Value::String(text) if is_half_marked(text) => found.push(half_marked(at.clone())),
        Value::Object(members) => {
            for (name, member) in members {
                in_value(member, &at.field(name), found);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                in_value(element, &at.index(index), found);
            }
        }
        _ => {}
    }
}

fn half_marked(at: Location) -> Diagnostic {
    let message = "A JSONata expression begins with '{%' and ends with '%}'";
    let mend = "write `{% … %}`, or a text that neither begins with `{%` nor ends with `%}`";
    Diagnostic { code: Code::InvalidJsonataExpression, ..problem(message, at, mend) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StateMachine;

    fn places(definition: &Value) -> Vec<String> {
        check(definition).iter().map(|it| it.location.to_string()).collect()
    }

    #[test]
    fn half_of_the_marks_is_refused_wherever_an_expression_may_stand() {
        let texts = json!({"a": "{% 1", "b": ["1 %}", "{%}"], "Comment": "{%",
            "ok": ["{% 1 %}", "a {% 1 %} b", "{%%}", ""]});
        let pass = json!({"Type": "Pass", "Comment": "{% not", "Output": texts, "End": true});
        let definition = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": pass}}],
                "Retry": [{"ErrorEquals": ["{% E"], "MaxAttempts": "{% 1"}],
                "Catch": [{"ErrorEquals": ["{% E"], "Comment": "{%", "Next": "{% C"}], "Next": "{% C"},
            "{% C": {"Type": "Map", "ItemReader": {"ReaderConfig": {"CSVHeaders": ["{% a"]}}},
        }});
        let output = "/States/A/Branches[0]/States/B/Output";
        assert_eq!(
            places(&definition),
            [
                "/States/A/Retry[0]/MaxAttempts".to_owned(),
                format!("{output}/a"),
                format!("{output}/b[0]"),
                format!("{output}/b[1]"),
                format!("{output}/Comment"),
            ]
        );
    }

    #[test]
    fn a_text_of_a_jsonpath_state_marks_nothing() {
        let pass = |language: &str| {
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "QueryLanguage": language,
                "Assign": {"x": "{% 1"}, "End": true}}})
        };
        assert_eq!(places(&pass("JSONPath")), [""; 0]);
        assert_eq!(places(&pass("JSONata")), ["/States/A/Assign/x"]);
    }

    #[test]
    fn what_was_accepted_before_goes_on() {
        for expression in ["{% 1", "{% $map([1], function($x) { phone }) %}"] {
            let definition = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
                "A": {"Type": "Succeed", "Output": expression}}});
            let definition = definition.to_string();
            assert!(StateMachine::parse(&definition).is_err(), "{expression}");
            assert!(StateMachine::recall(&definition).is_ok(), "{expression}");
        }
        let broken = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Succeed", "Output": "{% 1 + %}"}}}"#;
        assert!(StateMachine::recall(broken).is_err());
    }
}
