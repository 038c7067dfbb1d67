//! What runs tasks for AWS's service integrations, one file per service.
//!
//! ```text
//!   engine ── Task ──► lambda.rs ──► Functions   the step runtime
//!                 ├──► sns.rs ─────► Topics      aws_topics.rs, or the engine's own topic log
//!                 └──► states.rs ──► the engine itself
//!
//!   the step runtime ┬────────────► Mail         smtp.rs, or the engine's own folder
//!                    └────────────► KeyValue     redis.rs, or the engine's own stores
//!   triggers ─────────────────────► Queue        sqs.rs
//!   telemetry ────────────────────► Logs         cloudwatch_logs.rs
//!   the command ──────────────────► lambda_api.rs, of a server that runs
//! ```
//!
//! An integration reads the arguments AWS documents, asks a trait of the engine to do the work, and
//! answers in AWS's shape and with AWS's error names. No other crate knows an AWS service's client.
//! Nothing here decides what a task's end means, or keeps anything.
#![forbid(unsafe_code)]

mod arguments;
mod aws;
mod aws_topics;
mod called;
mod cloudwatch_logs;
mod lambda;
mod lambda_api;
mod redis;
mod sdk;
mod smtp;
mod sns;
mod sqs;
mod states;

use std::sync::Arc;

use stepyard_asl::{Pattern, Resource};
use stepyard_engine::{Functions, Identity, Integration, outside::Topics};

pub use aws::{AccessKey, AwsSettings};
pub use aws_topics::AwsTopics;
pub use called::Called;
pub use cloudwatch_logs::CloudWatchLogs;
pub use lambda_api::{LambdaApi, LambdaApiError, PublishedAlias, PublishedVersion};
pub use redis::{Redis, RedisConnectError};
pub use smtp::{Smtp, SmtpError};
pub use sqs::SqsQueue;

/// Every integration there is, by service.
pub fn all(
    identity: Identity,
    functions: Arc<dyn Functions>,
    topics: Arc<dyn Topics>,
) -> Vec<Arc<dyn Integration>> {
    vec![
        Arc::new(lambda::Lambda::new(identity, functions)),
        Arc::new(sns::Sns::new(topics)),
        Arc::new(states::States),
    ]
}

/// Whether one of [`all`] does the tasks of `resource`: known without anything to do them with, so
/// that a definition can be refused before anything is opened or built.
pub fn claims(resource: &Resource) -> bool {
    lambda::claims(resource) || sns::claims(resource) || states::claims(resource)
}

/// Whether one call of the service is all that the host does: the rest is a task token's.
fn is_called(pattern: Pattern) -> bool {
    matches!(pattern, Pattern::RequestResponse | Pattern::WaitForTaskToken)
}

/// A first attempt at a task, for tests.
#[cfg(test)]
fn task(resource: &str, input: &str) -> stepyard_engine::Task {
    stepyard_engine::Task {
        id: "1.0:task".parse().unwrap(),
        execution: "arn:aws:states:us-east-1:123456789012:execution:order:1".to_owned(),
        state: "Work".into(),
        idempotency_key: "arn:aws:states:us-east-1:123456789012:execution:order:1/0.0".to_owned(),
        attempt: 0,
        resource: resource.parse().unwrap(),
        input: stepyard_asl::Payload::parse(input).unwrap(),
        token: None,
        deadline: None,
        trace: None,
        pins: None,
        map_run: None,
        engine: stepyard_engine::EngineHandle::default(),
    }
}
