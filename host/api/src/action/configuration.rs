//! How a state machine or an activity is configured: logging, tracing, encryption.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use stepyard_engine::{LogGroup, LogGroupError};
use tokio::time::timeout;

use crate::{
    Api,
    constraint::{ARN, Constraints},
    error::ApiError,
};

/// The levels of logging, in AWS's order.
const LEVELS: [&str; 4] = ["ALL", "ERROR", "FATAL", "OFF"];
/// The kinds of encryption, in AWS's order.
const ENCRYPTIONS: [&str; 2] = ["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"];
/// The bounds of a key's id.
const KEY_ID: (usize, usize) = (1, 2_048);
/// The bounds of how long a data key is used again, in seconds.
const REUSE_SECONDS: (i64, i64) = (60, 900);

/// How long is asked for a log group: whoever creates a state machine waits for it.
const GROUP_WAIT: Duration = Duration::from_secs(5);

/// `loggingConfiguration`. Kept and described; delivery to CloudWatch Logs is not this crate's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logging {
    level: Option<String>,
    include_execution_data: Option<bool>,
    destinations: Option<Vec<LogDestination>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogDestination {
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logs_log_group: Option<GroupWritten>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupWritten {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group_arn: Option<String>,
}

impl Logging {
    pub(super) fn constrain(check: Constraints, logging: Option<&Self>) -> Constraints {
        let Some(logging) = logging else { return check };
        let check = check.one_of("loggingConfiguration.level", logging.level.as_deref(), &LEVELS);
        let destinations = logging.destinations.iter().flatten().zip(1..);
        destinations.fold(check, |check, (destination, number)| {
            let group = destination.cloud_watch_logs_log_group.as_ref();
            let arn = group.and_then(|it| it.log_group_arn.as_deref());
            let list = "loggingConfiguration.destinations";
            let group = format!("{list}.{number}.member.cloudWatchLogsLogGroup");
            check.length(&format!("{group}.logGroupArn"), arn, ARN)
        })
    }

    /// As it is kept.
    pub(super) async fn kept(self, api: &Api) -> Result<Arc<str>, ApiError> {
        let level = self.level.as_deref().unwrap_or("OFF").to_owned();
        if level != "OFF" {
            check_group(&self.group()?, api).await?;
        }
        let include = self.include_execution_data.unwrap_or(false);
        let mut shown = json!({ "level": level, "includeExecutionData": include });
        if let Some(destinations) = self.destinations {
            shown["destinations"] = json!(destinations);
        }
        Ok(shown.to_string().into())
    }

    /// The one log group that it names.
    fn group(&self) -> Result<LogGroup, ApiError> {
        let one = match self.destinations.as_deref() {
            Some([destination]) => destination.cloud_watch_logs_log_group.as_ref(),
            _ => None,
        };
        let Some(arn) = one.and_then(|group| group.log_group_arn.as_deref()) else {
            return Err(invalid("Must specify exactly one Log Destination."));
        };
        LogGroup::parse(arn).map_err(|error| match error {
            LogGroupError::NoStreams => {
                invalid("Log Group ARN must be provided with '*' qualifier.")
            }
            LogGroupError::NotALogGroup => invalid("Log Destination not found."),
        })
    }
}

/// A log group that is known not to be there is refused. One of which nothing is known, as nobody
/// answers, is taken: what is logged waits for it.
async fn check_group(group: &LogGroup, api: &Api) -> Result<(), ApiError> {
    let Some(logs) = &api.logs else { return Ok(()) };
    match timeout(GROUP_WAIT, logs.has_group(group)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(invalid("Log Destination not found.")),
        Ok(Err(error)) => {
            tracing::warn!(%group, %error, "it is not known whether a log group is there");
            Ok(())
        }
        Err(_) => {
            tracing::warn!(%group, "it is not known whether a log group is there: no answer came");
            Ok(())
        }
    }
}

fn invalid(what: &str) -> ApiError {
    let message = format!("Invalid Logging Configuration: {what}");
    ApiError::new("InvalidLoggingConfiguration", message)
}

/// `tracingConfiguration`.
#[derive(Debug, Deserialize)]
pub(super) struct Tracing {
    enabled: Option<bool>,
}

impl Tracing {
    pub(super) fn is_on(&self) -> bool {
        self.enabled.unwrap_or(false)
    }
}

/// `encryptionConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Encryption {
    r#type: Option<String>,
    kms_key_id: Option<String>,
    kms_data_key_reuse_period_seconds: Option<i64>,
}

impl Encryption {
    pub(super) fn constrain(check: Constraints, encryption: Option<&Self>) -> Constraints {
        let Some(encryption) = encryption else { return check };
        let member = |name| format!("encryptionConfiguration.{name}");
        let seconds = encryption.kms_data_key_reuse_period_seconds;
        check
            .present(&member("type"), &encryption.r#type)
            .one_of(&member("type"), encryption.r#type.as_deref(), &ENCRYPTIONS)
            .length(&member("kmsKeyId"), encryption.kms_key_id.as_deref(), KEY_ID)
            .range(&member("kmsDataKeyReusePeriodSeconds"), seconds, REUSE_SECONDS)
    }

    /// Refuses what only AWS can do.
    pub(super) fn check(encryption: Option<&Self>) -> Result<(), ApiError> {
        match encryption.and_then(|it| it.r#type.as_deref()) {
            None | Some("AWS_OWNED_KEY") => Ok(()),
            Some(_) => Err(ApiError::unsupported("A customer managed key")),
        }
    }
}
