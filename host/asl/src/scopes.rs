//! Names of variables across scopes: a branch or iteration must not assign what is assigned around
//! it (Developer Guide, "Passing data between states with variables": "Variable scope").
//!
//! Read from the JSON, as [`crate::outline`] is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    Diagnostic, Location,
    fields::problem,
    findings::Findings,
    outline::{Container, Outline, State},
};

/// Every variable of a branch or iteration whose name is taken around it.
pub(crate) fn check(outline: &Outline<'_>) -> Findings {
    let mut found = Findings::default();
    let mut around = vec![BTreeSet::new(); outline.containers.len()];
    // A container comes before those inside it.
    for (index, container) in outline.containers.iter().enumerate() {
        let taken = std::mem::take(&mut around[index]);
        let assigned: Vec<_> = container.states.iter().flat_map(assigned_by).collect();
        let repeated = assigned.iter().filter(|(name, _)| taken.contains(name));
        found.extend(repeated.map(|(name, at)| refusal(name, at)));
        let own = assigned.iter().map(|(name, _)| *name);
        let visible: BTreeSet<&str> = taken.into_iter().chain(own).collect();
        for (inner, sees_this) in inside(container) {
            if sees_this {
                around[inner].clone_from(&visible);
            }
        }
    }
    found
}

/// The containers inside one, and whether they see its variables: the children of a Map Run do not.
fn inside<'a>(container: &'a Container<'_>) -> impl Iterator<Item = (usize, bool)> + 'a {
    container.states.iter().flat_map(|state| {
        let sees = !is_distributed(state.fields);
        state.inside.iter().map(move |inner| (*inner, sees))
    })
}

fn is_distributed(map: &Map<String, Value>) -> bool {
    let processor = map.get("ItemProcessor").or(map.get("Iterator"));
    let mode = processor.and_then(|it| it.get("ProcessorConfig")?.get("Mode")?.as_str());
    mode == Some("DISTRIBUTED")
}

/// The names that a state assigns, by itself, in its rules and in its catchers, each with its place.
fn assigned_by<'a>(state: &State<'a>) -> Vec<(&'a str, Location)> {
    let mut places = vec![(state.fields, state.at.clone())];
    for list in ["Choices", "Catch"] {
        let elements = state.fields.get(list).and_then(Value::as_array).into_iter().flatten();
        let elements = elements
            .enumerate()
            .filter_map(|(index, it)| Some((it.as_object()?, state.at.field(list).index(index))));
        places.extend(elements);
    }
    let assigned = places.into_iter().flat_map(|(fields, at)| {
        let members = fields.get("Assign").and_then(Value::as_object).into_iter().flatten();
        let at = at.field("Assign");
        members.map(move |(key, _)| (key.strip_suffix(".$").unwrap_or(key), at.clone()))
    });
    assigned.collect()
}

fn refusal(name: &str, at: &Location) -> Diagnostic {
    problem(
        format!("The variable '{name}' is assigned in an outer scope"),
        at.clone(),
        "choose another name: a branch or iteration reads the variables around it, and assigns its \
         own",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(definition: &Value) -> Vec<String> {
        let found = check(&Outline::read(definition)).into_iter();
        found.map(|it| format!("{} at {}", it.message, it.location)).collect()
    }

    #[test]
    fn what_is_assigned_around_a_branch_is_not_assigned_in_it() {
        let pass = |name: &str, assign: Value| {
            let mut machine = json!({"StartAt": name, "States": {}});
            machine["States"][name] = json!({"Type": "Pass", "Assign": assign, "End": true});
            machine
        };
        let map = |config: Value, processor: Value| {
            let mut map = json!({"Type": "Map", "ItemProcessor": processor, "End": true});
            map["ItemProcessor"]["ProcessorConfig"] = config;
            map
        };
        let nested = json!({"StartAt": "M", "States": {"M": map(json!({}), pass("P", json!({"x": 1, "r.$": "$", "e": 2, "own": 3})))}});
        let definition = json!({"StartAt": "A", "States": {
            "A": {"Type": "Choice", "Choices": [{"Assign": {"r": 1}, "Next": "B"}], "Default": "B"},
            "B": {"Type": "Parallel", "Branches": [nested, pass("Q", json!({"own": 1}))],
                "Catch": [{"ErrorEquals": ["E"], "Assign": {"e": 1}, "Next": "C"}],
                "Assign": {"x.$": "$"}, "Next": "C"},
            "C": map(json!({"Mode": "DISTRIBUTED"}), pass("D", json!({"x": 1}))),
        }});
        let at = "is assigned in an outer scope at /States/B/Branches[0]/States/M/ItemProcessor/States/P/Assign";
        assert_eq!(
            found(&definition),
            ["x", "r", "e"].map(|name| format!("The variable '{name}' {at}"))
        );
    }
}
