//! What an observer is shown: what is durable, in its order, and nothing that it does not want.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::json;
use stepyard_asl::{HistoryEvent, SpanEnd, SpanOf, SpanPlace};
use stepyard_engine::{
    Config, Engine, FactPlace, Interest, Observer, Outcome, Quotas, Shown, SqliteStore,
    StartExecution, Store, Subject, clock::VirtualClock, measures::Shipping,
};

use crate::{
    slow::Slow,
    support::{Functions, Given, START, config, settle, start, task},
};

/// Keeps what it is shown.
#[derive(Debug)]
struct Notes {
    interest: Interest,
    shown: Mutex<Vec<Shown>>,
    last: Mutex<Option<FactPlace>>,
    again: Mutex<Vec<Shown>>,
    throttled: Mutex<Vec<String>>,
}

impl Notes {
    fn new(interest: Interest) -> Arc<Self> {
        let (shown, last, again, throttled) = Default::default();
        Arc::new(Self { interest, shown, last, again, throttled })
    }

    fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap().clone()
    }
}

impl Observer for Notes {
    fn interest(&self, _subject: &Subject) -> Interest {
        self.interest
    }

    fn show(&self, shown: Vec<Shown>, last: Option<FactPlace>) {
        self.shown.lock().unwrap().extend(shown);
        if last.is_some() {
            *self.last.lock().unwrap() = last;
        }
    }

    fn show_again(&self, shown: Vec<Shown>) {
        self.again.lock().unwrap().extend(shown);
    }

    fn trace_header(&self, subject: &Subject, task: &SpanPlace) -> Option<String> {
        let name = subject.arn.rsplit(':').next()?;
        (name != "untraced").then(|| format!("{name} {task}"))
    }

    fn throttled(&self, machine: &str) {
        self.throttled.lock().unwrap().push(machine.to_owned());
    }

    fn measures(&self) -> Vec<Shipping> {
        Vec::new()
    }
}

fn observed(notes: &Arc<Notes>, functions: Arc<Functions>, store: impl Store + 'static) -> Config {
    let observer: Arc<dyn Observer> = notes.clone();
    Config { observer: Some(observer), ..config(functions, VirtualClock::new(START), store) }
}

/// A nap and a task.
fn states() -> serde_json::Value {
    let nap = json!({ "Type": "Wait", "Seconds": 2, "Next": "Pay" });
    json!({ "Nap": nap, "Pay": task("Pay", json!({})) })
}

fn events(shown: &[Shown], name: &str) -> Vec<HistoryEvent> {
    let own = shown.iter().filter(|shown| shown.subject.arn.split(':').any(|part| part == name));
    own.flat_map(|shown| shown.events.clone()).collect()
}

async fn run(engine: &Engine, start: StartExecution) -> Vec<HistoryEvent> {
    let arn = engine.start(start).await.unwrap().arn;
    engine.wait(&arn).await.unwrap();
    engine.history(&arn).await.unwrap()
}

#[tokio::test]
async fn who_learns_that_an_execution_is_over_finds_it_shown_to_the_end() {
    let notes = Notes::new(Interest::EventsAndSpans);
    let store = Slow::new(usize::MAX >> 4, usize::MAX);
    let engine = Engine::new(observed(&notes, Functions::echo(), store));
    let arn = engine.start(start("one", states())).await.unwrap().arn;
    engine.wait(&arn).await.unwrap();
    let shown = notes.shown();
    assert_eq!(events(&shown, "one"), engine.history(&arn).await.unwrap());
    let numbers: Vec<u64> = shown.iter().map(|shown| shown.fact).collect();
    assert_eq!(numbers, [1, 2, 3], "a fact each: begun, woken, answered");
    let last = shown.last().and_then(|shown| shown.spans.last()).unwrap();
    assert_eq!((&last.of, &last.end), (&SpanOf::Execution, &SpanEnd::Succeeded));

    let (_, end) = engine.start_express(start("quick", states())).await.unwrap();
    end.await.unwrap();
    let kinds = |shown: &[Shown], name| {
        events(shown, name).iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&notes.shown(), "quick"), kinds(&shown, "one"));
}

#[tokio::test]
async fn nothing_is_shown_before_it_is_durable() {
    let notes = Notes::new(Interest::Events);
    let store = Slow::new(1, usize::MAX);
    let through = store.through.clone();
    let engine = Engine::new(observed(&notes, Functions::echo(), store));
    let pay = json!({ "Pay": task("Pay", json!({})) });
    let arn = engine.start(start("one", pay)).await.unwrap().arn;
    settle().await;
    let shown = notes.shown();
    assert_eq!(shown.len(), 1, "the task was answered, and that is not kept yet");
    assert!(shown[0].spans.is_empty(), "nobody asked for spans");
    through.add_permits(10);
    engine.wait(&arn).await.unwrap();
    assert_eq!(notes.shown().len(), 2);
}

#[tokio::test]
async fn what_nobody_wants_to_see_is_not_shown() {
    let notes = Notes::new(Interest::Nothing);
    let engine = Engine::new(observed(&notes, Functions::echo(), Slow::new(100, usize::MAX)));
    run(&engine, start("one", states())).await;
    assert_eq!(notes.shown(), []);
    let last = notes.last.lock().unwrap().take().unwrap();
    assert!(last.execution.ends_with(":one"), "{last:?}");
    assert_eq!(last.number, 3, "it knows how far the journals are");
    let (_, end) = engine.start_express(start("quick", states())).await.unwrap();
    end.await.unwrap();
    assert_eq!(*notes.last.lock().unwrap(), None, "what has no journal");
}

#[tokio::test]
async fn a_task_passes_on_the_trace_header_that_the_observer_gives_it() {
    let (notes, given) = (Notes::new(Interest::EventsAndSpans), Given::default());
    let functions = Functions::new({
        let given = given.clone();
        move |task| {
            given.add(task.clone());
            async move { Outcome::done(task.input) }
        }
    });
    let engine = Engine::new(observed(&notes, functions, Slow::new(100, usize::MAX)));
    for name in ["one", "untraced"] {
        run(&engine, start(name, states())).await;
    }
    let headers: Vec<_> = given.tasks().into_iter().map(|task| task.trace.unwrap()).collect();
    assert_eq!(headers, ["one 0:2.0", "Root=1-2-3"]);
}

#[tokio::test]
async fn a_start_that_is_refused_for_what_is_at_work_is_told() {
    let notes = Notes::new(Interest::Events);
    let config = observed(&notes, Functions::hang(), Slow::new(100, usize::MAX));
    let engine = Engine::new(Config { standard_max: 1, express_max: 0, ..config });
    engine.start(start("one", states())).await.unwrap();
    engine.start(start("two", states())).await.unwrap_err();
    engine.start_express(start("three", states())).await.unwrap_err();
    let machine = start("one", states()).machine_arn;
    assert_eq!(*notes.throttled.lock().unwrap(), [machine.clone(), machine]);
}

#[tokio::test]
async fn what_was_kept_after_a_fact_is_found_and_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| SqliteStore::open(path, Quotas::default()).unwrap();
    let path = folder.path().join("store.db");
    let (notes, store) = (Notes::new(Interest::EventsAndSpans), open(&path));
    assert_eq!(store.last_fact(), Ok(None));
    assert_eq!(store.facts_kept_after(None, 10), Ok(Some(vec![])));
    let engine = Engine::new(observed(&notes, Functions::echo(), store.clone()));
    run(&engine, start("first", states())).await;
    let mark = store.last_fact().unwrap().unwrap();
    let second = run(&engine, start("second", states())).await;
    let third = run(&engine, start("third", states())).await;
    engine.shutdown().await;
    drop((engine, store));

    let (again, store) = (Notes::new(Interest::EventsAndSpans), open(&path));
    let left = store.facts_kept_after(Some(&mark), 10).unwrap().unwrap();
    assert_eq!(left.len(), 6);
    assert_eq!(store.facts_kept_after(Some(&mark), 2).unwrap().unwrap(), left[..2]);
    let unknown = FactPlace { number: 99, ..mark.clone() };
    assert_eq!(store.facts_kept_after(Some(&unknown), 10), Ok(None));

    let engine = Engine::new(observed(&again, Functions::echo(), store));
    engine.show_again(left[1..].to_vec()).await.unwrap();
    let repeated = again.again.lock().unwrap().clone();
    assert_eq!(events(&repeated, "second"), second[2..], "without the events of its first fact");
    assert_eq!(events(&repeated, "third"), third);
    assert_eq!(repeated, notes.shown()[4..], "spans and all, as they were shown first");
    assert_eq!(again.shown(), [], "it is not taken for news");
}
