//! States in JSONPath. What goes from state to state is an object, so that a `ResultPath` finds its
//! place; now and then it is not.

use serde_json::{Map, Value, json};

use super::{Generator, Place};

/// Every intrinsic function. `$v` and `$n` stand for the machine's variables.
const CALLS: [&str; 18] = [
    "States.Array($n, 'a', -1.5e1, true, null, $$.State.Name)",
    "States.ArrayContains(States.Array(1, $n), 2)",
    "States.ArrayGetItem(States.Array('a', $v), 1)",
    "States.ArrayLength($$.Execution.Input.items)",
    "States.ArrayPartition(States.ArrayRange(1, 9, 1), 4)",
    "States.ArrayRange(9, 1, -2)",
    "States.ArrayUnique(States.Array(1, 1, $n))",
    "States.Base64Decode(States.Base64Encode('ä'))",
    "States.Base64Encode($v)",
    r"States.Format('{} is \'{}\', not \{\}', $$.State.Name, $n)",
    "States.Hash($v, 'SHA-256')",
    "States.JsonMerge($$.Execution, $$.State, false)",
    "States.JsonToString($$.StateMachine)",
    "States.MathAdd($n, -1)",
    "States.MathRandom(1, 9)",
    "States.StringSplit($v, '-')",
    r#"States.StringToJson('{"a": [1, {"b": null}]}')"#,
    "States.UUID()",
];

/// Paths of every kind that lead somewhere in any state.
const PATHS: [&str; 10] = [
    "$$",
    "$$.Execution.Input.items[0:2]",
    "$$.Execution.Input['items','n']",
    "$$..Name",
    "$$.State.*",
    "$$.Execution.Input.items[?(@ > 1)]",
    "$$.Execution.Input.items.length()",
    "$n",
    "$v",
    "$$['State'][\"Name\"]",
];

impl Generator<'_> {
    pub(super) fn pass(&mut self, place: Place<'_>) -> Value {
        let mut pass = json!({"Type": "Pass", "Next": place.next});
        if self.random.one_in(3) {
            pass["InputPath"] = self.object_path();
        }
        match self.random.below(3) {
            0 => pass["Parameters"] = self.template(place.depth),
            1 => pass["Result"] = json!({"x.$": "not a path", "list": [1, {"y": null}]}),
            _ => {}
        }
        self.shape_result(&mut pass);
        self.assign(&mut pass, place.depth);
        pass
    }

    pub(super) fn wait(&mut self, place: Place<'_>) -> Value {
        let depth = place.depth;
        let (name, value) = match self.random.below(5) {
            0 => ("Seconds", json!(0)),
            1 => ("Seconds", json!(1 + self.random.below(90))),
            2 => ("SecondsPath", json!(format!("$n{depth}"))),
            3 => ("TimestampPath", json!(format!("$at{depth}"))),
            _ => ("Timestamp", json!("2026-11-22T22:05:00.5+01:00")),
        };
        let mut wait = json!({"Type": "Wait", name: value, "Next": place.next});
        if self.random.one_in(4) {
            wait["OutputPath"] = self.object_path();
        }
        self.assign(&mut wait, depth);
        wait
    }

    pub(super) fn choice(&mut self, place: Place<'_>) -> Value {
        let mut rules = vec![self.rule(place.depth, 2), self.rule(place.depth, 2)];
        rules[0]["Next"] = json!(place.later);
        rules[1]["Next"] = json!(place.next);
        if self.random.one_in(3) {
            rules[0]["Assign"] = self.assigned(place.depth);
        }
        let mut choice = json!({"Type": "Choice", "Choices": rules, "Default": place.next});
        self.assign(&mut choice, place.depth);
        choice
    }

    pub(super) fn task(&mut self, place: Place<'_>) -> Value {
        let depth = place.depth;
        let (resource, mut parameters) = self.resource(place);
        let mut task = json!({"Type": "Task", "Resource": resource, "Next": place.next});
        if let Some(members) = parameters.as_object_mut() {
            if members.contains_key("FunctionName") {
                members.insert("Payload".to_owned(), self.template(depth));
            }
            task["Parameters"] = parameters;
        } else if self.random.one_in(2) {
            task["Parameters"] = self.template(depth);
        }
        if resource.contains(".waitForTaskToken") && self.random.one_in(2) {
            task["Parameters"]["Subject.$"] = json!("$$.Task.Token");
        }
        match self.random.below(4) {
            0 => task["TimeoutSeconds"] = json!(60),
            1 => task["TimeoutSecondsPath"] = json!(format!("$n{depth}")),
            _ => {}
        }
        if self.random.one_in(3) {
            task["HeartbeatSeconds"] = json!(20);
        }
        if self.random.one_in(5) {
            let role = "States.Format('arn:aws:iam::123456789012:role/{}', $$.StateMachine.Name)";
            task["Credentials"] = json!({"RoleArn.$": role});
        }
        self.select_result(&mut task);
        self.shape_result(&mut task);
        self.assign(&mut task, depth);
        self.handle_errors(&mut task, place);
        self.shape_errors(&mut task, depth);
        task
    }

    pub(super) fn parallel(&mut self, place: Place<'_>) -> Value {
        let branches = self.branches(place);
        let mut parallel = json!({"Type": "Parallel", "Branches": branches, "Next": place.next});
        if self.random.one_in(3) {
            parallel["Parameters"] = self.template(place.depth);
        }
        self.shape_list(&mut parallel, place);
        parallel
    }

    pub(super) fn map(&mut self, place: Place<'_>) -> Value {
        let mut map = json!({"Type": "Map", "ItemsPath": "$$.Execution.Input.items",
            "Next": place.next});
        self.add_processor(&mut map, place);
        match self.random.below(4) {
            0 => map["MaxConcurrency"] = json!(self.random.below(3)),
            1 => map["MaxConcurrencyPath"] = json!(format!("$n{}", place.depth)),
            _ => {}
        }
        if self.random.one_in(2) {
            let name = self.random.pick(&["ItemSelector", "Parameters"]);
            map[name] = json!({"n.$": "$$.Map.Item.Index", "item": {"value.$": "$$.Map.Item.Value"},
                "id.$": "States.UUID()"});
        }
        self.shape_list(&mut map, place);
        map
    }

    pub(super) fn fail(&mut self, depth: usize) -> Value {
        match self.random.below(3) {
            0 => json!({"Type": "Fail"}),
            1 => json!({"Type": "Fail", "Error": "Boom", "Cause": "as generated"}),
            _ => json!({"Type": "Fail", "ErrorPath": format!("$v{depth}"),
                "CausePath": "States.Format('in {}', $$.State.Name)"}),
        }
    }

    /// A path to an object.
    fn object_path(&mut self) -> Value {
        match self.random.below(5) {
            0 => Value::Null,
            number => ["$", "$$", "$$.Execution.Input", "$$['State']"][number as usize - 1].into(),
        }
    }

    /// Where a result that is an object goes.
    fn shape_result(&mut self, state: &mut Value) {
        match self.random.below(6) {
            0 => state["ResultPath"] = Value::Null,
            1 => state["ResultPath"] = json!("$"),
            2 => state["ResultPath"] = json!("$.kept"),
            3 => {
                state["ResultPath"] = json!("$['kept'].deep");
                state["OutputPath"] = json!("$.kept");
            }
            _ => {}
        }
    }

    fn select_result(&mut self, state: &mut Value) {
        if self.random.one_in(3) {
            state["ResultSelector"] =
                json!({"result.$": "$", "as": ["it", {"id.$": "States.UUID()"}]});
        }
    }

    /// What a Parallel and a Map have in common. Their result is an array.
    fn shape_list(&mut self, state: &mut Value, place: Place<'_>) {
        match self.random.below(8) {
            0 => {}
            1 => state["ResultPath"] = Value::Null,
            2..5 => state["ResultPath"] = json!("$.all"),
            _ => state["ResultSelector"] = json!({"all.$": "$[*]", "first.$": "$[0]"}),
        }
        self.assign(state, place.depth);
        self.handle_errors(state, place);
        self.shape_errors(state, place.depth);
    }

    fn assign(&mut self, state: &mut Value, depth: usize) {
        if self.random.one_in(4) {
            state["Assign"] = self.assigned(depth);
        }
    }

    /// Each variable keeps its type.
    fn assigned(&mut self, depth: usize) -> Value {
        json!({format!("v{depth}.$"): "States.UUID()", format!("n{depth}"): 1 + self.random.below(60)})
    }

    /// A payload template that makes an object.
    fn template(&mut self, depth: usize) -> Value {
        let mut members = Map::new();
        for index in 0..self.random.index(4) {
            let name = format!("m{index}");
            match self.random.below(5) {
                0 => drop(members.insert(name, json!([{"States.UUID()": "$.a"}, 1.5e3]))),
                1 => drop(members.insert(name, json!([{"deep.$": self.call(depth)}]))),
                2 => drop(members.insert(name + ".$", self.path(depth))),
                3 if self.random.one_in(4) => drop(members.insert(name + ".$", json!("$"))),
                _ => drop(members.insert(name + ".$", self.call(depth))),
            }
        }
        members.into()
    }

    fn call(&mut self, depth: usize) -> Value {
        of_depth(self.random.pick(&CALLS), depth)
    }

    fn path(&mut self, depth: usize) -> Value {
        of_depth(self.random.pick(&PATHS), depth)
    }
}

/// With the machine's own variables.
pub(super) fn of_depth(text: &str, depth: usize) -> Value {
    let names = ["$v", "$n"].into_iter();
    let named = names.fold(text.to_owned(), |text, name| {
        let own = format!("{name}{depth}");
        // `$now` begins with `$n`.
        text.split(name).enumerate().fold(String::new(), |made, (index, piece)| {
            let is_variable = !piece.starts_with(|next: char| next.is_alphanumeric());
            match index {
                0 => piece.to_owned(),
                _ if is_variable => made + &own + piece,
                _ => made + name + piece,
            }
        })
    });
    named.into()
}
