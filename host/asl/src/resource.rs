//! A Task's `Resource`: who is asked to do the work, and how its end is awaited.

mod integrations;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A `Resource` ARN, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    text: Arc<str>,
    kind: ResourceKind,
}

/// What a `Resource` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A Lambda function, by its ARN: its input is the event, its answer the bare payload.
    Function {
        /// The function's name.
        name: String,
        /// A version or alias, when the ARN has one.
        qualifier: Option<String>,
    },
    /// An activity, by its ARN: workers poll for its tasks.
    Activity,
    /// A Map Run, by its ARN: the executions of a Distributed Map state. No definition names one.
    MapRun,
    /// A service integration, `arn:aws:states:::<service>:<action>`.
    Service {
        /// The service slot: `lambda`, `sns`, `aws-sdk:dynamodb`.
        service: String,
        /// The action without its suffix: `invoke`, `publish`.
        action: String,
        /// The suffix.
        pattern: Pattern,
    },
}

/// The service integration pattern: when a task is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// No suffix: when the service has answered.
    RequestResponse,
    /// `.sync`: when the job has ended.
    RunJob,
    /// `.sync:2`: the same, its output parsed.
    RunJobParsed,
    /// `.waitForTaskToken`: when `SendTaskSuccess` or `SendTaskFailure` names the task's token.
    WaitForTaskToken,
}

impl Pattern {
    const SUFFIXES: [(&'static str, Self); 3] = [
        (".sync:2", Self::RunJobParsed),
        (".sync", Self::RunJob),
        (".waitForTaskToken", Self::WaitForTaskToken),
    ];

    /// The suffix in a `Resource`; empty for request-response.
    pub fn suffix(self) -> &'static str {
        let found = Self::SUFFIXES.iter().find(|(_, pattern)| *pattern == self);
        found.map_or("", |(suffix, _)| suffix)
    }
}

impl Resource {
    /// Whether someone outside completes its tasks, by their tokens.
    pub fn awaits_token(&self) -> bool {
        match self.kind() {
            ResourceKind::Function { .. } | ResourceKind::MapRun => false,
            ResourceKind::Activity => true,
            ResourceKind::Service { pattern, .. } => *pattern != Pattern::RequestResponse,
        }
    }

    /// Whether AWS has it for a Task: of a service integration, that there is one of its service,
    /// action and pattern.
    pub(crate) fn is_known(&self) -> bool {
        match self.kind() {
            ResourceKind::Service { service, action, pattern } => {
                integrations::is_known(service, action, *pattern)
            }
            ResourceKind::Function { .. } | ResourceKind::Activity => true,
            ResourceKind::MapRun => false,
        }
    }

    /// Whether its tasks are jobs: submitted first, and over when the job is (`.sync`).
    pub fn is_job(&self) -> bool {
        matches!(
            self.kind(),
            ResourceKind::Service { pattern: Pattern::RunJob | Pattern::RunJobParsed, .. }
        )
    }

    /// The Map Run of this ARN.
    pub(crate) fn map_run(arn: &str) -> Self {
        Self { text: arn.into(), kind: ResourceKind::MapRun }
    }

    /// The ARN as the definition has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the ARN names.
    pub fn kind(&self) -> &ResourceKind {
        &self.kind
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not the ARN of something that can do a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the ARN of a function, an activity or a service integration")]
pub struct ResourceError(String);

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Resource {
    type Err = ResourceError;

    fn from_str(text: &str) -> Result<Self, ResourceError> {
        let kind = read(text).ok_or_else(|| ResourceError(text.to_owned()))?;
        Ok(Self { text: text.into(), kind })
    }
}

/// `arn:<partition>:<service>:<region>:<account>:<rest>`.
fn read(text: &str) -> Option<ResourceKind> {
    let mut parts = text.splitn(6, ':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, _account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if arn != "arn" || !partition.starts_with("aws") {
        return None;
    }
    match service {
        "lambda" => read_function(rest),
        "states" if rest.starts_with("activity:") => Some(ResourceKind::Activity),
        "states" if rest.starts_with("mapRun:") => Some(ResourceKind::MapRun),
        "states" => read_service(rest),
        _ => None,
    }
}

fn read_function(rest: &str) -> Option<ResourceKind> {
    let mut parts = rest.strip_prefix("function:")?.split(':');
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let qualifier = parts.next().map(str::to_owned);
    parts.next().is_none().then_some(ResourceKind::Function { name, qualifier })
}

fn read_service(rest: &str) -> Option<ResourceKind> {
    let suffixes = Pattern::SUFFIXES.iter();
    let found =
        suffixes.filter_map(|(suffix, pattern)| Some((rest.strip_suffix(suffix)?, pattern)));
    let (rest, pattern) = found
        .map(|(rest, pattern)| (rest, *pattern))
        .next()
        .unwrap_or((rest, Pattern::RequestResponse));
    let (service, action) = rest.rsplit_once(':')?;
    let named = !service.is_empty() && !action.is_empty();
    let (service, action) = (service.to_owned(), action.to_owned());
    named.then_some(ResourceKind::Service { service, action, pattern })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integration_that_aws_does_not_have_is_told() {
        for (text, known) in [
            ("arn:aws:lambda:us-east-1:123456789012:function:Pay", true),
            ("arn:aws:states:us-east-1:1:activity:Pack", true),
            ("arn:aws:states:us-east-1:1:mapRun:orders/each:1", false),
            ("arn:aws:states:::dynamodb:putItem", true),
            ("arn:aws:states:::dynamodb:query", false),
            ("arn:aws:states:::aws-sdk:dynamodb:query", true),
            ("arn:aws:states:::aws-sdk:dynamodb:query.waitForTaskToken", true),
            ("arn:aws:states:::aws-sdk:dynamodb:query.sync", false),
            ("arn:aws:states:::lambda:invoke.waitForTaskToken", true),
            ("arn:aws:states:::lambda:invoke.sync", false),
            ("arn:aws:states:::states:startExecution.sync:2", true),
            ("arn:aws:states:::states:stopExecution", false),
        ] {
            assert_eq!(text.parse::<Resource>().unwrap().is_known(), known, "{text}");
        }
    }

    #[test]
    fn a_resource_is_told_by_its_arn() {
        let function = |name: &str, qualifier: Option<&str>| {
            Some(ResourceKind::Function {
                name: name.to_owned(),
                qualifier: qualifier.map(str::to_owned),
            })
        };
        let service = |service: &str, action: &str, pattern| {
            let (service, action) = (service.to_owned(), action.to_owned());
            Some(ResourceKind::Service { service, action, pattern })
        };
        let cases = [
            ("arn:aws:lambda:us-east-1:123456789012:function:Pay", function("Pay", None)),
            ("arn:aws:lambda:us-east-1:1:function:Pay:live", function("Pay", Some("live"))),
            ("arn:aws:lambda:us-east-1:1:function:Pay:a:b", None),
            ("arn:aws:states:us-east-1:1:activity:Pack", Some(ResourceKind::Activity)),
            ("arn:aws:states:us-east-1:1:mapRun:orders/each:1", Some(ResourceKind::MapRun)),
            ("arn:aws:states:::sns:publish", service("sns", "publish", Pattern::RequestResponse)),
            (
                "arn:aws:states:::lambda:invoke.waitForTaskToken",
                service("lambda", "invoke", Pattern::WaitForTaskToken),
            ),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                service("states", "startExecution", Pattern::RunJobParsed),
            ),
            (
                "arn:aws:states:us-east-1:1:aws-sdk:s3:getObject",
                service("aws-sdk:s3", "getObject", Pattern::RequestResponse),
            ),
            ("arn:aws:states:::sns", None),
            ("sns:publish", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Resource>().ok().map(|it| it.kind), expected, "{text}");
        }
    }
}
