//! What an execution that a schedule starts is given: its input, or EventBridge Scheduler's notification.

use serde_json::json;
use stepyard_asl::{Payload, Timestamp};
use stepyard_engine::Identity;

/// The input of a schedule's executions: a JSON text in which context attributes may stand.
///
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>
#[derive(Clone, Debug, Default)]
pub struct ScheduleInput(Option<String>);

/// The input is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("the input is not JSON: {0}")]
pub struct ScheduleInputError(#[from] serde_json::Error);

/// A moment of a schedule, as its execution is told.
pub(crate) struct Occasion<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) schedule: &'a str,
    pub(crate) execution: &'a str,
    pub(crate) moment: Timestamp,
}

impl ScheduleInput {
    /// Takes a JSON text.
    pub fn parse(text: impl Into<String>) -> Result<Self, ScheduleInputError> {
        let input = Self(Some(text.into()));
        // With any values in the attributes' places it has to be JSON.
        let identity = Identity::default();
        let moment = Timestamp::from_millis(0);
        input.filled(&Occasion { identity: &identity, schedule: "s", execution: "e", moment })?;
        Ok(input)
    }

    /// The input of the execution that a moment starts: the same for the same moment.
    pub(crate) fn filled(&self, occasion: &Occasion<'_>) -> Result<Payload, serde_json::Error> {
        let Some(text) = &self.0 else { return Ok(occasion.notification()) };
        let filled = text
            .replace("<aws.scheduler.schedule-arn>", &occasion.schedule_arn())
            .replace("<aws.scheduler.scheduled-time>", &occasion.time())
            .replace("<aws.scheduler.execution-id>", occasion.execution)
            .replace("<aws.scheduler.attempt-number>", "1");
        Payload::parse(filled)
    }
}

impl Occasion<'_> {
    /// "If you do not specify anything for this field, EventBridge Scheduler delivers a default
    /// notification to the target" (API reference, `Target`, `Input`).
    fn notification(&self) -> Payload {
        json!({
            "version": "0",
            "id": self.execution,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": self.identity.account,
            "time": self.time(),
            "region": self.identity.region,
            "resources": [self.schedule_arn()],
            "detail": "{}",
        })
        .into()
    }

    fn schedule_arn(&self) -> String {
        let Identity { region, account } = self.identity;
        format!("arn:aws:scheduler:{region}:{account}:schedule/default/{}", self.schedule)
    }

    /// In whole seconds, as AWS has it.
    fn time(&self) -> String {
        self.moment.to_string().replace(".000Z", "Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(input: &ScheduleInput) -> String {
        let identity = Identity::default();
        let moment = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
        let occasion =
            Occasion { identity: &identity, schedule: "nightly", execution: "nightly-1", moment };
        input.filled(&occasion).unwrap().text().to_owned()
    }

    #[test]
    fn context_attributes_are_filled_in() {
        let text = r#"{"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>", "id": "<aws.scheduler.execution-id>"}"#;
        assert_eq!(
            filled(&ScheduleInput::parse(text).unwrap()),
            r#"{"at": "2026-11-25T12:00:00Z", "by": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly", "id": "nightly-1"}"#
        );
        assert_eq!(filled(&ScheduleInput::parse("<aws.scheduler.attempt-number>").unwrap()), "1");
    }

    #[test]
    fn without_input_it_is_the_notification() {
        let notification: serde_json::Value =
            serde_json::from_str(&filled(&ScheduleInput::default())).unwrap();
        assert_eq!(notification["detail-type"], "Scheduled Event");
        assert_eq!(notification["time"], "2026-11-25T12:00:00Z");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "nightly", "<aws.scheduler.scheduled-time>"] {
            assert!(ScheduleInput::parse(text).is_err(), "{text}");
        }
    }
}
