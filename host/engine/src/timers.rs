//! One queue for all timers of all executions.

use std::collections::{BTreeMap, HashMap};

use stepyard_asl::{CommandId, Timestamp};

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

    /// Takes the next timer whose moment has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(ExecutionArn, CommandId)> {
        let next = self.queue.first_entry().filter(|next| next.key().0 <= now)?;
        let (execution, timer) = next.remove();
        self.cancel(&execution, &timer);
        Some((execution, timer))
    }
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
        while let Some((_, timer)) = timers.take_due(at(29)) {
            fired.push(timer.to_string());
        }
        assert_eq!(fired, ["1.0:wait", "2.0:wait"]);
        assert_eq!(timers.next(), Some(at(30)));
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
