//! What an evaluation may take. The engine counts steps and holds each array and string to a size; but as
//! many steps may each make one as large as that, so that an evaluation is run twice if it must be:
//!
//! 1. within bounds whose product is what it may take, at full speed: almost all end here;
//! 2. within wider ones, with each value weighed as it is made, and again whenever a call reads it.
//!
//! A call that is begun is not stopped: those that would take longer than what they are given is large are
//! ours (`hosts`).
//!
//! Both count, and neither asks a clock, so that a replay comes to the same end.

use std::collections::BTreeSet;

use jlens_core::{
    CancelToken, Options,
    ast::{BinaryOp, Node, NodeId, NodeKind},
    audit::{CaptureLimits, Outcome, Tracer, ValueRef},
};
use serde_json::Value;

use super::earlier;

/// How deep an evaluation may nest: AWS documents no limit, and a sum of 100 terms is the longest that it takes.
const DEPTH_MAX: usize = 100;

/// The most bytes of a result as JSON. AWS's payloads end at 262,144: this stops only what would be
/// refused anyway.
const RESULT_BYTES_MAX: usize = 16 << 20;

/// The most items of an array: AWS takes `[1..873782]`, and not one more.
const ITEMS_MAX: usize = 873_782;

/// The most bytes of a string: on AWS a character weighs one where an item weighs eight.
const STRING_BYTES_MAX: usize = 8 * ITEMS_MAX;

/// Steps, items of an array, bytes of a string.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    steps: u64,
    items: usize,
    bytes: usize,
}

/// The first run's: an item is 16 bytes, so that it takes 800 MB at the very most.
const NARROW: Bounds = Bounds { steps: 10_000, items: 5_000, bytes: 64 << 10 };

/// The second run's.
const WIDE: Bounds = Bounds { steps: 2_000_000, items: ITEMS_MAX, bytes: STRING_BYTES_MAX };

/// What all values of the second run may weigh, each as many 16 bytes.
const WEIGHT_MAX: usize = 16 << 20;

/// The most steps of an expression with a regular expression: one stands for 1,024 of its own.
const STEPS_WITH_PATTERN: u64 = 60_000;

/// What calls of the second run may read, in the same measure.
const READ_MAX: usize = 1 << 27;

/// The most items of an array that is made where a function that gives what is small is handed to another,
/// which has it read unseen.
const ITEMS_HANDED: usize = 1 << 14;

/// The most steps where functions make what cannot be weighed, and how large that may be: a call that
/// ends a function takes four of them.
const UNWEIGHED: Bounds = Bounds { steps: 100_000, items: 1_000, bytes: 16 << 10 };
const STEPS_WITH_LAST_CALLS: u64 = 400_000;

/// Functions whose text may be far larger than what they are given weighs.
const WRITING: [&str; 9] = [
    "clone",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "join",
    "now",
    "pad",
    "replace",
    "string",
];

/// And the others that give text.
const TEXTUAL: [&str; 14] = [
    "base64decode",
    "base64encode",
    "decodeUrl",
    "decodeUrlComponent",
    "encodeUrl",
    "encodeUrlComponent",
    "formatBase",
    "lowercase",
    "substring",
    "substringAfter",
    "substringBefore",
    "trim",
    "uppercase",
    "hash",
];

/// Functions that give what is small, or there before.
const SMALL: [&str; 25] = [
    "abs",
    "average",
    "boolean",
    "ceil",
    "contains",
    "count",
    "error",
    "exists",
    "floor",
    "length",
    "lookup",
    "max",
    "millis",
    "min",
    "not",
    "number",
    "parseInteger",
    "power",
    "random",
    "round",
    "sqrt",
    "sum",
    "toMillis",
    "type",
    "uuid",
];

/// What an expression may take, by what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    /// The second run's.
    wide: Bounds,
    /// How much deeper the text that is evaluated nests than the one that is written.
    deeper: usize,
    /// The arguments of calls that the engine makes without telling what they give: weighed in their
    /// place.
    weighed: BTreeSet<NodeId>,
    /// The arguments of calls, which read them.
    read: BTreeSet<NodeId>,
}

impl Allowance {
    /// `is_function` knows the names of built-in functions; `deeper` is how much deeper the tree nests than
    /// what its author wrote.
    pub(super) fn of(root: &Node, is_function: fn(&str) -> bool, deeper: usize) -> Self {
        let mut survey = Survey::new(is_function);
        survey.see(root, Role::Value);
        let mut wide = WIDE;
        if survey.has_pattern {
            wide.steps = STEPS_WITH_PATTERN;
        }
        if survey.writes_unseen {
            wide.bytes = UNWEIGHED.bytes;
        }
        if survey.makes_unseen {
            wide.items = UNWEIGHED.items;
        }
        if survey.reads_unseen {
            wide.items = ITEMS_HANDED.min(wide.items);
        }
        if survey.calls_unseen || survey.makes_unseen {
            wide.steps = UNWEIGHED.steps.min(wide.steps);
        } else if survey.writes_unseen {
            wide.steps = STEPS_WITH_LAST_CALLS.min(wide.steps);
        }
        Self { wide, deeper, weighed: survey.weighed, read: survey.read }
    }

    /// For the first run, by the rules of an edition.
    pub(super) fn narrow(&self, edition: u32) -> Options {
        self.options(NARROW, edition)
    }

    /// For the second run.
    pub(super) fn wide(&self, edition: u32) -> (Options, Meter<'_>) {
        let meter = Meter::new(self);
        (self.options(self.wide, edition).cancel_token(meter.stop.clone()), meter)
    }

    fn options(&self, bounds: Bounds, edition: u32) -> Options {
        let Bounds { steps, items, bytes } = bounds;
        let options = Options::new().max_steps(steps);
        if edition < 3 {
            return earlier::bound(options, items, bytes);
        }
        options
            .max_depth(DEPTH_MAX + self.deeper)
            .max_array_length(items)
            .max_string_length(bytes)
            .max_result_size(RESULT_BYTES_MAX)
    }
}

/// What an expression is made of, as far as its allowance depends on it.
struct Survey {
    is_function: fn(&str) -> bool,
    has_pattern: bool,
    /// Texts, or arrays and objects, are made by calls that are not told of.
    writes_unseen: bool,
    makes_unseen: bool,
    /// Functions are handed to others, which call them; among them those that only read.
    calls_unseen: bool,
    reads_unseen: bool,
    weighed: BTreeSet<NodeId>,
    read: BTreeSet<NodeId>,
}

/// What a node is to the one above.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Value,
    /// What a call calls.
    Called,
    /// The same of a call that ends a function: the engine makes it after it has left the function, and
    /// tells of its arguments alone.
    CalledLast,
}

impl Survey {
    fn new(is_function: fn(&str) -> bool) -> Self {
        Self {
            is_function,
            has_pattern: false,
            writes_unseen: false,
            makes_unseen: false,
            calls_unseen: false,
            reads_unseen: false,
            weighed: BTreeSet::new(),
            read: BTreeSet::new(),
        }
    }

    /// Recursion is as deep as the tree, which the engine's parser bounds.
    fn see(&mut self, node: &Node, role: Role) {
        match &node.kind {
            NodeKind::Regex { .. } => self.has_pattern = true,
            NodeKind::Variable { name } => self.see_function(name, role),
            NodeKind::Transform(_) => self.makes_unseen = true,
            NodeKind::Function { procedure, args } => {
                self.see(procedure, Role::Called);
                self.see_arguments(args);
                return self.see_stages(node);
            }
            NodeKind::Lambda(def) => {
                if let (true, NodeKind::Function { procedure, args }) = (def.thunk, &def.body.kind)
                {
                    self.weighed.extend(args.iter().map(|argument| argument.id));
                    self.see(procedure, Role::CalledLast);
                    self.see_arguments(args);
                    return self.see_stages(&def.body);
                }
            }
            _ => {}
        }
        node.for_each_child(|child| self.see(child, Role::Value));
    }

    fn see_arguments(&mut self, arguments: &[Node]) {
        for argument in arguments {
            self.read.insert(argument.id);
            self.see(argument, Role::Value);
        }
    }

    /// What follows a call: predicates and groups.
    fn see_stages(&mut self, call: &Node) {
        let NodeKind::Function { procedure, args } = &call.kind else { return };
        call.for_each_child(|child| {
            let is_seen = std::ptr::eq(child, &**procedure)
                || args.iter().any(|argument| std::ptr::eq(child, argument));
            if !is_seen {
                self.see(child, Role::Value);
            }
        });
    }

    fn see_function(&mut self, name: &str, role: Role) {
        if !(self.is_function)(name) {
            return;
        }
        match role {
            Role::Called => {}
            Role::CalledLast => self.writes_unseen |= WRITING.contains(&name),
            // It may be called by another function, many times.
            Role::Value => {
                self.calls_unseen = true;
                if SMALL.contains(&name) {
                    self.reads_unseen = true;
                } else if WRITING.contains(&name) || TEXTUAL.contains(&name) {
                    self.writes_unseen = true;
                } else {
                    self.makes_unseen = true;
                }
            }
        }
    }
}

/// Weighs what an evaluation makes, and stops it when that is too much.
#[derive(Debug)]
pub(super) struct Meter<'a> {
    allowance: &'a Allowance,
    left: usize,
    left_to_read: usize,
    stop: CancelToken,
    /// Whether the evaluation came to a function, for which the engine gives nothing.
    pub(super) is_function: bool,
}

impl<'a> Meter<'a> {
    fn new(allowance: &'a Allowance) -> Self {
        let (left, left_to_read) = (WEIGHT_MAX, READ_MAX);
        Self { allowance, left, left_to_read, stop: CancelToken::new(), is_function: false }
    }

    fn is_weighed(&self, node: &Node) -> bool {
        let makes = match &node.kind {
            NodeKind::Binary { op, .. } => matches!(op, BinaryOp::Concat | BinaryOp::Range),
            NodeKind::Path { .. }
            | NodeKind::Array { .. }
            | NodeKind::Object { .. }
            | NodeKind::Wildcard
            | NodeKind::Descendant
            | NodeKind::Apply { .. }
            | NodeKind::Function { .. } => true,
            _ => false,
        };
        makes || self.allowance.weighed.contains(&node.id)
    }
}

impl Tracer for Meter<'_> {
    fn exit(&mut self, node: &Node, outcome: Outcome<'_>) {
        let Outcome::Value(value) = outcome else { return };
        let (is_weighed, is_read) = (self.is_weighed(node), self.allowance.read.contains(&node.id));
        if !is_weighed && !is_read {
            return;
        }
        let weight = weight(value);
        let read = if is_read { weight } else { 0 };
        let left = self.left.checked_sub(if is_weighed { weight } else { 0 });
        match (left, self.left_to_read.checked_sub(read)) {
            (Some(left), Some(left_to_read)) => {
                (self.left, self.left_to_read) = (left, left_to_read);
            }
            _ => self.stop.cancel(),
        }
    }

    fn end(&mut self, outcome: Outcome<'_>) {
        self.is_function =
            matches!(outcome, Outcome::Value(value) if value.type_name() == "function");
    }
}

/// What a value weighs by itself: what is in an array or object has been weighed before.
fn weight(value: ValueRef<'_>) -> usize {
    let outline = CaptureLimits { max_items: 0, max_depth: 1, ..CaptureLimits::default() };
    match value.type_name() {
        "string" => match value.to_json() {
            Some(Value::String(text)) => 1 + text.len() / 16,
            _ => 1,
        },
        // A capture without items tells how many there are: `… 7 more`.
        "array" => match value.capture(&outline) {
            Some(Value::Array(told)) => 1 + told.first().map_or(0, count),
            _ => 1,
        },
        "object" => match value.capture(&outline) {
            Some(Value::Object(told)) => 1 + told.values().next().map_or(0, |told| 4 * count(told)),
            _ => 1,
        },
        _ => 1,
    }
}

fn count(told: &Value) -> usize {
    let words = told.as_str().unwrap_or_default().split(' ');
    words.filter_map(|word| word.parse().ok()).next().unwrap_or(0)
}
