//! Why a state is not tested. The texts are AWS's, where they are known.

use crate::{Diagnostic, StateKind};

/// Why a state is not tested.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TestRefusal {
    /// The definition has these problems. AWS's `InvalidDefinition`; so are the next two.
    #[error("the definition is not valid")]
    InvalidDefinition(Vec<Diagnostic>),
    /// A Map or Parallel is tested with a mock alone.
    #[error(
        "TestState API does not support Map or Parallel states. Supported state types include: \
         [Task, Wait, Pass, Succeed, Fail, Choice]"
    )]
    NeedsMock,
    /// So is a task that somebody outside completes.
    #[error(
        "TestState API does not support Activity tasks, or the '.sync' and '.waitForTaskToken' \
         service integration patterns, when a mock is not specified."
    )]
    TaskNeedsMock,
    /// No state of the machine has the name. AWS's `ValidationException`, as are all that follow.
    #[error("State not found in definition")]
    StateNotFound,
    /// A task cannot be done without a role.
    #[error("RoleArn must be specified when testing a Task state")]
    NoRole,
    /// A state of this type does no work that could be mocked.
    #[error("State type '{0}' is not supported when a mock is specified")]
    NotMockable(StateKind),
    /// A mock has both a result and an error.
    #[error("A test mock should have only one of the following fields: [result, errorOutput].")]
    BothMocked,
    /// A mock has neither.
    #[error("A test mock should have one of the following fields: [result, errorOutput].")]
    NothingMocked,
    /// A mocked error has no name.
    #[error("A test mock should have the field 'error' in its errorOutput.")]
    NoErrorName,
    /// A member of the request goes with no mock.
    #[error("TestState does not support {0} when a mock is specified.")]
    NotWithMock(&'static str),
    /// A member of the request goes with a mock alone.
    #[error("TestState does not support {0} when a mock is not specified.")]
    OnlyWithMock(&'static str),
    /// A mocked result is not what the state's work comes to.
    #[error("Mocked result must {0}")]
    MockedResult(&'static str),
    /// A mocked result is not what the service's API answers.
    #[error("Mock result schema validation error: {0}")]
    MockSchema(String),
    /// More iterations are to have failed than there are.
    #[error(
        "Map iteration failure count must be less than or equal to the number of Map iterations"
    )]
    TooManyFailures,
    /// The context object is none of a state like this.
    #[error("Invalid Context object provided: {0}")]
    Context(String),
    /// The variables are no object, or have names that no variable can have.
    #[error("Invalid Variables provided: {0}")]
    Variables(String),
}
