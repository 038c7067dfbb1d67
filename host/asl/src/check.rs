//! What is checked of a definition as a whole: that arrows lead somewhere, that every state can be
//! reached, that it can end, that names are unique. What is checked of one state is in its file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Code, Diagnostic, Location, Severity,
    findings::Findings,
    outline::{Container, Outline, Role, State},
    scopes,
};

/// The longest a state's name may be, in characters (States Language, "States").
pub(crate) const NAME_CHARS_MAX: usize = 80;

/// How many names are compared in search of the one that was meant, over a whole definition: a
/// machine of 10,000 states that all point nowhere is still checked at once.
const COMPARISONS_MAX: usize = 20_000;

/// How like two names must be (1 is equal) for one to be a misspelling of the other.
const LIKENESS_MIN: f64 = 0.6;

/// Every problem of the definition as a whole, in the order of the definition's containers.
pub(crate) fn check(definition: &Value) -> Findings {
    check_containers(definition, 0)
}

/// The same of what is inside the states of the definition: where these themselves lead is not
/// looked at.
pub(crate) fn check_inside(definition: &Value) -> Findings {
    check_containers(definition, 1)
}

/// Of all containers but for the first few; an outer one comes before those inside it.
fn check_containers(definition: &Value, skipped: usize) -> Findings {
    let outline = Outline::read(definition);
    let mut names = Names::of(&outline);
    let mut found = Findings::default();
    for container in outline.containers.iter().skip(skipped) {
        check_names(container, &mut found);
        check_targets(container, &mut names, &mut found);
        if container.states.is_empty() {
            continue;
        }
        // AWS takes a loop inside a state, and has each state of it reached all the same.
        let ends = container.states.iter().any(State::is_terminal);
        if ends || container.role != Role::Root {
            check_reachable(container, &mut found);
        } else {
            found.push(no_terminal());
        }
    }
    check_unique(&outline, &mut found);
    check_labels(&outline, &mut found);
    found.extend(scopes::check(&outline));
    found
}

fn error(code: Code, message: String, location: &Location, mend: String) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code, message, location: location.clone(), mend }
}

fn check_names(container: &Container<'_>, found: &mut Findings) {
    for state in &container.states {
        let length = state.name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX {
            found.push(error(
                Code::InvalidStateName,
                format!("State name must be 1 to {NAME_CHARS_MAX} characters long"),
                &state.at,
                format!("this one has {length}; choose another"),
            ));
        }
    }
}

fn check_targets(container: &Container<'_>, names: &mut Names<'_>, found: &mut Findings) {
    let start = container.start.map(|start| (start, container.at.field("StartAt")));
    let arrows = container.states.iter().flat_map(|state| &state.arrows);
    let arrows = arrows.map(|arrow| (arrow.to, arrow.at.clone()));
    for (target, at) in start.into_iter().chain(arrows) {
        if container.position(target).is_none() {
            found.push(error(
                Code::MissingTransitionTarget,
                format!("Missing 'Next' target: {target}"),
                &at,
                names.mend_for(target, container),
            ));
        }
    }
}

fn no_terminal() -> Diagnostic {
    error(
        Code::MissingEndState,
        "Workflow has no terminal state".to_owned(),
        &Location::Nowhere,
        "give a state `\"End\": true`, or add a Succeed or Fail state".to_owned(),
    )
}

/// Walks from `StartAt`: where that names no state, none is reached.
fn check_reachable(container: &Container<'_>, found: &mut Findings) {
    let Some(start) = container.start else { return };
    let mut reached = vec![false; container.states.len()];
    let mut ready: Vec<_> = container.position(start).into_iter().collect();
    while let Some(position) = ready.pop() {
        if !std::mem::replace(&mut reached[position], true) {
            let arrows = &container.states[position].arrows;
            ready.extend(arrows.iter().filter_map(|arrow| container.position(arrow.to)));
        }
    }
    for (state, _) in container.states.iter().zip(&reached).filter(|(_, reached)| !**reached) {
        found.push(error(
            Code::MissingTransitionTarget,
            format!("State \"{}\" is not reachable.", state.name),
            &state.at,
            "name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or \
             remove it"
                .to_owned(),
        ));
    }
}

/// A name is unique over the whole machine. Two states of one container cannot share one: JSON has
/// no room for it.
fn check_unique(outline: &Outline<'_>, found: &mut Findings) {
    let mut first = BTreeMap::new();
    for state in outline.containers.iter().flat_map(|container| &container.states) {
        if let Some(other) = first.get(state.name) {
            found.push(error(
                Code::DuplicateStateName,
                format!("Duplicate state name: {}", state.name),
                &state.at,
                format!("{other} has this name too; a name is unique in the whole state machine"),
            ));
        } else {
            first.insert(state.name, &state.at);
        }
    }
}

/// A label stands in the ARN of a Map Run, and of what its children run.
fn check_labels(outline: &Outline<'_>, found: &mut Findings) {
    let mut first = BTreeMap::new();
    for state in outline.containers.iter().flat_map(|container| &container.states) {
        let Some(label) = state.fields.get("Label").and_then(Value::as_str) else { continue };
        if let Some(other) = first.get(label) {
            found.push(error(
                Code::DuplicateLabelName,
                format!("Duplicate label name: {label}"),
                &state.at.field("Label"),
                format!("{other} has this label too; a label is unique in the whole state machine"),
            ));
        } else {
            first.insert(label, &state.at);
        }
    }
}

/// All names, to say which one was meant.
struct Names<'a> {
    places: BTreeMap<&'a str, &'a Location>,
    comparisons: usize,
}

impl<'a> Names<'a> {
    fn of(outline: &'a Outline<'a>) -> Self {
        let states = outline.containers.iter().flat_map(|container| &container.states);
        Self { places: states.map(|state| (state.name, &state.at)).collect(), comparisons: 0 }
    }

    fn mend_for(&mut self, target: &str, container: &Container<'_>) -> String {
        if let Some(place) = self.places.get(target) {
            return format!(
                "{place} is in another `States`; transitions lead neither into nor out of a \
                 branch or processor"
            );
        }
        match self.nearest(target, container) {
            Some(name) => format!("did you mean `{name}`? Names are case-sensitive"),
            None => "name a state of the same `States`; names are case-sensitive".to_owned(),
        }
    }

    /// The name most like `target`; none when all are too unlike it.
    fn nearest<'b>(&mut self, target: &str, container: &Container<'b>) -> Option<&'b str> {
        let limit = NAME_CHARS_MAX.min(target.len() + target.len() / 2 + 1);
        if target.len() > NAME_CHARS_MAX {
            return None;
        }
        let names = container.states.iter().map(|state| state.name);
        let left = COMPARISONS_MAX.saturating_sub(self.comparisons);
        let mut best = None;
        let mut likeness_min = LIKENESS_MIN;
        for name in names.filter(|name| name.len() <= limit).take(left) {
            self.comparisons += 1;
            let likeness =
                strsim::normalized_levenshtein(&name.to_lowercase(), &target.to_lowercase());
            if likeness > likeness_min {
                (best, likeness_min) = (Some(name), likeness);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Map, json};

    use super::*;

    fn shown(definition: &Value) -> String {
        let shown = check(definition)
            .into_iter()
            .map(|it| format!("{}: {} at {}\n  {}\n", it.code, it.message, it.location, it.mend));
        shown.collect()
    }

    fn check_definition(definition: Value, expected: Expect) {
        expected.assert_eq(&shown(&definition));
    }

    #[test]
    fn every_transition_leads_to_a_state_of_its_container() {
        check_definition(
            json!({"StartAt": "Chose", "States": {
                "Choose": {"Type": "Choice", "Default": "Nowhere", "Choices": [
                    {"Next": "Charge"}, {"Next": "Inner"},
                ]},
                "Charge": {"Type": "Task", "Next": "confirm", "Catch": [{"Next": "Both"}]},
                "Confirm": {"Type": "Succeed"},
                "Split": {"Type": "Parallel", "End": true, "Branches": [
                    {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "Next": "Confirm"},
                                                    "Done": {"Type": "Pass", "End": true}}},
                ]},
            }}),
            expect![[r#"
                MISSING_TRANSITION_TARGET: Missing 'Next' target: Chose at /StartAt
                  did you mean `Choose`? Names are case-sensitive
                MISSING_TRANSITION_TARGET: Missing 'Next' target: Inner at /States/Choose/Choices[1]/Next
                  /States/Split/Branches[0]/States/Inner is in another `States`; transitions lead neither into nor out of a branch or processor
                MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere at /States/Choose/Default
                  name a state of the same `States`; names are case-sensitive
                MISSING_TRANSITION_TARGET: Missing 'Next' target: confirm at /States/Charge/Next
                  did you mean `Confirm`? Names are case-sensitive
                MISSING_TRANSITION_TARGET: Missing 'Next' target: Both at /States/Charge/Catch[0]/Next
                  name a state of the same `States`; names are case-sensitive
                MISSING_TRANSITION_TARGET: State "Choose" is not reachable. at /States/Choose
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
                MISSING_TRANSITION_TARGET: State "Charge" is not reachable. at /States/Charge
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
                MISSING_TRANSITION_TARGET: State "Confirm" is not reachable. at /States/Confirm
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
                MISSING_TRANSITION_TARGET: State "Split" is not reachable. at /States/Split
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
                MISSING_TRANSITION_TARGET: Missing 'Next' target: Confirm at /States/Split/Branches[0]/States/Inner/Next
                  /States/Confirm is in another `States`; transitions lead neither into nor out of a branch or processor
                MISSING_TRANSITION_TARGET: State "Done" is not reachable. at /States/Split/Branches[0]/States/Done
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
            "#]],
        );
    }

    #[test]
    fn every_state_can_be_reached() {
        check_definition(
            json!({"StartAt": "A", "States": {
                "A": {"Type": "Pass", "Next": "B"},
                "B": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "C", "States": {
                    "C": {"Type": "Pass", "End": true}, "D": {"Type": "Pass", "Next": "C"},
                }}},
                "E": {"Type": "Pass", "Next": "F"},
                "F": {"Type": "Pass", "Next": "E"},
            }}),
            expect![[r#"
                MISSING_TRANSITION_TARGET: State "E" is not reachable. at /States/E
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
                MISSING_TRANSITION_TARGET: State "F" is not reachable. at /States/F
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
                MISSING_TRANSITION_TARGET: State "D" is not reachable. at /States/B/ItemProcessor/States/D
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
            "#]],
        );
    }

    #[test]
    fn a_start_that_names_no_state_reaches_none() {
        check_definition(
            json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
                "StartAt": "Nope", "States": {"A": {"Type": "Pass", "End": true}},
            }}}}),
            expect![[r#"
                MISSING_TRANSITION_TARGET: Missing 'Next' target: Nope at /States/M/ItemProcessor/StartAt
                  name a state of the same `States`; names are case-sensitive
                MISSING_TRANSITION_TARGET: State "A" is not reachable. at /States/M/ItemProcessor/States/A
                  name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it
            "#]],
        );
    }

    #[test]
    fn a_workflow_without_an_end_is_not_walked_but_its_targets_are_checked() {
        check_definition(
            json!({"StartAt": "A", "States": {
                "A": {"Type": "Pass", "Next": "C"},
                "B": {"Type": "Parallel", "Next": "A", "Branches": [
                    {"StartAt": "D", "States": {"D": {"Type": "Pass", "Next": "D"}}},
                ]},
            }}),
            expect![[r#"
                MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Next
                  name a state of the same `States`; names are case-sensitive
                MISSING_END_STATE: Workflow has no terminal state at null
                  give a state `"End": true`, or add a Succeed or Fail state
            "#]],
        );
    }

    #[test]
    fn a_name_is_unique_and_not_too_long() {
        let long = "ä".repeat(81);
        check_definition(
            json!({"StartAt": "A", "States": {
                "A": {"Type": "Map", "Next": &*long, "Iterator": {"StartAt": "A", "States": {
                    "A": {"Type": "Succeed"},
                }}},
                &*long: {"Type": "Pass", "Next": "ä".repeat(80)},
                "ä".repeat(80): {"Type": "Succeed"},
            }}),
            expect![[r#"
                INVALID_STATE_NAME: State name must be 1 to 80 characters long at /States/äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää
                  this one has 81; choose another
                DUPLICATE_STATE_NAME: Duplicate state name: A at /States/A/Iterator/States/A
                  /States/A has this name too; a name is unique in the whole state machine
            "#]],
        );
    }

    #[test]
    fn a_label_is_unique() {
        let map = |label: &str, next: &str, inner: Value| json!({"Type": "Map", "Label": label, "Next": next, "ItemProcessor": inner});
        let pass = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
        check_definition(
            json!({"StartAt": "A", "States": {
                "A": map("a", "B", pass("1")),
                "B": map("b", "C", json!({"StartAt": "D", "States": {"D": map("a", "E", pass("2")),
                    "E": {"Type": "Succeed"}}})),
                "C": {"Type": "Succeed"},
            }}),
            expect![[r#"
                DUPLICATE_LABEL_NAME: Duplicate label name: a at /States/B/ItemProcessor/States/D/Label
                  /States/A has this label too; a label is unique in the whole state machine
            "#]],
        );
    }

    #[test]
    fn what_has_the_wrong_shape_is_left_to_others() {
        for definition in [
            json!(null),
            json!({}),
            json!({"StartAt": 1, "States": {"A": 1, "B": {"Type": 2}, "C": {"Type": "Succeed"}}}),
            json!({"States": {"A": {"Type": "Choice", "Choices": {}, "Default": 7},
                              "B": {"Type": "Parallel", "Branches": [1, {}], "End": true}}}),
            json!({"StartAt": "A", "States": []}),
        ] {
            let found = check(&definition);
            assert!(found.iter().all(|it| it.code != Code::SchemaValidationFailed), "{found:?}");
        }
    }

    #[test]
    fn ten_thousand_states_that_all_point_nowhere_are_checked() {
        let name = |index: usize| format!("{:->70}", index);
        let mut states = Map::new();
        for index in 0..10_000 {
            let next = format!("{}x", name(index));
            states.insert(name(index), json!({"Type": "Pass", "Next": next}));
        }
        states.insert("End".to_owned(), json!({"Type": "Succeed"}));
        let found = check(&json!({"StartAt": "End", "States": states}));
        assert_eq!(found.count(), 20_000);
        assert!(found[0].mend.starts_with("did you mean"), "{}", found[0].mend);
    }

    #[test]
    fn containers_of_any_depth_are_checked() {
        let mut machine =
            json!({"StartAt": "Last", "States": {"Last": {"Type": "Pass", "Next": "X"}}});
        for depth in 0..400 {
            let name = format!("S{depth}");
            machine = json!({"StartAt": &*name, "States": {
                &*name: {"Type": "Map", "End": true, "ItemProcessor": machine},
            }});
        }
        let found = check(&machine);
        let codes: Vec<Code> = found.iter().map(|it| it.code).collect();
        assert_eq!(codes, [Code::MissingTransitionTarget]);
    }
}
