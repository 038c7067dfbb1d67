//! A definition that loops without end holds up nobody.

use futures::future;
use serde_json::{Value, json};
use stepyard_asl::{EventType, Status};
use stepyard_engine::{Store, clock::VirtualClock};

use crate::{
    slow::Slow,
    support::{Functions, START, engine, failed, settle, start},
};

/// A loop that asks nobody.
fn looping() -> Value {
    json!({
        "Round": { "Type": "Pass", "Next": "Again" },
        "Again": { "Type": "Choice", "Default": "Round",
            "Choices": [{ "Variable": "$.stop", "IsPresent": true, "Next": "Stop" }] },
        "Stop": { "Type": "Succeed" } })
}

#[tokio::test]
async fn others_come_to_their_end_while_one_loops() {
    let (store, clock) = (Slow::new(0, usize::MAX), VirtualClock::new(START));
    let first = engine(Functions::echo(), clock.clone(), store.clone());
    let short = json!({ "Done": { "Type": "Succeed" } });
    let (long, short, ()) = future::join3(
        first.start(start("long", looping())),
        first.start(start("short", short)),
        // As many commits as a few turns make.
        async { store.through.add_permits(5) },
    )
    .await;
    let (long, short) = (long.unwrap().arn, short.unwrap().arn);
    settle().await;
    let status = |arn| store.inner.execution(arn).unwrap().unwrap().status;
    assert!(matches!(status(&short), Status::Succeeded { .. }), "{:?}", status(&short));
    assert_eq!(status(&long), Status::Running);
    assert!((2..8).contains(&store.inner.facts(&long).unwrap().len()));

    // And an engine that ends meanwhile leaves what was done.
    drop(first);
    settle().await;
    let second = engine(Functions::echo(), clock, store.inner);
    second.resume(&long).await.unwrap();
    let error = failed(second.wait(&long).await.unwrap());
    assert!(error.cause.unwrap().contains("25000"));
    let history = second.history(&long).await.unwrap();
    let ids: Vec<_> = history.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=25_000).collect::<Vec<_>>());
    assert_eq!(history.last().unwrap().kind, EventType::ExecutionFailed);
}
