//! `stepyard serve`: the AWS Step Functions API on a port.

use std::{net::SocketAddr, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::Args;
use stepyard_api::{Access, Api, Tls};
use stepyard_engine::{
    Engine, EngineError,
    clock::{Entropy, SystemEntropy},
};
use tokio::{net::TcpListener, signal, sync::oneshot};

use crate::{
    project::{Options, Project},
    report, triggers,
    watch::Watcher,
    wiring::{self, Stepyard},
    workflows,
};

/// Serve the AWS Step Functions API.
///
/// Any AWS SDK and the AWS CLI work with it: give them the address as `--endpoint-url`. Executions are
/// durable: those that were unfinished when the server ended, however it ended, go on when it starts.
/// The workflows of the manifest are registered, and again when their files change; a step whose
/// component changes is swapped while tasks run, and so is what the manifest says of functions. When what it is told
/// can be kept no longer (the disk is full, or fails), it acknowledges nothing more, says why and ends
/// with exit code 1. Steps that are missing or stale are built first. Any other address than a
/// loopback one needs keys in [serve] of the manifest; with keys, every call has to be signed.
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
    let project = Arc::new(Project::open(&arguments.place, Path::new(""))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let access = runtime.block_on(wiring::access(&project.manifest))?;
    if !arguments.listen.ip().is_loopback() && access.is_none() {
        bail!(
            "{} is not a loopback address, and anyone who reaches it could call: add `keys` to [serve] in {}, or listen on 127.0.0.1",
            arguments.listen,
            project.manifest_file.display()
        );
    }
    let watcher = Watcher::new(project.clone());
    let Some(workflows) = workflows::read(&project)? else { return Ok(ExitCode::from(2)) };
    let metrics_token = runtime.block_on(wiring::metrics_token(&project.manifest))?;
    let guard = Guard { access, metrics_token, tls: wiring::tls(&project.manifest)? };
    let steps = wiring::step_specs(&project.manifest, |_| true, &project.stamps)?;
    let watcher = watcher.with_components(&steps);
    runtime.block_on(async {
        open_all_files();
        // The address first: one that is taken is refused before anything goes on.
        let listener = TcpListener::bind(arguments.listen).await;
        let listener = listener.with_context(|| format!("listening on {}", arguments.listen))?;
        let stepyard = Stepyard::open_custody(&project.manifest, steps, &project.data).await?;
        workflows::register(&stepyard.engine, &project, &workflows).await?;
        serve(&project, guard, listener, &stepyard, watcher).await
    })
}

/// Who may call, and how.
struct Guard {
    access: Option<Access>,
    metrics_token: Option<String>,
    tls: Option<Tls>,
}

/// Serves until a signal comes, and then comes to an end in order: no more connections and events, the
/// requests that are answered, the tasks at work. A second signal ends it where it is.
async fn serve(
    project: &Project,
    guard: Guard,
    listener: TcpListener,
    stepyard: &Stepyard,
    watcher: Watcher,
) -> Result<ExitCode> {
    let engine = &stepyard.engine;
    let triggers = triggers::start(&project.manifest, stepyard).await?;
    let mut signals = Signals::new()?;
    let address = listener.local_addr()?;
    let scheme = if guard.tls.is_some() { "https" } else { "http" };
    eprintln!("  serving the AWS Step Functions API on {scheme}://{address}");

    let key = SystemEntropy.seed();
    let hosts = project.manifest.serve.hosts.iter().map(|host| host.get_ref().clone());
    let mut api = Api::new(engine.clone(), stepyard.identity.clone(), key);
    api = api.with_hosts(hosts.collect()).with_functions(Arc::new(stepyard.steps.clone()));
    if let Some(access) = guard.access {
        api = api.with_access(access);
    }
    if let Some(token) = guard.metrics_token {
        api = api.with_metrics_token(token);
    }
    if let Some(logs) = &stepyard.logs {
        api = api.with_logs(logs.clone());
    }
    let (stopping, stopped) = oneshot::channel();
    let answer = api.serve(listener, guard.tls, async {
        // Its sender is dropped only with the server.
        let _ = stopped.await;
    });
    let end = async {
        let failure = tokio::select! {
            () = signals.next() => None,
            () = watcher.run(stepyard) => None,
            error = engine.failed() => Some(error),
        };
        if failure.is_none() {
            eprintln!("  stopping: tasks at work come to their end");
        }
        tokio::spawn(end_at_once(signals));
        let _ = stopping.send(());
        // Those that wait for an activity's task would keep the server for a minute.
        tokio::join!(triggers.stop(), engine.dismiss_workers());
        failure
    };
    let ((), mut failure) = tokio::join!(answer, end);
    if failure.is_none() {
        failure = shutdown(engine).await;
    }
    stepyard.tell_rest().await;
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

/// Ends the process where it is when one more signal comes; the next server goes on from there.
async fn end_at_once(mut signals: Signals) {
    signals.next().await;
    eprintln!("  ended at once");
    std::process::exit(130);
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

/// What asks the server to end: SIGTERM and SIGINT.
struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

impl Signals {
    /// From here on they are waited for, and end the process no more by themselves.
    fn new() -> Result<Self> {
        #[cfg(unix)]
        use signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate()).context("waiting for SIGTERM")?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt()).context("waiting for SIGINT")?,
        })
    }

    /// Resolves with the next.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! { _ = self.interrupt.recv() => {}, _ = self.terminate.recv() => {} }
        #[cfg(not(unix))]
        let _ = signal::ctrl_c().await;
    }
}
