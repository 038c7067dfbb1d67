//! What belongs to one instance: its resources, its memory's bound, its standard streams.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWrite, sink};
use wasmtime::{ResourceLimiter, component::ResourceTable};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView, async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    capability::http::Client,
    invocation::{Invocation, Stream},
};

/// The most elements of a table.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 20_000;
/// The most memories of an instance; JavaScript on QuickJS has three.
pub(crate) const MEMORIES_MAX: usize = 8;
/// The most tables of an instance.
pub(crate) const TABLES_MAX: usize = 32;
/// The most core instances of an instance; Python has more than fifteen.
pub(crate) const CORE_INSTANCES_MAX: usize = 64;

/// The most random bytes of one call.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// The data of a store.
pub(crate) struct State {
    pub(crate) invocation: Arc<Invocation>,
    pub(crate) memory: Memory,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    client: Client,
}

impl State {
    pub(crate) fn new(invocation: Arc<Invocation>) -> Self {
        let limits = &invocation.policy.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles_max);
        let mut wasi = WasiCtx::builder();
        wasi.max_random_size(RANDOM_BYTES_MAX)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .stdout(Console { invocation: Arc::clone(&invocation), stream: Stream::Stdout })
            .stderr(Console { invocation: Arc::clone(&invocation), stream: Stream::Stderr });
        Self {
            memory: Memory {
                bytes: 0,
                growth: 0,
                bytes_max: limits.memory_bytes_max,
                refused: None,
            },
            table,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            client: Client::new(Arc::clone(&invocation)),
            invocation,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.client }
    }
}

/// Bounds the memories of an instance together, and remembers what was refused: a step that goes on
/// without is well, one that then traps has run out of memory.
pub(crate) struct Memory {
    bytes: usize,
    growth: usize,
    bytes_max: usize,
    /// How much it would have had in all.
    pub(crate) refused: Option<usize>,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let bytes = self.bytes.saturating_add(growth);
        if bytes > self.bytes_max {
            self.refused = Some(bytes);
            return Ok(false);
        }
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        self.growth = if allowed { growth } else { 0 };
        self.bytes += self.growth;
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.bytes -= std::mem::take(&mut self.growth);
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }
}

/// Standard output or error of a step.
struct Console {
    invocation: Arc<Invocation>,
    stream: Stream,
}

impl IsTerminal for Console {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Console {
    /// For WASI 0.1 and 0.3, which no step is linked with.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Self { invocation: Arc::clone(&self.invocation), stream: self.stream })
    }
}

/// The most bytes of one write.
const WRITE_BYTES_MAX: usize = 64 << 10;

#[async_trait]
impl OutputStream for Console {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.invocation
            .print(self.stream, &bytes)
            .map_err(|breach| StreamError::Trap(breach.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Console {
    async fn ready(&mut self) {}
}
