//! The `stepyard` command; everything is in the library beside it, so that tests and benches can
//! wire a Stepyard in process.

fn main() -> std::process::ExitCode {
    stepyard::main()
}
