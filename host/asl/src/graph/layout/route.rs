//! The way of each arrow: straight down through its rows, with a jog in the gap between two rows
//! where it must change sides. Jogs that would lie on each other take different tracks of the gap,
//! which becomes as high as its tracks need.

use std::collections::BTreeMap;

use super::{
    Point, Rect,
    layers::{Chain, Item, ItemKind, Layers},
};

/// The least height of a gap.
const GAP: f64 = 22.0;
/// Between two tracks, and from the outer ones to the rows; below there is room for an arrowhead.
const TRACK: f64 = 12.0;
const ABOVE_TRACKS: f64 = 13.0;
const BELOW_TRACKS: f64 = 16.0;
/// Jogs that come closer than this take different tracks.
const BETWEEN_JOGS: f64 = 10.0;
/// Past so many jogs in one gap they are no longer kept apart with care.
const JOGS_MAX: usize = 256;
/// Between two arrows at one side of a node, and from the outer ones to its corners.
const BETWEEN_PORTS: f64 = 16.0;
const BESIDE_PORTS: f64 = 22.0;

/// An arrow's way: down or up from the start, sideways at each jog, and on to the end.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) start: Point,
    pub(crate) jogs: Vec<Jog>,
    pub(crate) end: Point,
    /// Where it joins another arrow, with which it shares the rest of the way.
    pub(crate) joins: Option<Join>,
}

/// Where an arrow joins another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join {
    /// How many jogs it has made until then.
    pub(crate) jogs: usize,
    /// The ordinate.
    pub(crate) y: f64,
}

/// A sideways stretch, to an abscissa.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jog {
    pub(crate) y: f64,
    pub(crate) to: f64,
}

impl Route {
    /// Points that enclose it.
    pub(super) fn extremes(&self) -> impl Iterator<Item = Point> {
        let jogs = self.jogs.iter().map(|jog| Point { x: jog.to, y: jog.y });
        [self.start, self.end].into_iter().chain(jogs)
    }

    pub(super) fn shift(&mut self, by: Point) {
        self.start = self.start.plus(by);
        self.end = self.end.plus(by);
        for jog in &mut self.jogs {
            *jog = Jog { y: jog.y + by.y, to: jog.to + by.x };
        }
        if let Some(join) = &mut self.joins {
            join.y += by.y;
        }
    }
}

/// The items' boxes and the ways of the chains, with the centres of the items given.
pub(super) fn route(layers: &Layers, centres: &[f64]) -> (Vec<Rect>, Vec<Route>) {
    let levels = Levels::of(layers);
    let sketcher = Sketcher {
        layers,
        centres,
        levels: &levels,
        leaving: ports(layers, centres, layers.chains.iter().map(Chain::beginning)),
        arriving: ports(layers, centres, layers.chains.iter().map(Chain::ending)),
    };
    let mut sketches: Vec<Sketch> =
        (0..layers.chains.len()).map(|chain| sketcher.sketch(chain)).collect();
    let tracks = assign_tracks(&mut sketches, levels.heights.len() + 1);
    let gaps = Gap::all(&levels, &tracks);
    let place = |(item, &x): (&Item, &f64)| {
        // Below its gap; in a flat row an item has no height and no box.
        let level = levels.of_row[item.row];
        let y = level.map_or(0.0, |level| gaps[level].bottom + levels.heights[level] / 2.0);
        Rect::around(Point { x, y }, item.size)
    };
    let places: Vec<Rect> = layers.items.iter().zip(centres).map(place).collect();
    let chains = layers.chains.iter().zip(sketches).enumerate();
    let routes = chains.map(|(index, (chain, sketch))| Route {
        start: Point { x: sketcher.leaving[index], y: places[chain.beginning().0].bottom() },
        jogs: sketch
            .jogs
            .iter()
            .map(|jog| Jog { y: gaps[jog.gap].track(jog.track), to: jog.to })
            .collect(),
        end: Point { x: sketcher.arriving[index], y: places[chain.ending().0].y },
        joins: sketch.joins.map(|(jogs, level)| Join { jogs, y: gaps[level].bottom }),
    });
    let routes = routes.collect();
    (places, routes)
}

/// The rows that have a height. Arrows swing past the others without a stop.
struct Levels {
    /// For each row its level.
    of_row: Vec<Option<usize>>,
    heights: Vec<f64>,
    /// Whether a level holds nodes, and not labels.
    has_nodes: Vec<bool>,
}

impl Levels {
    fn of(layers: &Layers) -> Self {
        let mut levels = Self { of_row: Vec::new(), heights: Vec::new(), has_nodes: Vec::new() };
        for row in &layers.rows {
            let heights = row.iter().map(|item| layers.items[*item].size.height);
            let height = heights.fold(0.0, f64::max);
            levels.of_row.push((height > 0.0).then_some(levels.heights.len()));
            if height > 0.0 {
                let is_node = |item: &usize| layers.items[*item].kind == ItemKind::Node;
                levels.has_nodes.push(row.iter().any(is_node));
                levels.heights.push(height);
            }
        }
        levels
    }
}

/// The room above a level; one more lies below the last.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    top: f64,
    bottom: f64,
    tracks: usize,
}

impl Gap {
    fn all(levels: &Levels, tracks: &[usize]) -> Vec<Self> {
        let mut top = 0.0;
        let mut gaps = Vec::with_capacity(tracks.len());
        for (level, &tracks) in tracks.iter().enumerate() {
            let is_between = level > 0 && level < levels.heights.len();
            let least = match level {
                _ if !is_between => 0.0,
                level if levels.has_nodes[level - 1] && levels.has_nodes[level] => 2.0 * GAP,
                _ => GAP,
            };
            let needed = ABOVE_TRACKS + Self::span(tracks) + BELOW_TRACKS;
            let bottom = top + if tracks > 0 { needed.max(least) } else { least };
            gaps.push(Self { top, bottom, tracks });
            top = bottom + levels.heights.get(level).copied().unwrap_or_default();
        }
        gaps
    }

    fn span(tracks: usize) -> f64 {
        TRACK * tracks.saturating_sub(1) as f64
    }

    /// How high a track lies.
    fn track(&self, track: usize) -> f64 {
        let used = ABOVE_TRACKS + Self::span(self.tracks) + BELOW_TRACKS;
        let spare = (self.bottom - self.top - used).max(0.0);
        self.top + ABOVE_TRACKS + spare / 2.0 + TRACK * track as f64
    }
}

/// A route whose jogs' gaps are known, and not yet their heights.
#[derive(Clone, Debug, Default)]
struct Sketch {
    jogs: Vec<Sideways>,
    /// How many jogs are made before it joins another, and above which level it does.
    joins: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct Sideways {
    gap: usize,
    shape: Shape,
    from: f64,
    to: f64,
    track: usize,
}

/// From which sides an arrow comes to its jog and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// From below and down again: the turn above a node.
    Arch,
    /// From one level to the next.
    Step,
    /// From above and up again: the turn below a node.
    Bowl,
}

struct Sketcher<'a> {
    layers: &'a Layers,
    centres: &'a [f64],
    levels: &'a Levels,
    /// For each chain the abscissas of its ends.
    leaving: Vec<f64>,
    arriving: Vec<f64>,
}

impl Sketcher<'_> {
    fn sketch(&self, index: usize) -> Sketch {
        let chain = &self.layers.chains[index];
        let (leaves, arrives) = (self.leaving[index], self.arriving[index]);
        if self.layers.items[chain.items[1]].kind == ItemKind::Turn {
            self.climb(&chain.items, leaves, arrives)
        } else {
            self.descend(chain, leaves, arrives)
        }
    }

    fn descend(&self, chain: &Chain, leaves: f64, arrives: f64) -> Sketch {
        let mut sketch = Sketch::default();
        let mut from = leaves;
        let (end, _) = chain.ending();
        for (index, &item) in chain.items.iter().enumerate().skip(1) {
            let to = if item == end { arrives } else { self.centres[item] };
            let Some(gap) = self.level(item) else { continue };
            sketch.step(gap, from, to);
            from = to;
            if chain.joins == Some(index) {
                sketch.joins = Some((sketch.jogs.len(), gap));
            }
        }
        sketch
    }

    /// The items of an arrow back: its node, a turn, its lane upwards, a turn, the other node.
    fn climb(&self, items: &[usize], leaves: f64, arrives: f64) -> Sketch {
        let lane = items[2..items.len() - 2].iter();
        let lane: Vec<(usize, f64)> =
            lane.filter_map(|item| Some((self.level(*item)?, self.centres[*item]))).collect();
        let (bottom, first) = lane[0];
        let (top, last) = lane[lane.len() - 1];
        let mut sketch = Sketch::default();
        sketch.turn(bottom + 1, Shape::Bowl, leaves, first);
        for pair in lane.windows(2) {
            let ((gap, from), (_, to)) = (pair[0], pair[1]);
            sketch.step(gap, from, to);
        }
        sketch.turn(top, Shape::Arch, last, arrives);
        sketch
    }

    fn level(&self, item: usize) -> Option<usize> {
        self.levels.of_row[self.layers.items[item].row]
    }
}

impl Sketch {
    fn step(&mut self, gap: usize, from: f64, to: f64) {
        if (from - to).abs() > 0.05 {
            self.turn(gap, Shape::Step, from, to);
        }
    }

    fn turn(&mut self, gap: usize, shape: Shape, from: f64, to: f64) {
        self.jogs.push(Sideways { gap, shape, from, to, track: 0 });
    }
}

/// Gives each jog its track; answers how many tracks each gap has.
fn assign_tracks(sketches: &mut [Sketch], gaps: usize) -> Vec<usize> {
    let mut by_gap: Vec<Vec<&mut Sideways>> = Vec::new();
    by_gap.resize_with(gaps, Vec::new);
    for jog in sketches.iter_mut().flat_map(|sketch| &mut sketch.jogs) {
        by_gap[jog.gap].push(jog);
    }
    by_gap.into_iter().map(assign_tracks_of_gap).collect()
}

fn assign_tracks_of_gap(mut jogs: Vec<&mut Sideways>) -> usize {
    jogs.sort_by(|one, other| {
        let ((group, key), (other_group, other_key)) = (one.precedence(), other.precedence());
        group.cmp(&other_group).then(key.total_cmp(&other_key))
    });
    let mut count = 0;
    for index in 0..jogs.len() {
        let (before, rest) = jogs.split_at_mut(index);
        let jog = &mut *rest[0];
        let near = before.iter().rev().take(JOGS_MAX).filter(|other| other.is_near(jog));
        jog.track = near.map(|other| other.track + 1).max().unwrap_or_default();
        count = count.max(jog.track + 1);
    }
    count
}

impl Sideways {
    /// Jogs in this order, each below those before it that it comes near, cross least: the widest
    /// turns outermost, and of steps to one side the one that is ahead goes first.
    fn precedence(&self) -> (Shape, f64) {
        match self.shape {
            Shape::Arch => (Shape::Arch, -(self.from - self.to).abs()),
            Shape::Step if self.from < self.to => (Shape::Step, -self.from),
            Shape::Step => (Shape::Step, self.from),
            Shape::Bowl => (Shape::Bowl, (self.from - self.to).abs()),
        }
    }

    fn is_near(&self, other: &Self) -> bool {
        let (left, right) = (self.from.min(self.to), self.from.max(self.to));
        let (other_left, other_right) = (other.from.min(other.to), other.from.max(other.to));
        left < other_right + BETWEEN_JOGS && other_left < right + BETWEEN_JOGS
    }
}

/// Where each arrow leaves or enters its node: right above or below where it comes from or goes to
/// when that is over the node, else as near as can be. Arrows that share the next item share the
/// port. `ends` are the nodes and the items next to them.
fn ports(
    layers: &Layers,
    centres: &[f64],
    ends: impl Iterator<Item = (usize, usize)> + Clone,
) -> Vec<f64> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, item) in ends.clone() {
        next.entry(node).or_default().push(item);
    }
    let mut ports = BTreeMap::new();
    for (node, items) in next {
        let mut items = items;
        items.sort_by(|one, other| centres[*one].total_cmp(&centres[*other]).then(one.cmp(other)));
        items.dedup();
        let wanted: Vec<f64> = items.iter().map(|item| centres[*item]).collect();
        let room = (layers.items[node].size.width / 2.0 - BESIDE_PORTS).max(0.0);
        let (left, right) = (centres[node] - room, centres[node] + room);
        let places = spread(&wanted, left, right);
        ports.extend(items.iter().map(|item| (node, *item)).zip(places));
    }
    ends.map(|end| ports[&end]).collect()
}

/// Abscissas from `left` to `right`, as near to those wanted as their distance from one another
/// allows; `wanted` is sorted.
fn spread(wanted: &[f64], left: f64, right: f64) -> Vec<f64> {
    let between = BETWEEN_PORTS.min((right - left) / (wanted.len().max(2) - 1) as f64);
    let count = wanted.len();
    let mut places = Vec::with_capacity(count);
    let mut least = left;
    for (index, wanted) in wanted.iter().enumerate() {
        let most = right - between * (count - 1 - index) as f64;
        places.push(wanted.clamp(least, most.max(least)));
        least = places[index] + between;
    }
    places
}
