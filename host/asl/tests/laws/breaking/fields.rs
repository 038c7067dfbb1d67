//! Mistakes in a state's fields: of each, the states that can make it, what they are given, and where
//! that is found.

use serde_json::{Map, Value};

use super::victim::Victim;
use crate::random::Random;

/// In which language a state can make the mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
enum In {
    Both,
    JsonPath,
    Jsonata,
}

use In::{Both, JsonPath, Jsonata};

/// A rule that is broken.
#[derive(Debug)]
pub(super) struct Mistake {
    /// Types of states.
    kinds: &'static str,
    language: In,
    /// The fields that break it, as JSON; a field that is null is removed. `SELF` is the state's name.
    fields: &'static str,
    /// The place within the state; empty for the state itself.
    place: &'static str,
}

const fn a(
    kinds: &'static str,
    language: In,
    fields: &'static str,
    place: &'static str,
) -> Mistake {
    Mistake { kinds, language, fields, place }
}

const ANY: &str = "Task Wait Pass Succeed Fail Choice Parallel Map";
const GOES_ON: &str = "Task Wait Pass Parallel Map";
const WORKS: &str = "Task Parallel Map";
const MADE: &str = "Task Pass Parallel";
const ASSIGNS: &str = "Task Wait Pass Choice Parallel Map";

pub(super) const MISTAKES: &[Mistake] = &[
    // What every state has.
    a(ANY, Both, r#"{"Type": null}"#, ""),
    a(ANY, Both, r#"{"Type": "Tusk"}"#, "Type"),
    a(ANY, Both, r#"{"Type": 7}"#, "Type"),
    a(ANY, Both, r#"{"Comment": 7}"#, "Comment"),
    a(ANY, Both, r#"{"Nxet": "A"}"#, ""),
    a(ANY, Both, r#"{"QueryLanguage": "jq"}"#, "QueryLanguage"),
    a(GOES_ON, Both, r#"{"Next": null, "End": null}"#, ""),
    a(GOES_ON, Both, r#"{"Next": "SELF", "End": true}"#, ""),
    a(GOES_ON, Both, r#"{"Next": 7}"#, "Next"),
    a(GOES_ON, Both, r#"{"Next": "Nowhere", "End": null}"#, "Next"),
    a(GOES_ON, Both, r#"{"End": "true"}"#, "End"),
    a("Choice Succeed Fail", Both, r#"{"Next": "SELF"}"#, ""),
    a("Choice Succeed Fail", Both, r#"{"End": true}"#, ""),
    // Of the other language.
    a(ANY, JsonPath, r#"{"Output": {}}"#, ""),
    a(ANY, JsonPath, r#"{"Arguments": {}}"#, ""),
    a(ANY, JsonPath, r#"{"Condition": true}"#, ""),
    a(ANY, JsonPath, r#"{"Items": []}"#, ""),
    a(ANY, Jsonata, r#"{"InputPath": "$"}"#, ""),
    a(ANY, Jsonata, r#"{"OutputPath": "$"}"#, ""),
    a(ANY, Jsonata, r#"{"ResultPath": "$"}"#, ""),
    a(ANY, Jsonata, r#"{"ResultSelector": {}}"#, ""),
    a(ANY, Jsonata, r#"{"Parameters": {}}"#, ""),
    a(ANY, Jsonata, r#"{"Result": {}}"#, ""),
    a("Task", Jsonata, r#"{"TimeoutSecondsPath": "$.n"}"#, ""),
    a("Wait", Jsonata, r#"{"SecondsPath": "$.n"}"#, ""),
    a("Fail", Jsonata, r#"{"ErrorPath": "$.e"}"#, ""),
    a("Map", Jsonata, r#"{"ItemsPath": "$.items"}"#, ""),
    a("Choice", JsonPath, r#"{"Choices": [{"Condition": true, "Next": "SELF"}]}"#, "Choices[0]"),
    a(
        "Choice",
        Jsonata,
        r#"{"Choices": [{"Variable": "$.n", "IsNull": true, "Next": "SELF"}]}"#,
        "Choices[0]",
    ),
    a(
        WORKS,
        Jsonata,
        r#"{"Catch": [{"ErrorEquals": ["E"], "Next": "SELF", "ResultPath": "$.e"}]}"#,
        "Catch[0]",
    ),
    a(
        WORKS,
        JsonPath,
        r#"{"Catch": [{"ErrorEquals": ["E"], "Next": "SELF", "Output": 1}]}"#,
        "Catch[0]",
    ),
    // Paths.
    a(
        "Task Wait Pass Succeed Choice Parallel Map",
        JsonPath,
        r#"{"InputPath": "a.b"}"#,
        "InputPath",
    ),
    a("Task Wait Pass Succeed Choice Parallel Map", JsonPath, r#"{"InputPath": 7}"#, "InputPath"),
    a(
        "Task Wait Pass Succeed Choice Parallel Map",
        JsonPath,
        r#"{"OutputPath": "$["}"#,
        "OutputPath",
    ),
    a("Pass Task", JsonPath, r#"{"InputPath": "$.a.length(1)"}"#, "InputPath"),
    a("Pass Task", JsonPath, r#"{"InputPath": "$[?(@.a == )]"}"#, "InputPath"),
    a("Pass Task", JsonPath, r#"{"OutputPath": "$.a..", "InputPath": "$"}"#, "OutputPath"),
    a("Task Pass Parallel Map", JsonPath, r#"{"ResultPath": "$.a[*]"}"#, "ResultPath"),
    a("Task Pass Parallel Map", JsonPath, r#"{"ResultPath": "$..a"}"#, "ResultPath"),
    a("Task Pass Parallel Map", JsonPath, r#"{"ResultPath": "$$.a"}"#, "ResultPath"),
    a("Task Pass Parallel Map", JsonPath, r#"{"ResultPath": "$variable"}"#, "ResultPath"),
    a("Map", JsonPath, r#"{"ItemsPath": "$..items"}"#, "ItemsPath"),
    a("Wait", JsonPath, r#"{"Seconds": null, "SecondsPath": "$.a[0,1]"}"#, "SecondsPath"),
    a("Wait", JsonPath, r#"{"SecondsPath": "seconds"}"#, "SecondsPath"),
    a("Wait", JsonPath, r#"{"TimestampPath": "$.*"}"#, "TimestampPath"),
    a("Task", JsonPath, r#"{"TimeoutSecondsPath": "$.a[?(@.b)]"}"#, "TimeoutSecondsPath"),
    a("Task", JsonPath, r#"{"HeartbeatSecondsPath": "$.a[1:2]"}"#, "HeartbeatSecondsPath"),
    a("Map", JsonPath, r#"{"MaxConcurrencyPath": "n"}"#, "MaxConcurrencyPath"),
    // Templates and intrinsic functions.
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": 7}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "a.b"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "$.a["}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x": 1, "x.$": "$.a"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.Nope($.a)"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.Format('a'"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.Format('a\\d')"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.MathAdd(1)"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.UUID(1)"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.Array($.a,)"}}"#, "Parameters"),
    a(MADE, JsonPath, r#"{"Parameters": {"x.$": "States.Array(States.Hash($.a))"}}"#, "Parameters"),
    a(
        MADE,
        JsonPath,
        r#"{"Parameters": {"x.$": "States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(States.Array(1)))))))))))"}}"#,
        "Parameters",
    ),
    a(
        MADE,
        JsonPath,
        r#"{"Parameters": {"deep": [{"x.$": "$"}, {"x.$": ""}]}}"#,
        "Parameters/deep[1]",
    ),
    a("Task Parallel Map", JsonPath, r#"{"ResultSelector": {"x.$": "x"}}"#, "ResultSelector"),
    a("Map", JsonPath, r#"{"Parameters": null, "ItemSelector": {"x.$": "x"}}"#, "ItemSelector"),
    a("Fail", JsonPath, r#"{"Error": null, "ErrorPath": "$.e[*]"}"#, "ErrorPath"),
    a("Fail", JsonPath, r#"{"Cause": null, "CausePath": "States.Array(1)"}"#, "CausePath"),
    // JSONata.
    a(ASSIGNS, Jsonata, r#"{"Output": "{% 1 + %}"}"#, "Output"),
    a(ASSIGNS, Jsonata, r#"{"Output": {"deep": [1, "{% ( %}"]}}"#, "Output/deep[1]"),
    a(ASSIGNS, Jsonata, r#"{"Output": "{% a.b %}"}"#, "Output"),
    a(ASSIGNS, Jsonata, r#"{"Output": "{% $ %}"}"#, "Output"),
    a(ASSIGNS, Jsonata, r#"{"Output": ["{% $$.a %}"]}"#, "Output[0]"),
    a(ASSIGNS, Jsonata, r#"{"Output": "{% $states.errorOutput %}"}"#, "Output"),
    a("Pass Wait Choice", Jsonata, r#"{"Output": "{% $states.result %}"}"#, "Output"),
    a("Task Parallel", Jsonata, r#"{"Arguments": {"a": "{% $states.result %}"}}"#, "Arguments/a"),
    a("Task Parallel", Jsonata, r#"{"Arguments": {"a": "{% 'open %}"}}"#, "Arguments/a"),
    a("Map", Jsonata, r#"{"Items": "{% [1.. %}"}"#, "Items"),
    a("Map", Jsonata, r#"{"Items": "each", "ItemReader": null}"#, "Items"),
    a("Map", Jsonata, r#"{"ItemSelector": {"a": "{% ] %}"}}"#, "ItemSelector/a"),
    a("Wait", Jsonata, r#"{"Seconds": "{% } %}"}"#, "Seconds"),
    a("Fail", Jsonata, r#"{"Error": "{% ? %}"}"#, "Error"),
    a(
        "Choice",
        Jsonata,
        r#"{"Choices": [{"Condition": "{% $a = %}", "Next": "SELF"}]}"#,
        "Choices[0]/Condition",
    ),
    a(
        "Choice",
        Jsonata,
        r#"{"Choices": [{"Condition": 7, "Next": "SELF"}]}"#,
        "Choices[0]/Condition",
    ),
    a("Choice", Jsonata, r#"{"Choices": [{"Next": "SELF"}]}"#, "Choices[0]"),
    // Variables.
    a(ASSIGNS, Both, r#"{"Assign": [1]}"#, "Assign"),
    a(ASSIGNS, Both, r#"{"Assign": {"states": 1}}"#, "Assign"),
    a(ASSIGNS, Both, r#"{"Assign": {"1st": 1}}"#, "Assign"),
    a(ASSIGNS, Both, r#"{"Assign": {"a.b": 1}}"#, "Assign"),
    a(ASSIGNS, JsonPath, r#"{"Assign": {"a.$": "b"}}"#, "Assign"),
    a(ASSIGNS, Jsonata, r#"{"Assign": {"a": "{% b %}"}}"#, "Assign/a"),
    // Task.
    a("Task", Both, r#"{"Resource": null}"#, ""),
    a("Task", Both, r#"{"Resource": 7}"#, "Resource"),
    a("Task", Both, r#"{"Resource": "lambda"}"#, "Resource"),
    a("Task", Both, r#"{"Resource": "arn:aws:states:::dynamodb:query"}"#, "Resource"),
    a("Task", Both, r#"{"Resource": "arn:aws:states:::sqs:sendMessage.sync"}"#, "Resource"),
    a("Task", Both, r#"{"TimeoutSeconds": 0}"#, "TimeoutSeconds"),
    a("Task", Both, r#"{"TimeoutSeconds": 100000000}"#, "TimeoutSeconds"),
    a("Task", Both, r#"{"TimeoutSeconds": 1.5}"#, "TimeoutSeconds"),
    a("Task", Both, r#"{"TimeoutSeconds": "soon"}"#, "TimeoutSeconds"),
    a("Task", Both, r#"{"HeartbeatSeconds": -1}"#, "HeartbeatSeconds"),
    a(
        "Task",
        Both,
        r#"{"TimeoutSeconds": 9, "TimeoutSecondsPath": null, "HeartbeatSeconds": 9}"#,
        "HeartbeatSeconds",
    ),
    a("Task", JsonPath, r#"{"TimeoutSeconds": 9, "TimeoutSecondsPath": "$.t"}"#, ""),
    a("Task", JsonPath, r#"{"HeartbeatSeconds": 9, "HeartbeatSecondsPath": "$.t"}"#, ""),
    a("Task", Both, r#"{"Credentials": {}}"#, "Credentials"),
    a(
        "Task",
        JsonPath,
        r#"{"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"Payload": 1}}"#,
        "Parameters",
    ),
    a(
        "Task",
        JsonPath,
        r#"{"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": 1, "Text": 1}}"#,
        "Parameters",
    ),
    a(
        "Task",
        Jsonata,
        r#"{"Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"Payload": 1}}"#,
        "Arguments",
    ),
    // Wait.
    a(
        "Wait",
        Both,
        r#"{"Seconds": null, "SecondsPath": null, "Timestamp": null, "TimestampPath": null}"#,
        "",
    ),
    a("Wait", Both, r#"{"Seconds": 1, "Timestamp": "2026-11-22T21:05:00Z"}"#, ""),
    a("Wait", Both, r#"{"Seconds": -1}"#, "Seconds"),
    a("Wait", Both, r#"{"Seconds": "1"}"#, "Seconds"),
    a("Wait", Both, r#"{"Timestamp": "tomorrow"}"#, "Timestamp"),
    a("Wait", Both, r#"{"Timestamp": "2026-11-22 21:05:00Z"}"#, "Timestamp"),
    // Fail and Succeed.
    a("Fail", Both, r#"{"Error": 7}"#, "Error"),
    a("Fail", Both, r#"{"Cause": {}}"#, "Cause"),
    a("Fail", JsonPath, r#"{"Error": "E", "ErrorPath": "$.e"}"#, ""),
    a("Fail", JsonPath, r#"{"Cause": "C", "CausePath": "$.c"}"#, ""),
    a("Fail Succeed", Both, r#"{"Assign": {"a": 1}}"#, ""),
    a("Fail Succeed Wait Choice Pass", Both, r#"{"Retry": []}"#, ""),
    // Choice.
    a("Choice", Both, r#"{"Choices": null}"#, ""),
    a("Choice", Both, r#"{"Choices": []}"#, "Choices"),
    a("Choice", Both, r#"{"Choices": {}}"#, "Choices"),
    a("Choice", Both, r#"{"Choices": [7]}"#, "Choices[0]"),
    a("Choice", Both, r#"{"Default": 7}"#, "Default"),
    a("Choice", JsonPath, r#"{"Choices": [{"Next": "SELF"}]}"#, "Choices[0]"),
    a("Choice", JsonPath, r#"{"Choices": [{"Variable": "$.n", "Next": "SELF"}]}"#, "Choices[0]"),
    a("Choice", JsonPath, r#"{"Choices": [{"IsNull": true, "Next": "SELF"}]}"#, "Choices[0]"),
    a(
        "Choice",
        JsonPath,
        r#"{"Choices": [{"Variable": "$.n", "IsNull": true, "IsString": true, "Next": "SELF"}]}"#,
        "Choices[0]",
    ),
    a(
        "Choice",
        JsonPath,
        r#"{"Choices": [{"Variable": "n", "IsNull": true, "Next": "SELF"}]}"#,
        "Choices[0]/Variable",
    ),
    a(
        "Choice",
        JsonPath,
        r#"{"Choices": [{"Variable": "$.n", "NumericEquals": "1", "Next": "SELF"}]}"#,
        "Choices[0]/NumericEquals",
    ),
    a(
        "Choice",
        JsonPath,
        r#"{"Choices": [{"Variable": "$.n", "StringLessThanPath": "a", "Next": "SELF"}]}"#,
        "Choices[0]/StringLessThanPath",
    ),
    a(
        "Choice",
        JsonPath,
        r#"{"Choices": [{"Variable": "$.n", "StringMatches": "a\\b", "Next": "SELF"}]}"#,
        "Choices[0]/StringMatches",
    ),
    a(
        "Choice",
        JsonPath,
        r#"{"Choices": [{"Variable": "$.n", "TimestampEquals": "noon", "Next": "SELF"}]}"#,
        "Choices[0]/TimestampEquals",
    ),
    a("Choice", JsonPath, r#"{"Choices": [{"And": [], "Next": "SELF"}]}"#, "Choices[0]/And"),
    a("Choice", JsonPath, r#"{"Choices": [{"Not": [], "Next": "SELF"}]}"#, "Choices[0]/Not"),
    a("Choice", JsonPath, r#"{"Choices": [{"Or": [{}], "Next": "SELF"}]}"#, "Choices[0]/Or[0]"),
    // Parallel and Map.
    a("Parallel", Both, r#"{"Branches": null}"#, ""),
    a("Parallel", Both, r#"{"Branches": []}"#, "Branches"),
    a("Parallel", Both, r#"{"Branches": {}}"#, "Branches"),
    a("Parallel", Both, r#"{"Branches": [7]}"#, "Branches[0]"),
    a("Parallel", Both, r#"{"Branches": [{}]}"#, "Branches[0]"),
    a("Parallel", Both, r#"{"MaxConcurrency": 1}"#, ""),
    a("Map", Both, r#"{"ItemProcessor": null, "Iterator": null}"#, ""),
    a("Map", Both, r#"{"ItemProcessor": 7, "Iterator": null}"#, "ItemProcessor"),
    a("Map", Both, r#"{"ItemProcessor": {}, "Iterator": {}}"#, ""),
    a("Map", Both, r#"{"MaxConcurrency": -1}"#, "MaxConcurrency"),
    a("Map", Both, r#"{"MaxConcurrency": "many"}"#, "MaxConcurrency"),
    a("Map", JsonPath, r#"{"MaxConcurrency": 1, "MaxConcurrencyPath": "$.n"}"#, ""),
    a("Map", JsonPath, r#"{"ItemSelector": {}, "Parameters": {}}"#, ""),
    a("Map", Both, r#"{"Label": "a b"}"#, "Label"),
    a("Map", Both, r#"{"ToleratedFailurePercentage": 101}"#, "ToleratedFailurePercentage"),
    // Retry and Catch.
    a(WORKS, Both, r#"{"Retry": {}}"#, "Retry"),
    a(WORKS, Both, r#"{"Retry": [7]}"#, "Retry[0]"),
    a(WORKS, Both, r#"{"Retry": [{}]}"#, "Retry[0]"),
    a(WORKS, Both, r#"{"Retry": [{"ErrorEquals": []}]}"#, "Retry[0]/ErrorEquals"),
    a(WORKS, Both, r#"{"Retry": [{"ErrorEquals": "E"}]}"#, "Retry[0]/ErrorEquals"),
    a(WORKS, Both, r#"{"Retry": [{"ErrorEquals": [7]}]}"#, "Retry[0]/ErrorEquals[0]"),
    a(
        WORKS,
        Both,
        r#"{"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]}"#,
        "Retry[0]/ErrorEquals",
    ),
    a(WORKS, Both, r#"{"Retry": [{"ErrorEquals": ["States.ALL", "E"]}]}"#, "Retry[0]/ErrorEquals"),
    a(
        WORKS,
        Both,
        r#"{"Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 0}]}"#,
        "Retry[0]/IntervalSeconds",
    ),
    a(
        WORKS,
        Both,
        r#"{"Retry": [{"ErrorEquals": ["E"], "MaxAttempts": -1}]}"#,
        "Retry[0]/MaxAttempts",
    ),
    a(
        WORKS,
        Both,
        r#"{"Retry": [{"ErrorEquals": ["E"], "BackoffRate": 0.5}]}"#,
        "Retry[0]/BackoffRate",
    ),
    a(
        WORKS,
        Both,
        r#"{"Retry": [{"ErrorEquals": ["E"], "MaxDelaySeconds": 31622401}]}"#,
        "Retry[0]/MaxDelaySeconds",
    ),
    a(
        WORKS,
        Both,
        r#"{"Retry": [{"ErrorEquals": ["E"], "JitterStrategy": "SOME"}]}"#,
        "Retry[0]/JitterStrategy",
    ),
    a(WORKS, Both, r#"{"Catch": [{"ErrorEquals": ["E"]}]}"#, "Catch[0]"),
    a(WORKS, Both, r#"{"Catch": [{"Next": "SELF"}]}"#, "Catch[0]"),
    a(WORKS, Both, r#"{"Catch": [{"ErrorEquals": ["E"], "Next": "Nowhere"}]}"#, "Catch[0]/Next"),
    a(
        WORKS,
        Both,
        r#"{"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "SELF"}, {"ErrorEquals": ["E"], "Next": "SELF"}]}"#,
        "Catch[0]/ErrorEquals",
    ),
    a(
        WORKS,
        JsonPath,
        r#"{"Catch": [{"ErrorEquals": ["E"], "Next": "SELF", "ResultPath": "$.*"}]}"#,
        "Catch[0]/ResultPath",
    ),
    a(
        WORKS,
        Jsonata,
        r#"{"Catch": [{"ErrorEquals": ["E"], "Next": "SELF", "Output": "{% $states.result %}"}]}"#,
        "Catch[0]/Output",
    ),
    a(
        WORKS,
        Both,
        r#"{"Catch": [{"ErrorEquals": ["E"], "Next": "SELF", "Assign": {"states": 1}}]}"#,
        "Catch[0]/Assign",
    ),
];

impl Mistake {
    /// Has a state make the mistake, and gives the place; nothing where no state can.
    pub(super) fn make(&self, victim: &mut Victim, random: &mut Random) -> Option<String> {
        let language = self.language;
        let site = victim.state(random, |site| {
            let speaks = language == Both || site.is_jsonata == (language == Jsonata);
            speaks && self.kinds.split(' ').any(|kind| kind == site.kind)
        })?;
        let name = Value::from(&*site.name).to_string();
        let text = self.fields.replace("\"SELF\"", &name);
        let fields: Map<_, _> = serde_json::from_str(&text).expect("a mistake is an object");
        let state = victim.fields(&site.at);
        for (name, value) in fields {
            match value {
                Value::Null => drop(state.shift_remove(&name)),
                value => drop(state.insert(name, value)),
            }
        }
        let place = site.at.shown();
        Some(if self.place.is_empty() { place } else { format!("{place}/{}", self.place) })
    }
}
