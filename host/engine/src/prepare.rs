//! Starting what is registered: a state machine's ARN becomes what an execution starts from.

use stepyard_asl::{Parent, Payload};

use crate::{Engine, MachineArn, MachineError, MachineType, StartExecution};

/// The arguments of `StartExecution` as a caller gives them.
#[derive(Clone, Debug)]
pub struct Request {
    /// The state machine, or its version or alias.
    pub machine: MachineArn,
    /// The execution's name.
    pub name: String,
    /// The execution's input.
    pub input: Payload,
    /// The X-Ray trace header.
    pub trace: Option<String>,
    /// The task that asks, when another execution's does.
    pub parent: Option<Parent>,
}

impl Engine {
    /// What a request starts, and as what: to be given to [`Engine::start`] or
    /// [`Engine::start_express`].
    pub async fn prepare(
        &self,
        request: Request,
    ) -> Result<(MachineType, StartExecution), MachineError> {
        let target = self.route(&request.machine).await?;
        let kind = target.machine.kind;
        let Request { name, input, trace, parent, .. } = request;
        let start = self.starting(target, name, input)?;
        Ok((kind, StartExecution { trace, parent, ..start }))
    }
}
