//! `stepyard serve`: the AWS Step Functions API on a port.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use stepyard_api::{Access, Api, Tls};
use stepyard_engine::{
    Engine, EngineError,
    clock::{Entropy, SystemEntropy},
};
use tokio::{net::TcpListener, signal};

use crate::{
    project::{Options, Project},
    report,
    wiring::{self, Stepyard},
};

/// Serve the AWS Step Functions API.
///
/// Any AWS SDK and the AWS CLI work with it: give them the address as `--endpoint-url`. Executions are
/// durable: those that were unfinished when the server ended, however it ended, go on when it starts.
/// When what it is told can be kept no longer (the disk is full, or fails), it acknowledges nothing more,
/// says why and ends with exit code 1. Steps that are missing or stale are built first. Any other address than a loopback one needs keys in
/// [serve] of the manifest; with keys, every call has to be signed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8083")]
    listen: SocketAddr,

    #[command(flatten)]
    place: Options,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let project = Project::open(&arguments.place, Path::new(""))?;
    let access = wiring::access(&project.manifest)?;
    if !arguments.listen.ip().is_loopback() && access.is_none() {
        bail!(
            "{} is not a loopback address, and anyone who reaches it could call: add `keys` to [serve] in {}, or listen on 127.0.0.1",
            arguments.listen,
            project.manifest_file.display()
        );
    }
    let guard = Guard { access, tls: wiring::tls(&project.manifest)? };
    let steps = wiring::step_specs(&project.manifest, |_| true, &project.stamps)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(&arguments, &project, guard, steps))
}

/// Who may call, and how.
struct Guard {
    access: Option<Access>,
    tls: Option<Tls>,
}

async fn serve(
    arguments: &Arguments,
    project: &Project,
    guard: Guard,
    steps: Vec<stepyard_wasm::StepSpec>,
) -> Result<ExitCode> {
    open_all_files();
    // The address first: one that is taken is refused before anything goes on.
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", arguments.listen))?;
    let stepyard = Stepyard::open_custody(&project.manifest, steps, &project.data).await?;
    let engine = stepyard.engine.clone();
    let address = listener.local_addr()?;
    let scheme = if guard.tls.is_some() { "https" } else { "http" };
    eprintln!("  serving the AWS Step Functions API on {scheme}://{address}");

    let key = SystemEntropy.seed();
    let hosts = project.manifest.serve.hosts.iter().map(|host| host.get_ref().clone());
    let mut api = Api::new(engine.clone(), stepyard.identity.clone(), key);
    api = api.with_hosts(hosts.collect());
    if let Some(access) = guard.access {
        api = api.with_access(access);
    }
    let mut failure = None;
    let stop = async {
        tokio::select! {
            () = asked_to_stop() => {}
            error = engine.failed() => failure = Some(error),
        }
        // Those that wait for an activity's task would keep the server for a minute.
        engine.dismiss_workers().await;
    };
    api.serve(listener, guard.tls, stop).await;
    if failure.is_none() {
        eprintln!("  stopping: tasks at work come to their end");
        failure = shutdown(&engine).await;
    }
    Ok(failure.map_or(ExitCode::SUCCESS, |error| {
        report::error(&anyhow::Error::from(error).context("the server stopped"));
        eprintln!("  what was acknowledged is kept, and goes on when the server starts again");
        ExitCode::FAILURE
    }))
}

/// Lets the engine come to its end; answers what broke on the way.
async fn shutdown(engine: &Engine) -> Option<EngineError> {
    tokio::select! {
        biased;
        // An engine that breaks is shut down, too.
        error = engine.failed() => Some(error),
        () = engine.shutdown() => None,
    }
}

/// Lets the process open as many files as it may: a connection is one, and the usual limit is 1,024.
fn open_all_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // Refused, fewer connections are taken at once.
        let _ = setrlimit(
            Resource::Nofile,
            rustix::process::Rlimit { current: limit.maximum, ..limit },
        );
    }
}

/// Resolves on SIGTERM and SIGINT.
async fn asked_to_stop() {
    let interrupt = signal::ctrl_c();
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            // Without it an interrupt still stops the server.
            let _ = interrupt.await;
            return;
        };
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
