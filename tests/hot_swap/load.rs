//! Orders flow at a steady rate while their inventory step is swapped, from one language to another, some
//! of the new ones broken and one of them a failing canary.

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    crash::books,
    support::{Project, Server, components, order, toolchains},
    text_step::TextStep,
};

/// How many swaps there are, unless `STEPYARD_SWAPS` says otherwise.
const SWAPS: usize = 200;
/// Every so many swaps one of a component that is broken.
const BROKEN: usize = 10;
/// How many clients order, one order after the other.
const CLIENTS: usize = 4;
/// What the shop has: more than is ever ordered.
const STOCK: u64 = 1_000_000;
/// When a canary is judged, and how much of its calls may fail.
const CANARY: &str = "[functions.CheckInventory.canary]\ncalls = 5\nerrors = 0.2\n";
const CANARY_CALLS: usize = 5;
/// How many orders are sold after it is given up.
const AFTER: usize = 50;

#[test]
fn orders_flow_while_their_step_is_swapped_and_a_failing_canary_goes_by_itself() {
    let Some(others) = toolchains::inventory() else { return };
    let swaps = env::var("STEPYARD_SWAPS").map_or(SWAPS, |text| text.parse().unwrap());
    let project = project();
    let server = Server::start(&project);
    let read = |path: &std::path::Path| BASE64_STANDARD.encode(fs::read(path).unwrap());
    let components =
        [&components()["steps/inventory"], &others.python, &others.javascript].map(|it| read(it));
    let broken = &components[0][..components[0].len() / 8 * 4];
    for component in &components {
        update(&server, component, 200);
    }
    route(
        &server,
        "POST",
        "aliases",
        201,
        &json!({ "Name": "live", "FunctionVersion": "$LATEST" }),
    );

    let (stop, orders) = (AtomicBool::new(false), Mutex::new(Orders::default()));
    let (mut firsts, mut memory) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, stop, orders) = (&server, &stop, &orders);
            scope.spawn(move || order_on(server, client, stop, orders));
        }
        for swap in 1..=swaps {
            if swap % BROKEN == 0 {
                let refused = update(&server, broken, 400);
                assert!(refused["message"].as_str().unwrap().contains("component"), "{refused}");
            }
            firsts.push(first_task(&server, &components[swap % components.len()]));
            memory.push(server.resident_kib());
        }
        canary(&server, &components[0]);
        // What follows it is well again.
        let sold = || orders.lock().unwrap().sold.len();
        let before = sold();
        server.until("orders flow on", || sold() >= before + AFTER);
        stop.store(true, Ordering::Relaxed);
    });

    let Orders { sold, given_up, others } = orders.into_inner().unwrap();
    assert_eq!(others, [] as [Value; 0], "nothing but the canary's share fails");
    // What it is judged by, and what was at work meanwhile.
    assert!((CANARY_CALLS..=CANARY_CALLS + CLIENTS).contains(&given_up), "{given_up}");
    println!("{swaps} swaps, {} orders, {given_up} given up by the canary", sold.len());
    println!("{}", report(&mut firsts, &memory));
    assert_eq!(server.terminate(), Some(0));
    books::check(&project, STOCK, &sold);
}

/// The order project, its workflow calling the inventory step by an alias, which has room for a Python
/// interpreter.
fn project() -> Project {
    let project = Project::order_with(|manifest| {
        let manifest = manifest.replace("available = 100", &format!("available = {STOCK}"));
        let limits = "[functions.CheckInventory.limits]\nmemory_mib = 256\n";
        format!("{manifest}\n{limits}{CANARY}")
    });
    let text = fs::read_to_string(project.path("workflow.asl.json")).unwrap();
    let by_alias = "\"FunctionName\": \"CheckInventory:live\"";
    let text = text.replace("\"FunctionName\": \"CheckInventory\"", by_alias);
    project.write("workflow.asl.json", &text);
    project.with_compiled(&toolchains::compiled())
}

/// What became of the orders.
#[derive(Default)]
struct Orders {
    /// Pieces, by order.
    sold: BTreeMap<String, u64>,
    /// How many the canary gave up.
    given_up: usize,
    /// Those that ended otherwise.
    others: Vec<Value>,
}

/// Orders until it is told to stop.
fn order_on(server: &Server, client: usize, stop: &AtomicBool, orders: &Mutex<Orders>) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("swap-{client}-{number}");
        let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:order";
        let body = json!({ "stateMachineArn": machine, "input": order(&id).to_string() });
        let (status, started) = server.call("StartExecution", &body.to_string());
        assert_eq!(status, 200, "{started}");
        let ended = ended(server, &started["executionArn"]);
        let mut orders = orders.lock().unwrap();
        let is_canarys = ended["error"] == "InventoryFailed"
            && ended["cause"].as_str().unwrap_or_default().starts_with("Runtime.ExitError");
        match ended["status"].as_str().unwrap() {
            "SUCCEEDED" => drop(orders.sold.insert(id, 1)),
            _ if is_canarys => orders.given_up += 1,
            _ => orders.others.push(ended),
        }
    }
}

fn ended(server: &Server, execution: &Value) -> Value {
    let body = json!({ "executionArn": execution }).to_string();
    loop {
        let described = server.call("DescribeExecution", &body).1;
        if described["status"] != "RUNNING" {
            return described;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn lambda(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let line = format!("{method} /2015-03-31/functions/CheckInventory/{path} HTTP/1.1");
    let (status, text) = server.request(&line, &server.address, "", &body.to_string());
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn update(server: &Server, component: &str, expected: u16) -> Value {
    let (status, updated) = lambda(server, "PUT", "code", &json!({ "ZipFile": component }));
    assert_eq!(status, expected, "{updated}");
    updated
}

/// Swaps a component in; how long it takes from then until a task has ended on it.
fn first_task(server: &Server, component: &str) -> Duration {
    let begun = Instant::now();
    let updated = update(server, component, 200);
    let sha256 = BASE64_STANDARD.decode(updated["CodeSha256"].as_str().unwrap()).unwrap();
    let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    server.until("a task runs on the new version", || calls(server, "$LATEST", &sha256) > 0);
    begun.elapsed()
}

/// How many calls a version has had, by `/metrics`.
fn calls(server: &Server, version: &str, sha256: &str) -> u64 {
    let (_, text) = server.request("GET /metrics HTTP/1.1", &server.address, "", "");
    let label = format!(
        "stepyard_function_calls_total{{function=\"CheckInventory\",version=\"{version}\",sha256=\"{sha256}\"}} "
    );
    let count = text.lines().find_map(|line| line.strip_prefix(&label));
    count.map_or(0, |count| count.parse().unwrap())
}

/// Calls an operation that has to be done.
fn route(server: &Server, method: &str, path: &str, expected: u16, body: &Value) -> Value {
    let (status, answer) = lambda(server, method, path, body);
    assert_eq!(status, expected, "{answer}");
    answer
}

/// Puts a version that fails beside a good one, and waits until it has gone by itself.
fn canary(server: &Server, good: &str) {
    let publish = |component: &str| {
        update(server, component, 200);
        let published = route(server, "POST", "versions", 201, &json!({}));
        published["Version"].as_str().unwrap().to_owned()
    };
    let good = publish(good);
    route(server, "PUT", "aliases/live", 200, &json!({ "FunctionVersion": good }));
    let failing = TextStep { invoke: "unreachable", ..TextStep::default() }.component();
    let failing = publish(&BASE64_STANDARD.encode(failing));
    let routing = json!({ "AdditionalVersionWeights": { failing: 0.5 } });
    route(server, "PUT", "aliases/live", 200, &json!({ "RoutingConfig": routing }));
    server.until("the canary is rolled back", || {
        let alias = lambda(server, "GET", "aliases/live", &Value::Null).1;
        let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
        weights.is_none_or(|weights| weights.is_empty())
    });
}

fn report(firsts: &mut [Duration], memory: &[u64]) -> String {
    firsts.sort_unstable();
    let [half, most] = [0.5, 0.99].map(|part| firsts[((firsts.len() - 1) as f64 * part) as usize]);
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len() as f64 / 1_024.0;
    let quarters: Vec<f64> = memory.chunks(memory.len().div_ceil(4)).map(mean).collect();
    let [.., before, last] = quarters[..] else { panic!("too few swaps: {quarters:?}") };
    // What a server takes once is taken by then, where there are many.
    let most_more = if memory.len() >= SWAPS { 1.2 } else { 1.5 };
    assert!(last < before * most_more, "memory grows with the swaps: {quarters:.0?} MiB");
    format!(
        "from a publish to the first task's end on it: p50 {half:.1?}, p99 {most:.1?}\n\
         resident, by quarters: {quarters:.0?} MiB (the last x {:.2} of the one before)",
        last / before
    )
}
