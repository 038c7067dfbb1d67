//! The `stepyard` command: parses, wires, prints. A library, so that tests and benches can wire a
//! Stepyard in process.
#![forbid(unsafe_code)]

mod buckets;
mod command;
mod crates;
mod definition;
mod grants;
mod input;
pub mod manifest;
mod otlp;
mod pinned;
mod progress;
mod project;
mod report;
mod secrets;
mod source;
mod telemetry;
mod triggers;
mod watch;
pub mod wiring;
mod workflows;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Run AWS Step Functions workflows whose steps are sandboxed WebAssembly components.
///
/// A workflow is a definition in the Amazon States Language, exactly as AWS takes it. The manifest,
/// stepyard.toml, binds each function that the workflow calls to a step, and says what that step may
/// do. No account, no server and no container is needed.
#[derive(Debug, Parser)]
#[command(name = "stepyard", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  stepyard run workflow.asl.json --input order.json
  stepyard run workflow.asl.json --input '{\"order_id\":\"7\"}' | jq .
  stepyard serve
  stepyard validate workflow.asl.json
  stepyard graph workflow.asl.json --output workflow.svg

Exit codes:
  0  the execution succeeded
  1  it failed, timed out or was aborted
  2  the command, input, definition, manifest or a component is at fault; nothing was run";

#[derive(Debug, Subcommand)]
enum Command {
    Run(command::run::Arguments),
    Serve(command::serve::Arguments),
    Validate(command::validate::Arguments),
    Graph(command::graph::Arguments),
    /// Build, inspect and list the steps of a manifest
    #[command(subcommand)]
    Step(command::step::Command),
    History(command::history::Arguments),
    Topics(command::topics::Arguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command that the process was given.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors: clap prints them on stdout.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    command::logging();
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            report::error(&error);
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => command::run::run(arguments),
        Command::Serve(arguments) => command::serve::run(arguments),
        Command::Validate(arguments) => command::validate::run(arguments),
        Command::Graph(arguments) => command::graph::run(arguments),
        Command::Step(command) => command::step::run(command),
        Command::History(arguments) => command::history::run(arguments),
        Command::Topics(arguments) => command::topics::run(arguments),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "stepyard", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
