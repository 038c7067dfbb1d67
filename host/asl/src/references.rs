//! Which variables each state reads: the `variableReferences` of a described state machine.
//!
//! Read from the JSON, as [`crate::outline`] is: what stands in a field is looked at for what it
//! refers to, whatever else may be wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{
    outline::Outline,
    payload::{expression::Expression, query},
};

/// Fields that hold payload templates.
pub(crate) const TEMPLATES: [&str; 6] =
    ["Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials", "BatchInput"];

/// Fields that hold fields again.
pub(crate) const CONTAINERS: [&str; 8] =
    ["Choices", "And", "Or", "Not", "Catch", "ItemBatcher", "ItemReader", "ResultWriter"];

/// Fields that hold machines of their own.
pub(crate) const MACHINES: [&str; 3] = ["Branches", "ItemProcessor", "Iterator"];

/// The names of the variables that each state of a definition reads, in the order of the alphabet;
/// states that read none are left out.
pub fn variable_references(definition: &str) -> BTreeMap<String, BTreeSet<String>> {
    let Ok(definition) = serde_json::from_str(definition) else { return BTreeMap::new() };
    let outline = Outline::read(&definition);
    let states = outline.containers.iter().flat_map(|container| &container.states);
    let of_machine = definition.get("QueryLanguage");
    let referred = states.map(|state| {
        let names = match state.is_jsonpath(of_machine) {
            true => references(state.fields),
            false => jsonata_references(state.fields),
        };
        (state.name.to_owned(), names)
    });
    referred.filter(|(_, names)| !names.is_empty()).collect()
}

/// The variables that a state reads.
fn references(state: &Map<String, Value>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut ready = vec![state];
    while let Some(fields) = ready.pop() {
        for (name, value) in fields {
            match (name.as_str(), value) {
                (name, _) if TEMPLATES.contains(&name) => in_template(value, &mut names),
                (name, Value::Object(inner)) if CONTAINERS.contains(&name) => ready.push(inner),
                (name, Value::Array(elements)) if CONTAINERS.contains(&name) => {
                    ready.extend(elements.iter().filter_map(Value::as_object));
                }
                ("ReaderConfig", Value::Object(inner)) => ready.push(inner),
                (name, _) if name.ends_with("Path") || name == "Variable" => {
                    in_expression(value, &mut names);
                }
                _ => {}
            }
        }
    }
    names
}

/// The variables that a JSONata state reads: any of its texts may be an expression.
fn jsonata_references(state: &Map<String, Value>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let fields = state.iter().filter(|(name, _)| !MACHINES.contains(&name.as_str()));
    let mut ready: Vec<&Value> = fields.map(|(_, value)| value).collect();
    while let Some(value) = ready.pop() {
        match value {
            Value::Array(elements) => ready.extend(elements),
            Value::Object(members) => ready.extend(members.values()),
            Value::String(text) => {
                let text = query::marked(text);
                names.extend(text.map(query::variables).into_iter().flatten());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    names
}

fn in_template(template: &Value, names: &mut BTreeSet<String>) {
    let mut ready = vec![template];
    while let Some(value) = ready.pop() {
        match value {
            Value::Array(elements) => ready.extend(elements),
            Value::Object(members) => {
                for (name, member) in members {
                    if name.ends_with(".$") {
                        in_expression(member, names);
                    } else {
                        ready.push(member);
                    }
                }
            }
            _ => {}
        }
    }
}

fn in_expression(value: &Value, names: &mut BTreeSet<String>) {
    if let Ok(expression) = Expression::read(value) {
        names.extend(expression.variables().into_iter().map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(definition: &Value) -> Vec<String> {
        let references = variable_references(&definition.to_string()).into_iter();
        let shown = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        references.map(|(state, names)| format!("{state}: {}", shown(names))).collect()
    }

    #[test]
    fn each_state_refers_to_what_its_fields_read() {
        let inner = json!({"StartAt": "Each", "States": {"Each": {"Type": "Pass", "End": true,
            "Assign": {"sum.$": "States.MathAdd(States.MathAdd($y, $x), $bias.n)"}}}});
        let definition = json!({"StartAt": "Take", "States": {
            "Take": {"Type": "Pass", "Result": {"not.$": "$read"}, "Parameters": {"p": "$text"},
                "InputPath": "$in", "OutputPath": "$out[0]", "Next": "Map"},
            "Map": {"Type": "Map", "ItemsPath": "$items", "MaxConcurrencyPath": "$most",
                "ItemSelector": [{"v.$": "$$.Map.Item.Value", "w": {"x.$": "$selected"}}],
                "ItemBatcher": {"MaxItemsPerBatchPath": "$batch", "BatchInput": {"b.$": "$bound"}},
                "Catch": [{"ErrorEquals": ["E"], "Assign": {"e.$": "$caught"}, "Next": "Choose"}],
                "ItemProcessor": inner, "Next": "Choose"},
            "Choose": {"Type": "Choice", "Choices": [
                {"And": [{"Not": {"Variable": "$a", "IsNull": true}},
                    {"Variable": "$.b", "StringEqualsPath": "$b"}],
                    "Assign": {"z.$": "$ruled"}, "Next": "End"}]},
            "End": {"Type": "Fail", "CausePath": "States.Format('{}', $why)", "Error": "$no"},
        }});
        assert_eq!(
            shown(&definition),
            [
                "Choose: a b ruled",
                "Each: bias x y",
                "End: why",
                "Map: batch bound caught items most selected",
                "Take: in out",
            ]
        );
        assert_eq!(variable_references("{"), BTreeMap::new());
    }

    #[test]
    fn an_expression_refers_to_what_it_does_not_bind_itself() {
        let definition = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Map", "Items": "{% $list[price > $least] %}", "MaxConcurrency": "{% $n %}",
                "ItemSelector": {"x": ["{% $states.context.Map.Item.Value & $uuid() %}", "$not"]},
                "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true,
                    "Output": "{% ($x := $y; $map($z, function($v) { $x + $v })) %}"}}},
                "Assign": {"k": "{% $sum($amounts) %}", "l": "{% broken( %}"}, "Next": "C"},
            "C": {"Type": "Choice", "Default": "D",
                "Choices": [{"Condition": "{% $parse($text) = $hash('a', 'MD5') %}", "Next": "D"}]},
            "D": {"Type": "Succeed", "Output": "{% $states.input %}"},
        }});
        assert_eq!(shown(&definition), ["A: amounts least list n", "B: y z", "C: text"]);
    }
}
