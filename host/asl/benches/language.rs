//! What the query languages cost beside Rust code that does the same, each evaluated again and again once
//! it is compiled; what a state costs that needs nobody; and what an inline Map costs for each item, be
//! they few or many. Prints a table at the end; ratios within one run are what to trust.

#![expect(clippy::disallowed_methods, reason = "the table is made of criterion's files")]

use std::{fs, hint::black_box, path::Path, sync::Arc};

use criterion::{Criterion, Throughput};
use serde_json::{Map, Value, json};
use stepyard_asl::{
    Command, CommandKind, Execution, Fact, FactKind, Snippet, StateMachine, Status, Step, Timestamp,
};

/// Pass states in the machine that is run through in one step.
const STATES: u64 = 100;
/// Items of the small Map and of the large one.
const ITEMS: [u64; 2] = [100, 10_000];

/// Rust code that does what an expression does.
type Native = fn(&Value) -> Value;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    expressions(&mut criterion);
    states(&mut criterion);
    maps(&mut criterion);
    criterion.final_summary();
    table();
}

/// Name, what is compiled, and the same in Rust.
fn cases() -> Vec<(&'static str, Snippet, Native)> {
    let expression = |text| Snippet::expression(text).expect("the expression is valid");
    let jsonata = |text| Snippet::jsonata(text).expect("the expression is valid");
    let template = Snippet::template(&json!({
        "id.$": "$.order.id",
        "lines.$": "$.order.lines[*].sku",
        "state": {"as": ["ordered", {"first.$": "$.order.lines[0]"}]},
    }));
    vec![
        ("path", expression("$.order.lines[2].sku"), |input| {
            input["order"]["lines"][2]["sku"].clone()
        }),
        ("path to many", expression("$.order.lines[*].price"), |input| {
            lines(input).map(|line| line["price"].clone()).collect()
        }),
        ("path with a filter", expression("$.order.lines[?(@.quantity > 1)].sku"), |input| {
            let many = lines(input).filter(|line| line["quantity"].as_f64() > Some(1.0));
            many.map(|line| line["sku"].clone()).collect()
        }),
        ("template", template.expect("the template is valid"), |input| {
            let skus: Vec<_> = lines(input).map(|line| line["sku"].clone()).collect();
            json!({"id": input["order"]["id"], "lines": skus,
                "state": {"as": ["ordered", {"first": input["order"]["lines"][0]}]}})
        }),
        (
            "intrinsic call",
            expression("States.Format('{} of {}', $.order.lines[0].sku, $.order.id)"),
            |input| {
                let (line, order) = (&input["order"]["lines"][0]["sku"], &input["order"]["id"]);
                format!("{} of {}", line.as_str().unwrap(), order.as_str().unwrap()).into()
            },
        ),
        ("JSONata path", jsonata("$states.input.order.customer.name"), |input| {
            input["order"]["customer"]["name"].clone()
        }),
        ("JSONata sum", jsonata("$sum($states.input.order.lines.(quantity * price))"), |input| {
            let each = |line: &Value| Some(line["quantity"].as_f64()? * line["price"].as_f64()?);
            lines(input).filter_map(each).sum::<f64>().into()
        }),
        (
            "JSONata object",
            jsonata(
                "{'id': $states.input.order.id, 'lines': $states.input.order.lines[quantity > 1].sku}",
            ),
            |input| {
                let many = lines(input).filter(|line| line["quantity"].as_f64() > Some(1.0));
                let skus: Vec<_> = many.map(|line| line["sku"].clone()).collect();
                json!({"id": input["order"]["id"], "lines": skus})
            },
        ),
    ]
}

fn order() -> Value {
    let line = |index: u64| json!({"sku": format!("sku-{index}"), "quantity": 1 + index % 3, "price": 2.5});
    let lines: Vec<_> = (0..8).map(line).collect();
    json!({"order": {"id": "12345", "customer": {"name": "Ada", "since": 2019}, "lines": lines}})
}

fn lines(input: &Value) -> impl Iterator<Item = &Value> {
    input["order"]["lines"].as_array().into_iter().flatten()
}

fn expressions(criterion: &mut Criterion) {
    let input = order();
    for (name, snippet, native) in cases() {
        let value = snippet.evaluate(&input).expect("it has a value");
        assert_eq!(value.as_f64(), native(&input).as_f64(), "{name} does the same in Rust");
        assert!(value.is_number() || value == native(&input), "{name} does the same in Rust");
        let mut group = criterion.benchmark_group(name);
        group.bench_function("compiled", |bencher| {
            bencher.iter(|| snippet.evaluate(black_box(&input)));
        });
        group.bench_function("Rust", |bencher| bencher.iter(|| native(black_box(&input))));
    }
}

/// Name, and the fields of each Pass state.
fn state_cases() -> [(&'static str, Value); 2] {
    let data_flow = json!({
        "Parameters": {"id.$": "$.order.id", "text.$": "States.Format('{}/{}', $.order.id, $$.State.Name)"},
        "ResultPath": "$.found",
    });
    [("Pass", json!({})), ("Pass with data flow", data_flow)]
}

fn states(criterion: &mut Criterion) {
    let started = started(json!({"order": {"id": "12345", "lines": [1, 2, 3]}}));
    for (name, fields) in state_cases() {
        let machine = chain(&fields);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(STATES));
        group.bench_function("states", |bencher| bencher.iter(|| run(&machine, &started)));
    }
}

/// A chain of Pass states with these fields.
fn chain(fields: &Value) -> Arc<StateMachine> {
    let state = |index: u64| {
        let mut state = fields.clone();
        state["Type"] = json!("Pass");
        match index + 1 < STATES {
            true => state["Next"] = json!(format!("S{}", index + 1)),
            false => state["End"] = json!(true),
        }
        (format!("S{index}"), state)
    };
    let states: Map<_, _> = (0..STATES).map(state).collect();
    parse(&json!({"StartAt": "S0", "States": states}))
}

fn parse(definition: &Value) -> Arc<StateMachine> {
    Arc::new(StateMachine::parse(&definition.to_string()).expect("the definition is valid"))
}

/// Name, and the fields of a Map over its input.
fn map_cases() -> [(&'static str, Value); 4] {
    let pass = json!({"StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": true}}});
    let task = json!({"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": true,
        "TimeoutSeconds": 60, "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Do"}}});
    let selected = json!({"at.$": "$$.Map.Item.Index"});
    let computed = json!("{% $states.context.Map.Item.Value & '!' %}");
    [
        ("Map of Pass", json!({"ItemProcessor": pass})),
        ("Map of Task", json!({"ItemProcessor": task})),
        ("Map with ItemSelector", json!({"ItemProcessor": pass, "ItemSelector": selected})),
        (
            "Map in JSONata",
            json!({"ItemProcessor": pass, "ItemSelector": computed, "QueryLanguage": "JSONata"}),
        ),
    ]
}

fn maps(criterion: &mut Criterion) {
    for (name, fields) in map_cases() {
        let mut map = json!({"Type": "Map", "End": true});
        map.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let machine = parse(&json!({"StartAt": "Each", "States": {"Each": map}}));
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for items in ITEMS {
            let started =
                started(json!((0..items).map(|it| format!("item-{it}")).collect::<Vec<_>>()));
            group.throughput(Throughput::Elements(items));
            group.bench_function(items.to_string(), |bencher| {
                bencher.iter(|| run(&machine, &started));
            });
        }
    }
}

/// Runs to the end; each task gives back what it is given, and each turn comes at once.
fn run(machine: &Arc<StateMachine>, started: &Fact) -> Execution {
    let mut execution = Execution::new(machine.clone());
    let mut answers = answers(execution.step(started));
    while let Some(kind) = answers.pop() {
        answers.extend(self::answers(execution.step(&Fact::new(Timestamp::from_millis(1), kind))));
    }
    assert!(matches!(execution.status(), Status::Succeeded { .. }), "{:?}", execution.status());
    execution
}

fn answers(step: Step) -> Vec<FactKind> {
    let answers = step.commands.into_iter().filter_map(|command| match command {
        Command::ScheduleTask(task) => {
            Some(FactKind::TaskSucceeded { task: task.task, output: task.input, version: None })
        }
        Command::StartTimer { timer, .. } if timer.kind() == CommandKind::Turn => {
            Some(FactKind::timer_fired(timer))
        }
        _ => None,
    });
    answers.collect()
}

/// The first fact of an Express execution, whose history is not bounded.
fn started(input: Value) -> Fact {
    let kind = FactKind::ExecutionStarted {
        id: "arn:aws:states:us-east-1:123456789012:express:bench:1:1".to_owned(),
        name: "1".to_owned(),
        role: "arn:aws:iam::123456789012:role/bench".to_owned(),
        machine: "arn:aws:states:us-east-1:123456789012:stateMachine:bench".to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: input.into(),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    };
    Fact::new(Timestamp::from_millis(0), kind)
}

/// Prints what criterion measured: an evaluation beside Rust's, a state, an item of few beside one of many.
#[expect(clippy::print_stdout, reason = "the table is what a bench is run for")]
fn table() {
    println!("\n| expression | ns | ns in Rust | ratio |\n|---|---|---|---|");
    for (name, ..) in cases() {
        let Some((compiled, native)) = nanos(name, "compiled").zip(nanos(name, "Rust")) else {
            continue;
        };
        println!("| {name} | {compiled:.0} | {native:.0} | {:.1} |", compiled / native);
    }
    println!("\n| state | µs |\n|---|---|");
    for (name, _) in state_cases() {
        let Some(all) = nanos(name, "states") else { continue };
        println!("| {name} | {:.2} |", all / 1_000.0 / STATES as f64);
    }
    let [few, many] = ITEMS;
    println!(
        "\n| inline Map | µs an item of {few} | µs an item of {many} | ratio |\n|---|---|---|---|"
    );
    for (name, _) in map_cases() {
        let each = |items: u64| Some(nanos(name, &items.to_string())? / 1_000.0 / items as f64);
        let Some((of_few, of_many)) = each(few).zip(each(many)) else { continue };
        println!("| {name} | {of_few:.2} | {of_many:.2} | {:.2} |", of_many / of_few);
    }
}

/// The median of a measurement, if it was taken.
fn nanos(group: &str, name: &str) -> Option<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or(root, Into::into).join("criterion");
    let file = folder.join(group).join(name).join("new/estimates.json");
    let estimates: Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
