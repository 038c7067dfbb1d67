//! What IAM says of a call, as far as the policies of an export go: statements that allow, by action, resource
//! and condition ("Policy evaluation logic", IAM User Guide).

use std::collections::BTreeMap;

use serde_json::Value;

/// A call that somebody makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    /// `sns:Publish`
    pub(crate) action: String,
    /// What it is made on.
    pub(crate) resource: String,
    /// What IAM knows of it besides.
    pub(crate) context: BTreeMap<String, Vec<String>>,
}

impl Call {
    pub(crate) fn new(action: &str, resource: impl Into<String>) -> Self {
        Self { action: action.to_owned(), resource: resource.into(), context: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, key: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.context.insert(key.to_owned(), values);
        self
    }
}

/// Whether one of these statements allows a call.
pub(crate) fn is_allowed(statements: &[Value], call: &Call) -> bool {
    statements.iter().any(|statement| allows(statement, call))
}

/// The texts of an element that is one text or a list of them.
pub(crate) fn texts(element: &Value) -> Vec<&str> {
    match element {
        Value::Array(all) => all.iter().map(|it| it.as_str().expect("it is a text")).collect(),
        one => vec![one.as_str().expect("it is a text")],
    }
}

fn allows(statement: &Value, call: &Call) -> bool {
    assert_eq!(statement["Effect"], "Allow");
    let any = |element: &str, value: &str| {
        texts(&statement[element]).iter().any(|pattern| matches(pattern, value))
    };
    any("Action", &call.action)
        && any("Resource", &call.resource)
        && statement.get("Condition").is_none_or(|conditions| hold(conditions, call))
}

fn hold(conditions: &Value, call: &Call) -> bool {
    let operators = conditions.as_object().expect("conditions are by operator");
    operators.iter().all(|(operator, keys)| {
        let mut keys = keys.as_object().expect("an operator has keys").iter();
        keys.all(|(key, wanted)| holds(operator, call.context.get(key), &texts(wanted)))
    })
}

/// Whether a key of the call has a value that is wanted; with `ForAllValues` all its values, if any.
fn holds(operator: &str, values: Option<&Vec<String>>, wanted: &[&str]) -> bool {
    let one = |value: &String| {
        wanted.iter().any(|pattern| match operator.trim_start_matches("ForAllValues:") {
            "StringEquals" => value == pattern,
            "StringLike" | "ArnEquals" | "ArnLike" => matches(pattern, value),
            other => panic!("{other} is not known"),
        })
    };
    match operator.starts_with("ForAllValues:") {
        true => values.into_iter().flatten().all(one),
        false => values.is_some_and(|values| values.iter().any(one)),
    }
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], text)
                || text.chars().next().is_some_and(|it| matches(pattern, &text[it.len_utf8()..]))
        }
        (Some('?'), Some(it)) => matches(&pattern[1..], &text[it.len_utf8()..]),
        (Some(wanted), Some(it)) if wanted == it => {
            matches(&pattern[it.len_utf8()..], &text[it.len_utf8()..])
        }
        _ => false,
    }
}

#[test]
fn a_statement_allows_what_it_names_and_nothing_else() {
    let statement = serde_json::json!({
        "Effect": "Allow",
        "Action": ["a:Read", "a:Write"],
        "Resource": "arn:aws:a:::thing/one-??",
        "Condition": {
            "StringEquals": {"a:From": "me"},
            "ForAllValues:StringLike": {"a:To": ["*@x", "y"]},
        },
    });
    let call = Call::new("a:Read", "arn:aws:a:::thing/one-22").with("a:From", &["me"]);
    let check = |call: Call, expected: bool| {
        assert_eq!(is_allowed(std::slice::from_ref(&statement), &call), expected, "{call:?}");
    };
    check(call.clone(), true);
    check(call.clone().with("a:To", &["y", "z@x"]), true);
    check(call.clone().with("a:To", &["y", "z"]), false);
    check(call.clone().with("a:From", &["you"]), false);
    check(Call { context: BTreeMap::new(), ..call.clone() }, false);
    check(Call { action: "a:Delete".to_owned(), ..call.clone() }, false);
    check(Call { resource: "arn:aws:a:::thing/one-2".to_owned(), ..call.clone() }, false);
    check(Call { resource: "arn:aws:a:::thing/one-222".to_owned(), ..call }, false);
}
