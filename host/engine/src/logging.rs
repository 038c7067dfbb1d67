//! What is logged of executions: AWS's `loggingConfiguration`, read.

use std::{fmt, sync::Arc};

use serde::Deserialize;
use stepyard_asl::EventType;

/// What is logged of the executions of a state machine, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Which events.
    pub level: LogLevel,
    /// Whether inputs, outputs and parameters are.
    pub include_execution_data: bool,
    /// Where.
    pub group: LogGroup,
}

/// AWS's levels of logging; of `OFF` there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Every event.
    All,
    /// What goes wrong.
    Error,
    /// What ends an execution other than well.
    Fatal,
}

/// A log group of Amazon CloudWatch Logs, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogGroup {
    arn: Arc<str>,
}

impl Logging {
    /// Reads the JSON text that is kept of a state machine. None where nothing is to be logged.
    pub fn read(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            level: LogLevel,
            #[serde(default)]
            include_execution_data: bool,
            destinations: Vec<Destination>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Destination {
            cloud_watch_logs_log_group: Group,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Group {
            log_group_arn: String,
        }
        let Written { level, include_execution_data, destinations } =
            serde_json::from_str(text).ok()?;
        let destination = destinations.into_iter().next()?;
        let group = LogGroup::parse(&destination.cloud_watch_logs_log_group.log_group_arn).ok()?;
        Some(Self { level, include_execution_data, group })
    }
}

impl LogLevel {
    /// Whether events of this type are logged (Developer Guide, "Log levels").
    pub fn logs(self, kind: EventType) -> bool {
        let name = kind.name();
        let is_end = matches!(
            kind,
            EventType::ExecutionFailed | EventType::ExecutionTimedOut | EventType::ExecutionAborted
        );
        match self {
            Self::All => true,
            Self::Error => {
                let ends = ["Failed", "TimedOut", "Aborted"];
                kind == EventType::FailStateEntered || ends.iter().any(|end| name.ends_with(end))
            }
            Self::Fatal => is_end,
        }
    }
}

/// The text is not the ARN of a log group as Step Functions takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogGroupError {
    /// It is some other text.
    #[error("it is not `arn:<partition>:logs:<region>:<account>:log-group:<name>:*`")]
    NotALogGroup,
    /// It names the group without its streams.
    #[error("it does not end with `:*`")]
    NoStreams,
}

/// The bounds of a log group's name, and what it may consist of (CloudWatch Logs, `CreateLogGroup`).
const NAME_MAX: usize = 512;

impl LogGroup {
    /// Reads `arn:aws:logs:<region>:<account>:log-group:<name>:*`.
    pub fn parse(arn: &str) -> Result<Self, LogGroupError> {
        let parts: Vec<&str> = arn.split(':').collect();
        let [begin, partition, service, region, account, kind, name, rest @ ..] = &*parts else {
            return Err(LogGroupError::NotALogGroup);
        };
        let is_named = (1..=NAME_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/.#".contains(&byte));
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_group = *begin == "arn" && partition.starts_with("aws") && *service == "logs";
        let is_group = is_group && !region.is_empty() && is_account && *kind == "log-group";
        match rest {
            _ if !is_group || !is_named => Err(LogGroupError::NotALogGroup),
            ["*"] => Ok(Self { arn: arn.into() }),
            [] => Err(LogGroupError::NoStreams),
            _ => Err(LogGroupError::NotALogGroup),
        }
    }

    /// The group of this name, in a region and an account.
    pub fn named(name: &str, region: &str, account: &str) -> Result<Self, LogGroupError> {
        Self::parse(&format!("arn:aws:logs:{region}:{account}:log-group:{name}:*"))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.part(6)
    }

    /// The region it is in.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    fn part(&self, index: usize) -> &str {
        self.arn.split(':').nth(index).expect("the ARN of a log group was read when it was made")
    }
}

impl fmt::Display for LogGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/states/a:*";

    #[test]
    fn a_log_group_is_read_from_the_arn_that_step_functions_takes() {
        let group = LogGroup::parse(GROUP).unwrap();
        assert_eq!((group.name(), group.region()), ("/aws/vendedlogs/states/a", "eu-west-1"));
        let named = LogGroup::named("/aws/vendedlogs/states/a", "eu-west-1", "123456789012");
        assert_eq!(named, Ok(group));
        for arn in [
            "",
            "a",
            "arn:aws:logs:r:123456789012:log-group:g:log-stream:s",
            "arn:aws:logs:r:12:log-group:g:*",
            "arn:aws:sns:r:123456789012:log-group:g:*",
            "arn:aws:logs:r:123456789012:log-group:a b:*",
            "arn:aws:logs::123456789012:log-group:g:*",
        ] {
            assert_eq!(LogGroup::parse(arn), Err(LogGroupError::NotALogGroup), "{arn}");
        }
        let bare = GROUP.strip_suffix(":*").unwrap();
        assert_eq!(LogGroup::parse(bare), Err(LogGroupError::NoStreams));
    }

    #[test]
    fn what_is_kept_of_a_state_machine_says_what_is_logged() {
        let text = format!(
            r#"{{"level":"ERROR","includeExecutionData":true,"destinations":
                [{{"cloudWatchLogsLogGroup":{{"logGroupArn":"{GROUP}"}}}}]}}"#
        );
        let group = LogGroup::parse(GROUP).unwrap();
        let expected = Logging { level: LogLevel::Error, include_execution_data: true, group };
        assert_eq!(Logging::read(&text), Some(expected));
        for nothing in ["", "{}", r#"{"level":"OFF","includeExecutionData":false}"#] {
            assert_eq!(Logging::read(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn each_level_logs_what_the_developer_guide_says() {
        let logged = |level: LogLevel| {
            let kinds = EventType::ALL.iter().filter(move |kind| level.logs(**kind));
            kinds.map(|kind| kind.name()).collect::<Vec<_>>()
        };
        assert_eq!(logged(LogLevel::All).len(), EventType::ALL.len());
        assert_eq!(
            logged(LogLevel::Fatal),
            ["ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"]
        );
        let errors = [
            "ActivityFailed",
            "ActivityTimedOut",
            "EvaluationFailed",
            "ExecutionAborted",
            "ExecutionFailed",
            "ExecutionTimedOut",
            "FailStateEntered",
            "LambdaFunctionFailed",
            "LambdaFunctionTimedOut",
            "MapIterationAborted",
            "MapIterationFailed",
            "MapRunAborted",
            "MapRunFailed",
            "MapStateAborted",
            "MapStateFailed",
            "ParallelStateAborted",
            "ParallelStateFailed",
            "TaskFailed",
            "TaskStateAborted",
            "TaskTimedOut",
            "WaitStateAborted",
        ];
        assert_eq!(logged(LogLevel::Error), errors);
    }
}
