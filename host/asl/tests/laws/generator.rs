//! Makes definitions that AWS would accept: every state type in both query languages, nested to a depth
//! of three. Every state is reached and every machine ends, for arrows lead forward, but for loops that
//! count. What a state reads is there, as a rule, so that executions come far.

mod errors;
mod jsonata;
mod jsonpath;
mod rules;

use serde_json::{Map, Value, json};

use crate::random::Random;

/// How deep Parallel and Map states nest.
const DEPTH: usize = 3;

pub(crate) struct Generator<'a> {
    random: &'a mut Random,
    /// How many states have a name.
    named: usize,
    /// Whether the whole machine is in JSONata.
    is_jsonata: bool,
}

/// Where a state stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// How many Parallel and Map states may still be inside.
    depth: usize,
    /// Whether an EXPRESS child of a Map Run has it.
    is_express: bool,
    /// The state that follows.
    next: &'a str,
    /// That state, or one after it.
    later: &'a str,
}

/// A whole definition.
pub(crate) fn definition(random: &mut Random) -> Value {
    let is_jsonata = random.one_in(4);
    let mut generator = Generator { random, named: 0, is_jsonata };
    let mut machine = generator.machine(DEPTH, false);
    let random = generator.random;
    if is_jsonata {
        machine["QueryLanguage"] = json!("JSONata");
    } else if random.one_in(3) {
        machine["QueryLanguage"] = json!("JSONPath");
    }
    if random.one_in(4) {
        machine["TimeoutSeconds"] = json!(600);
    }
    if random.one_in(4) {
        machine["Version"] = json!("1.0");
    }
    machine
}

impl Generator<'_> {
    /// A state that assigns the machine's variables, then a chain, with shortcuts and catchers.
    fn machine(&mut self, depth: usize, is_express: bool) -> Value {
        let length = 1 + self.random.index(4);
        let names: Vec<_> = (0..=length).map(|_| self.name()).collect();
        let mut states = Map::new();
        let first = self.name();
        states.insert(first.clone(), self.first(depth, &names[0]));
        for (index, name) in names[..length].iter().enumerate() {
            let later = &names[index + 1 + self.random.index(length - index)];
            let place = Place { depth, is_express, next: &names[index + 1], later };
            if self.random.one_in(9) {
                self.add_loop(name, place, &mut states);
            } else {
                states.insert(name.clone(), self.state(place));
            }
        }
        states.insert(names[length].clone(), self.last(depth));
        let mut machine = json!({"StartAt": first, "States": states});
        if self.random.one_in(4) {
            machine["Comment"] = json!("as \"generated\"");
        }
        machine
    }

    /// A name of its own; some are a test for whoever writes places.
    fn name(&mut self) -> String {
        self.named += 1;
        let number = self.named;
        match self.random.below(8) {
            0 => format!("Zahl ü {number}"),
            1 => format!("a/b[{number}]"),
            2 => format!("\"{number}\" ~ $.x"),
            _ => format!("S{number}"),
        }
    }

    /// Whether the next state is to be in JSONata.
    fn draws_jsonata(&mut self) -> bool {
        self.is_jsonata || self.random.one_in(3)
    }

    /// Says that a state is in JSONata, where that must be said; elsewhere at times.
    fn in_jsonata(&mut self, mut state: Value) -> Value {
        if !self.is_jsonata || self.random.one_in(5) {
            state["QueryLanguage"] = json!("JSONata");
        }
        state
    }

    fn in_jsonpath(&mut self, mut state: Value) -> Value {
        if self.random.one_in(9) {
            state["QueryLanguage"] = json!("JSONPath");
        }
        state
    }

    /// Assigns what the others read: a text `v`, a number `n`, a count `i` and a moment `at`, each with
    /// the depth after it, for a branch assigns nothing that is assigned around it.
    fn first(&mut self, depth: usize, next: &str) -> Value {
        if self.draws_jsonata() {
            let variables = variables([
                ("v", json!("{% $uuid() %}")),
                ("n", json!(60)),
                ("i", json!(0)),
                ("at", json!("{% $states.context.State.EnteredTime %}")),
            ]);
            let state = json!({"Type": "Pass", "Assign": variables(depth), "Next": next,
                "Output": {"n": 2, "was": "{% $states.input %}"}});
            return self.in_jsonata(state);
        }
        let variables = variables([
            ("v", json!("States.UUID()")),
            ("n", json!("States.MathAdd(59, 1)")),
            ("i", json!("States.MathAdd(0, 0)")),
            ("at", json!("$$.State.EnteredTime")),
        ]);
        let assign: Map<_, _> =
            variables(depth).into_iter().map(|(name, value)| (name + ".$", value)).collect();
        json!({"Type": "Pass", "Assign": assign, "Parameters": {"n": 2, "was.$": "$"}, "Next": next})
    }

    /// A state that leads to `next`, and may lead to `later`.
    fn state(&mut self, place: Place<'_>) -> Value {
        let kinds = if place.depth > 0 { 12 } else { 9 };
        let kind = self.random.below(kinds);
        let is_jsonata = self.draws_jsonata();
        let mut state = match (kind, is_jsonata) {
            (0 | 1, false) => self.pass(place),
            (0 | 1, true) => self.jsonata_pass(place),
            (2, false) => self.wait(place),
            (2, true) => self.jsonata_wait(place),
            (3, false) => self.choice(place),
            (3, true) => self.jsonata_choice(place),
            (4..9, false) => self.task(place),
            (4..9, true) => self.jsonata_task(place),
            (9, false) => self.parallel(place),
            (9, true) => self.jsonata_parallel(place),
            (_, false) => self.map(place),
            (_, true) => self.jsonata_map(place),
        };
        if self.random.one_in(6) {
            state["Comment"] = json!("");
        }
        if is_jsonata { self.in_jsonata(state) } else { self.in_jsonpath(state) }
    }

    fn last(&mut self, depth: usize) -> Value {
        let is_jsonata = self.draws_jsonata();
        let state = match (self.random.below(4), is_jsonata) {
            (0, false) => self.fail(depth),
            (0, true) => self.jsonata_fail(depth),
            (1, false) => {
                json!({"Type": "Succeed", "InputPath": "$$", "OutputPath": "$.State.Name"})
            }
            (1, true) => json!({"Type": "Succeed", "Output": self.jsonata_template(depth)}),
            (_, false) => json!({"Type": "Pass", "Result": {"n": 1}, "End": true}),
            (_, true) => json!({"Type": "Pass", "Output": {"n": 1}, "End": true}),
        };
        if is_jsonata { self.in_jsonata(state) } else { self.in_jsonpath(state) }
    }

    /// A state that counts, and one that goes back to it up to two times.
    fn add_loop(&mut self, name: &str, place: Place<'_>, states: &mut Map<String, Value>) {
        let (depth, next, again) = (place.depth, place.next, self.name());
        let (count, check) = if self.draws_jsonata() {
            let assign = json!({format!("i{depth}"): format!("{{% $i{depth} + 1 %}}")});
            let count = json!({"Type": "Pass", "Assign": assign, "Next": again});
            let holds = format!("{{% $i{depth} < 3 %}}");
            let check = json!({"Type": "Choice", "Default": next,
                "Choices": [{"Condition": holds, "Next": name}]});
            (self.in_jsonata(count), self.in_jsonata(check))
        } else {
            let assign = json!({format!("i{depth}.$"): format!("States.MathAdd($i{depth}, 1)")});
            let count = json!({"Type": "Pass", "Assign": assign, "Next": again});
            let rule =
                json!({"Variable": format!("$i{depth}"), "NumericLessThan": 3, "Next": name});
            (count, json!({"Type": "Choice", "Default": next, "Choices": [rule]}))
        };
        states.insert(name.to_owned(), count);
        states.insert(again, check);
    }

    /// One to three branches.
    fn branches(&mut self, place: Place<'_>) -> Vec<Value> {
        let count = 1 + self.random.index(3);
        (0..count).map(|_| self.machine(place.depth - 1, place.is_express)).collect()
    }

    /// A Map's processor, and what a Map has besides when its items are processed by executions of
    /// their own.
    fn add_processor(&mut self, map: &mut Value, place: Place<'_>) {
        let is_distributed = !place.is_express && self.random.one_in(3);
        let children_are_express = is_distributed && self.random.one_in(2);
        let mut processor = self.machine(place.depth - 1, place.is_express || children_are_express);
        if is_distributed {
            let kind = if children_are_express { "EXPRESS" } else { "STANDARD" };
            processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": kind});
            self.add_limits(map);
        } else if self.random.one_in(3) {
            processor["ProcessorConfig"] = json!({"Mode": "INLINE"});
        }
        let is_legacy = !is_distributed && self.random.one_in(4);
        map[if is_legacy { "Iterator" } else { "ItemProcessor" }] = processor;
    }

    fn add_limits(&mut self, map: &mut Value) {
        if self.random.one_in(2) {
            self.named += 1;
            map["Label"] = json!(format!("orders-{}", self.named));
        }
        if self.random.one_in(3) {
            map["ToleratedFailureCount"] = json!(1);
        }
        if self.random.one_in(3) {
            map["ToleratedFailurePercentage"] = json!(12.5);
        }
        if self.random.one_in(3) {
            map["ItemBatcher"] = json!({"MaxItemsPerBatch": 2, "BatchInput": {"day": "Monday"}});
        }
        let is_jsonata = map.get("Items").is_some();
        let arguments = if is_jsonata { "Arguments" } else { "Parameters" };
        if self.random.one_in(3) {
            map.as_object_mut().expect("a map").retain(|name, _| !name.starts_with("Items"));
            map["ItemReader"] = self.reader(arguments);
        }
        if self.random.one_in(3) {
            map["ResultWriter"] = json!({"Resource": "arn:aws:states:::s3:putObject",
                arguments: {"Bucket": "results", "Prefix": "orders"},
                "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"}});
        }
    }

    /// Reads items from Amazon S3.
    fn reader(&mut self, arguments: &str) -> Value {
        let object = json!({"Bucket": "orders", "Key": "today"});
        match self.random.below(3) {
            0 => json!({"Resource": "arn:aws:states:::s3:listObjectsV2",
                arguments: {"Bucket": "orders", "Prefix": "days/"}}),
            1 => json!({"Resource": "arn:aws:states:::s3:getObject", arguments: object,
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}}),
            _ => json!({"Resource": "arn:aws:states:::s3:getObject", arguments: object,
                "ReaderConfig": {"InputType": "JSON", "MaxItems": 5}}),
        }
    }

    /// The resource of a task and, where its parameters are known, those that it must have; in
    /// JSONPath, with one member that is a path.
    fn resource(&mut self, place: Place<'_>) -> (&'static str, Value) {
        const ANYWHERE: usize = 6;
        let all = [
            ("arn:aws:states:::lambda:invoke", json!({"FunctionName": "Pay"})),
            ("arn:aws:lambda:us-east-1:123456789012:function:Pay:7", Value::Null),
            ("arn:aws:states:::aws-sdk:s3:getObject", json!({"Bucket": "b", "Key": "k"})),
            (
                "arn:aws:states:::sqs:sendMessage",
                json!({"QueueUrl": "https://q", "MessageBody": "m"}),
            ),
            (
                "arn:aws:states:::dynamodb:getItem",
                json!({"TableName": "t", "Key": {"id": {"S": "1"}}}),
            ),
            ("arn:aws:states:::events:putEvents", json!({"Entries": [{"Detail": {"a": 1}}]})),
            ("arn:aws:states:us-east-1:123456789012:activity:Pack", Value::Null),
            (
                "arn:aws:states:::sns:publish.waitForTaskToken",
                json!({"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"}),
            ),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                json!({"StateMachineArn":
                    "arn:aws:states:us-east-1:123456789012:stateMachine:other"}),
            ),
        ];
        let count = if place.is_express { ANYWHERE } else { all.len() };
        all[self.random.index(count)].clone()
    }
}

/// Names and values; each name gets the depth of its machine.
fn variables<const N: usize>(
    all: [(&'static str, Value); N],
) -> impl FnOnce(usize) -> Map<String, Value> {
    move |depth| all.into_iter().map(|(name, value)| (format!("{name}{depth}"), value)).collect()
}
