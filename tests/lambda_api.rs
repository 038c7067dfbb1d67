//! The AWS Lambda API of `stepyard serve`: the AWS CLI and boto3 swap, version, split and call steps.

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::support::{
    Project, Server, components,
    python::{Python, python},
};

const API: &str =
    concat!(include_str!("support/lambda_client.py"), include_str!("support/lambda_api.py"));
const LOOK: &str =
    concat!(include_str!("support/lambda_client.py"), include_str!("support/lambda_look.py"));
const PAGES: &str =
    concat!(include_str!("support/lambda_client.py"), include_str!("support/lambda_pages.py"));
const CLI: &str = include_str!("support/lambda_cli.py");
const ACCESS: &str = include_str!("support/lambda_access.py");
const WRONG: &str = include_str!("support/lambda_wrong.py");

/// The component of a step of the order.
fn component(step: &str) -> String {
    components()[step].to_str().expect("its path is text").to_owned()
}

/// Functions that all do what `ReceiveOrder` does, which needs no grant.
fn project(functions: &[&str], more: &str) -> Project {
    let step = component("steps/receive");
    let bound = functions.iter().map(|it| format!("functions.{it}.step = {step:?}\n"));
    Project::with_manifest(&(bound.collect::<String>() + more)).warm()
}

fn run(python: &Python, server: &Server, script: &str) -> Value {
    let url = format!("http://{}", server.address);
    let [receive, confirm] = ["steps/receive", "steps/confirm"].map(component);
    python.run(script, &[&url, &receive, &confirm])
}

#[test]
fn the_aws_cli_swaps_versions_splits_and_calls_a_step() {
    let Some(python) = python() else { return };
    let project = project(&["ReceiveOrder"], "");
    let server = Server::start(&project);
    let expected = json!({
        "versions": ["1", "2"],
        "swapped": true,
        "live": "1",
        "split": { "AdditionalVersionWeights": { "2": 0.5 } },
        "ran": ["1", "2"],
        "said": [200, "$LATEST", "1"],
        "rolled back": ["1", false],
        "listed": ["$LATEST", "1", "2"],
        "got": true,
        "updated": null,
    });
    assert_eq!(run(python, &server, CLI), expected);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn every_answer_is_as_awss_model_says_and_survives_a_kill() {
    let Some(python) = python() else { return };
    let project = project(&["Another", "ReceiveOrder"], "");
    let server = Server::start(&project);
    let mut seen = run(python, &server, API);
    let errors = seen["errors"].take();
    let errors: Vec<_> = errors.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    expect_file!["support/lambda_errors.txt"].assert_eq(&errors.join("\n"));
    let expected = json!({
        "functions": {
            "names": ["Another", "ReceiveOrder"],
            "arn": true,
            "version": "$LATEST",
            "code": [true, true],
            "limits": [10, 64],
            "state": ["Active", "Successful"],
            "download": true,
            "qualified": true,
        },
        "publishing": {
            "dry": [true, "$LATEST"],
            "first": ["1", true, "the first"],
            "same": "1",
            "again": ["2", ""],
            "packed": ["3", true, true],
            "stored": ["$LATEST", true],
            "versions": ["$LATEST", "1", "2", "3"],
            "arns": [":$LATEST", ":1", ":2", ":3"],
            "everywhere": [
                "Another:$LATEST", "ReceiveOrder:$LATEST", "ReceiveOrder:1", "ReceiveOrder:2",
                "ReceiveOrder:3",
            ],
            "second": true,
            "bytes": true,
        },
        "aliases": {
            "live": [true, "1", "what is live", false],
            "half": { "AdditionalVersionWeights": { "2": 0.5 } },
            "ran": ["1", "2"],
            "kept": [{ "AdditionalVersionWeights": { "2": 0.5 } }, "", false],
            "none": false,
            "alone": ["1"],
            "got": true,
            "listed": ["canary", "live"],
            "through": [true, "2"],
            "of_two": ["canary"],
            "all of three": true,
        },
        "invoking": {
            "good": [200, "1", "pm_card_visa", false],
            "log": ["START", "END"],
            "request": true,
            "bad": [200, "Unhandled", "$LATEST", "InvalidOrder"],
            "nothing": "InvalidOrder",
            "dry": 204,
            "event": 202,
        },
        "errors": null,
        "ungranted_code": ["InvalidParameterValueException", true, true],
        "deleting": [["$LATEST", "1", "3"], "4"],
        "checked": 15,
    });
    assert_eq!(seen, expected);
    let before = run(python, &server, LOOK);
    server.kill();
    let server = Server::start(&project);
    assert_eq!(run(python, &server, LOOK), before);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn pages_of_any_size_add_up_and_no_forged_marker_opens_one() {
    let Some(python) = python() else { return };
    let project = project(&["F0", "F1", "F2", "F3", "F4", "F5", "F6"], "");
    let server = Server::start(&project);
    let expected = json!({
        "list_functions": 7,
        "list_versions_by_function": 7,
        "list_aliases": 7,
        "everywhere": [13, 13],
        "goes on": ["a2", "a3", "a4", "a5", "a6"],
        "other list": "InvalidParameterValueException",
        "taken": [],
    });
    assert_eq!(run(python, &server, PAGES), expected);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_event_is_tried_again_until_the_server_ends() {
    let project = project(&["ReceiveOrder"], "");
    let server = Server::start(&project);
    let line = "POST /2015-03-31/functions/ReceiveOrder/invocations HTTP/1.1";
    let event = "X-Amz-Invocation-Type: Event\r\n";
    assert_eq!(server.request(line, &server.address, event, "{}"), (202, String::new()));
    server.until_said("an event failed, and is tried again", 1);
    server.ask_to_end();
    server.until_said("an event was given up: the server ends", 1);
    assert_eq!(server.finish().code, Some(0));
}

#[test]
fn a_web_page_calls_nothing() {
    let project = project(&["ReceiveOrder"], "");
    let server = Server::start(&project);
    let line = "POST /2015-03-31/functions/ReceiveOrder/versions HTTP/1.1";
    for origin in ["http://example.com", "null", &format!("http://{}", server.address)] {
        // What a form may send without asking first.
        let headers = format!("Origin: {origin}\r\nContent-Type: text/plain\r\n");
        let (status, answer) = server.request(line, &server.address, &headers, "{}");
        assert_eq!(status, 403, "{origin}: {answer}");
    }
    let list = "GET /2015-03-31/functions/ReceiveOrder/versions HTTP/1.1";
    let (status, answer) = server.request(list, &server.address, "", "");
    assert_eq!((status, answer.matches("FunctionArn").count()), (200, 1), "{answer}");
}

#[test]
fn with_keys_only_what_they_sign_for_lambda_is_performed() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let Some(python) = python() else { return };
    let keys =
        "secrets.KEY.file = \"key\"\nserve.keys = [{ id = \"AKIDEXAMPLE\", secret = \"KEY\" }]\n";
    let project = project(&["Another", "ReceiveOrder"], keys);
    project.write("key", SECRET);
    let server = Server::start(&project);
    let url = format!("http://{}", server.address);
    let seen = python.run(ACCESS, &[&url, "AKIDEXAMPLE", SECRET, &component("steps/receive")]);
    let invalid = json!([403, "InvalidSignatureException"]);
    let expected = json!({
        "by name": 200,
        "by arn": 200,
        "upload": 200,
        "page": 200,
        "wrong secret": invalid,
        "unknown key": [403, "UnrecognizedClientException"],
        "unsigned": [403, "MissingAuthenticationTokenException"],
        "unsigned upload": [403, "MissingAuthenticationTokenException"],
        "another service": invalid,
        "as signed": 204,
        "another body": invalid,
        "another function": invalid,
        "another version": invalid,
        "another kind": invalid,
        "a kind that is not signed": invalid,
        "followed": true,
        "forged links": [403],
    });
    assert_eq!(seen, expected);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn what_is_wrong_with_any_member_is_told_as_aws_tells_it() {
    let Some(python) = python() else { return };
    let project = project(&["F"], "");
    let server = Server::start(&project);
    let seed = std::env::var("STEPYARD_SEED").unwrap_or_else(|_| std::process::id().to_string());
    let seen = python.run(WRONG, &[&format!("http://{}", server.address), &seed]);
    let asked = seen["asked"].as_u64().unwrap();
    assert!(asked > 1_500, "only {asked} requests were made");
    let expected = json!({ "faults": [], "still": 200, "asked": asked });
    assert_eq!(seen, expected, "with STEPYARD_SEED={seed}");
    server.ask_to_end();
    let ended = server.finish();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}
