//! An engine whose functions are closures.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use stepyard_asl::{Payload, Resource, ResourceKind, StateMachine, StatesError, Status, Timestamp};
use stepyard_engine::{
    Config, Engine, Identity, Integration, MemoryStore, Outcome, Quotas, StartExecution, Started,
    Store, Task,
    clock::{SeededEntropy, VirtualClock},
};

/// When virtual time begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_381_457_000);

type Work = dyn Fn(Task) -> BoxFuture<'static, Outcome> + Send + Sync;

/// Does the tasks of every function and of `lambda:invoke`.
pub(crate) struct Functions(Box<Work>);

impl Functions {
    pub(crate) fn new<F: Future<Output = Outcome> + Send + 'static>(
        work: impl Fn(Task) -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(Box::new(move |task| Box::pin(work(task)))))
    }

    /// Answers with the task's input.
    pub(crate) fn echo() -> Arc<Self> {
        Self::new(|task| async move { Outcome::done(task.input) })
    }

    /// Never ends.
    pub(crate) fn hang() -> Arc<Self> {
        Self::new(|_| std::future::pending())
    }
}

impl Integration for Functions {
    fn claims(&self, resource: &Resource) -> bool {
        match resource.kind() {
            ResourceKind::Function { .. } => true,
            ResourceKind::Service { service, .. } => service == "lambda",
            ResourceKind::Activity | ResourceKind::MapRun => false,
        }
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        (self.0)(task)
    }
}

/// An engine with what it was made of.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) clock: VirtualClock,
    pub(crate) store: MemoryStore,
}

impl Bench {
    /// In time that passes when the engine is idle.
    pub(crate) fn new(functions: Arc<Functions>) -> Self {
        Self::with(functions, VirtualClock::new(START), MemoryStore::new(Quotas::default()))
    }

    /// In time that passes when it is advanced.
    pub(crate) fn manual(functions: Arc<Functions>) -> Self {
        Self::with(functions, VirtualClock::manual(START), MemoryStore::new(Quotas::default()))
    }

    pub(crate) fn with(functions: Arc<Functions>, clock: VirtualClock, store: MemoryStore) -> Self {
        let engine = engine(functions, clock.clone(), store.clone());
        Self { engine, clock, store }
    }

    /// The same store and clock after the engine ended where it was.
    pub(crate) async fn restart(self, functions: Arc<Functions>) -> Self {
        let Self { engine, clock, store } = self;
        drop(engine);
        settle().await;
        Self::with(functions, clock, store)
    }

    /// Starts the execution `e` and waits for its end.
    pub(crate) async fn run(&self, states: Value) -> Status {
        let started = self.engine.start(start("e", states)).await.unwrap();
        self.engine.wait(&started.arn).await.unwrap()
    }

    pub(crate) async fn start(&self, states: Value) -> Started {
        self.engine.start(start("e", states)).await.unwrap()
    }
}

pub(crate) fn engine(
    functions: Arc<Functions>,
    clock: VirtualClock,
    store: impl Store + 'static,
) -> Engine {
    Engine::new(config(functions, clock, store))
}

pub(crate) fn config(
    functions: Arc<Functions>,
    clock: VirtualClock,
    store: impl Store + 'static,
) -> Config {
    Config {
        integrations: vec![functions],
        clock: Arc::new(clock),
        entropy: Arc::new(SeededEntropy::new(1)),
        ..Config::new(store)
    }
}

/// An execution of a machine with `states`, the first of which it starts at.
pub(crate) fn start(name: &str, states: Value) -> StartExecution {
    let start_at = states.as_object().unwrap().keys().next().unwrap();
    let definition = json!({ "StartAt": start_at, "States": states }).to_string();
    let machine = StateMachine::parse(&definition).unwrap();
    StartExecution {
        machine: Arc::new(machine),
        definition: definition.into(),
        machine_arn: Identity::default().state_machine("orders").unwrap(),
        name: name.to_owned(),
        input: json!({ "order": 1 }).into(),
        role: "arn:aws:iam::123456789012:role/orders".to_owned(),
        alias: None,
        version: None,
        trace: Some("Root=1-2-3".to_owned()),
        parent: None,
        pins: None,
        logging: None,
        configuration: None,
    }
}

/// A Task state on the function `name` that ends its machine, with `more` fields.
pub(crate) fn task(name: &str, more: Value) -> Value {
    let resource = format!("arn:aws:lambda:us-east-1:123456789012:function:{name}");
    let mut state = json!({ "Type": "Task", "Resource": resource, "End": true });
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    state
}

/// A machine of one state: names are unique in the whole definition.
pub(crate) fn alone(name: &str, state: Value) -> Value {
    json!({ "StartAt": name, "States": { name: state } })
}

pub(crate) fn succeeded(status: Status) -> Value {
    match status {
        Status::Succeeded { output } => output.value().clone(),
        other => panic!("it ended {other:?}"),
    }
}

pub(crate) fn failed(status: Status) -> StatesError {
    match status {
        Status::Failed { error } => error,
        other => panic!("it ended {other:?}"),
    }
}

pub(crate) fn payload(value: Value) -> Payload {
    value.into()
}

/// Lets everything else run until there is nothing left for it to do. On a runtime of one thread
/// this many turns are more than any chain of messages here has.
pub(crate) async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

/// Counts how many of something there are at a time, and the most there were.
#[derive(Clone, Default)]
pub(crate) struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

/// One of what a [`Gauge`] counts, until dropped.
pub(crate) struct Counted(Gauge);

impl Gauge {
    pub(crate) fn count(&self) -> Counted {
        let at_a_time = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(at_a_time, Ordering::SeqCst);
        Counted(self.clone())
    }

    pub(crate) fn at_a_time(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The tasks that functions were given.
#[derive(Clone, Default)]
pub(crate) struct Given(Arc<Mutex<Vec<Task>>>);

impl Given {
    pub(crate) fn add(&self, task: Task) -> usize {
        let mut tasks = self.0.lock().unwrap();
        tasks.push(task);
        tasks.len()
    }

    pub(crate) fn tasks(&self) -> Vec<Task> {
        self.0.lock().unwrap().clone()
    }
}
