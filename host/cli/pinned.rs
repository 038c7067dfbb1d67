//! Workflows whose executions keep to the step versions that were current when they began.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use stepyard_asl::{Pins, StateMachine};
use stepyard_engine::{FunctionName, Functions, LATEST, Pinning, Publishing, Registry};
use stepyard_integrations::Called;
use stepyard_wasm::Steps;

use crate::{manifest::Manifest, wiring};

/// Those that the manifest says so of.
#[derive(Debug)]
pub(crate) struct Pinned {
    steps: Registry<Steps>,
    machines: RwLock<BTreeSet<String>>,
}

impl Pinned {
    pub(crate) fn new(steps: Registry<Steps>, manifest: &Manifest) -> Self {
        Self { steps, machines: RwLock::new(machines(manifest)) }
    }

    /// As another manifest has it, for executions that begin from here on.
    pub(crate) fn update(&self, manifest: &Manifest) {
        *self.machines.write().unwrap_or_else(PoisonError::into_inner) = machines(manifest);
    }

    /// The number of the version that a call would run.
    fn number(&self, function: &FunctionName) -> Option<String> {
        let version = self.steps.resolve(&function.name, function.qualifier.as_deref())?;
        if *version.number != *LATEST {
            return Some(version.number.to_string());
        }
        let versions = self.steps.versions(&function.name).ok()?;
        let mut published = versions.iter().rev().filter(|it| *it.version != *LATEST);
        let published = published.find(|it| it.sha256 == version.sha256)?;
        Some(published.version.to_string())
    }
}

impl Pinning for Pinned {
    fn pins(&self, arn: &str, machine: &StateMachine) -> Option<Arc<Pins>> {
        let machines = self.machines.read().unwrap_or_else(PoisonError::into_inner);
        if !machines.contains(arn) {
            return None;
        }
        let tasks = machine.tasks().into_iter();
        let called = tasks.filter_map(|task| {
            let called = Called::by_task(task.resource, task.parameters).ok()?;
            let Called::Function(function) = called else { return None };
            Some((function.called(), self.number(&function)?))
        });
        Some(Arc::new(called.collect()))
    }
}

fn machines(manifest: &Manifest) -> BTreeSet<String> {
    let identity = wiring::identity(manifest);
    let pinned = manifest.workflows.iter().filter(|(_, workflow)| workflow.pin_steps);
    pinned.filter_map(|(name, _)| identity.state_machine(name.get_ref()).ok()).collect()
}
