//! What keeps a function from its first event: told to Lambda as an init error, with what to mend.

use std::process::Command;

use super::{RECEIVE, function::Package, receive, runtime_api::RuntimeApi};
use crate::support::Project;

/// Starts a function that cannot begin, and answers the name and the message of its init error.
#[track_caller]
fn refused(package: &Package, variables: &[(&str, &str)]) -> (String, String) {
    let api = RuntimeApi::start();
    let function = package.start(&api, variables);
    let post = api.posted();
    assert_eq!(post.path, "init/error", "{post:?}");
    let body = post.json();
    let (name, message) = (&body["errorType"], &body["errorMessage"]);
    let header = format!("lambda-runtime-function-error-type: {}", name.as_str().unwrap());
    assert!(post.head.contains(&header.to_ascii_lowercase()), "{}", post.head);
    assert_eq!(body["stackTrace"], serde_json::json!([]));
    let (status, log) = function.finish();
    assert_eq!(status.code(), Some(1), "{log:?}");
    assert!(log[0].contains("Init Error"), "{log:?}");
    let folder = format!("{}/", package.path("").display()).replace("//", "/");
    (name.as_str().unwrap().to_owned(), message.as_str().unwrap().replace(&folder, ""))
}

#[track_caller]
fn check(package: &Package, variables: &[(&str, &str)], name: &str, says: &[&str]) {
    let (found, message) = refused(package, variables);
    assert_eq!(found, name, "{message}");
    for words in says {
        assert!(message.contains(words), "`{words}` is not in: {message}");
    }
}

#[test]
fn what_is_served_has_to_be_named() {
    let package = receive();
    check(&package, &[], "Runtime.ConfigInvalid", &["neither STEPYARD_STEP nor STEPYARD_WORKFLOW"]);
    let both = [RECEIVE[0], ("STEPYARD_WORKFLOW", "workflow.asl.json")];
    check(&package, &both, "Runtime.ConfigInvalid", &["both STEPYARD_STEP and STEPYARD_WORKFLOW"]);
    check(
        &package,
        &[("STEPYARD_STEP", "ReceiveOrders")],
        "Runtime.NoSuchHandler",
        &[
            "STEPYARD_STEP is `ReceiveOrders`, and stepyard.toml binds no such function; it binds ReceiveOrder",
        ],
    );
    check(
        &package,
        &[("STEPYARD_WORKFLOW", "absent.asl.json")],
        "Runtime.NoSuchHandler",
        &["reading absent.asl.json: No such file"],
    );
}

#[test]
fn the_manifest_has_to_be_there_and_well_formed() {
    let package = receive();
    package.write("stepyard.toml", "[functions.ReceiveOrder]\nstp = \"x\"\n");
    check(&package, &RECEIVE, "Runtime.ConfigInvalid", &["stepyard.toml:2:1: unknown field `stp`"]);
    std::fs::remove_file(package.path("stepyard.toml")).unwrap();
    check(&package, &RECEIVE, "Runtime.ConfigInvalid", &["there is no stepyard.toml"]);
}

#[test]
fn the_component_has_to_be_there_and_to_be_let_in() {
    let package = receive();
    package.write("components/ReceiveOrder.cwasm", "not a component");
    let error = "Runtime.ImportModuleError";
    check(&package, &RECEIVE, error, &["function `ReceiveOrder`", "is not a component"]);
    std::fs::remove_file(package.path("components/ReceiveOrder.cwasm")).unwrap();
    check(
        &package,
        &RECEIVE,
        error,
        &["components/ReceiveOrder.cwasm cannot be read: No such file"],
    );
}

#[test]
fn what_would_be_kept_on_lambdas_disk_is_refused_by_the_manifests_key() {
    let package = receive();
    let manifest = |grants: &str| {
        let function = "[functions.ReceiveOrder]\nstep = \"components/ReceiveOrder.cwasm\"\n";
        package.write(
            "stepyard.toml",
            format!("{function}[functions.ReceiveOrder.grants]\n{grants}\n"),
        );
    };
    manifest("keyvalue = [\"inventory\"]");
    let says =
        ["[keyvalue.inventory]", "`ReceiveOrder`", "Lambda's disk is no store", "[dynamodb]"];
    check(&package, &RECEIVE, "Runtime.ConfigInvalid", &says);
    manifest("mail = [\"*\"]");
    let says = ["[mail]", "`ReceiveOrder`", "Lambda's disk is no store", "`ses = true`"];
    check(&package, &RECEIVE, "Runtime.ConfigInvalid", &says);
    manifest("");
    package.write(
        "workflow.asl.json",
        r#"{"StartAt": "Notify", "States": {"Notify": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::sns:publish", "Parameters": {"Message": "m"}}}}"#,
    );
    let workflow = [("STEPYARD_WORKFLOW", "workflow.asl.json")];
    check(&package, &workflow, "Runtime.ConfigInvalid", &["[sns]", "`delivery = \"aws\"`"]);
}

#[test]
fn the_workflow_has_to_be_one_that_can_run_here() {
    let package = receive();
    let workflow = [("STEPYARD_WORKFLOW", "workflow.asl.json")];
    package.write("workflow.asl.json", r#"{"StartAt": "A", "States": {"B": {"Type": "Succeed"}}}"#);
    let says = ["workflow.asl.json: MISSING_TRANSITION_TARGET at /StartAt"];
    check(&package, &workflow, "Runtime.ConfigInvalid", &says);
    package.write(
        "workflow.asl.json",
        r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "Other"}}}}"#,
    );
    let says = ["/States/A/Parameters/FunctionName", "Nothing is bound to the function `Other`"];
    check(&package, &workflow, "Runtime.ConfigInvalid", &says);
}

#[test]
fn elsewhere_than_on_lambda_the_command_says_where_it_belongs() {
    let refused = Project::with_manifest("").stepyard(["lambda"]);
    let expected = "AWS_LAMBDA_RUNTIME_API is not set as AWS Lambda sets it: `stepyard lambda` runs as a function's custom runtime";
    assert!(refused.refusal().contains(expected), "{refused:?}");
    let help = Command::new(env!("CARGO_BIN_EXE_stepyard")).args(["lambda", "--help"]).output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    assert!(help.contains("STEPYARD_WORKFLOW"), "{help}");
}
