//! Retry and Catch: which errors they match, how long a retry waits, where a catch leads.

use serde_json::Value;

use crate::{
    EvaluationError, Payload, StateName, StatesError, error_name,
    fields::{Fields, NUMBER_MAX, expected, problem},
    payload::{Scope, query::Moment, template::Template},
    state::{Assign, Exit, ResultPath},
};

/// The longest `MaxDelaySeconds` (States Language, "Errors").
const MAX_DELAY_SECONDS_MAX: u64 = 31_622_400;

/// An element of `Retry`.
#[derive(Debug)]
pub(crate) struct Retrier {
    error_equals: Vec<String>,
    interval_seconds: u64,
    max_attempts: u64,
    backoff_rate: f64,
    max_delay_seconds: Option<u64>,
    jitter: bool,
}

/// An element of `Catch`.
#[derive(Debug)]
pub(crate) struct Catcher {
    error_equals: Vec<String>,
    pub(crate) next: StateName,
    result_path: ResultPath,
    assign: Assign,
    /// In JSONata.
    output: Option<Template>,
}

/// An error on its way out of a state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: StatesError,
    pub(crate) origin: Origin,
    /// Of a JSONata expression, the place of its field within the state.
    pub(crate) place: Option<Box<str>>,
    /// Whether it kept the state from beginning its work.
    pub(crate) is_early: bool,
}

/// Where an error arose, as far as matching it depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A task or a Fail state.
    Work,
    /// A task's silence: `States.Timeout` that `States.HeartbeatTimeout` matches too.
    Heartbeat,
    /// The evaluation of a state. Its `States.DataLimitExceeded` is one that `States.ALL` does not
    /// match; that of a task's result it does.
    State,
}

impl Failure {
    pub(crate) fn of_work(error: StatesError) -> Self {
        Self::new(error, Origin::Work)
    }

    pub(crate) fn of_state(error: StatesError) -> Self {
        Self::new(error, Origin::State)
    }

    pub(crate) fn new(error: StatesError, origin: Origin) -> Self {
        Self { error, origin, place: None, is_early: false }
    }

    /// Whether it is an expression's, which the history tells by an event of its own.
    pub(crate) fn is_of_query(&self) -> bool {
        self.origin == Origin::State && self.error.name() == error_name::QUERY_EVALUATION_ERROR
    }

    /// Whether an `ErrorEquals` names it. `States.Runtime` cannot be retried or caught, by
    /// whatever name.
    fn is_named_by(&self, error_equals: &[String]) -> bool {
        self.error.name() != error_name::RUNTIME
            && error_equals.iter().any(|name| self.matches(name))
    }

    fn matches(&self, name: &str) -> bool {
        let error = self.error.name();
        match name {
            error_name::ALL => {
                error != error_name::DATA_LIMIT_EXCEEDED || self.origin != Origin::State
            }
            error_name::TASK_FAILED => error != error_name::TIMEOUT,
            error_name::HEARTBEAT_TIMEOUT => self.origin == Origin::Heartbeat || error == name,
            _ => error == name,
        }
    }
}

impl Retrier {
    /// The first retrier that names the failure decides; none when its attempts are used up.
    pub(crate) fn find(retriers: &[Self], failure: &Failure, used: &[u64]) -> Option<usize> {
        let found = Self::naming(retriers, failure)?;
        let used = used.get(found).copied().unwrap_or(0);
        retriers[found].tries_again(used).then_some(found)
    }

    /// The first retrier that names the failure, whether or not it has attempts left.
    pub(crate) fn naming(retriers: &[Self], failure: &Failure) -> Option<usize> {
        retriers.iter().position(|it| failure.is_named_by(&it.error_equals))
    }

    /// Whether it has attempts left after so many.
    pub(crate) fn tries_again(&self, used: u64) -> bool {
        used < self.max_attempts
    }

    /// How long to wait before retry number `retry`, from 1. `random` tells where in the range of
    /// a jittered delay it falls.
    pub(crate) fn delay_millis(&self, retry: u64, random: impl FnOnce() -> u64) -> i64 {
        let exponent = i32::try_from(retry - 1).unwrap_or(i32::MAX);
        let seconds = self.interval_seconds as f64 * self.backoff_rate.powi(exponent);
        let most = self.max_delay_seconds.unwrap_or(NUMBER_MAX);
        // As floats go, this also tames an infinite product; 99,999,999,000 ms is exact.
        let millis = (seconds.min(most as f64) * 1000.0).round() as u64;
        let millis = if self.jitter { scale(random(), millis) } else { millis };
        i64::try_from(millis).unwrap_or(i64::MAX)
    }

    pub(crate) fn read_all(fields: &mut Fields<'_>) -> Vec<Self> {
        read_all(fields, "Retry", Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.string("Comment");
        Some(Self {
            error_equals: read_error_equals(fields),
            interval_seconds: fields.integer("IntervalSeconds", 1..=NUMBER_MAX).unwrap_or(1),
            max_attempts: fields.integer("MaxAttempts", 0..=NUMBER_MAX).unwrap_or(3),
            backoff_rate: fields.number("BackoffRate", 1.0).unwrap_or(2.0),
            max_delay_seconds: fields.integer("MaxDelaySeconds", 1..=MAX_DELAY_SECONDS_MAX),
            jitter: read_jitter(fields),
        })
    }
}

impl Catcher {
    /// The first catcher that names the failure.
    pub(crate) fn find<'a>(catchers: &'a [Self], failure: &Failure) -> Option<&'a Self> {
        Self::naming(catchers, failure).map(|found| &catchers[found])
    }

    /// Its place.
    pub(crate) fn naming(catchers: &[Self], failure: &Failure) -> Option<usize> {
        catchers.iter().position(|catcher| failure.is_named_by(&catcher.error_equals))
    }

    /// What the state is left with: the error output, put into the state's raw input. `scope` has
    /// that error output for its input.
    pub(crate) fn exit(
        &self,
        raw_input: &Payload,
        error_output: &Payload,
        scope: &Scope<'_>,
    ) -> Result<Exit, EvaluationError> {
        let assigned = self.assign.evaluate(scope)?;
        let output = match &self.output {
            Some(output) => output.evaluate(scope)?.into(),
            None => self.result_path.apply(raw_input, error_output.clone())?,
        };
        Ok(Exit { output, assigned })
    }

    pub(crate) fn read_all(fields: &mut Fields<'_>) -> Vec<Self> {
        read_all(fields, "Catch", Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.string("Comment");
        let error_equals = read_error_equals(fields);
        let next = fields.required_state("Next");
        let result_path = ResultPath::read(fields);
        let assign = Assign::read(fields, Moment::Catching);
        let output = fields.template("Output", Moment::Catching);
        next.map(|next| Self { error_equals, next, result_path, assign, output })
    }
}

/// A number up to and including `most`, as far along as `random` is in its range.
fn scale(random: u64, most: u64) -> u64 {
    let product = u128::from(random) * (u128::from(most) + 1);
    u64::try_from(product >> 64).unwrap_or(most)
}

fn read_all<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    read: fn(&mut Fields<'_>) -> Option<T>,
) -> Vec<T> {
    let at = fields.at().field(name);
    let elements = fields.array(name).unwrap_or_default();
    let mut all = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let at = at.index(index);
        check_wildcard(element, index + 1 == elements.len(), &at, fields);
        let Some(mut element) = fields.inner(element, at) else { continue };
        all.extend(read(&mut element));
        element.finish();
    }
    all
}

fn read_error_equals(fields: &mut Fields<'_>) -> Vec<String> {
    const NAME: &str = "ErrorEquals";
    let at = fields.at().field(NAME);
    let mut names = Vec::new();
    for (index, name) in fields.filled_array(NAME).into_iter().flatten().enumerate() {
        match name.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => fields.found().push(expected("String", at.index(index))),
        }
    }
    names
}

/// "The reserved name States.ALL ... MUST appear alone in the ErrorEquals array and MUST appear in
/// the last Retrier in the Retry array" (States Language, "Retrying after error"); likewise Catch.
fn check_wildcard(element: &Value, last: bool, at: &crate::Location, fields: &mut Fields<'_>) {
    let names = element.get("ErrorEquals").and_then(Value::as_array);
    let Some(names) = names.filter(|names| names.iter().any(|it| it == error_name::ALL)) else {
        return;
    };
    if names.len() > 1 || !last {
        let message = "States.ALL must be alone in its ErrorEquals, and in the last element";
        let mend = "give States.ALL an element of its own and put that last";
        fields.found().push(problem(message, at.field("ErrorEquals"), mend));
    }
}

fn read_jitter(fields: &mut Fields<'_>) -> bool {
    const NAME: &str = "JitterStrategy";
    match fields.string(NAME) {
        Some("FULL") => true,
        Some("NONE") | None => false,
        Some(_) => {
            let message =
                "The field 'JitterStrategy' should have one of these values: [FULL, NONE]";
            fields.wrong(NAME, message, "use FULL or NONE");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::{Location, findings::Findings};

    fn retriers(value: &Value) -> Vec<Retrier> {
        let (value, mut found) = (json!({ "Retry": value }), Findings::default());
        let mut fields = Fields::of(&value, Location::default(), &mut found).unwrap();
        let retriers = Retrier::read_all(&mut fields);
        fields.finish();
        assert_eq!(*found, []);
        retriers
    }

    #[test]
    fn errors_are_matched_by_name_and_by_wildcards() {
        let work = |name: &str| Failure::of_work(StatesError::new(name, ""));
        let state = |name: &str| Failure::of_state(StatesError::new(name, ""));
        let silence = Failure::new(StatesError::new("States.Timeout", ""), Origin::Heartbeat);
        let nameless = Failure::of_work(StatesError::default());
        let cases = [
            (work("Boom"), "Boom", true),
            (work("Boom"), "boom", false),
            (work("Boom"), "States.ALL", true),
            (work("Boom"), "States.TaskFailed", true),
            (nameless.clone(), "States.ALL", true),
            (nameless.clone(), "States.TaskFailed", true),
            (nameless, "Boom", false),
            (work("States.Timeout"), "States.Timeout", true),
            (work("States.Timeout"), "States.TaskFailed", false),
            (work("States.Timeout"), "States.HeartbeatTimeout", false),
            (silence.clone(), "States.HeartbeatTimeout", true),
            (silence, "States.Timeout", true),
            (state("States.Runtime"), "States.ALL", false),
            (state("States.Runtime"), "States.TaskFailed", false),
            (state("States.Runtime"), "States.Runtime", false),
            (state("States.DataLimitExceeded"), "States.ALL", false),
            (state("States.DataLimitExceeded"), "States.DataLimitExceeded", true),
            (work("States.DataLimitExceeded"), "States.ALL", true),
        ];
        for (failure, name, expected) in cases {
            assert_eq!(failure.is_named_by(&[name.to_owned()]), expected, "{failure:?} {name}");
        }
    }

    #[test]
    fn the_first_retrier_that_matches_decides_even_when_it_is_used_up() {
        let retriers = retriers(&json!([
            {"ErrorEquals": ["A"], "MaxAttempts": 1},
            {"ErrorEquals": ["B"], "MaxAttempts": 0},
            {"ErrorEquals": ["States.ALL"]},
        ]));
        let cases = [
            ("A", vec![], Some(0)),
            ("A", vec![1], None),
            ("B", vec![], None),
            ("C", vec![9, 9, 2], Some(2)),
            ("C", vec![0, 0, 3], None),
        ];
        for (name, used, expected) in cases {
            let failure = Failure::of_work(StatesError::new(name, ""));
            assert_eq!(Retrier::find(&retriers, &failure, &used), expected, "{name} {used:?}");
        }
    }

    #[test]
    fn delays_grow_by_the_rate_up_to_the_cap_and_jitter_shortens_them() {
        let plain = json!({"ErrorEquals": ["A"]});
        let capped = json!({"ErrorEquals": ["A"], "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxDelaySeconds": 6});
        let jittered =
            json!({"ErrorEquals": ["A"], "IntervalSeconds": 4, "JitterStrategy": "FULL"});
        let cases = [
            (&plain, 1, 0, 1_000),
            (&plain, 3, 0, 4_000),
            (&plain, 5_000_000_000, 0, 99_999_999_000),
            (&capped, 1, 0, 3_000),
            (&capped, 2, 0, 4_500),
            (&capped, 3, 0, 6_000),
            (&jittered, 1, 0, 0),
            (&jittered, 1, u64::MAX, 4_000),
            (&jittered, 2, u64::MAX / 2, 4_000),
        ];
        for (retrier, retry, random, expected) in cases {
            let retrier = &retriers(&json!([retrier]))[0];
            assert_eq!(retrier.delay_millis(retry, || random), expected, "{retrier:?} {retry}");
        }
    }
}
