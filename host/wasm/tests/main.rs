//! Steps in their sandbox, from a component's file to a task's result. One binary, so that wasmtime
//! is linked once.

mod admission;
mod capabilities;
mod hostile;
mod http;
mod precompiled;
mod suite;
mod support;
mod text_step;
