//! `stepyard step publish`, `versions`, `route` and `rollback`: what is published on a server that runs,
//! by its AWS Lambda API.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use stepyard_integrations::{
    AccessKey, Aws, AwsSettings, LambdaApi, PublishedAlias, PublishedVersion,
};

use super::find;
use crate::{
    project::{Options, Project},
    report, wiring,
};

/// `$LATEST`, which is no version yet.
const LATEST: &str = "$LATEST";

/// Swap a component in on a server that runs, as a version.
///
/// What runs there now is published first, where it is no version yet, so that `step rollback` leads
/// back to it. Tasks at work end on the version that they began with.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The function
    function: String,

    /// The component's .wasm file [default: that of the manifest, built where it is stale]
    file: Option<PathBuf>,

    #[command(flatten)]
    server: Server,
}

/// List what is published under a function's name on a server that runs.
#[derive(Debug, Args)]
pub(crate) struct Versions {
    /// The function
    function: String,

    /// Print it as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: Server,
}

/// Have an alias name a version, and another one take a part of its calls.
#[derive(Debug, Args)]
pub(crate) struct Route {
    /// The function
    function: String,

    /// The alias; one that is not there is created
    alias: String,

    /// The version that it names
    version: String,

    /// A version and its part of the calls: 5=0.1
    #[arg(long, value_name = "VERSION=WEIGHT", value_parser = weighted)]
    canary: Option<(String, f64)>,

    #[command(flatten)]
    server: Server,
}

/// Go back to an earlier version on a server that runs.
///
/// An alias loses its canary, or without one names the version before. Without --alias, the newest
/// version with other code than now becomes what calls get.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The function
    function: String,

    /// The alias to roll back
    #[arg(long)]
    alias: Option<String>,

    /// The version to go back to
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,

    #[command(flatten)]
    server: Server,
}

/// Which server, and whose calls.
#[derive(Debug, Args)]
struct Server {
    /// The server's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8083")]
    endpoint: String,

    #[command(flatten)]
    place: Options,
}

fn weighted(text: &str) -> Result<(String, f64), String> {
    let parsed = text.split_once('=').and_then(|(version, weight)| {
        let weight = weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
        Some((version.to_owned(), weight))
    });
    parsed.ok_or_else(|| "write a version and its part of the calls, as in 5=0.1".to_owned())
}

impl Server {
    /// Calls are signed with the credentials of AWS's usual chain where the manifest's `[serve]` has keys;
    /// a server without keys asks for none.
    async fn api(&self, project: &Project) -> LambdaApi {
        let any = AccessKey { id: "stepyard".to_owned(), secret: "stepyard".to_owned() };
        let settings = AwsSettings {
            endpoint_url: Some(self.endpoint.clone()),
            region: Some(project.manifest.execution.region.clone()),
            access_key: project.manifest.serve.keys.is_empty().then_some(any),
            read_timeout: None,
        };
        LambdaApi::load(&Aws::new(settings)).await
    }

    fn project(&self) -> Result<Project> {
        Project::open(&self.place, std::path::Path::new(""))
    }
}

pub(super) async fn publish(arguments: Publish) -> Result<()> {
    let Publish { function, file, server } = arguments;
    let project = server.project()?;
    let file = match file {
        Some(file) => file,
        None => {
            let bound = find(&project, &function)?;
            let files =
                wiring::component_files(&project.manifest, &[bound], &project.stamps, false)?;
            files.into_iter().next().context("one function has one component")?
        }
    };
    let code = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let api = server.api(&project).await;
    api.publish_version(&function).await?;
    let now = api.update_code(&function, code, true).await?;
    report::output(&format!("{function}:{now} runs {} from here on", file.display()));
    Ok(())
}

pub(super) async fn versions(arguments: Versions) -> Result<()> {
    let Versions { function, json, server } = arguments;
    let api = server.api(&server.project()?).await;
    let (versions, aliases) = (api.versions(&function).await?, api.aliases(&function).await?);
    report::output(&match json {
        true => serde_json::to_string_pretty(&as_json(&versions, &aliases))?,
        false => as_text(&versions, &aliases),
    });
    Ok(())
}

fn as_json(versions: &[PublishedVersion], aliases: &[PublishedAlias]) -> serde_json::Value {
    let version = |it: &PublishedVersion| {
        json!({
            "version": it.version, "code_sha256": it.code_sha256, "bytes": it.code_bytes,
            "last_modified": it.last_modified, "description": it.description,
        })
    };
    let alias = |it: &PublishedAlias| {
        let additional = it.additional.as_ref();
        let additional = additional.map(|(version, weight)| json!({ version.as_str(): weight }));
        json!({ "name": it.name, "version": it.version, "additional": additional })
    };
    json!({
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "aliases": aliases.iter().map(alias).collect::<Vec<_>>(),
    })
}

fn as_text(versions: &[PublishedVersion], aliases: &[PublishedAlias]) -> String {
    let version = |it: &PublishedVersion| {
        let kib = it.code_bytes / 1024;
        let PublishedVersion { version, code_sha256, last_modified, description, .. } = it;
        format!("{version:<8} {kib:>7} KiB  {last_modified}  {code_sha256}  {description}")
    };
    let alias = |it: &PublishedAlias| {
        let PublishedAlias { name, version, additional } = it;
        let canary = additional.as_ref();
        let canary =
            canary.map(|(version, weight)| format!(", {version} for {weight} of the calls"));
        format!("{name:<8} {version}{}", canary.unwrap_or_default())
    };
    let versions = versions.iter().map(|it| version(it).trim_end().to_owned());
    versions.chain(aliases.iter().map(alias)).collect::<Vec<_>>().join("\n")
}

pub(super) async fn route(arguments: Route) -> Result<()> {
    let Route { function, alias, version, canary, server } = arguments;
    let api = server.api(&server.project()?).await;
    let alias = PublishedAlias { name: alias, version, additional: canary };
    api.route(&function, &alias).await?;
    report::output(&as_text(&[], &[alias]));
    Ok(())
}

pub(super) async fn rollback(arguments: Rollback) -> Result<()> {
    let Rollback { function, alias, to, server } = arguments;
    let api = server.api(&server.project()?).await;
    match alias {
        Some(alias) => roll_alias_back(&api, &function, &alias, to).await,
        None => roll_code_back(&api, &function, to).await,
    }
}

async fn roll_alias_back(
    api: &LambdaApi,
    function: &str,
    alias: &str,
    to: Option<String>,
) -> Result<()> {
    let aliases = api.aliases(function).await?;
    let Some(now) = aliases.into_iter().find(|it| it.name == alias) else {
        bail!("function `{function}` has no alias `{alias}`");
    };
    let version = match (to, &now.additional) {
        (Some(version), _) => version,
        (None, Some(_)) => now.version,
        (None, None) => {
            let versions = api.versions(function).await?;
            let mut before =
                versions.iter().rev().skip_while(|it| it.version != now.version).skip(1);
            let before = before.find(|it| it.version != LATEST);
            before.with_context(|| nothing_before(function, &now.version))?.version.clone()
        }
    };
    let alias = PublishedAlias { version, additional: None, ..now };
    api.route(function, &alias).await?;
    report::output(&as_text(&[], &[alias]));
    Ok(())
}

async fn roll_code_back(api: &LambdaApi, function: &str, to: Option<String>) -> Result<()> {
    let version = match to {
        Some(version) => version,
        None => {
            let versions = api.versions(function).await?;
            let now = versions.iter().find(|it| it.version == LATEST);
            let now = now.map(|it| it.code_sha256.clone()).unwrap_or_default();
            let mut before = versions.iter().rev().filter(|it| it.version != LATEST);
            let before = before.find(|it| it.code_sha256 != now);
            before.with_context(|| nothing_before(function, "what calls get now"))?.version.clone()
        }
    };
    let code = api.code(function, &version).await?;
    api.update_code(function, code, false).await?;
    report::output(&format!("{function} runs the code of version {version} from here on"));
    Ok(())
}

fn nothing_before(function: &str, now: &str) -> String {
    format!(
        "function `{function}` has no version before {now}: `stepyard step versions {function}` lists them"
    )
}
