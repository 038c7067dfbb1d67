//! What a store tells of executions without reading their journals.

use std::sync::Arc;

use stepyard_asl::{Configuration, Fact, FactKind, Parent, Payload, Pins, Seed, Status, Timestamp};

use crate::{ExecutionArn, live::Bearings};

/// What is known of an execution without reading its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRecord {
    /// The parts that a list shows, too.
    pub summary: ExecutionSummary,
    /// The definition it runs, as it was written.
    pub definition: Arc<str>,
    /// Its input.
    pub input: Payload,
    /// The role it runs under.
    pub role: String,
    /// The X-Ray trace header it was started with.
    pub trace: Option<String>,
    /// The versions that its tasks run, when they are not those that are current.
    pub pins: Option<Arc<Pins>>,
    /// The task that started it, when another execution's did.
    pub parent: Option<Parent>,
    /// What is logged of it, as it was when it began; none for nothing.
    pub logging: Option<Arc<str>>,
    /// What its state machine was besides, when it began; none of one that began before it was kept.
    pub configuration: Option<Arc<Configuration>>,
    /// Its randomness: what its task tokens are sealed with.
    pub seed: Seed,
    /// Whether it rests: nothing need be at work on it.
    pub rests: bool,
    /// How it stands, with its output or error. `Running` until it is finished, whether or not an
    /// engine is at work on it.
    pub status: Status,
}

impl ExecutionRecord {
    pub(crate) fn bearings(&self) -> Bearings {
        // What goes on after a redrive does so with the versions of then.
        let pins = self.pins.clone().filter(|_| self.summary.redrive_count == 0);
        Bearings { trace: self.trace.clone(), pins }
    }

    /// The ARN of the Map Run that it is a child of.
    pub fn map_run(&self) -> Option<&str> {
        self.parent.as_ref()?.map_run.as_deref()
    }
}

/// What a list shows of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// Its place in the order of creation.
    pub number: u64,
    /// Its ARN.
    pub arn: ExecutionArn,
    /// Its name.
    pub name: Arc<str>,
    /// Its state machine's unqualified ARN.
    pub machine: Arc<str>,
    /// The version it was started with, as an ARN.
    pub version: Option<Arc<str>>,
    /// The alias it was started through, as an ARN.
    pub alias: Option<Arc<str>>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it is unfinished.
    pub stopped_at: Option<Timestamp>,
    /// AWS's word for how it stands: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: &'static str,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven_at: Option<Timestamp>,
    /// How many items it processes, of a child that has a batch of them.
    pub items: Option<u64>,
}

/// Which executions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those of this state machine (an unqualified ARN).
    pub machine: Option<String>,
    /// Only those that were started with this version (a qualified ARN).
    pub version: Option<String>,
    /// Only those that were started through this alias (a qualified ARN).
    pub alias: Option<String>,
    /// Only the children of this Map Run.
    pub map_run: Option<String>,
    /// Only those that were redriven, or were not.
    pub redriven: Option<bool>,
    /// Only those whose status is called so.
    pub status: Option<String>,
    /// Only those that are not finished, and do not rest either.
    pub awake: bool,
    /// Only those that are not finished, and are children of Map Runs.
    pub children: bool,
    /// Only those created before the one of this number.
    pub before: Option<u64>,
    /// At most so many; all when none.
    pub limit: Option<usize>,
}

/// An execution's record from its summary, its first fact and the rest; none when that fact is not
/// the one that starts an execution.
pub(super) fn record(
    summary: ExecutionSummary,
    definition: Arc<str>,
    first: Fact,
    rests: bool,
    status: Status,
) -> Option<ExecutionRecord> {
    let FactKind::ExecutionStarted {
        role,
        trace,
        parent,
        input,
        seed,
        pins,
        logging,
        configuration,
        ..
    } = first.kind
    else {
        return None;
    };
    let parent = parent.map(|parent| *parent);
    Some(ExecutionRecord {
        summary,
        definition,
        input,
        role,
        trace,
        pins,
        parent,
        logging,
        configuration,
        seed,
        rests,
        status,
    })
}
