//! The laws of data flow, on any JSON: `InputPath`, `Parameters`, `ResultPath`, `OutputPath`, variables,
//! intrinsic functions, and both languages beside one another.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stepyard_asl::{Execution, StatesError, Status};

use crate::facts::{fact, parse, started};

/// Any JSON with the names `a` and `b` in it, so that paths lead somewhere.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "[ab1]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner, 4).prop_map(Value::Object),
        ]
    })
}

fn members(
    values: impl Strategy<Value = Value>,
    count: usize,
) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![4 => "[ab]", 1 => ".{0,4}"];
    prop::collection::vec((name, values), 0..count)
        .prop_map(|members| members.into_iter().collect())
}

fn objects() -> impl Strategy<Value = Value> {
    members(values(), 4).prop_map(Value::Object)
}

/// A Reference Path of names and indexes, short enough to lead somewhere.
const REFERENCE: &str = r"\$(\.[ab]|\['[ab]'\]|\[-?[0-2]\]){1,4}";

/// One of names alone.
const NAMES: &str = r"\$(\.[abc]|\['[abc d]'\]){1,4}";

/// Anything that looks like a path, or nearly so.
const PATH: &str = r"\$(\.[ab*]|\.\.[ab*]|\['[ab]'\]|\[-?[0-2]\]|\[\*\]|\[0,1\]|\[-?1?:-?1?\]|\[\?\(@(\.a)? ?(==|<|=~) ?(1|'a'|\$\.b|/a/)\)\]|\.length\(\)|\[\?|\$|a){0,4}";

/// What an execution of these states, one after the other, comes to.
fn run(input: &Value, states: &[Value]) -> Result<Value, StatesError> {
    let mut machine = json!({"StartAt": "S0", "States": {}});
    for (index, state) in states.iter().enumerate() {
        let mut state = state.clone();
        if state.get("Type").is_none() {
            state["Type"] = json!("Pass");
        }
        match index + 1 < states.len() {
            true => state["Next"] = json!(format!("S{}", index + 1)),
            false => state["End"] = json!(true),
        }
        machine["States"][format!("S{index}")] = state;
    }
    let mut execution = Execution::new(parse(&machine));
    execution.step(&fact(0, started("execution", input, 1)));
    match execution.status() {
        Status::Succeeded { output } => Ok(output.value().clone()),
        Status::Failed { error } => Err(error.clone()),
        status => panic!("{status:?}"),
    }
}

fn pass(input: &Value, fields: Value) -> Result<Value, StatesError> {
    run(input, &[fields])
}

/// What a template makes of `{"v": value}`, at `$.v`.
fn call(value: &Value, text: &str) -> Value {
    let fields = json!({"Parameters": {"it.$": text}, "OutputPath": "$.it"});
    pass(&json!({ "v": value }), fields).unwrap()
}

/// A value as JSONata writes it: a whole number without a point, and one past 64 bits as a double.
fn evaluated(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(evaluated).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, it)| (name.clone(), evaluated(it))).collect()
        }
        Value::Number(number) if number.as_i64().is_none() => {
            let float = number.as_f64().unwrap();
            let end = 2_f64.powi(63);
            let fits = float.fract() == 0.0 && (-end..end).contains(&float);
            if fits { json!(float as i64) } else { json!(float) }
        }
        _ => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whole_paths_are_the_identity(input in values()) {
        for fields in [
            json!({}),
            json!({"InputPath": "$", "ResultPath": "$", "OutputPath": "$"}),
            json!({"ResultPath": null, "Result": 1}),
            json!({"ResultPath": null, "Parameters": {"a.$": "$$.State"}}),
            json!({"InputPath": "$$.Execution.Input"}),
            json!({"InputPath": null, "OutputPath": "$$.Execution.Input"}),
            json!({"QueryLanguage": "JSONata"}),
            json!({"QueryLanguage": "JSONata", "Output": "{% $states.input %}"}),
            json!({"QueryLanguage": "JSONata", "Output": "{% $states.context.Execution.Input %}"}),
        ] {
            let shown = fields.to_string();
            let is_evaluated = fields.get("Output").is_some();
            let expected = if is_evaluated { evaluated(&input) } else { input.clone() };
            prop_assert_eq!(pass(&input, fields), Ok(expected), "{}", shown);
        }
    }

    #[test]
    fn null_paths_give_an_empty_object(input in values()) {
        prop_assert_eq!(pass(&input, json!({"InputPath": null})), Ok(json!({})));
        prop_assert_eq!(pass(&input, json!({"OutputPath": null})), Ok(json!({})));
    }

    #[test]
    fn a_result_is_taken_as_it_stands(input in values(), result in values()) {
        let fields = json!({"Result": {"x.$": result, "y": result}, "Parameters": {"gone.$": "$"}});
        prop_assert_eq!(pass(&input, fields), Ok(json!({"x.$": result, "y": result})));
    }

    #[test]
    fn what_result_path_puts_output_path_takes(
        input in values(), result in values(), path in REFERENCE,
    ) {
        let there = pass(&input, json!({"Result": result, "ResultPath": path, "OutputPath": path}));
        match there {
            Ok(output) => prop_assert_eq!(output, result),
            Err(error) => prop_assert_eq!(error.name(), "States.ResultPathMatchFailure"),
        }
    }

    #[test]
    fn names_that_are_missing_are_made(result in values(), path in NAMES) {
        let fields = json!({"Result": result, "ResultPath": path, "OutputPath": path});
        prop_assert_eq!(pass(&json!({}), fields), Ok(result));
    }

    #[test]
    fn a_result_leaves_all_else_where_it_was(input in objects(), result in values()) {
        let output = pass(&input, json!({"Result": result, "ResultPath": "$['the result']"}));
        let mut expected = input;
        expected["the result"] = result;
        let output = output.map(|it| it.to_string());
        prop_assert_eq!(output, Ok(expected.to_string()), "the order of members included");
    }

    #[test]
    fn a_result_that_is_put_twice_is_there_once(
        input in values(), result in values(), path in REFERENCE,
    ) {
        let put = json!({"Result": result, "ResultPath": path});
        prop_assert_eq!(run(&input, &[put.clone(), put.clone()]), pass(&input, put));
    }

    /// Each with its own words where the path leads nowhere.
    #[test]
    fn every_field_that_takes_a_path_finds_the_same(input in values(), path in REFERENCE) {
        let found = pass(&input, json!({"InputPath": path})).ok();
        prop_assert_eq!(pass(&input, json!({"OutputPath": path})).ok(), found.clone());
        prop_assert_eq!(
            run(&input, &[json!({"Assign": {"it.$": path}}),
                json!({"InputPath": "$it"})]).ok(),
            pass(&input, json!({"Parameters": {"it.$": path}, "OutputPath": "$.it"})).ok()
        );
        if let Some(found) = found {
            let made = pass(&input, json!({"Parameters": {"deep": [{"it.$": path}]}}));
            prop_assert_eq!(made, Ok(json!({"deep": [{"it": found}]})));
        }
    }

    #[test]
    fn whatever_the_paths_a_state_passes_or_fails_by_name(
        input in values(), paths in prop::array::uniform4(PATH), result in values(),
    ) {
        let [input_path, parameter, result_path, output_path] = paths;
        let state = json!({"Type": "Pass", "InputPath": input_path, "OutputPath": output_path,
            "Parameters": {"it.$": parameter, "as": result}, "ResultPath": result_path, "End": true});
        let definition = json!({"StartAt": "S0", "States": {"S0": state}}).to_string();
        let machine = match stepyard_asl::StateMachine::parse(&definition) {
            Ok(machine) => std::sync::Arc::new(machine),
            Err(found) => {
                for problem in found {
                    prop_assert!(problem.location.to_string().starts_with("/States/S0/"));
                }
                return Ok(());
            }
        };
        let fact = fact(0, started("execution", &input, 1));
        let mut execution = Execution::new(machine.clone());
        execution.step(&fact);
        if let Status::Failed { error } = execution.status() {
            let known = ["States.Runtime", "States.ResultPathMatchFailure"];
            prop_assert!(known.contains(&error.name()), "{:?}", error);
        }
        prop_assert_eq!(Execution::replay(machine, [&fact]), execution);
    }

    #[test]
    fn variables_keep_what_they_are_given_in_both_languages(input in values()) {
        let assigning = [
            json!({"Assign": {"it.$": "$"}, "ResultPath": null}),
            json!({"Assign": {"it": "{% $states.input %}"}, "QueryLanguage": "JSONata"}),
        ];
        let reading = [
            json!({"InputPath": null, "OutputPath": "$it"}),
            json!({"InputPath": "$it"}),
            json!({"Output": "{% $it %}", "QueryLanguage": "JSONata"}),
        ];
        for assign in &assigning {
            for read in &reading {
                let is_evaluated = [assign, read].iter().any(|it| it.get("QueryLanguage").is_some());
                let expected = if is_evaluated { evaluated(&input) } else { input.clone() };
                prop_assert_eq!(run(&input, &[assign.clone(), read.clone()]), Ok(expected));
            }
        }
    }

    /// All at once: two variables are exchanged without a third.
    #[test]
    fn an_assign_reads_what_was(one in values(), other in values()) {
        let first = json!({"Assign": {"x.$": "$[0]", "y.$": "$[1]"}});
        let exchange = json!({"Assign": {"x.$": "$y", "y.$": "$x"}});
        let read = json!({"Parameters": {"x.$": "$x", "y.$": "$y"}});
        let output = run(&json!([one, other]), &[first, exchange, read]);
        prop_assert_eq!(output, Ok(json!({"x": other, "y": one})));
    }

    #[test]
    fn a_map_and_a_parallel_of_nothing_done_change_nothing(
        items in prop::collection::vec(values(), 0..50), concurrency in 0..4_u64,
    ) {
        let input = json!(items);
        let idle = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
        let map = json!({"Type": "Map", "ItemProcessor": idle("A"), "MaxConcurrency": concurrency});
        prop_assert_eq!(pass(&input, map.clone()), Ok(input.clone()));
        let mut numbered = map;
        numbered["ItemSelector"] =
            json!({"at.$": "$$.Map.Item.Index", "it.$": "$$.Map.Item.Value", "all.$": "$.length()"});
        let each = items.iter().enumerate();
        let expected: Vec<_> =
            each.map(|(at, it)| json!({"at": at, "it": it, "all": items.len()})).collect();
        prop_assert_eq!(pass(&input, numbered), Ok(json!(expected)));
        let parallel = json!({"Type": "Parallel", "Branches": [idle("A"), idle("B")]});
        prop_assert_eq!(pass(&input, parallel), Ok(json!([input, input])));
    }

    #[test]
    fn intrinsic_functions_undo_one_another(value in values(), text in ".{0,40}") {
        let round = call(&value, "States.StringToJson(States.JsonToString($.v))");
        prop_assert_eq!(round, value.clone());
        let round = call(&json!(text), "States.Base64Decode(States.Base64Encode($.v))");
        prop_assert_eq!(round, json!(text));
        prop_assert_eq!(call(&value, "States.ArrayGetItem(States.Array(0, $.v), 1)"), value.clone());
        prop_assert_eq!(call(&value, "States.ArrayLength(States.Array($.v, $.v))"), json!(2));
        prop_assert_eq!(call(&value, "States.ArrayContains(States.Array($.v), $.v)"), json!(true));
        prop_assert_eq!(call(&json!(text), "States.Format('{}', $.v)"), json!(text));
    }

    #[test]
    fn intrinsic_functions_keep_what_an_array_has(
        items in prop::collection::vec(values(), 1..20), size in 1..9_u64,
    ) {
        let input = json!(items);
        let parts = call(&input, &format!("States.ArrayPartition($.v, {size})"));
        let joined: Vec<_> =
            parts.as_array().unwrap().iter().flat_map(|it| it.as_array().unwrap()).collect();
        prop_assert_eq!(json!(joined), input.clone());
        let unique = call(&input, "States.ArrayUnique($.v)");
        prop_assert_eq!(call(&unique, "States.ArrayUnique($.v)"), unique.clone());
        for item in &items {
            prop_assert!(unique.as_array().unwrap().contains(item));
        }
        prop_assert_eq!(call(&input, "States.ArrayLength($.v)"), json!(items.len()));
    }

    #[test]
    fn merged_objects_have_the_members_of_both(one in objects(), other in objects()) {
        let merged = call(&json!([one, other]), "States.JsonMerge($.v[0], $.v[1], false)");
        let members = |value: &Value| value.as_object().unwrap().clone();
        let mut expected = members(&one);
        expected.extend(members(&other));
        prop_assert_eq!(merged, Value::Object(expected));
    }

    /// Written by hand or by chance, a number that was read and written is written so again.
    #[test]
    fn numbers_are_written_as_they_were_written_before(
        text in r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
    ) {
        let Ok(number) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        let output = pass(&json!(null), json!({"Result": number})).unwrap();
        prop_assert_eq!(output.to_string(), number.to_string());
        let again: Value = serde_json::from_str(&output.to_string()).unwrap();
        prop_assert_eq!(again, number);
    }
}
