//! Follows paths through JSON values.

use std::{borrow::Cow, cell::Cell};

use serde_json::{Map, Value};

use super::{Filter, Miss, Route, Segment, canonical, child, follow, kind_of, position_in, walk};
use crate::payload::measure;

/// How much one evaluation may visit and copy: values visited, and values and bytes of strings
/// copied. A result of AWS's largest payload, 262,144 bytes, stays far below it; `$..*..*..*`
/// through a deep payload does not.
const BUDGET: usize = 4 << 20;

/// One evaluation of a path, with the filters in it.
#[derive(Debug)]
pub(super) struct Evaluation<'a> {
    /// What `$` is in a filter.
    pub(super) document: &'a Value,
    left: Cell<usize>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn of(document: &'a Value) -> Self {
        Self { document, left: Cell::new(BUDGET) }
    }

    /// What `route` leads to from `start`.
    pub(super) fn run(&self, route: &Route, start: &'a Value) -> Result<Cow<'a, Value>, Miss> {
        self.find(route, start)?.ok_or_else(|| explain(route, start))
    }

    /// The same; nothing where a definite route leads nowhere. Fails when it would take too much.
    pub(super) fn find(
        &self,
        route: &Route,
        start: &'a Value,
    ) -> Result<Option<Cow<'a, Value>>, Miss> {
        let node = follow(start, &route.steps, 0).ok();
        let found = match (&*route.segments, node) {
            ([], Some(node)) => Some(Cow::Borrowed(node)),
            ([Segment::Names(names)], Some(node)) => self.merge(node, names)?.map(Cow::Owned),
            ([] | [Segment::Names(_)], None) => None,
            (segments, _) => {
                let mut values = node.map_or(Ok(Vec::new()), |node| self.spread(segments, node))?;
                if route.length {
                    values = values.iter().map(|value| Cow::Owned(length(value))).collect();
                }
                return self.collect(values).map(Cow::Owned).map(Some);
            }
        };
        Ok(if route.length { found.map(|value| Cow::Owned(length(&value))) } else { found })
    }

    /// All nodes that `segments` lead to, in the order of the document.
    fn spread(&self, segments: &[Segment], start: &'a Value) -> Result<Vec<Cow<'a, Value>>, Miss> {
        let mut nodes = vec![start];
        let mut left = segments.iter();
        while let Some(segment) = left.next() {
            if let (Segment::Names(names), []) = (segment, left.as_slice()) {
                return self.merge_all(nodes, names);
            }
            nodes = match (segment, left.as_slice()) {
                (Segment::Descend, [Segment::Filter(filter), rest @ ..]) => {
                    left = rest.iter();
                    self.kept(filter, self.below(nodes)?)?
                }
                (Segment::Descend, _) => self.below(nodes)?,
                _ => self.apply_all(segment, nodes)?,
            };
        }
        Ok(nodes.into_iter().map(Cow::Borrowed).collect())
    }

    fn apply_all(&self, segment: &Segment, nodes: Vec<&'a Value>) -> Result<Vec<&'a Value>, Miss> {
        let mut found = Vec::new();
        for node in nodes {
            let before = found.len();
            self.apply(segment, node, &mut found)?;
            self.spend(1 + found.len() - before)?;
        }
        Ok(found)
    }

    /// What one segment leads to from one node; nothing where it does not fit the node.
    fn apply(
        &self,
        segment: &Segment,
        node: &'a Value,
        found: &mut Vec<&'a Value>,
    ) -> Result<(), Miss> {
        match (segment, node) {
            (Segment::Step(step), _) => found.extend(child(node, step)),
            (Segment::Names(names), Value::Object(members)) => {
                found.extend(names.iter().filter_map(|name| members.get(&**name)));
            }
            (Segment::Indexes(indexes), Value::Array(elements)) => {
                found.extend(indexes.iter().filter_map(|index| element(elements, *index)));
            }
            (Segment::Slice(from, to), Value::Array(elements)) => {
                found.extend(slice(elements, *from, *to));
            }
            (Segment::Wildcard, _) => found.extend(children(node)),
            (Segment::Filter(filter), Value::Array(elements)) => {
                found.extend(self.kept(filter, elements)?);
            }
            (Segment::Filter(filter), Value::Object(_)) => {
                found.extend(self.kept(filter, [node])?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The nodes that a filter holds for.
    fn kept(
        &self,
        filter: &Filter,
        nodes: impl IntoIterator<Item = &'a Value>,
    ) -> Result<Vec<&'a Value>, Miss> {
        let mut kept = Vec::new();
        for node in nodes {
            if filter.holds(self, node)? {
                kept.push(node);
            }
        }
        Ok(kept)
    }

    /// The nodes and everything below them, each before what it contains.
    fn below(&self, nodes: Vec<&'a Value>) -> Result<Vec<&'a Value>, Miss> {
        let mut ready = nodes;
        ready.reverse();
        let mut all = Vec::new();
        while let Some(node) = ready.pop() {
            self.spend(1)?;
            all.push(node);
            let from = ready.len();
            ready.extend(children(node));
            ready[from..].reverse();
        }
        Ok(all)
    }

    fn merge_all(
        &self,
        nodes: Vec<&'a Value>,
        names: &[Box<str>],
    ) -> Result<Vec<Cow<'a, Value>>, Miss> {
        let merged = nodes.into_iter().map(|node| self.merge(node, names).transpose());
        merged.flatten().map(|value| value.map(Cow::Owned)).collect()
    }

    /// The members of an object that `names` names, as an object.
    fn merge(&self, node: &Value, names: &[Box<str>]) -> Result<Option<Value>, Miss> {
        let Value::Object(members) = node else { return Ok(None) };
        let mut merged = Map::new();
        for name in names {
            if let Some(value) = members.get(&**name) {
                merged.insert(name.to_string(), self.copy(value)?);
            }
        }
        Ok(Some(Value::Object(merged)))
    }

    fn collect(&self, values: Vec<Cow<'a, Value>>) -> Result<Value, Miss> {
        let copies = values.into_iter().map(|value| match value {
            Cow::Borrowed(value) => self.copy(value),
            Cow::Owned(value) => Ok(value),
        });
        copies.collect::<Result<_, _>>().map(Value::Array)
    }

    fn copy(&self, value: &Value) -> Result<Value, Miss> {
        self.spend(measure::weight(value))?;
        Ok(value.clone())
    }

    pub(super) fn spend(&self, cost: usize) -> Result<(), Miss> {
        self.left.set(self.left.get().checked_sub(cost).ok_or(Miss::TooLarge)?);
        Ok(())
    }
}

/// Why a definite route leads nowhere.
fn explain(route: &Route, start: &Value) -> Miss {
    match (walk(start, &route.steps, 0), route.segments.first()) {
        (Ok(node), Some(Segment::Names(names))) => Miss::NotAnObject {
            property: names_text(names),
            prefix: canonical(&route.steps),
            found: kind_of(node),
        },
        (Ok(_), _) => Miss::NoResults { path: canonical(&route.steps), out_of_range: false },
        (Err(miss), _) => miss,
    }
}

fn children(node: &Value) -> Box<dyn DoubleEndedIterator<Item = &Value> + '_> {
    match node {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new([].iter()),
    }
}

fn element(elements: &[Value], index: i32) -> Option<&Value> {
    elements.get(position_in(elements.len(), index)?)
}

/// The elements from `from` up to, not with, `to`. As in Jayway, bounds of a slice that has both
/// are compared as written: `[1:-1]` is empty, `[-2:1]` ends with the first element.
fn slice(elements: &[Value], from: Option<i32>, to: Option<i32>) -> impl Iterator<Item = &Value> {
    let length = i32::try_from(elements.len()).unwrap_or(i32::MAX);
    let from_end = |index: i32| if index < 0 { index.saturating_add(length).max(0) } else { index };
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from.max(-length), to),
        (from, to) => (from.map_or(0, from_end), to.map_or(length, from_end)),
    };
    (from..to.min(length)).filter_map(|index| element(elements, index))
}

/// What `length()` gives: elements of an array, members of an object, nothing for anything else.
fn length(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.len().into(),
        Value::Object(members) => members.len().into(),
        _ => Value::Null,
    }
}

fn names_text(names: &[Box<str>]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(","))
}
