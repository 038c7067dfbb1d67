//! The drawing as a Mermaid flowchart.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

use super::{
    Edge, EdgeKind, Graph, Node, NodeKind, Role, Scope, Trace, Visit,
    text::clean,
    walk::{Id, Step, walk},
};

const CLASSES: &str = "    classDef terminal fill:#1e293b,stroke:#1e293b,color:#ffffff
    classDef task fill:#eff6ff,stroke:#2563eb,color:#0f172a
    classDef choice fill:#f5f3ff,stroke:#7c3aed,color:#0f172a
    classDef pass fill:#f8fafc,stroke:#64748b,color:#0f172a
    classDef wait fill:#f0fdfa,stroke:#0d9488,color:#0f172a
    classDef succeed fill:#f0fdf4,stroke:#16a34a,color:#0f172a
    classDef fail fill:#fef2f2,stroke:#dc2626,color:#0f172a
    classDef frame fill:#f8fafc,stroke:#93c5fd,color:#0f172a
";

const VISITS: &str = "    classDef visited stroke:#16a34a,stroke-width:3px
    classDef running stroke:#2563eb,stroke-width:3px
    classDef caught stroke:#d97706,stroke-width:3px
    classDef failed stroke:#dc2626,stroke-width:3px
    classDef aborted stroke:#64748b,stroke-width:3px
    classDef unvisited opacity:0.4
";

pub(super) fn render(graph: &Graph, trace: Option<&Trace>) -> String {
    Chart { graph, trace }.to_string()
}

struct Chart<'a> {
    graph: &'a Graph,
    trace: Option<&'a Trace>,
}

impl Display for Chart<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "flowchart TD")?;
        writeln!(f, "    accTitle: {}", Escaped(&self.graph.title()))?;
        let mut indent = 0;
        for step in walk(self.graph) {
            indent = self.step(f, step, indent)?;
        }
        self.edges(f)?;
        f.write_str(CLASSES)?;
        self.frames(f)?;
        match self.trace {
            Some(trace) => self.visits(f, trace),
            None => Ok(()),
        }
    }
}

impl Chart<'_> {
    /// Writes a step; answers how deep the next one stands.
    fn step(
        &self,
        f: &mut Formatter<'_>,
        step: Step<'_>,
        depth: usize,
    ) -> Result<usize, fmt::Error> {
        let indent = 4 * depth;
        match step {
            Step::OpenScope(0, _) => Ok(1),
            Step::CloseScope(0) => Ok(0),
            // A Map's frame says already what is in it.
            Step::OpenScope(_, scope) if scope.role == Role::Processor => Ok(depth),
            Step::CloseScope(index) if self.graph.scopes[index].role == Role::Processor => {
                Ok(depth)
            }
            Step::OpenScope(index, scope) => {
                let number = if let Role::Branch(branch) = scope.role { branch + 1 } else { index };
                writeln!(f, "{:indent$}subgraph s{index}[\"Branch {number}\"]", "")?;
                writeln!(f, "{:indent$}    direction TB", "")?;
                Ok(depth + 1)
            }
            Step::Open(id, node) => {
                // Mermaid has room for one line in a frame's title.
                let name = clean(&node.name);
                let (name, caption) = (Escaped(&name), Escaped(&node.caption));
                writeln!(f, "{:indent$}subgraph {id}[\"{name} · {caption}\"]", "")?;
                let direction = if node.kind == NodeKind::Parallel { "LR" } else { "TB" };
                writeln!(f, "{:indent$}    direction {direction}", "")?;
                Ok(depth + 1)
            }
            Step::CloseScope(_) | Step::Close => {
                let indent = indent - 4;
                writeln!(f, "{:indent$}end", "")?;
                Ok(depth - 1)
            }
            Step::Leaf(id, node) => {
                let ((open, close), class) = (shape(node.kind), class(node.kind));
                writeln!(f, "{:indent$}{id}{open}\"{}\"{close}:::{class}", "", Label(node))?;
                Ok(depth)
            }
        }
    }

    fn frames(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let frames = walk(self.graph).into_iter().filter_map(|step| match step {
            Step::Open(id, _) => Some(id.to_string()),
            Step::OpenScope(index, scope) if matches!(scope.role, Role::Branch(_)) => {
                Some(format!("s{index}"))
            }
            _ => None,
        });
        let frames: Vec<String> = frames.collect();
        if frames.is_empty() {
            return Ok(());
        }
        writeln!(f, "    class {} frame", List(&frames))
    }

    fn visits(&self, f: &mut Formatter<'_>, trace: &Trace) -> fmt::Result {
        f.write_str(VISITS)?;
        let mut classes: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
        for (index, scope) in self.graph.scopes.iter().enumerate() {
            for (position, state) in scope.states().iter().enumerate() {
                let id = Id { scope: index, node: position + 1 };
                classes.entry(visit_class(trace, state)).or_default().push(id);
            }
        }
        let mut classes = classes.iter();
        classes.try_for_each(|(class, ids)| writeln!(f, "    class {} {class}", List(ids)))
    }

    fn edges(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut styles: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let scopes = self.graph.scopes.iter().enumerate();
        let edges = scopes
            .flat_map(|(index, scope)| scope.edges.iter().map(move |edge| (index, scope, edge)));
        for (number, (index, scope, edge)) in edges.enumerate() {
            let id = |node| Id { scope: index, node };
            writeln!(f, "    {} {} {}", id(edge.from), Arrow(edge), id(edge.to))?;
            if let Some(style) = self.style(scope, edge) {
                styles.entry(style).or_default().push(number);
            }
        }
        let mut styles = styles.iter();
        styles.try_for_each(|(style, edges)| writeln!(f, "    linkStyle {} {style}", List(edges)))
    }

    fn style(&self, scope: &Scope, edge: &Edge) -> Option<&'static str> {
        let taken = self.trace.map(|trace| trace.took(scope, edge));
        match (edge.kind, taken) {
            (EdgeKind::Flow, None) => None,
            (EdgeKind::Catch, None) => Some("stroke:#d97706"),
            (EdgeKind::Flow, Some(true)) => Some("stroke:#16a34a,stroke-width:3px"),
            (EdgeKind::Catch, Some(true)) => Some("stroke:#d97706,stroke-width:3px"),
            (EdgeKind::Flow, Some(false)) => Some("opacity:0.4"),
            (EdgeKind::Catch, Some(false)) => Some("stroke:#d97706,opacity:0.4"),
        }
    }
}

fn visit_class(trace: &Trace, node: &Node) -> &'static str {
    match trace.visit_to(&node.name).map(|(visit, _)| visit) {
        None => "unvisited",
        Some(Visit::Succeeded) => "visited",
        Some(Visit::Running) => "running",
        Some(Visit::Caught) => "caught",
        Some(Visit::Failed) => "failed",
        Some(Visit::Aborted) => "aborted",
    }
}

fn shape(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::Start | NodeKind::End => ("([", "])"),
        NodeKind::Choice => ("{{", "}}"),
        _ => ("(", ")"),
    }
}

fn class(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Start | NodeKind::End => "terminal",
        NodeKind::Parallel | NodeKind::Map | NodeKind::Unknown => "pass",
        kind => kind.name(),
    }
}

/// A state's name and its caption below.
struct Label<'a>(&'a Node);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.name.is_empty() {
            return write!(f, "{}", Escaped(&self.0.caption));
        }
        write!(f, "{}<br/>{}", Escaped(&clean(&self.0.name)), Escaped(&self.0.caption))
    }
}

struct List<'a, T>(&'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| write!(f, "{}{item}", if index > 0 { "," } else { "" }))
    }
}

struct Arrow<'a>(&'a Edge);

impl Display for Arrow<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = if self.0.kind == EdgeKind::Catch { "-.->" } else { "-->" };
        f.write_str(line)?;
        if self.0.labels.is_empty() {
            return Ok(());
        }
        f.write_str("|\"")?;
        for (index, label) in self.0.labels.iter().enumerate() {
            let separator = if index > 0 { "<br/>" } else { "" };
            write!(f, "{separator}{}", Escaped(label))?;
        }
        f.write_str("\"|")
    }
}

/// Text as Mermaid takes it in a quoted label: what could mean something is an entity.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '"' | '#' | '&' | '<' | '>' | '`' | ';' | '\\' | '{' | '}' | '%' => {
                write!(f, "#{};", u32::from(character))
            }
            _ => write!(f, "{character}"),
        })
    }
}
