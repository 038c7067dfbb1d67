//! The other commands, as a user meets them.

use std::fs;

use serde_json::Value;

use crate::support::{Project, Server, components, order};

#[test]
fn every_command_has_a_help_of_its_own() {
    let project = Project::with_manifest("");
    for command in
        ["run", "validate", "graph", "export", "seed", "step", "history", "topics", "completions"]
    {
        let shown = project.stepyard([command, "--help"]);
        assert_eq!(shown.code, Some(0), "{command}");
        assert!(shown.stdout.contains("Usage: stepyard"), "{}", shown.stdout);
    }
    let nothing = project.stepyard([]);
    assert_eq!(nothing.code, Some(2));
}

#[test]
fn the_order_workflow_is_valid() {
    let finished = Project::with_manifest("").stepyard(["validate", "workflow.asl.json"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

#[test]
fn all_mistakes_of_a_definition_are_reported_at_once() {
    let project = Project::with_manifest("");
    let definition = r#"{
  "StartAt": "A",
  "States": {
    "A": { "Type": "Pass", "Nxt": "B" },
    "B": { "Type": "Wait", "Seconds": -1, "Next": "C" }
  }
}"#;
    project.write("bad.asl.json", definition);
    let finished = project.stepyard(["validate", "bad.asl.json"]);
    let message = finished.refusal();
    for expected in ["bad.asl.json:4:28", "bad.asl.json:5:39", "bad.asl.json:5:", "help: "] {
        assert!(message.contains(expected), "{expected} is not in {message}");
    }
}

#[test]
fn a_drawing_shows_the_path_that_an_execution_took() {
    let project = Project::order().warm();
    let input = order("1").to_string();
    project.stepyard(["run", "workflow.asl.json", "--name", "one", "--input", &input]).output();
    let draw = |more: &[&str]| {
        let arguments = ["graph", "workflow.asl.json"].into_iter().chain(more.iter().copied());
        let drawn = project.stepyard(arguments);
        assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
        drawn.stdout
    };
    let (plain, taken) = (draw(&[]), draw(&["--execution", "one"]));
    assert!(plain.starts_with("<svg") && plain.contains("ReleaseReservation"), "{plain}");
    assert_ne!(plain, taken, "the path is highlighted");
    assert!(draw(&["--format", "mermaid"]).starts_with("flowchart"));
    assert!(draw(&["--format", "dot"]).starts_with("digraph"));
    draw(&["--output", "order.svg"]);
    assert_eq!(fs::read_to_string(project.path("order.svg")).unwrap().trim(), plain.trim());
}

#[test]
fn a_step_is_inspected_with_the_grants_it_has() {
    let project = Project::order();
    let inspect = |step: &str| {
        let shown = project.stepyard(["step", "inspect", step]);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        shown.stdout
    };
    let granted = inspect("SendConfirmation");
    assert!(granted.contains("stepyard:step/handler@1.0.0#invoke"), "{granted}");
    let mail = |text: &str| text.lines().find(|line| line.contains("/mail@")).map(str::to_owned);
    assert!(mail(&granted).unwrap().ends_with("granted"), "{granted}");
    let alone = inspect(components()["steps/confirm"].to_str().unwrap());
    assert!(mail(&alone).unwrap().contains("needs the grant mail"), "{alone}");
    assert_eq!(
        mail(&inspect("ReceiveOrder")),
        None,
        "what a step does not use, it does not import"
    );
}

#[test]
fn an_inspection_shows_what_is_granted_and_what_is_published() {
    let project = Project::order_with(|text| {
        text.replace(
            "[functions.CheckInventory.grants]",
            "[functions.CheckInventory.grants]\nmail = [\"*\"]",
        )
        .replace("[workflows.order]", "[workflows.order]\npin_steps = true")
    })
    .warm();
    let inspect = |function: &str| project.stepyard(["step", "inspect", function]).stdout;
    let section = |text: &str, name: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|line| *line != name).skip(1);
        lines.take_while(|line| line.starts_with("  ")).map(|it| it.trim().to_owned()).collect()
    };
    assert_eq!(
        section(&inspect("CheckInventory"), "grants"),
        ["keyvalue   inventory (read and write)", "mail       *; the step does not import it"]
    );
    assert_eq!(
        section(&inspect("ChargePayment"), "grants"),
        [
            "keyvalue   ledger (read and write)",
            "config     no settings",
            "http       GET, POST https://api.stripe.com/v1, Authorization from the secret STRIPE_KEY",
        ]
    );
    assert!(section(&inspect("CheckInventory"), "versions").is_empty(), "nothing has run yet");

    let server = Server::start(&project);
    assert_eq!(server.terminate(), Some(0));
    let versions = section(&inspect("CheckInventory"), "versions");
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert!(versions[0].starts_with("$LATEST ") && versions[1].starts_with("1 "), "{versions:?}");
    let shown = project.stepyard(["step", "inspect", "CheckInventory", "--json"]).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["versions"][1]["sha256"], shown["sha256"]);
    assert_eq!(shown["grants"][0]["what"], "inventory (read and write)");
}

#[test]
fn a_function_is_bound_to_another_component_by_the_manifest_alone() {
    // The step that receives orders, in the place of the one that confirms them.
    let confirm = components()["steps/confirm"].to_str().unwrap();
    let receive = components()["steps/receive"].to_str().unwrap();
    let project = Project::order_with(|text| text.replace(confirm, receive)).warm();
    let finished = project.run(&order("1"));
    // It has every field that an order needs, so it takes it; but it sends nothing.
    assert!(finished.failure().contains("message_id"), "{}", finished.stderr);
    assert!(project.mail().is_empty());
}

#[test]
fn seeds_are_written_where_a_key_is_absent() {
    let project = Project::order().warm();
    let seed = || {
        let seeded = project.stepyard(["seed"]);
        assert_eq!(seeded.code, Some(0), "{}", seeded.stderr);
        seeded.stdout
    };
    assert_eq!(
        seed(),
        "inventory (data directory)  product/sku-001  written\n\
         inventory (data directory)  product/sku-002  written\n"
    );
    project.run(&order("1")).output();
    assert_eq!(seed().matches("stands as it was").count(), 2);
    assert!(project.run(&order("2")).output()["inventory"]["available"].as_bool().unwrap());
    let server = Server::start(&project);
    let refused = project.stepyard(["seed"]);
    assert!(refused.refusal().contains("another stepyard is at work on"), "{}", refused.stderr);
    drop(server);
    let nothing = Project::with_manifest("").stepyard(["seed"]);
    assert_eq!(nothing.stdout, "the manifest has no seeds\n", "{}", nothing.stderr);
}
