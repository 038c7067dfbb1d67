//! What a step's call would cost if its instance were kept for the next: the yardstick beside the fresh
//! sandbox, with wasmtime itself and none of the host's limits.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use wasmtime::{
    Engine, Result, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use self::exports::stepyard::step::handler::Context;

wasmtime::component::bindgen!({ path: "../../wit", world: "stepyard:step/step" });

#[derive(Default)]
struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.context, table: &mut self.table }
    }
}

/// The median time of so many calls of one instance.
pub(crate) fn call(component: &Path, input: &str, calls: usize) -> Result<Duration> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let mut store = Store::new(&engine, Wasi::default());
    let step = Step::instantiate(&mut store, &component, &linker)?;
    let context = Context {
        deadline_ms: u64::MAX,
        trace: String::new(),
        execution_arn: None,
        state_name: None,
        attempt: None,
        idempotency_key: None,
        task_token: None,
    };
    let mut took = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        let answer = step.stepyard_step_handler().call_invoke(&mut store, input, &context)?;
        took.push(begun.elapsed());
        answer.expect("the order is valid");
    }
    took.sort_unstable();
    Ok(took[calls / 2])
}
