//! `stepyard step inspect`: what a component is and needs, what it is granted, and what is published of
//! the function.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use stepyard_engine::{CodeRecord, FunctionAlias, FunctionRecord, Store};
use stepyard_wasm::{Access, BucketGrant, Grants, HttpGrant, ImportStanding, Inspection};

use super::find;
use crate::{
    grants::grants,
    project::{Options, Project},
    report, wiring,
};

/// Show what a component exports and imports, what it needs to be granted and what it is granted
///
/// Of a function it also shows the versions and aliases that are published in the data directory.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A function of the manifest, or a component's .wasm file
    #[arg(value_name = "FUNCTION|FILE")]
    step: String,

    /// Print it as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Options,
}

/// What there is to show.
struct Shown {
    inspection: Inspection,
    /// None when the component is only a file, to which nothing is granted.
    granted: Option<Grants>,
    /// None when nothing is published of it.
    published: Option<FunctionRecord>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let shown = look(arguments)?;
    let text = match arguments.json {
        true => serde_json::to_string_pretty(&as_json(&shown))?,
        false => as_text(&shown),
    };
    report::output(text.trim_end());
    Ok(())
}

fn look(arguments: &Arguments) -> Result<Shown> {
    let file = PathBuf::from(&arguments.step);
    if file.is_file() {
        let inspection = stepyard_wasm::inspect(&file, &Grants::default())?;
        return Ok(Shown { inspection, granted: None, published: None });
    }
    let project = Project::open(&arguments.place, Path::new(""))?;
    let function = find(&project, &arguments.step)?;
    let files = wiring::component_files(&project.manifest, &[function], &project.stamps, false)?;
    let file = files.into_iter().next().expect("one function has one component");
    let granted = grants(&function.1.grants).map_err(anyhow::Error::msg)?;
    let inspection = stepyard_wasm::inspect(&file, &granted)?;
    let published = published(&project, &arguments.step)?;
    Ok(Shown { inspection, granted: Some(granted), published })
}

/// What the data directory has of a function; nothing where nothing has run yet.
fn published(project: &Project, function: &str) -> Result<Option<FunctionRecord>> {
    if !wiring::has_store(&project.data) {
        return Ok(None);
    }
    let store = wiring::open_store(&project.manifest, &project.data)?;
    Ok(store.functions()?.into_iter().find(|record| *record.name == *function))
}

fn as_text(shown: &Shown) -> String {
    let Inspection { component, bytes, sha256, not_a_step, exports, imports } = &shown.inspection;
    let mut text = format!(
        "component  {}\nsize       {} KiB\nsha256     {sha256}\n",
        component.display(),
        bytes / 1024
    );
    text += &match not_a_step {
        Some(why) => format!("step       no: it {why}\n"),
        None => "step       yes\n".to_owned(),
    };
    text += "exports\n";
    exports.iter().for_each(|export| text += &format!("  {export}\n"));
    text += "imports\n";
    for import in imports {
        text += &format!("  {:<44} {}\n", import.name, standing(import.standing));
    }
    if let Some(granted) = &shown.granted {
        text += "grants\n";
        for (grant, what) in given(granted) {
            text += &format!("  {grant:<10} {what}{}\n", unused(grant, &shown.inspection));
        }
    }
    if let Some(record) = &shown.published {
        text += "versions\n";
        codes(record).for_each(|code| text += &version(code));
        text += if record.aliases.is_empty() { "" } else { "aliases\n" };
        record.aliases.iter().for_each(|alias| text += &routes(alias));
    }
    text
}

fn standing(standing: ImportStanding) -> String {
    match standing {
        ImportStanding::Powerless => "needs no grant".to_owned(),
        ImportStanding::Granted => "granted".to_owned(),
        ImportStanding::Missing(grant) => format!("needs the grant {grant}"),
        ImportStanding::NotOffered => "is given to no step".to_owned(),
    }
}

/// The manifest's word for each thing that is granted, and what it is.
fn given(grants: &Grants) -> Vec<(&'static str, String)> {
    let Grants { keyvalue, config, http, mail } = grants;
    let keyvalue = keyvalue.iter().map(|grant| ("keyvalue", bucket(grant)));
    let config = config.iter().map(|settings| {
        let names: Vec<&str> = settings.keys().map(String::as_str).collect();
        ("config", if names.is_empty() { "no settings".to_owned() } else { names.join(", ") })
    });
    let http = http.iter().map(|grant| ("http", place(grant)));
    let mail = mail.iter().map(|recipient| ("mail", recipient.clone()));
    keyvalue.chain(config).chain(http).chain(mail).collect()
}

fn bucket(grant: &BucketGrant) -> String {
    let access = match grant.access {
        Access::Read => "read",
        Access::ReadWrite => "read and write",
    };
    format!("{} ({access})", grant.bucket)
}

fn place(grant: &HttpGrant) -> String {
    let methods = match grant.methods.is_empty() {
        true => "any method".to_owned(),
        false => grant.methods.join(", "),
    };
    let port = grant.port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = grant.path_prefix.as_deref().unwrap_or_default();
    let mut text = format!("{methods} {}://{}{port}{path}", grant.scheme, grant.host);
    if !grant.addresses.is_empty() {
        let addresses: Vec<String> = grant.addresses.iter().map(ToString::to_string).collect();
        text += &format!(" at {}", addresses.join(", "));
    }
    for (name, header) in &grant.headers {
        text += &format!(", {name} from the secret {}", header.secret);
    }
    text
}

/// What is granted and not imported can be taken back.
fn unused(grant: &str, inspection: &Inspection) -> &'static str {
    let interface = match grant {
        "keyvalue" => "wasi:keyvalue/",
        "config" => "wasi:config/",
        "http" => "wasi:http/outgoing-handler@",
        _ => "stepyard:step/mail@",
    };
    let imported = inspection.imports.iter().any(|import| import.name.starts_with(interface));
    if imported { "" } else { "; the step does not import it" }
}

/// `$LATEST` and the published versions.
fn codes(record: &FunctionRecord) -> impl Iterator<Item = &CodeRecord> {
    std::iter::once(&record.latest).chain(&record.versions)
}

fn version(code: &CodeRecord) -> String {
    let CodeRecord { number, sha256, bytes, modified, description, .. } = code;
    let description = description.as_deref().unwrap_or_default();
    format!("  {number:<10} {sha256}  {:>6} KiB  {modified}  {description}", bytes / 1024)
        .trim_end()
        .to_owned()
        + "\n"
}

fn routes(alias: &FunctionAlias) -> String {
    let additional = alias
        .additional
        .as_ref()
        .map(|it| format!(", and {} for {} % of the calls", it.version, it.weight * 100.0));
    format!("  {:<10} {}{}\n", alias.name, alias.version, additional.unwrap_or_default())
}

fn as_json(shown: &Shown) -> Value {
    let inspection = &shown.inspection;
    let imports: Vec<_> = inspection
        .imports
        .iter()
        .map(|import| json!({ "name": import.name, "standing": standing(import.standing) }))
        .collect();
    let grants = shown.granted.as_ref().map(|granted| {
        let given = given(granted).into_iter();
        given.map(|(grant, what)| json!({ "grant": grant, "what": what })).collect::<Vec<_>>()
    });
    let versions = shown.published.as_ref().map(|it| codes(it).collect::<Vec<_>>());
    json!({
        "component": inspection.component,
        "bytes": inspection.bytes,
        "sha256": inspection.sha256,
        "step": inspection.not_a_step.is_none(),
        "exports": inspection.exports,
        "imports": imports,
        "grants": grants,
        "versions": versions,
        "aliases": shown.published.as_ref().map(|it| &it.aliases),
    })
}
