//! The second third of a layered drawing: the order of each row, so that few arrows cross.

use super::layers::Layers;

/// How often the rows are gone through; large drawings settle for less.
const SWEEPS: usize = 16;
const SWEEPS_LARGE: usize = 4;
const LARGE: usize = 5_000;

/// The most pairs of links that are compared to decide on one swap.
const PAIRS_MAX: usize = 2_500;

/// Orders the rows by the barycentre method, then swaps neighbours while that helps; the best order
/// seen stays.
pub(super) fn order(layers: &mut Layers) {
    let mut order = Order::of(layers);
    let mut best = (order.crossings(), order.rows.clone());
    let sweeps = if layers.items.len() > LARGE { SWEEPS_LARGE } else { SWEEPS };
    for sweep in 0..sweeps {
        if best.0 == 0 {
            break;
        }
        order.sweep(sweep % 2 == 0);
        order.swap_neighbours();
        let crossings = order.crossings();
        if crossings < best.0 {
            best = (crossings, order.rows.clone());
        }
    }
    layers.rows = best.1;
}

struct Order {
    rows: Vec<Vec<usize>>,
    /// Where each item stands in its row.
    position: Vec<usize>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Order {
    fn of(layers: &Layers) -> Self {
        let count = layers.items.len();
        let (mut above, mut below) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for link in &layers.links {
            above[link.lower].push(link.upper);
            below[link.upper].push(link.lower);
        }
        let mut order = Self { rows: layers.rows.clone(), position: vec![0; count], above, below };
        (0..order.rows.len()).for_each(|row| order.note_positions(row));
        order
    }

    fn note_positions(&mut self, row: usize) {
        for (position, &item) in self.rows[row].iter().enumerate() {
            self.position[item] = position;
        }
    }

    /// Sorts each row by where its items' neighbours in the row before stand on average.
    fn sweep(&mut self, down: bool) {
        let count = self.rows.len();
        for step in 1..count {
            let row = if down { step } else { count - 1 - step };
            let neighbours = if down { &self.above } else { &self.below };
            let barycentre = |item: usize| {
                let positions = neighbours[item].iter().map(|other| self.position[*other]);
                positions.sum::<usize>() as f64 / neighbours[item].len() as f64
            };
            // An item without neighbours keeps its place among the others.
            let is_free = |item: &usize| !neighbours[*item].is_empty();
            let mut sorted: Vec<(f64, usize)> = self.rows[row]
                .iter()
                .copied()
                .filter(is_free)
                .map(|item| (barycentre(item), item))
                .collect();
            sorted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            let mut sorted = sorted.into_iter().map(|(_, item)| item);
            let places = self.rows[row].iter();
            let places = places
                .map(|item| if is_free(item) { sorted.next().unwrap_or(*item) } else { *item });
            self.rows[row] = places.collect();
            self.note_positions(row);
        }
    }

    fn swap_neighbours(&mut self) {
        for row in 0..self.rows.len() {
            for left in 0..self.rows[row].len().saturating_sub(1) {
                let (one, other) = (self.rows[row][left], self.rows[row][left + 1]);
                let gain =
                    |neighbours: &[Vec<usize>]| self.gain(&neighbours[one], &neighbours[other]);
                if gain(&self.above) + gain(&self.below) > 0 {
                    self.rows[row].swap(left, left + 1);
                    (self.position[one], self.position[other]) = (left + 1, left);
                }
            }
        }
    }

    /// How many crossings fewer there are when an item with neighbours `left` and its right
    /// neighbour with neighbours `right` change places.
    fn gain(&self, left: &[usize], right: &[usize]) -> i64 {
        if left.len() * right.len() > PAIRS_MAX {
            return 0;
        }
        let pairs = left.iter().flat_map(|one| right.iter().map(move |other| (one, other)));
        pairs
            .map(|(one, other)| match self.position[*one].cmp(&self.position[*other]) {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            })
            .sum()
    }

    fn crossings(&self) -> usize {
        (1..self.rows.len()).map(|row| self.crossings_above(row)).sum()
    }

    /// Counts, for each link from the left, the links before it that end further right, with a
    /// Fenwick tree over the positions of their ends.
    fn crossings_above(&self, row: usize) -> usize {
        let mut tree = vec![0_usize; self.rows[row - 1].len() + 1];
        let (mut crossings, mut entered) = (0, 0);
        for &item in &self.rows[row] {
            let ends = self.above[item].iter().map(|upper| self.position[*upper]);
            let ends: Vec<usize> = ends.collect();
            for end in &ends {
                let mut place = end + 1;
                let mut not_right = 0;
                while place > 0 {
                    not_right += tree[place];
                    place &= place - 1;
                }
                crossings += entered - not_right;
            }
            for end in &ends {
                let mut place = end + 1;
                while place < tree.len() {
                    tree[place] += 1;
                    place += place & place.wrapping_neg();
                }
                entered += 1;
            }
        }
        crossings
    }
}
