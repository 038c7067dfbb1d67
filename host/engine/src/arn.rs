//! The names and ARNs of state machines and executions.

use std::{fmt, sync::Arc};

/// An execution's ARN: `arn:aws:states:<region>:<account>:execution:<machine>:<name>`.
pub type ExecutionArn = Arc<str>;

/// The region and the account that stand in the ARNs given here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The region; `us-east-1` unless set.
    pub region: String,
    /// The account; `123456789012` unless set.
    pub account: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self { region: "us-east-1".to_owned(), account: "123456789012".to_owned() }
    }
}

impl Identity {
    /// The ARN of a state machine.
    pub fn state_machine(&self, name: &str) -> Result<String, NameError> {
        check_name(name)?;
        let Self { region, account } = self;
        Ok(format!("arn:aws:states:{region}:{account}:stateMachine:{name}"))
    }

    /// The ARN of an activity.
    pub fn activity(&self, name: &str) -> Result<String, NameError> {
        check_name(name)?;
        let Self { region, account } = self;
        Ok(format!("arn:aws:states:{region}:{account}:activity:{name}"))
    }

    /// The ARN of a state machine's execution.
    pub fn execution(&self, machine: &str, name: &str) -> Result<ExecutionArn, NameError> {
        check_name(machine)?;
        check_name(name)?;
        let Self { region, account } = self;
        Ok(format!("arn:aws:states:{region}:{account}:execution:{machine}:{name}").into())
    }
}

/// The ARN of the execution `name` of the state machine `machine` (an unqualified ARN); none when
/// that is not the ARN of a state machine.
pub fn execution_arn(machine: &str, name: &str) -> Option<ExecutionArn> {
    let parts: Vec<&str> = machine.split(':').collect();
    let ["arn", partition, "states", region, account, "stateMachine", machine] = parts[..] else {
        return None;
    };
    // The children of a Map Run are executions of `<name>/<label>`.
    machine.splitn(2, '/').try_for_each(check_name).ok()?;
    Some(format!("arn:{partition}:states:{region}:{account}:execution:{machine}:{name}").into())
}

/// The ARN of an Express execution: its last part tells executions of one name from each other.
pub(crate) fn express_arn(machine: &str, name: &str, id: &str) -> Option<ExecutionArn> {
    let arn = execution_arn(machine, name)?.replacen(":execution:", ":express:", 1);
    Some(format!("{arn}:{id}").into())
}

/// The ARN of a state machine, taken apart: unqualified, or one of its versions or aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineArn {
    /// The unqualified ARN.
    pub machine: Arc<str>,
    /// What stands behind it; none when the state machine itself is meant.
    pub qualifier: Option<Qualifier>,
}

/// What a qualified ARN names of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// A version, by its number.
    Version(u64),
    /// An alias, by its name.
    Alias(Arc<str>),
}

impl MachineArn {
    /// A version of a state machine.
    pub fn version(machine: &str, number: u64) -> Self {
        Self { machine: machine.into(), qualifier: Some(Qualifier::Version(number)) }
    }

    /// Reads the ARN of a state machine, or of a version or alias of one; none when it is another's.
    pub fn parse(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(8, ':').collect();
        let ["arn", _, "states", _, _, "stateMachine", name, ref rest @ ..] = parts[..] else {
            return None;
        };
        check_name(name).ok()?;
        let qualifier = rest.first().copied().map(Qualifier::named);
        let length = arn.len() - rest.first().map_or(0, |rest| rest.len() + 1);
        Some(Self { machine: arn[..length].into(), qualifier })
    }

    /// An alias of a state machine.
    pub fn alias(machine: &str, name: &str) -> Self {
        Self { machine: machine.into(), qualifier: Some(Qualifier::Alias(name.into())) }
    }
}

impl Qualifier {
    /// What `text` is behind an unqualified ARN. A number that is not written as AWS writes it
    /// (`01`) is no version; nor is it an alias that could be, so it names nothing.
    pub fn named(text: &str) -> Self {
        match text.parse() {
            Ok(number) if u64::to_string(&number) == text => Self::Version(number),
            _ => Self::Alias(text.into()),
        }
    }
}

impl fmt::Display for MachineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.machine)?;
        match &self.qualifier {
            None => Ok(()),
            Some(Qualifier::Version(number)) => write!(f, ":{number}"),
            Some(Qualifier::Alias(name)) => write!(f, ":{name}"),
        }
    }
}

/// The most characters of a name (AWS, `StartExecution`, `name`).
pub const NAME_CHARACTERS_MAX: usize = 80;

/// A name that AWS refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` cannot be a name: give 1 to {NAME_CHARACTERS_MAX} characters without white space, \
     control characters and any of {FORBIDDEN}",
    name.escape_debug()
)]
pub struct NameError {
    /// The name.
    pub name: String,
}

const FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

/// Checks the name of a state machine or an execution.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let length = name.chars().count();
    if (1..=NAME_CHARACTERS_MAX).contains(&length) && !name.chars().any(is_forbidden) {
        return Ok(());
    }
    Err(NameError { name: name.to_owned() })
}

fn is_forbidden(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || FORBIDDEN.contains(character)
        || matches!(character, '\u{fffe}' | '\u{ffff}' | '\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_aws_takes() {
        for name in ["a", "order-12345", "Ünïcode_1.2+3=(x)@!'", &"n".repeat(80)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for character in FORBIDDEN.chars().chain(" \t\n\u{0}\u{7f}\u{9f}\u{fffe}\u{10ffff}".chars())
        {
            assert!(check_name(&format!("a{character}b")).is_err(), "{character:?}");
        }
        assert!(check_name("").is_err());
        assert!(check_name(&"n".repeat(81)).is_err());
        let error = check_name("a\u{1b}[1m").unwrap_err().to_string();
        assert!(error.starts_with(r"`a\u{1b}[1m` cannot be a name"), "{error}");
    }

    #[test]
    fn a_number_behind_a_machine_is_a_version_and_a_name_an_alias() {
        for (text, expected) in [
            ("1", Qualifier::Version(1)),
            ("1000", Qualifier::Version(1_000)),
            ("01", Qualifier::Alias("01".into())),
            ("+1", Qualifier::Alias("+1".into())),
            ("99999999999999999999", Qualifier::Alias("99999999999999999999".into())),
            ("PROD", Qualifier::Alias("PROD".into())),
        ] {
            let qualifier = Qualifier::named(text);
            assert_eq!(qualifier, expected);
            let arn = MachineArn { machine: "m".into(), qualifier: Some(qualifier) };
            assert_eq!(arn.to_string(), format!("m:{text}"));
        }
        assert_eq!(MachineArn { machine: "m".into(), qualifier: None }.to_string(), "m");
        let machine = Identity::default().state_machine("orders").unwrap();
        for arn in [&*machine, &format!("{machine}:7"), &format!("{machine}:PROD")] {
            assert_eq!(MachineArn::parse(arn).unwrap().to_string(), arn);
            assert_eq!(&*MachineArn::parse(arn).unwrap().machine, machine);
        }
        for arn in ["", "orders", &format!("{machine}/each"), "arn:aws:states:r:1:activity:a"] {
            assert_eq!(MachineArn::parse(arn), None, "{arn}");
        }
        assert_eq!(MachineArn::alias("m", "PROD").to_string(), "m:PROD");
    }

    #[test]
    fn an_execution_has_the_region_and_account_of_its_machine() {
        let identity = Identity::default();
        let machine = identity.state_machine("orders").unwrap();
        assert_eq!(machine, "arn:aws:states:us-east-1:123456789012:stateMachine:orders");
        let expected = "arn:aws:states:us-east-1:123456789012:execution:orders:o-1";
        assert_eq!(execution_arn(&machine, "o-1").as_deref(), Some(expected));
        assert_eq!(identity.execution("orders", "o-1").as_deref(), Ok(expected));
        let express = "arn:aws:states:us-east-1:123456789012:express:orders:o-1:id";
        assert_eq!(express_arn(&machine, "o-1", "id").as_deref(), Some(express));
        let child = "arn:aws:states:us-east-1:123456789012:execution:orders/each:c-1";
        assert_eq!(execution_arn(&format!("{machine}/each"), "c-1").as_deref(), Some(child));
        for other in [
            "orders",
            &format!("{machine}/"),
            &format!("{machine}/a/b"),
            "arn:aws:states:us-east-1:1:activity:orders",
            "",
            &format!("{machine}:1"),
        ] {
            assert_eq!(execution_arn(other, "o-1"), None, "{other}");
        }
    }
}
