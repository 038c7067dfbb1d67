//! The runtime of steps: a task of a function is a call in the sandbox.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use stepyard_asl::Payload;
use stepyard_engine::{FunctionCall, FunctionError, FunctionLimits, FunctionVersion, Runtime};
use tokio::sync::SemaphorePermit;

use crate::{
    Breach, Limits, Outside, Policy, Problem, Settings,
    breach::function_error,
    capability::bindings::{RunnerPre, exports::stepyard::step::handler::Context},
    component,
    ending::Ending,
    invocation::{Invocation, log},
    sandbox::Sandbox,
    state::State,
};

/// Runs steps.
#[derive(Debug)]
pub struct Steps {
    sandbox: Sandbox,
    outside: Outside,
}

/// A step that may run.
pub struct Step(RunnerPre<State>);

/// A place among a function's tasks, and one among all instances.
#[derive(Debug)]
pub struct Place<'a> {
    _function: SemaphorePermit<'a>,
    _instance: SemaphorePermit<'a>,
}

impl Steps {
    /// A runtime whose instances may have so much memory each. `outside` is all that they may reach.
    pub(crate) fn new(
        memory_bytes_max: usize,
        outside: Outside,
        settings: &Settings,
    ) -> Result<Self, Problem> {
        Ok(Self { sandbox: Sandbox::new(settings, memory_bytes_max)?, outside })
    }

    pub(crate) fn outside(&self) -> &Outside {
        &self.outside
    }

    /// Instances that are alive.
    pub fn instances(&self) -> u64 {
        self.sandbox.instances()
    }
}

impl Runtime for Steps {
    type Policy = Policy;
    type Program = Step;
    type Refusal = Problem;
    type Place<'a> = Place<'a>;

    fn admit(&self, policy: &Policy, code: &[u8], sha256: &str) -> Result<Step, Problem> {
        let Policy { function, grants, limits, .. } = policy;
        component::admit(&self.sandbox, code, sha256, function, grants, limits).map(Step)
    }

    fn limits(&self, policy: &Policy) -> FunctionLimits {
        let Limits { wall_time, memory_bytes_max, .. } = policy.limits;
        FunctionLimits { wall_time, memory_bytes_max }
    }

    fn breaches(&self, policy: &Policy) -> Vec<(&'static str, u64)> {
        policy.breaches.counts()
    }

    async fn place<'a>(&'a self, policy: &'a Policy) -> Result<Place<'a>, FunctionError> {
        let Some(function) = policy.gate.enter().await else {
            let Limits { concurrency_max, queue_max, .. } = policy.limits;
            return Err(FunctionError::TooManyRequests(format!(
                "function `{}` runs {concurrency_max} tasks and {queue_max} wait \
                 (limits.concurrency, limits.queue)",
                policy.function
            )));
        };
        Ok(Place { _function: function, _instance: self.sandbox.place().await })
    }

    async fn run(
        &self,
        _place: Self::Place<'_>,
        policy: &Arc<Policy>,
        step: &Step,
        version: &FunctionVersion,
        call: FunctionCall,
    ) -> Result<Payload, FunctionError> {
        let context = context(&call, &policy.limits);
        // An engine keeps a task's end after what its step wrote; nobody keeps another call's.
        let is_task = call.execution.is_some();
        let label = version.label.clone();
        let invocation = Invocation::new(policy.clone(), label, call.execution, call.state);
        let invocation = Arc::new(invocation);
        let ended = self.sandbox.call(&step.0, &invocation, call.payload.text(), &context).await;
        let stderr = invocation.end_of_console();
        if !is_task && let Err(error) = policy.outside.keyvalue.settle().await {
            return Err(FunctionError::Service(error.to_string()));
        }
        let failed = |error| {
            let (error, version) = (invocation.told(error), version.clone());
            FunctionError::Function { error, version }
        };
        let stopped = |breach: Breach| {
            policy.breaches.count(breach.name());
            log!(warn, &*invocation, error = breach.name(), "{breach}");
            failed(breach.into_error(&stderr))
        };
        match ended {
            Ok(Ok(output)) => payload(invocation.covered(output), &policy.limits).map_err(stopped),
            Ok(Err(error)) => Err(failed(function_error(&error.error_type, &error.error_message))),
            Err(Ending::Breach(breach)) => Err(stopped(breach)),
            Err(Ending::NoPlace(reason)) => Err(FunctionError::TooManyRequests(reason)),
        }
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Step").finish_non_exhaustive()
    }
}

/// What a step is told about its task. Its deadline is the earlier of its caller's and its own, on
/// the clock that it sees itself through `wasi:clocks`.
fn context(call: &FunctionCall, limits: &Limits) -> Context {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let own = u64::try_from((now + limits.wall_time).as_millis()).unwrap_or(u64::MAX);
    let callers = call.deadline.and_then(|deadline| u64::try_from(deadline.as_millis()).ok());
    Context {
        deadline_ms: callers.map_or(own, |callers| callers.min(own)),
        trace: call.trace.clone().unwrap_or_default(),
        execution_arn: call.execution.clone(),
        state_name: call.state.as_deref().map(str::to_owned),
        attempt: call.attempt,
        idempotency_key: call.idempotency_key.clone(),
        task_token: call.token.clone(),
    }
}

/// What a step returned, if it is JSON of fair size.
fn payload(output: String, limits: &Limits) -> Result<Payload, Breach> {
    let bytes_max = limits.output_bytes_max;
    if output.len() > bytes_max {
        return Err(Breach::Output { bytes: output.len(), bytes_max });
    }
    Payload::parse(output).map_err(|error| Breach::NotJson(error.to_string()))
}
