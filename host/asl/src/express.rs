//! What an Express state machine may not have: tasks that somebody outside completes.

use crate::{Code, Diagnostic, Pattern, ResourceKind, Severity, StateMachine, TaskState};

impl StateMachine {
    /// Reads the definition of an Express state machine.
    pub fn parse_express(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let machine = Self::parse(text)?;
        let problems: Vec<_> = machine.tasks().iter().filter_map(problem).collect();
        if problems.is_empty() { Ok(machine) } else { Err(problems) }
    }
}

fn problem(task: &TaskState<'_>) -> Option<Diagnostic> {
    let what = match task.resource.kind() {
        ResourceKind::Activity => "Activity ARN",
        ResourceKind::Service { pattern: Pattern::RequestResponse, .. }
        | ResourceKind::Function { .. } => return None,
        // AWS's message has this space too many.
        ResourceKind::Service { pattern: Pattern::WaitForTaskToken, .. } => {
            "'.waitForTaskToken' service integration "
        }
        ResourceKind::Service { .. } => "'.sync' service integration",
    };
    Some(Diagnostic {
        severity: Severity::Error,
        code: Code::SchemaValidationFailed,
        message: format!("Express state machine does not support {what}"),
        location: task.location.field("Resource"),
        mend: "call a service without the suffix, or make the state machine a STANDARD one".into(),
    })
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
