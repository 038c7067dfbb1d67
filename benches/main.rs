//! What stands between the language and a disk: a call in a fresh sandbox against the same function
//! called natively, and the order workflow in memory and on SQLite. Prints a table at the end; ratios
//! within one run are what to trust. The language has a bench of its own in `host/asl`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use criterion::{BenchmarkId, Criterion, Throughput};
use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use stepyard::{
    manifest::Manifest,
    wiring::{self, Seams, Stepyard},
};
use stepyard_asl::{Payload, StateMachine, Status};
use stepyard_engine::{
    FunctionCall, Functions, StartExecution,
    outside::{Mail, MailError, MailMessage, Publication, Published, TopicError, Topics},
};
use tokio::runtime::Runtime;

/// Orders that are under way at once.
const ORDERS: u64 = 200;

const ORDER: &str =
    r#"{"order_id":"1","product_id":"sku-bench","quantity":1,"customer_email":"user@example.com"}"#;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    step_call(&mut criterion);
    order_workflow(&mut criterion);
    criterion.final_summary();
    table();
}

fn step_call(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("tokio starts");
    let stepyard = runtime.block_on(in_memory());
    let payload = Payload::parse(ORDER).expect("the order is JSON");
    let mut group = criterion.benchmark_group("step call");
    group.bench_function("native", |bencher| {
        let context = stepyard_step::Context::default();
        bencher.iter(|| receive::invoke(ORDER, &context).expect("the order is valid"));
    });
    group.bench_function("fresh sandbox", |bencher| {
        bencher.to_async(&runtime).iter(|| stepyard.steps.invoke(call(&payload)));
    });
}

fn call(payload: &Payload) -> FunctionCall {
    FunctionCall::new("ReceiveOrder", payload.clone())
}

fn order_workflow(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("tokio starts");
    let data = tempfile::tempdir().expect("a temporary folder can be made");
    let durable = runtime.block_on(async {
        let (manifest, steps) = project();
        Stepyard::open(&manifest, steps, data.path()).await.expect("it can be wired")
    });
    let memory = runtime.block_on(in_memory());
    let mut group = criterion.benchmark_group("order workflow");
    group.sample_size(10);
    for (name, stepyard) in [("memory", &memory), ("SQLite", &durable)] {
        for at_once in [1, ORDERS] {
            group.throughput(Throughput::Elements(at_once));
            group.bench_function(BenchmarkId::new(name, at_once), |bencher| {
                bencher.to_async(&runtime).iter(|| run_orders(stepyard, at_once));
            });
        }
    }
}

async fn run_orders(stepyard: &Stepyard, count: u64) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let definition = definition();
    let machine = Arc::new(StateMachine::parse(&definition).expect("the workflow is valid"));
    let orders = (0..count).map(|_| {
        let name = format!("order-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut input: Value = serde_json::from_str(ORDER).expect("the order is JSON");
        input["order_id"] = json!(name);
        let start = StartExecution {
            machine: machine.clone(),
            definition: definition.clone(),
            machine_arn: stepyard.identity.state_machine("workflow").expect("the name is valid"),
            name,
            input: input.into(),
            role: String::new(),
            alias: None,
            version: None,
            trace: None,
            parent: None,
            pins: None,
            logging: None,
            configuration: None,
        };
        async {
            let started = stepyard.engine.start(start).await.expect("it starts");
            let status = stepyard.engine.wait(&started.arn).await.expect("it ends");
            assert!(matches!(status, Status::Succeeded { .. }), "{status:?}");
        }
    });
    join_all(orders).await;
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn definition() -> Arc<str> {
    fs::read_to_string(root().join("workflow.asl.json")).expect("the workflow is there").into()
}

/// The order project with a product that is never sold out.
fn project() -> (Manifest, Vec<stepyard_wasm::StepSpec>) {
    let text = fs::read_to_string(root().join("stepyard.toml")).expect("the manifest is there");
    let text = text
        + "\"product/sku-bench\" = { available = 1_000_000_000, unit_price_cents = 1, currency = \"eur\" }\n";
    let manifest = Manifest::parse(&root().join("stepyard.toml"), &text).expect("it is valid");
    let stamps: PathBuf = root().join(".stepyard/steps");
    let steps = wiring::step_specs(&manifest, |_| true, &stamps).expect("the steps can be built");
    (manifest, steps)
}

async fn in_memory() -> Stepyard {
    let (manifest, steps) = project();
    let nowhere = Arc::new(Nowhere);
    Stepyard::in_memory(&manifest, steps, nowhere.clone(), nowhere, Seams::default())
        .await
        .expect("it can be wired")
}

/// Takes mail and notifications and keeps none.
#[derive(Debug)]
struct Nowhere;

impl Mail for Nowhere {
    fn send(&self, _: MailMessage) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Topics for Nowhere {
    fn publish(&self, _: Publication) -> BoxFuture<'_, Result<Published, TopicError>> {
        Box::pin(async { Ok(Published::default()) })
    }
}

/// Prints what criterion measured, by element: a call, an order.
#[expect(clippy::print_stdout, reason = "the table is what a bench is run for")]
fn table() {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let rows = [
        ("step call/native", 1),
        ("step call/fresh sandbox", 1),
        ("order workflow/memory/1", 1),
        ("order workflow/memory/200", ORDERS),
        ("order workflow/SQLite/1", 1),
        ("order workflow/SQLite/200", ORDERS),
    ];
    println!("\n| what | µs each | each a second |\n|---|---|---|");
    for (name, elements) in rows {
        let file = folder.join("criterion").join(name).join("new/estimates.json");
        let Ok(text) = fs::read_to_string(file) else { continue };
        let estimates: Value = serde_json::from_str(&text).expect("criterion writes JSON");
        let nanos = estimates["median"]["point_estimate"].as_f64().expect("there is a median");
        let micros = nanos / 1_000.0 / elements as f64;
        println!("| {name} | {micros:.2} | {:.0} |", 1_000_000.0 / micros);
    }
}
