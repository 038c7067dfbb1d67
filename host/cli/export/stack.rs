//! A stack: what stands on AWS for the workflows of a manifest. Made from values, and of values; the two
//! languages that it is written in are `sam` and `terraform`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use stepyard_asl::{Diagnostic, StateMachine, StateName};
use stepyard_engine::MachineType;

use super::{
    policy::{
        Role, Service, Statement, grants, states,
        states::{Asked, Asking},
    },
    text::Text,
};
use crate::manifest::{self, Manifest};

/// What stands on AWS.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    pub(super) machines: Vec<Machine>,
    pub(super) functions: Vec<Function>,
    pub(super) topics: Vec<Topic>,
    pub(super) tables: Vec<Table>,
}

/// A state machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) name: String,
    /// The definition's file, which goes to AWS as it is.
    pub(super) definition: PathBuf,
    pub(super) kind: MachineType,
    pub(super) logging: Option<Logging>,
    pub(super) tracing: bool,
    pub(super) role: Role,
}

/// `LoggingConfiguration`
#[derive(Clone, Debug)]
pub(super) struct Logging {
    pub(super) level: &'static str,
    pub(super) include_execution_data: bool,
    pub(super) destination: Destination,
}

/// Where records go.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// A log group of the stack, by its name.
    Own(String),
    /// One that is there already, by its ARN.
    Other(String),
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    /// Its zip, as `stepyard package` writes it.
    pub(super) package: PathBuf,
    pub(super) timeout_seconds: u64,
    pub(super) memory_mib: u64,
    /// How many calls run at once; as many as the account lets when absent.
    pub(super) concurrency: Option<u64>,
    /// What its process is told.
    pub(super) variable: (&'static str, String),
    /// The alias by which it is called.
    pub(super) alias: Option<String>,
    pub(super) log_group: String,
    pub(super) tracing: bool,
    pub(super) role: Role,
}

/// An SNS topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Topic {
    pub(super) name: String,
}

impl Topic {
    /// Whether it keeps messages in order, which its name says.
    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// A DynamoDB table that holds a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) bucket: String,
}

/// A workflow that a stack is made for.
#[derive(Debug)]
pub(super) struct Workflow<'a> {
    pub(super) name: &'a str,
    pub(super) definition: PathBuf,
    pub(super) machine: &'a StateMachine,
    /// What the manifest says of it.
    pub(super) manifest: Option<&'a manifest::Workflow>,
}

/// How many days a log is kept.
pub(super) const LOG_DAYS: u64 = 30;
/// Memory for the host beside that of a step.
const HOST_MEMORY_MIB: u64 = 64;
/// The least that Lambda gives a function, and the most.
const MEMORY_MIB: (u64, u64) = (128, 10_240);
/// What a call may take besides the step's own limit: that the step's is the one that ends it.
const HOST_SECONDS: u64 = 1;
/// The longest that Lambda lets a call take.
const TIMEOUT_SECONDS_MAX: u64 = 900;
/// The longest that an EXPRESS execution takes (Quotas).
const EXPRESS_SECONDS_MAX: u64 = 300;

impl<'a> Workflow<'a> {
    fn targets(&self) -> &'a states::Targets {
        static NONE: states::Targets = BTreeMap::new();
        self.manifest.map_or(&NONE, |it| &it.targets)
    }

    fn tracing(&self) -> bool {
        self.manifest.is_some_and(|it| it.tracing)
    }

    /// What its states ask for and which they are, or what is not known of them.
    pub(super) fn asked(&self) -> Result<Asks, Vec<Diagnostic>> {
        Asking { name: self.name, machine: self.machine, targets: self.targets() }.all()
    }
}

/// What a workflow's states ask for, with the states.
pub(super) type Asks = Vec<(Asked, Vec<StateName>)>;

/// Each workflow as a state machine, each function that they call as a function.
pub(super) fn of_machines(
    manifest: &Manifest,
    packages: &Path,
    workflows: &[(Workflow<'_>, Asks)],
) -> Result<Stack> {
    let mut stack = Stack::default();
    let mut called = BTreeMap::<String, Called>::new();
    for (workflow, asked) in workflows {
        for call in asked.iter().filter_map(|(asked, _)| Call::of(asked)) {
            let entry = called.entry(call.function).or_default();
            entry.aliases.extend(call.alias);
            entry.tracing |= workflow.tracing();
        }
        stack.machines.push(machine(workflow, states::statements(asked), manifest));
        stack.topics.extend(asked.iter().filter_map(|(asked, _)| topic(asked)));
    }
    for (name, called) in called {
        let Some((name, function)) = manifest.functions.get_key_value(&name) else { continue };
        stack.functions.push(step_function(manifest, packages, name, function, called)?);
        stack.tables.extend(grants::tables(manifest, &[(name, &function.grants)])?);
    }
    stack.in_order()
}

/// A workflow with all its functions in one function, an execution for each of its invocations.
pub(super) fn of_one_function(
    manifest: &Manifest,
    packages: &Path,
    workflow: &Workflow<'_>,
    asked: &[(Asked, Vec<StateName>)],
) -> Result<Stack> {
    let is_inside = |asked: &Asked| {
        Call::of(asked).is_some_and(|call| manifest.functions.contains_key(&call.function))
    };
    let (inside, outside): (Vec<_>, Vec<_>) =
        asked.iter().cloned().partition(|(asked, _)| is_inside(asked));
    let inside: BTreeSet<String> =
        inside.iter().filter_map(|(asked, _)| Some(Call::of(asked)?.function)).collect();
    let steps = manifest.functions.iter().filter(|(name, _)| inside.contains(*name));
    let steps: Vec<_> = steps.map(|(name, function)| (name.as_str(), function)).collect();
    let granted: Vec<_> = steps.iter().map(|(name, it)| (*name, &it.grants)).collect();

    let name = workflow.name;
    let log_group = format!("/aws/lambda/{name}");
    let mut statements = own_statements(&log_group, workflow.tracing());
    statements.extend(states::statements(&outside));
    statements.extend(grants::statements(manifest, &granted)?);
    let memory = steps.iter().map(|(_, it)| step_memory_mib(&it.limits)).sum::<u64>();
    let timeout = workflow.machine.timeout_seconds().unwrap_or(EXPRESS_SECONDS_MAX);
    let function = Function {
        name: name.to_owned(),
        package: packages.join(format!("{name}.zip")),
        timeout_seconds: timeout.min(EXPRESS_SECONDS_MAX),
        memory_mib: function_memory_mib(memory),
        concurrency: None,
        variable: ("STEPYARD_WORKFLOW", "workflow.asl.json".to_owned()),
        alias: None,
        log_group,
        tracing: workflow.tracing(),
        role: Role::new(Service::Lambda, None, statements),
    };
    let topics = outside.iter().filter_map(|(asked, _)| topic(asked)).collect();
    let tables = grants::tables(manifest, &granted)?;
    Stack { machines: Vec::new(), functions: vec![function], topics, tables }.in_order()
}

impl Stack {
    /// The same, each thing once and in the order of their names.
    fn in_order(mut self) -> Result<Self> {
        self.topics.sort();
        self.topics.dedup();
        self.tables.sort();
        self.tables.dedup();
        if self.machines.is_empty() && self.functions.is_empty() {
            bail!("there is nothing to export");
        }
        Ok(self)
    }
}

/// How a function is called.
#[derive(Clone, Debug, Default)]
struct Called {
    aliases: BTreeSet<String>,
    tracing: bool,
}

/// A call of a function.
struct Call {
    function: String,
    alias: Option<String>,
}

impl Call {
    /// The call of a function that `asked` is about, wherever its ARN says that it is.
    fn of(asked: &Asked) -> Option<Self> {
        if asked.actions != ["lambda:InvokeFunction"] {
            return None;
        }
        let parts = asked.resource.split(':');
        let name = parts.get(6)?.literal()?.to_owned();
        let qualifier = parts.get(7).and_then(Text::literal);
        let is_alias =
            |it: &&str| *it != "$LATEST" && !it.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self { function: name, alias: qualifier.filter(is_alias).map(str::to_owned) })
    }
}

fn topic(asked: &Asked) -> Option<Topic> {
    let name = asked.resource.own_resource("sns")?.literal()?.to_owned();
    Some(Topic { name })
}

fn machine(workflow: &Workflow<'_>, asked: Vec<Statement>, manifest: &Manifest) -> Machine {
    let name = workflow.name;
    let logging = workflow.manifest.and_then(|it| it.logging.as_ref());
    let logging = logging.and_then(|it| self::logging(it.get_ref(), manifest));
    let mut statements = asked;
    statements.extend(logging.as_ref().map(|_| Statement::log_delivery()));
    statements.extend(workflow.tracing().then(|| Statement::tracing(Service::States)));
    let source = Some(Text::arn("states", format!("stateMachine:{name}")));
    Machine {
        name: name.to_owned(),
        definition: workflow.definition.clone(),
        kind: workflow.manifest.map_or(MachineType::Standard, |it| it.kind.into()),
        logging,
        tracing: workflow.tracing(),
        role: Role::new(Service::States, source, statements),
    }
}

/// Logging as the manifest has it. A log group that is named, or that is of the manifest's own account and
/// region, is one of the stack's.
fn logging(written: &manifest::Logging, manifest: &Manifest) -> Option<Logging> {
    let destination = written.destination.as_ref()?.get_ref();
    let level = written.level.name();
    if level == "OFF" {
        return None;
    }
    let (region, account) = (&manifest.execution.region, manifest.execution.account.get_ref());
    let parts: Vec<&str> = destination.split(':').collect();
    let own = match &*parts {
        ["arn", _, "logs", of, by, "log-group", name, ..] if of == region && by == account => {
            Some((*name).to_owned())
        }
        ["arn", ..] => None,
        _ => Some(destination.clone()),
    };
    let destination = own.map_or_else(|| Destination::Other(destination.clone()), Destination::Own);
    let include_execution_data = written.include_execution_data;
    Some(Logging { level, include_execution_data, destination })
}

fn step_function(
    manifest: &Manifest,
    packages: &Path,
    name: &str,
    function: &manifest::Function,
    called: Called,
) -> Result<Function> {
    let Called { aliases, tracing } = called;
    let mut aliases = aliases.into_iter();
    let alias = aliases.next();
    if let (Some(one), Some(other)) = (&alias, aliases.next()) {
        bail!(
            "function `{name}` is called by the aliases `{one}` and `{other}`, and a template publishes one: call it by \
             one of them"
        );
    }
    let log_group = format!("/aws/lambda/{name}");
    let mut statements = own_statements(&log_group, tracing);
    statements.extend(grants::statements(manifest, &[(name, &function.grants)])?);
    let limits = crate::grants::limits(&function.limits).map_err(anyhow::Error::msg)?;
    let wall_seconds = limits.wall_time.as_secs_f64().ceil() as u64;
    Ok(Function {
        name: name.to_owned(),
        package: packages.join(format!("{name}.zip")),
        timeout_seconds: (wall_seconds + HOST_SECONDS).min(TIMEOUT_SECONDS_MAX),
        memory_mib: function_memory_mib(step_memory_mib(&function.limits)),
        concurrency: function.limits.concurrency.map(u64::from),
        variable: ("STEPYARD_STEP", name.to_owned()),
        alias,
        log_group,
        tracing,
        role: Role::new(Service::Lambda, None, statements),
    })
}

/// What every function needs.
fn own_statements(log_group: &str, tracing: bool) -> Vec<Statement> {
    let mut statements = vec![Statement::own_logs(log_group)];
    statements.extend(tracing.then(|| Statement::tracing(Service::Lambda)));
    statements
}

fn step_memory_mib(limits: &manifest::Limits) -> u64 {
    let bytes = crate::grants::limits(limits).map_or(0, |limits| limits.memory_bytes_max);
    (bytes as u64).div_ceil(1 << 20)
}

fn function_memory_mib(steps: u64) -> u64 {
    (steps + HOST_MEMORY_MIB).clamp(MEMORY_MIB.0, MEMORY_MIB.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_may_have_the_name_of_what_its_machine_needs_besides() {
        let text = "[workflows.w]\ndefinition = \"w.asl.json\"\ntracing = true\n";
        let manifest = Manifest::parse(Path::new("stepyard.toml"), text).unwrap();
        let definition = r#"{"StartAt": "Tracing", "States": {"Tracing": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {"TopicArn": "arn:aws:sns:eu-west-1:210987654321:t", "Message": "m"}}}}"#;
        let machine = StateMachine::parse(definition).unwrap();
        let workflow = Workflow {
            name: "w",
            definition: "w.asl.json".into(),
            machine: &machine,
            manifest: manifest.workflow("w"),
        };
        let asked = workflow.asked().unwrap();
        let stack = of_machines(&manifest, Path::new("packages"), &[(workflow, asked)]).unwrap();
        let statements = stack.machines[0].role.statements.iter();
        let sids: Vec<&str> = statements.map(|it| it.sid.as_str()).collect();
        assert_eq!(sids, ["Tracing", "Tracing2"]);
    }
}
