//! Rules of a Choice in JSONPath: every operator, on what is there in any state.

use serde_json::{Value, json};

use super::Generator;

const RELATIONS: [&str; 5] =
    ["Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];

impl Generator<'_> {
    /// A rule without its `Next`, with others in it to this depth.
    pub(super) fn rule(&mut self, depth: usize, nested: usize) -> Value {
        match self.random.below(if nested > 0 { 7 } else { 4 }) {
            0 => self.test(depth),
            1 => json!({"Variable": format!("$v{depth}"), "StringMatches": r"*-4*\*\\"}),
            2 => self.comparison(depth),
            3 => self.comparison_with_path(depth),
            4 => json!({"Not": self.rule(depth, nested - 1)}),
            number => {
                let name = if number == 5 { "And" } else { "Or" };
                let rules = [self.rule(depth, nested - 1), self.rule(depth, nested - 1)];
                json!({name: rules, "Comment": "both, or one"})
            }
        }
    }

    fn test(&mut self, depth: usize) -> Value {
        let tests = ["IsBoolean", "IsNull", "IsNumeric", "IsPresent", "IsString", "IsTimestamp"];
        let test = self.random.pick(&tests);
        let variable = match test {
            "IsPresent" => self.random.pick(&["$.n", "$.gone.for.good", "$gone"]).to_owned(),
            _ => format!("{}{depth}", self.random.pick(&["$v", "$n", "$at"])),
        };
        json!({"Variable": variable, test: self.random.one_in(2)})
    }

    fn comparison(&mut self, depth: usize) -> Value {
        let relation = self.random.pick(&RELATIONS);
        match self.random.below(4) {
            0 => json!({"Variable": "$$.Execution.Name", format!("String{relation}"): "other"}),
            1 => json!({"Variable": format!("$n{depth}"), format!("Numeric{relation}"): 1.5e1}),
            2 => json!({"Variable": format!("$at{depth}"),
                format!("Timestamp{relation}"): "2026-11-22T21:04:30Z"}),
            _ => json!({"Variable": "$$.State.Name", "BooleanEquals": true}),
        }
    }

    fn comparison_with_path(&mut self, depth: usize) -> Value {
        let relation = self.random.pick(&RELATIONS);
        match self.random.below(4) {
            0 => json!({"Variable": format!("$v{depth}"),
                format!("String{relation}Path"): "$$.Execution.Id"}),
            1 => json!({"Variable": "$$.Execution.Input.n",
                format!("Numeric{relation}Path"): format!("$n{depth}")}),
            2 => json!({"Variable": "$$.State.EnteredTime",
                format!("Timestamp{relation}Path"): "$$.Execution.StartTime"}),
            _ => json!({"Variable": "$$.State.Name", "BooleanEqualsPath": "$$.State.Name"}),
        }
    }
}
