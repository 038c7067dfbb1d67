//! The order's stack, as it is under `deploy/aws`.

use std::path::Path;

use expect_test::expect_file;

use super::{deploy, exported};
use crate::support::toolchains;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/aws/template.yaml");
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/aws/main.tf");

#[test]
fn the_stack_that_is_kept_is_what_export_writes() {
    expect_file![TEMPLATE].assert_eq(&exported(Path::new(deploy()), &["sam"]));
    expect_file![CONFIGURATION].assert_eq(&exported(Path::new(deploy()), &["terraform"]));
}

/// cfn-lint reads the template, and what SAM's own translator makes of it; the latter has all that
/// CloudFormation will make, and so more rules are about it.
#[test]
fn cfn_lint_finds_nothing_in_the_template() {
    let Some(tools) = toolchains::cloudformation() else { return };
    let script = include_str!("cloudformation.py");
    let found = tools.run("python", script, &["lint", TEMPLATE]);
    assert_eq!(found, serde_json::json!({"sam": [], "cloudformation": []}));

    // It would find something.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.yaml");
    let template = std::fs::read_to_string(TEMPLATE).unwrap();
    let wrong =
        template.replace("sns:Publish", "sns:Shout").replace("Timeout: 11", "Timeout: 1000");
    std::fs::write(&file, wrong).unwrap();
    let found = tools.run("python", script, &["lint", file.to_str().unwrap()]);
    let found: Vec<&str> =
        found["cloudformation"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    for rule in ["W3037: 'shout'", "E3717: 1000"] {
        assert!(found.iter().any(|it| it.starts_with(rule)), "{rule} is not in {found:?}");
    }
}

/// `terraform fmt` writes what HashiCorp's `hclwrite` formats; `terraform validate` needs the provider,
/// which no registry that tests reach has.
#[test]
fn the_configuration_is_laid_out_as_terraform_does() {
    let Some(tools) = toolchains::hcl() else { return };
    let read = tools.run("node", include_str!("hcl.js"), &[CONFIGURATION]);
    expect_file![CONFIGURATION].assert_eq(read["formatted"].as_str().unwrap());
    let resources = read["read"]["resource"].as_object().unwrap();
    let count = |kind: &str| resources[kind].as_object().unwrap().len();
    assert_eq!((count("aws_lambda_function"), count("aws_sfn_state_machine")), (4, 1));
    assert_eq!(
        (count("aws_iam_role"), count("aws_dynamodb_table"), count("aws_sns_topic")),
        (5, 2, 1)
    );
}
