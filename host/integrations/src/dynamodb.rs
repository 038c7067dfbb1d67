//! Amazon DynamoDB: `dynamodb:getItem`, `putItem`, `updateItem` and `deleteItem`, and the same of `aws-sdk:dynamodb`.
//!
//! None of these calls has an identity: what is written again, after a crash or by a retrier, is written
//! again. A `ConditionExpression` is how a definition keeps that from counting twice.

mod attribute_value;
mod shown;
mod written;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    operation::RequestId,
    types::{AttributeValue, ConsumedCapacity, ItemCollectionMetrics},
};
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use stepyard_asl::{Payload, Resource, ResourceKind, StatesError};
use stepyard_engine::{Integration, Outcome, Task};

use crate::{
    aws::{Aws, AwsService},
    client::{HttpAnswer, ServiceClient},
    is_called,
    sdk::{self, Dialect, Errors, Service},
};

use written::Written;

/// The errors that DynamoDB's model declares for these operations.
const DYNAMODB: Errors = Errors {
    service: Service { prefix: "DynamoDB", name: "AmazonDynamoDBv2" },
    dialect: Dialect::Optimized,
    modelled: &[
        "ConditionalCheckFailedException",
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ResourceNotFoundException",
        "ThrottlingException",
        "TransactionConflictException",
    ],
    renamed: &[],
    other: "AmazonDynamoDBException",
};

/// The same, as the integration of an AWS SDK names them.
const DYNAMODB_SDK: Errors = Errors {
    service: Service { prefix: "DynamoDb", name: "DynamoDb" },
    dialect: Dialect::Sdk,
    other: "DynamoDbException",
    ..DYNAMODB
};

/// An operation on one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Put,
    Update,
    Delete,
}

/// Reads and writes items, and answers as DynamoDB does.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    client: ServiceClient<Client>,
}

/// Whether these are DynamoDB's tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    called(resource).is_some()
}

/// The operation that a `Resource` calls, and what its errors are called.
fn called(resource: &Resource) -> Option<(Action, &'static Errors)> {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else { return None };
    let errors = match service.as_str() {
        "dynamodb" => &DYNAMODB,
        "aws-sdk:dynamodb" => &DYNAMODB_SDK,
        _ => return None,
    };
    let action = match action.as_str() {
        "getItem" => Action::Get,
        "putItem" => Action::Put,
        "updateItem" => Action::Update,
        "deleteItem" => Action::Delete,
        _ => return None,
    };
    is_called(*pattern).then_some((action, errors))
}

impl Integration for DynamoDb {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let Some((action, errors)) = called(&task.resource) else {
                return Outcome::failed(StatesError::runtime("The task is not one of DynamoDB's."));
            };
            match self.call(action, errors, &task).await {
                Ok(answer) => task.answered(answer),
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

/// What an operation answered.
#[derive(Default)]
struct Answered {
    attributes: Option<HashMap<String, AttributeValue>>,
    item: Option<HashMap<String, AttributeValue>>,
    capacity: Option<ConsumedCapacity>,
    metrics: Option<ItemCollectionMetrics>,
    request_id: String,
}

/// A request with the members that all operations which write have, and what it answers.
macro_rules! write_item {
    ($request:expr, $written:expr, $http:expr, $errors:expr) => {{
        let request = $request
            .set_table_name($written.table_name)
            .set_condition_expression($written.condition_expression)
            .set_conditional_operator($written.conditional_operator)
            .set_expected($written.expected)
            .set_expression_attribute_names($written.expression_attribute_names)
            .set_expression_attribute_values($written.expression_attribute_values)
            .set_return_consumed_capacity($written.return_consumed_capacity)
            .set_return_item_collection_metrics($written.return_item_collection_metrics)
            .set_return_values($written.return_values);
        let output = request.customize().interceptor($http).send().await;
        let output = output.map_err(|error| $errors.told(&error))?;
        Answered {
            request_id: output.request_id().unwrap_or_default().to_owned(),
            attributes: output.attributes,
            capacity: output.consumed_capacity,
            metrics: output.item_collection_metrics,
            ..Answered::default()
        }
    }};
}

impl DynamoDb {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { client: ServiceClient::new(aws, AwsService::DynamoDb, Client::new) }
    }

    async fn call(
        &self,
        action: Action,
        errors: &Errors,
        task: &Task,
    ) -> Result<Payload, StatesError> {
        let written = Written::read(task)?;
        let client = self.client.get(errors).await?;
        let http = HttpAnswer::default();
        let answered = match action {
            Action::Get => get(client, written, http.clone(), errors).await?,
            Action::Put => {
                write_item!(client.put_item().set_item(written.item), written, http.clone(), errors)
            }
            Action::Update => {
                let request = client.update_item().set_key(written.key);
                let request = request
                    .set_update_expression(written.update_expression)
                    .set_attribute_updates(written.attribute_updates);
                write_item!(request, written, http.clone(), errors)
            }
            Action::Delete => {
                write_item!(
                    client.delete_item().set_key(written.key),
                    written,
                    http.clone(),
                    errors
                )
            }
        };
        Ok(answer(answered, &http, errors.dialect))
    }
}

async fn get(
    client: &Client,
    written: Written,
    http: HttpAnswer,
    errors: &Errors,
) -> Result<Answered, StatesError> {
    let request = client
        .get_item()
        .set_table_name(written.table_name)
        .set_key(written.key)
        .set_attributes_to_get(written.attributes_to_get)
        .set_consistent_read(written.consistent_read)
        .set_expression_attribute_names(written.expression_attribute_names)
        .set_projection_expression(written.projection_expression)
        .set_return_consumed_capacity(written.return_consumed_capacity);
    let output = request.customize().interceptor(http).send().await;
    let output = output.map_err(|error| errors.told(&error))?;
    Ok(Answered {
        request_id: output.request_id().unwrap_or_default().to_owned(),
        item: output.item,
        capacity: output.consumed_capacity,
        ..Answered::default()
    })
}

/// In AWS's order.
fn answer(answered: Answered, http: &HttpAnswer, dialect: Dialect) -> Payload {
    let mut shown = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        value.map(|value| shown.insert(name.to_owned(), value));
    };
    add("Attributes", answered.attributes.as_ref().map(attribute_value::shown_all));
    add("ConsumedCapacity", answered.capacity.as_ref().map(shown::capacity));
    add("Item", answered.item.as_ref().map(attribute_value::shown_all));
    add("ItemCollectionMetrics", answered.metrics.as_ref().map(shown::metrics));
    if dialect == Dialect::Optimized {
        sdk::add_metadata(&mut shown, &http.take().unwrap_or_default(), &answered.request_id);
    }
    Value::from(shown).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk::ServiceError;

    #[test]
    fn errors_are_named_as_the_integration_does_that_called() {
        let told = |resource: &str, code: &str| {
            let (_, errors) = called(&resource.parse().unwrap())?;
            let (message, status, request_id) = ("no", 400, "r");
            let error = errors.refused(&ServiceError { message, status, code, request_id });
            Some(format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default()))
        };
        for (resource, code, expected) in [
            (
                "arn:aws:states:::dynamodb:putItem",
                "ResourceNotFoundException",
                Some(
                    "DynamoDB.ResourceNotFoundException: no (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: r; Proxy: null)",
                ),
            ),
            (
                "arn:aws:states:::aws-sdk:dynamodb:putItem",
                "ResourceNotFoundException",
                Some(
                    "DynamoDb.ResourceNotFoundException: no (Service: DynamoDb, Status Code: 400, Request ID: r) (SDK Attempt Count: 1)",
                ),
            ),
            (
                "arn:aws:states:::aws-sdk:dynamodb:getItem.waitForTaskToken",
                "ValidationException",
                Some(
                    "DynamoDb.DynamoDbException: no (Service: DynamoDb, Status Code: 400, Request ID: r) (SDK Attempt Count: 1)",
                ),
            ),
            ("arn:aws:states:::aws-sdk:dynamodb:query", "", None),
            ("arn:aws:states:::sqs:sendMessage", "", None),
        ] {
            assert_eq!(told(resource, code).as_deref(), expected, "{resource}");
        }
    }
}
