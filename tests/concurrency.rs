//! Many orders at once, on one stock.

use std::{fs, path::Path, sync::Arc};

use futures::future::join_all;
use serde_json::Value;
use stepyard::{
    manifest::Manifest,
    wiring::{self, Stepyard},
};
use stepyard_asl::{StateMachine, Status};
use stepyard_engine::StartExecution;

use crate::support::{ROOT, components, order, python::python};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_for_a_hundred_pieces_sell_exactly_a_hundred() {
    let project = tempfile::tempdir().unwrap();
    components();
    let stepyard = open("", &project.path().join("data")).await;
    let statuses = join_all((0..200).map(|number| run(&stepyard, number))).await;
    assert_sold_out(&statuses, &stepyard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_that_share_redis_sell_exactly_a_hundred() {
    let Some(redis) = python().and_then(|it| it.redis(&[])) else { return };
    let project = tempfile::tempdir().unwrap();
    components();
    let section = format!("\n[redis]\nurl = \"{}\"\n", redis.url());
    let hosts = [
        open(&section, &project.path().join("one")).await,
        open(&section, &project.path().join("other")).await,
    ];
    let statuses = join_all((0..200).map(|number| run(&hosts[number % 2], number))).await;
    assert_sold_out(&statuses, &hosts[0]).await;
}

/// The order project, with this at the end of its manifest.
async fn open(section: &str, data: &Path) -> Stepyard {
    let file = Path::new(ROOT).join("stepyard.toml");
    let text = fs::read_to_string(&file).unwrap() + section;
    let manifest = Manifest::parse(&file, &text).unwrap();
    let stamps = Path::new(ROOT).join(".stepyard/steps");
    let steps = wiring::step_specs(&manifest, |_| true, &stamps).unwrap();
    Stepyard::open(&manifest, steps, data).await.unwrap()
}

async fn assert_sold_out(statuses: &[Status], stepyard: &Stepyard) {
    let sold = statuses.iter().filter(|it| matches!(it, Status::Succeeded { .. })).count();
    let errors = statuses.iter().filter_map(|status| match status {
        Status::Failed { error } => Some(error.name()),
        _ => None,
    });
    assert_eq!((sold, errors.filter(|error| *error == "InventoryFailed").count()), (100, 100));
    let stock = stepyard.keyvalue.get("inventory", "product/sku-001").await.unwrap().unwrap();
    let stock: Value = serde_json::from_slice(&stock).unwrap();
    assert_eq!((&stock["available"], &stock["sold"]), (&0.into(), &100.into()), "{stock}");
    assert_eq!(stock["reservations"], serde_json::json!({}), "{stock}");
}

async fn run(stepyard: &Stepyard, number: usize) -> Status {
    let definition = fs::read_to_string(Path::new(ROOT).join("workflow.asl.json")).unwrap();
    let start = StartExecution {
        machine: Arc::new(StateMachine::parse(&definition).unwrap()),
        definition: definition.into(),
        machine_arn: stepyard.identity.state_machine("workflow").unwrap(),
        name: format!("order-{number}"),
        input: order(&format!("c-{number}")).into(),
        role: String::new(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        pins: None,
        logging: None,
        configuration: None,
    };
    let started = stepyard.engine.start(start).await.unwrap();
    stepyard.engine.wait(&started.arn).await.unwrap()
}
