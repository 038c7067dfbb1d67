//! What an expression calls that is not the engine's: the functions that AWS adds, and those that stand in
//! the place of what the engine cannot be held to (`rewrite`). What they are given and give in all is
//! bounded.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use jlens_core::{Bindings, Error, HostFunction};
use serde_json::{Number, Value};

use super::{
    compared, earlier,
    functions::{self, Body, Drawn, Refusal},
    rewrite,
};
use crate::payload::{Scope, measure};

/// What all calls of an evaluation may be given and give: each value, and each 16 bytes of text.
const LOAD_MAX: usize = 1 << 24;

/// A function whose result follows from its arguments.
#[derive(Debug)]
struct Pure {
    name: &'static str,
    /// None of ours, which take what they are given.
    signature: Option<&'static str>,
    arguments: usize,
    body: Body,
    /// What it was before, the earliest first.
    before: &'static [Before],
}

/// What a function was before an edition: its signature, and what it did.
#[derive(Debug)]
struct Before(u32, &'static str, Body);

static PURE: [Pure; 13] = [
    Pure::of_aws("hash", "<ss?:s>", functions::hash, &[Before(2, "<ss:s>", earlier::hash)]),
    Pure::of_aws("parse", "<s?:x>", functions::parse, &[Before(2, "<s:x>", earlier::parse)]),
    Pure::of_aws(
        "partition",
        "<a?n?:x>",
        functions::partition,
        &[Before(2, "<an:a>", earlier::partition)],
    ),
    Pure::of_aws(
        "range",
        "<n?n?n?:x>",
        functions::range,
        &[Before(2, "<nnn:a>", earlier::range), Before(3, "<n?n?n?:x>", earlier::short_range)],
    ),
    Pure::of_ours(rewrite::EQUAL, 2, compared::equal),
    Pure::of_ours(rewrite::UNEQUAL, 2, compared::unequal),
    Pure::of_ours(rewrite::MEMBER, 2, compared::member),
    Pure::of_ours(rewrite::COUNTED, 1, compared::counted),
    Pure::of_ours(rewrite::QUOTIENT, 2, compared::quotient),
    Pure::of_ours(rewrite::KEYS, 1, compared::keys),
    Pure::of_ours(rewrite::FEW_KEYS, 1, compared::few_keys),
    Pure::of_ours(rewrite::UNIQUE, 1, compared::unique),
    Pure::of_ours(rewrite::UNIFORM, 1, compared::uniform),
];

/// The functions that an expression names.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// By their names in the expression.
    pure: Arc<[(String, &'static Pure)]>,
    /// Those whose result is drawn.
    drawing: Arc<[&'static str]>,
}

impl Pure {
    const fn of_aws(
        name: &'static str,
        signature: &'static str,
        body: Body,
        before: &'static [Before],
    ) -> Self {
        Self { name, signature: Some(signature), arguments: 0, body, before }
    }

    const fn of_ours(name: &'static str, arguments: usize, body: Body) -> Self {
        Self { name, signature: None, arguments, body, before: &[] }
    }

    /// What an expression calls it.
    fn named(&self, mark: &str) -> String {
        match self.signature {
            Some(_) => self.name.to_owned(),
            None => format!("{mark}{}", self.name),
        }
    }

    /// The function by the rules of an edition, which takes what it may be given of `left`.
    fn bound(&self, left: &Arc<AtomicUsize>, edition: u32) -> HostFunction {
        let before = self.before.iter().find(|Before(until, ..)| edition < *until);
        let (signature, body) = match before {
            Some(Before(_, signature, body)) => (Some(*signature), *body),
            None => (self.signature, self.body),
        };
        let left = left.clone();
        let call = move |arguments: &[Option<Value>], _: &jlens_core::HostCall<'_>| {
            take(&left, arguments.iter().flatten())?;
            let result = body(arguments).map_err(refused)?;
            take(&left, &result)?;
            Ok(result)
        };
        let function = match signature {
            Some(signature) => {
                HostFunction::with_signature(signature, call).expect("the signature is well formed")
            }
            None => HostFunction::new(self.arguments, call),
        };
        function.without_input()
    }
}

impl Hosts {
    /// Those of an expression that names all these, our own behind a mark.
    pub(super) fn of(names: &BTreeSet<String>, mark: &str) -> Self {
        let named = PURE.iter().map(|it| (it.named(mark), it));
        let pure = named.filter(|(name, _)| names.contains(name));
        let drawing = ["random", "shuffle", "uuid"].into_iter().filter(|it| names.contains(*it));
        Self { pure: pure.collect(), drawing: drawing.collect() }
    }

    /// With everything else that is bound, each run's.
    pub(super) fn bind(&self, bindings: Bindings, chance: &Chance, edition: u32) -> Bindings {
        // "Step Functions doesn't support the $eval function": calling null is calling no function.
        let bindings = self.bind_pure(bindings, edition).var("eval", Value::Null);
        chance.functions().fold(bindings, |bindings, (name, it)| bindings.function(name, it))
    }

    pub(super) fn bind_pure(&self, bindings: Bindings, edition: u32) -> Bindings {
        let left = Arc::new(AtomicUsize::new(LOAD_MAX));
        let pure = self.pure.iter().map(|(name, it)| (name, it.bound(&left, edition)));
        pure.fold(bindings, |bindings, (name, it)| bindings.function(&**name, it))
    }

    /// What an evaluation draws.
    pub(super) fn draw(&self, scope: &Scope<'_>) -> Chance {
        Chance(self.drawing.iter().map(|name| (*name, Drawn::new(scope.random.draw()))).collect())
    }
}

/// Takes these values off what may be left.
fn take<'a>(left: &AtomicUsize, values: impl IntoIterator<Item = &'a Value>) -> Result<(), Error> {
    let load: usize = values.into_iter().map(measure::load).sum();
    let rest = left.load(Ordering::Relaxed).checked_sub(load);
    // The code with which the meter stops an evaluation too.
    left.store(rest.ok_or_else(|| Error::new("U1003"))?, Ordering::Relaxed);
    Ok(())
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Message(message) => Error::new("D3137").with("message", message),
        Refusal::TooLarge => Error::new("U1001"),
        Refusal::Operand { code, token, value } => {
            Error::new(code).with("token", token).with("value", value)
        }
    }
}

/// What an evaluation draws, the same in each of its runs.
pub(super) struct Chance(Vec<(&'static str, Drawn)>);

impl Chance {
    /// For the engine's own functions.
    pub(super) fn seed(&self) -> u64 {
        let shuffle = self.0.iter().find(|(name, _)| *name == "shuffle");
        shuffle.map_or(0, |(_, drawn)| functions::bits(drawn.bytes(0)))
    }

    fn functions(&self) -> impl Iterator<Item = (&'static str, HostFunction)> {
        let function = |(name, drawn): &(&'static str, Drawn)| match *name {
            "random" => Some((*name, random(*drawn))),
            "uuid" => Some((*name, uuid(*drawn))),
            _ => None,
        };
        self.0.iter().filter_map(function)
    }
}

/// `$random([seed])`.
fn random(drawn: Drawn) -> HostFunction {
    let count = AtomicU64::new(0);
    let function = HostFunction::with_signature("<n?:n>", move |arguments, _| {
        let seed = arguments.first().and_then(|seed| seed.as_ref()?.as_f64());
        let number = match seed {
            Some(seed) => functions::seeded(seed),
            None => functions::unit(drawn.bytes(count.fetch_add(1, Ordering::Relaxed))),
        };
        Ok(Number::from_f64(number).map(Value::Number))
    });
    function.expect("the signature is well formed").without_input()
}

/// `$uuid()`.
fn uuid(drawn: Drawn) -> HostFunction {
    let count = AtomicU64::new(0);
    let function = HostFunction::with_signature("<:s>", move |_, _| {
        let bytes = drawn.bytes(count.fetch_add(1, Ordering::Relaxed));
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        Ok(Some(uuid.to_string().into()))
    });
    function.expect("the signature is well formed").without_input()
}
