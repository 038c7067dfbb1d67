//! What came to its end in a step, for traces. Noted only for a host that asks for it: the execution is
//! the same either way.

use std::sync::Arc;

use super::{
    Execution, Status,
    branch::{Branch, BranchPath, parent_path},
};
use crate::{ScheduleTask, Span, SpanEnd, SpanOf, SpanPlace, StateKind, TaskSpan, Timestamp};

impl Execution {
    /// From here on [`crate::Step::spans`] has what comes to its end.
    pub fn trace(&mut self) {
        self.is_traced = true;
    }

    /// A visit to a state is over.
    pub(super) fn end_state(&mut self, path: &BranchPath, end: SpanEnd) {
        if self.is_traced
            && let Some(branch) = self.branches.get(path)
        {
            let span = self.state_span(path, branch, end);
            self.turn.step.spans.push(span);
        }
    }

    /// A branch or iteration is over.
    pub(super) fn end_branch(&mut self, path: &BranchPath, branch: &Branch, end: SpanEnd) {
        if self.is_traced {
            let span = self.branch_span(path, branch, end);
            self.turn.step.spans.extend(span);
        }
    }

    /// An attempt at a task is over.
    pub(super) fn end_task(
        &mut self,
        task: &ScheduleTask,
        version: Option<&Arc<str>>,
        end: SpanEnd,
    ) {
        if self.is_traced
            && let Some(branch) = self.branches.get(&task.task.branch)
        {
            let mut span = self.task_span(branch, task, end);
            if let SpanOf::Task(task) = &mut span.of {
                task.version = version.cloned();
            }
            self.turn.step.spans.push(span);
        }
    }

    /// A branch ends with what it is part of.
    pub(super) fn abort_spans(&mut self, path: &BranchPath, branch: &Branch) {
        if self.is_traced {
            let spans = self.aborted_spans(path, branch, SpanEnd::Aborted);
            self.turn.step.spans.extend(spans.into_iter().flatten());
        }
    }

    /// The execution is over, and with it all that is under way.
    pub(super) fn end_spans(&mut self, status: &Status) {
        if !self.is_traced || self.started.is_none() {
            return;
        }
        let end = match status {
            Status::Running => return,
            Status::Succeeded { .. } => SpanEnd::Succeeded,
            Status::Failed { error } => SpanEnd::Failed(error.clone()),
            Status::TimedOut => SpanEnd::TimedOut { is_heartbeat: false },
            Status::Aborted { .. } => SpanEnd::Aborted,
        };
        let mut spans = Vec::new();
        // What is within comes before what it is within.
        for (path, branch) in self.branches.iter().rev() {
            let of_state = if path.is_empty() { end.clone() } else { SpanEnd::Aborted };
            spans.extend(self.aborted_spans(path, branch, of_state).into_iter().flatten());
        }
        let began = self.redrives.last.unwrap_or(self.started().at);
        let place = SpanPlace::of_visit(self.redrives.count, BranchPath::default(), 0);
        spans.push(Span { place, of: SpanOf::Execution, began, ended: self.now, end });
        self.turn.step.spans.extend(spans);
    }

    /// The spans of a branch that is ended: its task's, its state's and its own.
    fn aborted_spans(
        &self,
        path: &BranchPath,
        branch: &Branch,
        of_state: SpanEnd,
    ) -> [Option<Span>; 3] {
        let task = self.task_of(path, branch);
        [
            task.map(|task| self.task_span(branch, task, SpanEnd::Aborted)),
            branch.is_in_state().then(|| self.state_span(path, branch, of_state)),
            self.branch_span(path, branch, SpanEnd::Aborted),
        ]
    }

    fn state_span(&self, path: &BranchPath, branch: &Branch, end: SpanEnd) -> Span {
        let state = branch.state();
        let of = SpanOf::State {
            name: state.name().clone(),
            kind: state.kind(),
            retries: branch.retry_count(),
        };
        let place = SpanPlace::of_visit(self.redrives.count, path.clone(), branch.visit);
        self.span(place, of, branch.entered_at, end)
    }

    /// None of the root, which is the execution.
    fn branch_span(&self, path: &BranchPath, branch: &Branch, end: SpanEnd) -> Option<Span> {
        let (parent, index) = parent_path(path)?;
        let state = self.branches.get(&parent)?.state();
        let of = SpanOf::Branch {
            state: state.name().clone(),
            index: u32::try_from(index).unwrap_or(u32::MAX),
            is_iteration: state.kind() == StateKind::Map,
        };
        let place = SpanPlace::of_visit(self.redrives.count, path.clone(), 0);
        Some(self.span(place, of, branch.begun_at, end))
    }

    fn task_span(&self, branch: &Branch, task: &ScheduleTask, end: SpanEnd) -> Span {
        let of = SpanOf::Task(Box::new(TaskSpan {
            state: task.state.clone(),
            resource: task.resource.clone(),
            input: task.input.clone(),
            attempt: task.attempt,
            started: branch.started_at,
            version: None,
        }));
        let place = SpanPlace::of_task(&task.task, self.redrives.count);
        self.span(place, of, branch.scheduled_at, end)
    }

    /// What stood when the execution was redriven begins with that anew.
    fn span(&self, place: SpanPlace, of: SpanOf, began: Timestamp, end: SpanEnd) -> Span {
        let began = self.redrives.last.map_or(began, |redriven| began.max(redriven));
        Span { place, of, began, ended: self.now, end }
    }
}
