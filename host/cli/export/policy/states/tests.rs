use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::export::policy::{Role, Service};

/// What the state `A` with these fields asks for, a line for each statement; or what is wrong with it.
#[track_caller]
fn check(state: &Value, targets: &[&str], expected: &[&str]) {
    let mut fields = json!({"Type": "Task", "End": true});
    let more = state.as_object().expect("a state has fields").clone();
    fields.as_object_mut().expect("it is one").extend(more);
    let definition = json!({"StartAt": "A", "States": {"A": fields}});
    let shown = shown(&definition, targets);
    assert_eq!(shown, expected, "{state}");
}

fn shown(definition: &Value, targets: &[&str]) -> Vec<String> {
    let machine = StateMachine::parse(&definition.to_string()).expect("the definition is valid");
    let mut told = Targets::new();
    if !targets.is_empty() {
        told.insert("A".to_owned(), targets.iter().map(|it| (*it).to_owned()).collect());
    }
    let asking = Asking { name: "order", machine: &machine, targets: &told };
    match asking.all() {
        Ok(asked) => {
            let role = Role::new(Service::States, None, statements(&asked));
            role.statements.iter().map(line).collect()
        }
        Err(problems) => problems
            .iter()
            .map(|it| format!("{} at {}; {}", it.message, it.location, it.mend))
            .collect(),
    }
}

/// `Sid: actions on resource if key = value`, with `<own>` for the partition, region and account of the stack.
fn line(statement: &Statement) -> String {
    let resource = statement.resources.iter().map(Text::to_string).collect::<Vec<_>>().join(" ");
    let resource = resource
        .replace("${AWS::Region}:${AWS::AccountId}", "<own>")
        .replace("${AWS::Partition}", "aws");
    let mut line = format!("{}: {} on {resource}", statement.sid, statement.actions.join(" "));
    for condition in &statement.conditions {
        let values = condition.values.iter().map(Text::to_string).collect::<Vec<_>>().join(" ");
        line += &format!(" if {} = {values}", condition.key);
    }
    line
}

fn task(resource: &str, parameters: Value) -> Value {
    json!({"Resource": format!("arn:aws:states:::{resource}"), "Parameters": parameters})
}

/// The expression that makes the ARN of a topic in the execution's own place.
const OWN_TOPIC: &str = "States.Format('arn:{}:sns:{}:{}:t', \
    States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), 1), \
    States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), 3), \
    States.ArrayGetItem(States.StringSplit($$.Execution.Id, ':'), 4))";

#[test]
fn a_function_is_invoked_by_its_exact_arn() {
    let invoke = |parameters| task("lambda:invoke", parameters);
    let own = "A: lambda:InvokeFunction on arn:aws:lambda:<own>:function:";
    check(&invoke(json!({"FunctionName": "Pay"})), &[], &[&format!("{own}Pay")]);
    check(&invoke(json!({"FunctionName": "Pay:live"})), &[], &[&format!("{own}Pay:live")]);
    check(
        &invoke(json!({"FunctionName": "Pay", "Qualifier": "$LATEST"})),
        &[],
        &[&format!("{own}Pay:$LATEST")],
    );
    check(
        &task("lambda:invoke.waitForTaskToken", json!({"FunctionName": "Pay"})),
        &[],
        &[&format!("{own}Pay")],
    );
    check(
        &invoke(json!({"FunctionName": "210987654321:function:Pay"})),
        &[],
        &["A: lambda:InvokeFunction on arn:aws:lambda:${AWS::Region}:210987654321:function:Pay"],
    );
    let arn = "arn:aws:lambda:eu-west-1:210987654321:function:Pay";
    let foreign = format!("A: lambda:InvokeFunction on {arn}");
    check(&invoke(json!({"FunctionName": arn})), &[], &[&foreign]);
    check(&json!({"Resource": arn}), &[], &[&foreign]);
    check(
        &invoke(json!({"FunctionName.$": "$.function"})),
        &["Pay", "Refund:live"],
        &[
            &format!("{own}Pay"),
            "A2: lambda:InvokeFunction on arn:aws:lambda:<own>:function:Refund:live",
        ],
    );
}

#[test]
fn a_topic_is_told_from_what_makes_its_arn() {
    let own = ["A: sns:Publish on arn:aws:sns:<own>:t"];
    check(&task("sns:publish", json!({"TopicArn.$": OWN_TOPIC, "Message": "m"})), &[], &own);
    check(
        &task("aws-sdk:sns:publish", json!({"TargetArn.$": OWN_TOPIC, "Message": "m"})),
        &[],
        &own,
    );
    check(
        &task("sns:publish", json!({"TopicArn": "arn:aws:sns:eu-west-1:1:t.fifo", "Message": "m"})),
        &[],
        &["A: sns:Publish on arn:aws:sns:eu-west-1:1:t.fifo"],
    );
    check(
        &task("sns:publish", json!({"TopicArn.$": "$.topic", "Message": "m"})),
        &["arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:t"],
        &own,
    );
    check(
        &task("sns:publish", json!({"PhoneNumber": "+1", "Message": "m"})),
        &[],
        &[
            "IAM has no resource for a PhoneNumber, so that the state would need all topics, too at \
           /States/A/Parameters/PhoneNumber; publish to a topic that the number is subscribed to",
        ],
    );
}

#[test]
fn queues_tables_and_buses_are_told_from_their_urls_and_names() {
    let send = |url: Value| task("sqs:sendMessage", json!({"QueueUrl": url, "MessageBody": "m"}));
    check(
        &send(json!("https://sqs.eu-west-1.amazonaws.com/123456789012/orders")),
        &[],
        &["A: sqs:SendMessage on arn:aws:sqs:eu-west-1:123456789012:orders"],
    );
    check(
        &task("sqs:sendMessage", json!({"QueueUrl.$": "$.queue", "MessageBody": "m"})),
        &["https://sqs.${AWS::Region}.amazonaws.com/${AWS::AccountId}/orders"],
        &["A: sqs:SendMessage on arn:aws:sqs:<own>:orders"],
    );
    check(
        &send(json!("orders")),
        &[],
        &[
            "`orders` is not the QueueUrl that the role needs at /States/A/Parameters/QueueUrl; write \
           https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
        ],
    );
    for (action, allowed, with) in [
        ("getItem", "GetItem", "Key"),
        ("putItem", "PutItem", "Item"),
        ("updateItem", "UpdateItem", "Key"),
        ("deleteItem", "DeleteItem", "Key"),
    ] {
        check(
            &task(&format!("dynamodb:{action}"), json!({"TableName": "t", with: {}})),
            &[],
            &[&format!("A: dynamodb:{allowed} on arn:aws:dynamodb:<own>:table/t")],
        );
    }
    let arn = "arn:aws:dynamodb:eu-west-1:1:table/t";
    check(
        &task("dynamodb:getItem", json!({"TableName": arn, "Key": {}})),
        &[],
        &[&format!("A: dynamodb:GetItem on {arn}")],
    );
    check(
        &task(
            "events:putEvents",
            json!({"Entries": [{"Source": "s"}, {"EventBusName": "b"}, {"EventBusName": "b"}]}),
        ),
        &[],
        &[
            "A: events:PutEvents on arn:aws:events:<own>:event-bus/default",
            "A2: events:PutEvents on arn:aws:events:<own>:event-bus/b",
        ],
    );
}

#[test]
fn a_job_is_followed_by_a_rule_and_stopped() {
    let start = |pattern: &str, arn: &str| {
        task(&format!("states:startExecution{pattern}"), json!({"StateMachineArn": arn}))
    };
    let arn = "arn:aws:states:eu-west-1:1:stateMachine:child";
    let started = format!("A: states:StartExecution on {arn}");
    check(&start("", arn), &[], &[&started]);
    check(&start(".waitForTaskToken", arn), &[], &[&started]);
    for pattern in [".sync", ".sync:2"] {
        check(
            &start(pattern, arn),
            &[],
            &[
                &started,
                "AFollow: states:DescribeExecution states:StopExecution on \
                 arn:aws:states:eu-west-1:1:execution:child:*",
                "AEvents: events:DescribeRule events:PutRule events:PutTargets on \
                 arn:aws:events:<own>:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
            ],
        );
    }
    check(
        &start("", &format!("{arn}:live")),
        &[],
        &[&format!("{started} if states:StateMachineQualifier = live")],
    );
    check(
        &start("", "arn:aws:states:eu-west-1:1:activity:child"),
        &[],
        &[
            "`arn:aws:states:eu-west-1:1:activity:child` is not the StateMachineArn that the role needs at \
           /States/A/Parameters/StateMachineArn; write a state machine's ARN",
        ],
    );
}

#[test]
fn an_endpoint_is_called_with_the_secret_of_its_connection() {
    let connection = "arn:aws:events:us-east-1:1:connection/stripe/0c1d";
    check(
        &task(
            "http:invoke",
            json!({"ApiEndpoint": "https://h/", "Method": "GET", "Authentication": {"ConnectionArn": connection}}),
        ),
        &[],
        &[
            "A: states:InvokeHTTPEndpoint on arn:aws:states:<own>:stateMachine:order if states:HTTPEndpoint = \
             https://h/ if states:HTTPMethod = GET",
            &format!("AConnection: events:RetrieveConnectionCredentials on {connection}"),
            "ASecret: secretsmanager:DescribeSecret secretsmanager:GetSecretValue on \
             arn:aws:secretsmanager:<own>:secret:events!connection/stripe/*",
        ],
    );
}

#[test]
fn what_is_not_known_is_asked_for_and_never_a_star() {
    let mend = "write it out, or say in the manifest what it may be: targets = { \"A\" = [\"…\"] } in \
                [workflows.NAME]";
    for (state, member, at) in [
        (
            task("lambda:invoke", json!({"FunctionName.$": "$.f"})),
            "FunctionName",
            "/Parameters/FunctionName.$",
        ),
        (
            task("lambda:invoke", json!({"FunctionName": "f", "Qualifier.$": "$.q"})),
            "Qualifier",
            "/Parameters/Qualifier.$",
        ),
        (json!({"Resource": "arn:aws:states:::lambda:invoke"}), "FunctionName", ""),
        (json!({"Resource": "arn:aws:states:::sns:publish"}), "TopicArn", ""),
        (
            task("dynamodb:getItem", json!({"TableName.$": "States.Format('{}', $.t)", "Key": {}})),
            "TableName",
            "/Parameters/TableName.$",
        ),
        (task("events:putEvents", json!({"Entries.$": "$.e"})), "Entries", "/Parameters/Entries.$"),
        (
            task("events:putEvents", json!({"Entries": [{"EventBusName.$": "$.b"}]})),
            "EventBusName",
            "/Parameters/Entries[0]",
        ),
        (
            task("states:startExecution", json!({"StateMachineArn.$": "$.m"})),
            "StateMachineArn",
            "/Parameters/StateMachineArn.$",
        ),
    ] {
        let expected = format!(
            "The role needs to know {member}, which is computed when the state runs at /States/A{at}; {mend}"
        );
        check(&state, &[], &[&expected]);
    }
    check(
        &task("sns:publish", json!({"TopicArn.$": "$.t", "Message": "m"})),
        &["arn:aws:sns:*:*:*"],
        &[
            "`arn:aws:sns:*:*:*` is not the TopicArn that the role needs at /States/A/Parameters/TopicArn.$; write one \
           name, without `*`, `?` and `${`",
        ],
    );
    check(
        &task("athena:getQueryResults", json!({})),
        &[],
        &[
            "What `arn:aws:states:::athena:getQueryResults` needs of IAM is not known here at /States/A/Resource; \
           export the rest without this state, and write the statements for it yourself",
        ],
    );
}

#[test]
fn an_activity_asks_for_nothing_and_credentials_for_their_role() {
    check(&json!({"Resource": "arn:aws:states:us-east-1:1:activity:Pack"}), &[], &[]);
    let mut invoke = task("lambda:invoke", json!({"FunctionName.$": "$.f"}));
    invoke["Credentials"] = json!({"RoleArn": "arn:aws:iam::1:role/other"});
    check(&invoke, &[], &["ACredentials: sts:AssumeRole on arn:aws:iam::1:role/other"]);
    invoke["Credentials"] = json!({"RoleArn.$": "$.role"});
    let unknown = "The role needs to know RoleArn, which is computed when the state runs at \
                   /States/A/Credentials; write it out, or say in the manifest what it may be: targets = { \"A\" = \
                   [\"…\"] } in [workflows.NAME]";
    check(&invoke, &[], &[unknown]);
}

#[test]
fn states_that_ask_for_the_same_share_a_statement_that_names_them() {
    let pay = |next: &str| {
        json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "Pay"}, "Next": next})
    };
    let map = json!({"Type": "Map", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Each", "States": {"Each": {"Type": "Succeed"}}}});
    let definition = json!({"StartAt": "first try", "States": {
        "first try": pay("second try"), "second try": pay("third"), "third": pay("fourth"), "fourth": pay("all"),
        "all": map}});
    assert_eq!(
        shown(&definition, &[]),
        [
            "FirstTryAndSecondTryAndThirdAndMore: lambda:InvokeFunction on arn:aws:lambda:<own>:function:Pay",
            "AllStart: states:StartExecution on arn:aws:states:<own>:stateMachine:order",
            "AllFollow: states:DescribeExecution states:StopExecution on arn:aws:states:<own>:execution:order:*",
        ]
    );
    let machine = StateMachine::parse(&definition.to_string()).unwrap();
    let asking = Asking { name: "order", machine: &machine, targets: &BTreeMap::new() };
    let reasons: Vec<_> =
        statements(&asking.all().unwrap()).into_iter().map(|it| it.reason).collect();
    assert_eq!(
        reasons,
        ["The states first try, second try, third and fourth.", "The state all.", "The state all."]
    );
}
