//! Bad input of every kind: one clear message, exit code 2, nothing on stdout, nothing written.

use std::fs;

use serde_json::json;

use crate::support::{Project, components, order};

/// Runs an order in the project, and checks that it is refused with these words and nothing else.
#[track_caller]
fn refused(project: &Project, arguments: &[&str], words: &[&str]) {
    let finished = project.stepyard(arguments.iter().copied());
    let message = finished.refusal();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(!project.path(".stepyard").exists(), "something was written: {message}");
}

#[track_caller]
fn refused_order(project: &Project, words: &[&str]) {
    refused(project, &["run", "workflow.asl.json", "--input", &order("1").to_string()], words);
}

/// The workflow with one text replaced.
fn workflow_with(from: &str, to: &str) -> Project {
    let project = Project::order();
    let text = fs::read_to_string(project.path("workflow.asl.json")).unwrap();
    assert!(text.contains(from), "the workflow has no {from}");
    project.write("workflow.asl.json", &text.replacen(from, to, 1));
    project
}

#[test]
fn malformed_json_is_named_with_line_and_column() {
    let project = Project::order();
    project.write("workflow.asl.json", "{\n  \"StartAt\": ,\n}");
    refused_order(&project, &["workflow.asl.json:2:14"]);
    let project = Project::order();
    project.write("order.json", "{\n \"order_id\": \"1\",,\n}");
    refused(&project, &["run", "workflow.asl.json", "--input", "order.json"], &["order.json:2:18"]);
}

#[test]
fn absurdly_nested_json_is_refused_and_overflows_nothing() {
    let nested = "[".repeat(200_000);
    let project = Project::order();
    project.write("workflow.asl.json", &nested);
    refused_order(&project, &["workflow.asl.json:1:", "too deeply nested"]);
    let project = Project::order();
    project.write("order.json", &nested);
    let run = ["run", "workflow.asl.json", "--input", "order.json"];
    refused(&project, &run, &["order.json:1:", "recursion limit exceeded"]);
}

#[test]
fn a_next_that_names_no_state_is_refused() {
    let project = workflow_with("\"Next\": \"ChargePayment\"", "\"Next\": \"ChargePaiment\"");
    refused_order(
        &project,
        &["workflow.asl.json:", "Missing 'Next' target: ChargePaiment", "ChargePayment"],
    );
}

#[test]
fn a_state_that_is_written_twice_is_refused() {
    let project = workflow_with(
        "\"InventoryFailed\": {",
        "\"InventoryFailed\": { \"Type\": \"Succeed\" }, \"InventoryFailed\": {",
    );
    refused_order(&project, &["workflow.asl.json:", "DUPLICATE_STATE_NAME", "InventoryFailed"]);
}

#[test]
fn a_function_that_nothing_is_bound_to_is_refused() {
    let project =
        workflow_with("\"FunctionName\": \"ChargePayment\"", "\"FunctionName\": \"Chrge\"");
    refused_order(&project, &["workflow.asl.json:", "Chrge", "[functions.Chrge]"]);
}

#[test]
fn a_task_that_nothing_does_is_refused() {
    let project = workflow_with("arn:aws:states:::sns:publish", "arn:aws:states:::batch:submitJob");
    refused_order(&project, &["workflow.asl.json:", "arn:aws:states:::batch:submitJob"]);
}

#[test]
fn a_pattern_that_aws_does_not_have_is_refused() {
    let unknown = "The resource provided arn:aws:states:::lambda:invoke.sync is not recognized.";
    refused_order(
        &workflow_with("lambda:invoke", "lambda:invoke.sync"),
        &["workflow.asl.json:", unknown],
    );
}

#[test]
fn a_task_token_that_nobody_could_answer_is_refused() {
    for (from, to) in [
        ("lambda:invoke", "lambda:invoke.waitForTaskToken"),
        ("sns:publish", "sns:publish.waitForTaskToken"),
    ] {
        let waits = format!("`arn:aws:states:::{to}` waits for a task token");
        refused_order(&workflow_with(from, to), &["workflow.asl.json:", &waits, "stepyard serve"]);
    }
}

#[test]
fn a_missing_component_is_refused() {
    let manifest = |text: String| text.replace("confirm.wasm", "gone.wasm");
    refused_order(&Project::order_with(manifest), &["SendConfirmation", "gone.wasm"]);
}

#[test]
fn a_file_that_is_no_component_is_refused() {
    let confirm = &components()["steps/confirm"];
    let bind = |text: String| text.replace(confirm.to_str().unwrap(), "step.wasm");
    let cases: [(&[u8], &str); 3] = [
        (b"hello", "is not a component"),
        (b"", "is not a component"),
        (b"\0asm\x01\0\0\0", "is a core module"),
    ];
    for (bytes, word) in cases {
        let project = Project::order_with(bind);
        fs::write(project.path("step.wasm"), bytes).unwrap();
        refused_order(&project, &["SendConfirmation", "step.wasm", word]);
    }
}

#[test]
fn an_import_that_is_not_granted_is_refused_with_the_grant_to_add() {
    let project = Project::order_with(|text| {
        assert!(text.contains("mail = ["), "{text}");
        text.lines().filter(|line| !line.starts_with("mail = [")).collect::<Vec<_>>().join("\n")
    });
    refused_order(&project, &["SendConfirmation", "[functions.SendConfirmation.grants]", "mail"]);
}

#[test]
fn a_typo_in_the_manifest_is_refused_with_its_place() {
    let project = Project::order_with(|text| format!("{text}\n[functions.X]\nstp = \"x\"\n"));
    refused_order(&project, &["stepyard.toml:", "unknown field `stp`"]);
}

#[test]
fn an_input_over_256_kib_is_refused() {
    let project = Project::order();
    project.write("order.json", &json!({ "order_id": "a".repeat(262_144) }).to_string());
    refused(
        &project,
        &["run", "workflow.asl.json", "--input", "order.json"],
        &["262144", "order.json"],
    );
}

#[test]
fn an_input_that_is_neither_file_nor_json_is_refused() {
    let run = ["run", "workflow.asl.json", "--input", "ordr.json"];
    refused(&Project::order(), &run, &["ordr.json", "no such file"]);
}

#[test]
fn a_missing_workflow_or_manifest_is_refused() {
    let project = Project::order();
    refused(&project, &["run", "gone.asl.json"], &["gone.asl.json"]);
    let run = ["run", "workflow.asl.json", "--manifest", "gone.toml"];
    refused(&project, &run, &["gone.toml", "--manifest"]);
}
