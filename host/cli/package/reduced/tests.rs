//! What of a manifest is packaged.

use std::path::Path;

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

/// That this is packaged, and no more: as tables, whatever form they are written in.
#[track_caller]
fn check(reduced: &str, expected: &str) {
    parse(reduced);
    let tables = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(tables(reduced), tables(expected), "{reduced}");
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
    let reduced = reduce(ORDER, &["ReceiveOrder"], None).unwrap();
    check(&reduced, "[functions.ReceiveOrder]\nstep = \"components/ReceiveOrder.cwasm\"\n");
}

#[test]
fn a_grant_brings_its_secret_and_what_was_said_about_it() {
    let reduced = reduce(ORDER, &["ChargePayment"], None).unwrap();
    let expected = r#"
[functions.ChargePayment]
step = "components/ChargePayment.cwasm"
limits = { wall_seconds = 28 }

[functions.ChargePayment.grants]
keyvalue = ["ledger"]
config = {}

[[functions.ChargePayment.grants.http]]
url = "https://api.stripe.com/v1/"
methods = ["GET", "POST"]
headers = { Authorization = "Bearer {STRIPE_KEY}" }

[secrets.STRIPE_KEY]
env = "STRIPE_KEY"
"#;
    check(&reduced, expected);
    assert!(reduced.contains("# The host puts the key in; the step never sees it."), "{reduced}");
}

const SHOP: &str = r#"
[redis]
url = "redis://h"
password = "R"

[mail]
smtp = "smtp://h"
password = "M"

[functions.A]
step = "a"
grants = { keyvalue = ["b"], mail = ["*"] }
canary = { errors = 0.5 }

[functions.B]
step = "b"
grants = { keyvalue = ["d"] }

[keyvalue.b]
quota_mib = 1
seed = { x = 1 }

[keyvalue.c.seed]
y = 2

[keyvalue.d]
store = "dynamodb"

[dynamodb]
table_prefix = "shop-"

[secrets]
R.env = "R"
M.env = "M"
X.env = "X"

[aws]
region = "eu-west-1"

[aws.dynamodb]
region = "eu-west-2"
"#;

#[test]
fn a_bucket_brings_where_it_is_kept_and_not_what_is_in_it() {
    let shop = SHOP.replace("[keyvalue.b]\n", "[keyvalue.b]\nstore = \"redis\"\n");
    let shop =
        shop.replace("[keyvalue.c.seed]\n", "[keyvalue.c]\nstore = \"redis\"\n[keyvalue.c.seed]\n");
    let reduced = reduce(&shop, &["A"], None).unwrap();
    let expected = r#"
functions.A = { step = "components/A.cwasm", grants = { keyvalue = ["b"], mail = ["*"] } }
keyvalue.b = { quota_mib = 1, store = "redis" }
redis = { url = "redis://h", password = "R" }
mail = { smtp = "smtp://h", password = "M" }
secrets = { R = { env = "R" }, M = { env = "M" } }
aws.region = "eu-west-1"
"#;
    check(&reduced, expected);
    let reduced = reduce(&shop, &["B"], None).unwrap();
    let expected = r#"
functions.B = { step = "components/B.cwasm", grants = { keyvalue = ["d"] } }
keyvalue.d.store = "dynamodb"
dynamodb.table_prefix = "shop-"
aws = { region = "eu-west-1", dynamodb = { region = "eu-west-2" } }
"#;
    check(&reduced, expected);
}

const MORE: &str = r#"
[functions.Archive]
aws = true

[sns]
delivery = "aws"

[aws]
access_key = { id = "AKID", secret = "AWS" }

[aws.lambda]
region = "eu-west-1"

[aws.sqs]
region = "eu-west-1"

[secrets.AWS]
env = "AWS"

[secrets.OTHER]
env = "OTHER"

[connections.Stripe]
url = "https://api.stripe.com/"
basic = { username = "u", password = "STRIPE_KEY" }

[serve]
hosts = ["h"]

[execution]
role = "r"
"#;

#[test]
fn a_workflow_brings_all_its_functions_and_where_its_tasks_go() {
    let text = format!("{ORDER}{MORE}");
    let reduced = reduce(&text, &["ReceiveOrder"], Some(&["lambda", "sns"])).unwrap();
    let expected = r#"
functions.ReceiveOrder.step = "components/ReceiveOrder.cwasm"
functions.Archive.aws = true
sns.delivery = "aws"
execution.role = "r"
aws = { access_key = { id = "AKID", secret = "AWS" }, lambda = { region = "eu-west-1" } }
secrets.AWS.env = "AWS"
workflows.order.definition = "workflow.asl.json"
"#;
    check(&reduced, expected);
    let reduced = reduce(&text, &["ReceiveOrder"], Some(&["http"])).unwrap();
    assert!(reduced.contains("[connections.Stripe]"), "{reduced}");
    assert!(reduced.contains("[secrets.STRIPE_KEY]"), "{reduced}");
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
    assert!(refused.starts_with("secret `K` is read from a file beside the manifest"), "{refused}");
    assert!(reduce(&text("/mnt/key"), &["A"], None).unwrap().contains("[secrets.K]"));
}
