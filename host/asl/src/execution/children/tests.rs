use std::sync::Arc;

use serde_json::{Value, json};

use super::{Child, MapRun, Outputs, Tolerance};
use crate::{
    Command, Dataset, Execution, Fact, FactKind, Item, Payload, StateMachine, StatesError,
    Timestamp, Transformation,
};

const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders";

fn definition(more: &Value) -> Value {
    let mut map = json!({"Type": "Map", "End": true, "ItemsPath": "$.items", "Label": "each",
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": true}}}});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({"StartAt": "Each", "States": {"Each": map}})
}

/// The Map Run that a Map state with `more` fields asks for.
fn run(machine: &str, more: &Value, input: Value) -> Arc<MapRun> {
    let run = run_of_edition(crate::EDITION, machine, more, input);
    run.unwrap_or_else(|| panic!("no Map Run of {more}"))
}

fn run_of_edition(edition: u32, machine: &str, more: &Value, input: Value) -> Option<Arc<MapRun>> {
    let (_, commands) = begun(edition, machine, more, input);
    commands.into_iter().find_map(|command| match command {
        Command::ScheduleTask(task) => task.map_run,
        _ => None,
    })
}

/// An execution by the rules of an edition, and what it asks for at first.
fn begun(edition: u32, machine: &str, more: &Value, input: Value) -> (Execution, Vec<Command>) {
    let parsed = StateMachine::parse(&definition(more).to_string()).unwrap();
    let kind = FactKind::ExecutionStarted {
        id: format!("{}:one", machine.replacen("stateMachine", "execution", 1)),
        name: "one".to_owned(),
        role: "arn:aws:iam::123456789012:role/orders".to_owned(),
        machine: machine.to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: input.into(),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition,
    };
    let mut execution = Execution::new(Arc::new(parsed));
    let step = execution.step(&Fact::new(Timestamp::from_millis(0), kind));
    (execution, step.commands)
}

/// What each child of a run is given, and how many items it processes.
fn children(run: &MapRun) -> Vec<Result<(usize, Value), StatesError>> {
    let (total, mut children, mut first) = (run.total().unwrap(), Vec::new(), 0);
    while first < total {
        let child = child(run, children.len(), first);
        first += child.as_ref().map_or(total, |child| child.items);
        children.push(child.map(|child| (child.items, child.input.value().clone())));
    }
    children
}

/// A child, given what items there are from `first` on.
fn child(run: &MapRun, index: usize, first: usize) -> Result<Child, StatesError> {
    let mut filling = run.fill(index, first)?;
    for item in (first..).map_while(|index| run.item(index)) {
        if !filling.take(&item)? {
            break;
        }
    }
    filling.finish()
}

#[test]
fn a_run_and_its_children_have_the_names_of_aws_and_always_the_same() {
    let input = json!({"items": [1, 2]});
    let first = run(MACHINE, &json!({}), input.clone());
    let prefix = "arn:aws:states:eu-west-1:123456789012:mapRun:orders/each:";
    assert!(first.arn().strip_prefix(prefix).is_some_and(|id| id.len() == 36), "{}", first.arn());
    assert_eq!(first.machine_arn(), format!("{MACHINE}/each"));
    let names = |run: &MapRun| [0, 1].map(|it| child(run, it, it).unwrap().name);
    let [one, other] = names(&first);
    assert!(one.len() == 36 && one != other, "{one} {other}");
    let again = run(MACHINE, &json!({}), input.clone());
    assert_eq!((again.arn(), names(&again)), (first.arn(), [one, other]));

    // Within a child of another run, the name of the state machine stays.
    let inner = run(&format!("{MACHINE}/outer"), &json!({}), input.clone());
    assert_eq!(inner.machine_arn(), format!("{MACHINE}/each"));

    let unlabelled = || run(MACHINE, &json!({"Label": null}), input.clone());
    let label = unlabelled().machine_arn().strip_prefix(&format!("{MACHINE}/")).map(str::len);
    assert_eq!(label, Some(36));
    assert_eq!(unlabelled().machine_arn(), unlabelled().machine_arn());
}

#[test]
fn a_child_gets_an_item_or_what_the_selector_makes_of_it() {
    let given = |more| {
        let run = run(MACHINE, &more, json!({"items": ["a", {"b": 1}], "day": "Sunday"}));
        children(&run).into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(given(json!({})), [(1, json!("a")), (1, json!({"b": 1}))]);
    let selector = json!({"ItemSelector": {"n.$": "$$.Map.Item.Index", "day.$": "$.day"}});
    let expected = [0, 1].map(|n| (1, json!({"n": n, "day": "Sunday"})));
    assert_eq!(given(selector), expected);
}

#[test]
fn the_members_of_an_object_are_items_with_names() {
    let given = |more: Value| {
        let run = run(MACHINE, &more, json!({"items": {"b": {"n": 1}, "a": [2]}}));
        assert_eq!(run.total(), Some(2));
        children(&run).into_iter().map(|it| it.unwrap().1).collect::<Vec<_>>()
    };
    let pairs = [json!({"Key": "b", "Value": {"n": 1}}), json!({"Key": "a", "Value": [2]})];
    assert_eq!(given(json!({})), pairs);
    let batch = given(json!({"ItemBatcher": {"MaxItemsPerBatch": 2}}));
    assert_eq!(batch, [json!({"Items": pairs})]);
    let item = |n: usize, key, value| json!({"Index": n, "Key": key, "Value": value, "Source": "STATE_DATA"});
    let items = [item(0, "b", json!({"n": 1})), item(1, "a", json!([2]))];
    assert_eq!(
        given(json!({"ItemSelector": {"item.$": "$$.Map.Item"}})),
        items.clone().map(|it| json!({"item": it}))
    );
    let jsonata = json!({"QueryLanguage": "JSONata", "ItemsPath": null});
    for of in [json!("{% $states.input.items %}"), json!({"b": {"n": "{% 1 %}"}, "a": [2]})] {
        let mut more = jsonata.clone();
        more["Items"] = of;
        more["ItemSelector"] = json!("{% $states.context.Map.Item %}");
        assert_eq!(given(more), items);
    }
}

#[test]
fn an_execution_that_began_before_is_told_of_items_what_it_was_told() {
    let of = |items: Value| {
        let selector = json!({"ItemSelector": {"item.$": "$$.Map.Item"}});
        run_of_edition(0, MACHINE, &selector, json!({ "items": items }))
    };
    assert_eq!(of(json!({"a": 1})), None);
    let run = of(json!([1])).unwrap();
    let given = |item: &Item| {
        let mut filling = run.fill(0, 0).unwrap();
        filling.take(item).unwrap();
        filling.finish().unwrap().input.text().to_owned()
    };
    assert_eq!(given(&run.item(0).unwrap()), r#"{"item":{"Index":0,"Value":1}}"#);
    let source = Some("s3://shop/a".into());
    let member = Item { key: Some("k".to_owned()), value: json!(2), source };
    let pair = r#"{"item":{"Index":0,"Value":{"Key":"k","Value":2}}}"#;
    assert_eq!(given(&member), pair);
}

#[test]
fn a_batch_holds_as_many_items_as_both_its_limits_allow() {
    let sizes = |batcher: Value| {
        let input = json!({"items": ["aaaa", "bbbb", "cccc", "dddd", "eeee"], "n": 2});
        let run = run(MACHINE, &json!({"ItemBatcher": batcher}), input);
        children(&run).into_iter().map(|it| it.map(|(items, _)| items)).collect::<Vec<_>>()
    };
    assert_eq!(sizes(json!({"MaxItemsPerBatch": 2})), [Ok(2), Ok(2), Ok(1)]);
    assert_eq!(sizes(json!({"MaxItemsPerBatchPath": "$.n"})), [Ok(2), Ok(2), Ok(1)]);
    // {"Items":["aaaa","bbbb","cccc"]} has 32 bytes.
    assert_eq!(sizes(json!({"MaxInputBytesPerBatch": 32})), [Ok(3), Ok(2)]);
    assert_eq!(sizes(json!({"MaxInputBytesPerBatch": 31})), [Ok(2), Ok(2), Ok(1)]);
    assert_eq!(sizes(json!({"MaxInputBytesPerBatch": 32, "MaxItemsPerBatch": 4})), [Ok(3), Ok(2)]);
    let too_small = &sizes(json!({"MaxInputBytesPerBatch": 17}))[0];
    assert_eq!(too_small.as_ref().unwrap_err().name(), "States.DataLimitExceeded");

    let run = run(
        MACHINE,
        &json!({"ItemBatcher": {"MaxItemsPerBatch": 9, "BatchInput": {"day.$": "$.day"}}}),
        json!({"items": [1, 2], "day": "Sunday"}),
    );
    let expected = r#"{"BatchInput":{"day":"Sunday"},"Items":[1,2]}"#;
    assert_eq!(child(&run, 0, 0).unwrap().input.text(), expected);
}

#[test]
fn a_run_tolerates_what_its_state_says() {
    let most = |more: Value| {
        let run = run(MACHINE, &more, json!({"items": vec![0; 40], "n": 3, "share": 12.5}));
        (0..=40).take_while(|failed| run.tolerance().allows(*failed, Some(40))).last().unwrap()
    };
    assert_eq!(most(json!({})), 0);
    assert_eq!(most(json!({"ToleratedFailureCount": 0})), 0);
    assert_eq!(most(json!({"ToleratedFailureCountPath": "$.n"})), 3);
    assert_eq!(most(json!({"ToleratedFailurePercentage": 100})), 40);
    assert_eq!(most(json!({"ToleratedFailurePercentagePath": "$.share"})), 5);
    assert_eq!(most(json!({"ToleratedFailureCount": 9, "ToleratedFailurePercentage": 5})), 2);
}

#[test]
fn until_all_items_are_read_a_share_of_them_is_too_large_only_where_none_may_fail() {
    let tolerance = |count, percentage| Tolerance { count, percentage };
    assert!(!tolerance(None, None).allows(1, None));
    assert!(tolerance(None, Some(0.5)).allows(99, None));
    assert!(!tolerance(None, Some(0.5)).allows(1, Some(100)));
    assert!(!tolerance(None, Some(0.0)).allows(1, None));
    assert!(!tolerance(Some(3), Some(50.0)).allows(4, None));
}

#[test]
fn a_reader_and_a_writer_are_evaluated_when_the_run_begins() {
    let put = "arn:aws:states:::s3:putObject";
    let more = json!({
        "ItemsPath": "$.no.such.items",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "shop", "Key.$": "$.file"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW",
                "CSVDelimiter": "TAB", "MaxItemsPath": "$.most"},
        },
        "ResultWriter": {"Resource": put, "Parameters": {"Bucket": "shop", "Prefix": "out"}},
        "ItemSelector": {"row.$": "$$.Map.Item.Value.sku", "number.$": "$$.Map.Item.Index"},
    });
    let run = run(MACHINE, &more, json!({"file": "orders.csv", "most": -1}));
    let source = run.source().unwrap();
    assert_eq!(source.dataset, Dataset::Object { key: "orders.csv".to_owned() });
    assert_eq!((source.csv_delimiter, source.max_items), (b'\t', -1));
    let destination = run.destination().unwrap();
    assert_eq!(destination.export.as_ref().unwrap().prefix, "out");
    assert_eq!(destination.transformation, Transformation::None);
    assert_eq!((run.total(), run.item(0)), (None, None));
    let mut filling = run.fill(7, 7).unwrap();
    let item = Item { key: None, value: json!({"sku": "a"}), source: None };
    assert!(filling.take(&item).unwrap() && filling.is_full());
    let child = filling.finish().unwrap();
    assert_eq!(child.input.text(), r#"{"row":"a","number":7}"#);
}

#[test]
fn outputs_that_are_arrays_are_flattened_where_that_is_asked_for() {
    let config = json!({"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}});
    let run = run(MACHINE, &json!({ "ResultWriter": config }), json!({"items": [1, 2]}));
    let mut outputs = Outputs::default();
    outputs.keep(0, Payload::from(json!(["a", ["b"]])));
    outputs.keep(1, Payload::from(json!({"c": 1})));
    assert_eq!(run.result(&outputs).unwrap().text(), r#"["a",["b"],{"c":1}]"#);
}

#[test]
fn a_result_that_is_too_large_is_the_states_and_caught_by_its_name_alone() {
    let ends = |edition, catches: &str| {
        let caught = json!([{"ErrorEquals": [catches], "ResultPath": "$.error", "Next": "Each"}]);
        let (mut execution, commands) =
            begun(edition, MACHINE, &json!({ "Catch": caught }), json!({"items": [1]}));
        let task = commands.iter().find_map(|it| match it {
            Command::ScheduleTask(task) => Some(task.task.clone()),
            _ => None,
        });
        let output = Payload::from(json!("x".repeat(262_145)));
        let kind = FactKind::TaskSucceeded { task: task.unwrap(), output, version: None };
        execution.step(&Fact::new(Timestamp::from_millis(1), kind));
        execution.status().name()
    };
    assert_eq!(ends(crate::EDITION, "States.DataLimitExceeded"), "RUNNING");
    assert_eq!(ends(crate::EDITION, "States.ALL"), "FAILED");
    assert_eq!(ends(1, "States.ALL"), "RUNNING");
}

#[test]
fn children_run_the_item_processor_without_its_configuration() {
    let run = run(MACHINE, &json!({}), json!({"items": [1]}));
    let inner = run.definition(&definition(&json!({})).to_string()).unwrap();
    assert_eq!(inner, r#"{"StartAt":"Do","States":{"Do":{"Type":"Pass","End":true}}}"#);
    assert!(StateMachine::parse_express(&inner).is_ok());
    assert_eq!(run.definition("{}"), None);
}

#[test]
fn children_are_of_the_query_language_of_their_machine() {
    let run = run(MACHINE, &json!({}), json!({"items": [1]}));
    let mut whole = definition(&json!({"ItemsPath": null}));
    whole["QueryLanguage"] = "JSONata".into();
    whole["States"]["Each"]["ItemProcessor"]["States"]["Do"]["Output"] =
        "{% $states.input + 1 %}".into();
    let inner = run.definition(&whole.to_string()).unwrap();
    assert!(StateMachine::parse(&inner).is_ok(), "{inner}");
}

#[test]
fn outputs_are_in_the_order_of_the_children_and_those_of_failed_ones_are_left_out() {
    let run = run(MACHINE, &json!({}), json!({"items": [1, 2, 3]}));
    let mut outputs = Outputs::default();
    outputs.keep(2, Payload::from(json!("c")));
    outputs.keep(0, Payload::from(json!("a")));
    assert_eq!(run.result(&outputs).unwrap().text(), r#"["a","c"]"#);
    outputs.keep(1, Payload::from(json!("x".repeat(262_144))));
    let error = run.result(&outputs).unwrap_err();
    assert_eq!(error.name(), "States.DataLimitExceeded");
    assert!(error.cause.unwrap().contains("'Each'"));
}
