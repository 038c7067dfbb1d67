//! The drawing as a Graphviz digraph.
//!
//! An arrow at a Parallel or Map state ends at the edge of its cluster. Graphviz has arrows between
//! nodes only, so every cluster has two invisible points, above and below what is in it.

use std::fmt::{self, Display, Formatter};

use super::{
    Edge, EdgeKind, Graph, Node, NodeKind, Scope, Trace, Visit,
    layout::back_edges,
    text::clean,
    walk::{Id, Step, walk},
};

const HEAD: &str = r##"  graph [compound=true, rankdir=TB, nodesep=0.5, ranksep=0.45, fontname="Helvetica", fontsize=12]
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#94a3b8", fontname="Helvetica", fontsize=12]
  edge [color="#94a3b8", fontname="Helvetica", fontsize=10, fontcolor="#475569"]
"##;

pub(super) fn render(graph: &Graph, trace: Option<&Trace>) -> String {
    Digraph { graph, trace }.to_string()
}

struct Digraph<'a> {
    graph: &'a Graph,
    trace: Option<&'a Trace>,
}

impl Display for Digraph<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph {} {{", Quoted(&self.graph.title()))?;
        f.write_str(HEAD)?;
        let mut depth = 0;
        for step in walk(self.graph) {
            depth = self.step(f, step, depth)?;
        }
        for (index, scope) in self.graph.scopes.iter().enumerate() {
            for (edge, is_back) in scope.edges.iter().zip(back_edges(scope)) {
                self.edge(f, index, scope, edge, is_back)?;
            }
        }
        writeln!(f, "}}")
    }
}

impl Digraph<'_> {
    /// Writes a step; answers how deep the next one stands.
    fn step(
        &self,
        f: &mut Formatter<'_>,
        step: Step<'_>,
        depth: usize,
    ) -> Result<usize, fmt::Error> {
        let indent = 2 * depth;
        match step {
            Step::OpenScope(0, _) => Ok(1),
            Step::CloseScope(0) => Ok(0),
            Step::OpenScope(index, _) => {
                writeln!(f, "{:indent$}subgraph cluster_s{index} {{", "")?;
                writeln!(
                    f,
                    "{:indent$}  label=\"\"; style=\"rounded,dashed\"; color=\"#cbd5e1\"",
                    ""
                )?;
                Ok(depth + 1)
            }
            Step::Open(id, node) => {
                let color = self.color(node).unwrap_or("#93c5fd");
                writeln!(f, "{:indent$}subgraph cluster_{id} {{", "")?;
                writeln!(
                    f,
                    "{:indent$}  label={}; style=rounded; color=\"{color}\"",
                    "",
                    Label(node)
                )?;
                let point = "[shape=point, style=invis, width=0, height=0, label=\"\"]";
                writeln!(f, "{:indent$}  {id}_in {point}", "")?;
                writeln!(f, "{:indent$}  {id}_out {point}", "")?;
                self.anchors(f, id, node, indent)?;
                Ok(depth + 1)
            }
            Step::CloseScope(_) | Step::Close => {
                let indent = indent - 2;
                writeln!(f, "{:indent$}}}", "")?;
                Ok(depth - 1)
            }
            Step::Leaf(id, node) => {
                writeln!(f, "{:indent$}{id} [label={}{}]", "", Label(node), self.look(node))?;
                Ok(depth)
            }
        }
    }

    /// Holds a cluster's points above and below what is in it.
    fn anchors(&self, f: &mut Formatter<'_>, id: Id, node: &Node, indent: usize) -> fmt::Result {
        for &inner in &node.inside {
            let scope = &self.graph.scopes[inner];
            for position in (0..scope.nodes.len()).filter(|position| scope.is_drawn(*position)) {
                let (arrives, leaves) = scope.ends_at(position);
                let ends = Ends::of(inner, scope, position);
                if !arrives {
                    writeln!(f, "{:indent$}  {id}_in -> {} [style=invis]", "", ends.head())?;
                }
                if !leaves {
                    writeln!(f, "{:indent$}  {} -> {id}_out [style=invis]", "", ends.tail())?;
                }
            }
        }
        Ok(())
    }

    fn edge(
        &self,
        f: &mut Formatter<'_>,
        index: usize,
        scope: &Scope,
        edge: &Edge,
        is_back: bool,
    ) -> fmt::Result {
        let [from, to] = [edge.from, edge.to].map(|node| Ends::of(index, scope, node));
        write!(f, "  {} -> {} [", from.tail(), to.head())?;
        let mut attributes = Vec::new();
        if is_back {
            attributes.push("constraint=false".to_owned());
        }
        if !edge.labels.is_empty() {
            attributes.push(format!("label={}", Quoted(&edge.labels.join("\n"))));
        }
        if edge.kind == EdgeKind::Catch {
            attributes.push("style=dashed".to_owned());
        }
        let taken = self.trace.map(|trace| trace.took(scope, edge));
        let color = match (edge.kind, taken) {
            (EdgeKind::Catch, None | Some(true)) => Some("#d97706"),
            (EdgeKind::Flow, Some(true)) => Some("#16a34a"),
            (_, Some(false)) => Some("#e2e8f0"),
            (EdgeKind::Flow, None) => None,
        };
        attributes.extend(color.map(|color| format!("color=\"{color}\"")));
        if taken == Some(true) {
            attributes.push("penwidth=2.5".to_owned());
        }
        if from.is_cluster {
            attributes.push(format!("ltail=cluster_{}", from.id()));
        }
        if to.is_cluster {
            attributes.push(format!("lhead=cluster_{}", to.id()));
        }
        writeln!(f, "{}]", attributes.join(", "))
    }

    /// How a node looks beside the default.
    fn look(&self, node: &Node) -> String {
        let (shape, color) = match node.kind {
            NodeKind::Start | NodeKind::End => ("ellipse", "#1e293b"),
            NodeKind::Choice => ("hexagon", "#7c3aed"),
            NodeKind::Task => ("box", "#2563eb"),
            NodeKind::Wait => ("box", "#0d9488"),
            NodeKind::Succeed => ("box", "#16a34a"),
            NodeKind::Fail => ("box", "#dc2626"),
            NodeKind::Pass | NodeKind::Parallel | NodeKind::Map | NodeKind::Unknown => {
                ("box", "#64748b")
            }
        };
        let shape =
            if shape == "box" { String::new() } else { format!(", shape={shape}, style=filled") };
        match self.color(node) {
            None => format!("{shape}, color=\"{color}\""),
            Some(color) if color == FADED => {
                format!("{shape}, color=\"{color}\", fontcolor=\"#94a3b8\"")
            }
            Some(color) => format!("{shape}, color=\"{color}\", penwidth=2.5"),
        }
    }

    /// The colour that a trace gives a state.
    fn color(&self, node: &Node) -> Option<&'static str> {
        let is_terminal = matches!(node.kind, NodeKind::Start | NodeKind::End);
        let trace = self.trace.filter(|_| !is_terminal)?;
        Some(match trace.visit_to(&node.name).map(|(visit, _)| visit) {
            None => FADED,
            Some(Visit::Succeeded) => "#16a34a",
            Some(Visit::Running) => "#2563eb",
            Some(Visit::Caught) => "#d97706",
            Some(Visit::Failed) => "#dc2626",
            Some(Visit::Aborted) => "#64748b",
        })
    }
}

const FADED: &str = "#e2e8f0";

/// Where arrows begin and end at a node.
struct Ends {
    scope: usize,
    node: usize,
    is_cluster: bool,
}

impl Ends {
    fn of(index: usize, scope: &Scope, node: usize) -> Self {
        Self { scope: index, node, is_cluster: !scope.nodes[node].inside.is_empty() }
    }

    fn id(&self) -> Id {
        Id { scope: self.scope, node: self.node }
    }

    fn head(&self) -> String {
        format!("{}{}", self.id(), if self.is_cluster { "_in" } else { "" })
    }

    fn tail(&self) -> String {
        format!("{}{}", self.id(), if self.is_cluster { "_out" } else { "" })
    }
}

/// A state's name and its caption below.
struct Label<'a>(&'a Node);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.name.is_empty() {
            return write!(f, "{}", Quoted(&self.0.caption));
        }
        write!(f, "{}", Quoted(&format!("{}\n{}", clean(&self.0.name), self.0.caption)))
    }
}

/// A string of the DOT language, which reads escapes and HTML entities in it.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        self.0.chars().try_for_each(|character| match character {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            '\n' => f.write_str("\\n"),
            '&' => f.write_str("&amp;"),
            _ => write!(f, "{character}"),
        })?;
        f.write_str("\"")
    }
}
