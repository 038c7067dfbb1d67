//! Components built at the first landing run as they are: what they export and import, and what they kept
//! in buckets, still means the same.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{Project, ROOT, components, order, python::python};

/// The order project on the three steps of the first landing; the inventory step is today's, and both work
/// on one product.
fn project(change: impl FnOnce(String) -> String) -> Project {
    Project::order_with(|manifest| {
        let old = |manifest: String, name: &str| {
            let today = &components()[&format!("steps/{name}")];
            let fixture = Path::new(ROOT).join(format!("tests/first_landing/{name}.wasm"));
            let bound = manifest.replace(&format!("{today:?}"), &format!("{fixture:?}"));
            assert_ne!(bound, manifest, "{name} is bound to the fixture");
            bound
        };
        change(["receive", "payment", "confirm"].into_iter().fold(manifest, old))
    })
}

#[test]
fn the_order_runs_on_the_components_of_the_first_landing() {
    let project = project(|manifest| manifest);
    let output = project.run(&order("first")).output();
    assert_eq!(output["inventory"]["available"], true);
    assert_eq!(project.mail().len(), 1);
    assert_eq!(project.notifications().len(), 1);
    // The same order again is charged and sold once, by what the first run left in the buckets.
    let again = project.run(&order("first")).output();
    assert_eq!(again["payment"], output["payment"]);
    assert_eq!(project.mail().len(), 1);
}

#[test]
fn the_payment_step_of_the_first_landing_charges_at_a_gateway() {
    let Some(python) = python() else { return };
    let gateway = python.stripe();
    let project = project(|text| {
        let url = gateway.url();
        let text = text.replace("config = {}", &format!("config = {{ gateway_url = \"{url}\" }}"));
        text.replace("https://api.stripe.com/v1/", &format!("{url}/v1/"))
    });
    let input = order("first").to_string();
    let run = ["run", "workflow.asl.json", "--input", &input];
    let output = project.stepyard_with(run, &[("STRIPE_KEY", "sk_test_12345")]).output();
    let charge = output["payment"]["charge_id"].as_str().unwrap();
    assert!(charge.starts_with("ch_"), "localstripe made it: {charge}");
}

#[test]
fn the_components_of_the_first_landing_are_steps_of_this_contract() {
    for name in ["receive", "payment", "confirm"] {
        let file = format!("{ROOT}/tests/first_landing/{name}.wasm");
        let project = project(|manifest| manifest);
        let shown = project.stepyard(["step", "inspect", &file, "--json"]);
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        assert_eq!(shown["step"], true, "{name}: {shown}");
        let bytes = fs::metadata(&file).unwrap().len();
        assert_eq!(shown["bytes"], bytes);
    }
}
