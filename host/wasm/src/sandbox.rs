//! Runs one task in one fresh instance, and ends it when it passes a limit. Settings are wasmtime's
//! for hostile code: instances from a pool whose memory is wiped by the kernel (or, where few calls
//! come, each with memory of its own), an epoch that takes the processor away, bounded stacks.

use std::{fmt, pin::pin, sync::Arc, task::Poll, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
    UpdateDeadline, component::Linker,
};

use crate::{
    Breach, Limits, Problem, Settings,
    capability::{
        self,
        bindings::{
            RunnerPre,
            exports::stepyard::step::handler::{Context, Error},
        },
    },
    compiler::Compiler,
    cpu_time,
    ending::{self, Ending},
    invocation::Invocation,
    state::{CORE_INSTANCES_MAX, State, TABLE_ELEMENTS_MAX},
    ticker::Ticker,
};

/// The stack of a step, in bytes: WebAssembly's part, and with the host's calls on top of it.
const WASM_STACK_BYTES: usize = 512 << 10;
const STACK_BYTES: usize = 1 << 20;

/// What a slot of the pool keeps of its memory between two tasks, wiped, in bytes: giving pages
/// back to the kernel costs more than wiping a few.
const MEMORY_KEPT_BYTES: usize = 256 << 10;
const TABLE_KEPT_BYTES: usize = 16 << 10;
const STACK_KEPT_BYTES: usize = 32 << 10;

/// Memories and tables for each instance, on average over the pool.
const MEMORIES_PER_INSTANCE: u32 = 2;
const TABLES_PER_INSTANCE: u32 = 4;

/// An engine, and all that its instances need.
pub(crate) struct Sandbox {
    engine: Engine,
    compiler: Compiler,
    takes_precompiled: bool,
    linker: Linker<State>,
    ticker: Ticker,
    places: Semaphore,
    memory_bytes_max: usize,
}

impl Sandbox {
    /// A sandbox whose instances may have so much memory each.
    pub(crate) fn new(
        settings: &Settings,
        memory_bytes_max: usize,
    ) -> std::result::Result<Self, Problem> {
        Self::set_up(settings, memory_bytes_max)
            .map_err(|error| Problem::Sandbox(format!("{error:#}")))
    }

    fn set_up(settings: &Settings, memory_bytes_max: usize) -> Result<Self> {
        let (mut config, instances_max) = (config(), settings.instances_max);
        if settings.pooled {
            let pool = pool(instances_max, memory_bytes_max);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        let engine = Engine::new(&config)?;
        Ok(Self {
            compiler: Compiler::new(settings.cache.as_deref(), &engine),
            takes_precompiled: settings.precompiled,
            linker: capability::linker(&engine)?,
            ticker: Ticker::start(&engine)?,
            engine,
            places: Semaphore::new(instances_max as usize),
            memory_bytes_max,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What compiles components for the engine.
    pub(crate) fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Whether components are let in that are compiled already.
    pub(crate) fn takes_precompiled(&self) -> bool {
        self.takes_precompiled
    }

    /// Whether there are instances with so much memory.
    pub(crate) fn check_memory(&self, limits: &Limits) -> std::result::Result<(), Problem> {
        let (bytes, bytes_max) = (limits.memory_bytes_max, self.memory_bytes_max);
        if bytes > bytes_max { Err(Problem::PoolMemory { bytes, bytes_max }) } else { Ok(()) }
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.linker
    }

    /// Instances of the pool that are alive.
    pub(crate) fn instances(&self) -> u64 {
        self.engine.pooling_allocator_metrics().map_or(0, |pool| pool.component_instances())
    }

    /// A place for one instance, in the order of asking.
    pub(crate) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("the semaphore is never closed")
    }

    /// Runs a step once, for whoever has a place. Dropping the future ends the step and frees its
    /// instance.
    pub(crate) async fn call(
        &self,
        step: &RunnerPre<State>,
        invocation: &Arc<Invocation>,
        input: &str,
        context: &Context,
    ) -> std::result::Result<std::result::Result<String, Error>, Ending> {
        let _running = self.ticker.run();
        let limits = &invocation.policy.limits;
        let mut store = self.store(invocation);
        let task = async {
            let runner = step.instantiate_async(&mut store).await?;
            runner.stepyard_step_handler().call_invoke(&mut store, input, context).await
        };
        let returned = bounded(limits, task).await.map_err(Ending::Breach)?;
        returned.map_err(|error| ending::of(&error, store.data(), limits))
    }

    fn store(&self, invocation: &Arc<Invocation>) -> Store<State> {
        let limits = &invocation.policy.limits;
        let mut store = Store::new(&self.engine, State::new(Arc::clone(invocation)));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(copied_bytes_max(limits));
        store.set_max_component_handles(limits.handles_max);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        store
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("instances", &self.instances())
            .field("ticker", &self.ticker)
            .finish_non_exhaustive()
    }
}

/// The engine's settings but for where instances live. Compiled components depend on these.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .gc_support(false)
        .memory_init_cow(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(STACK_BYTES);
    config
}

fn pool(instances_max: u32, memory_bytes_max: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances_max)
        .total_core_instances(instances_max.saturating_mul(CORE_INSTANCES_MAX as u32))
        .total_memories(instances_max.saturating_mul(MEMORIES_PER_INSTANCE))
        .total_tables(instances_max.saturating_mul(TABLES_PER_INSTANCE))
        .total_stacks(instances_max)
        .max_memory_size(memory_bytes_max.next_multiple_of(64 << 10))
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .async_stack_keep_resident(STACK_KEPT_BYTES)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// The most bytes copied from the step in one go, arguments and results alike.
pub(crate) fn copied_bytes_max(limits: &Limits) -> usize {
    limits.host_call_bytes_max.max(limits.output_bytes_max)
}

/// Runs a task within its wall time and its time on the processor. The task gives the processor
/// back at every tick, so a poll is never long, and what its polls took together is what it
/// computed.
async fn bounded<T>(
    limits: &Limits,
    task: impl Future<Output = T>,
) -> std::result::Result<T, Breach> {
    let mut task = pin!(task);
    let mut computed = Duration::ZERO;
    let metered = std::future::poll_fn(|cx| {
        let begun = cpu_time::of_this_thread();
        let polled = task.as_mut().poll(cx);
        computed += cpu_time::of_this_thread().saturating_sub(begun);
        match polled {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending if computed > limits.cpu_time => {
                Poll::Ready(Err(Breach::CpuTime(limits.cpu_time)))
            }
            Poll::Pending => Poll::Pending,
        }
    });
    match timeout(limits.wall_time, metered).await {
        Ok(result) => result,
        Err(_) => Err(Breach::WallTime(limits.wall_time)),
    }
}
