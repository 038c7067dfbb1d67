//! How many executions a second: printed, for people; nothing is asserted about time.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};
use stepyard_asl::Payload;
use stepyard_engine::{Config, Engine, SqliteStore};

use crate::support::{Functions, start, succeeded, task};

/// Run it with `--ignored --nocapture`, and `--release` for a figure that means something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn executions_a_second_of_five_passes_and_a_task_on_sqlite() {
    const CONCURRENT: usize = 200;
    const EACH: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db"), Default::default()).unwrap();
    let engine =
        Engine::new(Config { integrations: vec![Functions::echo()], ..Config::new(store) });
    let mut states = serde_json::Map::new();
    for number in 0..5 {
        let next = if number == 4 { "Pay".to_owned() } else { format!("Pass{}", number + 1) };
        states.insert(format!("Pass{number}"), json!({ "Type": "Pass", "Next": next }));
    }
    states.insert("Pay".to_owned(), task("Pay", json!({})));
    let prepared = Arc::new(start("e", Value::Object(states)));
    let began = Instant::now();
    let clients = (0..CONCURRENT).map(|client| {
        let (engine, prepared) = (engine.clone(), prepared.clone());
        tokio::spawn(async move {
            for round in 0..EACH {
                let mut start = (*prepared).clone();
                start.name = format!("e-{client}-{round}");
                start.input = Payload::from(json!({ "order_id": "12345", "quantity": round }));
                let started = engine.start(start).await.unwrap();
                succeeded(engine.wait(&started.arn).await.unwrap());
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    let executions = CONCURRENT * EACH;
    eprintln!(
        "{executions} executions in {seconds:.2} s: {:.0} a second",
        executions as f64 / seconds
    );
}
