//! Where everything stands: each scope is drawn in layers on its own, the innermost first, and then
//! stands as one box in the scope around it.

mod layers;
mod order;
mod place;
mod route;

use super::{Graph, NodeKind, Scope, text::Font};
use layers::{ItemKind, Layers};

pub(super) use layers::back_edges;
pub(crate) use route::{Jog, Route};

/// A state's box, and how wide it may become to hold its texts.
const NODE_HEIGHT: f64 = 54.0;
const NODE_WIDTH_MIN: f64 = 148.0;
const NODE_WIDTH_MAX: f64 = 300.0;
/// What a state's box holds beside its texts: the icon and the margins.
pub(crate) const TEXT_START: f64 = 50.0;
const TEXT_MARGIN: f64 = 16.0;
/// What a Choice's pointed sides take.
pub(crate) const SLANT: f64 = 14.0;
/// Room for the sign that a state retries.
pub(crate) const RETRY_WIDTH: f64 = 22.0;
/// Start and end: a pill in the root, a dot inside.
const PILL: Size = Size { width: 76.0, height: 32.0 };
const DOT: Size = Size { width: 14.0, height: 14.0 };
/// A Parallel's or Map's frame around its scopes.
const FRAME_PADDING: f64 = 14.0;
const SCOPE_PADDING: f64 = 18.0;
const BETWEEN_SCOPES: f64 = 14.0;
/// Around the whole drawing.
const MARGIN: f64 = 24.0;
/// An arrow's label: at most this wide, with so many lines.
const LABEL_WIDTH_MAX: f64 = 230.0;
const LABEL_LINES_MAX: usize = 4;
pub(crate) const LABEL_LINE: f64 = 15.0;
const LABEL_PADDING: Size = Size { width: 12.0, height: 7.0 };

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    fn around(centre: Point, size: Size) -> Self {
        let (x, y) = (centre.x - size.width / 2.0, centre.y - size.height / 2.0);
        Self { x, y, width: size.width, height: size.height }
    }

    pub(crate) fn centre(self) -> f64 {
        self.x + self.width / 2.0
    }

    pub(crate) fn middle(self) -> f64 {
        self.y + self.height / 2.0
    }

    pub(crate) fn right(self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(self) -> f64 {
        self.y + self.height
    }

    fn shift(&mut self, by: Point) {
        (self.x, self.y) = (self.x + by.x, self.y + by.y);
    }
}

/// A drawing with every coordinate known.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) size: Size,
    /// As [`Graph::scopes`].
    pub(crate) scopes: Vec<ScopeLayout>,
}

#[derive(Debug)]
pub(crate) struct ScopeLayout {
    /// The scope's own box: the whole drawing, or a panel in a Parallel's or Map's frame.
    pub(crate) panel: Rect,
    /// As the scope's nodes; none where a start or end has no arrow.
    pub(crate) nodes: Vec<Option<Rect>>,
    /// As the scope's edges.
    pub(crate) edges: Vec<EdgeLayout>,
}

#[derive(Debug)]
pub(crate) struct EdgeLayout {
    pub(crate) route: Route,
    pub(crate) label: Option<LabelLayout>,
}

#[derive(Debug)]
pub(crate) struct LabelLayout {
    pub(crate) place: Rect,
    pub(crate) lines: Vec<String>,
}

impl Layout {
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut layout = Self { size: Size::default(), scopes: Vec::new() };
        // Scopes stand before those inside them: backwards, what is inside is known first.
        let mut drawn: Vec<Option<ScopeLayout>> = graph.scopes.iter().map(|_| None).collect();
        for index in (0..graph.scopes.len()).rev() {
            let sizes = sizes(graph, index, &drawn);
            drawn[index] = Some(ScopeLayout::of(&graph.scopes[index], index == 0, &sizes));
        }
        layout.scopes = drawn.into_iter().flatten().collect();
        layout.settle(graph);
        let Rect { width, height, .. } = layout.scopes[0].panel;
        layout.size = Size { width, height };
        layout
    }

    /// Moves every scope from its own origin to where its state stands.
    fn settle(&mut self, graph: &Graph) {
        for index in 0..graph.scopes.len() {
            for (position, node) in graph.scopes[index].nodes.iter().enumerate() {
                let Some(frame) = self.scopes[index].nodes[position] else { continue };
                let tallest = panel_height(node.inside.iter().map(|inner| &self.scopes[*inner]));
                let widths = node.inside.iter().map(|inner| self.scopes[*inner].panel.width);
                let width = widths.sum::<f64>()
                    + BETWEEN_SCOPES * node.inside.len().saturating_sub(1) as f64;
                let mut x = frame.centre() - width / 2.0;
                for &inner in &node.inside {
                    let scope = &mut self.scopes[inner];
                    let by = Point { x, y: frame.y + NODE_HEIGHT };
                    x += scope.panel.width + BETWEEN_SCOPES;
                    scope.shift(by);
                    scope.panel.height = tallest;
                }
            }
        }
    }
}

fn panel_height<'a>(scopes: impl Iterator<Item = &'a ScopeLayout>) -> f64 {
    scopes.map(|scope| scope.panel.height).fold(0.0, f64::max)
}

/// The size of each node of a scope, whose inner scopes are drawn.
fn sizes(graph: &Graph, scope: usize, drawn: &[Option<ScopeLayout>]) -> Vec<Size> {
    let is_root = scope == 0;
    let nodes = graph.scopes[scope].nodes.iter();
    nodes
        .map(|node| match node.kind {
            NodeKind::Start | NodeKind::End if is_root => PILL,
            NodeKind::Start | NodeKind::End => DOT,
            _ => {
                let texts = Font::NAME.width(&node.name).max(Font::CAPTION.width(&node.caption));
                let retry = if node.retries { RETRY_WIDTH } else { 0.0 };
                let slant = if node.kind == NodeKind::Choice { SLANT } else { 0.0 };
                let width = (TEXT_START + texts + retry + slant + TEXT_MARGIN)
                    .clamp(NODE_WIDTH_MIN, NODE_WIDTH_MAX);
                let head = Size { width: width.round(), height: NODE_HEIGHT };
                let inner = || node.inside.iter().filter_map(|inner| drawn[*inner].as_ref());
                frame(head, inner().map(|scope| scope.panel.width), panel_height(inner()))
            }
        })
        .collect()
}

/// A state's box with its scopes side by side under its head.
fn frame(head: Size, widths: impl Iterator<Item = f64>, tallest: f64) -> Size {
    let (count, width) = widths.fold((0, 0.0), |(count, sum), width| (count + 1, sum + width));
    if count == 0 {
        return head;
    }
    let width = width + BETWEEN_SCOPES * f64::from(count - 1) + 2.0 * FRAME_PADDING;
    Size { width: head.width.max(width), height: head.height + tallest + FRAME_PADDING }
}

impl ScopeLayout {
    /// Draws a scope whose nodes have these sizes, with the origin in its own corner.
    fn of(scope: &Scope, is_root: bool, sizes: &[Size]) -> Self {
        let texts: Vec<Vec<String>> = scope.edges.iter().map(|edge| lines(&edge.labels)).collect();
        let labels: Vec<Option<Size>> = texts.iter().map(|lines| label_size(lines)).collect();
        let mut layers = Layers::of(scope, sizes, &labels);
        order::order(&mut layers);
        let centres = place::place(&layers);
        let (places, routes) = route::route(&layers, &centres);
        let nodes = layers.node_items.iter().map(|item| item.map(|item| places[item])).collect();
        let edges = routes.into_iter().zip(texts).zip(&layers.chains);
        let edges = edges.map(|((route, lines), chain)| {
            let is_label = |item: &&usize| layers.items[**item].kind == ItemKind::Label;
            let label = chain.items.iter().find(is_label);
            let label = label.map(|item| LabelLayout { place: places[*item], lines });
            EdgeLayout { route, label }
        });
        let mut layout = Self { panel: Rect::default(), nodes, edges: edges.collect() };
        layout.enclose(if is_root { MARGIN } else { SCOPE_PADDING });
        layout
    }

    /// Puts the panel around everything in it, with the origin in its corner.
    fn enclose(&mut self, padding: f64) {
        let mut corners: Vec<Point> = Vec::new();
        let labels = self.edges.iter().filter_map(|edge| Some(edge.label.as_ref()?.place));
        for place in self.nodes.iter().flatten().copied().chain(labels) {
            corners.push(Point { x: place.x, y: place.y });
            corners.push(Point { x: place.right(), y: place.bottom() });
        }
        corners.extend(self.edges.iter().flat_map(|edge| edge.route.extremes()));
        let low = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        if corners.is_empty() {
            self.panel = Rect { width: 2.0 * padding, height: 2.0 * padding, ..Rect::default() };
            return;
        }
        let (left, top) = (low(|point| point.x), low(|point| point.y));
        let (width, height) = (high(|point| point.x) - left, high(|point| point.y) - top);
        self.shift(Point { x: padding - left, y: padding - top });
        let (width, height) = (width + 2.0 * padding, height + 2.0 * padding);
        self.panel = Rect { x: 0.0, y: 0.0, width, height };
    }

    fn shift(&mut self, by: Point) {
        self.panel.shift(by);
        self.nodes.iter_mut().flatten().for_each(|place| place.shift(by));
        for edge in &mut self.edges {
            edge.route.shift(by);
            if let Some(label) = &mut edge.label {
                label.place.shift(by);
            }
        }
    }
}

/// The lines of a label, cut to fit; those too many are counted.
fn lines(labels: &[String]) -> Vec<String> {
    let fit = |label: &String| Font::LABEL.fit(label, LABEL_WIDTH_MAX);
    if labels.len() <= LABEL_LINES_MAX {
        return labels.iter().map(fit).collect();
    }
    let shown = LABEL_LINES_MAX - 1;
    let rest = format!("… {} more", labels.len() - shown);
    labels[..shown].iter().map(fit).chain([rest]).collect()
}

fn label_size(lines: &[String]) -> Option<Size> {
    let widths = lines.iter().map(|line| Font::LABEL.width(line));
    let widest = widths.fold(0.0, f64::max);
    (!lines.is_empty()).then(|| Size {
        width: (widest + LABEL_PADDING.width).ceil(),
        height: LABEL_LINE * lines.len() as f64 + LABEL_PADDING.height,
    })
}
