//! Roles: who may assume one, and what it allows. Every statement says what needs it.

pub(super) mod grants;
pub(super) mod states;

use std::collections::BTreeSet;

use super::{
    names::{own, with_capital},
    text::{Part, Text},
};

/// The service that assumes a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// AWS Lambda, for a function.
    Lambda,
    /// Step Functions, for the executions of a state machine.
    States,
}

impl Service {
    /// Its principal.
    pub(super) fn principal(self) -> &'static str {
        match self {
            Self::Lambda => "lambda.amazonaws.com",
            Self::States => "states.amazonaws.com",
        }
    }
}

/// A role of AWS IAM.
#[derive(Clone, Debug)]
pub(super) struct Role {
    /// Who assumes it.
    pub(super) service: Service,
    /// On behalf of what. Step Functions says so (`aws:SourceArn`); Lambda's documentation promises its
    /// account only.
    pub(super) source: Option<Text>,
    /// What it allows.
    pub(super) statements: Vec<Statement>,
}

impl Role {
    /// One with these statements; of those that share a name each gets its own.
    pub(super) fn new(
        service: Service,
        source: Option<Text>,
        mut statements: Vec<Statement>,
    ) -> Self {
        let mut taken = BTreeSet::new();
        for statement in &mut statements {
            statement.sid = own(&mut taken, &statement.sid);
        }
        Self { service, source, statements }
    }

    /// Under which conditions the service may assume it, so that it does so for nobody else ("The confused
    /// deputy problem", IAM User Guide).
    pub(super) fn trust(&self) -> Vec<Condition> {
        let account = Condition {
            operator: "StringEquals",
            key: "aws:SourceAccount",
            values: vec![Text::of(Part::Account)],
        };
        let source = self.source.iter().map(|source| Condition {
            operator: "ArnEquals",
            key: "aws:SourceArn",
            values: vec![source.clone()],
        });
        [account].into_iter().chain(source).collect()
    }
}

/// A statement of a policy: it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its name, unique within the role.
    pub(super) sid: String,
    /// What needs it, in a sentence.
    pub(super) reason: String,
    pub(super) actions: Vec<&'static str>,
    pub(super) resources: Vec<Text>,
    pub(super) conditions: Vec<Condition>,
}

/// What has to be so for a statement to allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Condition {
    pub(super) operator: &'static str,
    pub(super) key: &'static str,
    pub(super) values: Vec<Text>,
}

/// The actions by which Step Functions has CloudWatch Logs deliver to a log group. They have no resource types
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>), so `*` it is.
const LOG_DELIVERY: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

/// The actions of AWS X-Ray that a state machine uses. AWS has no narrower resource for them.
const STATES_TRACING: [&str; 4] = [
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// Those that AWS Lambda uses for a function.
const FUNCTION_TRACING: [&str; 2] = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];

impl Statement {
    /// Delivery to a log group.
    pub(super) fn log_delivery() -> Self {
        Self {
            sid: "LogDelivery".to_owned(),
            reason: "The state machine's logging. AWS has no narrower resource for these actions."
                .to_owned(),
            actions: LOG_DELIVERY.into(),
            resources: vec!["*".into()],
            conditions: Vec::new(),
        }
    }

    /// Traces of what assumes the role.
    pub(super) fn tracing(service: Service) -> Self {
        let (what, actions): (_, &[_]) = match service {
            Service::Lambda => ("function", &FUNCTION_TRACING),
            Service::States => ("state machine", &STATES_TRACING),
        };
        Self {
            sid: "Tracing".to_owned(),
            reason: format!(
                "The {what}'s tracing. AWS has no narrower resource for these actions."
            ),
            actions: actions.into(),
            resources: vec!["*".into()],
            conditions: Vec::new(),
        }
    }

    /// A function's log streams, which Lambda names as it starts processes.
    pub(super) fn own_logs(log_group: &str) -> Self {
        Self {
            sid: "OwnLogs".to_owned(),
            reason: "The function's log, in streams that Lambda names.".to_owned(),
            actions: vec!["logs:CreateLogStream", "logs:PutLogEvents"],
            resources: vec![Text::arn("logs", format!("log-group:{log_group}:*"))],
            conditions: Vec::new(),
        }
    }
}

/// A name with what a `Sid` may have: letters and digits, each word with a capital.
fn sid(name: &str) -> String {
    let words = name.split(|it: char| !it.is_ascii_alphanumeric());
    words.map(with_capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_has_letters_and_digits_and_is_unique() {
        assert_eq!(sid("Notify the customer (by SNS)"), "NotifyTheCustomerBySNS");
        assert_eq!(sid("größe"), "GrE");
        let named = |sid: &str| Statement { sid: sid.to_owned(), ..Statement::log_delivery() };
        let statements = vec![named("A"), named("A2"), named("A"), named("A")];
        let role = Role::new(Service::States, None, statements);
        let sids: Vec<_> = role.statements.into_iter().map(|it| it.sid).collect();
        assert_eq!(sids, ["A", "A2", "A3", "A4"]);
    }

    #[test]
    fn a_role_is_assumed_for_its_own_account_and_state_machine() {
        let source = Some(Text::arn("states", "stateMachine:order"));
        let role = Role::new(Service::States, source, Vec::new());
        let shown: Vec<_> = role
            .trust()
            .iter()
            .map(|it| format!("{} {} {}", it.operator, it.key, it.values[0]))
            .collect();
        assert_eq!(
            shown,
            [
                "StringEquals aws:SourceAccount ${AWS::AccountId}",
                "ArnEquals aws:SourceArn \
                 arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:order",
            ]
        );
    }
}
