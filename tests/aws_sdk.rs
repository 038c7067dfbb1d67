//! The AWS SDK for Rust takes `stepyard serve` for AWS Step Functions: every operation, with the SDK's
//! own types, typed errors and paginators.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use aws_sdk_sfn::{
    Client,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef, retry::RetryConfig,
    },
    error::{BoxError, SdkError},
    operation::test_state::builders::TestStateFluentBuilder,
    types::{
        ExecutionRedriveStatus, ExecutionStatus, HistoryEventType, InspectionLevel,
        RoutingConfigurationListItem, StateMachineType, SyncExecutionStatus, Tag,
        TestExecutionStatus, ValidateStateMachineDefinitionResultCode,
    },
};
use serde_json::json;

use crate::support::{Project, Server, python::python};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// The operations that AWS's own model of the service has, by botocore.
const OPERATIONS: &str = "
import json
from botocore.session import get_session
print(json.dumps(get_session().get_service_model('stepfunctions').operation_names))
";

/// Operations that have been called.
#[derive(Clone, Debug, Default)]
struct Driven(Arc<Mutex<BTreeSet<String>>>);

impl Intercept for Driven {
    fn name(&self) -> &'static str {
        "Driven"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").expect("a call has a target");
        let (_, operation) = target.split_once('.').expect("a target is Service.Operation");
        self.0.lock().unwrap().insert(operation.to_owned());
        Ok(())
    }
}

fn client(server: &Server, driven: &Driven) -> Client {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", server.address))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .interceptor(driven.clone());
    Client::from_conf(config.build())
}

/// What the service refused a call with.
#[track_caller]
fn refusal<T: Debug, E>(answer: Result<T, SdkError<E>>) -> E
where
    E: std::error::Error + Send + Sync + 'static,
    SdkError<E>: Debug,
{
    match answer.expect_err("the call is refused") {
        SdkError::ServiceError(error) => error.into_err(),
        error => panic!("that is no answer of the service: {error:?}"),
    }
}

#[tokio::test]
async fn every_operation_is_driven_by_the_aws_sdk() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let driven = Driven::default();
    let client = client(&server, &driven);
    machines(&client).await;
    versions(&client).await;
    executions(&client).await;
    express(&client).await;
    tasks(&client).await;
    map_runs(&client).await;
    one_state(&client).await;
    assert_eq!(server.terminate(), Some(0));

    let Some(python) = python() else { return };
    let all: BTreeSet<String> = serde_json::from_value(python.run(OPERATIONS, &[])).unwrap();
    assert_eq!(*driven.0.lock().unwrap(), all);
}

fn definition(state: &serde_json::Value) -> String {
    json!({ "StartAt": "A", "States": { "A": state } }).to_string()
}

/// A definition that waits so many seconds.
fn waiting(seconds: u32) -> String {
    definition(&json!({ "Type": "Wait", "Seconds": seconds, "End": true }))
}

async fn create(client: &Client, name: &str, definition: String) -> String {
    let create = client.create_state_machine().name(name).definition(definition).role_arn(ROLE);
    create.send().await.unwrap().state_machine_arn
}

async fn machines(client: &Client) {
    let one = create(client, "one", waiting(1)).await;
    let two = create(client, "two", waiting(2)).await;
    let described = client.describe_state_machine().state_machine_arn(&one).send().await.unwrap();
    assert_eq!((described.name(), described.r#type()), ("one", &StateMachineType::Standard));
    assert_eq!(described.definition(), waiting(1));

    let other = client.create_state_machine().name("one").definition(waiting(9)).role_arn(ROLE);
    assert!(refusal(other.send().await).is_state_machine_already_exists());
    let broken = client.create_state_machine().name("broken").definition("{}").role_arn(ROLE);
    assert!(refusal(broken.send().await).is_invalid_definition());
    let unnamed = client.create_state_machine().name("a b").definition(waiting(9)).role_arn(ROLE);
    assert!(refusal(unnamed.send().await).is_invalid_name());

    let checked = client.validate_state_machine_definition().definition("{}").send().await.unwrap();
    assert_eq!(checked.result(), &ValidateStateMachineDefinitionResultCode::Fail);
    assert!(!checked.diagnostics().is_empty());

    let update = client.update_state_machine().state_machine_arn(&one).definition(waiting(3));
    let updated = update.send().await.unwrap();
    let described = client.describe_state_machine().state_machine_arn(&one).send().await.unwrap();
    assert_eq!(described.revision_id(), updated.revision_id());
    let nothing = client.update_state_machine().state_machine_arn(&one);
    assert!(refusal(nothing.send().await).is_missing_required_parameter());

    let tag = |key: &str| Tag::builder().key(key).value("v").build();
    let add = client.tag_resource().resource_arn(&one).tags(tag("a")).tags(tag("b"));
    add.send().await.unwrap();
    client.untag_resource().resource_arn(&one).tag_keys("a").send().await.unwrap();
    let tags = client.list_tags_for_resource().resource_arn(&one).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("b")]);

    let pages = client.list_state_machines().into_paginator().page_size(1).items().send();
    let listed: Result<Vec<_>, _> = pages.collect().await;
    let arns: Vec<String> = listed.unwrap().into_iter().map(|it| it.state_machine_arn).collect();
    assert_eq!(arns, [one, two.clone()]);

    client.delete_state_machine().state_machine_arn(&two).send().await.unwrap();
    let gone = client.describe_state_machine().state_machine_arn(&two).send().await;
    assert!(refusal(gone).is_state_machine_does_not_exist());
    let bad = client.describe_state_machine().state_machine_arn("two").send().await;
    assert!(refusal(bad).is_invalid_arn());
}

async fn versions(client: &Client) {
    let machine = create(client, "routed", waiting(86_400)).await;
    let publish = client.publish_state_machine_version().state_machine_arn(&machine);
    let first = publish.clone().send().await.unwrap().state_machine_version_arn;
    let update = client.update_state_machine().state_machine_arn(&machine);
    update.definition(waiting(90_000)).send().await.unwrap();
    let stale = publish.clone().revision_id("INITIAL").send().await;
    assert!(refusal(stale).is_conflict_exception());
    let second = publish.send().await.unwrap().state_machine_version_arn;
    let list = client.list_state_machine_versions().state_machine_arn(&machine);
    let listed = list.max_results(1).send().await.unwrap();
    assert_eq!(listed.state_machine_versions()[0].state_machine_version_arn(), second);
    assert!(listed.next_token().is_some());

    let route = |version: &str, weight| {
        let route = RoutingConfigurationListItem::builder().state_machine_version_arn(version);
        route.weight(weight).build().unwrap()
    };
    let create = client.create_state_machine_alias().name("PROD");
    let short = create.clone().routing_configuration(route(&first, 70)).send().await;
    assert!(refusal(short).is_validation_exception());
    let created = create.routing_configuration(route(&first, 100)).send().await.unwrap();
    let alias = created.state_machine_alias_arn;
    let update = client.update_state_machine_alias().state_machine_alias_arn(&alias);
    let routes = [route(&first, 0), route(&second, 100)];
    update.set_routing_configuration(Some(routes.to_vec())).send().await.unwrap();
    let describe = client.describe_state_machine_alias().state_machine_alias_arn(&alias);
    let described = describe.clone().send().await.unwrap();
    assert_eq!(described.routing_configuration(), routes);
    let aliases = client.list_state_machine_aliases().state_machine_arn(&machine).send().await;
    assert_eq!(aliases.unwrap().state_machine_aliases()[0].state_machine_alias_arn(), alias);

    let started = client.start_execution().state_machine_arn(&alias).send().await.unwrap();
    let execution = client.describe_execution().execution_arn(started.execution_arn());
    let execution = execution.send().await.unwrap();
    assert_eq!(execution.state_machine_version_arn(), Some(&*second));
    assert_eq!(execution.state_machine_alias_arn(), Some(&*alias));

    let delete = client.delete_state_machine_version().state_machine_version_arn(&second);
    assert!(refusal(delete.clone().send().await).is_conflict_exception());
    let unalias = client.delete_state_machine_alias().state_machine_alias_arn(&alias);
    unalias.send().await.unwrap();
    assert!(refusal(describe.send().await).is_resource_not_found());
    delete.send().await.unwrap();
}

async fn executions(client: &Client) {
    let machine = create(client, "waiting", waiting(86_400)).await;
    let start = client.start_execution().state_machine_arn(&machine);
    let mut arns = Vec::new();
    for name in ["a", "b", "c"] {
        let started = start.clone().name(name).input("{}").send().await.unwrap();
        arns.push(started.execution_arn);
    }
    let same = start.clone().name("a").input("{}").send().await.unwrap();
    assert_eq!(same.execution_arn(), arns[0]);
    let other = start.clone().name("a").input("[]").send().await;
    assert!(refusal(other).is_execution_already_exists());
    let broken = start.clone().input("{").send().await;
    assert!(refusal(broken).is_invalid_execution_input());

    let pages = client.list_executions().state_machine_arn(&machine).into_paginator();
    let listed: Result<Vec<_>, _> = pages.page_size(1).items().send().collect().await;
    let names: Vec<String> = listed.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["c", "b", "a"]);

    let stop = client.stop_execution().execution_arn(&arns[0]).error("Enough").cause("of it");
    stop.send().await.unwrap();
    let describe = client.describe_execution().execution_arn(&arns[0]);
    let stopped = describe.clone().send().await.unwrap();
    assert_eq!(stopped.status(), &ExecutionStatus::Aborted);
    assert_eq!((stopped.error(), stopped.cause()), (Some("Enough"), Some("of it")));
    assert_eq!(stopped.redrive_status(), Some(&ExecutionRedriveStatus::Redrivable));
    client.redrive_execution().execution_arn(&arns[0]).send().await.unwrap();
    let running = describe.send().await.unwrap();
    assert_eq!((running.status(), running.redrive_count()), (&ExecutionStatus::Running, Some(1)));
    let again = client.redrive_execution().execution_arn(&arns[0]).send().await;
    assert!(refusal(again).is_execution_not_redrivable());

    let began = client.describe_state_machine_for_execution().execution_arn(&arns[0]);
    assert_eq!(began.send().await.unwrap().definition(), waiting(86_400));
    let history = client.get_execution_history().execution_arn(&arns[0]);
    let pages = history.clone().into_paginator().page_size(1).items().send();
    let events: Result<Vec<_>, _> = pages.collect().await;
    let types: Vec<HistoryEventType> = events.unwrap().into_iter().map(|it| it.r#type).collect();
    let expected = [
        HistoryEventType::ExecutionStarted,
        HistoryEventType::WaitStateEntered,
        HistoryEventType::ExecutionAborted,
        HistoryEventType::ExecutionRedriven,
    ];
    assert_eq!(types, expected);
    let forged = history.next_token("forged").send().await;
    assert!(refusal(forged).is_invalid_token());
    let missing = client.describe_execution().execution_arn(format!("{}x", arns[0])).send().await;
    assert!(refusal(missing).is_execution_does_not_exist());
}

async fn express(client: &Client) {
    let shout = definition(&json!({ "Type": "Pass", "Result": "ho", "End": true }));
    let create = client.create_state_machine().name("shout").definition(shout).role_arn(ROLE);
    let created = create.r#type(StateMachineType::Express).send().await.unwrap();
    let start = client.start_sync_execution().state_machine_arn(created.state_machine_arn());
    // This SDK puts `sync-` before any host, and has no switch for it.
    let plainly = start.input("[1]").customize().mutate_request(|request| {
        let uri = request.uri().replacen("//sync-", "//", 1);
        request.set_uri(uri).expect("it is still a URI");
    });
    let ended = plainly.send().await.unwrap();
    assert_eq!(ended.status(), &SyncExecutionStatus::Succeeded);
    assert_eq!((ended.input(), ended.output()), (Some("[1]"), Some("\"ho\"")));
    assert_eq!(ended.billing_details().unwrap().billed_memory_used_in_mb(), 64);
    let list = client.list_executions().state_machine_arn(created.state_machine_arn());
    assert!(refusal(list.send().await).is_state_machine_type_not_supported());
}

async fn tasks(client: &Client) {
    let mut activities = Vec::new();
    for name in ["pack", "ship"] {
        let created = client.create_activity().name(name).send().await.unwrap();
        activities.push(created.activity_arn);
    }
    let pages = client.list_activities().into_paginator().page_size(1).items().send();
    let listed: Result<Vec<_>, _> = pages.collect().await;
    let names: Vec<String> = listed.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["pack", "ship"]);

    let pack = &activities[0];
    let task = definition(&json!({ "Type": "Task", "Resource": pack, "End": true }));
    let machine = create(client, "packing", task).await;
    let start = client.start_execution().state_machine_arn(&machine).input("[7]");
    let mut taken = Vec::new();
    for _ in 0..2 {
        let started = start.clone().send().await.unwrap();
        let polled = client.get_activity_task().activity_arn(pack).worker_name("w").send().await;
        let task = polled.unwrap();
        assert_eq!(task.input(), Some("[7]"));
        taken.push((started.execution_arn, task.task_token.expect("there was a task")));
    }
    let [(good, good_token), (bad, bad_token)] = &taken[..] else { unreachable!() };
    client.send_task_heartbeat().task_token(good_token).send().await.unwrap();
    let succeed = client.send_task_success().task_token(good_token);
    let no_json = succeed.clone().output("{").send().await;
    assert!(refusal(no_json).is_invalid_output());
    succeed.clone().output("[8]").send().await.unwrap();
    assert!(refusal(succeed.output("[8]").send().await).is_task_timed_out());
    let fail = client.send_task_failure().error("Torn");
    assert!(refusal(fail.clone().task_token("forged").send().await).is_invalid_token());
    fail.task_token(bad_token).send().await.unwrap();

    let describe = |arn: &String| client.describe_execution().execution_arn(arn).send();
    assert_eq!(describe(good).await.unwrap().output(), Some("[8]"));
    assert_eq!(describe(bad).await.unwrap().error(), Some("Torn"));

    let describe = client.describe_activity().activity_arn(pack);
    assert_eq!(describe.clone().send().await.unwrap().name(), "pack");
    client.delete_activity().activity_arn(pack).send().await.unwrap();
    assert!(refusal(describe.send().await).is_activity_does_not_exist());
}

/// Map Runs that are not there.
async fn map_runs(client: &Client) {
    let run = "arn:aws:states:us-east-1:123456789012:mapRun:m/l:r";
    let execution = "arn:aws:states:us-east-1:123456789012:execution:m:1";
    let describe = refusal(client.describe_map_run().map_run_arn(run).send().await);
    assert!(describe.is_resource_not_found());
    let list = refusal(client.list_map_runs().execution_arn(execution).send().await);
    assert!(list.is_execution_does_not_exist());
    let update = client.update_map_run().map_run_arn(run).max_concurrency(1);
    assert!(refusal(update.send().await).is_resource_not_found());
}

async fn one_state(client: &Client) {
    // As StartSyncExecution, to `sync-` before the host.
    let send = async |test: TestStateFluentBuilder| {
        let test = test.customize().mutate_request(|request| {
            let uri = request.uri().replacen("//sync-", "//", 1);
            request.set_uri(uri).expect("it is still a URI");
        });
        test.send().await
    };
    let wait = json!({ "Type": "Wait", "Seconds": 0, "End": true });
    let test = client.test_state().definition(wait.to_string()).variables(r#"{"x": 1}"#);
    let tested = send(test.input("[7]").inspection_level(InspectionLevel::Trace)).await.unwrap();
    assert_eq!(
        (tested.status(), tested.output()),
        (Some(&TestExecutionStatus::Succeeded), Some("[7]"))
    );
    let data = tested.inspection_data().unwrap();
    assert_eq!((data.after_input_path(), data.variables()), (Some("[7]"), Some(r#"{"x":1}"#)));
    assert!(refusal(send(client.test_state().definition("{}")).await).is_invalid_definition());
    let no_input = client.test_state().definition(wait.to_string()).input("{");
    assert!(refusal(send(no_input).await).is_invalid_execution_input());
    let unnamed = client.test_state().definition(waiting(1)).state_name("B");
    assert!(refusal(send(unnamed).await).is_validation_exception());
}
