//! What an invocation does: one step's task, or an execution of a workflow.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lambda_runtime::Context;
use stepyard_asl::{Payload, StateMachine, StatesError, Timestamp, error_name};
use stepyard_engine::{Engine, FunctionCall, Functions, Identity, StartExecution};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{answer::Answer, execution};

/// What is kept of an invocation's time for its answer to be posted; of a short one, a tenth.
const ANSWERING: Duration = Duration::from_millis(100);

/// What invocations do.
pub enum Work {
    /// The event is the input of a step.
    Step {
        /// What calls it.
        functions: Arc<dyn Functions>,
        /// The function that it is bound to.
        function: String,
    },
    /// The event is the input of an Express execution.
    Workflow(Box<Workflow>),
}

/// A workflow, and what runs it.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Runs its executions.
    pub engine: Engine,
    /// Its state machine.
    pub machine: Arc<StateMachine>,
    /// The definition as it was written.
    pub definition: Arc<str>,
    /// The state machine's name.
    pub name: String,
    /// The role its executions are told of.
    pub role: String,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { function, .. } => f.debug_tuple("Step").field(function).finish(),
            Self::Workflow(workflow) => f.debug_tuple("Workflow").field(&workflow.name).finish(),
        }
    }
}

impl Work {
    /// Does an invocation's work, and answers before Lambda would end it.
    pub(crate) async fn answer(&self, event: &[u8], context: &Context) -> Answer {
        let parsed = str::from_utf8(event).map_err(|error| error.to_string());
        let parsed = parsed.and_then(|text| Payload::parse(text).map_err(|it| it.to_string()));
        let event = match parsed {
            Ok(event) => event,
            Err(error) => {
                let message = format!("the event is not JSON: {error}");
                return Answer::error("Runtime.UnmarshalError", &message);
            }
        };
        let time = Time::until(context.deadline());
        match self {
            Self::Step { functions, function } => {
                step(&**functions, function, event, context, time).await
            }
            Self::Workflow(workflow) => workflow.run(event, context, time).await,
        }
    }
}

/// A step's task. Of its context a function on Lambda knows the deadline and the trace.
async fn step(
    functions: &dyn Functions,
    function: &str,
    event: Payload,
    context: &Context,
    time: Time,
) -> Answer {
    let call = FunctionCall {
        deadline: Some(time.deadline),
        trace: context.xray_trace_id.clone(),
        ..FunctionCall::new(function, event)
    };
    match timeout_at(time.ends, functions.invoke(call)).await {
        Ok(Ok(reply)) => Answer::result(&reply.payload),
        Ok(Err(error)) => Answer::of_step(error.of_request(&context.request_id)),
        // Lambda's name and words for it, said while there is still time to say them.
        Err(_) => Answer::error("Sandbox.Timedout", &time.out(&context.request_id)),
    }
}

impl Workflow {
    /// An execution, to its end: nothing of it goes on after the answer.
    async fn run(&self, input: Payload, context: &Context, time: Time) -> Answer {
        let start = StartExecution {
            machine: self.machine.clone(),
            definition: self.definition.clone(),
            machine_arn: match identity(&context.invoked_function_arn).state_machine(&self.name) {
                Ok(arn) => arn,
                Err(error) => return Answer::error("Runtime.ConfigInvalid", &error.to_string()),
            },
            name: context.request_id.clone(),
            input,
            role: self.role.clone(),
            alias: None,
            version: None,
            trace: context.xray_trace_id.clone(),
            parent: None,
            pins: None,
            logging: None,
            configuration: None,
        };
        let (started, mut end, events) = match self.engine.start_express_watched(start).await {
            Ok(started) => started,
            Err(error) => return Answer::error("Lambda.ServiceException", &error.to_string()),
        };
        let logged = tokio::spawn(execution::log(started.arn.clone(), events));
        let ended = tokio::select! {
            ended = &mut end => ended.ok(),
            () = sleep_until(time.ends) => {
                let out = StatesError::new(error_name::TIMEOUT, time.out(&context.request_id));
                // One that has ended meanwhile is past stopping.
                let _ = self.engine.stop_express(&started.arn, out).await;
                end.await.ok()
            }
        };
        // It says the last of it, and ends with the execution.
        let _ = logged.await;
        match ended {
            Some(status) => Answer::of_execution(&status),
            None => {
                let message = "the engine broke down before the execution had ended";
                Answer::error("Lambda.ServiceException", message)
            }
        }
    }
}

/// Region and account of a function's ARN: those that the execution's ARN has, too.
fn identity(function_arn: &str) -> Identity {
    let parts: Vec<&str> = function_arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "lambda", region, account, _] => {
            Identity { region: region.to_owned(), account: account.to_owned() }
        }
        _ => Identity::default(),
    }
}

/// How long an invocation may take.
#[derive(Clone, Copy, Debug)]
struct Time {
    /// Until then, for the step.
    deadline: Timestamp,
    ends: Instant,
    allowed: Duration,
}

impl Time {
    /// The time from now until the answer has to be posted, which is soon before Lambda's deadline.
    fn until(deadline: SystemTime) -> Self {
        let now = SystemTime::now();
        let left = deadline.duration_since(now).unwrap_or_default();
        let allowed = left.saturating_sub(ANSWERING.min(left / 10));
        let at = (now + allowed).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            deadline: Timestamp::from_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX)),
            ends: Instant::now() + allowed,
            allowed,
        }
    }

    /// Lambda's words for an invocation that took too long.
    fn out(&self, request_id: &str) -> String {
        let seconds = self.allowed.as_secs_f64();
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_of_the_functions_region_and_account() {
        let of = |arn: &str| {
            let Identity { region, account } = identity(arn);
            (region, account)
        };
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:order:live";
        assert_eq!(of(arn), ("eu-west-1".to_owned(), "111122223333".to_owned()));
        let Identity { region, account } = Identity::default();
        assert_eq!(of("No header lambda-runtime-invoked-function-arn found."), (region, account));
    }

    #[test]
    fn time_is_left_for_the_answer() {
        let allowed = |seconds: u64| {
            let time = Time::until(SystemTime::now() + Duration::from_secs(seconds));
            time.allowed.as_secs_f64()
        };
        assert!((2.8..=2.9).contains(&allowed(3)), "{}", allowed(3));
        let short = Time::until(SystemTime::now() + Duration::from_millis(100)).allowed;
        assert!(short <= Duration::from_millis(90) && !short.is_zero(), "{short:?}");
        let past = Time::until(SystemTime::UNIX_EPOCH);
        assert!(past.allowed.is_zero(), "{past:?}");
    }
}
