//! Choice rules, as tables: a rule, an input, and whether it holds.

use serde_json::json;

use super::*;
use crate::payload::testing::in_scope;

fn read(rule: &Value) -> (Option<Rule>, Vec<String>) {
    let mut found = Findings::default();
    let at = Location::default().field("States").field("C").field("Choices").index(0);
    let rule = Rule::read(rule.as_object().unwrap(), &at, &mut found);
    (rule, found.iter().map(|it| format!("{} at {}", it.message, it.location)).collect())
}

fn evaluated(rule: &Value, input: &Value) -> String {
    let (rule, found) = read(rule);
    assert_eq!(found, Vec::<String>::new());
    match in_scope(input, |scope| rule.expect("nothing was found wrong").holds(scope)) {
        Ok(holds) => holds.to_string(),
        Err(error) => format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default()),
    }
}

/// Whether `{"Variable": "$.v", operator: operand}` holds, and so for the operand at a path.
#[track_caller]
fn check(operator: &str, variable: &Value, operand: &Value, expected: bool) {
    let rule = json!({"Variable": "$.v", operator: operand, "Next": "A"});
    let input = json!({"v": variable, "o": operand});
    assert_eq!(evaluated(&rule, &input), expected.to_string(), "{rule} {input}");
    let by_path = format!("{operator}Path");
    if OPERATORS.iter().any(|(name, _)| *name == by_path) {
        let rule = json!({"Variable": "$.v", by_path: "$.o", "Next": "A"});
        assert_eq!(evaluated(&rule, &input), expected.to_string(), "{rule} {input}");
    }
}

#[test]
fn values_of_a_type_are_compared() {
    // The type, a smaller value, and a greater one.
    let types = [
        ("String", json!("A"), json!("AB")),
        ("String", json!("Z"), json!("a")),
        ("String", json!("\u{1f197}"), json!("\u{ff21}")),
        ("Numeric", json!(-1), json!(0.5)),
        ("Numeric", json!(9_007_199_254_740_992_i64), json!(9_007_199_254_740_993_i64)),
        ("Timestamp", json!("2026-01-31T12:00:00Z"), json!("2026-01-31T12:00:00.0000001Z")),
        ("Timestamp", json!("2026-01-31T12:00:00+02:00"), json!("2026-01-31T11:00:00Z")),
    ];
    for (of, less, more) in &types {
        let cases = [
            ("Equals", [false, true, false]),
            ("LessThan", [true, false, false]),
            ("LessThanEquals", [true, true, false]),
            ("GreaterThan", [false, false, true]),
            ("GreaterThanEquals", [false, true, true]),
        ];
        for (relation, [of_less, of_same, of_more]) in cases {
            let operator = format!("{of}{relation}");
            check(&operator, less, more, of_less);
            check(&operator, less, less, of_same);
            check(&operator, more, less, of_more);
        }
    }
    check("NumericEquals", &json!(0), &json!(0.0), true);
    check(
        "TimestampEquals",
        &json!("2026-01-31T14:00:00+02:00"),
        &json!("2026-01-31T12:00:00.000Z"),
        true,
    );
    check("BooleanEquals", &json!(true), &json!(true), true);
    check("BooleanEquals", &json!(true), &json!(false), false);
}

#[test]
fn a_value_of_another_type_is_no_match() {
    let values = [
        json!(null),
        json!(0),
        json!(1),
        json!(""),
        json!("1"),
        json!("true"),
        json!(true),
        json!([]),
        json!([1]),
        json!({}),
        json!("2026-01-31"),
        json!("2026-01-31T12:00:00Z"),
    ];
    let operands = [
        ("StringEquals", json!("x")),
        ("NumericGreaterThan", json!(2)),
        ("BooleanEquals", json!(false)),
        ("TimestampLessThan", json!("1999-01-01T00:00:00Z")),
        ("StringMatches", json!("x*")),
    ];
    for (operator, operand) in &operands {
        for value in &values {
            check(operator, value, operand, false);
        }
    }
}

#[test]
fn a_value_is_asked_for_its_type() {
    // What the value is, besides present.
    let cases: [(Value, &[&str]); 12] = [
        (json!(null), &["IsNull"]),
        (json!(0), &["IsNumeric"]),
        (json!(1.5), &["IsNumeric"]),
        (json!("1"), &["IsString"]),
        (json!("2026-01-31"), &["IsString"]),
        (json!("2026-01-31 12:00:00Z"), &["IsString"]),
        (json!("2026-01-31T12:00:00"), &["IsString"]),
        (json!("2026-01-31T12:00:00Z"), &["IsString", "IsTimestamp"]),
        (json!("2026-01-31T12:00:00.123456789123+01:00"), &["IsString", "IsTimestamp"]),
        (json!(false), &["IsBoolean"]),
        (json!([]), &[]),
        (json!({}), &[]),
    ];
    let operators = ["IsNull", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp", "IsPresent"];
    for (value, is) in &cases {
        for operator in operators {
            let holds = operator == "IsPresent" || is.contains(&operator);
            check(operator, value, &json!(true), holds);
            check(operator, value, &json!(false), !holds);
        }
    }
}

#[test]
fn only_is_present_may_look_for_what_is_not_there() {
    let input = json!({"v": 1, "l": [1]});
    for path in ["$.x", "$.v.x", "$.x.y", "$.l[1]", "$$.Task.Token"] {
        let rule = json!({"Variable": path, "IsPresent": true});
        assert_eq!(evaluated(&rule, &input), "false");
        let rule = json!({"Variable": path, "IsPresent": false});
        assert_eq!(evaluated(&rule, &input), "true");
        let expected = format!(
            "States.Runtime: Invalid path '{path}': The choice state's condition path references \
             an invalid value."
        );
        let rules = [
            json!({"Variable": path, "IsNull": true}),
            json!({"Variable": path, "StringEquals": "a"}),
            json!({"Variable": path, "StringMatches": "a"}),
            json!({"Variable": "$.v", "NumericEqualsPath": path}),
            json!({"Not": {"Variable": path, "IsString": true}}),
        ];
        for rule in rules {
            assert_eq!(evaluated(&rule, &input), expected, "{rule}");
        }
    }
    let rule = json!({"Variable": "$$.Execution.Input.order.id", "NumericEqualsPath": "$$.Execution.Input.order.id"});
    assert_eq!(evaluated(&rule, &input), "true");
}

#[test]
fn rules_are_joined_up_to_the_first_that_decides() {
    let (yes, no) = (
        json!({"Variable": "$.v", "IsNumeric": true}),
        json!({"Variable": "$.v", "IsNumeric": false}),
    );
    let fails = json!({"Variable": "$.x", "IsNull": true});
    let cases = [
        (json!({"And": [yes, yes]}), "true"),
        (json!({"And": [yes, no]}), "false"),
        (json!({"And": [no, fails]}), "false"),
        (json!({"Or": [no, no]}), "false"),
        (json!({"Or": [no, yes]}), "true"),
        (json!({"Or": [yes, fails]}), "true"),
        (json!({"Not": no}), "true"),
        (json!({"Not": {"Comment": "both", "And": [yes, {"Or": [no, {"Not": no}]}]}}), "false"),
    ];
    for (rule, expected) in cases {
        assert_eq!(evaluated(&rule, &json!({"v": 1})), expected, "{rule}");
    }
}

#[test]
fn what_is_wrong_with_a_rule_is_reported_where_it_stands() {
    let at = "at /States/C/Choices[0]";
    let cases = [
        (
            json!({"Variable": "$.a"}),
            vec![format!("A Choice rule must have a comparison operator {at}")],
        ),
        (json!({"StringEquals": "a"}), vec![format!("These fields are required: [Variable] {at}")]),
        (
            json!({"Variable": "$.a", "StringEqual": "a"}),
            vec![
                format!("A Choice rule must have a comparison operator {at}"),
                format!("Field 'StringEqual' is not supported {at}"),
            ],
        ),
        (
            json!({"Variable": "$.a", "IsNull": true, "IsString": true}),
            vec![format!(
                "There should only be one of the following fields: [IsNull, IsString] {at}"
            )],
        ),
        (
            json!({"Variable": "$.a", "Not": {"Variable": "$.a", "IsNull": true}}),
            vec![format!("Field 'Variable' is not supported {at}")],
        ),
        (
            json!({"Variable": "$.a[*]", "IsNull": true}),
            vec![format!("Value is not a Reference Path {at}/Variable")],
        ),
        (
            json!({"Variable": "$.a", "NumericEqualsPath": 5}),
            vec![format!("Expected value of type [STRING] {at}/NumericEqualsPath")],
        ),
        (
            json!({"Variable": "$.a", "NumericEqualsPath": "5"}),
            vec![format!("Value is not a Reference Path {at}/NumericEqualsPath")],
        ),
        (
            json!({"Variable": "$.a", "NumericEquals": "5"}),
            vec![format!("Expected value of type [NUMBER] {at}/NumericEquals")],
        ),
        (
            json!({"Variable": "$.a", "StringEquals": 5}),
            vec![format!("Expected value of type [STRING] {at}/StringEquals")],
        ),
        (
            json!({"Variable": "$.a", "BooleanEquals": 0}),
            vec![format!("Expected value of type [BOOLEAN] {at}/BooleanEquals")],
        ),
        (
            json!({"Variable": "$.a", "IsNull": "true"}),
            vec![format!("Expected value of type [BOOLEAN] {at}/IsNull")],
        ),
        (
            json!({"Variable": "$.a", "TimestampEquals": "2026-01-31"}),
            vec![format!("String does not match RFC3339 timestamp {at}/TimestampEquals")],
        ),
        (
            json!({"Variable": "$.a", "StringMatches": "a\\b"}),
            vec![format!("Value is not a valid StringMatches pattern {at}/StringMatches")],
        ),
        (json!({"And": []}), vec![format!("Value cannot be empty {at}/And")]),
        (json!({"Or": {}}), vec![format!("Expected value of type [ARRAY] {at}/Or")]),
        (json!({"Not": []}), vec![format!("Expected value of type [OBJECT] {at}/Not")]),
        (
            json!({"And": [{"Variable": "$.a", "IsNull": true, "Next": "A"}]}),
            vec![format!("Field 'Next' is not supported {at}/And[0]")],
        ),
        (
            json!({"Not": {"Or": [{"IsNull": true}, {"Variable": "$.a"}]}}),
            vec![
                format!("These fields are required: [Variable] {at}/Not/Or[0]"),
                format!("A Choice rule must have a comparison operator {at}/Not/Or[1]"),
            ],
        ),
    ];
    for (rule, expected) in cases {
        assert_eq!(read(&rule).1, expected, "{rule}");
    }
}

#[test]
fn every_operator_has_one_name() {
    let mut names: Vec<_> = OPERATORS.iter().map(|(name, _)| *name).collect();
    names.dedup();
    assert!(names.is_sorted());
    assert_eq!(names.len(), OPERATORS.len());
    assert!(names.iter().filter(|name| !["And", "Or", "Not"].contains(name)).count() == 39);
}
