//! A seeded world runs generated machines: it answers their commands in any order, well, badly,
//! late or twice. Whatever it does, an execution ends, leaves nothing under way, and replays.
//!
//! Long, for world and invariants only make sense together. The seed is the whole world, and a failure
//! prints it.

use std::{collections::BTreeMap, panic, sync::Arc};

use serde_json::json;
use stepyard_asl::{
    Command, CommandId, CommandKind, Execution, Fact, FactKind, HistoryEvent, ResourceKind, Rest,
    ScheduleTask, Span, StateMachine, StatesError, Status, Step, TaskStage,
};

use crate::{
    facts::{BEGIN, fact, parse, started, succeeded},
    generator,
    invariants::{check_history, check_spans},
    random::Random,
    trials::check_children,
};

/// More than any generated machine asks for.
const FACTS_MAX: usize = 3_000;

/// The world tires of failing, so that every machine ends.
const TROUBLES_MAX: usize = 40;

#[test]
fn every_seed_ends_and_replays() {
    let mut endings = BTreeMap::<_, u32>::new();
    for seed in 0..500 {
        let ending = panic::catch_unwind(|| World::new(seed).run());
        let ending = ending.unwrap_or_else(|_| panic!("seed {seed} fails"));
        *endings.entry(ending).or_default() += 1;
    }
    // A generator that only ever fails, or never does, tests little.
    for ending in ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] {
        assert!(endings.get(ending).is_some_and(|&count| count >= 10), "{endings:?}");
    }
}

#[test]
fn a_map_of_ten_thousand_items_does_the_same_work_for_each() {
    const ITEMS: usize = 10_000;
    let machine = parse(&json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true,
        "ItemProcessor": {"StartAt": "Do", "States": {"Do": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 9,
            "End": true}}}}}}));
    let items: Vec<_> = (0..ITEMS).collect();
    let mut execution = Execution::new(machine.clone());
    let mut journal = vec![fact(0, started("express", &json!(items), 1))];
    let mut step = execution.step(&journal[0]);
    let mut tasks: Vec<_> = step.commands.iter().filter_map(task_of).collect();
    assert_eq!(tasks.len(), 40);
    while let Some(task) = tasks.pop() {
        let output = task.input.value().clone();
        journal.push(fact(journal.len() as i64, succeeded(&task.task, output)));
        step = execution.step(&journal[journal.len() - 1]);
        assert!(step.commands.len() <= 43, "{} commands for one fact", step.commands.len());
        assert!(step.history.len() <= 10, "{} events for one fact", step.history.len());
        tasks.extend(step.commands.iter().filter_map(task_of));
    }
    assert_eq!(journal.len(), ITEMS + 1);
    assert_eq!(execution.event_count(), 7 * ITEMS as u64 + 6);
    let Status::Succeeded { output } = execution.status() else {
        panic!("{:?}", execution.status())
    };
    assert_eq!(output.value(), &json!(items));
    assert_eq!(Execution::replay(machine, &journal), execution);
}

/// One execution and all that it meets.
struct World {
    random: Random,
    definition: String,
    machine: Arc<StateMachine>,
    execution: Execution,
    journal: Vec<Fact>,
    history: Vec<HistoryEvent>,
    spans: Vec<Span>,
    /// What is under way, by the number under which it was issued.
    live: BTreeMap<usize, Command>,
    issued: usize,
    troubles: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let definition = generator::definition(&mut random);
        let machine = parse(&definition);
        let length = random.below(5);
        let input = json!({ "items": (0..length).collect::<Vec<_>>(), "n": random.below(3) });
        let execution = traced(Execution::new(machine.clone()));
        let journal = vec![fact(0, started("execution", &input, seed as u8))];
        let (history, spans, live) = (Vec::new(), Vec::new(), BTreeMap::new());
        let definition = definition.to_string();
        Self {
            random,
            definition,
            machine,
            execution,
            journal,
            history,
            spans,
            live,
            issued: 0,
            troubles: 0,
        }
    }

    /// Runs to the end and gives the status by name.
    fn run(mut self) -> String {
        loop {
            let fact = self.journal.last().expect("a journal begins with the start").clone();
            let step = self.execution.step(&fact);
            self.perform(step);
            self.check();
            if *self.execution.status() != Status::Running {
                return self.end();
            }
            assert!(self.journal.len() < FACTS_MAX, "the execution does not end");
            let next = self.next_fact(fact.at.as_millis());
            self.journal.push(next);
        }
    }

    fn perform(&mut self, step: Step) {
        self.history.extend(step.history);
        self.spans.extend(step.spans);
        for command in step.commands {
            match &command {
                Command::Finish { status } => {
                    assert_eq!(status, self.execution.status());
                    assert!(self.live.is_empty(), "{:?} is left", self.live);
                }
                Command::Cancel { command } => {
                    assert!(self.forget(command), "{command} is cancelled and was not live");
                }
                Command::ScheduleTask(_) | Command::StartTimer { .. } => {
                    check_children(&command, &self.definition);
                    let id = command.id().expect("work has an id");
                    assert!(self.number_of(id).is_none(), "{id} is issued twice");
                    self.issued += 1;
                    self.live.insert(self.issued, command);
                }
            }
        }
    }

    fn check(&self) {
        let live: Vec<_> = self.live.values().collect();
        assert_eq!(self.execution.outstanding(), live);
        if self.journal.len() < 12 || self.journal.len().is_multiple_of(16) {
            let replayed = Execution::replay(self.machine.clone(), &self.journal);
            assert_eq!(traced(replayed), self.execution);
            let checkpoint = self.execution.checkpoint();
            let restored = Execution::restore(self.machine.clone(), &checkpoint).map(traced);
            assert_eq!(restored.as_ref(), Some(&self.execution));
        }
        assert_eq!(self.execution.rest(), self.rest());
        for id in self.live.values().filter_map(Command::id) {
            self.check_limit(id);
        }
        let waiting = self.execution.positions().count();
        assert!(waiting > 0 || *self.execution.status() != Status::Running);
    }

    /// What rests has nothing to be done for it, and its first timer is the moment.
    fn rest(&self) -> Option<Rest> {
        let is_awaited = |task: &ScheduleTask| {
            *task.resource.kind() == ResourceKind::Activity
                || self.execution.task_stage(&task.task) == Some(TaskStage::Submitted)
        };
        let mut timers = Vec::new();
        for command in self.live.values() {
            match command {
                Command::StartTimer { at, .. } => timers.push(*at),
                Command::ScheduleTask(task) if is_awaited(task) => {}
                _ => return None,
            }
        }
        let is_over = *self.execution.status() != Status::Running;
        (!is_over).then(|| Rest { until: timers.into_iter().min() })
    }

    /// A task's limits are over when it is.
    fn check_limit(&self, id: &CommandId) {
        if let CommandKind::Timeout | CommandKind::Heartbeat = id.kind() {
            let text = id.to_string();
            let (place, _) = text.split_once(':').expect("an id names its kind");
            let task = format!("{place}:task").parse().unwrap();
            assert!(self.number_of(&task).is_some(), "{id} outlives its task");
        }
    }

    fn end(self) -> String {
        let written = serde_json::to_string(&self.journal).unwrap();
        let read: Vec<Fact> = serde_json::from_str(&written).unwrap();
        let mut replayed = traced(Execution::new(self.machine.clone()));
        let (mut history, mut spans) = (Vec::new(), Vec::new());
        for fact in &read {
            let step = replayed.step(fact);
            history.extend(step.history);
            spans.extend(step.spans);
        }
        assert_eq!(replayed, self.execution);
        assert_eq!((&history, &spans), (&self.history, &self.spans));
        check_history(&history);
        check_spans(&spans, &history);
        let status = serde_json::to_value(replayed.status()).unwrap();
        status["status"].as_str().unwrap().to_owned()
    }

    /// Something that the world might tell, a little later.
    fn next_fact(&mut self, now: i64) -> Fact {
        let later = now - BEGIN + self.random.below(3_000) as i64;
        if self.random.one_in(150) {
            let error = StatesError::new("Stopped", "by hand");
            return fact(later, FactKind::ExecutionAborted { error });
        }
        if self.random.one_in(15) {
            self.tell_again(later);
        }
        let number = self.choose_live();
        let command = self.live[&number].clone();
        let task = match &command {
            Command::StartTimer { timer, at } => {
                self.live.remove(&number);
                let due = at.as_millis() - BEGIN;
                return fact(later.max(due), FactKind::timer_fired(timer.clone()));
            }
            Command::ScheduleTask(task) => task.task.clone(),
            _ => unreachable!("only work is live"),
        };
        let is_fresh = self.execution.task_stage(&task) == Some(TaskStage::Scheduled);
        if is_fresh && self.random.one_in(3) {
            return fact(later, self.progress(task));
        }
        self.live.remove(&number);
        fact(later, self.answer(task))
    }

    /// Tells something a second time; that must change nothing.
    fn tell_again(&mut self, later: i64) {
        let known = self.journal.iter().filter_map(subject).cloned();
        let over: Vec<_> = known.filter(|id| self.number_of(id).is_none()).collect();
        if over.is_empty() {
            return;
        }
        let id = over[self.random.index(over.len())].clone();
        let kind = match id.kind() {
            CommandKind::Task => succeeded(&id, json!("again")),
            _ => FactKind::timer_fired(id),
        };
        let again = fact(later, kind);
        assert_eq!(self.execution.step(&again), Step::default(), "{again:?}");
        self.journal.push(again);
    }

    /// Any work; a task's limits only while there is trouble left.
    fn choose_live(&mut self) -> usize {
        let is_limit = |command: &Command| {
            let kind = command.id().map(CommandId::kind);
            matches!(
                kind,
                Some(CommandKind::Timeout | CommandKind::Heartbeat | CommandKind::Execution)
            )
        };
        let may_trouble = self.troubles < TROUBLES_MAX && self.random.one_in(4);
        let eligible = self.live.iter().filter(|(_, it)| may_trouble || !is_limit(it));
        let numbers: Vec<_> = eligible.map(|(number, _)| *number).collect();
        assert!(!numbers.is_empty(), "a running execution waits for work, not for limits alone");
        let number = numbers[self.random.index(numbers.len())];
        self.troubles += usize::from(is_limit(&self.live[&number]));
        number
    }

    fn progress(&mut self, task: CommandId) -> FactKind {
        match self.random.below(2) {
            0 => FactKind::TaskStarted { task, worker: Some("worker".to_owned()) },
            _ => FactKind::TaskSubmitted { task, details: json!({}).into() },
        }
    }

    fn answer(&mut self, task: CommandId) -> FactKind {
        if self.troubles < TROUBLES_MAX && self.random.one_in(3) {
            self.troubles += 1;
            let names = ["Boom", "Bust", "States.Timeout", "States.Runtime"];
            let choices = if self.random.one_in(9) { names.len() } else { names.len() - 1 };
            let name = names[self.random.index(choices)];
            return FactKind::TaskFailed {
                task,
                error: StatesError::new(name, "trouble"),
                version: None,
            };
        }
        succeeded(&task, json!({ "n": self.random.below(3) }))
    }

    fn number_of(&self, id: &CommandId) -> Option<usize> {
        self.live.iter().find(|(_, command)| command.id() == Some(id)).map(|(number, _)| *number)
    }

    fn forget(&mut self, id: &CommandId) -> bool {
        self.number_of(id).and_then(|number| self.live.remove(&number)).is_some()
    }
}

fn traced(mut execution: Execution) -> Execution {
    execution.trace();
    execution
}

/// The task or timer that a fact is about.
fn subject(fact: &Fact) -> Option<&CommandId> {
    match &fact.kind {
        FactKind::TaskSucceeded { task: id, .. }
        | FactKind::TaskFailed { task: id, .. }
        | FactKind::TimerFired { timer: id, .. } => Some(id),
        _ => None,
    }
}

fn task_of(command: &Command) -> Option<ScheduleTask> {
    match command {
        Command::ScheduleTask(task) => Some((**task).clone()),
        _ => None,
    }
}
