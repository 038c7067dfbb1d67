//! One test binary, so that wasmtime is linked once.

mod architecture;
mod bad_input;
mod order_workflow;
mod recovery;
mod support;
