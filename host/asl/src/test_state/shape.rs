//! What the APIs of services answer: a mocked result of a task is held to it.
//!
//! The tables under `shape/` are made by `service_shapes.py` there, of AWS's API models. A result of a
//! service or operation that they lack is taken as it is; so is one that no API answers: a function's, a
//! worker's, or that of whoever had a task token.

mod table;

use serde_json::Value;

use self::table::{Table, Type};
use super::{FieldValidationMode, TestRefusal};
use crate::{Pattern, Resource, ResourceKind};

/// The tables, by the service's name in `aws-sdk:<name>:<action>`.
const TABLES: &[(&str, &str)] = &[
    ("athena", include_str!("shape/athena.txt")),
    ("batch", include_str!("shape/batch.txt")),
    ("bedrock", include_str!("shape/bedrock.txt")),
    ("codebuild", include_str!("shape/codebuild.txt")),
    ("databrew", include_str!("shape/databrew.txt")),
    ("dynamodb", include_str!("shape/dynamodb.txt")),
    ("ecs", include_str!("shape/ecs.txt")),
    ("emr", include_str!("shape/emr.txt")),
    ("emrcontainers", include_str!("shape/emrcontainers.txt")),
    ("emrserverless", include_str!("shape/emrserverless.txt")),
    ("eventbridge", include_str!("shape/eventbridge.txt")),
    ("glue", include_str!("shape/glue.txt")),
    ("kms", include_str!("shape/kms.txt")),
    ("lambda", include_str!("shape/lambda.txt")),
    ("s3", include_str!("shape/s3.txt")),
    ("sagemaker", include_str!("shape/sagemaker.txt")),
    ("secretsmanager", include_str!("shape/secretsmanager.txt")),
    ("sfn", include_str!("shape/sfn.txt")),
    ("sns", include_str!("shape/sns.txt")),
    ("sqs", include_str!("shape/sqs.txt")),
];

/// The service that an integration of Step Functions calls, where its name is another.
const SERVICES: &[(&str, &str)] = &[
    ("elasticmapreduce", "emr"),
    ("emr-containers", "emrcontainers"),
    ("emr-serverless", "emrserverless"),
    ("events", "eventbridge"),
    ("states", "sfn"),
];

/// What Step Functions asks for the end of a job (`.sync`), by service and action: its answer is the
/// task's result.
const POLLED: &[(&str, &str, &str)] = &[
    ("athena", "startQueryExecution", "GetQueryExecution"),
    ("batch", "submitJob", "DescribeJobs"),
    ("bedrock", "createModelCustomizationJob", "GetModelCustomizationJob"),
    ("codebuild", "retryBuildBatch", "BatchGetBuildBatches"),
    ("codebuild", "startBuild", "BatchGetBuilds"),
    ("codebuild", "startBuildBatch", "BatchGetBuildBatches"),
    ("databrew", "startJobRun", "DescribeJobRun"),
    ("ecs", "runTask", "DescribeTasks"),
    ("elasticmapreduce", "addStep", "DescribeStep"),
    ("elasticmapreduce", "createCluster", "DescribeCluster"),
    ("elasticmapreduce", "terminateCluster", "DescribeCluster"),
    ("emr-containers", "createVirtualCluster", "DescribeVirtualCluster"),
    ("emr-containers", "deleteVirtualCluster", "DescribeVirtualCluster"),
    ("emr-containers", "startJobRun", "DescribeJobRun"),
    ("emr-serverless", "cancelJobRun", "GetJobRun"),
    ("emr-serverless", "createApplication", "GetApplication"),
    ("emr-serverless", "deleteApplication", "GetApplication"),
    ("emr-serverless", "startApplication", "GetApplication"),
    ("emr-serverless", "startJobRun", "GetJobRun"),
    ("emr-serverless", "stopApplication", "GetApplication"),
    ("glue", "startJobRun", "GetJobRun"),
    ("sagemaker", "createHyperParameterTuningJob", "DescribeHyperParameterTuningJob"),
    ("sagemaker", "createLabelingJob", "DescribeLabelingJob"),
    ("sagemaker", "createProcessingJob", "DescribeProcessingJob"),
    ("sagemaker", "createTrainingJob", "DescribeTrainingJob"),
    ("sagemaker", "createTransformJob", "DescribeTransformJob"),
    ("states", "startExecution", "DescribeExecution"),
];

/// Members that an integration of Step Functions shows as JSON, and its service's API as a text.
const PARSED: &[(&str, &str, Pattern, &[&str])] = &[
    ("lambda", "invoke", Pattern::RequestResponse, &["Payload"]),
    ("states", "startExecution", Pattern::RunJobParsed, &["Input", "Output"]),
];

/// Checks a mocked result of a task of `resource`.
pub(super) fn check(
    resource: &Resource,
    result: &Value,
    mode: FieldValidationMode,
) -> Result<(), TestRefusal> {
    let ResourceKind::Service { service, action, pattern } = resource.kind() else {
        return Ok(());
    };
    if mode == FieldValidationMode::None {
        return Ok(());
    }
    let Some((name, operation)) = asked(service, action, *pattern) else { return Ok(()) };
    let Some((_, text)) = TABLES.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let table = Table::parse(text);
    let Some(answer) = table.answer(&operation) else { return Ok(()) };
    if !result.is_object() {
        return Err(TestRefusal::MockedResult("be a JSON object."));
    }
    let parsed =
        PARSED.iter().find(|(s, a, p, _)| (*s, *a, *p) == (&**service, &**action, *pattern));
    let any: &[&str] = parsed.map_or(&[], |(.., members)| members);
    check_value(&table, answer, any, result, mode == FieldValidationMode::Strict)
        .map_err(TestRefusal::MockSchema)
}

/// The service and the operation of its API whose answer a task's result is.
fn asked<'a>(service: &'a str, action: &str, pattern: Pattern) -> Option<(&'a str, String)> {
    let operation = match pattern {
        Pattern::WaitForTaskToken => return None,
        Pattern::RequestResponse => capitalized(action),
        Pattern::RunJob | Pattern::RunJobParsed => {
            let polled = POLLED.iter().find(|(s, a, _)| (*s, *a) == (service, action));
            polled.map(|(.., operation)| (*operation).to_owned())?
        }
    };
    let name = service.strip_prefix("aws-sdk:").unwrap_or_else(|| {
        SERVICES.iter().find(|(own, _)| *own == service).map_or(service, |(_, name)| name)
    });
    Some((name, operation))
}

/// `PutItem` of `putItem`.
fn capitalized(action: &str) -> String {
    let mut characters = action.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// A value that has yet to be checked, and the member that it is of, or is within.
struct Unchecked<'a> {
    member: &'a str,
    kind: &'a Type<'a>,
    value: &'a Value,
}

/// Checks a result and all that is in it, in the order of the model. `any` are members of the result
/// itself that may be anything.
fn check_value<'a>(
    table: &'a Table<'a>,
    answer: &'a Type<'a>,
    any: &[&str],
    result: &'a Value,
    is_strict: bool,
) -> Result<(), String> {
    let mut ready = vec![Unchecked { member: "", kind: answer, value: result }];
    while let Some(Unchecked { member, kind, value }) = ready.pop() {
        kind.check(member, value)?;
        let first = ready.len();
        match (kind, value) {
            (Type::Structure(name), Value::Object(object)) => {
                for it in table.members(name) {
                    match object.get(it.name) {
                        None if is_strict && it.is_required => {
                            return Err(format!("Required field '{}' is missing", it.name));
                        }
                        Some(value) if !(member.is_empty() && any.contains(&it.name)) => {
                            ready.push(Unchecked { member: it.name, kind: &it.kind, value });
                        }
                        _ => {}
                    }
                }
            }
            (Type::List(element, _), Value::Array(elements)) => {
                ready.extend(elements.iter().map(|value| Unchecked {
                    member,
                    kind: element,
                    value,
                }));
            }
            (Type::Map(element), Value::Object(members)) => {
                let values = members.iter();
                ready.extend(values.map(|(key, value)| Unchecked {
                    member: key,
                    kind: element,
                    value,
                }));
            }
            _ => {}
        }
        ready[first..].reverse();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
