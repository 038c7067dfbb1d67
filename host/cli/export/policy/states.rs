//! What the states of a workflow ask of AWS: for each integration its actions, and the resource that the
//! state's parameters name.
//!
//! What a state's definition does not tell before it runs, the manifest has to (`[workflows.NAME] targets`):
//! a policy with `*` in its place is never written.

mod integrations;
mod parameters;

use std::collections::BTreeMap;

use stepyard_asl::{Diagnostic, ResourceKind, StateMachine, StateName, TaskState};

use super::{Condition, Statement, sid};
use crate::{calls::problem, export::text::Text};
use parameters::State;

/// What a state asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::export) struct Asked {
    pub(in crate::export) actions: &'static [&'static str],
    pub(in crate::export) resource: Text,
    conditions: Vec<Condition>,
    /// Tells it from what else the state asks for.
    label: &'static str,
}

impl Asked {
    fn new(actions: &'static [&'static str], resource: Text) -> Self {
        Self { actions, resource, conditions: Vec::new(), label: "" }
    }

    fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }
}

/// State's name → what it may name besides what its definition tells.
pub(in crate::export) type Targets = BTreeMap<String, Vec<String>>;

/// A state machine whose states are asked.
#[derive(Debug)]
pub(in crate::export) struct Asking<'a> {
    /// Its name.
    pub(in crate::export) name: &'a str,
    /// What it says.
    pub(in crate::export) machine: &'a StateMachine,
    /// What the manifest says of it.
    pub(in crate::export) targets: &'a Targets,
}

impl Asking<'_> {
    /// Everything that is asked for and the states that ask, or all that is unknown.
    pub(in crate::export) fn all(&self) -> Result<Vec<(Asked, Vec<StateName>)>, Vec<Diagnostic>> {
        let mut asked: Vec<(Asked, Vec<StateName>)> = Vec::new();
        let mut problems = Vec::new();
        let mut add =
            |it: Asked, state: &StateName| match asked.iter_mut().find(|(known, _)| *known == it) {
                Some((_, states)) if states.contains(state) => {}
                Some((_, states)) => states.push(state.clone()),
                None => asked.push((it, vec![state.clone()])),
            };
        for task in self.machine.tasks() {
            match self.of_task(&task) {
                Ok(all) => all.into_iter().for_each(|it| add(it, task.state)),
                Err(problem) => problems.push(problem),
            }
        }
        for place in self.machine.maps_over_objects() {
            problems.push(problem(
                place,
                "What a Map's ItemReader and ResultWriter need of Amazon S3 is not exported yet"
                    .to_owned(),
                "export the rest without this state, and write the statements for it yourself: \
                 s3:GetObject and s3:ListBucket for a reader, s3:PutObject and \
                 s3:AbortMultipartUpload for a writer"
                    .to_owned(),
            ));
        }
        for state in self.machine.distributed_maps() {
            self.of_map_run().into_iter().for_each(|it| add(it, state));
        }
        if problems.is_empty() { Ok(asked) } else { Err(problems) }
    }

    /// "IAM policies for using Distributed Map state": children are executions of the state machine itself.
    fn of_map_run(&self) -> [Asked; 2] {
        let machine = Text::arn("states", format!("stateMachine:{}", self.name));
        let children = Text::arn("states", format!("execution:{}:*", self.name));
        [
            Asked::new(&["states:StartExecution"], machine).labelled("Start"),
            Asked::new(&["states:DescribeExecution", "states:StopExecution"], children)
                .labelled("Follow"),
        ]
    }

    fn of_task(&self, task: &TaskState<'_>) -> Result<Vec<Asked>, Diagnostic> {
        let state = State { task, targets: self.targets.get(&**task.state) };
        if task.credentials.is_some() {
            return Ok(vec![state.assumed_role()?]);
        }
        let (service, action, pattern) = match task.resource.kind() {
            ResourceKind::Function { .. } => {
                return Ok(vec![Asked::new(
                    &["lambda:InvokeFunction"],
                    task.resource.text().into(),
                )]);
            }
            // "For a state machine that has only Activity tasks … use an IAM policy that denies access to all".
            ResourceKind::Activity | ResourceKind::MapRun => return Ok(Vec::new()),
            ResourceKind::Service { service, action, pattern } => (&**service, &**action, *pattern),
        };
        match (service.strip_prefix("aws-sdk:").unwrap_or(service), action) {
            ("lambda", "invoke") => state.functions(),
            ("sns", "publish") => state.topics(),
            ("sqs", "sendMessage") => state.queues(),
            ("dynamodb", "getItem") => state.tables(&["dynamodb:GetItem"]),
            ("dynamodb", "putItem") => state.tables(&["dynamodb:PutItem"]),
            ("dynamodb", "updateItem") => state.tables(&["dynamodb:UpdateItem"]),
            ("dynamodb", "deleteItem") => state.tables(&["dynamodb:DeleteItem"]),
            ("events" | "eventbridge", "putEvents") => state.event_buses(),
            ("states" | "sfn", "startExecution") => state.executions(pattern),
            ("http", "invoke") => state.endpoints(self.name),
            _ => Err(problem(
                task.location.field("Resource"),
                format!("What `{}` needs of IAM is not known here", task.resource),
                "export the rest without this state, and write the statements for it yourself"
                    .to_owned(),
            )),
        }
    }
}

/// The statements that allow what is asked for.
pub(in crate::export) fn statements(asked: &[(Asked, Vec<StateName>)]) -> Vec<Statement> {
    let statement = |(asked, states): &(Asked, Vec<StateName>)| Statement {
        sid: sid_of(states) + asked.label,
        reason: reason(states),
        actions: asked.actions.into(),
        resources: vec![asked.resource.clone()],
        conditions: asked.conditions.clone(),
    };
    asked.iter().map(statement).collect()
}

/// The most states that a statement's name names.
const NAMED_MAX: usize = 3;

fn sid_of(states: &[StateName]) -> String {
    let named: Vec<String> = states.iter().take(NAMED_MAX).map(|state| sid(state)).collect();
    let more = if states.len() > NAMED_MAX { "AndMore" } else { "" };
    named.join("And") + more
}

fn reason(states: &[StateName]) -> String {
    match states {
        [state] => format!("The state {state}."),
        [others @ .., last] => format!("The states {} and {last}.", others.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests;
