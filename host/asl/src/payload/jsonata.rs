//! JSONata. Here alone the engine is known, the crate `jlens-core`.
//!
//! An expression is compiled once, when a definition is read. It is evaluated without a context item:
//! data comes as `$states` and as variables, of which only what the expression may read is copied.
//! The engine is given the time and its seed, so that it reads no clock and draws no randomness; it is
//! bounded by depth, steps and sizes (`bounds`) and never by time, so that a replay comes to the same
//! end.

mod bounds;
mod compared;
mod earlier;
mod functions;
mod hosts;
mod rewrite;

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use jlens_core::{
    Bindings, Error, Expression, Options,
    ast::{Attrs, Node, NodeKind, Stage},
    function_catalog,
    reads::Read,
};
use serde_json::{Map, Number, Value};

use self::{
    bounds::Allowance,
    hosts::{Chance, Hosts},
};
use super::{Scope, path::Step};

/// The name under which AWS binds what a state works on.
const STATES: &str = "states";

/// A JSONata expression, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Jsonata {
    written: Expression,
    /// What is evaluated in its place.
    engine: Expression,
    /// What it may read of `$states` and of each variable.
    reads: Arc<[(Box<str>, Read)]>,
    /// The functions that it names: a variable may have the name of one, and then is what is meant.
    functions: Arc<[Box<str>]>,
    /// What names of ours in `engine` begin with.
    mark: String,
    hosts: Hosts,
    allowance: Arc<Allowance>,
    /// Set when it is a path of names alone: its value is found without the engine, as it is.
    plain: Option<Plain>,
}

/// `$states.input.a.b`, `$name.a`: a variable, then names.
#[derive(Clone, Debug)]
struct Plain {
    variable: Box<str>,
    steps: Box<[Step]>,
}

/// Why an evaluation gives no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It gives nothing.
    Undefined,
    /// It gives a function.
    Function,
    /// It fails, with a code and a message of JSONata's.
    Error(String),
    /// It comes to a limit of evaluations, told in AWS's words.
    Limit(&'static str),
}

impl Jsonata {
    /// Reads an expression; fails with what is wrong with it, in JSONata's words without its code.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let compile = |text: &str| Expression::compile(text).map_err(|error| message(&error));
        let written = compile(text)?;
        let root = &written.ast().root;
        let functions = names_in(root)?.into_iter().filter(|name| is_function(name));
        let functions: Arc<[Box<str>]> = functions.map(Box::from).collect();
        let mark = rewrite::mark(text);
        let engine = match rewrite::rewritten(root, text, &mark) {
            Some(rewritten) => compile(&rewritten)?,
            None => written.clone(),
        };
        let reads = written.reads();
        let reads = reads.bindings().iter().filter(|(name, _)| !is_function(name));
        let reads = reads.map(|(name, read)| (name.as_str().into(), read.clone())).collect();
        let hosts = Hosts::of(&names_in(&engine.ast().root)?, &mark);
        let plain = Plain::of(root);
        let is_guarded = functions.iter().any(|name| rewrite::is_guarded(name));
        let deeper = if is_guarded { rewrite::DEEPER } else { 0 };
        let allowance = Allowance::of(&engine.ast().root, is_engines, deeper).into();
        Ok(Self { written, engine, reads, functions, mark, hosts, allowance, plain })
    }

    /// As the definition has it.
    pub(crate) fn text(&self) -> &str {
        self.written.source()
    }

    /// The variables it reads, in the order of the alphabet.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(|(name, _)| &**name).filter(|name| *name != STATES)
    }

    /// Whether it reads this member of `$states`, by its name.
    pub(crate) fn reads_of_states(&self, member: &str) -> bool {
        let states = self.reads.iter().find(|(name, _)| **name == *STATES);
        states.and_then(|(_, read)| read.fields()).is_some_and(|it| it.contains_key(member))
    }

    /// What it refers to at its top level, where AWS has nothing for it to refer to: names, `$`, `$$`.
    pub(crate) fn top_level_references(&self) -> Vec<String> {
        let mut found = Vec::new();
        survey(&self.written.ast().root, &mut found);
        let mut seen = BTreeSet::new();
        found.retain(|name| seen.insert(name.clone()));
        found
    }

    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        let edition = scope.context.edition();
        let is_earlier = edition < 2;
        if let Some(value) = self.plain.as_ref().and_then(|plain| plain.find(scope)) {
            let value = value.cloned().ok_or(Fault::Undefined)?;
            // Before, a number was passed on as it is written.
            return Ok(if is_earlier { value } else { normal(value) });
        }
        let written =
            |value| if is_earlier { numbered(value, earlier::whole) } else { normal(value) };
        let fault = |error: &Error| Fault::of(error, edition);
        let chance = self.hosts.draw(scope);
        let bindings = || self.bindings(scope, &chance);
        let timed = |options: Options| options.now(scope.now.as_millis()).seed(chance.seed());
        let narrow = timed(self.allowance.narrow(edition));
        match self.engine.evaluate_with(None, &bindings(), &narrow) {
            Ok(Some(value)) => return Ok(written(value)),
            // Of nothing and of a function the engine tells the difference to a tracer alone.
            Ok(None) => {}
            Err(error) if ["U1001", "U1006"].contains(&error.code()) => {}
            Err(error) => return Err(fault(&error)),
        }
        let (wide, mut meter) = self.allowance.wide(edition);
        match self.engine.evaluate_traced(None, &bindings(), &timed(wide), &mut meter) {
            Ok(Some(value)) => Ok(written(value)),
            Ok(None) if meter.is_function => Err(Fault::Function),
            Ok(None) => Err(Fault::Undefined),
            Err(error) => Err(fault(&error)),
        }
    }

    /// What the expression may read, and AWS's functions.
    fn bindings(&self, scope: &Scope<'_>, chance: &Chance) -> Bindings {
        let edition = scope.context.edition();
        let mut bindings = self.hosts.bind(Bindings::new(), chance, edition);
        for (name, read) in &*self.reads {
            if **name == *STATES {
                bindings = bindings.var(STATES, states(scope, read));
            } else if let Some(value) = scope.variables.get(name) {
                bindings = bindings.var(&**name, read.cut(value.value()));
            }
        }
        // Before, the function was meant.
        let are_meant = edition >= 1;
        for name in self.functions.iter().filter(|_| are_meant) {
            let Some(value) = scope.variables.get(name) else { continue };
            bindings = bindings.var(&**name, value.value().clone());
            if rewrite::is_guarded(name) {
                bindings = bindings.var(rewrite::variable(&self.mark, name), true);
            }
        }
        bindings
    }
}

impl Fault {
    fn of(error: &Error, edition: u32) -> Self {
        match error.code() {
            _ if edition < 2 => earlier::fault(error),
            // The engine's own, and the meter's and the hosts', by the only way there is to stop it.
            "U1001" | "U1003" => Self::Limit(
                "Expression evaluation memory limit exceeded: Check for excessive memory usage",
            ),
            "U1006" => Self::Limit("Expression evaluation timeout: Check for infinite loop"),
            "D1011" => Self::Limit(
                "Stack overflow error: Check for non-terminating recursive function. Consider \
                 rewriting as tail-recursive",
            ),
            // Before, a whole number was told with a point.
            code if edition < 3 => Self::Error(format!("{code}: {}", error.message())),
            code => Self::Error(format!("{code}: {}", message(error))),
        }
    }
}

/// An error's message, with the numbers in it as AWS writes them.
fn message(error: &Error) -> String {
    let parts = ["token", "value", "value2", "exp", "index"];
    let numbers = parts.into_iter().filter_map(|part| Some((part, error.detail(part)?)));
    let numbers = numbers.filter(|(_, value)| value.is_number());
    let normal =
        numbers.fold(error.clone(), |told, (part, number)| told.with(part, normal(number.clone())));
    normal.message()
}

/// `$states`, as far as it is read.
fn states(scope: &Scope<'_>, read: &Read) -> Value {
    let parts = [
        ("input", Some(scope.states.input)),
        ("result", scope.states.result),
        ("errorOutput", scope.states.error_output),
    ];
    let mut states = Map::new();
    let of = |name: &str| read.fields().map_or(Some(read), |fields| fields.get(name));
    for (name, value) in parts {
        if let (Some(value), Some(read)) = (value, of(name)) {
            states.insert(name.to_owned(), read.cut(value));
        }
    }
    if let Some(read) = of("context") {
        states.insert("context".to_owned(), context(scope, read));
    }
    states.into()
}

/// The context object, as far as it is read: what may be large is copied only then.
fn context(scope: &Scope<'_>, read: &Read) -> Value {
    let reads = |path: &[&str]| {
        let mut read = read;
        for name in path {
            let Some(fields) = read.fields() else { return true };
            let Some(inner) = fields.get(*name) else { return false };
            read = inner;
        }
        true
    };
    let input = reads(&["Execution", "Input"]);
    let item = reads(&["Map", "Item", "Value"]);
    read.cut(&scope.context.build(input, item))
}

impl Plain {
    fn of(node: &Node) -> Option<Self> {
        let has_nothing_more = |attrs: &Attrs| {
            !attrs.keep_array
                && !attrs.tuple
                && attrs.focus.is_none()
                && attrs.index.is_none()
                && attrs.stages.is_empty()
                && attrs.predicate.is_empty()
                && attrs.group.is_none()
        };
        let steps = match &node.kind {
            NodeKind::Path { steps, keep_singleton_array: false } => steps.as_slice(),
            NodeKind::Variable { .. } => std::slice::from_ref(node),
            _ => return None,
        };
        if !has_nothing_more(&node.attrs) || !steps.iter().all(|it| has_nothing_more(&it.attrs)) {
            return None;
        }
        let (first, names) = steps.split_first()?;
        let NodeKind::Variable { name: variable } = &first.kind else { return None };
        let step = |node: &Node| match &node.kind {
            NodeKind::Name { name } => Some(Step::Name(name.as_str().into())),
            _ => None,
        };
        let steps = names.iter().map(step).collect::<Option<_>>()?;
        let is_whole_states = **variable == *STATES && names.is_empty();
        let is_plain = !variable.is_empty() && *variable != "$" && !is_function(variable);
        (is_plain && !is_whole_states).then(|| Self { variable: variable.as_str().into(), steps })
    }

    /// What it leads to, if anything; none when the engine must say, as an array stands on the way.
    fn find<'a>(&self, scope: &Scope<'a>) -> Option<Option<&'a Value>> {
        let (found, steps) = if *self.variable == *STATES {
            let (member, steps) = self.steps.split_first()?;
            let states = scope.states;
            let found = match member.name()? {
                "input" => Some(states.input),
                "result" => states.result,
                "errorOutput" => states.error_output,
                "context" => return scope.context.resolve(steps).ok().map(Some),
                _ => return None,
            };
            (found, steps)
        } else {
            (scope.variables.get(&self.variable).map(super::Payload::value), &*self.steps)
        };
        let mut found = found;
        for step in steps {
            found = match found {
                Some(Value::Object(members)) => members.get(step.name()?),
                Some(Value::Array(_)) => return None,
                _ => None,
            };
        }
        Some(found)
    }
}

/// The names of all variables and functions in an expression. Fails for what JSONata 2.0.6, AWS's,
/// does not know.
fn names_in(root: &Node) -> Result<BTreeSet<String>, String> {
    let (mut names, mut unknown) = (BTreeSet::new(), None);
    root.walk(&mut |node| match &node.kind {
        NodeKind::Variable { name } => {
            names.insert(name.clone());
        }
        NodeKind::Fallback { op, .. } => {
            let symbol = if op.symbol() == "??" { "?" } else { ":" };
            unknown = Some(Error::new("S0211").with("token", symbol).message());
        }
        _ => {}
    });
    unknown.map_or(Ok(names), Err)
}

/// Adds what `node` refers to where there is no context item: not in later steps of a path, nor in
/// predicates; a function has the context of what defines it. Recursion is as deep as the tree, which the
/// engine's parser bounds.
fn survey(node: &Node, found: &mut Vec<String>) {
    match &node.kind {
        NodeKind::Name { name } => found.push(name.clone()),
        NodeKind::Variable { name } if name.is_empty() => found.push("$".to_owned()),
        NodeKind::Variable { name } if name == "$" => found.push("$$".to_owned()),
        NodeKind::Path { steps, .. } => {
            if let Some(first) = steps.first() {
                survey(first, found);
            }
        }
        NodeKind::Lambda(function) => survey(&function.body, found),
        NodeKind::Transform(_) | NodeKind::Sort { .. } => {}
        _ => node.for_each_child(|child| {
            let is_nested = is_predicate_of(node, child);
            if !is_nested {
                survey(child, found);
            }
        }),
    }
}

fn is_predicate_of(node: &Node, child: &Node) -> bool {
    let stages = node.attrs.stages.iter().chain(&node.attrs.predicate);
    let mut filters = stages.filter_map(|stage| match stage {
        Stage::Filter { expr, .. } => Some(&**expr),
        Stage::Index { .. } => None,
    });
    let groups = node.attrs.group.iter().flat_map(|group| &group.pairs);
    filters.any(|it| std::ptr::eq(it, child))
        || groups
            .into_iter()
            .any(|(key, value)| std::ptr::eq(key, child) || std::ptr::eq(value, child))
}

/// Whether a name is a function's, JSONata's own or AWS's.
fn is_function(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let own = function_catalog().into_iter().map(|function| function.name);
        own.chain(["hash", "parse", "partition", "range", "uuid"]).collect()
    });
    NAMES.contains(name)
}

/// Whether a name in the text that is evaluated is a function's that the engine calls by itself.
fn is_engines(name: &str) -> bool {
    is_function(name) && !rewrite::is_guarded(name)
}

/// A result with its numbers as AWS writes them: a whole one that fits 64 bits without a point, and any
/// larger one as a float.
fn normal(value: Value) -> Value {
    numbered(value, whole)
}

/// A result with those of its numbers as `whole` says of which it does. A work list, as the result nests as
/// deep as its author likes.
fn numbered(mut value: Value, whole: fn(&Number) -> Option<Number>) -> Value {
    let mut ready = vec![&mut value];
    while let Some(node) = ready.pop() {
        match node {
            Value::Number(number) => {
                if let Some(whole) = whole(number) {
                    *number = whole;
                }
            }
            Value::Array(elements) => ready.extend(elements),
            Value::Object(members) => ready.extend(members.values_mut()),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    value
}

/// A number as AWS writes it, where that is otherwise.
fn whole(number: &Number) -> Option<Number> {
    const LEAST: f64 = i64::MIN as f64;
    if number.is_u64() && !number.is_i64() {
        return Number::from_f64(number.as_f64()?);
    }
    let is_whole = |float: &f64| float.fract() == 0.0 && (LEAST..-LEAST).contains(float);
    let float = number.as_f64().filter(|float| number.is_f64() && is_whole(float))?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
    let integer = float as i64;
    Some(integer.into())
}

#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
