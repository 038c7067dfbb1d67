//! Steps in their sandbox, in this process: a call beside the same function called natively, what the
//! use of each grant costs, a swap, the first call, and memory.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use futures::future::{BoxFuture, join_all};
use stepyard::{
    manifest::Manifest,
    wiring::{self, Stepyard},
};
use stepyard_asl::Payload;
use stepyard_engine::{CodeUpdate, FunctionCall, Functions, Publishing};
use tokio::runtime::Runtime;

use crate::{reused, root, server::resident_bytes};

/// How often each call is made.
const CALLS: usize = 2_000;
/// How often a step is swapped.
const SWAPS: usize = 50;
/// How many instances live at once.
const ALIVE: usize = 200;

const ORDER: &str =
    r#"{"order_id":"1","product_id":"sku-001","quantity":1,"customer_email":"user@example.com"}"#;

/// A step that does what its input says, and what it is granted.
const MANIFEST: &str = r#"
[functions.Receive]
step = "ROOT/steps/receive"

[functions.Other]
step = "ROOT/steps/confirm"
grants = { keyvalue = ["inventory"], config = {}, mail = ["*"] }

[functions.Probe]
step = "ROOT/host/wasm/tests/guests/hostile"
limits = { concurrency = 1000, wall_seconds = 3 }

[functions.Probe.grants]
keyvalue = ["granted"]
config = { greeting = "hello" }
http = [{ url = "https://api.example.com/" }]
mail = ["*@example.com"]
"#;

/// What was measured.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) native: Duration,
    pub(crate) sandbox: Duration,
    /// With an instance that is kept.
    pub(crate) reused: Duration,
    /// What a use costs beyond the call, by the grant.
    pub(crate) grants: Vec<(&'static str, Duration)>,
    /// From the update of a function's code to its answer.
    pub(crate) swap: Duration,
    /// From the opening of a project of three steps to the end of its first call: compiled then, and
    /// found compiled.
    pub(crate) first: [Duration; 2],
    /// Of a step that is loaded.
    pub(crate) step_bytes: u64,
    /// Of an instance that is alive, on average.
    pub(crate) instance_bytes: u64,
}

/// Measures in a folder of its own.
pub(crate) fn measure(folder: &Path) -> Steps {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("the target folder can be written");
    let text = MANIFEST.replace("ROOT", &root().display().to_string());
    let manifest = Manifest::parse(&folder.join("stepyard.toml"), &text).expect("it is valid");
    let specs = || {
        wiring::step_specs(&manifest, |_| true, &folder.join("stamps")).expect("the steps build")
    };
    let specs = [specs(), specs()];
    let receive = specs[0].iter().find(|spec| spec.function == "Receive").expect("it is in there");
    let reused = reused::call(&receive.component, ORDER, CALLS).expect("the step answers");
    let runtime = Runtime::new().expect("tokio starts");
    let before = resident_bytes("self");
    let mut first = specs.into_iter().map(|specs| {
        let begun = Instant::now();
        let data = folder.join("data");
        let opened = runtime.block_on(Stepyard::open(&manifest, specs, &data));
        let stepyard = opened.expect("it can be wired");
        runtime.block_on(ask(&stepyard, "Receive", ORDER));
        (begun.elapsed(), stepyard)
    });
    let (compiled, cold) = first.next().expect("there are two");
    drop(cold);
    let (cached, stepyard) = first.next().expect("there are two");
    drop(first);
    let step_bytes = resident_bytes("self").saturating_sub(before) / 3;
    let first = [compiled, cached];
    Steps { reused, first, step_bytes, ..runtime.block_on(all(&stepyard)) }
}

async fn all(stepyard: &Stepyard) -> Steps {
    let context = stepyard_step::Context::default();
    let native = median(CALLS, || {
        Box::pin(async { drop(receive::invoke(ORDER, &context).expect("the order is valid")) })
    });
    let native = native.await;
    let sandbox = median(CALLS, || Box::pin(ask(stepyard, "Receive", ORDER))).await;
    let probe = |deed: &'static str| async move {
        let input = format!("\"{deed}\"");
        ask(stepyard, "Probe", &input).await;
        median(CALLS, || Box::pin(ask(stepyard, "Probe", &input))).await
    };
    let none = probe("good").await;
    let mut grants = Vec::new();
    for (grant, deed) in [
        ("keyvalue, a value read", "keyvalue granted get key"),
        ("keyvalue, a value written", "keyvalue granted set key value"),
        ("keyvalue, a number increased", "keyvalue granted add count 1"),
        ("config, a setting read", "config greeting"),
        ("mail, a message sent to the folder", "mail user@example.com"),
        ("http, a request that is refused", "http GET https://example.org/"),
        ("logging, a line", "log hello"),
    ] {
        grants.push((grant, probe(deed).await.saturating_sub(none)));
    }
    let swap = swap(stepyard).await;
    let instance_bytes = alive(stepyard).await;
    Steps { native, sandbox, grants, swap, instance_bytes, ..Steps::default() }
}

/// Swaps a step to and fro.
async fn swap(stepyard: &Stepyard) -> Duration {
    let [one, other] = ["Receive", "Other"].map(|function| stepyard.steps.code(function, None));
    let codes = [one.await.expect("it is kept"), other.await.expect("it is kept")];
    let mut took = Vec::new();
    for swap in 0..SWAPS {
        let code = codes[swap % 2].clone();
        let begun = Instant::now();
        let update = CodeUpdate { code, ..CodeUpdate::default() };
        stepyard.steps.update_code("Other", update).await.expect("it is admitted");
        took.push(begun.elapsed());
    }
    half(took)
}

/// How much memory an instance has while it lives.
async fn alive(stepyard: &Stepyard) -> u64 {
    let before = resident_bytes("self");
    let sleepers = (0..ALIVE).map(|_| stepyard.steps.invoke(call("Probe", "\"resources sleep\"")));
    let look = async {
        while (stepyard.steps.runtime().instances() as usize) < ALIVE {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        resident_bytes("self")
    };
    let (_, during) = tokio::join!(join_all(sleepers), look);
    during.saturating_sub(before) / ALIVE as u64
}

async fn ask(stepyard: &Stepyard, function: &str, input: &str) {
    stepyard.steps.invoke(call(function, input)).await.expect("the step answers");
}

fn call(function: &str, input: &str) -> FunctionCall {
    FunctionCall::new(function, Payload::parse(input).expect("it is JSON"))
}

async fn median<'a>(count: usize, work: impl Fn() -> BoxFuture<'a, ()>) -> Duration {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        work().await;
        took.push(begun.elapsed());
    }
    half(took)
}

fn half(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}
