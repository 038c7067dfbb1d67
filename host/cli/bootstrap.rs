//! What AWS Lambda starts of a function's package: its custom runtime, and nothing else of the command.

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    stepyard::bootstrap()
}
