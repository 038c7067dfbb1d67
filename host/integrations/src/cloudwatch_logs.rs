//! Amazon CloudWatch Logs, through the AWS SDK.

use std::{error::Error, sync::Arc};

use aws_sdk_cloudwatchlogs::{
    Client, Config,
    config::Region,
    error::{ProvideErrorMetadata, SdkError},
    operation::{create_log_stream::CreateLogStreamError, put_log_events::PutLogEventsError},
    types::{InputLogEvent, RejectedLogEventsInfo},
};
use futures::future::BoxFuture;
use stepyard_engine::{
    LogGroup,
    outside::{LogEvent, LogStream, Logs, LogsError},
};

use crate::aws::{Aws, AwsService, said, why_unanswered};

/// The stream that Step Functions makes in a group to see whether it may log there.
const VALIDATION_STREAM: &str = "log_stream_created_by_aws_to_validate_log_delivery_subscriptions";

/// What says that the events are metrics (Embedded metric format, "PutLogEvents request format").
const FORMAT: (&str, &str) = ("x-amzn-logs-format", "json/emf");

/// Puts log events into the streams of Amazon CloudWatch Logs.
#[derive(Clone, Debug)]
pub struct CloudWatchLogs {
    client: Client,
    /// Whether the settings name a region: else a group's ARN does.
    has_region: bool,
}

impl CloudWatchLogs {
    /// Amazon CloudWatch Logs, as `aws` says it is reached.
    pub async fn load(aws: &Aws) -> Self {
        let has_region = aws.of(AwsService::Logs).region.is_some();
        Self { client: Client::new(&aws.config(AwsService::Logs).await), has_region }
    }

    /// What a call is made with that is about a group.
    fn config(&self, group: &LogGroup) -> aws_sdk_cloudwatchlogs::config::Builder {
        match self.has_region {
            true => Config::builder(),
            false => Config::builder().region(Region::new(group.region().to_owned())),
        }
    }

    async fn put_events(
        &self,
        stream: &LogStream,
        events: &[LogEvent],
    ) -> Result<usize, SdkError<PutLogEventsError>> {
        let input = |event: &LogEvent| {
            let input = InputLogEvent::builder().timestamp(event.at.as_millis());
            input.message(&event.message).build()
        };
        let inputs: Result<Vec<_>, _> = events.iter().map(input).collect();
        let request = self
            .client
            .put_log_events()
            .log_group_name(stream.group.name())
            .log_stream_name(&stream.name)
            .set_log_events(Some(inputs.map_err(SdkError::construction_failure)?))
            .customize()
            .config_override(self.config(&stream.group));
        let request = match stream.has_metrics {
            true => request.mutate_request(|request| {
                request.headers_mut().insert(FORMAT.0, FORMAT.1);
            }),
            false => request,
        };
        let put = request.send().await?;
        Ok(put.rejected_log_events_info().map_or(0, |info| rejected(info, events.len())))
    }

    async fn make_stream(
        &self,
        group: &LogGroup,
        name: &str,
    ) -> Result<(), SdkError<CreateLogStreamError>> {
        let request = self.client.create_log_stream().log_group_name(group.name());
        let request = request.log_stream_name(name).customize();
        match request.config_override(self.config(group)).send().await {
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => Ok(()),
            made => made.map(drop),
        }
    }
}

impl Logs for CloudWatchLogs {
    fn put(
        &self,
        stream: &LogStream,
        events: Arc<[LogEvent]>,
    ) -> BoxFuture<'_, Result<usize, LogsError>> {
        let stream = stream.clone();
        Box::pin(async move {
            match self.put_events(&stream, &events).await {
                Err(error) if is_not_there(&error) => {
                    let made = self.make_stream(&stream.group, &stream.name).await;
                    made.map_err(|error| not_taken(&error))?;
                    let put = self.put_events(&stream, &events).await;
                    put.map_err(|error| not_taken(&error))
                }
                put => put.map_err(|error| not_taken(&error)),
            }
        })
    }

    fn has_group(&self, group: &LogGroup) -> BoxFuture<'_, Result<bool, LogsError>> {
        let group = group.clone();
        Box::pin(async move {
            match self.make_stream(&group, VALIDATION_STREAM).await {
                Ok(()) => Ok(true),
                Err(error) if is_not_there(&error) => Ok(false),
                Err(error) => Err(not_taken(&error)),
            }
        })
    }
}

fn is_not_there<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("ResourceNotFoundException")
}

/// How many of so many events were not taken: those up to an end, and those from a start.
fn rejected(info: &RejectedLogEventsInfo, count: usize) -> usize {
    let place = |place: Option<i32>| place.and_then(|place| usize::try_from(place).ok());
    let ends = [info.too_old_log_event_end_index, info.expired_log_event_end_index];
    let end = ends.into_iter().filter_map(place).max().unwrap_or(0).min(count);
    let start = place(info.too_new_log_event_start_index).unwrap_or(count).min(count);
    if start < end { count } else { end + (count - start) }
}

/// Events that are refused for what they are will be again. What else is wrong may be mended: the log
/// group, the credentials and their policy are somebody's to change.
fn not_taken<E>(error: &SdkError<E>) -> LogsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if error.raw_response().is_none() {
        let why = why_unanswered(error);
        return match error {
            SdkError::ConstructionFailure(_) => LogsError::Refused(why),
            _ => LogsError::Unavailable(why),
        };
    }
    let why = format!("{}: {}", error.code().unwrap_or("CloudWatchLogs"), said(error));
    match error.code() {
        Some("InvalidParameterException") => LogsError::Refused(why),
        _ => LogsError::Unavailable(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_outside_the_times_that_are_taken_are_counted() {
        let info = |old: Option<i32>, expired: Option<i32>, new: Option<i32>| {
            RejectedLogEventsInfo::builder()
                .set_too_old_log_event_end_index(old)
                .set_expired_log_event_end_index(expired)
                .set_too_new_log_event_start_index(new)
                .build()
        };
        for (info, expected) in [
            (info(None, None, None), 0),
            (info(Some(3), None, None), 3),
            (info(Some(3), Some(5), None), 5),
            (info(None, None, Some(8)), 2),
            (info(Some(1), None, Some(8)), 3),
            (info(Some(99), None, None), 10),
            (info(Some(9), None, Some(2)), 10),
        ] {
            assert_eq!(rejected(&info, 10), expected, "{info:?}");
        }
    }
}
