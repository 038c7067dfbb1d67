//! `[workflows.NAME]`: state machines that `stepyard serve` registers, and what starts them.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use serde_json::json;
use stepyard_engine::{MachineType, check_name};
use toml::Spanned;

use super::{Fault, Identity, telemetry::log_group};

/// The bounds of `batch` (SQS, `ReceiveMessage`, `MaxNumberOfMessages`).
const BATCH: (i64, i64) = (1, 10);
/// The bounds of `wait_seconds` (SQS, `ReceiveMessage`, `WaitTimeSeconds`).
const WAIT_SECONDS: (i64, i64) = (0, 20);
/// The most characters of a role's ARN (`CreateStateMachine`, `roleArn`).
const ROLE_MAX: usize = 256;

/// `[workflows.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// The definition's file, relative to the manifest.
    pub definition: PathBuf,
    /// What its executions promise.
    #[serde(default, rename = "type")]
    pub kind: WorkflowType,
    /// The role its executions run under: a name, or an ARN.
    pub role: Option<Spanned<String>>,
    /// What is kept of AWS's `loggingConfiguration`.
    pub logging: Option<Spanned<Logging>>,
    /// AWS's `tracingConfiguration.enabled`.
    #[serde(default)]
    pub tracing: bool,
    /// Whether an execution runs the step versions that were current when it began, to its end.
    #[serde(default)]
    pub pin_steps: bool,
    /// State's name → what its computed parameter may name; for `stepyard export`.
    #[serde(default)]
    pub targets: BTreeMap<String, Vec<String>>,
    /// When executions start by themselves.
    #[serde(default)]
    pub schedule: Vec<Schedule>,
    /// The queues whose messages start executions.
    #[serde(default)]
    pub sqs: Vec<Sqs>,
}

/// AWS's types of state machine.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum WorkflowType {
    /// Durable.
    #[default]
    Standard,
    /// In memory.
    Express,
}

impl From<WorkflowType> for MachineType {
    fn from(kind: WorkflowType) -> Self {
        match kind {
            WorkflowType::Standard => Self::Standard,
            WorkflowType::Express => Self::Express,
        }
    }
}

/// `logging = { level = "ALL", include_execution_data = true, destination = "arn:…" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// AWS's level.
    pub level: LogLevel,
    /// Whether inputs and outputs are logged.
    #[serde(default)]
    pub include_execution_data: bool,
    /// The log group's name or ARN.
    pub destination: Option<Spanned<String>>,
}

/// AWS's levels of logging.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Everything.
    All,
    /// Errors.
    Error,
    /// Errors that end an execution.
    Fatal,
    /// Nothing.
    Off,
}

impl LogLevel {
    /// AWS's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Off => "OFF",
        }
    }
}

impl Logging {
    /// As the API takes it, as JSON.
    pub fn configuration(&self, identity: &Identity) -> String {
        let level = self.level.name();
        let mut shown =
            json!({ "level": level, "includeExecutionData": self.include_execution_data });
        let destination = self.destination.as_ref();
        let group = destination.and_then(|it| log_group(it.get_ref(), identity).ok());
        if let Some(group) = group {
            let group = group.to_string();
            shown["destinations"] = json!([{ "cloudWatchLogsLogGroup": { "logGroupArn": group } }]);
        }
        shown.to_string()
    }
}

/// `[[workflows.NAME.schedule]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `rate(…)`, `cron(…)` or `at(…)`, as EventBridge Scheduler has them.
    pub expression: Spanned<String>,
    /// An IANA time zone.
    pub timezone: Option<Spanned<String>>,
    /// The executions' input: a table, or a JSON text.
    pub input: Option<Spanned<toml::Value>>,
    /// Tells it from others, and stays when the rest changes.
    pub name: Option<Spanned<String>>,
}

/// `[[workflows.NAME.sqs]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sqs {
    /// The queue's URL.
    pub queue: Spanned<String>,
    /// The region, when neither the URL nor the usual chain says it.
    pub region: Option<String>,
    /// Another endpoint than AWS's or the URL's.
    pub endpoint: Option<Spanned<String>>,
    /// How many messages are asked for at once.
    pub batch: Option<Spanned<i64>>,
    /// How long a call waits for messages.
    pub wait_seconds: Option<Spanned<i64>>,
}

impl Sqs {
    /// How many messages are asked for at once; all that SQS gives unless set.
    pub fn batch(&self) -> u8 {
        self.batch.as_ref().and_then(|it| u8::try_from(*it.get_ref()).ok()).unwrap_or(10)
    }

    /// How long a call waits for messages; as long as SQS lets it unless set.
    pub fn wait_seconds(&self) -> u8 {
        self.wait_seconds.as_ref().and_then(|it| u8::try_from(*it.get_ref()).ok()).unwrap_or(20)
    }

    fn check(&self) -> Result<(), Fault> {
        for url in [Some(&self.queue), self.endpoint.as_ref()].into_iter().flatten() {
            let text = url.get_ref();
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.starts_with('/') || rest.is_empty()) {
                let message = format!(
                    "`{text}` is not a URL; write it as in \"https://sqs.eu-west-1.amazonaws.com/123456789012/orders\""
                );
                return Err((Some(url.span()), message));
            }
        }
        within("batch", self.batch.as_ref(), BATCH)?;
        within("wait_seconds", self.wait_seconds.as_ref(), WAIT_SECONDS)
    }
}

impl Workflow {
    /// Checks what can be checked without reading its definition.
    pub(super) fn check(&self, name: &Spanned<String>, identity: &Identity) -> Result<(), Fault> {
        check_name(name.get_ref()).map_err(|error| (Some(name.span()), error.to_string()))?;
        if let Some(role) = &self.role
            && !(1..=ROLE_MAX).contains(&role.get_ref().chars().count())
        {
            let message = format!("a role has 1 to {ROLE_MAX} characters");
            return Err((Some(role.span()), message));
        }
        if let Some(logging) = &self.logging {
            let Logging { level, destination, .. } = logging.get_ref();
            if *level != LogLevel::Off && destination.is_none() {
                let message = "logging needs a `destination`, a log group".to_owned();
                return Err((Some(logging.span()), message));
            }
            if let Some(group) = destination {
                log_group(group.get_ref(), identity)
                    .map_err(|message| (Some(group.span()), message))?;
            }
        }
        #[cfg(feature = "full")]
        super::schedule::check(&self.schedule)?;
        self.sqs.iter().try_for_each(Sqs::check)
    }
}

fn within(key: &str, value: Option<&Spanned<i64>>, (min, max): (i64, i64)) -> Result<(), Fault> {
    match value {
        Some(value) if !(min..=max).contains(value.get_ref()) => {
            Err((Some(value.span()), format!("{key} is {min} to {max}, not {}", value.get_ref())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Manifest;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let text = format!("[workflows.order]\ndefinition = \"w.json\"\n{text}\n");
        let result = Manifest::parse(Path::new("stepyard.toml"), &text);
        let message = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message, expected, "{text}");
    }

    #[test]
    fn a_workflow_has_what_aws_gives_a_state_machine() {
        check("", "");
        check("type = \"EXPRESS\"\nrole = \"orders\"\ntracing = true", "");
        check("logging = { level = \"OFF\" }", "");
        check(
            "logging = { level = \"ALL\", destination = \"arn:aws:logs:r:123456789012:log-group:g:*\" }",
            "",
        );
        check(
            "type = \"FAST\"",
            "stepyard.toml:3:8: unknown variant `FAST`, expected `STANDARD` or `EXPRESS`",
        );
        check("role = \"\"", "stepyard.toml:3:8: a role has 1 to 256 characters");
        check(
            "logging = { level = \"ALL\" }",
            "stepyard.toml:3:11: logging needs a `destination`, a log group",
        );
        check(
            "\n[workflows.\"a b\"]\ndefinition = \"w.json\"",
            "stepyard.toml:4:12: `a b` cannot be a name: give 1 to 80 characters without white space, control characters and any of <>{}[]?*\"#%\\^|~`$&,;:/",
        );
        check("\n[workflows.b]", "stepyard.toml:4:1: missing field `definition`");
    }

    #[test]
    fn what_is_wrong_with_a_schedule_is_told_with_its_place() {
        let schedule = |text: &str| format!("[[workflows.order.schedule]]\n{text}");
        let noon = "expression = \"cron(0 12 * * ? *)\"";
        check(&schedule(noon), "");
        check(
            &schedule(&format!(
                "{noon}\ntimezone = \"Asia/Tokyo\"\nname = \"noon\"\ninput = {{ at = 2026-11-25, items = [1, 2.5, true] }}"
            )),
            "",
        );
        check(&schedule(&format!("{noon}\ninput = '{{\"a\": 1}}'")), "");
        check(
            &schedule("expression = \"rate(5 seconds)\""),
            "stepyard.toml:4:14: `rate(5 seconds)` is not a rate: write a whole number from 1 and minutes, hours or days, as in rate(5 minutes)",
        );
        check(
            &schedule(&format!("{noon}\ntimezone = \"Mars\"")),
            "stepyard.toml:5:12: `Mars` is not a time zone: write its IANA name, such as \"Europe/Berlin\"",
        );
        check(
            &schedule(&format!("{noon}\ninput = \"noon\"")),
            "stepyard.toml:5:9: the input is not JSON: expected ident at line 1 column 2",
        );
        check(
            &schedule(&format!("{noon}\ninput = {{ a = nan }}")),
            "stepyard.toml:5:9: NaN is not a number in JSON",
        );
        check(
            &schedule(&format!("{noon}\nname = \"a b\"")),
            "stepyard.toml:5:8: `a b` is not a schedule's name: 1 to 60 letters, digits, -, _ and .",
        );
        check(
            &schedule(&format!("{noon}\n{}", schedule(noon))),
            "stepyard.toml:6:14: another schedule of the workflow is the same: give each a `name` of its own",
        );
        check(&schedule(&format!("{noon}\n{}", schedule(&format!("{noon}\nname = \"b\"")))), "");
        check(&schedule("name = \"a\""), "stepyard.toml:3:1: missing field `expression`");
    }

    #[test]
    fn what_is_wrong_with_a_queue_is_told_with_its_place() {
        let sqs = |text: &str| format!("[[workflows.order.sqs]]\n{text}");
        let queue = "queue = \"https://sqs.eu-west-1.amazonaws.com/123456789012/orders\"";
        check(&sqs(queue), "");
        check(
            &sqs(&format!(
                "{queue}\nbatch = 1\nwait_seconds = 0\nregion = \"r\"\nendpoint = \"http://127.0.0.1:4566\""
            )),
            "",
        );
        check(
            &sqs("queue = \"orders\""),
            "stepyard.toml:4:9: `orders` is not a URL; write it as in \"https://sqs.eu-west-1.amazonaws.com/123456789012/orders\"",
        );
        check(&sqs(&format!("{queue}\nbatch = 11")), "stepyard.toml:5:9: batch is 1 to 10, not 11");
        check(
            &sqs(&format!("{queue}\nwait_seconds = -1")),
            "stepyard.toml:5:16: wait_seconds is 0 to 20, not -1",
        );
    }
}
