//! The ARNs that requests name things by.

use stepyard_engine::{MachineArn, Qualifier};

use crate::error::ApiError;

/// What an ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// A state machine, or a version or alias of one.
    Machine(MachineArn),
    /// The state machine of a Distributed Map state.
    Label,
    /// A Standard execution.
    Execution,
    MapRun,
    Activity,
    /// Something else, of this resource type.
    Other(String),
}

/// The ARN of a state machine, unqualified.
pub(crate) fn state_machine(arn: &str) -> Result<&str, ApiError> {
    match machine(arn)?.qualifier {
        None => Ok(arn),
        Some(_) => Err(ApiError::new(
            "ValidationException",
            format!("Not the ARN of a state machine but of its version or alias: '{arn}'"),
        )),
    }
}

/// The ARN of a state machine, or of a version or alias of one.
pub(crate) fn machine(arn: &str) -> Result<MachineArn, ApiError> {
    match named(arn)? {
        Named::Machine(machine) => Ok(machine),
        Named::Label => Err(ApiError::unsupported("The ARN of a Distributed Map state")
            .because("API_DOES_NOT_SUPPORT_LABELED_ARNS")),
        Named::Execution => Err(wrong_type("execution")),
        Named::Activity => Err(wrong_type("activity")),
        Named::MapRun => Err(wrong_type("mapRun")),
        Named::Other(kind) => Err(wrong_type(&kind)),
    }
}

/// The ARN of an IAM role.
pub(crate) fn role(arn: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_role = match parts[..] {
        ["arn", partition, "iam", "", account, resource] => {
            partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    let refused = || ApiError::new("InvalidArn", format!("Invalid Role Arn: '{arn}'"));
    is_role.then_some(()).ok_or_else(refused)
}

/// The ARN of a version: the state machine's, and the number.
pub(crate) fn version(arn: &str) -> Result<(MachineArn, u64), ApiError> {
    let machine = machine(arn)?;
    match machine.qualifier {
        Some(Qualifier::Version(number)) => Ok((machine, number)),
        _ => Err(ApiError::new(
            "ValidationException",
            format!("Not the ARN of a state machine version: '{arn}'"),
        )),
    }
}

/// The ARN of an alias: the state machine's, and the name.
pub(crate) fn alias(arn: &str) -> Result<(MachineArn, String), ApiError> {
    let machine = machine(arn)?;
    match &machine.qualifier {
        Some(Qualifier::Alias(name)) => {
            let name = name.to_string();
            Ok((machine, name))
        }
        _ => Err(ApiError::new(
            "ValidationException",
            format!("Not the ARN of a state machine alias: '{arn}'"),
        )),
    }
}

/// Checks that `arn` is of something that may have tags: whether it is there is the engine's to say.
pub(crate) fn taggable(arn: &str) -> Result<&str, ApiError> {
    match named(arn)? {
        Named::Machine(_) => Ok(arn),
        Named::Activity => Ok(arn),
        Named::Label => Err(wrong_type("stateMachine")),
        Named::Execution => Err(wrong_type("execution")),
        Named::MapRun => Err(wrong_type("mapRun")),
        Named::Other(kind) => Err(wrong_type(&kind)),
    }
}

/// Checks that `arn` names a Standard execution.
pub(crate) fn execution(arn: &str) -> Result<&str, ApiError> {
    match named(arn)? {
        Named::Execution => Ok(arn),
        Named::Machine(_) | Named::Label => Err(wrong_type("stateMachine")),
        Named::Activity => Err(wrong_type("activity")),
        Named::MapRun => Err(wrong_type("mapRun")),
        Named::Other(kind) => Err(wrong_type(&kind)),
    }
}

/// Checks that `arn` names an activity.
pub(crate) fn activity(arn: &str) -> Result<&str, ApiError> {
    match named(arn)? {
        Named::Activity => Ok(arn),
        Named::Machine(_) | Named::Label => Err(wrong_type("stateMachine")),
        Named::Execution => Err(wrong_type("execution")),
        Named::MapRun => Err(wrong_type("mapRun")),
        Named::Other(kind) => Err(wrong_type(&kind)),
    }
}

/// Checks that `arn` names a Map Run.
pub(crate) fn map_run(arn: &str) -> Result<&str, ApiError> {
    match named(arn)? {
        Named::MapRun => Ok(arn),
        Named::Machine(_) | Named::Label => Err(wrong_type("stateMachine")),
        Named::Execution => Err(wrong_type("execution")),
        Named::Activity => Err(wrong_type("activity")),
        Named::Other(kind) => Err(wrong_type(&kind)),
    }
}

/// The state machine's ARN in that of its execution.
pub(crate) fn machine_of(execution: &str) -> Option<String> {
    let (machine, _) = execution.rsplit_once(':')?;
    Some(machine.replacen(":execution:", ":stateMachine:", 1))
}

/// The ARN of a state machine without the label of a Distributed Map state, and the label.
pub(crate) fn unlabelled(machine: &str) -> (&str, Option<&str>) {
    machine.split_once('/').map_or((machine, None), |(machine, label)| (machine, Some(label)))
}

fn named(arn: &str) -> Result<Named, ApiError> {
    Ok(match parts(arn)?[..] {
        ["stateMachine", name] | ["stateMachine", name, _] if name.contains('/') => Named::Label,
        ["stateMachine", _] => Named::Machine(MachineArn { machine: arn.into(), qualifier: None }),
        ["stateMachine", _, qualifier] => {
            let machine = &arn[..arn.len() - qualifier.len() - 1];
            let qualifier = Some(Qualifier::named(qualifier));
            Named::Machine(MachineArn { machine: machine.into(), qualifier })
        }
        ["execution", _, _] => Named::Execution,
        ["activity", _] => Named::Activity,
        ["mapRun", _, _] => Named::MapRun,
        ref other => Named::Other(other.first().copied().unwrap_or_default().to_owned()),
    })
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

fn wrong_type(kind: &str) -> ApiError {
    ApiError::invalid_arn(format!("Resource type not valid in this context: {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
    const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:orders:1";

    #[test]
    fn an_arn_is_of_the_type_that_is_asked_for() {
        assert_eq!(state_machine(MACHINE), Ok(MACHINE));
        assert_eq!(execution(EXECUTION), Ok(EXECUTION));
        assert_eq!(machine_of(EXECUTION).as_deref(), Some(MACHINE));
        assert_eq!(unlabelled(MACHINE), (MACHINE, None));
        assert_eq!(unlabelled(&format!("{MACHINE}/each")), (MACHINE, Some("each")));
        let activity = "arn:aws:states:us-east-1:1:activity:pay";
        assert_eq!((taggable(MACHINE), taggable(activity)), (Ok(MACHINE), Ok(activity)));
        let wrong = "Resource type not valid in this context";
        for (refused, detail) in [
            (state_machine(EXECUTION), format!("{wrong}: execution")),
            (state_machine(activity), format!("{wrong}: activity")),
            (taggable(EXECUTION), format!("{wrong}: execution")),
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
    }

    #[test]
    fn a_role_is_one_of_iam() {
        for arn in ["arn:aws:iam::123456789012:role/r", "arn:aws-cn:iam::123456789012:role/a/r"] {
            assert_eq!(role(arn), Ok(()));
        }
        for arn in [
            "bad",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:user/r",
            "arn:aws:iam::12345678901:role/r",
            "arn:aws:iam:us-east-1:123456789012:role/r",
            "arn:gcp:iam::123456789012:role/r",
        ] {
            let refused = ApiError::new("InvalidArn", format!("Invalid Role Arn: '{arn}'"));
            assert_eq!(role(arn), Err(refused));
        }
    }

    #[test]
    fn a_qualified_arn_names_a_version_or_an_alias() {
        let (first, prod) = (format!("{MACHINE}:1"), format!("{MACHINE}:PROD"));
        assert_eq!(machine(&first), Ok(MachineArn::version(MACHINE, 1)));
        assert_eq!(version(&first), Ok((MachineArn::version(MACHINE, 1), 1)));
        assert_eq!(alias(&prod), Ok((MachineArn::alias(MACHINE, "PROD"), "PROD".to_owned())));
        for arn in [&*first, &prod] {
            assert_eq!(machine(arn).map(|it| it.to_string()).as_deref(), Ok(arn));
            assert!(state_machine(arn).is_err(), "{arn}");
        }
        for arn in [MACHINE, &prod, &format!("{MACHINE}:01"), &format!("{MACHINE}:1:2")] {
            assert!(version(arn).is_err(), "{arn}");
        }
        for arn in [MACHINE, &first] {
            assert!(alias(arn).is_err(), "{arn}");
        }
        for arn in [format!("{MACHINE}/map"), format!("{MACHINE}/map:1")] {
            assert!(machine(&arn).is_err(), "{arn}");
        }
    }
}
