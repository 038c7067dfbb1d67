//! What an author may nest as deep as JSON is read: a definition with it is run, and one level more is
//! refused; nothing overflows.

use std::sync::Arc;

use serde_json::json;
use stepyard_asl::{Code, Execution, Fact, FactKind, Payload, StateMachine, Status, Timestamp};

/// How many arrays and objects lie around the innermost value that is read.
const LEVELS: usize = 127;

#[test]
fn parallels_nest_as_deep_as_is_read() {
    nested(4, r#""Type":"Parallel","End":true,"Branches":["#, "]");
}

#[test]
fn maps_nest_as_deep_as_is_read() {
    nested(3, r#""Type":"Map","End":true,"ItemsPath":"$$.Execution.Input","ItemProcessor":"#, "");
}

/// Machines within machines, whose one state is written so; each adds so many `levels`.
#[track_caller]
fn nested(levels: usize, begins: &str, ends: &str) {
    // The innermost machine, its states and the one state are three.
    let deepest = (LEVELS - 3) / levels;
    let machine = |depth: usize| {
        let begin =
            (0..depth).map(|it| format!(r#"{{"StartAt":"S{it}","States":{{"S{it}":{{{begins}"#));
        let last = r#"{"StartAt":"Last","States":{"Last":{"Type":"Pass","Result":7,"End":true}}}"#;
        begin.chain([last.to_owned(), format!("{ends}}}}}}}").repeat(depth)]).collect::<String>()
    };
    let Status::Succeeded { output } = run(&machine(deepest), "[1]") else {
        panic!("a machine {deepest} deep was not run to its end");
    };
    assert_eq!(output.text().matches('[').count(), deepest);
    for depth in [deepest + 1, 1_000] {
        let refused = StateMachine::parse(&machine(depth)).unwrap_err();
        assert_eq!(refused[0].code, Code::TooDeeplyNested, "{depth}");
    }
}

#[test]
fn rules_nest_as_deep_as_is_read() {
    let machine = |depth: usize| {
        let rule = json!({"Variable": "$.n", "NumericEquals": 1});
        let mut rule = (0..depth).fold(rule, |rule, _| json!({"Not": rule}));
        rule["Next"] = json!("Yes");
        json!({"StartAt": "Which", "States": {
            "Which": {"Type": "Choice", "Choices": [rule], "Default": "No"},
            "Yes": {"Type": "Pass", "Result": "yes", "End": true},
            "No": {"Type": "Pass", "Result": "no", "End": true}}})
        .to_string()
    };
    // The machine, its states, the state, its rules and the innermost rule are five.
    let answer = |depth: usize| match run(&machine(depth), r#"{"n": 1}"#) {
        Status::Succeeded { output } => output.text().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (answer(LEVELS - 5), answer(LEVELS - 6)),
        ("\"yes\"".to_owned(), "\"no\"".to_owned())
    );
    assert!(StateMachine::parse(&machine(LEVELS - 4)).is_err());
}

#[test]
fn templates_nest_as_deep_as_is_read() {
    for (language, field, leaf) in [
        ("JSONPath", "Parameters", json!({"x.$": "$.n"})),
        ("JSONata", "Output", json!({"x": "{% $states.input.n %}"})),
    ] {
        // The machine, its states, the state and the leaf are four.
        let deep = (0..LEVELS - 4).fold(leaf, |inner, _| json!([inner]));
        let machine = json!({"QueryLanguage": language, "StartAt": "A", "States": {
            "A": {"Type": "Pass", field: deep, "End": true}}});
        let Status::Succeeded { output } = run(&machine.to_string(), r#"{"n": 1}"#) else {
            panic!("{language}");
        };
        assert!(output.text().contains(r#"{"x":1}"#), "{output}");
    }
}

#[test]
fn expressions_that_nest_are_bounded() {
    let refused = |field: &str, text: &str| {
        let machine = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true,
            "Parameters": {"x.$": text}}}});
        let found = StateMachine::parse(&machine.to_string()).err().unwrap_or_default();
        assert_eq!(found.len(), 1, "{field}");
    };
    refused("a filter", &format!("$.a[?({}@.b{})]", "(".repeat(100_000), ")".repeat(100_000)));
    refused("a call", &format!("{}1{}", "States.Array(".repeat(10_000), ")".repeat(10_000)));
    let query = format!("{{% {}1{} %}}", "(".repeat(100_000), ")".repeat(100_000));
    let machine = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Output": query, "End": true}}});
    let found = StateMachine::parse(&machine.to_string()).unwrap_err();
    assert_eq!(found[0].code, Code::InvalidJsonataExpression);
}

fn run(definition: &str, input: &str) -> Status {
    let machine = StateMachine::parse(definition).unwrap_or_else(|found| panic!("{found:?}"));
    let mut execution = Execution::new(Arc::new(machine));
    let start = FactKind::ExecutionStarted {
        id: "arn:aws:states:eu-west-1:123456789012:execution:deep:one".to_owned(),
        name: "one".to_owned(),
        role: "arn:aws:iam::123456789012:role/deep".to_owned(),
        machine: "arn:aws:states:eu-west-1:123456789012:stateMachine:deep".to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: Payload::parse(input).unwrap(),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    };
    execution.step(&Fact::new(Timestamp::from_millis(0), start));
    execution.status().clone()
}
