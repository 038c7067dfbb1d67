//! `[workflows.NAME]`: what the manifest names is registered, and follows its file.

use serde_json::{Value, json};

use crate::support::{Project, Server, order};

const MANIFEST: &str = r#"
[workflows.pass]
definition = "flows/pass.asl.json"
"#;

fn pass(result: u32) -> String {
    format!(
        "{{\n  \"StartAt\": \"P\",\n  \"States\": {{ \"P\": {{ \"Type\": \"Pass\", \"Result\": {result}, \"End\": true }} }}\n}}\n"
    )
}

fn project(manifest: &str) -> Project {
    let project = Project::with_manifest(manifest);
    project.write("flows/pass.asl.json", &pass(1));
    project
}

fn describe(server: &Server, machine: &str) -> Value {
    let arn = format!("arn:aws:states:us-east-1:123456789012:stateMachine:{machine}");
    let (status, described) =
        server.call("DescribeStateMachine", &json!({ "stateMachineArn": arn }).to_string());
    assert_eq!(status, 200, "{described}");
    described
}

fn without_answer(mut described: Value) -> Value {
    described.as_object_mut().unwrap().remove("ResponseMetadata");
    described
}

#[test]
fn the_projects_own_workflow_is_there_at_once() {
    let project = Project::order().warm();
    let server = Server::start(&project);
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:order";
    let start = json!({ "stateMachineArn": machine, "input": order("w-1").to_string() });
    let (status, started) = server.call("StartExecution", &start.to_string());
    assert_eq!(status, 200, "{started}");
    let execution = json!({ "executionArn": started["executionArn"] }).to_string();
    server.until("the order is confirmed", || {
        server.call("DescribeExecution", &execution).1["status"] == "SUCCEEDED"
    });
}

#[test]
fn a_restart_changes_only_what_differs() {
    let project = project(MANIFEST);
    let server = Server::start(&project);
    let first = without_answer(describe(&server, "pass"));
    assert_eq!(first["definition"], pass(1));
    assert_eq!(first["roleArn"], "arn:aws:iam::123456789012:role/stepyard");
    assert_eq!(server.terminate(), Some(0));

    let server = Server::start(&project);
    assert_eq!(without_answer(describe(&server, "pass")), first);
    assert_eq!(server.terminate(), Some(0));

    project.write("stepyard.toml", &format!("{MANIFEST}role = \"other\"\n"));
    let server = Server::start(&project);
    let second = describe(&server, "pass");
    assert_eq!(second["roleArn"], "arn:aws:iam::123456789012:role/other");
    assert_ne!(second["revisionId"], first["revisionId"]);
    assert_eq!(second["creationDate"], first["creationDate"]);
}

#[test]
fn a_workflow_follows_its_file_while_the_server_runs() {
    let project = project(MANIFEST);
    let server = Server::start(&project);
    let first = describe(&server, "pass");

    // Half of a file, and no state to begin at: neither replaces what is there.
    project.write("flows/pass.asl.json", &pass(2)[..40]);
    server.until_said("workflow `pass` stays as it was", 1);
    let said = server.said();
    assert!(said.contains("flows/pass.asl.json:") && said.contains("INVALID_JSON"), "{said}");
    let states = pass(2).replace("\"P\",", "\"Q\",");
    project.write("flows/pass.asl.json", &states);
    server.until_said("workflow `pass` stays as it was", 2);
    let said = server.said();
    assert!(said.contains("flows/pass.asl.json:2:"), "{said}");
    let unbound = pass(2).replace(
        "\"Pass\"",
        "\"Task\", \"Resource\": \"arn:aws:lambda:us-east-1:123456789012:function:Gone\"",
    );
    project.write("flows/pass.asl.json", &unbound.replace("\"Result\": 2, ", ""));
    server.until_said("workflow `pass` stays as it was", 3);
    assert!(server.said().contains("[functions.Gone]"), "{}", server.said());
    std::fs::remove_file(project.path("flows/pass.asl.json")).unwrap();
    server.until_said("workflow `pass` stays as it was", 4);
    assert_eq!(describe(&server, "pass"), first);

    project.write("flows/pass.asl.json", &pass(3));
    server.until_said("workflow `pass` is updated", 1);
    let second = describe(&server, "pass");
    assert_eq!(second["definition"], pass(3));
    assert_ne!(second["revisionId"], first["revisionId"]);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_workflow_at_fault_is_refused_before_anything_starts() {
    let express = format!("{MANIFEST}type = \"EXPRESS\"\n");
    let token = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,"Resource":"arn:aws:states:::sns:publish.waitForTaskToken"}}}"#;
    for (manifest, definition, words) in [
        (MANIFEST, "{\n \"StartAt\": ,\n}", &["flows/pass.asl.json:2:13"][..]),
        (MANIFEST, r#"{"StartAt":"P","States":{}}"#, &["flows/pass.asl.json:1:"]),
        (&express, token, &["flows/pass.asl.json:1:", "Express state machine does not support"]),
        (
            "[workflows.gone]\ndefinition = \"gone.json\"\n",
            "{}",
            &["workflow `gone` in stepyard.toml: reading gone.json"],
        ),
        (
            "[workflows.\"a b\"]\ndefinition = \"x\"\n",
            "{}",
            &["stepyard.toml:1:12: `a b` cannot be a name"],
        ),
    ] {
        let project = Project::with_manifest(manifest);
        project.write("flows/pass.asl.json", definition);
        let refused = project.stepyard(["serve", "--listen", "127.0.0.1:0"]);
        for word in words {
            assert!(refused.refusal().contains(word), "`{word}`: {}", refused.stderr);
        }
        assert!(!project.path(".stepyard").exists(), "something was written");
    }
}

#[test]
fn what_waits_for_a_token_or_a_worker_is_served() {
    let project = project(MANIFEST);
    let states = r#""A":{"Type":"Task","Next":"B","Resource":"arn:aws:states:us-east-1:123456789012:activity:pack"},"B":{"Type":"Task","End":true,"Resource":"arn:aws:states:::sns:publish.waitForTaskToken","Parameters":{"TopicArn":"t","Message.$":"$$.Task.Token"}}"#;
    project.write("flows/pass.asl.json", &format!(r#"{{"StartAt":"A","States":{{{states}}}}}"#));
    let server = Server::start(&project);
    assert_eq!(describe(&server, "pass")["status"], "ACTIVE");
}

#[test]
fn another_type_of_the_same_name_is_refused() {
    let project = project(MANIFEST);
    let server = Server::start(&project);
    assert_eq!(server.terminate(), Some(0));
    project.write("stepyard.toml", &format!("{MANIFEST}type = \"EXPRESS\"\n"));
    let refused = project.stepyard(["serve", "--listen", "127.0.0.1:0"]);
    let expected = "a state machine of that name is there and is STANDARD, which cannot be changed";
    assert!(refused.refusal().contains(expected), "{}", refused.stderr);
}
