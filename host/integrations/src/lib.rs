//! What runs tasks for AWS's service integrations, one file per service.
//!
//! ```text
//!   engine ── Task ──► lambda.rs ──► Functions   the step runtime, or aws_functions.rs
//!                 ├──► sns.rs ─────► Topics      aws_topics.rs, or the engine's own topic log
//!                 ├──► states.rs ──► the engine itself
//!                 ├──► http.rs ────► the API itself
//!                 └──► dynamodb.rs, events.rs, sqs.rs: the service itself, by its SDK
//!
//!   the step runtime ┬────────────► Mail         smtp.rs, ses.rs, or the engine's own folder
//!                    ├────────────► KeyValue     redis.rs, dynamodb_buckets.rs, or the engine's own stores
//!                    └────────────► Secrets      secrets_manager.rs, by the command
//!   Map Runs ──────────────────────► Objects      s3_objects.rs, or the engine's own folders
//!   triggers ─────────────────────► Queue        sqs_queue.rs
//!   telemetry ────────────────────► Logs         cloudwatch_logs.rs
//!   the command ──────────────────► lambda_api.rs, of a server that runs
//! ```
//!
//! An integration reads the arguments AWS documents, asks a trait of the engine or the service itself to do
//! the work, and answers in AWS's shape and with AWS's error names. No other crate knows an AWS service's client.
//! Nothing here decides what a task's end means, or keeps anything.
#![forbid(unsafe_code)]

mod arguments;
mod aws;
mod aws_functions;
mod aws_topics;
mod called;
mod client;
#[cfg(feature = "cloudwatch-logs")]
mod cloudwatch_logs;
mod dynamodb;
mod dynamodb_buckets;
mod events;
mod http;
mod lambda;
mod lambda_api;
mod message_attributes;
mod redis;
mod s3_objects;
mod sdk;
mod secrets_manager;
mod ses;
mod smtp;
mod sns;
mod sqs;
mod sqs_queue;
mod states;

use std::{collections::BTreeMap, fmt, sync::Arc};

use stepyard_asl::{Pattern, Resource};
use stepyard_engine::{
    Functions, Identity, Integration,
    outside::{Names, Secrets, Topics},
};

pub use aws::{AccessKey, Aws, AwsService, AwsSettings};
pub use aws_functions::AwsFunctions;
pub use aws_topics::AwsTopics;
pub use called::Called;
#[cfg(feature = "cloudwatch-logs")]
pub use cloudwatch_logs::CloudWatchLogs;
pub use dynamodb_buckets::{
    DYNAMODB_READ_ACTIONS, DYNAMODB_WRITE_ACTIONS, DynamoDbBuckets, dynamodb_table,
};
pub use http::{
    Authorization, Connection, ConnectionError, OAuth, Text, connection_name, connection_of,
};
pub use lambda_api::{LambdaApi, LambdaApiError, PublishedAlias, PublishedVersion};
pub use redis::{Redis, RedisConnectError};
pub use s3_objects::S3Objects;
pub use secrets_manager::{SECRETS_MANAGER_ACTIONS, SecretsManager};
pub use ses::{SES_ACTIONS, Ses};
pub use smtp::{Smtp, SmtpError};
pub use sqs_queue::SqsQueue;

/// What the integrations work with.
pub struct Reach {
    /// Region and account, for ARNs.
    pub identity: Identity,
    /// Runs steps by the names of functions.
    pub functions: Arc<dyn Functions>,
    /// The functions that are AWS Lambda's.
    pub aws_functions: AwsFunctions,
    /// Takes notifications.
    pub topics: Arc<dyn Topics>,
    /// How AWS is reached.
    pub aws: Aws,
    /// How HTTP APIs are, by the names of connections.
    pub connections: BTreeMap<String, Connection>,
    /// Says where hosts are.
    pub names: Arc<dyn Names>,
    /// Has the secrets of connections.
    pub secrets: Arc<dyn Secrets>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("aws", &self.aws).finish_non_exhaustive()
    }
}

/// Every integration there is, by service.
pub fn all(reach: Reach) -> Vec<Arc<dyn Integration>> {
    let Reach { identity, functions, aws_functions, topics, aws, connections, names, secrets } =
        reach;
    let region = identity.region.clone();
    vec![
        Arc::new(dynamodb::DynamoDb::new(aws.clone())),
        Arc::new(events::Events::new(aws.clone())),
        Arc::new(http::Http::new(connections, names, secrets, region)),
        Arc::new(lambda::Lambda::new(identity, functions, aws_functions)),
        Arc::new(sns::Sns::new(topics)),
        Arc::new(sqs::Sqs::new(aws)),
        Arc::new(states::States),
    ]
}

/// Whether one of [`all`] does the tasks of `resource`: known without anything to do them with, so
/// that a definition can be refused before anything is opened or built.
pub fn claims(resource: &Resource) -> bool {
    let claims = [
        dynamodb::claims,
        events::claims,
        http::claims,
        lambda::claims,
        sns::claims,
        sqs::claims,
        states::claims,
    ];
    claims.iter().any(|claims| claims(resource))
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
        trial: None,
        engine: stepyard_engine::EngineHandle::default(),
    }
}
