//! What a definition is only warned of: values that look like paths where they are taken as they stand
//! (API reference, `ValidateStateMachineDefinitionDiagnostic`: "List of warning codes").
//!
//! Read from the JSON, as [`crate::outline`] is.

use serde_json::{Map, Value};

use crate::{
    Code, Diagnostic, Location, Severity,
    findings::Findings,
    outline::Outline,
    payload::expression::Expression,
    references::{CONTAINERS, TEMPLATES},
};

/// Fields that are paths though their names do not end in `Path`, and those that are for people.
const NO_VALUES: [&str; 2] = ["Comment", "Variable"];

/// Every warning, state by state.
pub(crate) fn of(definition: &Value) -> Findings {
    let outline = Outline::read(definition);
    let of_machine = definition.get("QueryLanguage");
    let states = outline.containers.iter().flat_map(|container| &container.states);
    let mut found = Findings::default();
    for state in states.filter(|state| state.is_jsonpath(of_machine)) {
        in_fields(state.fields, &state.at, &mut found);
    }
    found
}

/// Looks at a state's fields, or at those of what is inside one. Recursion here and below is as deep as
/// JSON is read, and so is the one place that is held.
fn in_fields(fields: &Map<String, Value>, at: &Location, found: &mut Findings) {
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("Result", _) => in_result(value, &at.field(name), found),
            (name, _) if TEMPLATES.contains(&name) => in_template(value, &at.field(name), found),
            (name, Value::Object(inner)) if CONTAINERS.contains(&name) => {
                in_fields(inner, &at.field(name), found);
            }
            (name, Value::Array(elements)) if CONTAINERS.contains(&name) => {
                let at = at.field(name);
                for (index, element) in elements.iter().enumerate() {
                    if let Value::Object(inner) = element {
                        in_fields(inner, &at.index(index), found);
                    }
                }
            }
            (name, Value::String(text)) if takes_no_path(name) && is_path(text) => {
                found.push(no_path(name, text, at.field(name)));
            }
            _ => {}
        }
    }
}

fn takes_no_path(field: &str) -> bool {
    !field.ends_with("Path") && !NO_VALUES.contains(&field)
}

/// Looks at all that a template takes as it stands.
fn in_template(template: &Value, at: &Location, found: &mut Findings) {
    match template {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !name.ends_with(".$")) {
                match member {
                    Value::String(text) if is_path(text) || is_call(text) => {
                        found.push(no_dollar(name, text, at.field(name)));
                    }
                    _ => in_template(member, &at.field(name), found),
                }
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                in_template(element, &at.index(index), found);
            }
        }
        _ => {}
    }
}

/// Looks at all of a Pass state's `Result`, none of which is evaluated.
fn in_result(result: &Value, at: &Location, found: &mut Findings) {
    match result {
        Value::String(text) if is_path(text) || is_call(text) => {
            found.push(static_result(text, at.clone()));
        }
        Value::Object(members) => {
            for (name, member) in members {
                in_result(member, &at.field(name), found);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                in_result(element, &at.index(index), found);
            }
        }
        _ => {}
    }
}

/// A price such as `$5` is none.
fn is_path(text: &str) -> bool {
    let starts = ["$.", "$[", "$$."].iter().any(|start| text.starts_with(start));
    starts && Expression::read(&text.into()).is_ok()
}

fn is_call(text: &str) -> bool {
    text.starts_with("States.") && Expression::read(&text.into()).is_ok()
}

fn no_dollar(name: &str, text: &str, at: Location) -> Diagnostic {
    let message = format!("The value of '{name}' looks like a path or an intrinsic function call");
    warning(Code::NoDollar, message, at, format!("name it `{name}.$` to have `{text}` evaluated"))
}

fn no_path(name: &str, text: &str, at: Location) -> Diagnostic {
    let message = format!("The value of '{name}' looks like a path");
    warning(
        Code::NoPath,
        message,
        at,
        format!("`{text}` is evaluated in a field whose name ends in `Path`"),
    )
}

fn static_result(text: &str, at: Location) -> Diagnostic {
    let message = "The Result of a Pass state is taken as it stands".to_owned();
    let mend =
        format!("use `Parameters`, and a name that ends in `.$`, to have `{text}` evaluated");
    warning(Code::PassResultIsStatic, message, at, mend)
}

fn warning(code: Code, message: String, location: Location, mend: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, code, message, location, mend }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StateMachine;

    fn check(definition: &Value, expected: &[&str]) {
        let shown = |it: &Diagnostic| format!("{} at {}", it.code, it.location);
        let found: Vec<_> = of(definition).iter().map(shown).collect();
        assert_eq!(found, expected);
        // Warnings refuse nothing.
        assert!(StateMachine::parse(&definition.to_string()).is_ok());
        let told = StateMachine::diagnose(&definition.to_string());
        assert_eq!(told.iter().map(shown).collect::<Vec<_>>(), expected);
        assert!(told.iter().all(|it| it.severity == Severity::Warning && !it.mend.is_empty()));
    }

    #[test]
    fn what_looks_like_a_path_and_is_none_is_told() {
        let task = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Comment": "$.a",
            "Parameters": {"FunctionName": "$.name", "Payload": {"a.$": "$.a", "b": [{"c": "$$.State.Name"}],
                "d": "States.UUID()", "e": "$5 off", "f": "$.50 off", "g": "States.Nope()"}},
            "ResultSelector": {"x": "$[0]"}, "Assign": {"v": "$.v"}, "Next": "Choose"});
        let choose = json!({"Type": "Choice", "Default": "Fail", "Choices": [
            {"Variable": "$.a", "StringEquals": "$.b", "Next": "Shape"},
            {"Not": {"Variable": "$.a", "StringEqualsPath": "$.b"}, "Next": "Shape"},
            {"And": [{"Variable": "$.a", "StringMatches": "$.c"}], "Next": "Shape"},
        ]});
        let shape = json!({"Type": "Pass", "Result": {"a": ["$.a"], "b.$": "$.b", "c": "$"}, "Next": "Fail"});
        let fail = json!({"Type": "Fail", "Error": "$.error", "CausePath": "$.cause"});
        check(
            &json!({"StartAt": "Call", "States": {
                "Call": task, "Choose": choose, "Shape": shape, "Fail": fail}}),
            &[
                "NO_DOLLAR at /States/Call/Parameters/FunctionName",
                "NO_DOLLAR at /States/Call/Parameters/Payload/b[0]/c",
                "NO_DOLLAR at /States/Call/Parameters/Payload/d",
                "NO_DOLLAR at /States/Call/ResultSelector/x",
                "NO_DOLLAR at /States/Call/Assign/v",
                "NO_PATH at /States/Choose/Choices[0]/StringEquals",
                "NO_PATH at /States/Choose/Choices[2]/And[0]/StringMatches",
                "PASS_RESULT_IS_STATIC at /States/Shape/Result/a[0]",
                "PASS_RESULT_IS_STATIC at /States/Shape/Result/b.$",
                "NO_PATH at /States/Fail/Error",
            ],
        );
    }

    #[test]
    fn a_jsonata_state_has_no_paths_to_be_told_of() {
        check(
            &json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
                "A": {"Type": "Pass", "Output": {"a": "$.a"}, "Assign": {"b": "$.b"}, "Next": "B"},
                "B": {"Type": "Fail", "Error": "$.e"}}}),
            &[],
        );
    }
}
