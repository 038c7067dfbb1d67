//! Log records, metrics and traces, as the manifest has them.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use stepyard_engine::outside::{KeyValue, Logs};
use stepyard_integrations::{Aws, CloudWatchLogs};
use stepyard_telemetry::{Lines, MetricSettings, Settings, Telemetry};

use crate::{
    manifest::{LogDelivery, Manifest},
    otlp,
};

/// How long is taken at the end of the process to tell what waits.
pub(crate) const CLOSING: Duration = Duration::from_secs(5);

/// What is told outside, and where log groups are looked up.
pub(crate) struct Told {
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    /// CloudWatch Logs, where log records go there.
    pub(crate) logs: Option<Arc<dyn Logs>>,
}

/// Begins to tell what the manifest wants told: nothing, unless it says so. `lines` is where lines go;
/// `mark` is the store of the executions, where it is kept how far all was told.
pub(crate) async fn start(
    manifest: &Manifest,
    aws: &Aws,
    lines: Lines,
    mark: Option<Arc<dyn KeyValue>>,
) -> Result<Told> {
    let mut cloudwatch: Option<Arc<dyn Logs>> = None;
    let deliveries = [manifest.logs.delivery, manifest.metrics.delivery];
    if deliveries.contains(&LogDelivery::Cloudwatch) {
        cloudwatch = Some(Arc::new(CloudWatchLogs::load(aws).await));
    }
    let to = |delivery: LogDelivery| -> Option<Arc<dyn Logs>> {
        match delivery {
            LogDelivery::Off => None,
            LogDelivery::Cloudwatch => cloudwatch.clone(),
            LogDelivery::Stdout => Some(Arc::new(lines)),
        }
    };
    let group = manifest.metrics.group(&manifest.execution);
    let group = group.map_err(|(_, message)| anyhow!("log_group of [metrics]: {message}"))?;
    let metrics = to(manifest.metrics.delivery).map(|logs| MetricSettings {
        logs,
        group,
        namespace: manifest.metrics.namespace().to_owned(),
        interval: Duration::from_secs(manifest.metrics.interval_seconds()),
    });
    let (logs, traces) = (to(manifest.logs.delivery), otlp::exporter(manifest, aws).await?);
    if logs.is_none() && metrics.is_none() && traces.is_none() {
        return Ok(Told { telemetry: None, logs: None });
    }
    let found = logs.clone().filter(|_| manifest.logs.delivery == LogDelivery::Cloudwatch);
    let telemetry = Telemetry::start(Settings { logs, metrics, traces, mark });
    Ok(Told { telemetry: Some(Arc::new(telemetry)), logs: found })
}
