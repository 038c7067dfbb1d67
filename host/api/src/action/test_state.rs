//! TestState: one state run alone. What it means is `asl`'s; here a task without a mock is done, and a
//! Wait state waited for.

mod inspection;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_asl::{
    Asked, DEFINITION_BYTES_MAX, FieldValidationMode, Mock, PAYLOAD_BYTES_MAX, ScheduleTask,
    StatesError, TestConfiguration, TestPlace, TestRequest, Tested, Timestamp,
};
use stepyard_engine::{Answer, Trial};

use self::inspection::{Level, inspected};
use super::{
    Action,
    execution::input,
    required,
    task::{CAUSE, ERROR},
};
use crate::{
    Api,
    constraint::{ARN, Constraints},
    error::ApiError,
};

/// How long a test may take ("The TestState API can run for up to five minutes").
const TEST_MILLIS_MAX: i64 = 300_000;
/// The bounds of a state's name.
const STATE_NAME: (usize, usize) = (1, 80);
/// The bounds of a definition, and of JSON texts.
const DEFINITION: (usize, usize) = (1, DEFINITION_BYTES_MAX);
const DATA: (usize, usize) = (0, PAYLOAD_BYTES_MAX);
/// The bounds of counts.
const COUNT: (i64, i64) = (0, i64::MAX);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestState {
    definition: Option<String>,
    role_arn: Option<String>,
    input: Option<String>,
    inspection_level: Option<String>,
    reveal_secrets: Option<bool>,
    variables: Option<String>,
    state_name: Option<String>,
    mock: Option<MockInput>,
    context: Option<String>,
    state_configuration: Option<Configuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MockInput {
    result: Option<String>,
    error_output: Option<MockErrorOutput>,
    field_validation_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MockErrorOutput {
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    retrier_retry_count: Option<i64>,
    error_caused_by_state: Option<String>,
    map_iteration_failure_count: Option<i64>,
    map_item_reader_data: Option<String>,
}

impl Action for TestState {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        self.constrain()?;
        let level = Level::named(self.inspection_level.as_deref());
        let trial = Arc::new(Trial::new(self.reveal_secrets.unwrap_or(false)));
        let (request, place) = (self.request()?, place(api));
        let (execution, input) = (place.execution.clone(), request.input.clone());
        let ends_at = place.now.plus_millis(TEST_MILLIS_MAX);
        let mut test = stepyard_asl::TestState::new(request, place)?;
        let tested = match test.begin()? {
            Asked::Nothing(tested) => *tested,
            Asked::Wait(at) => wait(api, test, at, ends_at).await,
            Asked::Task(task) => perform(api, test, &execution, *task, &trial, ends_at).await?,
        };
        let mut shown = ended(&tested);
        if let Some(data) = inspected(level, &input, &tested.inspection, &trial.exchange()) {
            shown["inspectionData"] = data;
        }
        Ok(shown)
    }
}

impl TestState {
    fn constrain(&self) -> Result<(), ApiError> {
        let check = Constraints::default()
            .present("definition", &self.definition)
            .sensitive("definition", self.definition.as_deref(), DEFINITION)
            .length("roleArn", self.role_arn.as_deref(), ARN)
            .sensitive("input", self.input.as_deref(), DATA)
            .one_of("inspectionLevel", self.inspection_level.as_deref(), &Level::NAMES)
            .sensitive("variables", self.variables.as_deref(), DATA)
            .sensitive("stateName", self.state_name.as_deref(), STATE_NAME)
            .sensitive("context", self.context.as_deref(), DATA);
        let check = MockInput::constrain(check, self.mock.as_ref());
        Configuration::constrain(check, self.state_configuration.as_ref()).check()
    }

    fn request(self) -> Result<TestRequest, ApiError> {
        Ok(TestRequest {
            definition: required(self.definition)?,
            state_name: self.state_name,
            role_arn: self.role_arn,
            input: input(self.input)?,
            variables: self.variables,
            reveal_secrets: self.reveal_secrets.unwrap_or(false),
            mock: self.mock.map(MockInput::read),
            context: self.context,
            configuration: self.state_configuration.unwrap_or_default().read(),
        })
    }
}

impl MockInput {
    fn constrain(check: Constraints, mock: Option<&Self>) -> Constraints {
        let Some(mock) = mock else { return check };
        let modes = FieldValidationMode::NAMES.map(|(name, _)| name);
        let check = check.sensitive("mock.result", mock.result.as_deref(), DATA).one_of(
            "mock.fieldValidationMode",
            mock.field_validation_mode.as_deref(),
            &modes,
        );
        let Some(error) = &mock.error_output else { return check };
        check.sensitive("mock.errorOutput.error", error.error.as_deref(), ERROR).sensitive(
            "mock.errorOutput.cause",
            error.cause.as_deref(),
            CAUSE,
        )
    }

    fn read(self) -> Mock {
        let modes = FieldValidationMode::NAMES.into_iter();
        let mode = self.field_validation_mode;
        let mode = mode.and_then(|mode| modes.clone().find(|(name, _)| *name == mode));
        Mock {
            result: self.result,
            error: self.error_output.map(|it| StatesError { error: it.error, cause: it.cause }),
            validation: mode.map(|(_, mode)| mode).unwrap_or_default(),
        }
    }
}

impl Configuration {
    fn constrain(check: Constraints, configuration: Option<&Self>) -> Constraints {
        let Some(it) = configuration else { return check };
        check
            .range("stateConfiguration.retrierRetryCount", it.retrier_retry_count, COUNT)
            .sensitive(
                "stateConfiguration.errorCausedByState",
                it.error_caused_by_state.as_deref(),
                STATE_NAME,
            )
            .range(
                "stateConfiguration.mapIterationFailureCount",
                it.map_iteration_failure_count,
                COUNT,
            )
            .sensitive(
                "stateConfiguration.mapItemReaderData",
                it.map_item_reader_data.as_deref(),
                DATA,
            )
    }

    fn read(self) -> TestConfiguration {
        let count = |count: Option<i64>| count.and_then(|it| u64::try_from(it).ok());
        TestConfiguration {
            retrier_retry_count: count(self.retrier_retry_count),
            error_caused_by_state: self.error_caused_by_state,
            map_iteration_failure_count: count(self.map_iteration_failure_count),
            map_item_reader_data: self.map_item_reader_data,
        }
    }
}

/// Where a test takes place: in an Express execution that nobody will find.
fn place(api: &Api) -> TestPlace {
    let (region, account) = (&api.identity.region, &api.identity.account);
    let (machine, name) = (api.engine.fresh_uuid(), api.engine.fresh_uuid());
    TestPlace {
        execution: format!("arn:aws:states:{region}:{account}:express:{machine}:{name}"),
        machine: format!("arn:aws:states:{region}:{account}:stateMachine:{machine}"),
        now: api.engine.now(),
        seed: api.engine.seed(),
    }
}

/// Waits until the moment that a Wait state names, or until the test is over.
async fn wait(
    api: &Api,
    test: stepyard_asl::TestState,
    at: Timestamp,
    ends_at: Timestamp,
) -> Tested {
    api.engine.sleep_until(at.min(ends_at)).await;
    let now = api.engine.now();
    if at <= ends_at { test.wake(now) } else { test.time_out(now, false) }
}

/// Does a task, for as long as it and the test may take.
async fn perform(
    api: &Api,
    test: stepyard_asl::TestState,
    execution: &str,
    task: ScheduleTask,
    trial: &Arc<Trial>,
    ends_at: Timestamp,
) -> Result<Tested, ApiError> {
    let began_at = api.engine.now();
    let after = |seconds: Option<u64>| {
        let millis = i64::try_from(seconds?.saturating_mul(1_000)).unwrap_or(i64::MAX);
        Some(began_at.plus_millis(millis))
    };
    let silent_at = after(task.heartbeat_seconds);
    let late_at = after(task.timeout_seconds).map_or(ends_at, |at| at.min(ends_at));
    let is_heartbeat = silent_at.is_some_and(|at| at < late_at);
    let stops_at = silent_at.map_or(late_at, |at| at.min(late_at));
    let work = api.engine.try_task(execution, task.clone(), trial.clone());
    tokio::select! {
        result = work => {
            let result = result?.map(|answer| match answer {
                Answer::Done(output) | Answer::Submitted(output) => output,
            });
            Ok(test.answer(api.engine.now(), &task, result))
        }
        () = api.engine.sleep_until(stops_at) => Ok(test.time_out(api.engine.now(), is_heartbeat)),
    }
}

fn ended(tested: &Tested) -> Value {
    let mut shown = json!({ "status": tested.status.name() });
    let error = tested.error.as_ref();
    let members = [
        ("output", tested.output.as_ref().map(|output| output.text())),
        ("error", error.and_then(|error| error.error.as_deref())),
        ("cause", error.and_then(|error| error.cause.as_deref())),
        ("nextState", tested.next_state.as_deref()),
    ];
    for (member, text) in members {
        if let Some(text) = text {
            shown[member] = json!(text);
        }
    }
    shown
}
