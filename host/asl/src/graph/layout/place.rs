//! The last third of a layered drawing: where each item stands from left to right.
//!
//! The method of Brandes and Köpf ("Fast and Simple Horizontal Coordinate Assignment", 2001) with
//! the compaction that dagre uses: items are joined to straight vertical blocks in four ways (from
//! above or below, from the left or right), each gives coordinates, and every item takes the mean
//! of the middle two. Time and room are linear.

use std::collections::VecDeque;

use super::layers::{ItemKind, Layers, Link, Strength};

/// The room between two neighbours of a row.
const BETWEEN_NODES: f64 = 36.0;
const BESIDE_NODE: f64 = 24.0;
const BETWEEN_LANES: f64 = 16.0;

/// The centre of each item, from 0 at the left edge of the leftmost.
pub(super) fn place(layers: &Layers) -> Vec<f64> {
    let links = straightenable(layers);
    let mut ways: Vec<Vec<f64>> = Vec::with_capacity(4);
    for from_above in [true, false] {
        for from_left in [true, false] {
            ways.push(Alignment::of(layers, &links, from_above, from_left).compact(layers));
        }
    }
    let edges = |centres: &Vec<f64>| {
        let sides = centres.iter().zip(&layers.items);
        sides.fold((f64::INFINITY, f64::NEG_INFINITY), |(left, right), (centre, item)| {
            let half = item.size.width / 2.0;
            (left.min(centre - half), right.max(centre + half))
        })
    };
    let extents: Vec<(f64, f64)> = ways.iter().map(edges).collect();
    let width = |(left, right): (f64, f64)| right - left;
    let narrowest = extents.iter().copied().min_by(|a, b| width(*a).total_cmp(&width(*b)));
    let (left, right) = narrowest.unwrap_or_default();
    // Left-leaning ways are lined up with the narrowest at the left, right-leaning at the right.
    for (index, (way, extent)) in ways.iter_mut().zip(&extents).enumerate() {
        let shift = if index % 2 == 0 { left - extent.0 } else { right - extent.1 };
        way.iter_mut().for_each(|centre| *centre += shift);
    }
    let mut centres: Vec<f64> = (0..layers.items.len())
        .map(|item| {
            let mut four = [ways[0][item], ways[1][item], ways[2][item], ways[3][item]];
            four.sort_by(f64::total_cmp);
            f64::midpoint(four[1], four[2])
        })
        .collect();
    let (left, _) = edges(&centres);
    centres.iter_mut().for_each(|centre| *centre -= left);
    centres
}

/// The links that may be made straight: those that cross none that matters more, and whose ends have
/// none that matters more on the same side.
fn straightenable(layers: &Layers) -> Vec<Link> {
    let mut position = vec![0; layers.items.len()];
    for row in &layers.rows {
        row.iter().enumerate().for_each(|(index, &item)| position[item] = index);
    }
    let mut strongest_below = vec![Strength::Catch; layers.items.len()];
    let mut strongest_above = strongest_below.clone();
    for link in &layers.links {
        strongest_below[link.upper] = strongest_below[link.upper].max(link.strength);
        strongest_above[link.lower] = strongest_above[link.lower].max(link.strength);
    }
    let mut by_row: Vec<Vec<Link>> = vec![Vec::new(); layers.rows.len()];
    for link in &layers.links {
        by_row[layers.items[link.upper].row].push(*link);
    }
    let mut kept = Vec::new();
    for (row, links) in by_row.iter().enumerate() {
        for strength in Strength::ALL {
            let stronger = links.iter().filter(|link| link.strength > strength);
            let bounds = Bounds::of(stronger, layers.rows[row].len(), &position);
            kept.extend(links.iter().filter(|link| {
                link.strength == strength
                    && strongest_below[link.upper] == strength
                    && strongest_above[link.lower] == strength
                    && !bounds.is_crossed_by(position[link.upper], position[link.lower])
            }));
        }
    }
    kept
}

/// For each place of a row how far right the links from the left of it lead, and how far left those
/// from the right of it.
struct Bounds {
    from_left: Vec<Option<usize>>,
    from_right: Vec<Option<usize>>,
}

impl Bounds {
    fn of<'a>(links: impl Iterator<Item = &'a Link>, places: usize, position: &[usize]) -> Self {
        let mut from_left = vec![None; places + 1];
        let mut from_right = vec![None; places + 1];
        for link in links {
            let (upper, lower) = (position[link.upper], position[link.lower]);
            from_left[upper + 1] = from_left[upper + 1].max(Some(lower));
            from_right[upper] =
                Some(from_right[upper].map_or(lower, |other: usize| other.min(lower)));
        }
        for place in 1..=places {
            from_left[place] = from_left[place].max(from_left[place - 1]);
        }
        for place in (0..places).rev() {
            let both = [from_right[place], from_right[place + 1]];
            from_right[place] = both.into_iter().flatten().min();
        }
        Self { from_left, from_right }
    }

    fn is_crossed_by(&self, upper: usize, lower: usize) -> bool {
        self.from_left[upper].is_some_and(|other| other > lower)
            || self.from_right[upper + 1].is_some_and(|other| other < lower)
    }
}

/// Which items stand exactly above each other, in one of the four ways.
struct Alignment {
    /// For each item the one that stands for its block.
    root: Vec<usize>,
    /// The rows, from the right when the way is right-leaning.
    rows: Vec<Vec<usize>>,
    from_left: bool,
}

impl Alignment {
    fn of(layers: &Layers, links: &[Link], from_above: bool, from_left: bool) -> Self {
        let mut rows = layers.rows.clone();
        if !from_left {
            rows.iter_mut().for_each(|row| row.reverse());
        }
        let count = layers.items.len();
        let mut position = vec![0; count];
        for row in &rows {
            row.iter().enumerate().for_each(|(index, &item)| position[item] = index);
        }
        let mut neighbours = vec![Vec::new(); count];
        for link in links {
            let (before, item) =
                if from_above { (link.upper, link.lower) } else { (link.lower, link.upper) };
            neighbours[item].push(before);
        }
        neighbours.iter_mut().for_each(|items| items.sort_by_key(|item| position[*item]));
        let mut root: Vec<usize> = (0..count).collect();
        for step in 1..rows.len() {
            let row = if from_above { step } else { rows.len() - 1 - step };
            align(&rows[row], &neighbours, &position, &mut root);
        }
        Self { root, rows, from_left }
    }

    /// Gives each block the least coordinate that its left neighbours allow, then the greatest that
    /// its right neighbours allow.
    fn compact(&self, layers: &Layers) -> Vec<f64> {
        let count = layers.items.len();
        let mut after: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
        let mut waits_for = vec![0_usize; count];
        for pair in self.rows.iter().flat_map(|row| row.windows(2)) {
            let (left, right) = (self.root[pair[0]], self.root[pair[1]]);
            after[left].push((right, room(layers, pair[0], pair[1])));
            waits_for[right] += 1;
        }
        let is_root = |item: &usize| self.root[*item] == *item;
        let mut ready: VecDeque<usize> =
            (0..count).filter(is_root).filter(|item| waits_for[*item] == 0).collect();
        let mut sorted = Vec::with_capacity(count);
        let mut at = vec![0.0_f64; count];
        while let Some(block) = ready.pop_front() {
            sorted.push(block);
            for &(next, room) in &after[block] {
                at[next] = at[next].max(at[block] + room);
                waits_for[next] -= 1;
                if waits_for[next] == 0 {
                    ready.push_back(next);
                }
            }
        }
        for &block in sorted.iter().rev() {
            let limits = after[block].iter().map(|(next, room)| at[*next] - room);
            let limit = limits.fold(f64::INFINITY, f64::min);
            if limit.is_finite() {
                at[block] = at[block].max(limit);
            }
        }
        let direction = if self.from_left { 1.0 } else { -1.0 };
        (0..count).map(|item| direction * at[self.root[item]]).collect()
    }
}

/// Puts each item of a row under the median of its neighbours in the row before, where no item to
/// its left stands in the way.
fn align(row: &[usize], neighbours: &[Vec<usize>], position: &[usize], root: &mut [usize]) {
    let mut free_from = 0;
    for &item in row {
        let count = neighbours[item].len();
        let medians = count.saturating_sub(1) / 2..(count / 2 + 1).min(count);
        for &other in &neighbours[item][medians] {
            if root[item] == item && position[other] >= free_from {
                root[item] = root[other];
                free_from = position[other] + 1;
            }
        }
    }
}

/// How far the centres of two neighbours must be apart.
fn room(layers: &Layers, one: usize, other: usize) -> f64 {
    let (one, other) = (layers.items[one], layers.items[other]);
    let nodes = [one, other].iter().filter(|item| item.kind == ItemKind::Node).count();
    let between = [BETWEEN_LANES, BESIDE_NODE, BETWEEN_NODES][nodes];
    f64::midpoint(one.size.width, other.size.width) + between
}
