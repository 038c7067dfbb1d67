//! The context object that a test may bring along: which members it has, and of which types.

use serde_json::{Map, Value};

use super::TestRefusal;
use crate::State;

/// What a member of a context object is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Any,
}

/// The members of the context object ("Accessing execution data from the Context object"), and theirs.
const MEMBERS: &[(&str, &[(&str, Kind)])] = &[
    (
        "Execution",
        &[
            ("Id", Kind::Text),
            ("Input", Kind::Any),
            ("Name", Kind::Text),
            ("RedriveCount", Kind::Number),
            ("RedriveTime", Kind::Text),
            ("RoleArn", Kind::Text),
            ("StartTime", Kind::Text),
        ],
    ),
    ("State", &[("EnteredTime", Kind::Text), ("Name", Kind::Text), ("RetryCount", Kind::Number)]),
    ("StateMachine", &[("Id", Kind::Text), ("Name", Kind::Text)]),
    ("Task", &[("Token", Kind::Text)]),
];

/// Reads the context object of a test of `state`.
pub(super) fn read(text: &str, state: &State) -> Result<Map<String, Value>, TestRefusal> {
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ => return Err(refusal("Context object must be a JSON object".to_owned())),
    };
    for (name, value) in &object {
        if name == "Map" {
            let message = "'Map' field is not supported when mocking a Context object";
            return Err(refusal(message.to_owned()));
        }
        check(name, value)?;
    }
    if object.contains_key("Task") && !state.behavior().shows_token() {
        let message = "Context object contains 'Task' when state is not a Task state with a '.sync' or \
                       '.waitForTaskToken' service integration pattern";
        return Err(refusal(message.to_owned()));
    }
    Ok(object)
}

/// Checks a member of the object, and its members.
fn check(name: &str, value: &Value) -> Result<(), TestRefusal> {
    let known = MEMBERS.iter().find(|(known, _)| *known == name);
    let (_, members) = known.ok_or_else(|| unknown(name))?;
    let Value::Object(object) = value else {
        return Err(refusal(format!("{name} must be an object")));
    };
    for (inner, value) in object {
        let path = format!("{name}.{inner}");
        let known = members.iter().find(|(known, _)| known == inner);
        let (_, kind) = known.ok_or_else(|| unknown(&path))?;
        match kind {
            Kind::Text if !value.is_string() => {
                return Err(refusal(format!("{path} must be a string")));
            }
            Kind::Number if !value.is_number() => {
                return Err(refusal(format!("{path} must be a number")));
            }
            Kind::Text | Kind::Number | Kind::Any => {}
        }
    }
    Ok(())
}

fn unknown(path: &str) -> TestRefusal {
    refusal(format!("Field '{path}' is not allowed"))
}

fn refusal(message: String) -> TestRefusal {
    TestRefusal::Context(message)
}
