//! Which children of a redriven run succeeded before, and so are not done again. Of Standard children the
//! store tells how they ended; Express ones leave no record, and are looked up here.

use std::collections::VecDeque;

use super::{
    progress::Ended,
    results::{ResultFile, page},
};
use crate::{EngineError, EngineHandle};

/// The children that succeeded before, asked for in their order.
pub(super) struct Earlier<'a> {
    engine: &'a EngineHandle,
    run: &'a str,
    /// The children that were over when the run was redriven.
    over: Ended,
    /// The next of them that did not succeed, as far as they are read.
    unsuccessful: VecDeque<u64>,
    after: Option<u64>,
    are_all_read: bool,
}

impl<'a> Earlier<'a> {
    /// Those of a run from its child number `first` on.
    pub(super) fn new(engine: &'a EngineHandle, run: &'a str, over: Ended, first: usize) -> Self {
        let after = first.checked_sub(1).map(|it| it as u64);
        Self { engine, run, over, unsuccessful: VecDeque::new(), after, are_all_read: false }
    }

    /// Whether a child succeeded; one behind those that were asked for before.
    pub(super) async fn has_succeeded(&mut self, child: usize) -> Result<bool, EngineError> {
        if !self.over.contains(child) {
            return Ok(false);
        }
        let child = child as u64;
        loop {
            while self.unsuccessful.front().is_some_and(|it| *it < child) {
                self.unsuccessful.pop_front();
            }
            match self.unsuccessful.front() {
                Some(next) => return Ok(*next != child),
                None if self.are_all_read => return Ok(true),
                None => self.read().await?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), EngineError> {
        let page = page(&self.engine.engine()?, self.run, self.after).await?;
        let Some((last, _)) = page.last() else {
            self.are_all_read = true;
            return Ok(());
        };
        self.after = Some(*last);
        let unsuccessful = page.iter().filter(|(_, it)| it.file != ResultFile::Succeeded);
        self.unsuccessful.extend(unsuccessful.map(|(child, _)| *child));
        Ok(())
    }
}
