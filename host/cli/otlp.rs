//! Where traces go: what OpenTelemetry's own variables say, and then the manifest.

use std::{collections::HashMap, env, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use stepyard_integrations::Aws;
use stepyard_telemetry::{Exporter, ExporterSettings, Sampler};

use crate::{
    manifest::{Manifest, Otlp, SecretTemplate},
    secrets::ManifestSecrets,
};

/// Where a collector is when nothing else is said ("Endpoint URLs for OTLP/HTTP").
const ENDPOINT: &str = "http://127.0.0.1:4318";
const PATH: &str = "/v1/traces";

/// The exporter of traces, and which are kept; none when nobody asked for them.
pub(crate) async fn exporter(
    manifest: &Manifest,
    aws: &Aws,
) -> Result<Option<(Exporter, Sampler)>> {
    let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "none");
    let is_asked_for = manifest.otlp.is_some()
        || of_traces("ENDPOINT").is_some()
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "otlp");
    if is_off || !is_asked_for {
        return Ok(None);
    }
    if let Some((name, protocol)) = of_traces("PROTOCOL").filter(|(_, it)| it != "http/protobuf") {
        bail!("{name} is `{protocol}`, and traces are sent by http/protobuf alone: set it to that");
    }
    let nothing = Otlp::default();
    let written = manifest.otlp.as_ref().unwrap_or(&nothing);
    let settings = ExporterSettings {
        endpoint: endpoint(written),
        headers: headers(manifest, aws, written).await?,
        timeout: timeout(written)?,
        certificate: certificate(manifest, written),
        service_name: written.service_name.clone().unwrap_or_else(|| "stepyard".to_owned()),
    };
    let endpoint = settings.endpoint.clone();
    let exporter = Exporter::new(settings);
    let exporter = exporter.with_context(|| format!("sending traces to {endpoint}"))?;
    Ok(Some((exporter, sampler(written)?)))
}

fn endpoint(written: &Otlp) -> String {
    if let Some(whole) = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        return whole;
    }
    let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
    let base = base.or_else(|| written.endpoint.as_ref().map(|it| it.get_ref().clone()));
    let base = base.unwrap_or_else(|| ENDPOINT.to_owned());
    format!("{}{PATH}", base.trim_end_matches('/'))
}

/// Those of the manifest. What `OTEL_EXPORTER_OTLP_HEADERS` has comes before them: the exporter reads it.
async fn headers(
    manifest: &Manifest,
    aws: &Aws,
    written: &Otlp,
) -> Result<HashMap<String, String>> {
    let secrets = ManifestSecrets::new(manifest, aws.clone());
    let mut headers = HashMap::new();
    for (name, text) in &written.headers {
        let value = match SecretTemplate::parse(text.get_ref()) {
            Some(SecretTemplate { before, secret, after }) => {
                let secret = secrets.required(&secret, "headers of [otlp]").await?;
                format!("{before}{secret}{after}")
            }
            None => text.get_ref().clone(),
        };
        headers.insert(name.clone(), value);
    }
    Ok(headers)
}

fn timeout(written: &Otlp) -> Result<Duration> {
    if let Some((name, text)) = of_traces("TIMEOUT") {
        let millis = text.trim().parse();
        let millis = millis.with_context(|| format!("{name} is `{text}`: it is milliseconds"))?;
        return Ok(Duration::from_millis(millis));
    }
    let seconds = written.timeout_seconds.map_or(10, |seconds| u64::from(seconds.get()));
    Ok(Duration::from_secs(seconds))
}

fn certificate(manifest: &Manifest, written: &Otlp) -> Option<PathBuf> {
    let variable = of_traces("CERTIFICATE").map(|(_, path)| PathBuf::from(path));
    variable.or_else(|| written.certificate.as_ref().map(|path| manifest.resolve(path)))
}

/// `OTEL_TRACES_SAMPLER`, or else the manifest's share of those whose callers leave it open.
fn sampler(written: &Otlp) -> Result<Sampler> {
    let Some(name) = variable("OTEL_TRACES_SAMPLER") else {
        let ratio = written.sample.as_ref().map_or(1.0, |share| *share.get_ref());
        return Ok(Sampler { ratio, is_parent_based: true });
    };
    let (is_parent_based, kind) = match name.strip_prefix("parentbased_") {
        Some(kind) => (true, kind),
        None => (false, name.as_str()),
    };
    let ratio = match kind {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => match variable("OTEL_TRACES_SAMPLER_ARG") {
            None => 1.0,
            Some(text) => {
                let ratio: Option<f64> = text.trim().parse().ok();
                let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
                ratio.with_context(|| {
                    format!("OTEL_TRACES_SAMPLER_ARG is `{text}`: it is a share, from 0 to 1")
                })?
            }
        },
        _ => bail!(
            "OTEL_TRACES_SAMPLER is `{name}`: it is always_on, always_off or traceidratio, with parentbased_ before it or without"
        ),
    };
    Ok(Sampler { ratio, is_parent_based })
}

/// The variable of traces, or else of all that is exported, and its value.
fn of_traces(name: &str) -> Option<(String, String)> {
    let names = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];
    let mut names = names.into_iter().map(|begin| format!("{begin}{name}"));
    names.find_map(|name| variable(&name).map(|value| (name, value)))
}

/// "The SDK MUST interpret an empty value of an environment variable the same way as when the variable is
/// unset."
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
