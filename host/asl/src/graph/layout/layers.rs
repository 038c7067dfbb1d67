//! The first third of a layered drawing: every node gets a row below all that lead to it, and every
//! arrow becomes a chain of links from row to row.
//!
//! A node of rank `r` stands in row `2r + 1`. The rows between hold the labels of arrows, beside
//! the state they leave, and the turns of arrows that lead back up: such an arrow leaves downwards
//! like any other, turns, climbs in a lane beside the nodes, turns again and arrives from above.

use std::collections::BTreeMap;

use super::{
    super::{Edge, EdgeKind, START, Scope},
    Size,
};

/// A scope in rows, ready to be ordered and placed.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) items: Vec<Item>,
    /// The items of each row, from left to right.
    pub(super) rows: Vec<Vec<usize>>,
    pub(super) links: Vec<Link>,
    /// As the scope's edges.
    pub(super) chains: Vec<Chain>,
    /// For each node its item; none when it has no part in the drawing.
    pub(super) node_items: Vec<Option<usize>>,
}

/// An arrow as the items it passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// In the arrow's direction; both ends are nodes.
    pub(super) items: Vec<usize>,
    /// Where in `items` it joins an arrow with which it shares the rest of the way.
    pub(super) joins: Option<usize>,
}

/// Something that takes room in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) kind: ItemKind,
    pub(super) row: usize,
    pub(super) size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Node,
    /// An arrow's label; the arrow passes behind it.
    Label,
    /// Where an arrow passes a row.
    Bend,
    /// Where an arrow turns from down to up or from up to down.
    Turn,
}

/// A stretch of an arrow from one row to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) upper: usize,
    pub(super) lower: usize,
    /// How much it matters that it is straight.
    pub(super) strength: Strength,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Catch,
    Flow,
    /// Inside a long arrow.
    Lane,
    /// On the way from the start by each state's first transition.
    Spine,
}

impl Chain {
    /// The node it leaves and the item after it.
    pub(super) fn beginning(&self) -> (usize, usize) {
        (self.items[0], self.items[1])
    }

    /// The node it leads to and the item before it.
    pub(super) fn ending(&self) -> (usize, usize) {
        let last = self.items.len() - 1;
        (self.items[last], self.items[last - 1])
    }
}

impl Strength {
    pub(super) const ALL: [Self; 4] = [Self::Catch, Self::Flow, Self::Lane, Self::Spine];
}

/// Items that long arrows may need for each node and edge before they are drawn straight across
/// instead: 10,000 states with arrows over half the drawing would need millions.
const ITEMS_PER_ELEMENT_MAX: usize = 12;
const ITEMS_FREE: usize = 10_000;

impl Layers {
    /// Ranks the nodes of a scope; `sizes` are theirs, `labels` those of its edges.
    pub(super) fn of(scope: &Scope, sizes: &[Size], labels: &[Option<Size>]) -> Self {
        let walk = Walk::of(scope);
        let ranks = walk.ranks(scope);
        let budget = ITEMS_FREE + ITEMS_PER_ELEMENT_MAX * (sizes.len() + labels.len());
        let mut builder = Builder {
            layers: Self { node_items: vec![None; sizes.len()], ..Self::default() },
            budget,
            lanes: BTreeMap::new(),
        };
        for &node in &walk.preorder {
            let item = builder.add(ItemKind::Node, 2 * ranks[node] + 1, sizes[node]);
            builder.layers.node_items[node] = Some(item);
        }
        let mut chains = vec![Chain::default(); scope.edges.len()];
        for &edge in &walk.edges {
            chains[edge] = builder.chain(&scope.edges[edge], &walk, edge, labels[edge]);
        }
        builder.layers.chains = chains;
        builder.layers
    }
}

/// For each edge of a scope whether it leads back to a node that leads to it.
pub(in crate::graph) fn back_edges(scope: &Scope) -> Vec<bool> {
    Walk::of(scope).back
}

/// A depth-first walk from the start.
struct Walk {
    /// Nodes that have a part in the drawing, each after the one it was first reached from.
    preorder: Vec<usize>,
    /// The same nodes, each before all it leads to but by an arrow back.
    topological: Vec<usize>,
    /// Edges by index, in the order of the nodes they leave.
    edges: Vec<usize>,
    /// Whether an edge leads back to a node that leads to it.
    back: Vec<bool>,
    /// Whether an edge is on the spine.
    spine: Vec<bool>,
}

impl Walk {
    fn of(scope: &Scope) -> Self {
        let mut leaving = vec![Vec::new(); scope.nodes.len()];
        for (index, edge) in scope.edges.iter().enumerate() {
            leaving[edge.from].push(index);
        }
        let mut walk = Self {
            preorder: Vec::new(),
            topological: Vec::new(),
            edges: Vec::new(),
            back: vec![false; scope.edges.len()],
            spine: vec![false; scope.edges.len()],
        };
        let mut marks = vec![Mark::New; scope.nodes.len()];
        for node in (0..scope.nodes.len()).filter(|node| scope.is_drawn(*node)) {
            walk.visit(node, scope, &leaving, &mut marks);
        }
        walk.topological.reverse();
        walk.edges = walk.preorder.iter().flat_map(|node| leaving[*node].iter().copied()).collect();
        // Ways out of trouble last, so that their lanes begin at the right.
        walk.edges.sort_by_key(|edge| scope.edges[*edge].kind);
        walk.mark_spine(scope, &leaving);
        walk
    }

    fn visit(&mut self, from: usize, scope: &Scope, leaving: &[Vec<usize>], marks: &mut [Mark]) {
        if marks[from] != Mark::New {
            return;
        }
        marks[from] = Mark::Open;
        self.preorder.push(from);
        let mut open = vec![(from, 0)];
        while let Some((node, next)) = open.last_mut() {
            let Some(&edge) = leaving[*node].get(*next) else {
                marks[*node] = Mark::Done;
                self.topological.push(*node);
                open.pop();
                continue;
            };
            *next += 1;
            let to = scope.edges[edge].to;
            match marks[to] {
                Mark::New => {
                    marks[to] = Mark::Open;
                    self.preorder.push(to);
                    open.push((to, 0));
                }
                Mark::Open => self.back[edge] = true,
                Mark::Done => {}
            }
        }
    }

    /// Follows each state's first transition from which the end can be reached: the way on which
    /// all goes well.
    fn mark_spine(&mut self, scope: &Scope, leaving: &[Vec<usize>]) {
        let mut leads_to_end = vec![false; scope.nodes.len()];
        leads_to_end[scope.end()] = true;
        for &node in self.topological.iter().rev() {
            let forward = leaving[node].iter().filter(|edge| !self.back[**edge]);
            leads_to_end[node] |= forward.copied().any(|edge| leads_to_end[scope.edges[edge].to]);
        }
        let mut node = START;
        loop {
            let flows = leaving[node]
                .iter()
                .copied()
                .filter(|edge| !self.back[*edge] && scope.edges[*edge].kind == EdgeKind::Flow);
            let good = flows.clone().find(|edge| leads_to_end[scope.edges[*edge].to]);
            let Some(edge) = good.or_else(|| flows.clone().next()) else { return };
            self.spine[edge] = true;
            node = scope.edges[edge].to;
        }
    }

    /// One more than the greatest rank that leads to the node; the end stands below all.
    fn ranks(&self, scope: &Scope) -> Vec<usize> {
        let mut ranks = vec![0; scope.nodes.len()];
        let mut leaving = vec![Vec::new(); scope.nodes.len()];
        for &edge in self.edges.iter().filter(|edge| !self.back[**edge]) {
            leaving[scope.edges[edge].from].push(scope.edges[edge].to);
        }
        for &node in &self.topological {
            for &to in &leaving[node] {
                ranks[to] = ranks[to].max(ranks[node] + 1);
            }
        }
        let states = &ranks[..scope.end()];
        let deepest = states.iter().max().copied().unwrap_or_default();
        ranks[scope.end()] = ranks[scope.end()].max(deepest);
        ranks
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

struct Builder {
    layers: Layers,
    budget: usize,
    /// Where long arrows of one kind to one node run together: (node, kind, row) to item.
    lanes: BTreeMap<(usize, EdgeKind, usize), usize>,
}

impl Builder {
    fn add(&mut self, kind: ItemKind, row: usize, size: Size) -> usize {
        let index = self.layers.items.len();
        self.layers.items.push(Item { kind, row, size });
        if self.layers.rows.len() <= row {
            self.layers.rows.resize_with(row + 1, Vec::new);
        }
        self.layers.rows[row].push(index);
        index
    }

    fn bend(&mut self, row: usize) -> usize {
        self.add(ItemKind::Bend, row, Size::default())
    }

    fn link(&mut self, upper: usize, lower: usize, strength: Strength) {
        self.layers.links.push(Link { upper, lower, strength });
    }

    fn node(&self, node: usize) -> (usize, usize) {
        let item = self.layers.node_items[node].expect("both ends of an edge are drawn");
        (item, self.layers.items[item].row)
    }

    fn chain(&mut self, edge: &Edge, walk: &Walk, index: usize, label: Option<Size>) -> Chain {
        let ((from, from_row), (to, to_row)) = (self.node(edge.from), self.node(edge.to));
        let span = from_row.abs_diff(to_row) + 3;
        if self.layers.items.len() + span > self.budget {
            return Chain { items: vec![from, to], joins: None };
        }
        if walk.back[index] {
            let items = self.chain_up((from, from_row), (to, to_row), label);
            return Chain { items, joins: None };
        }
        let near = match edge.kind {
            _ if walk.spine[index] => Strength::Spine,
            EdgeKind::Flow => Strength::Flow,
            EdgeKind::Catch => Strength::Catch,
        };
        let far = near.max(Strength::Lane);
        let mut chain = vec![from];
        let first = match label {
            Some(size) => self.add(ItemKind::Label, from_row + 1, size),
            None => self.bend(from_row + 1),
        };
        self.link(from, first, near);
        chain.push(first);
        for row in from_row + 2..to_row {
            let last = chain[chain.len() - 1];
            let (lane, is_new) = self.lane(edge, row);
            self.link(last, lane, if chain.len() > 2 { far } else { near });
            chain.push(lane);
            if !is_new {
                let joins = Some(chain.len() - 1);
                chain.extend((row + 1..to_row).map(|row| self.lanes[&(edge.to, edge.kind, row)]));
                chain.push(to);
                return Chain { items: chain, joins };
            }
        }
        self.link(chain[chain.len() - 1], to, near);
        chain.push(to);
        Chain { items: chain, joins: None }
    }

    fn lane(&mut self, edge: &Edge, row: usize) -> (usize, bool) {
        let key = (edge.to, edge.kind, row);
        if let Some(&item) = self.lanes.get(&key) {
            return (item, false);
        }
        let item = self.bend(row);
        self.lanes.insert(key, item);
        (item, true)
    }

    /// An arrow back: down, up and down again.
    fn chain_up(
        &mut self,
        (from, from_row): (usize, usize),
        (to, to_row): (usize, usize),
        label: Option<Size>,
    ) -> Vec<usize> {
        let bottom = self.add(ItemKind::Turn, from_row + 1, Size::default());
        self.link(from, bottom, Strength::Flow);
        let mut chain = vec![from, bottom];
        for row in (to_row..=from_row).rev() {
            let item = match label {
                Some(size) if row == from_row => self.add(ItemKind::Label, row, size),
                _ => self.bend(row),
            };
            self.link(item, chain[chain.len() - 1], Strength::Lane);
            chain.push(item);
        }
        let top = self.add(ItemKind::Turn, to_row - 1, Size::default());
        self.link(top, chain[chain.len() - 1], Strength::Lane);
        self.link(top, to, Strength::Flow);
        chain.extend([top, to]);
        chain
    }
}
