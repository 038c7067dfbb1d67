//! How a child of a Map Run comes to its items: one, or a batch of as many as its limits allow.

use serde_json::{Map, Value};

use super::{Child, MapRun};
use crate::{
    Payload, StatesError,
    execution::{
        randomness::{Purpose, uuid},
        visit::{check, too_long},
    },
    state::{BatchLimits, Item},
};

/// What a child finds its batch under.
const ITEMS: &str = "Items";

/// A child that is given items until it is full.
#[derive(Debug)]
pub struct Filling<'a> {
    run: &'a MapRun,
    index: usize,
    first: usize,
    count: usize,
    /// What is made of the only item of a child without a batch.
    item: Option<Payload>,
    batch: Option<Batch>,
}

/// The items of a child, so far.
#[derive(Debug)]
struct Batch {
    limits: BatchLimits,
    input: Map<String, Value>,
    items: Vec<Value>,
    /// How long the child's input is.
    bytes: usize,
}

impl Batch {
    fn new(limits: BatchLimits, mut input: Map<String, Value>) -> Self {
        input.insert(ITEMS.to_owned(), Value::Array(Vec::new()));
        let bytes = Payload::from(Value::from(input.clone())).len();
        Self { limits, input, items: Vec::new(), bytes }
    }
}

impl<'a> Filling<'a> {
    /// A child that was given nothing yet; with a batch, how large that may be and what is around it.
    pub(super) fn new(
        run: &'a MapRun,
        index: usize,
        first: usize,
        batch: Option<(BatchLimits, Map<String, Value>)>,
    ) -> Self {
        let batch = batch.map(|(limits, envelope)| Batch::new(limits, envelope));
        Self { run, index, first, count: 0, item: None, batch }
    }

    /// Gives it the next item; false when that one is for the next child. Fails when the item cannot be
    /// given to any, and so the run.
    pub fn take(&mut self, item: &Item) -> Result<bool, StatesError> {
        if self.is_full() {
            return Ok(false);
        }
        let input = self.run.input_of(self.first + self.count, item)?;
        match &mut self.batch {
            None => self.item = Some(input),
            Some(batch) => {
                let bytes = batch.bytes + input.len() + usize::from(!batch.items.is_empty());
                if bytes > batch.limits.bytes {
                    return if batch.items.is_empty() {
                        Err(too_long(self.run.state()))
                    } else {
                        Ok(false)
                    };
                }
                batch.bytes = bytes;
                batch.items.push(input.value().clone());
            }
        }
        self.count += 1;
        Ok(true)
    }

    /// Whether it takes no more items, whatever they are.
    pub fn is_full(&self) -> bool {
        self.count >= self.batch.as_ref().map_or(1, |batch| batch.limits.items)
    }

    /// How many items it was given.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it was given nothing yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The child, with what it was given. Fails when that is more than an execution takes.
    pub fn finish(self) -> Result<Child, StatesError> {
        let input = match self.batch {
            None => self.item.unwrap_or_else(|| Value::Null.into()),
            Some(Batch { mut input, items, .. }) => {
                input.insert(ITEMS.to_owned(), Value::Array(items));
                Value::from(input).into()
            }
        };
        check(&input, self.run.state())?;
        let number = u64::try_from(self.index).unwrap_or(u64::MAX).saturating_add(1);
        let name = uuid(&self.run.started.seed, Purpose::MapRun, &self.run.task, number);
        Ok(Child { name, items: self.count, input })
    }
}
