//! Sizes of JSON values, to bound what paths and templates build.

use serde_json::Value;

use crate::StatesError;

/// How deep a value may nest. A JSON text that nests deeper cannot be read again (serde_json's
/// recursion limit), and AWS's own limit is not documented.
const DEPTH_MAX: usize = 127;

/// Refuses a value that nests too deep to be written down and read again.
pub(crate) fn check_depth(value: &Value) -> Result<(), StatesError> {
    check_steps(depth(value))
}

/// Refuses to make a value that would nest so deep.
pub(crate) fn check_steps(depth: usize) -> Result<(), StatesError> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    Err(StatesError::runtime(format!(
        "The payload nests more than {DEPTH_MAX} arrays and objects deep"
    )))
}

/// What it costs to copy a value: one for each value and for each byte of a string.
pub(crate) fn weight(value: &Value) -> usize {
    let mut weight = 0;
    visit(value, |node, _| weight += own_weight(node));
    weight
}

/// What it costs to look at a value: one for each value and for each 16 bytes of text.
pub(crate) fn load(value: &Value) -> usize {
    let mut load = 0;
    visit(value, |node, _| load += 1 + own_weight(node) / 16);
    load
}

/// How many values there are in a value, itself included.
pub(crate) fn count(value: &Value) -> usize {
    let mut count = 0;
    visit(value, |_, _| count += 1);
    count
}

/// How many arrays and objects lie around the innermost value; 0 for a scalar.
fn depth(value: &Value) -> usize {
    let mut deepest = 0;
    visit(value, |node, depth| {
        if node.is_array() || node.is_object() {
            deepest = deepest.max(depth + 1);
        }
    });
    deepest
}

fn own_weight(node: &Value) -> usize {
    match node {
        Value::String(text) => 1 + text.len(),
        Value::Object(members) => 1 + members.keys().map(String::len).sum::<usize>(),
        _ => 1,
    }
}

/// Calls `see` for every value with the number of arrays and objects around it. A work list, not
/// recursion: a value that nests too deep is what is looked for.
fn visit(value: &Value, mut see: impl FnMut(&Value, usize)) {
    let mut ready = vec![(value, 0)];
    while let Some((node, depth)) = ready.pop() {
        see(node, depth);
        match node {
            Value::Array(elements) => ready.extend(elements.iter().map(|it| (it, depth + 1))),
            Value::Object(members) => ready.extend(members.values().map(|it| (it, depth + 1))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_as_deep_as_its_innermost_container() {
        let cases =
            [(json!(1), 0), (json!([]), 1), (json!({"a": [1, {}]}), 3), (json!([1, [2], 3]), 2)];
        for (value, expected) in cases {
            assert_eq!(depth(&value), expected, "{value}");
        }
    }

    #[test]
    fn the_deepest_value_allowed_is_the_deepest_that_can_be_read() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest: Value = serde_json::from_str(&nested(DEPTH_MAX)).unwrap();
        assert_eq!(depth(&deepest), DEPTH_MAX);
        assert!(serde_json::from_str::<Value>(&nested(DEPTH_MAX + 1)).is_err());
    }

    #[test]
    fn strings_and_names_weigh_what_they_hold() {
        let value = json!({"name": "abc", "n": [1, null]});
        assert_eq!(weight(&value), 1 + 5 + 4 + 3);
        assert_eq!(count(&value), 5);
    }
}
