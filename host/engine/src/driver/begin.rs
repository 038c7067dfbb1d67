//! How an execution comes to be at work: begun, read back, or let go on after it was over.

use std::sync::Arc;

use stepyard_asl::{Command, FactKind, Timestamp};
use tokio::sync::oneshot;

use super::{Act, Driver, Resumption, Start};
use crate::{
    ExecutionArn, StoreError, Subject, live::Live, reservation::Reservation, store::Record,
};

impl Driver {
    pub(super) fn start(&mut self, start: Start) {
        if self.draining {
            return;
        }
        let Start { arn, name, machine_arn, definition, mut live, fact, held, done } = start;
        if self.open() >= self.open_max {
            let _ = done.send(None);
            return;
        }
        let machine = machine_arn;
        let started_at = self.clock.now();
        if let Some(observer) = &self.observer
            && let Some(subject) = Subject::of_start(&arn, &machine, started_at, &fact)
        {
            live.observe(&**observer, subject);
        }
        let (version, alias) = qualified(&fact);
        let map_run = map_run(&fact);
        self.keep(Record::Created {
            arn: arn.clone(),
            name,
            machine,
            version,
            alias,
            definition,
            map_run,
            started_at,
        });
        self.live.insert(arn.clone(), live);
        // The acknowledgement stands before what the first step asks for.
        self.acts.push(Act::Started { at: started_at, held, done });
        self.tell_at(started_at, &arn, fact);
    }

    pub(super) fn resume(&mut self, resumption: Resumption) -> Result<(), StoreError> {
        if self.draining {
            return Ok(());
        }
        let Resumption { arn, live, first, held, done } = resumption;
        let (mut commands, at, facts) = (live.unperformed(), live.told_at, live.facts);
        let rests = live.rests;
        if !live.is_running() {
            commands.push(self.end_of(&arn, &live));
        }
        self.live.insert(arn.clone(), *live);
        if first.is_none() || !rests {
            self.list_again(&arn, &commands);
        }
        self.elsewhere = self.elsewhere.saturating_sub(1);
        self.acts.push(Act::Perform { execution: arn.clone(), commands, at });
        self.acts.push(Act::Resumed { held, done });
        if let Some(first) = first {
            self.take(*first)?;
        }
        // Told nothing, it may rest again.
        if self.live.get(&arn).is_some_and(|live| live.facts == facts) {
            self.note(arn);
        }
        Ok(())
    }

    /// The end of an execution that its journal has as over and its record as running: the two are of one
    /// commit, so that a version that reads journals otherwise is at fault, or the store.
    fn end_of(&mut self, execution: &ExecutionArn, live: &Live) -> Command {
        let (status, stopped_at) = (live.execution.status().clone(), live.told_at);
        tracing::error!(%execution, ?status, "an execution was kept as running that its facts have as over; it ends as they say");
        let record =
            Record::Finished { execution: execution.clone(), status: status.clone(), stopped_at };
        self.keep(record);
        Command::Finish { status }
    }

    pub(super) fn redrive(
        &mut self,
        execution: &ExecutionArn,
        mut live: Live,
        client_token: Option<String>,
        held: Reservation,
        done: oneshot::Sender<Timestamp>,
    ) {
        if self.draining {
            return;
        }
        let at = self.clock.now().max(live.told_at);
        // Before the fact: it may end at once again.
        self.keep(Record::Redriven { execution: execution.clone(), at });
        // It goes on with the versions of now.
        live.bearings.pins = None;
        self.live.insert(execution.clone(), live);
        self.acts.push(Act::Redriven { at, held, done });
        self.tell_at(at, execution, FactKind::ExecutionRedriven { client_token });
    }
}

/// The Map Run that an execution is a child of, as an ARN.
fn map_run(started: &FactKind) -> Option<Arc<str>> {
    let FactKind::ExecutionStarted { parent: Some(parent), .. } = started else { return None };
    parent.map_run.as_deref().map(Arc::from)
}

/// The version and the alias that an execution is started with, as ARNs.
fn qualified(started: &FactKind) -> (Option<Arc<str>>, Option<Arc<str>>) {
    let FactKind::ExecutionStarted { version, alias, .. } = started else { return (None, None) };
    (version.as_deref().map(Arc::from), alias.as_deref().map(Arc::from))
}
