//! One test binary, so that wasmtime is linked once.

mod access;
mod architecture;
mod aws_cli;
mod aws_sdk;
mod aws_stack;
mod bad_input;
mod commands;
mod concurrency;
mod conformance;
mod crash;
mod export;
mod far_sides;
mod first_landing;
mod flood;
mod hostile;
mod hot_swap;
mod lambda_api;
#[cfg(unix)]
mod lambda_mode;
mod languages;
mod map_files;
mod map_runs;
mod metrics;
mod on_aws;
mod order_workflow;
mod packages;
mod paginators;
mod recovery;
mod serve;
mod services;
mod skeletons;
mod start;
mod support;
mod tasks;
mod telemetry;
mod test_state;
#[path = "../host/wasm/tests/text_step.rs"]
mod text_step;
mod triggers;
mod versions;
mod workflows;
