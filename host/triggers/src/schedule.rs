//! A schedule at work: at each of its moments an execution begins, once.

use sha2::{Digest, Sha256};
use stepyard_asl::Timestamp;
use stepyard_engine::{EventError, MachineArn, crash, outside::KeyValueError};

use crate::{
    Expression, ScheduleInput, Surroundings,
    input::Occasion,
    ledger::{Ledger, Progress},
    pause::Pause,
};

/// How late a moment may begin its execution. What the server was down for is made up for as
/// EventBridge Scheduler makes up for a target that was (`MaximumEventAgeInSeconds`, by default 24 h).
const EVENT_AGE_MAX_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// What starts executions of a state machine at moments.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The state machine.
    machine: MachineArn,
    /// What its executions' names begin with.
    name: String,
    expression: Expression,
    input: ScheduleInput,
}

impl Schedule {
    /// A schedule of `machine`. `name` tells it from the others of that state machine, and is what
    /// its executions' names begin with; where there is none, what was written tells it.
    pub fn new(
        machine: MachineArn,
        name: Option<&str>,
        written: &[&str],
        expression: Expression,
        input: ScheduleInput,
    ) -> Self {
        let name = name.map_or_else(|| derived(written), str::to_owned);
        Self { machine, name, expression, input }
    }

    /// Tells schedules apart: another expression or time zone is another schedule, unless it is named.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.machine, self.name)
    }
}

/// A name from what was written: `schedule-` and the beginning of a hash.
fn derived(written: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in written {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("schedule-{hash}")
}

/// Starts a schedule's executions.
pub(crate) struct Scheduler {
    surroundings: Surroundings,
    ledger: Ledger,
    schedule: Schedule,
}

/// Why a moment was not dealt with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScheduleError {
    #[error(transparent)]
    Ledger(#[from] KeyValueError),
    #[error(transparent)]
    Event(#[from] EventError),
}

impl Scheduler {
    pub(crate) fn new(surroundings: &Surroundings, ledger: Ledger, schedule: Schedule) -> Self {
        Self { surroundings: surroundings.clone(), ledger, schedule }
    }

    /// Begins an execution at each moment, until there is none any more.
    pub(crate) async fn run(self) {
        let clock = &self.surroundings.clock;
        let mut pause = Pause::default();
        loop {
            let wake = match self.catch_up().await {
                Ok(None) => return,
                Ok(Some(next)) => {
                    pause.over();
                    next
                }
                Err(error) => {
                    let millis = pause.more_millis();
                    tracing::warn!(schedule = self.schedule.id(), %error, millis, "a scheduled execution could not be started; it is tried again");
                    clock.now().plus_millis(i64::try_from(millis).unwrap_or(i64::MAX))
                }
            };
            clock.sleep_until(wake).await;
        }
    }

    /// Deals with the moments that have come, and answers the next.
    pub(crate) async fn catch_up(&self) -> Result<Option<Timestamp>, ScheduleError> {
        let id = self.schedule.id();
        let mut progress = self.ledger.open(&id, self.surroundings.clock.now()).await?;
        loop {
            let now = self.surroundings.clock.now();
            let Some(moment) = self.next(&mut progress, now) else { return Ok(None) };
            if moment > now {
                return Ok(Some(moment));
            }
            self.begin(moment).await?;
            crash::point("after-scheduled");
            progress.done = moment;
            self.ledger.keep(&id, progress).await?;
        }
    }

    /// The next moment that is not dealt with and not too old.
    fn next(&self, progress: &mut Progress, now: Timestamp) -> Option<Timestamp> {
        let next = |after| self.schedule.expression.next(after, progress.begun);
        let oldest = now.plus_millis(-EVENT_AGE_MAX_MILLIS);
        let missed = next(progress.done).filter(|moment| *moment < oldest);
        let Some(missed) = missed else { return next(progress.done) };
        tracing::warn!(schedule = self.schedule.id(), since = %missed, "what a schedule missed for more than a day is not made up for");
        next(oldest.plus_millis(-1))
    }

    async fn begin(&self, moment: Timestamp) -> Result<(), ScheduleError> {
        let Surroundings { engine, identity, .. } = &self.surroundings;
        let Schedule { machine, name: schedule, input, .. } = &self.schedule;
        let name = format!("{schedule}-{}", compact(moment));
        let occasion = Occasion { identity, schedule, execution: &name, moment };
        let refused = |error: &dyn std::fmt::Display| {
            tracing::error!(schedule = self.schedule.id(), %moment, %error, "a scheduled execution was refused");
            Ok(())
        };
        let input = match input.filled(&occasion) {
            Ok(input) => input,
            // It was JSON with other values; there is nothing to wait for.
            Err(error) => return refused(&error),
        };
        let begun = match engine.route(machine).await {
            Ok(target) => engine.begin(target, name, input).await,
            Err(error) => Err(error.into()),
        };
        match begun {
            Ok(_) => Ok(()),
            Err(error) if error.is_passing() => Err(error.into()),
            // The moment began its execution before the input was changed.
            Err(EventError::Start(stepyard_engine::StartError::ExecutionAlreadyExists {
                ..
            })) => Ok(()),
            Err(error) => refused(&error),
        }
    }
}

/// `2026-11-25T12:00:00.000Z` as a name may have it: `20261125T120000Z`.
fn compact(moment: Timestamp) -> String {
    let text = moment.to_string().replace(".000Z", "Z");
    text.replace(['-', ':'], "")
}
