//! The ARNs that requests name things by.

use crate::error::ApiError;

/// Checks that `arn` names a state machine, unqualified.
pub(crate) fn state_machine(arn: &str) -> Result<&str, ApiError> {
    match parts(arn)?[..] {
        ["stateMachine", name] if !name.contains('/') => Ok(arn),
        ["stateMachine", ..] => {
            Err(ApiError::unsupported("A state machine version, alias or label"))
        }
        ref other => Err(wrong_type(other)),
    }
}

/// Checks that `arn` names a Standard execution.
pub(crate) fn execution(arn: &str) -> Result<&str, ApiError> {
    match parts(arn)?[..] {
        ["execution", _, _] => Ok(arn),
        ref other => Err(wrong_type(other)),
    }
}

/// Checks that `arn` names an activity.
pub(crate) fn activity(arn: &str) -> Result<&str, ApiError> {
    match parts(arn)?[..] {
        ["activity", _] => Ok(arn),
        ref other => Err(wrong_type(other)),
    }
}

/// The state machine's ARN in that of its execution.
pub(crate) fn machine_of(execution: &str) -> Option<String> {
    let (machine, _) = execution.rsplit_once(':')?;
    Some(machine.replacen(":execution:", ":stateMachine:", 1))
}

/// What stands behind `arn:<partition>:states:<region>:<account>:`.
fn parts(arn: &str) -> Result<Vec<&str>, ApiError> {
    let all: Vec<&str> = arn.split(':').collect();
    match &all[..] {
        ["arn", _, "states", region, account, rest @ ..]
            if !region.is_empty() && !account.is_empty() && !rest.is_empty() =>
        {
            Ok(rest.to_vec())
        }
        _ => Err(ApiError::invalid_arn(format!("Invalid ARN prefix: {arn}"))),
    }
}

fn wrong_type(parts: &[&str]) -> ApiError {
    let kind = parts.first().copied().unwrap_or_default();
    ApiError::invalid_arn(format!("Resource type not valid in this context: {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_of_the_type_that_is_asked_for() {
        const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
        const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:orders:1";
        assert_eq!(state_machine(MACHINE), Ok(MACHINE));
        assert_eq!(execution(EXECUTION), Ok(EXECUTION));
        assert_eq!(machine_of(EXECUTION).as_deref(), Some(MACHINE));
        let wrong = "Resource type not valid in this context";
        for (refused, detail) in [
            (state_machine(EXECUTION), format!("{wrong}: execution")),
            (execution(MACHINE), format!("{wrong}: stateMachine")),
            (execution("arn:aws:states:us-east-1:1:express:o:1:2"), format!("{wrong}: express")),
            (execution("orders"), "Invalid ARN prefix: orders".to_owned()),
            (
                state_machine("arn:aws:sns:r:1:t"),
                "Invalid ARN prefix: arn:aws:sns:r:1:t".to_owned(),
            ),
        ] {
            assert_eq!(refused, Err(ApiError::invalid_arn(detail)));
        }
        assert!(state_machine(&format!("{MACHINE}:1")).is_err());
    }
}
