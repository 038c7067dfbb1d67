//! Why an instance stopped, from what wasmtime tells.

use wasmtime::{
    Error, PoolConcurrencyLimitError, Trap, WasmBacktrace, component::ResourceTableError,
};
use wasmtime_wasi::I32Exit;

use crate::{Breach, Limits, sandbox::copied_bytes_max, state::State};

/// An end other than by a result.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The step's own doing.
    Breach(Breach),
    /// The host had no place for it.
    NoPlace(String),
}

/// Reads the end of an instance out of an error and what its store remembers.
pub(crate) fn of(error: &Error, state: &State, limits: &Limits) -> Ending {
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return Ending::NoPlace(full.to_string());
    }
    Ending::Breach(breach(error, state, limits))
}

fn breach(error: &Error, state: &State, limits: &Limits) -> Breach {
    if let Some(breach) = error.downcast_ref::<Breach>() {
        return breach.clone();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Breach::Exit(exit.0);
    }
    // A step whose memory was refused and which then traps is one that did not go on without.
    if let Some(asked) = state.memory.refused {
        return Breach::Memory { asked, bytes_max: limits.memory_bytes_max };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return if is_stack_overflow(*trap, error) { Breach::Stack } else { trapped(*trap) };
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Breach::Handles(limits.handles_max);
    }
    untyped(error, limits)
}

/// What wasmtime has only words for. An error with a backtrace came while the step ran, one without
/// when its result was read.
fn untyped(error: &Error, limits: &Limits) -> Breach {
    let returned = error.downcast_ref::<WasmBacktrace>().is_none();
    let reason = error.root_cause().to_string();
    if reason.contains("fuel allocated for hostcalls has been exhausted") {
        let copied_max = copied_bytes_max(limits);
        return match returned {
            true => Breach::OutputUncopied { copied_max, bytes_max: limits.output_bytes_max },
            false => Breach::HostCallBytes(copied_max),
        };
    }
    if reason.contains("store handle limit exceeded") {
        return Breach::Handles(limits.handles_max);
    }
    if returned { Breach::NotText(reason) } else { Breach::Trap(reason) }
}

fn trapped(trap: Trap) -> Breach {
    Breach::Trap(match trap {
        Trap::UnreachableCodeReached => "it panicked or aborted".to_owned(),
        trap => trap.to_string(),
    })
}

/// The frames that a backtrace has at most by wasmtime's default.
const FRAMES_MAX: usize = 20;

/// Whether a step ran out of stack: WebAssembly's own, or the one that languages keep in linear
/// memory, below which lies no memory. The latter looks like any bad pointer but for the backtrace,
/// which is full, and of few functions over and over.
fn is_stack_overflow(trap: Trap, error: &Error) -> bool {
    if trap != Trap::MemoryOutOfBounds {
        return trap == Trap::StackOverflow;
    }
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return false;
    };
    let mut functions: Vec<u32> =
        backtrace.frames().iter().map(|frame| frame.func_index()).collect();
    if functions.len() < FRAMES_MAX {
        return false;
    }
    functions.sort_unstable();
    functions.dedup();
    functions.len() <= FRAMES_MAX / 2
}
