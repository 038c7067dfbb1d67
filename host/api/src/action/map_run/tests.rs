//! Map Runs as the operations about them show them.

use serde::de::DeserializeOwned;
use stepyard_engine::{Config, Engine, Identity, MemoryStore, Quotas};

use super::*;
use crate::action::{
    execution::{DescribeExecution, ListExecutions, RedriveExecution, StartExecution},
    machine::CreateStateMachine,
};

fn api() -> Api {
    let engine = Engine::new(Config::new(MemoryStore::new(Quotas::default())));
    Api::new(engine, Identity::default(), [7; 32])
}

async fn answer<A>(api: &Api, members: Value) -> Result<Value, ApiError>
where
    A: Action<Output = Value> + DeserializeOwned,
{
    serde_json::from_value::<A>(members).unwrap().run(api).await
}

/// A Distributed Map over five items, with `more` fields.
fn each(execution_type: &str, label: &str, more: Value) -> Value {
    let mut map = json!({"Type": "Map", "Label": label, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
        "StartAt": label, "States": {label: {"Type": "Pass", "End": true}}}});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map
}

/// Runs a state machine of these states to its end.
async fn run(api: &Api, name: &str, states: Value) -> Value {
    let start_at = states.as_object().unwrap().keys().next().unwrap();
    let definition = json!({"StartAt": start_at, "States": states}).to_string();
    let role = "arn:aws:iam::123456789012:role/r";
    let machine = json!({"name": name, "definition": definition, "roleArn": role});
    let created = answer::<CreateStateMachine>(api, machine).await.unwrap();
    let machine = created["stateMachineArn"].clone();
    let start = json!({"stateMachineArn": machine, "input": "[1, 2, 3, 4, 5]"});
    let execution = answer::<StartExecution>(api, start).await.unwrap()["executionArn"].clone();
    let status = api.engine.wait(execution.as_str().unwrap()).await.unwrap();
    assert_eq!(status.name(), "SUCCEEDED", "{status:?}");
    execution
}

async fn runs(api: &Api, execution: &Value, more: Value) -> (Vec<Value>, Option<Value>) {
    let mut members = json!({"executionArn": execution});
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = answer::<ListMapRuns>(api, members).await.unwrap();
    let runs = answer["mapRuns"].as_array().unwrap().iter().map(|run| run["mapRunArn"].clone());
    (runs.collect(), answer.get("nextToken").cloned())
}

#[tokio::test]
async fn a_list_of_children_says_how_many_items_each_has() {
    for (batcher, expected) in [
        (json!({"ItemBatcher": {"MaxItemsPerBatch": 2}}), json!([2, 2, 1])),
        (json!({}), json!([1, 1, 1, 1, 1])),
    ] {
        let api = api();
        let mut map = each("STANDARD", "Each", batcher);
        map["End"] = json!(true);
        let execution = run(&api, "orders", json!({ "Map": map })).await;
        let (runs, _) = runs(&api, &execution, json!({})).await;
        let members = json!({ "mapRunArn": runs[0] });
        let listed = answer::<ListExecutions>(&api, members).await.unwrap();
        let listed = listed["executions"].as_array().unwrap();
        let counts: Vec<&Value> = listed.iter().rev().map(|child| &child["itemCount"]).collect();
        assert_eq!(json!(counts), expected);
        assert!(listed.iter().all(|child| child["mapRunArn"] == runs[0]));

        let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
        let members = json!({ "stateMachineArn": machine });
        let listed = answer::<ListExecutions>(&api, members).await.unwrap();
        assert_eq!(listed["executions"].as_array().unwrap().len(), 1);
        assert_eq!(listed["executions"][0].get("itemCount"), None);
    }
}

#[tokio::test]
async fn express_children_are_not_listed_and_only_children_wait_for_a_redrive() {
    let api = api();
    let mut map = each("EXPRESS", "Each", json!({}));
    map["End"] = json!(true);
    let execution = run(&api, "orders", json!({ "Map": map })).await;
    let (runs, _) = runs(&api, &execution, json!({})).await;
    let listed = answer::<ListExecutions>(&api, json!({ "mapRunArn": runs[0] })).await;
    assert_eq!(listed.unwrap_err().told().0, "StateMachineTypeNotSupported");

    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
    let members = json!({ "stateMachineArn": machine, "statusFilter": "PENDING_REDRIVE" });
    let listed = answer::<ListExecutions>(&api, members).await;
    assert_eq!(listed.unwrap_err().told().0, "ValidationException");
}

#[tokio::test]
async fn a_child_goes_on_with_its_run_alone() {
    let api = api();
    let fails = json!({"Type": "Fail", "Error": "Boom"});
    let processor = json!({
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Fails", "States": {"Fails": fails},
    });
    let more = json!({"ItemProcessor": processor, "ToleratedFailurePercentage": 100, "End": true});
    let execution = run(&api, "orders", json!({ "Map": each("STANDARD", "Each", more) })).await;
    let (runs, _) = runs(&api, &execution, json!({})).await;
    let listed = answer::<ListExecutions>(&api, json!({ "mapRunArn": runs[0] })).await.unwrap();
    let child = json!({ "executionArn": listed["executions"][0]["executionArn"] });
    let described = answer::<DescribeExecution>(&api, child.clone()).await.unwrap();
    assert_eq!(described["redriveStatus"], "REDRIVABLE_BY_MAP_RUN");
    let refused = answer::<RedriveExecution>(&api, child).await.unwrap_err();
    assert_eq!(refused.told().0, "ExecutionNotRedrivable");
}

#[tokio::test]
async fn the_map_runs_of_an_execution_are_listed_in_pages() {
    let api = api();
    let [mut first, mut second, mut third] =
        ["one", "two", "three"].map(|label| each("STANDARD", label, json!({})));
    (first["Next"], second["Next"], third["End"]) = (json!("B"), json!("C"), json!(true));
    let execution = run(&api, "orders", json!({ "A": first, "B": second, "C": third })).await;
    let (all, none) = runs(&api, &execution, json!({})).await;
    assert_eq!((all.len(), none), (3, None));
    assert!(all[0].as_str().unwrap().contains(":mapRun:orders/three:"), "{all:?}");
    let (page, next) = runs(&api, &execution, json!({ "maxResults": 2 })).await;
    assert_eq!(page, all[..2]);
    let (page, none) = runs(&api, &execution, json!({ "maxResults": 2, "nextToken": next })).await;
    assert_eq!((&page[..], none), (&all[2..], None));
}
