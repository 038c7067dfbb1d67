//! A state machine as a drawing: its states, its arrows, and the path that an execution took.
//!
//! Pure: a graph is read from a definition, laid out by arithmetic alone, and written as SVG,
//! Mermaid or DOT. The same definition gives the same text, byte for byte.

mod dot;
#[cfg(test)]
mod golden;
mod label;
mod layout;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::outline::{ArrowKind, Container, Outline, Role, State};

pub use trace::{Ending, Trace, Visit};

/// The states and arrows of a definition.
#[derive(Clone, Debug)]
pub struct Graph {
    /// What the definition says of itself: its `Comment`.
    comment: String,
    /// Each before those inside it; the first is the root.
    scopes: Vec<Scope>,
}

/// A machine, a Parallel state's branch or a Map state's processor. No arrow crosses its edge.
#[derive(Clone, Debug)]
struct Scope {
    role: Role,
    /// [`START`], the states in the order of the definition, then the end.
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// The position of the start in every scope; the end is the last.
const START: usize = 0;

#[derive(Clone, Debug)]
struct Node {
    /// The state's name as the definition has it; empty for start and end.
    name: String,
    kind: NodeKind,
    /// The type and what it works on, in a few words.
    caption: String,
    /// Whether it has a Retry.
    retries: bool,
    /// What stands inside it, as indices of [`Graph::scopes`].
    inside: Vec<usize>,
    /// Whether an arrow leads to it, and whether one leads away.
    arrives: bool,
    leaves: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeKind {
    Start,
    End,
    Task,
    Choice,
    Pass,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
    /// A `Type` that the language does not have.
    Unknown,
}

/// All arrows of one kind between two nodes.
#[derive(Clone, Debug)]
struct Edge {
    from: usize,
    to: usize,
    kind: EdgeKind,
    /// What makes an execution take it: rules, or the errors caught. Empty when nothing need.
    labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EdgeKind {
    Flow,
    Catch,
}

impl Graph {
    /// Reads a definition. Leniently: an arrow that leads nowhere is left out, so that a definition
    /// with mistakes can be drawn too.
    pub fn read(definition: &Value) -> Self {
        let outline = Outline::read(definition);
        let comment = definition.get("Comment").and_then(Value::as_str).unwrap_or_default();
        let mut scopes: Vec<Scope> = outline.containers.iter().map(Scope::read).collect();
        if scopes.is_empty() {
            scopes.push(Scope::empty());
        }
        Self { comment: comment.to_owned(), scopes }
    }

    /// An SVG document for people: light and dark, with nothing from outside. With a trace the
    /// path taken stands out and the rest steps back.
    pub fn to_svg(&self, trace: Option<&Trace>) -> String {
        svg::render(self, trace)
    }

    /// A Mermaid flowchart, for a README or a wiki.
    pub fn to_mermaid(&self, trace: Option<&Trace>) -> String {
        mermaid::render(self, trace)
    }

    /// A Graphviz digraph.
    pub fn to_dot(&self, trace: Option<&Trace>) -> String {
        dot::render(self, trace)
    }

    /// How many states there are, at every depth.
    pub fn state_count(&self) -> usize {
        self.scopes.iter().map(|scope| scope.states().len()).sum()
    }

    /// Whether every state that was visited is one of this definition's.
    pub fn shows(&self, trace: &Trace) -> bool {
        let states = self.scopes.iter().flat_map(Scope::states);
        let names: BTreeSet<&str> = states.map(|state| &*state.name).collect();
        trace.states().all(|state| names.contains(&**state))
    }

    /// What the drawing is called where it is read aloud.
    fn title(&self) -> String {
        match self.comment.as_str() {
            "" => format!("State machine of {} states", self.state_count()),
            comment => text::clean(comment),
        }
    }
}

impl Scope {
    fn empty() -> Self {
        let nodes = vec![Node::terminal(NodeKind::Start), Node::terminal(NodeKind::End)];
        Self { role: Role::Root, nodes, edges: Vec::new() }
    }

    fn read(container: &Container<'_>) -> Self {
        let states = container.states.iter().map(Node::read);
        let mut nodes: Vec<Node> = [Node::terminal(NodeKind::Start)]
            .into_iter()
            .chain(states)
            .chain([Node::terminal(NodeKind::End)])
            .collect();
        let edges = read_edges(container, nodes.len() - 1);
        for edge in &edges {
            nodes[edge.from].leaves = true;
            nodes[edge.to].arrives = true;
        }
        Self { role: container.role, nodes, edges }
    }

    fn end(&self) -> usize {
        self.nodes.len() - 1
    }

    fn states(&self) -> &[Node] {
        &self.nodes[1..self.end()]
    }

    /// Whether arrows arrive at a node and whether any leave it.
    fn ends_at(&self, node: usize) -> (bool, bool) {
        (self.nodes[node].arrives, self.nodes[node].leaves)
    }

    /// Start and end stand only where an arrow does.
    fn is_drawn(&self, node: usize) -> bool {
        let is_state = node != START && node != self.end();
        is_state || self.ends_at(node) != (false, false)
    }
}

impl Node {
    fn terminal(kind: NodeKind) -> Self {
        let caption = if kind == NodeKind::Start { "Start" } else { "End" }.to_owned();
        Self {
            name: String::new(),
            kind,
            caption,
            retries: false,
            inside: Vec::new(),
            arrives: false,
            leaves: false,
        }
    }

    fn read(state: &State<'_>) -> Self {
        let retriers = state.fields.get("Retry").and_then(Value::as_array);
        Self {
            name: state.name.to_owned(),
            kind: NodeKind::of(state.kind()),
            caption: label::caption(state),
            retries: retriers.is_some_and(|retriers| !retriers.is_empty()),
            inside: state.inside.clone(),
            arrives: false,
            leaves: false,
        }
    }
}

impl NodeKind {
    fn of(name: &str) -> Self {
        match name {
            "Task" => Self::Task,
            "Choice" => Self::Choice,
            "Pass" => Self::Pass,
            "Wait" => Self::Wait,
            "Succeed" => Self::Succeed,
            "Fail" => Self::Fail,
            "Parallel" => Self::Parallel,
            "Map" => Self::Map,
            _ => Self::Unknown,
        }
    }

    /// Its name in class names and tooltips.
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Task => "task",
            Self::Choice => "choice",
            Self::Pass => "pass",
            Self::Wait => "wait",
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Parallel => "parallel",
            Self::Map => "map",
            Self::Unknown => "unknown",
        }
    }
}

/// Arrows in the order of the definition; those of one kind between the same two nodes are one.
fn read_edges(container: &Container<'_>, end: usize) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut known = BTreeMap::new();
    let mut add = |from: usize, to: usize, kind: EdgeKind, label: Option<String>| {
        let index = *known.entry((from, to, kind)).or_insert(edges.len());
        if index == edges.len() {
            edges.push(Edge { from, to, kind, labels: Vec::new() });
        }
        edges[index].labels.extend(label);
    };
    if let Some(start) = container.start.and_then(|start| container.position(start)) {
        add(START, start + 1, EdgeKind::Flow, None);
    }
    for (position, state) in container.states.iter().enumerate() {
        for arrow in &state.arrows {
            let Some(to) = container.position(arrow.to) else { continue };
            let (kind, label) = match arrow.kind {
                ArrowKind::Next => (EdgeKind::Flow, None),
                ArrowKind::Default => (EdgeKind::Flow, Some("Default".to_owned())),
                ArrowKind::Rule(rule) => (EdgeKind::Flow, Some(label::rule(rule))),
                ArrowKind::Catch(catcher) => (EdgeKind::Catch, Some(label::errors(catcher))),
            };
            add(position + 1, to + 1, kind, label);
        }
        if state.is_terminal() && state.kind() != "Fail" {
            add(position + 1, end, EdgeKind::Flow, None);
        }
    }
    edges
}
