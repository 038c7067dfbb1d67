//! Several tasks at once, from host call to host call, in an order drawn from a seed.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{Doom, Host, Outcome, Task, catch, imports};

/// Runs these tasks at once on one host. Exactly one of them proceeds at any time, up to its next
/// host call; the seed alone draws which one, and which are killed there, each with this
/// probability. The answers are in the order of the tasks.
pub fn interleave<Answer: Send>(
    host: &Host,
    seed: u64,
    kill_probability: f64,
    tasks: Vec<impl FnOnce() -> Answer + Send>,
) -> Vec<Outcome<Answer>> {
    let turns = Arc::new(Turns::new(seed, kill_probability, tasks.len()));
    thread::scope(|scope| {
        let threads: Vec<_> = tasks
            .into_iter()
            .enumerate()
            .map(|(number, task)| {
                let gate = Gate { turns: Arc::clone(&turns), number };
                let host = host.clone();
                scope.spawn(move || gate.run(host, task))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// One task's place among the others.
#[derive(Clone)]
pub(super) struct Gate {
    turns: Arc<Turns>,
    number: usize,
}

struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    random: u64,
    kill_probability: f64,
    running: Vec<usize>,
    turn: usize,
}

impl Gate {
    /// Lets another task proceed, or this one again; answers whether this one is killed.
    pub(super) fn pass(&self) -> bool {
        let mut state = self.turns.lock();
        state.draw_turn();
        self.turns.changed.notify_all();
        let mut state = self.wait(state);
        let drawn = (state.random() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < state.kill_probability
    }

    fn run<Answer>(self, host: Host, task: impl FnOnce() -> Answer) -> Outcome<Answer> {
        // Left on a panic as well, so that the others come to their ends.
        struct Leave(Gate);
        impl Drop for Leave {
            fn drop(&mut self) {
                self.0.leave();
            }
        }
        drop(self.wait(self.turns.lock()));
        let leave = Leave(self.clone());
        let outcome = catch(|| {
            Task { host, doom: Doom::Scheduled(self) }.run(|| {
                let answer = task();
                imports::call();
                answer
            })
        });
        drop(leave);
        outcome
    }

    fn leave(&self) {
        let mut state = self.turns.lock();
        state.running.retain(|number| *number != self.number);
        state.draw_turn();
        self.turns.changed.notify_all();
    }

    fn wait<'state>(&self, mut state: MutexGuard<'state, State>) -> MutexGuard<'state, State> {
        while state.turn != self.number {
            state = self.turns.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}

impl Turns {
    fn new(seed: u64, kill_probability: f64, tasks: usize) -> Self {
        let mut state =
            State { random: seed, kill_probability, running: (0..tasks).collect(), turn: 0 };
        state.draw_turn();
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn draw_turn(&mut self) {
        if !self.running.is_empty() {
            let drawn = self.random() % self.running.len() as u64;
            self.turn = self.running[drawn as usize];
        }
    }

    /// SplitMix64: small, and good enough to draw turns.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("number", &self.number).finish_non_exhaustive()
    }
}
