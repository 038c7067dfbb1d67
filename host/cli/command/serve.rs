//! `stepyard serve`: the AWS Step Functions API on a loopback port.

use std::{future::IntoFuture, net::SocketAddr, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use stepyard_api::Api;
use stepyard_engine::{
    Engine, Selection,
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
/// Steps that are missing or stale are built first.
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
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "{} is not a loopback address, and requests are not authenticated: listen on 127.0.0.1",
            arguments.listen
        );
    }
    let project = Project::open(&arguments.place, Path::new(""))?;
    let steps = wiring::step_specs(&project.manifest, |_| true, &project.stamps)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(&arguments, &project, steps))
}

async fn serve(
    arguments: &Arguments,
    project: &Project,
    steps: Vec<stepyard_wasm::StepSpec>,
) -> Result<ExitCode> {
    // The address first: one that is taken is refused before anything goes on.
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", arguments.listen))?;
    let stepyard = Stepyard::open_now(&project.manifest, steps, &project.data).await?;
    let engine = stepyard.engine.clone();
    resume(&engine).await?;
    let address = listener.local_addr()?;
    eprintln!("  serving the AWS Step Functions API on http://{address}");

    let key = SystemEntropy.seed();
    let api = Api::new(engine.clone(), stepyard.identity.clone(), key);
    let served = axum::serve(listener, api.router()).with_graceful_shutdown(asked_to_stop());
    served.into_future().await.context("serving")?;
    eprintln!("  stopping: tasks at work come to their end");
    engine.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Goes on with the executions that a server before this one left unfinished.
async fn resume(engine: &Engine) -> Result<()> {
    let unfinished = Selection { unfinished: true, ..Selection::default() };
    for execution in engine.list(unfinished).await? {
        // One that cannot go on keeps no other from going on.
        if let Err(error) = engine.resume(&execution.arn).await {
            report::error(&error.into());
        }
    }
    Ok(())
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
