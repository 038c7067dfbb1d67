//! What a fuzz target tries of a text, and what must hold whatever the text is. Here the seeds are tried;
//! `fuzz/targets` has the same functions, and chance writes the texts.

use std::sync::Arc;

use serde_json::{Value, json};
use stepyard_asl::{
    Command, Execution, Fact, FactKind, Graph, Payload, Snippet, StateMachine, StatesError, Status,
    Timestamp, variable_references,
};

/// How many facts an execution is told at most.
const FACTS_MAX: i64 = 64;

/// A definition is refused with reasons; or it is accepted again however its JSON is written, drawn and
/// run.
pub(crate) fn definition(text: &str) {
    let machine = match StateMachine::parse(text) {
        Ok(machine) => machine,
        Err(found) => {
            assert!(!found.is_empty(), "it is refused without a reason");
            for problem in found {
                assert!(!problem.message.is_empty() && !problem.mend.is_empty(), "{problem:?}");
            }
            return;
        }
    };
    let value: Value = serde_json::from_str(text).expect("a definition is JSON");
    let again = StateMachine::parse(&value.to_string()).expect("it is accepted when written anew");
    assert_eq!(format!("{machine:?}"), format!("{again:?}"));
    StateMachine::recall(text).expect("what is accepted is accepted again");
    variable_references(text);
    Graph::read(&value).to_svg(None);
    run(&Arc::new(machine), text);
}

/// A path or an intrinsic call in the first line, and the JSON that it is evaluated on.
pub(crate) fn expression(text: &str) {
    let (first, input) = parts(text);
    if let Ok(snippet) = Snippet::expression(first) {
        evaluate(&snippet, &input);
    }
}

/// A JSONata expression, and after a line `---` the JSON that it is evaluated on.
pub(crate) fn jsonata(text: &str) {
    let (expression, input) = text.split_once("\n---\n").unwrap_or((text, "null"));
    if let Ok(snippet) = Snippet::jsonata(expression) {
        evaluate(&snippet, &serde_json::from_str(input).unwrap_or_default());
    }
}

fn parts(text: &str) -> (&str, Value) {
    let (first, input) = text.split_once('\n').unwrap_or((text, "null"));
    (first, serde_json::from_str(input).unwrap_or_default())
}

/// The same input gives the same value, and that can be written as JSON and read again.
fn evaluate(snippet: &Snippet, input: &Value) {
    let value = snippet.evaluate(input);
    assert_eq!(value, snippet.evaluate(input));
    match value {
        Ok(value) => {
            assert_eq!(serde_json::from_str::<Value>(&value.to_string()).ok(), Some(value))
        }
        Err(error) => assert!(error.name().starts_with("States."), "{error:?}"),
    }
}

/// Runs a machine whose tasks succeed and fail by turns: it ends, or waits when the world has told
/// enough, and is the same when its journal or a checkpoint tells it.
fn run(machine: &Arc<StateMachine>, definition: &str) {
    let mut execution = Execution::new(machine.clone());
    let mut journal = vec![Fact::new(Timestamp::default(), started())];
    execution.step(&journal[0]);
    for number in 1..FACTS_MAX {
        let outstanding = execution.outstanding();
        let Some(command) = outstanding.first() else { break };
        check_children(command, definition);
        let kind = answer(command, number);
        journal.push(Fact::new(Timestamp::from_millis(number * 1_000), kind));
        execution.step(&journal[journal.len() - 1]);
    }
    if *execution.status() != Status::Running {
        assert!(execution.outstanding().is_empty(), "what is over waits for nothing");
    }
    assert_eq!(Execution::replay(machine.clone(), &journal), execution);
    let restored = Execution::restore(machine.clone(), &execution.checkpoint());
    assert_eq!(restored.as_ref(), Some(&execution));
}

/// What the children of a Map Run run is a state machine by itself, in the query language of its whole.
pub(crate) fn check_children(command: &Command, definition: &str) {
    let Command::ScheduleTask(task) = command else { return };
    let Some(run) = &task.map_run else { return };
    let text = run.definition(definition).expect("it has an item processor");
    if let Err(found) = StateMachine::parse(&text) {
        panic!("{found:#?}\n{text}");
    }
}

fn answer(command: &Command, number: i64) -> FactKind {
    match command {
        Command::ScheduleTask(task) if number % 3 == 0 => FactKind::TaskFailed {
            task: task.task.clone(),
            error: StatesError::new("Boom", "as it was its turn"),
            version: None,
        },
        Command::ScheduleTask(task) => FactKind::TaskSucceeded {
            task: task.task.clone(),
            output: task.input.clone(),
            version: None,
        },
        Command::StartTimer { timer, .. } => FactKind::timer_fired(timer.clone()),
        Command::Cancel { .. } | Command::Finish { .. } => {
            unreachable!("these are not waited for")
        }
    }
}

fn started() -> FactKind {
    FactKind::ExecutionStarted {
        id: "arn:aws:states:us-east-1:123456789012:execution:tried:one".to_owned(),
        name: "one".to_owned(),
        role: "arn:aws:iam::123456789012:role/tried".to_owned(),
        machine: "arn:aws:states:us-east-1:123456789012:stateMachine:tried".to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: Payload::from(json!({"n": 1, "a": {"b": [1, "two", null]}, "items": [1, 2, 3]})),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    }
}
