//! What `stepyard export` refuses: a template that would not work, or would allow more than is needed.

use serde_json::json;

use crate::support::Project;

const ONE: &str = "[functions.A]\nstep = \"a.wasm\"\n";

/// A definition that calls `A`.
fn definition(function: &str) -> String {
    json!({"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function}}}})
    .to_string()
}

#[track_caller]
fn check(manifest: &str, definition: &str, arguments: &[&str], expected: &str) {
    let project = Project::with_manifest(manifest);
    project.write("w.asl.json", definition);
    let refused = project.stepyard([&["export", "sam"][..], arguments].concat());
    let message = refused.refusal().trim_end();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn what_a_function_on_lambda_does_not_have_is_refused() {
    let check = |manifest: &str, expected: &str| {
        check(manifest, &definition("A"), &["w.asl.json"], expected)
    };
    check(
        &format!("{ONE}grants = {{ keyvalue = [\"b\"] }}\n"),
        "error: bucket `b`, granted to A, is kept in the data directory, and a function on AWS Lambda has none: add \
         [dynamodb], or store = \"dynamodb\" to [keyvalue.b]",
    );
    check(
        &format!("{ONE}grants = {{ mail = [\"*\"] }}\n"),
        "error: the mail of A is kept in the data directory, and a function on AWS Lambda has none: add ses = true, or \
         smtp, to [mail]",
    );
    check(
        &format!("{ONE}grants = {{ mail = [\"*\"] }}\n[mail]\nses = true\n"),
        "error: A may send mail by Amazon SES, and its role needs to know as whom: add identity = \"…\" to [mail], the \
         address or domain that is verified in SES",
    );
    check(
        &format!(
            "{ONE}[[functions.A.grants.http]]\nurl = \"https://h/\"\nheaders = {{ X = \"{{K}}\" }}\n[secrets.K]\nenv = \"K\"\n"
        ),
        "error: secret `K` for the grant http of A is no secret of AWS Secrets Manager, and a template holds no secrets: \
         write secretsmanager = \"its name or ARN\" in [secrets.K]",
    );
}

#[test]
fn what_is_not_known_of_a_workflow_is_asked_for_with_its_place() {
    let computed = definition("A").replace("\"FunctionName\":\"A\"", "\"FunctionName.$\":\"$.f\"");
    check(
        ONE,
        &computed,
        &["w.asl.json"],
        "The role needs to know FunctionName, which is computed when the state runs",
    );
    check(ONE, &computed, &["w.asl.json"], "targets = { \"Call\" = [\"…\"] } in [workflows.NAME]");
    check(
        &format!(
            "{ONE}[workflows.w]\ndefinition = \"w.asl.json\"\ntargets = {{ Cal = [\"A\"] }}\n"
        ),
        &computed,
        &[],
        "stepyard.toml: targets of workflow `w` names `Cal`, which is none of its Task states",
    );
    check(ONE, &definition("B"), &["w.asl.json"], "Nothing is bound to the function `B`");
    check(
        ONE,
        &definition("A"),
        &[],
        "stepyard.toml names no workflow: name a definition, or add [workflows.NAME]",
    );
    check(ONE, &definition("A"), &["no.asl.json"], "error: reading no.asl.json: ");
}

#[test]
fn one_function_has_one_workflow() {
    let two = format!(
        "{ONE}[workflows.v]\ndefinition = \"w.asl.json\"\n[workflows.w]\ndefinition = \"w.asl.json\"\n"
    );
    check(
        &two,
        &definition("A"),
        &["--one-function"],
        "error: one function has one workflow: name its file",
    );
}
