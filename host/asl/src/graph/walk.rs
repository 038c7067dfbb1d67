//! A graph from outside in, for formats that write what is inside within what contains it.

use super::{Graph, Node, Scope};

/// One step of the way through a graph; what is opened is closed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// A node with nothing inside.
    Leaf(Id, &'a Node),
    /// A Parallel or Map state with its scopes.
    Open(Id, &'a Node),
    Close,
    /// A branch or processor.
    OpenScope(usize, &'a Scope),
    CloseScope(usize),
}

/// A node, as its scope and its position there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id {
    pub(super) scope: usize,
    pub(super) node: usize,
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s{}n{}", self.scope, self.node)
    }
}

/// The whole way. A stack and not recursion, because an author picks how deep scopes nest.
pub(super) fn walk(graph: &Graph) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut stack = vec![Step::OpenScope(0, &graph.scopes[0])];
    while let Some(step) = stack.pop() {
        steps.push(step);
        match step {
            Step::OpenScope(index, scope) => {
                stack.push(Step::CloseScope(index));
                let nodes = scope.nodes.iter().enumerate().rev();
                stack.extend(nodes.filter(|(node, _)| scope.is_drawn(*node)).map(|(node, it)| {
                    let id = Id { scope: index, node };
                    if it.inside.is_empty() { Step::Leaf(id, it) } else { Step::Open(id, it) }
                }));
            }
            Step::Open(_, node) => {
                stack.push(Step::Close);
                let inside = node.inside.iter().rev();
                stack.extend(inside.map(|scope| Step::OpenScope(*scope, &graph.scopes[*scope])));
            }
            Step::Leaf(..) | Step::Close | Step::CloseScope(_) => {}
        }
    }
    steps
}
