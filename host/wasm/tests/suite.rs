//! The hostile suite: a component, what it is granted, and how it has to end. Beside each of them a
//! well-behaved step goes on; how much longer its calls take meanwhile is printed
//! (`cargo test --workspace --test steps suite -- --nocapture`).

mod cases;

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use stepyard_engine::{FunctionError, Functions};
use stepyard_wasm::{Grants, Limits, Settings, StepSpec};
use tokio::sync::watch;

use crate::{
    support::{Steps, World, cache, call, hostile, load_all},
    text_step::{MEMORY, step},
};
use cases::{CASES, Case, Component, Ends};

/// How many tasks of a hostile step run at once.
const ATTACKERS: usize = 4;
/// How many calls of the well-behaved step are measured alone.
const CALLS: usize = 200;
/// What a task may take beyond its limit until its end is known, on a busy machine.
const GRACE: Duration = Duration::from_secs(20);

/// The limits of a hostile step, unless its case says otherwise.
fn limits() -> Limits {
    Limits {
        wall_time: Duration::from_secs(60),
        cpu_time: Duration::from_millis(200),
        memory_bytes_max: 16 << 20,
        output_bytes_max: 262_144,
        ..Limits::default()
    }
}

#[test]
fn there_are_at_least_forty_of_them_and_each_has_a_name_of_its_own() {
    let mut names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len());
    assert!(names.len() >= 40, "{}", names.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_as_it_has_to_while_a_good_step_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.wasm");
    fs::write(&good, step("", MEMORY)).unwrap();
    let mut otherwise = Vec::new();
    for case in CASES {
        match end(case, folder.path(), &good).await {
            Ok(told) => println!("{:<44} {told}", case.name),
            Err(told) => otherwise.push(format!("{} {told}", case.name)),
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

/// Lets a case in, attacks, and tells how it ended; an error when that is otherwise than it has to.
async fn end(case: &'static Case, folder: &Path, good: &Path) -> Result<String, String> {
    let component = match case.component {
        Component::Guest => hostile().to_owned(),
        Component::Made(make) => {
            let file = folder.join("hostile.wasm");
            fs::write(&file, make()).unwrap();
            file
        }
    };
    let spec = |function: &str, component, grants, limits| {
        let function = function.to_owned();
        StepSpec { function, component, grants, limits, canary: None, publishes: false }
    };
    let bad = spec("Hostile", component, (case.grants)(), (case.limits)(limits()));
    let good = spec("Good", good.to_owned(), Grants::default(), limits());
    let settings = Settings { instances_max: 16, ..cache() };
    let world = Arc::<World>::default();
    match (load_all(vec![bad, good], world.outside(), settings), case.ends) {
        (Err(errors), Ends::Refused(says)) if errors[0].to_string().contains(says) => {
            Ok("refused".to_owned())
        }
        (Err(errors), _) => Err(format!("is refused: {}", errors[0])),
        (Ok(_), Ends::Refused(_)) => Err("is let in".to_owned()),
        (Ok(steps), _) => {
            let told = attack(case, &steps).await?;
            is_own(&world).then_some(told).ok_or_else(|| "sends as another function".to_owned())
        }
    }
}

/// Whether every message is told to be the function's that sent it, whatever id it bears.
fn is_own(world: &World) -> bool {
    world.sent.lock().unwrap().iter().all(|message| message.function == "Hostile")
}

/// Has hostile tasks run, some at once and one after the other, until the good step has been called
/// often enough.
async fn attack(case: &'static Case, steps: &Steps) -> Result<String, String> {
    let alone = calls(steps).await;
    let (over, attacked) = watch::channel(false);
    let attackers = (0..ATTACKERS).map(|_| {
        let (steps, attacked) = (steps.clone(), attacked.clone());
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while longest.is_zero() || !*attacked.borrow() {
                longest = longest.max(hostile_call(case, &steps).await?);
            }
            Ok::<_, String>(longest)
        })
    });
    let attackers: Vec<_> = attackers.collect();
    let beside = calls(steps).await;
    over.send_replace(true);
    let mut longest = Duration::ZERO;
    for attacker in attackers {
        longest = longest.max(attacker.await.expect("it does not panic")?);
    }
    if steps.runtime().instances() > 0 {
        return Err("leaves instances behind".to_owned());
    }
    let [half, most] = [0.5, 0.99]
        .map(|part| quantile(&beside, part).as_secs_f64() / quantile(&alone, part).as_secs_f64());
    Ok(format!("ends in {longest:>8.1?}; the good step: p50 x {half:.1}, p99 x {most:.1}"))
}

/// One call of a hostile step; how long it took to end as it has to.
async fn hostile_call(case: &Case, steps: &Steps) -> Result<Duration, String> {
    let begun = Instant::now();
    let ended = steps.invoke(call(case.input)).await;
    let took = begun.elapsed();
    if took > (case.limits)(limits()).wall_time + GRACE {
        return Err(format!("took {took:?}"));
    }
    match (&ended, case.ends) {
        (Ok(reply), Ends::Answers(says)) if reply.payload.text().contains(says) => Ok(took),
        (Err(FunctionError::Function { error, .. }), Ends::Fails(name, says))
            if error.name() == name && is_cause(error.cause.as_deref(), name, says) =>
        {
            Ok(took)
        }
        _ => Err(format!("ends otherwise: {ended:?}")),
    }
}

/// Whether a cause is as AWS Lambda's are, and says this.
fn is_cause(cause: Option<&str>, name: &str, says: &str) -> bool {
    let cause = cause.unwrap_or_default();
    let read: Option<serde_json::Value> = serde_json::from_str(cause).ok();
    read.is_some_and(|read| read["errorType"] == name) && cause.contains(says)
}

/// Calls the good step; how long each call took, the shortest first.
async fn calls(steps: &Steps) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..CALLS {
        let mut good = call("good");
        good.name = "Good".to_owned();
        let begun = Instant::now();
        let reply = steps.invoke(good).await.expect("the good step is well");
        took.push(begun.elapsed());
        assert_eq!(reply.payload.text(), "null");
    }
    took.sort_unstable();
    took
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}
