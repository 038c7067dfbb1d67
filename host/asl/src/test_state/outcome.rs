//! What a test comes to: the state's exit, or what deals with its error.

use serde_json::Value;

use super::{TestRefusal, TestState, TestStatus, Tested};
use crate::{
    ErrorDetails, Inspection, Payload, Resource, StateName, StatesError,
    execution::check_result,
    payload::{query::QueryLanguage, variables::Variables},
    retry::{Catcher, Failure, Retrier},
    state::{Exit, Fork, Limits},
};

impl TestState {
    /// Where the state leads, unless it says so itself.
    pub(super) fn next(&self) -> Option<StateName> {
        self.alone.state().next().cloned()
    }

    /// A task came to this.
    pub(super) fn worked(
        &mut self,
        resource: &Resource,
        result: Result<Payload, StatesError>,
    ) -> Tested {
        let result = result.and_then(|it| check_result(resource, &it).map(|()| it));
        match result {
            Ok(result) => {
                self.alone.inspect(|it| it.result = Some(result.clone()));
                self.leave(result)
            }
            Err(error) => self.failed(Failure::of_work(error)),
        }
    }

    /// A Map or Parallel would run other machines: what they come to is the mock's.
    pub(super) fn forked(&mut self, fork: &Fork) -> Result<Tested, TestRefusal> {
        let iterations = match self.inspect_items(fork) {
            Ok(iterations) => iterations,
            Err(failure) => return Ok(self.failed(failure)),
        };
        let failed = self.configuration.map_iteration_failure_count.unwrap_or(0);
        if !iterations.can_have_failed(failed) {
            return Err(TestRefusal::TooManyFailures);
        }
        let mocked = self.mock.take().ok_or(TestRefusal::NeedsMock)?;
        Ok(match mocked {
            Err(error) => self.failed(Failure::of_work(error)),
            Ok(_) if !iterations.tolerate(failed) => {
                self.failed(Failure::of_work(Limits::exceeded()))
            }
            Ok(result) => self.leave(result),
        })
    }

    /// Makes the state's output of what its work came to.
    pub(super) fn leave(&self, result: Payload) -> Tested {
        match self.alone.leave(result) {
            Ok(exit) => self.left(self.next(), exit),
            Err(failure) => self.failed(failure),
        }
    }

    pub(super) fn left(&self, next: Option<StateName>, exit: Exit) -> Tested {
        match self.alone.bounded(exit) {
            Ok((output, variables)) => Tested {
                status: TestStatus::Succeeded,
                output: Some(output),
                error: None,
                next_state: next,
                inspection: self.inspected(&variables, None),
            },
            Err(failure) => self.failed(failure),
        }
    }

    /// An error leaves the state: the first retrier that names it has it tried again, or a catcher
    /// leads on.
    pub(super) fn failed(&self, failure: Failure) -> Tested {
        let state = self.alone.state();
        let mut details = ErrorDetails::default();
        let mut tested = Tested {
            status: TestStatus::Failed,
            output: None,
            error: Some(failure.error.clone()),
            next_state: None,
            inspection: Inspection::default(),
        };
        let mut variables = self.alone.variables().clone();
        details.retry_index = Retrier::naming(state.retriers(), &failure);
        let retrier = details.retry_index.map(|index| &state.retriers()[index]);
        let used = self.configuration.retrier_retry_count.unwrap_or(0);
        if let Some(retrier) = retrier.filter(|it| it.tries_again(used)) {
            tested.status = TestStatus::Retriable;
            let millis = self.alone.delay_millis(retrier, used.saturating_add(1));
            details.retry_backoff_interval_seconds = Some(seconds(millis));
        } else if let Some(index) = Catcher::naming(state.catchers(), &failure) {
            let catcher = &state.catchers()[index];
            let exit = self.alone.catch(catcher, &failure.error);
            match exit.and_then(|exit| self.alone.bounded(exit)) {
                Ok((output, assigned)) => {
                    details.catch_index = Some(index);
                    tested.status = TestStatus::CaughtError;
                    (tested.output, variables) = (Some(output), assigned);
                    tested.next_state = Some(catcher.next.clone());
                }
                // Not offered to the catchers again.
                Err(failure) => tested.error = Some(failure.error),
            }
        }
        tested.error = tested.error.map(StatesError::shown);
        tested.inspection = self.inspected(&variables, Some(details));
        tested
    }

    /// What the state's data was on its way, in the end.
    fn inspected(&self, variables: &Variables, details: Option<ErrorDetails>) -> Inspection {
        let inspection = self.alone.inspection();
        let inspection = match self.alone.state().language() {
            QueryLanguage::JsonPath => inspection.in_jsonpath(),
            QueryLanguage::Jsonata => inspection.in_jsonata(),
        };
        let variables =
            (!variables.has_none_of_its_own()).then(|| Value::Object(variables.object()).into());
        let error_details = details.filter(|it| *it != ErrorDetails::default());
        Inspection { variables, error_details, ..inspection }
    }
}

/// Milliseconds, which are not negative, in whole seconds.
fn seconds(millis: i64) -> u64 {
    (u64::try_from(millis).unwrap_or(0) + 500) / 1_000
}
