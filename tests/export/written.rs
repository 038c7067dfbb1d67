//! What `stepyard export` writes of things that the order's workflow does not have; and that both languages say
//! the same.

use std::{collections::BTreeMap, path::Path};

use expect_test::expect_file;
use serde_json::{Value, json};

use super::{deploy, exported, iam::texts, resources};
use crate::support::{Project, python::python, toolchains};

/// An alias, a computed name, an inner machine, a topic that keeps its order and one of another account, a log
/// group that is there, a read-only grant, limits.
fn various() -> Project {
    let project = Project::with_manifest(
        r#"[functions.pick-item]
step = "pick.wasm"
grants = { keyvalue = [{ bucket = "stock", access = "read" }, "shelf.v2"], mail = ["*@example.com", "a@b.example"] }
limits = { wall_seconds = 2.5, memory_mib = 200, concurrency = 5 }

[functions.pack]
step = "pack.wasm"

[dynamodb]
table_prefix = "shop."

[mail]
ses = true
identity = "shop@b.example"

[workflows.fulfil-orders]
definition = "fulfil.asl.json"
type = "EXPRESS"
targets = { Pack = ["pack"] }
logging = { level = "ALL", include_execution_data = true, destination = "arn:aws:logs:eu-west-1:210987654321:log-group:all:*" }
"#,
    );
    let task = |resource: &str, parameters: Value| {
        json!({"Type": "Task", "End": true, "Resource": format!("arn:aws:states:::{resource}"),
            "Parameters": parameters})
    };
    let own = |name: &str| {
        let part = |index| {
            format!("States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), {index})")
        };
        format!(
            "States.Format('arn:{{}}:sns:{{}}:{{}}:{name}', {}, {}, {})",
            part(1),
            part(3),
            part(4)
        )
    };
    let each = json!({"StartAt": "Pick", "States": {
        "Pick": task("lambda:invoke", json!({"FunctionName": "pick-item:live", "Payload.$": "$"}))}});
    let branch = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
    let topic = json!({"TopicArn.$": own("packed.fifo"), "Message": "m", "MessageGroupId": "g"});
    let other = json!({"TopicArn": "arn:aws:sns:eu-west-1:210987654321:audit", "Message": "m"});
    let definition = json!({"StartAt": "All", "States": {
    "All": {"Type": "Map", "ItemProcessor": each, "Next": "Rest"},
    "Rest": {"Type": "Parallel", "End": true, "Branches": [
        branch("Pack", task("lambda:invoke", json!({"FunctionName.$": "$.packer"}))),
        branch("Tell", task("sns:publish", topic)),
        branch("Audit", task("sns:publish", other)),
    ]}}});
    project.write("fulfil.asl.json", &definition.to_string());
    project
}

#[test]
fn every_kind_of_thing_is_written_in_both_languages() {
    let project = various();
    let arm = ["--arch", "arm64", "--packages", "zips"];
    let sam = exported(&project.path(""), &[&["sam"][..], &arm].concat());
    expect_file!["golden/various.yaml"].assert_eq(&sam);
    let terraform = exported(&project.path(""), &[&["terraform"][..], &arm].concat());
    expect_file!["golden/various.tf"].assert_eq(&terraform);
    let one = exported(
        Path::new(deploy()),
        &["sam", "--one-function", "../../workflow.asl.json", "--manifest", "stepyard.toml"],
    );
    expect_file!["golden/one_function.yaml"].assert_eq(&one);

    if let Some(tools) = toolchains::cloudformation() {
        let script = include_str!("cloudformation.py");
        for (name, text) in [("various.yaml", &sam), ("one.yaml", &one)] {
            let file = project.write(name, text);
            let found = tools.run("python", script, &["lint", file.to_str().unwrap()]);
            assert_eq!(found, json!({"sam": [], "cloudformation": []}), "{name}");
        }
    }
    if let Some(tools) = toolchains::hcl() {
        let file = project.write("main.tf", &terraform);
        let read = tools.run("node", include_str!("hcl.js"), &[file.to_str().unwrap()]);
        assert_eq!(read["formatted"].as_str().unwrap(), terraform);
    }
}

#[test]
fn a_template_names_files_as_they_are_found_from_where_it_is() {
    let project = various();
    let out = ["export", "sam", "--out", "cloud/here/template.yaml"];
    assert!(project.stepyard(out).refusal().contains("writing cloud/here/template.yaml"));
    std::fs::create_dir_all(project.path("cloud/here")).unwrap();
    let written = project.stepyard(out);
    assert_eq!((written.code, &*written.stdout), (Some(0), ""), "{written:?}");
    let template = std::fs::read_to_string(project.path("cloud/here/template.yaml")).unwrap();
    for text in ["DefinitionUri: \"../../fulfil.asl.json\"", "CodeUri: \"../../packages/pack.zip\""]
    {
        assert!(template.contains(text), "{text} is not in {template}");
    }
}

#[test]
fn both_languages_allow_the_same() {
    let (Some(python), Some(tools)) = (python(), toolchains::hcl()) else { return };
    let project = various();
    let folders = [project.path(""), Path::new(deploy()).to_owned()];
    for folder in folders {
        let template = project.write("t.yaml", &exported(&folder, &["sam"]));
        let configuration = project.write("m.tf", &exported(&folder, &["terraform"]));
        let script = include_str!("hcl.js");
        let read = tools.run("node", script, &[configuration.to_str().unwrap()]);
        let (one, other) = (of_sam(&resources(python, &template)), of_terraform(&read["read"]));
        assert!(one.len() > 2, "{one:?}");
        assert_eq!(one, other);
    }
}

/// What a policy has in a statement of this name: actions, resources, conditions.
type Allowed = BTreeMap<String, (Vec<String>, Vec<String>, BTreeMap<String, Vec<String>>)>;

fn list(element: &Value) -> Vec<String> {
    texts(element).into_iter().map(str::to_owned).collect()
}

/// The policies of a template's roles, without their names.
fn of_sam(resources: &Value) -> Vec<Allowed> {
    let roles = resources.as_object().unwrap().values().filter(|it| it["Type"] == "AWS::IAM::Role");
    let policy = |role: &Value| -> Allowed {
        let statements = &role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        let statement = |it: &Value| {
            let mut conditions = BTreeMap::new();
            for (operator, keys) in
                it.get("Condition").and_then(Value::as_object).into_iter().flatten()
            {
                for (key, values) in keys.as_object().unwrap() {
                    conditions.insert(format!("{operator} {key}"), list(values));
                }
            }
            let sid = it["Sid"].as_str().unwrap().to_owned();
            (sid, (list(&it["Action"]), list(&it["Resource"]), conditions))
        };
        statements.as_array().unwrap().iter().map(statement).collect()
    };
    let mut policies: Vec<Allowed> = roles.map(policy).collect();
    policies.sort();
    policies
}

/// Those of a configuration, where each document that is no trust policy is a role's.
fn of_terraform(read: &Value) -> Vec<Allowed> {
    let documents = read["data"]["aws_iam_policy_document"].as_object().unwrap().iter();
    let here = |value: &Value| {
        let text = value.to_string();
        let text =
            text.replace("${local.partition}", "aws").replace("${local.region}", "us-east-1");
        serde_json::from_str::<Value>(&text.replace("${local.account}", "123456789012")).unwrap()
    };
    let policy = |document: &Value| -> Allowed {
        let statement = |it: &Value| {
            let conditions = it.get("condition").and_then(Value::as_array).into_iter().flatten();
            let condition = |it: &Value| {
                let (test, key) = (it["test"].as_str().unwrap(), it["variable"].as_str().unwrap());
                (format!("{test} {key}"), list(&here(&it["values"])))
            };
            let sid = it["sid"].as_str().unwrap().to_owned();
            let resources = list(&here(&it["resources"]));
            (sid, (list(&it["actions"]), resources, conditions.map(condition).collect()))
        };
        document[0]["statement"].as_array().unwrap().iter().map(statement).collect()
    };
    let policies = documents.filter(|(name, _)| !name.ends_with("_trust"));
    let mut policies: Vec<Allowed> = policies.map(|(_, document)| policy(document)).collect();
    policies.sort();
    policies
}
