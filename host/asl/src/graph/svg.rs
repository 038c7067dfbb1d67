//! The drawing as SVG: one self-contained document for light and dark, read aloud by its title.
//!
//! The styles are literal colours twice and not custom properties, which viewers outside of
//! browsers do not know; arrowheads are shapes and not markers, so that nothing has an id and two
//! drawings can stand in one page.

use std::fmt::{self, Display, Formatter};

use super::{
    Edge, EdgeKind, Ending, Graph, Node, NodeKind, START, Scope, Trace, Visit,
    layout::{
        EdgeLayout, Jog, LABEL_LINE, LabelLayout, Layout, RETRY_WIDTH, Rect, Route, SLANT,
        TEXT_START,
    },
    text::{Font, clean},
};

const STYLE: &str = include_str!("svg/style.css");

pub(super) fn render(graph: &Graph, trace: Option<&Trace>) -> String {
    Drawing { graph, layout: &Layout::of(graph), trace }.to_string()
}

struct Drawing<'a> {
    graph: &'a Graph,
    layout: &'a Layout,
    trace: Option<&'a Trace>,
}

impl Display for Drawing<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (width, height) = (Number(self.layout.size.width), Number(self.layout.size.height));
        let traced = if self.trace.is_some() { " traced" } else { "" };
        writeln!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="asl-graph{traced}" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">"#
        )?;
        writeln!(f, "<title>{}</title>", Escaped(&self.title()))?;
        writeln!(f, "<style>\n{STYLE}</style>")?;
        writeln!(f, r#"<rect class="paper" width="{width}" height="{height}" rx="12"/>"#)?;
        // Scopes stand before those inside them, so that what is inside is drawn over its frame.
        (0..self.graph.scopes.len()).try_for_each(|scope| self.scope(f, scope))?;
        writeln!(f, "</svg>")
    }
}

impl Drawing<'_> {
    fn title(&self) -> String {
        let title = self.graph.title();
        match self.trace.and_then(Trace::ending) {
            Some(Ending::Succeeded) => format!("{title} (an execution that succeeded)"),
            Some(Ending::Failed) => format!("{title} (an execution that failed)"),
            None => title,
        }
    }

    fn scope(&self, f: &mut Formatter<'_>, index: usize) -> fmt::Result {
        let (scope, layout) = (&self.graph.scopes[index], &self.layout.scopes[index]);
        if index > 0 {
            writeln!(f, r#"<rect class="panel" {} rx="8"/>"#, Place(layout.panel))?;
        }
        let taken = |edge: &Edge| self.trace.is_some_and(|trace| trace.took(scope, edge));
        // Taken arrows last: nothing covers the path.
        for pass in [false, true] {
            for (edge, drawn) in scope.edges.iter().zip(&layout.edges) {
                if taken(edge) == pass {
                    draw_edge(f, scope, edge, drawn, pass)?;
                }
            }
        }
        for (node, place) in scope.nodes.iter().zip(&layout.nodes) {
            if let Some(place) = *place {
                self.node(f, node, place, index == 0)?;
            }
        }
        for (edge, drawn) in scope.edges.iter().zip(&layout.edges) {
            if let Some(label) = &drawn.label {
                draw_label(f, edge, label, taken(edge))?;
            }
        }
        Ok(())
    }

    fn node(&self, f: &mut Formatter<'_>, node: &Node, place: Rect, is_root: bool) -> fmt::Result {
        if matches!(node.kind, NodeKind::Start | NodeKind::End) {
            return draw_terminal(f, node, place, is_root);
        }
        let visit = self.trace.map(|trace| trace.visit_to(&node.name));
        let state = match visit {
            None => "",
            Some(None) => " unvisited",
            Some(Some((visit, _))) => visit_class(visit),
        };
        writeln!(f, r#"<g class="node {}{state}">"#, node.kind.name())?;
        let name = clean(&node.name);
        writeln!(f, "<title>{}: {}</title>", Escaped(&name), Escaped(&node.caption))?;
        draw_box(f, node, place)?;
        draw_texts(f, node, &name, place)?;
        if let Some(Some((visit, count))) = visit {
            draw_badge(f, visit, count, place)?;
        }
        writeln!(f, "</g>")
    }
}

fn visit_class(visit: Visit) -> &'static str {
    match visit {
        Visit::Running => " running",
        Visit::Succeeded => " succeeded",
        Visit::Caught => " caught",
        Visit::Failed => " failed",
        Visit::Aborted => " aborted",
    }
}

fn draw_edge(
    f: &mut Formatter<'_>,
    scope: &Scope,
    edge: &Edge,
    drawn: &EdgeLayout,
    taken: bool,
) -> fmt::Result {
    let kind = if edge.kind == EdgeKind::Catch { " catch" } else { "" };
    let taken = if taken { " taken" } else { "" };
    writeln!(f, r#"<g class="edge{kind}{taken}">"#)?;
    let name = |node: usize| match node {
        START => "Start".to_owned(),
        node if node == scope.end() => "End".to_owned(),
        node => clean(&scope.nodes[node].name),
    };
    let (from, to) = (name(edge.from), name(edge.to));
    let why = edge.labels.join("; ");
    let why = if why.is_empty() { why } else { format!(": {why}") };
    writeln!(f, "<title>{} → {}{}</title>", Escaped(&from), Escaped(&to), Escaped(&why))?;
    if drawn.route.joins.is_some() && taken.is_empty() {
        // What it shares is drawn once: two dashed lines upon each other would be a solid one.
        writeln!(f, r#"<path d="{}"/>"#, Path { route: &drawn.route, is_joining: true })?;
        return writeln!(f, "</g>");
    }
    let (x, y) = (drawn.route.end.x, drawn.route.end.y);
    writeln!(f, r#"<path d="{}"/>"#, Path { route: &drawn.route, is_joining: false })?;
    let [left, right, back] = [x - 4.5, x + 4.5, y - 8.0].map(Number);
    let (x, y) = (Number(x), Number(y));
    writeln!(f, r#"<path class="tip" d="M{left} {back}L{right} {back}L{x} {y}Z"/>"#)?;
    writeln!(f, "</g>")
}

fn draw_label(f: &mut Formatter<'_>, edge: &Edge, label: &LabelLayout, taken: bool) -> fmt::Result {
    let kind = if edge.kind == EdgeKind::Catch { " catch" } else { "" };
    let taken = if taken { " taken" } else { "" };
    writeln!(f, r#"<g class="label{kind}{taken}">"#)?;
    writeln!(f, "<title>{}</title>", Escaped(&edge.labels.join("\n")))?;
    let inner = Rect { y: label.place.y + 2.0, height: label.place.height - 4.0, ..label.place };
    writeln!(f, r#"<rect {} rx="5"/>"#, Place(inner))?;
    let first = label.place.middle() - LABEL_LINE * (label.lines.len() as f64 - 1.0) / 2.0 + 3.8;
    for (index, line) in label.lines.iter().enumerate() {
        let (x, y) = (Number(label.place.centre()), Number(first + LABEL_LINE * index as f64));
        writeln!(f, r#"<text x="{x}" y="{y}">{}</text>"#, Escaped(line))?;
    }
    writeln!(f, "</g>")
}

fn draw_terminal(f: &mut Formatter<'_>, node: &Node, place: Rect, is_root: bool) -> fmt::Result {
    let kind = node.kind.name();
    let (x, y) = (Number(place.centre()), Number(place.middle()));
    let radius = Number(place.height / 2.0);
    writeln!(f, r#"<g class="terminal {kind}">"#)?;
    if is_root {
        let text = Number(place.middle() + 4.2);
        writeln!(f, r#"<rect {} rx="{radius}"/>"#, Place(place))?;
        writeln!(f, r#"<text x="{x}" y="{text}">{}</text>"#, node.caption)?;
    } else {
        writeln!(f, r#"<circle cx="{x}" cy="{y}" r="{radius}"/>"#)?;
        if node.kind == NodeKind::End {
            writeln!(f, r#"<circle class="core" cx="{x}" cy="{y}" r="3.5"/>"#)?;
        }
    }
    writeln!(f, "</g>")
}

fn draw_box(f: &mut Formatter<'_>, node: &Node, place: Rect) -> fmt::Result {
    let shadow = Rect { y: place.y + 2.0, ..place };
    if node.kind == NodeKind::Choice {
        writeln!(f, r#"<path class="shadow" d="{}"/>"#, Hexagon(shadow))?;
        writeln!(f, r#"<path class="box" d="{}"/>"#, Hexagon(place))?;
    } else {
        writeln!(f, r#"<rect class="shadow" {} rx="10"/>"#, Place(shadow))?;
        writeln!(f, r#"<rect class="box" {} rx="10"/>"#, Place(place))?;
    }
    let (x, y) = (Number(place.x + 11.0), Number(place.y + 12.0));
    writeln!(f, r#"<g transform="translate({x} {y})">"#)?;
    writeln!(f, r#"<rect class="tile" width="30" height="30" rx="7"/>"#)?;
    writeln!(f, r#"<path class="icon" transform="translate(7 7)" d="{}"/>"#, icon(node.kind))?;
    writeln!(f, "</g>")?;
    if node.retries {
        let (x, y) = (Number(place.right() - 28.0), Number(place.y + 20.0));
        writeln!(
            f,
            r#"<g class="retry" transform="translate({x} {y})"><title>retries</title><path d="M12.5 4.5A6 6 0 1 0 13 7.6M12.8 1v3.7H9.1"/></g>"#
        )?;
    }
    Ok(())
}

fn draw_texts(f: &mut Formatter<'_>, node: &Node, name: &str, place: Rect) -> fmt::Result {
    let retry = if node.retries { RETRY_WIDTH } else { 0.0 };
    let slant = if node.kind == NodeKind::Choice { SLANT } else { 0.0 };
    let room = place.width - TEXT_START - retry - slant - 10.0;
    let x = Number(place.x + TEXT_START);
    let (upper, lower) = (Number(place.y + 24.5), Number(place.y + 41.0));
    let caption = Font::CAPTION.fit(&node.caption, room);
    let name = Font::NAME.fit(name, room);
    writeln!(f, r#"<text class="name" x="{x}" y="{upper}">{}</text>"#, Escaped(&name))?;
    writeln!(f, r#"<text class="caption" x="{x}" y="{lower}">{}</text>"#, Escaped(&caption))
}

/// A sign at the corner that says how the visit went, and how often the state was visited.
fn draw_badge(f: &mut Formatter<'_>, visit: Visit, count: u64, place: Rect) -> fmt::Result {
    let sign = match visit {
        Visit::Running => "M-3 0h.01M0 0h.01M3 0h.01",
        Visit::Succeeded => "M-3.6 .2L-1 2.8L3.6 -2.4",
        Visit::Caught => "M0 -3.8V.6M0 3.4h.01",
        Visit::Failed => "M-2.8 -2.8L2.8 2.8M2.8 -2.8L-2.8 2.8",
        Visit::Aborted => "M-3.2 0H3.2",
    };
    let (x, y) = (Number(place.right() - 4.0), Number(place.y + 2.0));
    writeln!(f, r#"<g class="badge" transform="translate({x} {y})">"#)?;
    writeln!(f, r#"<circle r="9"/><path d="{sign}"/>"#)?;
    if count > 1 {
        writeln!(f, r#"<text x="-14" y="-5">×{count}</text>"#)?;
    }
    writeln!(f, "</g>")
}

/// A sign for each type, on a grid of 16 by 16.
fn icon(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Task => "M8 1.5L14 5V11L8 14.5L2 11V5ZM2.2 5.1L8 8.5L13.8 5.1M8 8.5V14.3",
        NodeKind::Choice => "M8 14.5V9.5L3 4.5M8 9.5L13 4.5M3 8V4.5H6.5M13 8V4.5H9.5",
        NodeKind::Pass => "M2 8H13.5M9 3.5L13.5 8L9 12.5",
        NodeKind::Wait => "M8 2A6 6 0 1 1 8 14A6 6 0 1 1 8 2ZM8 4.8V8.2L10.4 9.6",
        NodeKind::Succeed => "M8 2A6 6 0 1 1 8 14A6 6 0 1 1 8 2ZM5.3 8.2L7.3 10.1L10.9 6.2",
        NodeKind::Fail => "M8 2A6 6 0 1 1 8 14A6 6 0 1 1 8 2ZM6 6L10 10M10 6L6 10",
        NodeKind::Parallel => "M2 2.5H14M2 13.5H14M4 2.5V13.5M8 2.5V13.5M12 2.5V13.5",
        NodeKind::Map => "M2 6H10V14H2ZM6 6V2H14V10H10",
        NodeKind::Start | NodeKind::End | NodeKind::Unknown => {
            "M5.2 5.6A2.8 2.8 0 1 1 8 8.6V10M8 13h.01"
        }
    }
}

/// Text that is data, wherever it came from.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            _ => write!(f, "{character}"),
        })
    }
}

/// A coordinate to a tenth of a pixel.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Adding zero turns the negative zero of rounding into zero.
        write!(f, "{}", (self.0 * 10.0).round() / 10.0 + 0.0)
    }
}

struct Place(Rect);

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Rect { x, y, width, height } = self.0;
        let [x, y, width, height] = [x, y, width, height].map(Number);
        write!(f, r#"x="{x}" y="{y}" width="{width}" height="{height}""#)
    }
}

/// The shape of a decision, in the box.
struct Hexagon(Rect);

impl Display for Hexagon {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = self.0;
        let [left, right, top, bottom] =
            [place.x, place.right(), place.y, place.bottom()].map(Number);
        let (inner_left, inner_right) = (Number(place.x + SLANT), Number(place.right() - SLANT));
        let middle = Number(place.middle());
        write!(
            f,
            "M{inner_left} {top}H{inner_right}L{right} {middle}L{inner_right} {bottom}H{inner_left}L{left} {middle}Z"
        )
    }
}

/// How far from a corner an arrow begins to turn.
const CORNER: f64 = 14.0;

/// An arrow's way with its corners rounded; only to where it joins another when it `is_joining`.
struct Path<'a> {
    route: &'a Route,
    is_joining: bool,
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Route { start, jogs, end, joins } = self.route;
        let join = joins.filter(|_| self.is_joining);
        let (jogs, end) = join.map_or((&jogs[..], end.y), |join| (&jogs[..join.jogs], join.y));
        write!(f, "M{} {}", Number(start.x), Number(start.y))?;
        let (mut x, mut y) = (start.x, start.y);
        for (index, jog) in jogs.iter().enumerate() {
            // Two jogs share what lies between them.
            let next = jogs.get(index + 1).map_or(end, |next| f64::midpoint(jog.y, next.y));
            draw_jog(f, (x, y), *jog, next)?;
            (x, y) = (jog.to, next);
        }
        write!(f, "V{}", Number(end))
    }
}

/// Draws a jog from above or below it to where the arrow goes on to `next`; one shorter than two
/// corners is one curve.
fn draw_jog(f: &mut Formatter<'_>, (x, y): (f64, f64), jog: Jog, next: f64) -> fmt::Result {
    let before = (y - jog.y).clamp(-CORNER, CORNER);
    let after = (next - jog.y).clamp(-CORNER, CORNER);
    let side = ((jog.to - x) / 2.0).clamp(-CORNER, CORNER);
    let [from, to, level] = [x, jog.to, jog.y].map(Number);
    let (enter, leave) = (Number(jog.y + before), Number(jog.y + after));
    write!(f, "V{enter}")?;
    if side.abs() < CORNER {
        return write!(f, "C{from} {level} {to} {level} {to} {leave}");
    }
    let (first, second) = (Number(x + side), Number(jog.to - side));
    write!(f, "Q{from} {level} {first} {level}H{second}Q{to} {level} {to} {leave}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_short_and_has_no_negative_zero() {
        for (number, expected) in [(-0.04, "0"), (12.0, "12"), (1.25, "1.3"), (-3.12, "-3.1")] {
            assert_eq!(Number(number).to_string(), expected);
        }
    }
}
