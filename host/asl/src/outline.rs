//! The bones of a definition: its containers of states, and the arrows between the states.
//!
//! Read from the JSON and not from a [`StateMachine`](crate::StateMachine), and read leniently:
//! what has the wrong shape is left out, so that a definition with a mistake in one field is still
//! checked as a whole and can be drawn.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use crate::Location;

/// A definition's containers, each before those inside it; the first is the root.
#[derive(Debug, Default)]
pub(crate) struct Outline<'a> {
    pub(crate) containers: Vec<Container<'a>>,
}

/// One `States` object and its `StartAt`. No arrow leads into it or out of it.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    /// The place of the object that has `States`.
    pub(crate) at: Location,
    /// What the container is for.
    pub(crate) role: Role,
    /// `StartAt`.
    pub(crate) start: Option<&'a str>,
    /// In the order of the definition.
    pub(crate) states: Vec<State<'a>>,
    by_name: BTreeMap<&'a str, usize>,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The state machine itself.
    Root,
    /// A branch of a Parallel state, counted from 0.
    Branch(usize),
    /// What a Map state does with each item.
    Processor,
}

/// One state.
#[derive(Debug)]
pub(crate) struct State<'a> {
    pub(crate) name: &'a str,
    pub(crate) fields: &'a Map<String, Value>,
    pub(crate) at: Location,
    /// In the order in which they are written.
    pub(crate) arrows: Vec<Arrow<'a>>,
    /// Its branches or its processor, as indices of [`Outline::containers`].
    pub(crate) inside: Vec<usize>,
}

/// One transition.
#[derive(Debug)]
pub(crate) struct Arrow<'a> {
    pub(crate) kind: ArrowKind<'a>,
    pub(crate) to: &'a str,
    /// The place of the target's name.
    pub(crate) at: Location,
}

/// What makes an execution take a transition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ArrowKind<'a> {
    /// The state is done.
    Next,
    /// This Choice rule is the first that holds.
    Rule(&'a Map<String, Value>),
    /// No Choice rule holds.
    Default,
    /// The state failed with an error that this catcher names.
    Catch(&'a Map<String, Value>),
}

impl<'a> Outline<'a> {
    /// Reads a definition; one that is no object has no containers.
    pub(crate) fn read(definition: &'a Value) -> Self {
        let mut outline = Self::default();
        // A queue and not recursion, because an author picks how deep containers nest.
        let root = Pending::new(definition, Role::Root, Location::default(), None);
        let mut queue: VecDeque<Pending<'a>> = root.into_iter().collect();
        while let Some(pending) = queue.pop_front() {
            let index = outline.containers.len();
            if let Some((container, state)) = pending.owner {
                outline.containers[container].states[state].inside.push(index);
            }
            let container = Container::read(pending.fields, pending.role, pending.at);
            for (position, state) in container.states.iter().enumerate() {
                queue.extend(Pending::inside(state, (index, position)));
            }
            outline.containers.push(container);
        }
        outline
    }
}

/// A container that is still to be read.
struct Pending<'a> {
    fields: &'a Map<String, Value>,
    role: Role,
    at: Location,
    /// The state it belongs to, as its container and its position there.
    owner: Option<(usize, usize)>,
}

impl<'a> Pending<'a> {
    fn new(
        container: &'a Value,
        role: Role,
        at: Location,
        owner: Option<(usize, usize)>,
    ) -> Option<Self> {
        Some(Self { fields: container.as_object()?, role, at, owner })
    }

    /// The containers of a state.
    fn inside(state: &State<'a>, owner: (usize, usize)) -> Vec<Self> {
        match state.kind() {
            "Parallel" => {
                let at = state.at.field("Branches");
                let branches = list(state.fields, "Branches").iter().enumerate();
                let read = |(index, branch)| {
                    Self::new(branch, Role::Branch(index), at.index(index), Some(owner))
                };
                branches.filter_map(read).collect()
            }
            "Map" => {
                let fields = ["ItemProcessor", "Iterator"].into_iter();
                let read = |field: &str| {
                    let at = state.at.field(field);
                    Self::new(state.fields.get(field)?, Role::Processor, at, Some(owner))
                };
                fields.filter_map(read).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Container<'a> {
    fn read(fields: &'a Map<String, Value>, role: Role, at: Location) -> Self {
        let below = at.field("States");
        let states = fields.get("States").and_then(Value::as_object).into_iter().flatten();
        let states: Vec<State<'a>> = states
            .filter_map(|(name, fields)| Some(State::read(name, fields.as_object()?, &below)))
            .collect();
        let by_name = states.iter().enumerate().map(|(index, it)| (it.name, index)).collect();
        // Without any states there is nothing that it could lead to, and that is said elsewhere.
        let start = fields.get("States").and(fields.get("StartAt")).and_then(Value::as_str);
        Self { at, role, start, states, by_name }
    }

    /// The position of the state of this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

impl<'a> State<'a> {
    fn read(name: &'a str, fields: &'a Map<String, Value>, states: &Location) -> Self {
        let at = states.field(name);
        let mut state = Self { name, fields, at, arrows: Vec::new(), inside: Vec::new() };
        state.arrows = state.read_arrows();
        state
    }

    /// Its `Type`; empty when there is none.
    pub(crate) fn kind(&self) -> &'a str {
        self.text("Type")
    }

    /// The text of a field; empty when there is none.
    pub(crate) fn text(&self, field: &str) -> &'a str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether its fields are in JSONPath, in a machine of this `QueryLanguage`.
    pub(crate) fn is_jsonpath(&self, of_machine: Option<&Value>) -> bool {
        let language = self.fields.get("QueryLanguage").or(of_machine);
        language.is_none_or(|language| language == "JSONPath")
    }

    /// Whether an execution, branch or iteration can end here.
    pub(crate) fn is_terminal(&self) -> bool {
        match self.kind() {
            "Succeed" | "Fail" => true,
            "Choice" => false,
            _ => self.fields.get("End") == Some(&Value::Bool(true)),
        }
    }

    fn read_arrows(&self) -> Vec<Arrow<'a>> {
        let next = |at: &Location, fields: &'a Map<String, Value>, field: &str, kind| {
            let to = fields.get(field).and_then(Value::as_str)?;
            Some(Arrow { kind, to, at: at.field(field) })
        };
        let each = |field: &'static str, kind: fn(&'a Map<String, Value>) -> ArrowKind<'a>| {
            let at = self.at.field(field);
            let elements = list(self.fields, field).iter().enumerate();
            elements.filter_map(move |(index, element)| {
                let fields = element.as_object()?;
                next(&at.index(index), fields, "Next", kind(fields))
            })
        };
        let own = |field, kind| next(&self.at, self.fields, field, kind);
        match self.kind() {
            "Succeed" | "Fail" => Vec::new(),
            "Choice" => {
                let rules = each("Choices", ArrowKind::Rule);
                rules.chain(own("Default", ArrowKind::Default)).collect()
            }
            _ => {
                let next = own("Next", ArrowKind::Next).into_iter();
                next.chain(each("Catch", ArrowKind::Catch)).collect()
            }
        }
    }
}

fn list<'a>(fields: &'a Map<String, Value>, field: &str) -> &'a [Value] {
    fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
