//! Wait: leaves when its moment has come.

use super::{
    Context, Exit, Progress, StateType,
    flow::{Filter, OutputFlow, shown, whole, whole_number},
};
use crate::{
    EvaluationError, Payload, StatesError, Timestamp,
    fields::{Fields, NUMBER_MAX},
    payload::{
        path::ReferencePath,
        query::{Kind, Moment, Query},
    },
};

/// The longest delay that AWS accepts at run time, in seconds.
const DELAY_SECONDS_MAX: i64 = i32::MAX as i64;

/// A Wait state.
#[derive(Debug)]
pub(crate) struct Wait {
    input_path: Filter,
    until: Until,
    output: OutputFlow,
}

/// When a Wait state is over.
#[derive(Debug)]
enum Until {
    Seconds(u64),
    SecondsPath(ReferencePath),
    SecondsQuery(Query),
    Timestamp(Timestamp),
    TimestampPath(ReferencePath),
    TimestampQuery(Query),
}

impl Wait {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            input_path: Filter::read(fields, "InputPath"),
            until: Until::read(fields),
            output: OutputFlow::read_with_assign(fields),
        }
    }
}

impl Until {
    fn read(fields: &mut Fields<'_>) -> Self {
        fields.exactly_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]);
        let seconds = match fields.query("Seconds", Moment::Entering) {
            Some(query) => query.map(Self::SecondsQuery),
            None => fields.integer("Seconds", 0..=NUMBER_MAX).map(Self::Seconds),
        };
        let seconds_path = fields.reference_path("SecondsPath").map(Self::SecondsPath);
        let timestamp = match fields.query("Timestamp", Moment::Entering) {
            Some(query) => query.map(Self::TimestampQuery),
            None => read_timestamp(fields).map(Self::Timestamp),
        };
        let timestamp_path = fields.reference_path("TimestampPath").map(Self::TimestampPath);
        let until = seconds.or(seconds_path).or(timestamp).or(timestamp_path);
        // Whatever is missing here has been reported, so this wait never runs.
        until.unwrap_or(Self::Seconds(0))
    }

    /// The moment, for a state entered at `cx.now` with this effective input.
    fn moment(&self, cx: &Context<'_>, input: &Payload) -> Result<Timestamp, EvaluationError> {
        match self {
            Self::Seconds(seconds) => Ok(after(cx, i64::try_from(*seconds).unwrap_or(i64::MAX))?),
            Self::SecondsPath(path) => Ok(after(cx, read_seconds(cx, path, input)?)?),
            Self::SecondsQuery(query) => {
                let seconds = query_seconds(cx, query, input)?;
                after(cx, seconds).map_err(|error| query.refuse(error.cause.unwrap_or_default()))
            }
            Self::Timestamp(moment) => Ok(within_reach(cx, *moment)?),
            Self::TimestampPath(path) => Ok(within_reach(cx, read_moment(cx, path, input)?)?),
            Self::TimestampQuery(query) => {
                let moment = query_moment(cx, query, input)?;
                within_reach(cx, moment)
                    .map_err(|error| query.refuse(error.cause.unwrap_or_default()))
            }
        }
    }
}

impl StateType for Wait {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        let input = self.input_path.apply(cx, cx.input)?;
        cx.inspect(|it| it.after_input_path = Some(input.clone()));
        let moment = self.until.moment(cx, &input)?;
        if moment <= cx.now {
            return Ok(Progress::Leave(self.output.apply(cx, &input)?));
        }
        Ok(Progress::Timer(moment))
    }

    fn leave(&self, cx: &Context<'_>, input: Payload) -> Result<Exit, EvaluationError> {
        let input = self.input_path.apply(cx, &input)?;
        self.output.apply(cx, &input)
    }
}

fn query_seconds(cx: &Context<'_>, query: &Query, input: &Payload) -> Result<i64, EvaluationError> {
    match whole_number(query, &cx.scope(input.value()))? {
        seconds @ ..0 => {
            Err(query
                .refuse(format!("The Seconds parameter references a negative value: {seconds}")))
        }
        seconds => Ok(seconds),
    }
}

fn query_moment(
    cx: &Context<'_>,
    query: &Query,
    input: &Payload,
) -> Result<Timestamp, EvaluationError> {
    let value = query.evaluate_as(Kind::String, &cx.scope(input.value()))?;
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| {
        query.refuse(format!(
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format \
             string: {}",
            shown(&value)
        ))
    })
}

fn read_timestamp(fields: &mut Fields<'_>) -> Option<Timestamp> {
    const NAME: &str = "Timestamp";
    let timestamp = Timestamp::parse(fields.string(NAME)?);
    if timestamp.is_none() {
        let mend = "write it as 2026-11-22T21:04:17Z, with a capital T and a zone";
        fields.wrong(NAME, "String does not match RFC3339 timestamp", mend);
    }
    timestamp
}

fn read_seconds(
    cx: &Context<'_>,
    path: &ReferencePath,
    input: &Payload,
) -> Result<i64, StatesError> {
    let scope = cx.scope(input.value());
    let fail = |what: &str| StatesError::runtime(format!("The SecondsPath parameter {what}"));
    let Ok(value) = path.read(&scope) else {
        return Err(fail(&format!("does not reference an input value: {}", path.text())));
    };
    let (path, text) = (path.text(), shown(value));
    match whole(value) {
        None => Err(fail(&format!("cannot be parsed as a long value: {path} == {text}"))),
        Some(..0) => Err(fail(&format!("references a negative value: {path} == {text}"))),
        Some(seconds) => Ok(seconds),
    }
}

fn read_moment(
    cx: &Context<'_>,
    path: &ReferencePath,
    input: &Payload,
) -> Result<Timestamp, StatesError> {
    let scope = cx.scope(input.value());
    let fail = |what: &str| StatesError::runtime(format!("The TimestampPath parameter {what}"));
    let Ok(value) = path.read(&scope) else {
        return Err(fail(&format!("does not reference an input value: {}", path.text())));
    };
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| {
        let (path, text) = (path.text(), shown(value));
        fail(&format!(
            "does not reference a valid ISO-8601 extended offset date-time format string: {path} == {text}"
        ))
    })
}

fn after(cx: &Context<'_>, seconds: i64) -> Result<Timestamp, StatesError> {
    within_reach(cx, cx.now.plus_millis(seconds.saturating_mul(1000)))
}

fn within_reach(cx: &Context<'_>, moment: Timestamp) -> Result<Timestamp, StatesError> {
    let delay = moment.as_millis().saturating_sub(cx.now.as_millis());
    if delay > DELAY_SECONDS_MAX * 1000 {
        return Err(StatesError::runtime("Wait state delay is too long."));
    }
    Ok(moment)
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        check(
            &json!({"Type": "Wait", "Seconds": 0, "End": true}),
            &[
                (
                    json!({"Seconds": "REMOVED"}),
                    &["Exactly one of the following fields is required: \
                       [Seconds, SecondsPath, Timestamp, TimestampPath] at /States/A"],
                ),
                (
                    json!({"TimestampPath": "$.t"}),
                    &["There should only be one of the following fields: \
                       [Seconds, SecondsPath, Timestamp, TimestampPath] at /States/A"],
                ),
                (
                    json!({"Seconds": 100_000_000}),
                    &["Maximum value is 99999999 at /States/A/Seconds"],
                ),
                (
                    json!({"Seconds": "REMOVED", "Timestamp": "2016-12-05 21:29:29Z"}),
                    &["String does not match RFC3339 timestamp at /States/A/Timestamp"],
                ),
                (
                    json!({"Seconds": "REMOVED", "SecondsPath": "$..a"}),
                    &["Value is not a Reference Path at /States/A/SecondsPath"],
                ),
                (json!({"Parameters": {}}), &["Field 'Parameters' is not supported at /States/A"]),
            ],
        );
    }
}
