//! A state machine: the states of a definition, or of one branch or item processor within it.

mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    Code, Diagnostic, Location, Resource, ResourceKind, StateName,
    check::{check, check_inside},
    fields::Fields,
    findings::Findings,
    hints, marks, parameters,
    payload::query::QueryLanguage,
    retry::{Catcher, Retrier},
    state::{Choice, Fail, Map, Parallel, Pass, StateType, Succeed, Task, Wait},
};

pub(crate) use read::{Processor, read_inner, read_processor};
use read::{read_definition, read_json};

/// The longest definition, in bytes (Quotas).
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// A definition, read: it names states and says how they follow one another. A Parallel's branch
/// and a Map's item processor are state machines too.
#[derive(Debug)]
pub struct StateMachine {
    comment: Option<String>,
    start_at: StateName,
    states: Vec<State>,
    index: BTreeMap<StateName, usize>,
    timeout_seconds: Option<u64>,
    /// Of a machine that is no inner one; so the next.
    activities: Vec<Arc<str>>,
    has_jobs: bool,
}

impl StateMachine {
    /// Reads a definition. Reports every problem that it is refused for, not only the first, and of
    /// thousands the first thousand.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        Self::accepted(Self::examine(text, |_| Findings::default()))
    }

    /// Reads the definition of a state, as that of a machine whose only state it is, under this name.
    /// The states that it leads to are not there.
    pub(crate) fn parse_state(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let state = read_json(text).map_err(|problem| vec![problem])?;
        let value = json!({ "StartAt": name, "States": { name: state } });
        let (machine, mut found) = Self::read(&value);
        found.extend(check_inside(&value));
        found.extend(marks::check(&value));
        found.extend(machine.iter().flat_map(parameters::check));
        Self::accepted((machine, found))
    }

    /// All that is to be said of a definition: what [`Self::parse`] refuses it for, and what it is only
    /// warned of.
    pub fn diagnose(text: &str) -> Vec<Diagnostic> {
        Self::examine(text, |_| Findings::default()).1.into()
    }

    /// Reads a definition that was accepted once, by this version or an earlier one, whose checks may
    /// have been fewer.
    pub fn recall(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let value = read_json(text).map_err(|problem| vec![problem])?;
        let (machine, found) = Self::read(&value);
        // What an expression refers to takes nothing from what it says.
        let is_of_reading = |it: &Diagnostic| it.code != Code::UnsupportedJsonataExpression;
        Self::accepted((machine, found.into_iter().filter(is_of_reading).collect()))
    }

    /// What a definition says, as far as it can be read, and all that is wrong with it. `more` are the
    /// checks of a type of state machine.
    pub(crate) fn examine(
        text: &str,
        more: impl Fn(&Self) -> Findings,
    ) -> (Option<Self>, Findings) {
        let value = match read_json(text) {
            Ok(value) => value,
            Err(problem) => return (None, Findings::from_iter([problem])),
        };
        let (machine, mut found) = Self::read(&value);
        found.extend(check(&value));
        found.extend(marks::check(&value));
        found.extend(machine.iter().flat_map(parameters::check));
        found.extend(machine.iter().flat_map(more));
        found.extend(hints::of(&value));
        (machine, found)
    }

    fn read(value: &Value) -> (Option<Self>, Findings) {
        let mut found = Findings::default();
        let machine = Fields::of(value, Location::default(), &mut found).and_then(read_definition);
        (machine, found)
    }

    /// The machine that was examined, unless there is an error.
    pub(crate) fn accepted(
        (machine, found): (Option<Self>, Findings),
    ) -> Result<Self, Vec<Diagnostic>> {
        let errors = found.into_errors();
        machine.filter(|_| errors.is_empty()).map(Self::surveyed).ok_or(errors)
    }

    fn surveyed(mut self) -> Self {
        let resources: Vec<_> = self.tasks().into_iter().map(|task| task.resource).collect();
        let activities = resources.iter().filter(|it| *it.kind() == ResourceKind::Activity);
        let activities: BTreeSet<_> = activities.map(|it| Arc::from(it.text())).collect();
        let has_jobs = resources.iter().any(|it| it.is_job());
        self.activities = activities.into_iter().collect();
        self.has_jobs = has_jobs;
        self
    }

    /// The machine that has no state, and so no execution is in.
    pub(crate) fn empty() -> Self {
        Self {
            comment: None,
            start_at: StateName::default(),
            states: Vec::new(),
            index: BTreeMap::new(),
            timeout_seconds: None,
            activities: Vec::new(),
            has_jobs: false,
        }
    }

    /// Its `Comment`.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The state it begins with.
    pub fn start_at(&self) -> &StateName {
        &self.start_at
    }

    /// Its own states, in the order of the definition; not those of inner machines.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.states.iter()
    }

    /// The state of this name, when the machine itself has it.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.index_of(name).map(|index| self.state_at(index))
    }

    /// How long an execution may take in all.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// The ARNs of the activities that its tasks are of, those of inner machines included.
    pub fn activities(&self) -> &[Arc<str>] {
        &self.activities
    }

    /// Whether tasks of it are jobs (`.sync`), those of inner machines included.
    pub fn has_jobs(&self) -> bool {
        self.has_jobs
    }

    /// Every Task state, those of inner machines included.
    pub fn tasks(&self) -> Vec<TaskState<'_>> {
        let states = self.states_within(&Location::default()).into_iter();
        states.filter_map(|(state, location)| state.task(location)).collect()
    }

    /// The Distributed Map states, those of inner machines included.
    pub fn distributed_maps(&self) -> Vec<&StateName> {
        let states = self.states_within(&Location::default()).into_iter();
        let distributed = states.filter(|(state, _)| state.behavior().distributed().is_some());
        distributed.map(|(state, _)| &state.name).collect()
    }

    /// The Distributed Map states that read items from Amazon S3 or export results there, each with its place.
    pub fn maps_over_objects(&self) -> Vec<Location> {
        let states = self.states_within(&Location::default()).into_iter();
        let maps = states.filter(|(state, _)| {
            state.behavior().distributed().is_some_and(|it| it.has_reader() || it.exports())
        });
        maps.map(|(_, location)| location).collect()
    }

    /// Every state, those of inner machines included, each with its place when this machine's is `at`.
    pub(crate) fn states_within(&self, at: &Location) -> Vec<(&State, Location)> {
        let mut states = Vec::new();
        let mut machines = vec![(self, at.clone())];
        while let Some((machine, at)) = machines.pop() {
            for state in &machine.states {
                let location = at.field("States").field(&state.name);
                let inner = state.machines();
                machines.extend(inner.iter().map(|it| (&**it.machine, it.location(&location))));
                states.push((state, location));
            }
        }
        states
    }

    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    pub(crate) fn state_at(&self, index: usize) -> &State {
        &self.states[index]
    }
}

/// A state of a machine.
#[derive(Debug)]
pub struct State {
    name: StateName,
    comment: Option<String>,
    /// None when it ends its machine, or says itself where to go.
    next: Option<StateName>,
    language: QueryLanguage,
    behavior: Behavior,
}

/// What a state of each type has and does.
#[derive(Debug)]
enum Behavior {
    Task(Box<Task>),
    Wait(Wait),
    Pass(Box<Pass>),
    Succeed(Succeed),
    Fail(Fail),
    Choice(Choice),
    Parallel(Box<Parallel>),
    Map(Box<Map>),
}

/// The state types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKind {
    /// Does one unit of work.
    Task,
    /// Waits for a time or until a moment.
    Wait,
    /// Passes its input on, or puts a fixed result in its place.
    Pass,
    /// Ends its machine with its input.
    Succeed,
    /// Ends its machine, and what contains it, with an error.
    Fail,
    /// Chooses the next state by rules.
    Choice,
    /// Runs several machines at once on the same input.
    Parallel,
    /// Runs one machine once per item.
    Map,
}

impl StateKind {
    /// In the order in which AWS lists them.
    const ALL: [Self; 8] = [
        Self::Task,
        Self::Wait,
        Self::Pass,
        Self::Succeed,
        Self::Fail,
        Self::Choice,
        Self::Parallel,
        Self::Map,
    ];
}

/// The `Type` of a state of this type.
impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl State {
    /// Its name.
    pub fn name(&self) -> &StateName {
        &self.name
    }

    /// Its `Comment`.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// Its type.
    pub fn kind(&self) -> StateKind {
        match &self.behavior {
            Behavior::Task(_) => StateKind::Task,
            Behavior::Wait(_) => StateKind::Wait,
            Behavior::Pass(_) => StateKind::Pass,
            Behavior::Succeed(_) => StateKind::Succeed,
            Behavior::Fail(_) => StateKind::Fail,
            Behavior::Choice(_) => StateKind::Choice,
            Behavior::Parallel(_) => StateKind::Parallel,
            Behavior::Map(_) => StateKind::Map,
        }
    }

    /// The machines inside it: a Parallel's branches, a Map's item processor.
    pub fn machines(&self) -> Vec<InnerMachine<'_>> {
        let field = match &self.behavior {
            Behavior::Map(map) => map.processor_field(),
            _ => "Branches",
        };
        let machines = self.behavior().machines().iter().enumerate();
        let is_map = self.kind() == StateKind::Map;
        let inner =
            |(index, machine)| InnerMachine { machine, field, index: (!is_map).then_some(index) };
        machines.map(inner).collect()
    }

    pub(crate) fn next(&self) -> Option<&StateName> {
        self.next.as_ref()
    }

    pub(crate) fn language(&self) -> QueryLanguage {
        self.language
    }

    pub(crate) fn behavior(&self) -> &dyn StateType {
        match &self.behavior {
            Behavior::Task(state) => &**state,
            Behavior::Wait(state) => state,
            Behavior::Pass(state) => &**state,
            Behavior::Succeed(state) => state,
            Behavior::Fail(state) => state,
            Behavior::Choice(state) => state,
            Behavior::Parallel(state) => &**state,
            Behavior::Map(state) => &**state,
        }
    }

    pub(crate) fn retriers(&self) -> &[Retrier] {
        self.behavior().retriers()
    }

    pub(crate) fn catchers(&self) -> &[Catcher] {
        self.behavior().catchers()
    }

    pub(crate) fn map(&self) -> Option<&Map> {
        let Behavior::Map(map) = &self.behavior else { return None };
        Some(map)
    }

    pub(crate) fn task(&self, location: Location) -> Option<TaskState<'_>> {
        let Behavior::Task(task) = &self.behavior else { return None };
        let (resource, parameters) = (task.resource()?, task.literal_parameters());
        let (credentials, parameters_field) = (task.literal_credentials(), task.parameters_field());
        let state = &self.name;
        Some(TaskState { state, location, resource, parameters, parameters_field, credentials })
    }
}

/// A machine inside a state.
#[derive(Clone, Debug)]
pub struct InnerMachine<'a> {
    /// The machine.
    pub machine: &'a Arc<StateMachine>,
    /// The field it stands in: `Branches`, `ItemProcessor` or `Iterator`.
    pub field: &'static str,
    /// Which of the field's elements it is; none for a Map.
    pub index: Option<usize>,
}

impl InnerMachine<'_> {
    /// The machine's place, in a state at `state`.
    pub fn location(&self, state: &Location) -> Location {
        let field = state.field(self.field);
        self.index.map_or(field.clone(), |index| field.index(index))
    }
}

/// A Task state, for whoever must know that something can do its work.
#[derive(Clone, Debug)]
pub struct TaskState<'a> {
    /// The state's name.
    pub state: &'a StateName,
    /// Its place in the definition.
    pub location: Location,
    /// What is to do the work.
    pub resource: &'a Resource,
    /// Its `Parameters` as the definition has them; `Arguments`, with `.$` after the names of those that
    /// an expression gives.
    pub parameters: Option<&'a Value>,
    /// The field that has them.
    pub parameters_field: &'static str,
    /// Its `Credentials`.
    pub credentials: Option<&'a Value>,
}
