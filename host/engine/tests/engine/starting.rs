//! Starting: names, inputs, and the same start again.

use serde_json::{Value, json};
use stepyard_asl::{PAYLOAD_BYTES_MAX, Payload, Status};
use stepyard_engine::{EngineError, Standing, StartError};

use crate::support::{Bench, Functions, START, start, task};

fn pay() -> Value {
    json!({ "Pay": task("Pay", json!({})) })
}

#[tokio::test]
async fn the_same_start_again_is_the_same_execution() {
    let bench = Bench::manual(Functions::hang());
    let first = bench.start(pay()).await;
    assert_eq!((first.standing, first.started_at), (Standing::New, START));
    bench.clock.advance_millis(10);
    let again = bench.start(pay()).await;
    assert_eq!((&again.arn, again.started_at), (&first.arn, START));
    assert_eq!(again.standing, Standing::Running);

    let bench = bench.restart(Functions::echo()).await;
    assert_eq!(bench.start(pay()).await.standing, Standing::Interrupted);
    let interrupted = EngineError::Interrupted { arn: first.arn.to_string() };
    assert_eq!(bench.engine.wait(&first.arn).await, Err(interrupted));
    bench.engine.resume(&first.arn).await.unwrap();
    let status = bench.engine.wait(&first.arn).await.unwrap();
    let again = bench.start(pay()).await;
    assert_eq!((again.standing, again.started_at), (Standing::Finished(status), START));
}

#[tokio::test]
async fn a_name_stands_for_one_input() {
    let bench = Bench::new(Functions::echo());
    let arn = bench.start(pay()).await.arn;
    for _ in ["while it runs", "when it is over"] {
        let other = bench.engine.start(stepyard_engine::StartExecution {
            input: json!({ "order": 2 }).into(),
            ..start("e", pay())
        });
        let exists = StartError::ExecutionAlreadyExists { arn: arn.clone() };
        assert_eq!(other.await, Err(exists));
        bench.engine.wait(&arn).await.unwrap();
    }
    let mut elsewhere = start("e", pay());
    elsewhere.machine_arn = elsewhere.machine_arn.replace("orders", "returns");
    elsewhere.input = json!(2).into();
    assert_eq!(bench.engine.start(elsewhere).await.unwrap().standing, Standing::New);
}

#[tokio::test]
async fn of_equal_starts_at_the_same_time_one_begins_the_execution() {
    let bench = Bench::new(Functions::echo());
    let starts = (0..50).map(|_| bench.engine.start(start("e", pay())));
    let started = futures::future::join_all(starts).await;
    let new = started.iter().filter(|it| it.as_ref().unwrap().standing == Standing::New);
    assert_eq!(new.count(), 1);
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let bench = Bench::new(Functions::echo());
    let refused = async |start| bench.engine.start(start).await.unwrap_err().to_string();
    let named = refused(start("a b", pay())).await;
    assert!(named.starts_with("`a b` cannot be a name: give 1 to 80 characters"), "{named}");
    let mut nowhere = start("e", pay());
    nowhere.machine_arn = "orders".to_owned();
    let expected = "`orders` is not the unqualified ARN of a state machine";
    assert_eq!(refused(nowhere).await, expected);
    let sized = |bytes: usize| {
        let input = Payload::parse(format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
        stepyard_engine::StartExecution { input, ..start("e", pay()) }
    };
    let expected = "the input has 262145 bytes, more than the 262144 an execution takes";
    assert_eq!(refused(sized(PAYLOAD_BYTES_MAX + 1)).await, expected);
    let arn = bench.engine.start(sized(PAYLOAD_BYTES_MAX)).await.unwrap().arn;
    assert!(matches!(bench.engine.wait(&arn).await, Ok(Status::Succeeded { .. })));
}
