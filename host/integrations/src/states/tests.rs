use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use stepyard_asl::{CommandId, EventType, Parent, Payload, StatesError, Status, Timestamp};
use stepyard_engine::{
    Completion, Config, Custody, Engine, Identity, MachineArn, MachineType, MemoryStore,
    NewStateMachine, Quotas, Request, Selection, Store, Tags,
    clock::{SeededEntropy, VirtualClock},
};

use super::States;

/// An engine that starts executions of its own machines, each of which is there by its name.
struct Bench {
    engine: Engine,
    clock: VirtualClock,
    store: MemoryStore,
}

impl Bench {
    async fn new() -> Self {
        let clock = VirtualClock::manual(Timestamp::from_millis(1_795_381_457_000));
        let bench = Self::on(clock, MemoryStore::new(Quotas::default()));
        let alone = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
        let (pass, sleep) = (
            json!({"Type": "Pass", "End": true}),
            |seconds: u64| json!({"Type": "Wait", "Seconds": seconds, "End": true}),
        );
        let fail = json!({"Type": "Fail", "Error": "Broken", "Cause": "as told"});
        bench.register("echo", MachineType::Standard, alone("Echo", pass.clone())).await;
        bench.register("fail", MachineType::Standard, alone("Fail", fail)).await;
        bench.register("sleep", MachineType::Standard, alone("Sleep", sleep(100))).await;
        bench.register("express", MachineType::Express, alone("Echo", pass)).await;
        bench
    }

    fn on(clock: VirtualClock, store: MemoryStore) -> Self {
        Self::with(clock, store, None)
    }

    fn with(clock: VirtualClock, store: MemoryStore, custody: Option<Custody>) -> Self {
        let engine = Engine::new(Config {
            integrations: vec![Arc::new(States)],
            custody,
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(1)),
            ..Config::new(store.clone())
        });
        Self { engine, clock, store }
    }

    /// The same store and clock, taken care of by another engine.
    async fn kept(self) -> Self {
        let Self { engine, clock, store } = self;
        engine.shutdown().await;
        drop(engine);
        Self::with(clock, store, Some(Custody::default()))
    }

    async fn until_rests(&self, arns: &[&str]) {
        while !arns.iter().all(|arn| self.store.execution(arn).unwrap().is_some_and(|it| it.rests))
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn register(&self, name: &str, kind: MachineType, definition: Value) {
        let new = NewStateMachine {
            arn: machine(name),
            name: name.to_owned(),
            definition: definition.to_string().into(),
            role: "arn:aws:iam::123456789012:role/shop".to_owned(),
            kind,
            logging: "".into(),
            tracing: false,
            publish: None,
            tags: Tags::new(),
        };
        self.engine.create_state_machine(new).await.unwrap();
    }

    /// Starts an execution of a machine whose only Task has `resource` and `parameters`.
    async fn start(&self, resource: &str, parameters: Value) -> String {
        let resource = format!("arn:aws:states:::{resource}");
        let task =
            json!({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": true});
        let definition = json!({"StartAt": "Call", "States": {"Call": task}});
        self.register("parent", MachineType::Standard, definition).await;
        self.start_named("parent", "p", json!({}), None).await
    }

    async fn start_named(
        &self,
        name: &str,
        execution: &str,
        input: Value,
        parent: Option<Parent>,
    ) -> String {
        let machine = MachineArn::parse(&machine(name)).unwrap();
        let (name, input) = (execution.to_owned(), Payload::from(input));
        let request = Request { machine, name, input, trace: None, parent };
        let (_, start) = self.engine.prepare(request).await.unwrap();
        self.engine.start(start).await.unwrap().arn.to_string()
    }

    /// What a call of `resource` with `parameters` comes to.
    async fn call(resource: &str, parameters: Value) -> Result<Value, StatesError> {
        let bench = Self::new().await;
        let arn = bench.start(resource, parameters).await;
        bench.result(&arn).await
    }

    async fn result(&self, arn: &str) -> Result<Value, StatesError> {
        match self.engine.wait(arn).await.unwrap() {
            Status::Succeeded { output } => Ok(output.value().clone()),
            Status::Failed { error } => Err(error),
            other => panic!("it ended {other:?}"),
        }
    }

    async fn status(&self, arn: &str) -> &'static str {
        self.engine.describe(arn).await.unwrap().execution.status.name()
    }

    /// Waits until an execution stands so.
    async fn until(&self, arn: &str, event: EventType) {
        let mut events = self.engine.watch(arn).await.unwrap();
        while events.next().await.unwrap().kind != event {}
    }
}

fn machine(name: &str) -> String {
    Identity::default().state_machine(name).unwrap()
}

fn execution(machine: &str, name: &str) -> String {
    Identity::default().execution(machine, name).unwrap().to_string()
}

fn of(name: &str, more: Value) -> Value {
    let mut parameters = json!({"StateMachineArn": machine(name)});
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parameters
}

#[tokio::test]
async fn an_execution_is_started_and_its_arn_answered() {
    let child = of("echo", json!({"Name": "c", "Input": {"a": 1}}));
    let answer = Bench::call("states:startExecution", child.clone()).await.unwrap();
    assert_eq!(answer["ExecutionArn"], execution("echo", "c"));
    assert_eq!(answer["StartDate"], "2026-11-22T21:04:17.000Z");
    assert_eq!(answer["SdkHttpMetadata"]["HttpStatusCode"], 200);
    let answer = Bench::call("aws-sdk:sfn:startExecution", child).await.unwrap();
    let expected =
        json!({"ExecutionArn": execution("echo", "c"), "StartDate": "2026-11-22T21:04:17.000Z"});
    assert_eq!(answer, expected);
    let answer = Bench::call("states:startExecution", of("express", json!({"Name": "c"}))).await;
    let arn = answer.unwrap()["ExecutionArn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:states:us-east-1:123456789012:express:express:c:"), "{arn}");
}

#[tokio::test]
async fn an_input_is_any_json_or_the_text_of_one() {
    for (given, input) in [
        (json!({}), json!({})),
        (json!({"Input": null}), json!({})),
        (json!({"Input": {"a": [1]}}), json!({"a": [1]})),
        (json!({"Input": "{\"a\": 2}"}), json!({"a": 2})),
        (json!({"Input": "\"text\""}), json!("text")),
    ] {
        let answer = Bench::call("states:startExecution.sync:2", of("echo", given.clone())).await;
        let answer = answer.unwrap();
        assert_eq!((&answer["Input"], &answer["Output"]), (&input, &input), "{given}");
    }
}

#[tokio::test]
async fn a_job_is_the_execution_with_its_data_as_texts_or_parsed() {
    let child = of("echo", json!({"Name": "c", "Input": {"a": 1}}));
    let job = Bench::call("states:startExecution.sync", child.clone()).await.unwrap();
    let expected = json!({
        "ExecutionArn": execution("echo", "c"),
        "Input": "{\"a\":1}",
        "InputDetails": {"Included": true},
        "Name": "c",
        "Output": "{\"a\":1}",
        "OutputDetails": {"Included": true},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "StartDate": "2026-11-22T21:04:17.000Z",
        "StateMachineArn": machine("echo"),
        "Status": "SUCCEEDED",
        "StopDate": "2026-11-22T21:04:17.000Z",
    });
    assert_eq!(job.to_string(), expected.to_string());
    let parsed = Bench::call("states:startExecution.sync:2", child).await.unwrap();
    assert_eq!(parsed["Output"], json!({"a": 1}));
    assert_eq!(parsed.as_object().unwrap().len(), expected.as_object().unwrap().len());
}

#[tokio::test]
async fn a_job_that_did_not_succeed_fails_the_task_and_is_its_cause() {
    let child = of("fail", json!({"Name": "c"}));
    let error = Bench::call("states:startExecution.sync", child).await.unwrap_err();
    assert_eq!(error.name(), "States.TaskFailed");
    let cause: Value = serde_json::from_str(&error.cause.unwrap()).unwrap();
    let told = ["Status", "Error", "Cause", "RedriveStatus"].map(|name| cause[name].clone());
    assert_eq!(told, ["FAILED", "Broken", "as told", "REDRIVABLE"].map(Value::from));
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_in_the_words_of_step_functions() {
    let taken = of("echo", json!({"Name": "taken", "Input": {"other": true}}));
    for (parameters, exception, message) in [
        (
            of("none", json!({})),
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{}'", machine("none")),
        ),
        (
            json!({"StateMachineArn": "echo"}),
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: echo'".to_owned(),
        ),
        (of("echo", json!({"Name": "a b"})), "InvalidName", "Invalid Name: 'a b'".to_owned()),
        (
            taken,
            "ExecutionAlreadyExists",
            format!("Execution Already Exists: '{}'", execution("echo", "taken")),
        ),
        (
            of("echo", json!({"Name": "taken"})),
            "ExecutionAlreadyExists",
            format!("Execution Already Exists: '{}'", execution("echo", "taken")),
        ),
    ] {
        for (resource, prefix, name) in [
            (
                "states:startExecution",
                "StepFunctions",
                "(Service: AWSStepFunctions; Status Code: 400; ",
            ),
            ("aws-sdk:sfn:startExecution", "Sfn", "(Service: Sfn, Status Code: 400, "),
        ] {
            let bench = Bench::new().await;
            let first = bench.start_named("echo", "taken", json!({}), None).await;
            bench.engine.wait(&first).await.unwrap();
            let arn = bench.start(resource, parameters.clone()).await;
            let error = bench.result(&arn).await.unwrap_err();
            assert_eq!(error.name(), format!("{prefix}.{exception}Exception"));
            let cause = error.cause.unwrap();
            assert!(cause.starts_with(&format!("{message} {name}")), "{cause}");
        }
    }
    let input = of("echo", json!({"Input": "not json"}));
    let error = Bench::call("states:startExecution", input).await.unwrap_err();
    assert_eq!(error.name(), "StepFunctions.InvalidExecutionInputException");
    let express = of("express", json!({}));
    let error = Bench::call("states:startExecution.sync", express).await.unwrap_err();
    assert_eq!(error.name(), "StepFunctions.StateMachineTypeNotSupportedException");
}

#[tokio::test]
async fn a_task_performed_again_finds_the_execution_that_it_started() {
    let bench = Bench::new().await;
    let task: CommandId = "1.0:task".parse().unwrap();
    let parent = Parent { execution: execution("parent", "p"), task, map_run: None };
    let child = bench.start_named("echo", "c", json!({}), Some(parent)).await;
    bench.engine.wait(&child).await.unwrap();
    let arn = bench.start("states:startExecution", of("echo", json!({"Name": "c"}))).await;
    assert_eq!(bench.result(&arn).await.unwrap()["ExecutionArn"], child);
}

#[tokio::test]
async fn a_job_is_stopped_with_its_task() {
    let bench = Bench::new().await;
    let arn = bench.start("states:startExecution.sync", of("sleep", json!({"Name": "c"}))).await;
    bench.until(&arn, EventType::TaskSubmitted).await;
    let child = execution("sleep", "c");
    assert_eq!(bench.status(&child).await, "RUNNING");
    bench.engine.stop(&arn, StatesError::default()).await.unwrap();
    let ended = bench.engine.wait(&child).await.unwrap();
    assert_eq!(ended, Status::Aborted { error: StatesError::default() });
}

#[tokio::test]
async fn an_execution_that_somebody_else_started_is_not_stopped() {
    let bench = Bench::new().await;
    let child = bench.start_named("sleep", "c", json!({}), None).await;
    let arn = bench.start("states:startExecution.sync", of("sleep", json!({"Name": "c"}))).await;
    bench.until(&arn, EventType::TaskSubmitted).await;
    bench.engine.stop(&arn, StatesError::default()).await.unwrap();
    bench.clock.advance_millis(100_000);
    assert!(matches!(bench.engine.wait(&child).await.unwrap(), Status::Succeeded { .. }));
}

#[tokio::test]
async fn a_job_whose_task_was_completed_by_its_token_goes_on() {
    let bench = Bench::new().await;
    let child = of("sleep", json!({"Name": "c", "Input": {"token.$": "$$.Task.Token"}}));
    let arn = bench.start("states:startExecution.sync", child).await;
    bench.until(&arn, EventType::TaskSubmitted).await;
    let child = execution("sleep", "c");
    let input = bench.engine.describe(&child).await.unwrap().execution.input;
    let token = input.value()["token"].as_str().unwrap();
    let answer = Completion::Succeeded(json!("early").into());
    bench.engine.complete_task(token, answer).await.unwrap();
    assert_eq!(bench.result(&arn).await, Ok(json!("early")));
    bench.clock.advance_millis(100_000);
    assert!(matches!(bench.engine.wait(&child).await.unwrap(), Status::Succeeded { .. }));
}

#[tokio::test]
async fn a_job_is_followed_again_after_its_engine_ended() {
    let bench = Bench::new().await;
    let arn = bench.start("states:startExecution.sync:2", of("sleep", json!({"Name": "c"}))).await;
    bench.until(&arn, EventType::TaskSubmitted).await;
    let Bench { engine, clock, store } = bench;
    engine.shutdown().await;
    drop(engine);

    let bench = Bench::on(clock, store);
    let unfinished = Selection { status: Some("RUNNING".to_owned()), ..Selection::default() };
    for execution in bench.engine.list(unfinished).await.unwrap() {
        bench.engine.resume(&execution.arn).await.unwrap();
    }
    bench.clock.advance_millis(100_000);
    let job = bench.result(&arn).await.unwrap();
    assert_eq!((&job["Name"], &job["Status"]), (&json!("c"), &json!("SUCCEEDED")));
    let events = bench.engine.history(&arn).await.unwrap();
    let submitted = events.iter().filter(|event| event.kind == EventType::TaskSubmitted);
    assert_eq!(submitted.count(), 1, "the job is not submitted again");
}

#[tokio::test]
async fn one_that_waits_for_a_job_rests_and_goes_on_when_that_is_over() {
    let bench = Bench::new().await.kept().await;
    let job = |name: &str| of("sleep", json!({"Name": name}));
    let arn = bench.start("states:startExecution.sync:2", job("c")).await;
    let child = execution("sleep", "c");
    bench.until_rests(&[&arn, &child]).await;
    // Neither is in memory: the next engine finds both, and each other.
    let bench = bench.kept().await;
    bench.clock.advance_millis(100_000);
    let job = bench.result(&arn).await.unwrap();
    assert_eq!((&job["Name"], &job["Status"]), (&json!("c"), &json!("SUCCEEDED")));
    assert_eq!(bench.store.waiting(&child, 0, 9), Ok(vec![]));
}

#[tokio::test]
async fn a_job_that_ended_while_nobody_told_its_task_is_found() {
    let bench = Bench::new().await.kept().await;
    let arn = bench.start("states:startExecution.sync", of("sleep", json!({"Name": "c"}))).await;
    let child = execution("sleep", "c");
    bench.until_rests(&[&arn, &child]).await;
    let Bench { engine, clock, store } = bench;
    engine.shutdown().await;
    drop(engine);
    // This engine has no custody of the store, and so leaves alone what it was not told to go on with.
    let bench = Bench::on(clock, store);
    bench.engine.resume(&child).await.unwrap();
    bench.clock.advance_millis(100_000);
    assert!(matches!(bench.engine.wait(&child).await.unwrap(), Status::Succeeded { .. }));
    assert_eq!(bench.status(&arn).await, "RUNNING");
    let bench = bench.kept().await;
    assert_eq!(bench.result(&arn).await.unwrap()["Status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_job_is_stopped_with_its_task_though_both_rest() {
    let bench = Bench::new().await.kept().await;
    let arn = bench.start("states:startExecution.sync", of("sleep", json!({"Name": "c"}))).await;
    let child = execution("sleep", "c");
    bench.until_rests(&[&arn, &child]).await;
    bench.engine.stop(&arn, StatesError::default()).await.unwrap();
    assert!(matches!(bench.engine.wait(&child).await.unwrap(), Status::Aborted { .. }));
}
