//! `Retry` and `Catch`, in both languages.

use serde_json::{Value, json};

use super::{Generator, Place};

const NAMES: [&str; 6] = [
    "Boom",
    "Lambda.TooManyRequestsException",
    "States.HeartbeatTimeout",
    "States.QueryEvaluationError",
    "States.TaskFailed",
    "States.Timeout",
];

impl Generator<'_> {
    pub(super) fn handle_errors(&mut self, state: &mut Value, place: Place<'_>) {
        if self.random.one_in(2) {
            state["Retry"] = self.retriers();
        }
        if self.random.one_in(2) {
            let (named, other) = (self.catcher(place.later), self.catcher(place.later));
            let mut all = vec![named];
            if self.random.one_in(2) {
                all.push(other);
                all[1]["ErrorEquals"] = json!(["States.ALL"]);
            }
            state["Catch"] = all.into();
        }
    }

    fn retriers(&mut self) -> Value {
        let mut named = json!({"ErrorEquals": [self.random.pick(&NAMES)],
            "MaxAttempts": self.random.below(3)});
        if self.random.one_in(2) {
            named["JitterStrategy"] = json!(self.random.pick(&["FULL", "NONE"]));
        }
        if self.random.one_in(2) {
            named["IntervalSeconds"] = json!(1 + self.random.below(9));
            named["BackoffRate"] = json!(1.5);
            named["MaxDelaySeconds"] = json!(12);
        }
        json!([named, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "Comment": "once"}])
    }

    fn catcher(&mut self, next: &str) -> Value {
        json!({"ErrorEquals": [self.random.pick(&NAMES)], "Next": next})
    }

    /// What a catcher of a JSONPath state has besides.
    pub(super) fn shape_errors(&mut self, state: &mut Value, depth: usize) {
        for catcher in catchers(state) {
            if self.random.one_in(2) {
                catcher["ResultPath"] = json!(self.random.pick(&["$.error", "$", "$.error.deep"]));
            }
            if self.random.one_in(3) {
                catcher["Assign"] = json!({format!("v{depth}.$"): "$.Error"});
            }
        }
    }

    /// And of a JSONata state.
    pub(super) fn shape_errors_in_jsonata(&mut self, state: &mut Value, depth: usize) {
        for catcher in catchers(state) {
            if self.random.one_in(2) {
                catcher["Output"] = json!({"error": "{% $states.errorOutput %}", "n": 0});
            }
            if self.random.one_in(3) {
                let error = "{% $states.errorOutput.Error & '!' %}";
                catcher["Assign"] = json!({format!("v{depth}"): error});
            }
        }
    }
}

fn catchers(state: &mut Value) -> impl Iterator<Item = &mut Value> {
    state.get_mut("Catch").and_then(Value::as_array_mut).into_iter().flatten()
}
