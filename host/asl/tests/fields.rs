//! Which fields a state of each type has, in each query language: AWS's tables, as tables (States
//! Language, "State Types"; Developer Guide, "Transforming data with JSONata").

use serde_json::{Map, Value, json};
use stepyard_asl::StateMachine;

const ALL: &str = "Task Parallel Map Pass Wait Choice Succeed Fail";
const GOING_ON: &str = "Task Parallel Map Pass Wait";
const WITH_DATA: &str = "Task Parallel Map Pass Wait Choice Succeed";
const WITH_VARIABLES: &str = "Task Parallel Map Pass Wait Choice";
const WITH_RESULT: &str = "Task Parallel Map";

/// Fields of both languages, and of which types of state they are.
const OF_BOTH: [(&str, &str); 22] = [
    ("Type", ALL),
    ("Comment", ALL),
    ("QueryLanguage", ALL),
    ("Next", GOING_ON),
    ("End", GOING_ON),
    ("Assign", WITH_VARIABLES),
    ("Retry", WITH_RESULT),
    ("Catch", WITH_RESULT),
    ("Resource", "Task"),
    ("TimeoutSeconds", "Task"),
    ("HeartbeatSeconds", "Task"),
    ("Credentials", "Task"),
    ("Branches", "Parallel"),
    ("ItemProcessor", "Map"),
    ("Iterator", "Map"),
    ("ItemSelector", "Map"),
    ("MaxConcurrency", "Map"),
    ("Seconds", "Wait"),
    ("Timestamp", "Wait"),
    ("Choices", "Choice"),
    ("Error", "Fail"),
    ("Cause", "Fail"),
];

const OF_JSONPATH: [(&str, &str); 14] = [
    ("InputPath", WITH_DATA),
    ("OutputPath", WITH_DATA),
    ("Parameters", "Task Parallel Map Pass"),
    ("ResultSelector", WITH_RESULT),
    ("ResultPath", "Task Parallel Map Pass"),
    ("Result", "Pass"),
    ("TimeoutSecondsPath", "Task"),
    ("HeartbeatSecondsPath", "Task"),
    ("ItemsPath", "Map"),
    ("MaxConcurrencyPath", "Map"),
    ("SecondsPath", "Wait"),
    ("TimestampPath", "Wait"),
    ("ErrorPath", "Fail"),
    ("CausePath", "Fail"),
];

const OF_JSONATA: [(&str, &str); 3] =
    [("Arguments", "Task Parallel"), ("Output", WITH_DATA), ("Items", "Map")];

#[test]
fn a_state_has_the_fields_of_its_type_and_language_and_no_others() {
    for (language, own, others) in [
        ("JSONPath", &OF_JSONPATH[..], &OF_JSONATA[..]),
        ("JSONata", &OF_JSONATA[..], &OF_JSONPATH[..]),
    ] {
        for kind in ALL.split(' ') {
            for (field, kinds) in OF_BOTH.iter().chain(own) {
                let is_its_own = kinds.split(' ').any(|it| it == kind);
                let expected = (!is_its_own).then(|| format!("Field '{field}' is not supported"));
                assert_eq!(refusal(language, kind, field), expected, "{kind} {field}");
            }
            for (field, _) in others {
                let told = refusal(language, kind, field).unwrap_or_default();
                let expected =
                    format!("The QueryLanguage is set to '{language}', but field '{field}'");
                assert!(told.starts_with(&expected), "{kind} {field}: {told}");
            }
            let expected = Some("Field 'Nothing' is not supported".to_owned());
            assert_eq!(refusal(language, kind, "Nothing"), expected);
        }
    }
}

/// What is said of a field for being there at all, in a state of this type and language.
fn refusal(language: &str, kind: &str, field: &str) -> Option<String> {
    let mut state = state(language, kind);
    state.entry(field).or_insert_with(|| match field {
        "QueryLanguage" => json!(language),
        "Comment" => json!("a comment"),
        "End" => json!(false),
        _ => json!({}),
    });
    let machine = json!({"QueryLanguage": language, "StartAt": "A", "States": {
        "A": state, "B": {"Type": "Succeed"}}});
    let found = StateMachine::diagnose(&machine.to_string()).into_iter();
    let mut about = found.filter(|it| it.location.to_string() == "/States/A").map(|it| it.message);
    about.find(|message| {
        message == &format!("Field '{field}' is not supported")
            || message.contains(&format!("but field '{field}' is only supported"))
    })
}

/// A state that is valid but for where it leads.
fn state(language: &str, kind: &str) -> Map<String, Value> {
    let inner = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    let state = match kind {
        "Task" => json!({"Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "Next": "B"}),
        "Parallel" => json!({"Branches": [inner("C")], "Next": "B"}),
        "Map" => json!({"ItemProcessor": inner("C"), "Next": "B"}),
        "Pass" => json!({"Next": "B"}),
        "Wait" => json!({"Seconds": 1, "Next": "B"}),
        "Choice" if language == "JSONata" => {
            json!({"Choices": [{"Condition": true, "Next": "B"}]})
        }
        "Choice" => json!({"Choices": [{"Variable": "$.a", "IsNull": true, "Next": "B"}]}),
        _ => json!({}),
    };
    let Value::Object(mut state) = state else { unreachable!("a state is an object") };
    state.insert("Type".to_owned(), json!(kind));
    state
}
