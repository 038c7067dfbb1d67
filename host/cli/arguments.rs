//! The command line: which commands there are, and how the chosen one ends.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::{EnvFilter, fmt};

use crate::{command, lambda, report};

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
    Seed(command::seed::Arguments),
    Export(command::export::Arguments),
    /// Build, inspect and list the steps of a manifest
    #[command(subcommand)]
    Step(command::step::Command),
    Package(command::package::Arguments),
    History(command::history::Arguments),
    Topics(command::topics::Arguments),
    /// Serve one step, or a whole workflow, as the custom runtime of an AWS Lambda function
    ///
    /// Lambda starts it as `bootstrap`, under which name this is the command. STEPYARD_STEP names the
    /// function of the manifest whose step it serves, or STEPYARD_WORKFLOW the file of a workflow that
    /// each invocation runs as an Express execution. Manifest, components and workflow are found under
    /// LAMBDA_TASK_ROOT.
    Lambda,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command that the process was given. Under the name that AWS Lambda starts it by, that is
/// `lambda`.
pub fn main() -> ExitCode {
    let program = std::env::args_os().next().map(PathBuf::from);
    if program.is_some_and(|it| it.file_name() == Some("bootstrap".as_ref())) {
        return lambda::bootstrap();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors: clap prints them on stdout.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    if !matches!(arguments.command, Command::Lambda) {
        logging();
    }
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
        Command::Seed(arguments) => command::seed::run(arguments),
        Command::Export(arguments) => command::export::run(arguments),
        Command::Step(command) => command::step::run(command),
        Command::Package(arguments) => command::package::run(arguments),
        Command::History(arguments) => command::history::run(arguments),
        Command::Topics(arguments) => command::topics::run(arguments),
        Command::Lambda => Ok(lambda::bootstrap()),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "stepyard", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Logs go to stderr: text on a terminal, JSON lines elsewhere. `STEPYARD_LOG` chooses what is
/// logged, as `warn` (the default), `info` or `stepyard_engine=debug`.
fn logging() {
    let filter = EnvFilter::try_from_env("STEPYARD_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => subscriber.init(),
        false => subscriber.json().init(),
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
