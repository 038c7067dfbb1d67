//! Versions, aliases and tags through boto3: numbered, routed by weight, and there after a kill.

use serde_json::{Value, json};

use crate::{
    map_runs::done,
    support::{Project, Server, python::python},
};

const CLIENT: &str =
    concat!(include_str!("support/client.py"), include_str!("support/versions.py"));

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:routed";

#[test]
fn what_is_published_routed_and_tagged_survives_a_kill() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let run = |server: &Server, task: &str| -> Value {
        python.run(CLIENT, &[&format!("http://{}", server.address), task])
    };
    let [first, second, third, prod] =
        ["1", "2", "3", "PROD"].map(|qualifier| format!("{MACHINE}:{qualifier}"));

    let expected = json!({
        "published": [first, first, second, second],
        "ineffective": false,
        "all_to_one": { "1": 8 },
        "half_and_half": [60, ["1", "2"]],
        "all_to_two": { "2": 8 },
        "same": true,
        "kept": [first, prod],
        "began": [first, prod],
        "runs": true,
        "errors": [
            "ConflictException",
            "ConflictException",
            "StateMachineDoesNotExist",
            "StateMachineDoesNotExist",
            "StateMachineDoesNotExist",
            "StateMachineDoesNotExist",
            "ResourceNotFound",
            "ResourceNotFound",
            "ValidationException",
            "ConflictException",
            "ValidationException",
            "ValidationException",
            "ValidationException",
            "ResourceNotFound",
            "TooManyTags",
            "ValidationException",
            "InvalidArn",
            "ValidationException",
        ],
    });
    assert_eq!(run(&server, "fill"), expected);

    let before = run(&server, "look");
    let names =
        |prefix: &'static str, count: usize| (0..count).map(move |it| format!("{prefix}-{it}"));
    let mut by_alias: Vec<String> = names("one", 8).chain(names("half", 60)).collect();
    by_alias.extend(names("two", 8).chain(["same".to_owned()]));
    by_alias.sort();
    let expected = json!({
        "versions": ["2", "1"],
        "aliases": ["PROD", "canary"],
        "of_first": ["PROD", "canary"],
        "first": [first, "the first", true],
        "prod": ["PROD", "live", [
            { "stateMachineVersionArn": first, "weight": 0 },
            { "stateMachineVersionArn": second, "weight": 100 },
        ]],
        "dates": before["dates"],
        "through": second,
        "tags": { "a": "b", "team": "sales" },
        "by_alias": by_alias,
        "by_version": [78, []],
        "all": 79,
    });
    assert_eq!(before, expected);

    server.kill();
    let server = Server::start(&project);
    assert_eq!(run(&server, "look"), before);
    let expected = json!({
        "third": third,
        "versions": ["3", "1"],
        "aliases": [null, ["PROD"]],
        "deleted": [
            [],
            "StateMachineDoesNotExist",
            "StateMachineDoesNotExist",
            "StateMachineDoesNotExist",
            "ResourceNotFound",
        ],
        "anew": [first, ["1"], [], {}],
    });
    assert_eq!(run(&server, "go_on"), expected);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn what_an_execution_was_started_of_is_shown_as_it_was_then() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let definition = |comment: &str| {
        let wait = json!({ "Type": "Wait", "Seconds": 3_600, "End": true });
        json!({ "Comment": comment, "StartAt": "W", "States": { "W": wait } }).to_string()
    };
    let role = "arn:aws:iam::123456789012:role/r";
    let machine = json!({ "name": "shown", "definition": definition("0"), "roleArn": role });
    let machine = done(&server, "CreateStateMachine", &machine)["stateMachineArn"].clone();
    let update = |comment: &str, tracing: bool| {
        let body = json!({
            "stateMachineArn": machine, "definition": definition(comment),
            "tracingConfiguration": { "enabled": tracing },
        });
        done(&server, "UpdateStateMachine", &body)
    };
    let then = update("1", true);
    let start = json!({ "stateMachineArn": machine });
    let execution = done(&server, "StartExecution", &start)["executionArn"].clone();
    assert_ne!(update("2", false)["revisionId"], then["revisionId"]);
    server.kill();

    let server = Server::start(&project);
    let of = json!({ "executionArn": execution });
    let shown = done(&server, "DescribeStateMachineForExecution", &of);
    for (member, expected) in [
        ("definition", json!(definition("1"))),
        ("revisionId", then["revisionId"].clone()),
        ("updateDate", then["updateDate"].clone()),
        ("tracingConfiguration", json!({ "enabled": true })),
    ] {
        assert_eq!(shown[member], expected, "{member}");
    }
}
