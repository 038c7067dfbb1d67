//! The door for whoever does a task outside: a word on a task token.

use std::sync::Arc;

use stepyard_asl::{CommandId, FactKind, TaskToken};

use super::{Act, Driver, Reply};
use crate::{
    ExecutionArn, Store,
    completion::{Completion, Standing},
};

impl Driver {
    pub(super) fn complete(
        &mut self,
        execution: &ExecutionArn,
        token: &TaskToken,
        completion: Completion,
        done: Reply<Standing>,
    ) {
        let standing = match self.live.get(execution) {
            None => None,
            Some(live) => match live.execution.task_of_token(token) {
                Some(task) => {
                    let task = task.task.clone();
                    if completion != Completion::Beat {
                        // It may be answered before whoever passed the token on is done.
                        self.tasks.end(execution, &task);
                    }
                    self.tell(execution, fact_of_completion(task, completion));
                    self.acts.push(Act::Completed { done });
                    return;
                }
                None if live.execution.gave(token) => Some(Standing::Over),
                None => Some(Standing::Foreign),
            },
        };
        let _ = done.send(standing);
    }
}

/// Which activities are not there. A store that fails at this fails at the next commit, too.
pub(super) fn absent(store: Option<&dyn Store>, activities: &[Arc<str>]) -> Vec<Arc<str>> {
    let Some(store) = store else { return Vec::new() };
    let is_absent = |activity: &&Arc<str>| matches!(store.activity(activity), Ok(None));
    activities.iter().filter(is_absent).cloned().collect()
}

fn fact_of_completion(task: CommandId, completion: Completion) -> FactKind {
    match completion {
        Completion::Succeeded(output) => FactKind::TaskSucceeded { task, output, version: None },
        Completion::Failed(error) => FactKind::TaskFailed { task, error, version: None },
        Completion::Beat => FactKind::TaskBeat { task },
    }
}
