//! The children of a Map Run in their order, each with its items: read as they are asked for, and those
//! that are over passed by.

use futures::stream::{self, Stream};
use stepyard_asl::{Child, Filling, Item, MapRun, StatesError};
use tokio::task::yield_now;

use super::{
    Halt,
    child::AtWork,
    earlier::Earlier,
    items::{Items, Place},
    ledger::Ledger,
    progress::Mark,
};
use crate::EngineHandle;

/// Where the children of a run come from.
pub(super) struct Feed<'a> {
    run: &'a MapRun,
    at_work: &'a AtWork,
    items: Source<'a>,
    /// An item that was read and is for the next child.
    ahead: Option<Item>,
    earlier: Earlier<'a>,
}

/// Where the items are.
enum Source<'a> {
    /// In the state's data.
    Given(&'a MapRun),
    /// Outside.
    Read(Box<Items>),
}

impl<'a> Feed<'a> {
    /// From the first child that is not over, as the run's ledger has it.
    pub(super) fn new(
        engine: &'a EngineHandle,
        run: &'a MapRun,
        at_work: &'a AtWork,
    ) -> Result<Self, Halt> {
        let found = at_work.note(|it| (it.next().clone(), it.progress().earlier.clone()));
        let (Mark { child, item, place }, over) = found.unwrap_or_default();
        let earlier = Earlier::new(engine, run.arn(), over, child);
        let items = match run.source() {
            None => Source::Given(run),
            Some(source) => {
                let objects = engine.engine()?.shared.config.objects.clone();
                Source::Read(Box::new(Items::new(objects, source.clone(), place, item as u64)?))
            }
        };
        Ok(Self { run, at_work, items, ahead: None, earlier })
    }

    /// The children one by one, with their numbers. What was begun of one is gone on with when the next is
    /// asked for again.
    pub(super) fn children(self) -> impl Stream<Item = Result<(usize, Child), Halt>> {
        stream::try_unfold(self, |mut feed| async move {
            let next = feed.next().await?;
            Ok(next.map(|child| (child, feed)))
        })
    }

    async fn next(&mut self) -> Result<Option<(usize, Child)>, Halt> {
        loop {
            let at = self.at_work.note(|ledger| ledger.next().clone()).unwrap_or_default();
            let Some((child, place)) = self.fill(&at).await? else { return Ok(None) };
            let then = Mark { child: at.child + 1, item: at.item + child.items, place };
            let is_over = |it: &mut Ledger| it.progress().ended.contains(at.child);
            let is_over = self.at_work.note(is_over).unwrap_or_default();
            if !is_over && !self.earlier.has_succeeded(at.child).await? {
                self.at_work.note(|ledger| ledger.begin_next(child.items, then));
                return Ok(Some((at.child, child)));
            }
            self.at_work.note(|ledger| ledger.pass_by_next(then));
            // Many may be passed by.
            yield_now().await;
        }
    }

    /// The child that begins there, and where the one behind it does.
    async fn fill(&mut self, at: &Mark) -> Result<Option<(Child, Place)>, Halt> {
        let run = self.run;
        let mut filling = run.fill(at.child, at.item)?;
        // An item read ahead is its first.
        let mut place = at.place.clone();
        while !filling.is_full() {
            let item = match self.ahead.take() {
                Some(item) => item,
                None => match self.items.next(at.item, &filling).await? {
                    Some(item) => item,
                    None => break,
                },
            };
            if !filling.take(&item)? {
                self.ahead = Some(item);
                break;
            }
            place = self.items.place();
        }
        if filling.is_empty() {
            return Ok(None);
        }
        Ok(Some((filling.finish()?, place)))
    }
}

impl Source<'_> {
    /// The item that is for `filling`, whose first is the one numbered `first`.
    async fn next(
        &mut self,
        first: usize,
        filling: &Filling<'_>,
    ) -> Result<Option<Item>, StatesError> {
        match self {
            Self::Given(run) => Ok(run.item(first + filling.len())),
            Self::Read(items) => items.next().await,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Given(_) => Place::default(),
            Self::Read(items) => items.place().clone(),
        }
    }
}
