//! States in JSONata.

use serde_json::{Map, Value, json};

use super::{Generator, Place, jsonpath::of_depth};

/// Expressions that have a value in any state. `$v` and `$n` stand for the machine's variables.
const EXPRESSIONS: [&str; 22] = [
    "$states.input",
    "$states.context.Execution.Input.items",
    "$states.context.State.Name & ' of ' & $states.context.StateMachine.Name",
    "$uuid()",
    "$random() < 0.5",
    "$now()",
    "$millis() > 0",
    "$n + 1.5",
    "$v & '!'",
    "[1..3].($ * $n)",
    "$sum([1..9])",
    "$map([1..3], function($i) { $i * 2 })",
    "$merge([{'a': 1}, {'b': [null, true]}])",
    "$partition([1..9], 4)",
    "$range(9, 1, -2)",
    "$hash($v, 'SHA-256')",
    "$parse('{\"a\": [1]}')",
    "$string($states.input)",
    "($twice := function($x) { $x * 2 }; $twice($n))",
    "$sort([3, 1, 2], function($l, $r) { $l > $r })",
    "$exists($states.input.n) ? 'there' : 'gone'",
    "{'name': $uppercase($v), 'list': $split($v, '-')}",
];

impl Generator<'_> {
    pub(super) fn jsonata_pass(&mut self, place: Place<'_>) -> Value {
        let mut pass = json!({"Type": "Pass", "Next": place.next});
        if self.random.one_in(2) {
            pass["Output"] = self.jsonata_template(place.depth);
        }
        self.jsonata_assign(&mut pass, place.depth);
        pass
    }

    pub(super) fn jsonata_wait(&mut self, place: Place<'_>) -> Value {
        let depth = place.depth;
        let (name, value) = match self.random.below(4) {
            0 => ("Seconds", json!(self.random.below(90))),
            1 => ("Seconds", json!(format!("{{% $length($v{depth}) %}}"))),
            2 => ("Timestamp", json!(format!("{{% $at{depth} %}}"))),
            _ => ("Timestamp", json!("2026-11-22T21:05:00Z")),
        };
        let mut wait = json!({"Type": "Wait", name: value, "Next": place.next});
        self.jsonata_output(&mut wait, depth);
        self.jsonata_assign(&mut wait, depth);
        wait
    }

    pub(super) fn jsonata_choice(&mut self, place: Place<'_>) -> Value {
        let depth = place.depth;
        let condition = match self.random.below(4) {
            0 => json!(true),
            1 => json!("{% $exists($states.input.n) %}"),
            2 => json!(format!("{{% $n{depth} < 30 and $random() < 0.5 %}}")),
            _ => json!(format!("{{% 'x' in $split($v{depth}, '') %}}")),
        };
        let mut rule = json!({"Condition": condition, "Next": place.later});
        self.jsonata_output(&mut rule, depth);
        self.jsonata_assign(&mut rule, depth);
        let mut choice = json!({"Type": "Choice", "Choices": [rule], "Default": place.next});
        self.jsonata_output(&mut choice, depth);
        self.jsonata_assign(&mut choice, depth);
        choice
    }

    pub(super) fn jsonata_task(&mut self, place: Place<'_>) -> Value {
        let depth = place.depth;
        let (resource, mut arguments) = self.resource(place);
        let mut task = json!({"Type": "Task", "Resource": resource, "Next": place.next});
        if let Some(members) = arguments.as_object_mut() {
            if members.contains_key("FunctionName") {
                members.insert("Payload".to_owned(), self.jsonata_template(depth));
            }
            task["Arguments"] = arguments;
        } else if self.random.one_in(2) {
            task["Arguments"] = self.jsonata_template(depth);
        }
        match self.random.below(4) {
            0 => task["TimeoutSeconds"] = json!(60),
            1 => task["TimeoutSeconds"] = json!(format!("{{% $n{depth} %}}")),
            _ => {}
        }
        if self.random.one_in(3) {
            task["HeartbeatSeconds"] = json!("{% 10 + 10 %}");
        }
        if self.random.one_in(5) {
            let role =
                "{% 'arn:aws:iam::123456789012:role/' & $states.context.StateMachine.Name %}";
            task["Credentials"] = json!({"RoleArn": role});
        }
        self.shape_jsonata(&mut task, place);
        task
    }

    pub(super) fn jsonata_parallel(&mut self, place: Place<'_>) -> Value {
        let branches = self.branches(place);
        let mut parallel = json!({"Type": "Parallel", "Branches": branches, "Next": place.next});
        if self.random.one_in(3) {
            parallel["Arguments"] = self.jsonata_template(place.depth);
        }
        self.shape_jsonata(&mut parallel, place);
        parallel
    }

    pub(super) fn jsonata_map(&mut self, place: Place<'_>) -> Value {
        let items = match self.random.below(3) {
            0 => json!("{% $states.context.Execution.Input.items %}"),
            1 => json!("{% $range(1, 3, 1) %}"),
            _ => json!(["a", "{% $states.context.State.Name %}", {"b": "{% 1 + 1 %}"}]),
        };
        let mut map = json!({"Type": "Map", "Items": items, "Next": place.next});
        self.add_processor(&mut map, place);
        match self.random.below(4) {
            0 => map["MaxConcurrency"] = json!(self.random.below(3)),
            1 => map["MaxConcurrency"] = json!(format!("{{% $n{} %}}", place.depth)),
            _ => {}
        }
        if self.random.one_in(2) {
            map["ItemSelector"] = json!({"n": "{% $states.context.Map.Item.Index %}",
                "item": ["{% $states.context.Map.Item.Value %}"]});
        }
        self.shape_jsonata(&mut map, place);
        map
    }

    pub(super) fn jsonata_fail(&mut self, depth: usize) -> Value {
        match self.random.below(3) {
            0 => json!({"Type": "Fail"}),
            1 => json!({"Type": "Fail", "Error": "Boom", "Cause": "as generated"}),
            _ => json!({"Type": "Fail", "Error": format!("{{% $v{depth} %}}"),
                "Cause": "{% 'in ' & $states.context.State.Name %}"}),
        }
    }

    /// A value with expressions in it.
    pub(super) fn jsonata_template(&mut self, depth: usize) -> Value {
        if self.random.one_in(4) {
            return self.expression(depth);
        }
        let mut members = Map::new();
        for index in 0..self.random.index(4) {
            let value = match self.random.below(4) {
                0 => json!(["text", 1.5e3, null, {"Next": "{ % no expression % }"}]),
                1 => json!([{"deep": self.expression(depth)}]),
                _ => self.expression(depth),
            };
            members.insert(format!("m{index}"), value);
        }
        members.into()
    }

    /// What states with a result have in common.
    fn shape_jsonata(&mut self, state: &mut Value, place: Place<'_>) {
        match self.random.below(4) {
            0 => state["Output"] = json!("{% $states.result %}"),
            1 => state["Output"] = json!({"n": 3, "result": "{% $states.result %}"}),
            _ => {}
        }
        self.jsonata_assign(state, place.depth);
        self.handle_errors(state, place);
        self.shape_errors_in_jsonata(state, place.depth);
    }

    fn jsonata_output(&mut self, state: &mut Value, depth: usize) {
        if self.random.one_in(4) {
            state["Output"] = self.jsonata_template(depth);
        }
    }

    /// Each variable keeps its type.
    fn jsonata_assign(&mut self, state: &mut Value, depth: usize) {
        if self.random.one_in(4) {
            let text = "{% $now() & $string($shuffle([1..9])) %}";
            let number = "{% $floor($random() * 60) + 1 %}";
            state["Assign"] = json!({format!("v{depth}"): text, format!("n{depth}"): number});
        }
    }

    fn expression(&mut self, depth: usize) -> Value {
        let text = of_depth(self.random.pick(&EXPRESSIONS), depth);
        format!("{{% {} %}}", text.as_str().expect("an expression is text")).into()
    }
}
