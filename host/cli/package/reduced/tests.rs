//! What of a manifest is packaged, as text to be read.

use std::path::Path;

use expect_test::{Expect, expect};

use super::*;

const ORDER: &str = include_str!("../../../../stepyard.toml");

fn parse(text: &str) -> Manifest {
    Manifest::parse(Path::new("stepyard.toml"), text).unwrap()
}

/// What is packaged for these functions; of the workflow `order`, too, where its tasks call services.
fn reduce(text: &str, functions: &[&str], services: Option<&[&str]>) -> Result<String> {
    let manifest = parse(text);
    let functions: Vec<_> =
        functions.iter().map(|name| (*name, &manifest.functions[*name])).collect();
    let uses = Uses::of(&manifest, &functions);
    let uses = match services {
        Some(services) => {
            let aws_functions = manifest.aws_functions.keys().map(String::as_str);
            uses.with_workflow("order", services.iter().copied(), aws_functions)
        }
        None => uses,
    };
    uses.reduce(text, &manifest)
}

fn check(text: &str, functions: &[&str], expected: Expect) {
    let reduced = reduce(text, functions, None).unwrap();
    parse(&reduced);
    expected.assert_eq(&reduced);
}

#[test]
fn every_section_of_a_manifest_is_chosen_from_kept_or_left() {
    let unknown = Manifest::parse(Path::new("stepyard.toml"), "unknown = 1\n").unwrap_err();
    let unknown = unknown.to_string();
    let (_, sections) = unknown.split_once("expected one of ").unwrap();
    let mut sections: Vec<&str> = sections.split(", ").map(|it| it.trim_matches('`')).collect();
    sections.sort_unstable();
    let mut known = [CHOSEN, KEPT, LEFT].concat();
    known.sort_unstable();
    assert_eq!(sections, known, "say of a new section whether it goes into packages");
}

#[test]
fn a_step_that_is_granted_nothing_needs_nothing() {
    check(ORDER, &["ReceiveOrder"], expect![[r#""#]]);
}

#[test]
fn a_grant_brings_what_it_leads_to() {
    check(ORDER, &["ChargePayment"], expect![[r#""#]]);
    let shop = r#"# The shop.
[redis]
url = "redis://h"
password = "R"

[mail]
smtp = "smtp://h"
password = "M"

[functions.A]
step = "a"
grants = { keyvalue = ["b"], mail = ["*"] }
canary = { errors_max = 0.5 }

[functions.B]
step = "b"

[keyvalue.b]
quota_mib = 1 # small
seed = { x = 1 }

[keyvalue.c.seed]
y = 2

[secrets]
R.env = "R"
M.env = "M"
X.env = "X"

[aws]
region = "eu-west-1"

[aws.sqs]
region = "us-east-1"
"#;
    check(shop, &["A"], expect![[r#""#]]);
}

#[test]
fn a_workflow_brings_all_its_functions_and_where_its_tasks_go() {
    let more = "
[functions.Archive]
aws = true

[sns]
delivery = \"aws\"

[aws]
access_key = { id = \"AKID\", secret = \"AWS\" }

[aws.lambda]
region = \"eu-west-1\"

[aws.sqs]
region = \"eu-west-1\"

[secrets.AWS]
env = \"AWS\"

[secrets.OTHER]
env = \"OTHER\"

[connections.Stripe]
url = \"https://api.stripe.com/\"
basic = { username = \"u\", password = \"STRIPE_KEY\" }

[serve]
hosts = [\"h\"]

[execution]
role = \"r\"
";
    let text = format!("{ORDER}{more}");
    let services = ["lambda", "sns"];
    let reduced = reduce(&text, &["ReceiveOrder", "ChargePayment"], Some(&services)).unwrap();
    parse(&reduced);
    expect![[r#""#]].assert_eq(&reduced);
    let reduced = reduce(&text, &["ReceiveOrder"], Some(&["http"])).unwrap();
    assert!(reduced.contains("[connections.Stripe]") && reduced.contains("[secrets.STRIPE_KEY]"));
}

#[test]
fn a_secret_in_a_file_stays_behind_and_says_so() {
    let text = |path: &str| {
        format!(
            "[functions.A]\nstep = \"a\"\n[[functions.A.grants.http]]\nurl = \"http://h/\"\n\
             headers = {{ X = \"Bearer {{K}}\" }}\n[secrets.K]\nfile = \"{path}\"\n"
        )
    };
    let refused = reduce(&text("key"), &["A"], None).unwrap_err().to_string();
    expect![[r#""#]].assert_eq(&refused);
    assert!(reduce(&text("/mnt/key"), &["A"], None).unwrap().contains("[secrets.K]"));
}
