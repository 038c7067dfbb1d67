//! What the engine counts.

use serde_json::{Value, json};
use stepyard_asl::{EventType, Payload, StatesError};
use stepyard_engine::{Outcome, measures::Executions};

use crate::support::{Bench, Functions, settle, start, task};

fn function(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:123456789012:function:{name}")
}

fn fail_or_echo() -> std::sync::Arc<Functions> {
    Functions::new(|task| async move {
        match task.input.value()["fail"].as_bool() {
            Some(true) => Outcome::failed(StatesError::new("Bad", "as it was told")),
            _ => Outcome::done(task.input),
        }
    })
}

fn ended(executions: &Executions) -> Vec<(&'static str, u64)> {
    executions.ended().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn executions_and_tasks_are_counted_by_how_they_ended() {
    let bench = Bench::new(fail_or_echo());
    let wait = json!({ "Type": "Wait", "Seconds": 2, "Next": "Pay" });
    let states = json!({ "Nap": wait, "Pay": task("Pay", json!({})) });
    let run = async |name: &str, input: Value| {
        let mut start = start(name, states.clone());
        start.input = Payload::from(input);
        let arn = bench.engine.start(start).await.unwrap().arn;
        bench.engine.wait(&arn).await.unwrap();
    };
    run("good", json!({})).await;
    run("bad", json!({ "fail": true })).await;
    let (_, end) = bench.engine.start_express(start("quick", states.clone())).await.unwrap();
    end.await.unwrap();

    let measures = bench.engine.measures();
    assert_eq!(ended(&measures.standard), [("SUCCEEDED", 1), ("FAILED", 1)]);
    assert_eq!(ended(&measures.express), [("SUCCEEDED", 1)]);
    assert_eq!((measures.standard.started.get(), measures.standard.open()), (2, 0));
    // Both waited two seconds, which the virtual clock let pass.
    let times = measures.standard.duration.read();
    assert_eq!((times.count(), times.seconds.round()), (2, 4.0));

    let pay = measures.tasks.of(&function("Pay"));
    let outcomes: Vec<_> = pay.ended().filter(|(_, count)| *count > 0).collect();
    assert_eq!(outcomes, [("succeeded", 2), ("failed", 1)]);

    let events = |kind| measures.events.by_type().find(|(it, _)| *it == kind).unwrap().1;
    assert_eq!(events(EventType::WaitStateEntered), 3);
    assert_eq!(events(EventType::LambdaFunctionFailed), 1);
    assert_eq!(events(EventType::ExecutionAborted), 0);
}

#[tokio::test]
async fn what_is_unfinished_is_open_after_a_restart_too() {
    let bench = Bench::manual(Functions::hang());
    let arn = bench.start(json!({ "Pay": task("Pay", json!({})) })).await.arn;
    assert_eq!(bench.engine.measures().standard.open(), 1);

    let bench = bench.restart(Functions::echo()).await;
    settle().await;
    assert_eq!(bench.engine.measures().standard.open(), 1);
    bench.engine.resume(&arn).await.unwrap();
    bench.engine.wait(&arn).await.unwrap();
    let standard = &bench.engine.measures().standard;
    assert_eq!((standard.resumed.get(), standard.open()), (1, 0));
    assert_eq!(ended(standard), [("SUCCEEDED", 1)]);
}
