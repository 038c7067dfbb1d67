//! One queue for all timers of all executions.

use std::collections::{BTreeMap, HashMap};

use stepyard_asl::{CommandId, CommandKind, Timestamp};

use crate::ExecutionArn;

/// Timers that have not fired, in the order in which they will.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<Place, (ExecutionArn, CommandId)>,
    places: HashMap<ExecutionArn, HashMap<CommandId, Place>>,
    last: u64,
}

/// When a timer fires, and which of those that fire then it is.
type Place = (Timestamp, u64);

/// What is due of an execution.
#[derive(Debug, PartialEq)]
pub(crate) struct Due {
    /// The moment that it was set to.
    pub(crate) at: Timestamp,
    pub(crate) execution: ExecutionArn,
    pub(crate) timer: CommandId,
    /// Where it is the limit of a task, those of other tasks that have the same moment.
    pub(crate) also: Vec<CommandId>,
}

impl Timers {
    /// Starts a timer; one that was started before is moved.
    pub(crate) fn start(&mut self, execution: &ExecutionArn, timer: CommandId, at: Timestamp) {
        self.last += 1;
        let place = (at, self.last);
        self.queue.insert(place, (execution.clone(), timer.clone()));
        let before = self.places.entry(execution.clone()).or_default().insert(timer, place);
        if let Some(before) = before {
            self.queue.remove(&before);
        }
    }

    /// Forgets a timer.
    pub(crate) fn cancel(&mut self, execution: &ExecutionArn, timer: &CommandId) {
        let Some(timers) = self.places.get_mut(execution) else { return };
        if let Some(place) = timers.remove(timer) {
            self.queue.remove(&place);
        }
        if timers.is_empty() {
            self.places.remove(execution);
        }
    }

    /// Forgets all timers of an execution.
    pub(crate) fn cancel_all(&mut self, execution: &ExecutionArn) {
        for place in self.places.remove(execution).into_iter().flatten().map(|(_, place)| place) {
            self.queue.remove(&place);
        }
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next timer whose moment has come, and what is due with it.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        let next = self.queue.first_entry().filter(|next| next.key().0 <= now)?;
        let ((at, _), (execution, timer)) = next.remove_entry();
        self.cancel(&execution, &timer);
        let mut also = Vec::new();
        if limits_task(&timer) {
            let at_once = self.queue.range((at, 0)..=(at, u64::MAX)).map(|(_, timer)| timer);
            let those = at_once.filter(|(of, timer)| *of == execution && limits_task(timer));
            also = those.map(|(_, timer)| timer.clone()).collect();
            also.iter().for_each(|timer| self.cancel(&execution, timer));
        }
        Some(Due { at, execution, timer, also })
    }
}

fn limits_task(timer: &CommandId) -> bool {
    matches!(timer.kind(), CommandKind::Timeout | CommandKind::Heartbeat)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn id(text: &str) -> CommandId {
        text.parse().unwrap()
    }

    #[test]
    fn timers_fire_in_order_and_not_before_their_moment() {
        let (mut timers, execution) = (Timers::default(), ExecutionArn::from("execution"));
        for (name, moment) in
            [("3.0:wait", 30), ("1.0:wait", 10), ("2.0:wait", 10), ("4.0:wait", 5)]
        {
            timers.start(&execution, id(name), at(moment));
        }
        timers.cancel(&execution, &id("4.0:wait"));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(9)), None);
        let mut fired = Vec::new();
        while let Some(due) = timers.take_due(at(29)) {
            fired.push(due.timer.to_string());
            assert_eq!(due.also, []);
        }
        assert_eq!(fired, ["1.0:wait", "2.0:wait"]);
        assert_eq!(timers.next(), Some(at(30)));
    }

    #[test]
    fn limits_of_tasks_that_have_one_moment_are_due_at_once() {
        let (mut timers, execution) = (Timers::default(), ExecutionArn::from("execution"));
        for (name, moment) in [
            ("1.0:timeout", 10),
            ("2.0:wait", 10),
            ("3.0:heartbeat", 10),
            ("4.0:timeout", 11),
            ("5.0:timeout", 10),
        ] {
            timers.start(&execution, id(name), at(moment));
        }
        timers.start(&ExecutionArn::from("other"), id("1.0:timeout"), at(10));
        let mut due = Vec::new();
        while let Some(Due { execution, timer, also, .. }) = timers.take_due(at(11)) {
            due.push(format!("{execution}: {timer} {also:?}"));
        }
        assert_eq!(
            due,
            [
                format!("execution: 1.0:timeout {:?}", [id("3.0:heartbeat"), id("5.0:timeout")]),
                "execution: 2.0:wait []".to_owned(),
                "other: 1.0:timeout []".to_owned(),
                "execution: 4.0:timeout []".to_owned(),
            ]
        );
        assert_eq!(timers.places, HashMap::new());
    }

    #[test]
    fn nothing_is_left_of_timers_that_are_over() {
        let mut timers = Timers::default();
        let (one, other) = (ExecutionArn::from("one"), ExecutionArn::from("other"));
        timers.start(&one, id("1.0:wait"), at(10));
        timers.start(&one, id("1.0:wait"), at(20));
        assert_eq!(timers.next(), Some(at(20)));
        timers.start(&one, id("2.0:timeout"), at(30));
        timers.start(&other, id("1.0:wait"), at(40));
        timers.cancel_all(&one);
        assert_eq!(timers.next(), Some(at(40)));
        timers.cancel(&other, &id("1.0:wait"));
        assert!(timers.queue.is_empty() && timers.places.is_empty());
    }
}
