//! What an Express execution may not have: tasks that somebody outside completes, and Map Runs.

use crate::{
    Code, Diagnostic, Location, Pattern, ResourceKind, Severity, State, StateMachine, TaskState,
    findings::Findings,
};

impl StateMachine {
    /// Reads the definition of an Express state machine.
    pub fn parse_express(text: &str) -> Result<Self, Vec<Diagnostic>> {
        Self::accepted(Self::examine(text, problems_at_root))
    }

    /// All that is to be said of the definition of an Express state machine, warnings included.
    pub fn diagnose_express(text: &str) -> Vec<Diagnostic> {
        Self::examine(text, problems_at_root).1.into()
    }
}

fn problems_at_root(machine: &StateMachine) -> Findings {
    problems(machine, &Location::default())
}

/// What is wrong with a machine at `at` whose executions are Express ones.
pub(crate) fn problems(machine: &StateMachine, at: &Location) -> Findings {
    let states = machine.states_within(at).into_iter();
    states
        .filter_map(|(state, at)| {
            map_problem(state, &at).or_else(|| task_problem(&state.task(at)?))
        })
        .collect()
}

fn map_problem(state: &State, at: &Location) -> Option<Diagnostic> {
    state.behavior().distributed()?;
    let processor = state.machines().first().map(|it| it.location(at))?;
    let mend = "use Mode INLINE, or make the state machine a STANDARD one";
    Some(problem("'DISTRIBUTED' mode", processor.field("ProcessorConfig").field("Mode"), mend))
}

fn task_problem(task: &TaskState<'_>) -> Option<Diagnostic> {
    let what = match task.resource.kind() {
        ResourceKind::Activity => "Activity ARN",
        ResourceKind::Service { pattern: Pattern::RequestResponse, .. }
        | ResourceKind::Function { .. }
        | ResourceKind::MapRun => return None,
        // AWS's message has this space too many.
        ResourceKind::Service { pattern: Pattern::WaitForTaskToken, .. } => {
            "'.waitForTaskToken' service integration "
        }
        ResourceKind::Service { .. } => "'.sync' service integration",
    };
    let mend = "call a service without the suffix, or make the state machine a STANDARD one";
    Some(problem(what, task.location.field("Resource"), mend))
}

fn problem(what: &str, location: Location, mend: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: Code::SchemaValidationFailed,
        message: format!("Express state machine does not support {what}"),
        location,
        mend: mend.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_completed_from_outside_is_refused() {
        for (resource, problem) in [
            ("arn:aws:states:::sns:publish", None),
            ("arn:aws:lambda:us-east-1:123456789012:function:Pay", None),
            ("arn:aws:states:::states:startExecution.sync:2", Some("'.sync' service integration")),
            (
                "arn:aws:states:::sns:publish.waitForTaskToken",
                Some("'.waitForTaskToken' service integration "),
            ),
            ("arn:aws:states:us-east-1:123456789012:activity:Pack", Some("Activity ARN")),
        ] {
            let definition = format!(
                r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"{resource}","End":true}}}}}}"#
            );
            let found = StateMachine::parse_express(&definition).err().unwrap_or_default();
            let found: Vec<String> =
                found.iter().map(|it| format!("{} at {}", it.message, it.location)).collect();
            let expected = problem.map(|what| {
                format!("Express state machine does not support {what} at /States/A/Resource")
            });
            assert_eq!(found, Vec::from_iter(expected), "{resource}");
        }
    }
}
