//! Parallel: runs its branches at once, each on a copy of the same input.

use std::sync::Arc;

use super::{
    Context, Exit, Fork, Progress, StateType,
    flow::{Filter, ResultFlow, fill},
    task::read_parameters,
};
use crate::{
    EvaluationError, Payload, StateMachine,
    fields::Fields,
    machine::read_inner,
    payload::template::Template,
    retry::{Catcher, Retrier},
};

/// A Parallel state.
#[derive(Debug)]
pub(crate) struct Parallel {
    input_path: Filter,
    parameters: Option<Template>,
    branches: Vec<Arc<StateMachine>>,
    result: ResultFlow,
    retry: Vec<Retrier>,
    catch: Vec<Catcher>,
}

impl Parallel {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let at = fields.at().field("Branches");
        let mut branches = Vec::new();
        for (index, branch) in fields.filled_array("Branches").into_iter().flatten().enumerate() {
            let machine = fields.inner(branch, at.index(index)).and_then(read_inner);
            branches.extend(machine);
        }
        Self {
            input_path: Filter::read(fields, "InputPath"),
            parameters: read_parameters(fields),
            branches,
            result: ResultFlow::read(fields),
            retry: Retrier::read_all(fields),
            catch: Catcher::read_all(fields),
        }
    }
}

impl StateType for Parallel {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        let input = self.input_path.apply(cx, cx.input)?;
        let input = fill(self.parameters.as_ref(), cx, input)?;
        let total = self.branches.len();
        let fork = Fork { input, items: None, are_members: false, total, concurrency: total };
        Ok(Progress::Fork(fork))
    }

    fn leave(&self, cx: &Context<'_>, result: Payload) -> Result<Exit, EvaluationError> {
        self.result.apply(cx, result)
    }

    fn machines(&self) -> &[Arc<StateMachine>] {
        &self.branches
    }

    fn retriers(&self) -> &[Retrier] {
        &self.retry
    }

    fn catchers(&self) -> &[Catcher] {
        &self.catch
    }
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        let branch = json!({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
        check(
            &json!({"Type": "Parallel", "Branches": [branch], "End": true, "Retry": [], "Catch": []}),
            &[
                (json!({"Branches": []}), &["Value cannot be empty at /States/A/Branches"]),
                (
                    json!({"Branches": "REMOVED"}),
                    &["These fields are required: [Branches] at /States/A"],
                ),
                (
                    json!({"Branches": [{}]}),
                    &["These fields are required: [States, StartAt] at /States/A/Branches[0]"],
                ),
                (
                    json!({"Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed", "End": true}}, "TimeoutSeconds": 1}]}),
                    &[
                        "Field 'End' is not supported at /States/A/Branches[0]/States/B",
                        "Field 'TimeoutSeconds' is not supported at /States/A/Branches[0]",
                    ],
                ),
                (json!({"Result": 1}), &["Field 'Result' is not supported at /States/A"]),
            ],
        );
    }
}
