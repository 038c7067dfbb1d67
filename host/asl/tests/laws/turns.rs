//! A fact that leads far leads there in turns: what a step holds is bounded, and all else is as if it had led
//! there at once.

use std::sync::Arc;

use serde_json::{Value, json};
use stepyard_asl::{
    Command, CommandId, CommandKind, EventType, Execution, Fact, FactKind, HistoryEvent, Payload,
    StateMachine, StatesError, Status, Step,
};

use crate::facts::{fact, parse, started, succeeded};

/// One turn's events, and those of the state that it comes to last.
const EVENTS_MAX: usize = 600;

/// An execution, its journal and its history.
struct Told {
    machine: Arc<StateMachine>,
    execution: Execution,
    journal: Vec<Fact>,
    history: Vec<HistoryEvent>,
}

impl Told {
    fn new(machine: &Value, input: &Value) -> (Self, Step) {
        Self::begun(machine, started("execution", input, 1))
    }

    fn begun(machine: &Value, first: FactKind) -> (Self, Step) {
        let machine = parse(machine);
        let execution = Execution::new(machine.clone());
        let (journal, history) = (Vec::new(), Vec::new());
        let mut told = Self { machine, execution, journal, history };
        let step = told.tell(first);
        (told, step)
    }

    fn tell(&mut self, kind: FactKind) -> Step {
        let fact = fact(self.journal.len() as i64, kind);
        let step = self.execution.step(&fact);
        self.journal.push(fact);
        self.history.extend(step.history.iter().cloned());
        step
    }

    /// Takes turns for as long as there are any; gives the last step.
    fn take_turns(&mut self, mut step: Step) -> Step {
        while let Some(turn) = turn_in(&step) {
            step = self.tell(FactKind::timer_fired(turn));
        }
        step
    }

    /// What it came to is what its journal and its checkpoint come to.
    #[track_caller]
    fn check(&self) {
        assert_eq!(Execution::replay(self.machine.clone(), &self.journal), self.execution);
        let restored = Execution::restore(self.machine.clone(), &self.execution.checkpoint());
        assert_eq!(restored.as_ref(), Some(&self.execution));
    }

    fn count(&self, kind: EventType) -> usize {
        self.history.iter().filter(|it| it.kind == kind).count()
    }

    /// The history without moments.
    fn events(&self) -> Vec<(u64, u64, EventType)> {
        self.history.iter().map(|it| (it.id, it.previous_event_id, it.kind)).collect()
    }
}

fn turn_in(step: &Step) -> Option<CommandId> {
    step.commands.iter().find_map(|command| match command {
        Command::StartTimer { timer, .. } if timer.kind() == CommandKind::Turn => {
            Some(timer.clone())
        }
        _ => None,
    })
}

fn task_in(step: &Step) -> Option<CommandId> {
    step.commands.iter().find_map(|command| match command {
        Command::ScheduleTask(task) => Some(task.task.clone()),
        _ => None,
    })
}

/// A state by whose loop so many rounds are made.
fn rounds(count: u32) -> Value {
    json!({
        "Round": {"Type": "Pass", "Next": "Enough",
            "Parameters": {"n.$": "States.MathAdd($.n, 1)", "pad.$": "$.pad"}},
        "Enough": {"Type": "Choice", "Default": "Round",
            "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": count, "Next": "Done"}]},
        "Done": {"Type": "Succeed"}})
}

fn looping(count: u32) -> Value {
    json!({"StartAt": "Round", "States": rounds(count)})
}

#[test]
fn what_comes_of_it_is_the_same_as_at_once() {
    let input = json!({"n": 0, "pad": ""});
    let mut early = started("execution", &input, 1);
    let FactKind::ExecutionStarted { edition, .. } = &mut early else { unreachable!() };
    *edition = 0;
    let (at_once, _) = Told::begun(&looping(2_000), early);
    assert_eq!(at_once.journal.len(), 1);

    let (mut told, step) = Told::new(&looping(2_000), &input);
    assert!(turn_in(&step).is_some());
    told.check();
    told.take_turns(step);
    told.check();
    assert!(told.journal.len() > 10, "{}", told.journal.len());
    assert_eq!(told.events(), at_once.events());
    assert_eq!(told.execution.status(), at_once.execution.status());
}

#[test]
fn a_turn_is_full_of_events_or_of_bytes() {
    for (pad, turns) in [(0, 45..60), (200_000, 900..2_000)] {
        let input = json!({"n": 0, "pad": "x".repeat(pad)});
        let (mut told, mut step) = Told::new(&looping(100_000), &input);
        while let Some(turn) = turn_in(&step) {
            let payloads = step.history.iter().map(|it| [&it.details.input, &it.details.output]);
            let bytes: usize = payloads.flatten().flatten().map(Payload::len).sum();
            assert!(bytes < 5 << 20 && step.history.len() < EVENTS_MAX);
            step = told.tell(FactKind::timer_fired(turn));
            // The journal is checked elsewhere, and is long.
            told.history.clear();
        }
        assert!(turns.contains(&told.journal.len()), "{}", told.journal.len());
        let Status::Failed { error } = told.execution.status() else {
            panic!("{:?}", told.execution.status())
        };
        assert!(error.cause.as_ref().is_some_and(|cause| cause.contains("25000")), "{error:?}");
    }
}

#[test]
fn others_have_their_say_between_turns() {
    let mut wide = json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true,
        "Branches": [
            {"StartAt": "Round", "States": rounds(2_000)},
            {"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": true,
                "Resource": "arn:aws:states:::lambda:invoke"}}}]}}});
    wide["TimeoutSeconds"] = json!(60);
    let (mut told, step) = Told::new(&wide, &json!({"n": 0, "pad": ""}));
    // The branch that loops is put off, and in the next turn the other is the first.
    let step = told.tell(FactKind::timer_fired(turn_in(&step).unwrap()));
    let (turn, task) = (turn_in(&step).unwrap(), task_in(&step).unwrap());
    assert_eq!(step.history[1].kind, EventType::TaskScheduled);
    let step = told.tell(succeeded(&task, json!("done")));
    assert!(step.history.len() < 10 && turn_in(&step).is_none(), "{step:?}");
    told.check();
    // Once is enough, and late is no fault.
    let step = told.tell(succeeded(&task, json!("again")));
    assert_eq!(step, Step::default());
    let step = told.tell(FactKind::timer_fired(turn.clone()));
    let late = told.tell(FactKind::timer_fired(turn));
    assert_eq!(late, Step::default());
    told.take_turns(step);
    told.check();
    let Status::Succeeded { output } = told.execution.status() else {
        panic!("{:?}", told.execution.status())
    };
    assert_eq!(output.value()[0]["n"], 2_000);
    assert_eq!(output.value()[1], "done");
}

#[test]
fn what_is_stopped_between_turns_is_redriven_there() {
    let (mut told, step) = Told::new(&looping(2_000), &json!({"n": 0, "pad": ""}));
    let turn = turn_in(&step).unwrap();
    let step = told.tell(FactKind::ExecutionAborted { error: StatesError::default() });
    assert!(step.commands.iter().any(|it| *it == Command::Cancel { command: turn.clone() }));
    assert_eq!(told.execution.positions().count(), 0);
    let late = told.tell(FactKind::timer_fired(turn.clone()));
    assert_eq!(late, Step::default());
    told.check();
    let step = told.tell(FactKind::ExecutionRedriven { client_token: None });
    assert_ne!(turn_in(&step).unwrap(), turn);
    told.take_turns(step);
    told.check();
    let Status::Succeeded { output } = told.execution.status() else {
        panic!("{:?}", told.execution.status())
    };
    assert_eq!(output.value()["n"], 2_000);
    // No round was made twice.
    assert_eq!(told.count(EventType::PassStateEntered), 2_000);
}

#[test]
fn a_failure_stops_what_waits_for_its_turn() {
    let caught = json!({"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "End": true,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
            "Branches": [
                {"StartAt": "Round", "States": rounds(2_000)},
                {"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": true,
                    "Resource": "arn:aws:states:::lambda:invoke"}}}]},
        "Caught": {"Type": "Succeed"}}});
    let (mut told, step) = Told::new(&caught, &json!({"n": 0, "pad": ""}));
    let step = told.tell(FactKind::timer_fired(turn_in(&step).unwrap()));
    let (turn, task) = (turn_in(&step).unwrap(), task_in(&step).unwrap());
    let error = StatesError::new("Oops", "");
    told.tell(FactKind::TaskFailed { task, error, version: None });
    assert!(matches!(told.execution.status(), Status::Succeeded { .. }));
    assert_eq!(told.tell(FactKind::timer_fired(turn)), Step::default());
    told.check();
}

/// A Parallel of these branches.
fn parallel(branches: Vec<Value>) -> Value {
    json!({"Type": "Parallel", "Branches": branches, "Next": "After",
        "Catch": [{"ErrorEquals": ["Caught"], "Next": "After"}]})
}

#[test]
fn what_is_late_between_turns_is_late_and_no_more() {
    let branch = |number: usize, then: &str| {
        json!({"StartAt": format!("Wait{number}"), "States": {
            format!("Wait{number}"): {"Type": "Wait", "Seconds": 1, "Next": format!("Then{number}")},
            format!("Then{number}"): {"Type": then, "Error": "Caught"}}})
    };
    let waits = (1..=600).map(|number| {
        let mut branch = branch(number, "Succeed");
        branch["States"][format!("Then{number}")].as_object_mut().unwrap().remove("Error");
        branch
    });
    let branches = [branch(0, "Fail")].into_iter().chain(waits).collect();
    let machine = json!({"StartAt": "All", "States": {
        "All": parallel(branches), "After": {"Type": "Succeed"}}});
    let (mut told, step) = Told::new(&machine, &json!({}));
    told.take_turns(step);
    let waits: Vec<_> =
        told.execution.outstanding().into_iter().filter_map(|it| it.id().cloned()).collect();
    assert_eq!(waits.len(), 601);
    let step = told.tell(FactKind::timer_fired(waits[0].clone()));
    assert!(turn_in(&step).is_some(), "the catcher's target is put off");
    for late in &waits[1..3] {
        assert_eq!(told.tell(FactKind::timer_fired(late.clone())), Step::default());
    }
    told.check();
    told.take_turns(step);
    assert!(matches!(told.execution.status(), Status::Succeeded { .. }));
    told.check();
}

#[test]
fn what_fails_within_a_turn_is_redriven_where_each_branch_stood() {
    let looping = |number: usize, count: u32, last: Value| {
        let inner = json!({"StartAt": format!("Inner{number}"), "States": {
            format!("Inner{number}"): {"Type": "Pass", "End": true}}});
        json!({"StartAt": format!("Round{number}"), "States": {
            format!("Round{number}"): {"Type": "Pass", "Next": format!("Both{number}"),
                "Parameters": {"n.$": "States.MathAdd($.n, 1)"}},
            format!("Both{number}"): {"Type": "Parallel", "Branches": [inner],
                "ResultPath": null, "Next": format!("Enough{number}")},
            format!("Enough{number}"): {"Type": "Choice", "Default": format!("Round{number}"),
                "Choices": [{"Variable": "$.n", "NumericGreaterThanEquals": count,
                    "Next": format!("Done{number}")}]},
            format!("Done{number}"): last}})
    };
    let fails = json!({"Type": "Fail", "Error": "Oops"});
    let branches = vec![
        looping(1, 300, json!({"Type": "Succeed"})),
        looping(2, 30, fails),
        looping(3, 200, json!({"Type": "Succeed"})),
    ];
    let machine = json!({"StartAt": "All", "States": {
        "All": parallel(branches), "After": {"Type": "Succeed"}}});
    let (mut told, step) = Told::new(&machine, &json!({"n": 0}));
    let mut step = told.take_turns(step);
    for redrives in 0..3 {
        assert!(matches!(told.execution.status(), Status::Failed { .. }), "{redrives}");
        told.check();
        for (entered, exited) in [
            (EventType::PassStateEntered, EventType::PassStateExited),
            (EventType::ChoiceStateEntered, EventType::ChoiceStateExited),
        ] {
            let (entered, exited) = (told.count(entered), told.count(exited));
            assert_eq!(entered, exited, "after {redrives} redrives");
        }
        step = told.tell(FactKind::ExecutionRedriven { client_token: None });
        step = told.take_turns(step);
    }
    assert!(turn_in(&step).is_none());
}
