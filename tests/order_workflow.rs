//! The order workflow on its embedded defaults, by the real command.

use serde_json::{Value, json};

use crate::support::{Project, order};

/// The order with one field changed.
fn with(mut order: Value, field: &str, value: impl Into<Value>) -> Value {
    order[field] = value.into();
    order
}

#[test]
fn the_sample_order_is_confirmed_by_mail_and_notified_once() {
    let project = Project::order().warm();
    let output = project.run(&order("12345")).output();
    assert_eq!(output["order_id"], "12345");
    let mail = project.mail();
    assert_eq!(mail.len(), 1);
    assert!(mail[0].contains("To: user@example.com") && mail[0].contains("12345"), "{}", mail[0]);
    let notifications = project.notifications();
    assert_eq!(notifications.len(), 1, "{notifications:?}");
    let attributes = &notifications[0]["MessageAttributes"];
    assert_eq!(attributes["order_id"]["Value"], "12345");
    assert!(attributes["status"]["Value"].is_string());
    assert_eq!(
        notifications[0]["TopicArn"],
        "arn:aws:sns:us-east-1:123456789012:order-notifications"
    );
}

#[test]
fn an_order_that_is_out_of_stock_ends_in_inventory_failed() {
    let project = Project::order().warm();
    let finished = project.run(&with(order("1"), "product_id", "sku-002"));
    assert!(finished.failure().contains("Error: InventoryFailed"), "{}", finished.stderr);
    assert!(project.mail().is_empty() && project.notifications().is_empty());
}

#[test]
fn a_declined_card_ends_in_payment_failed_and_the_stock_is_back() {
    let project = Project::order().warm();
    let declined = with(with(order("1"), "payment_method", "tok_chargeDeclined"), "quantity", 100);
    let finished = project.run(&declined);
    assert!(finished.failure().contains("Error: PaymentFailed"), "{}", finished.stderr);
    assert!(finished.stderr.contains("CardDeclined"), "{}", finished.stderr);
    // All hundred are there again for another order.
    project.run(&with(order("2"), "quantity", 100)).output();
}

#[test]
fn an_invalid_order_names_every_bad_field() {
    let project = Project::order().warm();
    let bad = json!({"order_id": "", "quantity": 0, "customer_email": "nobody"});
    let finished = project.run(&bad);
    let message = finished.failure();
    assert!(message.contains("Error: InvalidOrder"), "{message}");
    for field in ["order_id", "product_id", "quantity", "customer_email"] {
        assert!(message.contains(field), "{field} is not named in {message}");
    }
}

#[test]
fn a_named_execution_is_performed_once() {
    let project = Project::order().warm();
    let run = |input: &Value| {
        project.stepyard([
            "run",
            "workflow.asl.json",
            "--name",
            "one",
            "--input",
            &input.to_string(),
        ])
    };
    let first = run(&order("7"));
    let again = run(&order("7"));
    assert_eq!(first.output(), again.output());
    assert_eq!(project.notifications().len(), 1);
    let other = run(&order("8"));
    assert!(other.refusal().contains("ExecutionAlreadyExists"), "{}", other.stderr);
}

#[test]
fn a_failed_named_execution_repeats_its_exit_code() {
    let project = Project::order().warm();
    let input = with(order("1"), "product_id", "sku-002").to_string();
    let arguments = ["run", "workflow.asl.json", "--name", "one", "--input", &input];
    let (first, again) = (project.stepyard(arguments), project.stepyard(arguments));
    first.failure();
    let error = again.failure();
    assert!(error.contains("InventoryFailed"), "{error}");
}

#[test]
fn one_order_is_reserved_and_charged_once_however_many_executions_run_it() {
    let project = Project::order().warm();
    let all = with(order("5"), "quantity", 100);
    let first = project.run(&all).output();
    let second = project.run(&all).output();
    assert_eq!(first["charge_id"], second["charge_id"]);
    assert_eq!(project.mail().len(), 1);
}

#[test]
fn the_history_is_awss() {
    let project = Project::order().warm();
    let input = order("1").to_string();
    project.stepyard(["run", "workflow.asl.json", "--name", "one", "--input", &input]).output();
    let history = project.history("one");
    let types: Vec<&str> = history.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let task =
        ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"];
    let choice = ["ChoiceStateEntered", "ChoiceStateExited"];
    let expected: Vec<&str> =
        [&["ExecutionStarted"][..], &task, &task, &choice, &task, &choice, &task, &task]
            .concat()
            .into_iter()
            .chain(["ExecutionSucceeded"])
            .collect();
    assert_eq!(types, expected);
}
