//! Steps that are replaced while `stepyard serve` runs: components and the manifest are followed, what
//! began goes on as it began.

mod load;

use std::fs;

use serde_json::{Value, json};

use crate::{
    support::{Project, Server},
    text_step::{MEMORY, step},
};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:say";
const HOLD: &str = "arn:aws:states:us-east-1:123456789012:activity:hold";

const MANIFEST: &str = r#"
[functions.Say]
step = "say.wasm"

[workflows.say]
definition = "say.asl.json"
"#;

/// A project whose one function answers `word`, which has four letters.
fn project(manifest: &str, states: &Value) -> Project {
    let project = Project::with_manifest(manifest);
    write(&project, "say.wasm", &says("true"));
    let first = states.as_object().unwrap().keys().next().unwrap();
    project.write("say.asl.json", &json!({ "StartAt": first, "States": states }).to_string());
    project
}

fn says(word: &str) -> Vec<u8> {
    step("", &format!(r#"{MEMORY} (data (i32.const 16) "{word}")"#))
}

fn write(project: &Project, file: &str, bytes: &[u8]) {
    fs::write(project.path(file), bytes).unwrap();
}

/// What a state is that calls the function and goes on with its answer.
fn call(next: Option<&str>) -> Value {
    let mut state = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "Say" },
        "ResultSelector": { "said.$": "$.Payload", "version.$": "$.ExecutedVersion" },
    });
    match next {
        Some(next) => state["Next"] = json!(next),
        None => state["End"] = json!(true),
    }
    state
}

fn start(server: &Server, machine: &str) -> String {
    let arn = MACHINE.replace(":say", &format!(":{machine}"));
    let (status, started) =
        server.call("StartExecution", &json!({ "stateMachineArn": arn }).to_string());
    assert_eq!(status, 200, "{started}");
    started["executionArn"].as_str().unwrap().to_owned()
}

/// The output of an execution, once it has succeeded.
fn output(server: &Server, execution: &str) -> Value {
    let described =
        || server.call("DescribeExecution", &json!({ "executionArn": execution }).to_string()).1;
    server.until("the execution ends", || described()["status"] != "RUNNING");
    let described = described();
    assert_eq!(described["status"], "SUCCEEDED", "{described}");
    serde_json::from_str(described["output"].as_str().unwrap()).unwrap()
}

fn said(server: &Server) -> Value {
    output(server, &start(server, "say"))["said"].clone()
}

#[test]
fn a_component_that_changes_is_swapped_and_half_of_one_is_not() {
    let project = project(MANIFEST, &json!({ "Say": call(None) }));
    let server = Server::start(&project);
    assert_eq!(said(&server), true);

    let other = says("1234");
    write(&project, "say.wasm", &other[..other.len() / 2]);
    server.until_said("function `Say` stays as it was: the component is not a component", 1);
    assert_eq!(said(&server), true);
    write(&project, "say.wasm", &other);
    server.until_said("function `Say` runs sha256:", 1);
    assert_eq!(said(&server), 1234);
    fs::remove_file(project.path("say.wasm")).unwrap();
    server.until_said("function `Say` stays as it was: ", 2);
    assert_eq!(said(&server), 1234);
    write(&project, "say.wasm", &other);

    // What was current is current after a kill.
    server.kill();
    let server = Server::start(&project);
    assert_eq!(said(&server), 1234);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_manifest_is_followed_and_one_at_fault_changes_nothing() {
    let project = project(MANIFEST, &json!({ "Say": call(None) }));
    write(&project, "other.wasm", &says("1234"));
    let server = Server::start(&project);
    assert_eq!(said(&server), true);

    let other = MANIFEST.replace("say.wasm", "other.wasm");
    project.write("stepyard.toml", &other.replace("[functions", "[functons"));
    server.until_said("functions and workflows stay as they were: ", 1);
    assert!(server.said().contains("unknown field `functons`"), "{}", server.said());
    project.write("stepyard.toml", &format!("{other}[functions.Say.limits]\nmemory_mib = 4096\n"));
    server.until_said("functions and workflows stay as they were: ", 2);
    assert!(
        server.said().contains("start again to raise `limits.memory_mib`"),
        "{}",
        server.said()
    );
    assert_eq!(said(&server), true);

    let more = "[workflows.more]\ndefinition = \"say.asl.json\"\n[mail]\nfolder = \"post\"\n";
    project.write("stepyard.toml", &format!("{other}{more}"));
    server.until_said("functions and workflows are as stepyard.toml has them now", 1);
    assert!(
        server
            .said()
            .contains("what has changed in [mail] takes effect when the server starts again"),
        "{}",
        server.said()
    );
    assert_eq!(said(&server), 1234);
    assert_eq!(output(&server, &start(&server, "more"))["said"], 1234);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_execution_that_is_pinned_keeps_its_versions_to_its_end_and_through_a_kill() {
    let states = json!({
        "First": call(Some("Hold")),
        "Hold": { "Type": "Task", "Resource": HOLD, "Next": "Say" },
        "Say": call(None),
    });
    let pinned = "\n[workflows.pinned]\ndefinition = \"say.asl.json\"\npin_steps = true\n";
    let project = project(&format!("{MANIFEST}{pinned}"), &states);
    let server = Server::start(&project);
    let (status, created) = server.call("CreateActivity", &json!({ "name": "hold" }).to_string());
    assert_eq!(status, 200, "{created}");
    let executions = ["say", "pinned"].map(|machine| start(&server, machine));
    let held = |execution: &String| {
        let body = json!({ "executionArn": execution }).to_string();
        server.call("GetExecutionHistory", &body).1.to_string().contains("ActivityScheduled")
    };
    server.until("both are held", || executions.iter().all(held));

    write(&project, "say.wasm", &says("1234"));
    server.until_said("function `Say` runs sha256:", 1);
    server.kill();
    let server = Server::start(&project);
    for _ in &executions {
        let ask = json!({ "activityArn": HOLD }).to_string();
        let (status, task) = server.call("GetActivityTask", &ask);
        assert_eq!(status, 200, "{task}");
        let done = json!({ "taskToken": task["taskToken"], "output": "{}" }).to_string();
        assert_eq!(server.call("SendTaskSuccess", &done).0, 200);
    }
    let [follows, keeps] = executions.map(|execution| output(&server, &execution));
    assert_eq!(follows, json!({ "said": 1234, "version": "$LATEST" }));
    assert_eq!(keeps, json!({ "said": true, "version": "1" }));
    assert_eq!(output_of_next(&server), json!({ "said": 1234, "version": "2" }));
    assert_eq!(server.terminate(), Some(0));
}

/// What a pinned execution says that begins now.
fn output_of_next(server: &Server) -> Value {
    let next = start(server, "pinned");
    let (_, task) = server.call("GetActivityTask", &json!({ "activityArn": HOLD }).to_string());
    let done = json!({ "taskToken": task["taskToken"], "output": "{}" }).to_string();
    assert_eq!(server.call("SendTaskSuccess", &done).0, 200);
    output(server, &next)
}

#[test]
fn the_command_publishes_routes_and_rolls_back() {
    let project = project(MANIFEST, &json!({ "Say": call(None) }));
    write(&project, "1234.wasm", &says("1234"));
    write(&project, "null.wasm", &step("", MEMORY));
    let server = Server::start(&project);
    let endpoint = format!("http://{}", server.address);
    let step = |words: &[&str]| {
        let words = ["step"].iter().chain(words).copied();
        project.stepyard(words.chain(["--endpoint", &endpoint]))
    };
    let done = |words: &[&str]| {
        let finished = step(words);
        assert_eq!(finished.code, Some(0), "{words:?}: {finished:?}");
        finished.stdout
    };
    assert_eq!(done(&["publish", "Say", "1234.wasm"]), "Say:2 runs 1234.wasm from here on\n");
    assert_eq!(said(&server), 1234);
    assert_eq!(done(&["publish", "Say", "null.wasm"]), "Say:3 runs null.wasm from here on\n");
    assert_eq!(said(&server), Value::Null);

    // Back to what ran before, and to what the manifest had.
    assert_eq!(done(&["rollback", "Say"]), "Say runs the code of version 2 from here on\n");
    assert_eq!(said(&server), 1234);
    assert_eq!(
        done(&["rollback", "Say", "--to", "1"]),
        "Say runs the code of version 1 from here on\n"
    );
    assert_eq!(said(&server), true);

    assert_eq!(
        done(&["route", "Say", "live", "2", "--canary", "3=0.25"]),
        "live     2, 3 for 0.25 of the calls\n"
    );
    let versions = done(&["versions", "Say", "--json"]);
    let versions: Value = serde_json::from_str(&versions).unwrap();
    let numbers = versions["versions"].as_array().unwrap().iter().map(|it| &it["version"]);
    assert_eq!(numbers.collect::<Vec<_>>(), ["$LATEST", "1", "2", "3"]);
    let live = json!([{ "name": "live", "version": "2", "additional": { "3": 0.25 } }]);
    assert_eq!(versions["aliases"], live);
    assert_eq!(done(&["rollback", "Say", "--alias", "live"]), "live     2\n");
    assert_eq!(done(&["rollback", "Say", "--alias", "live"]), "live     1\n");

    for (words, says) in [
        (&["rollback", "Say", "--alias", "live"][..], "has no version before 1"),
        (&["rollback", "Say", "--alias", "other"], "function `Say` has no alias `other`"),
        (&["publish", "Say", "say.asl.json"], "InvalidParameterValueException"),
        (&["versions", "Other"], "ResourceNotFoundException"),
        (&["route", "Say", "live", "9"], "ResourceNotFoundException"),
    ] {
        let refused = step(words);
        assert_eq!(refused.code, Some(2), "{words:?}: {refused:?}");
        assert!(refused.stderr.contains(says), "{words:?}: {}", refused.stderr);
    }
    assert_eq!(server.terminate(), Some(0));
    let refused = step(&["versions", "Say"]);
    assert!(refused.refusal().contains("no answer: "), "{}", refused.stderr);
}
