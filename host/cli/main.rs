//! The `stepyard` command; everything is in the library beside it, so that tests and benches can
//! wire a Stepyard in process.

/// The C library's allocator takes a fifth of the processor's time of an order, and this one half of
/// that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    stepyard::main()
}
