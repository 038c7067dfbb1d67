//! What starts executions by itself, as the manifest has it: values of its schedules and queues.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use stepyard_engine::MachineArn;
use stepyard_integrations::{Aws, AwsSettings, SqsQueue};
use stepyard_triggers::{QueueSource, Schedule, Surroundings, Triggers};

use crate::{
    manifest::{Fault, Manifest, Sqs},
    wiring::Stepyard,
};

/// The manifest's schedules and queues, set to work.
pub(crate) async fn start(manifest: &Manifest, stepyard: &Stepyard) -> Result<Triggers> {
    let (mut schedules, mut queues) = (Vec::new(), Vec::new());
    let checked = |(_, message): Fault| anyhow!(message);
    for (name, workflow) in &manifest.workflows {
        let machine = stepyard.identity.state_machine(name.get_ref())?.into();
        let machine = MachineArn { machine, qualifier: None };
        for schedule in &workflow.schedule {
            let name = schedule.name.as_ref().map(|name| name.get_ref().as_str());
            let (moments, input) =
                (schedule.moments().map_err(checked)?, schedule.input().map_err(checked)?);
            schedules.push(Schedule::new(
                machine.clone(),
                name,
                &schedule.written(),
                moments,
                input,
            ));
        }
        for source in &workflow.sqs {
            queues.push(queue_source(machine.clone(), source, &stepyard.aws).await);
        }
    }
    let surroundings = Surroundings {
        engine: stepyard.engine.clone(),
        clock: stepyard.clock.clone(),
        keyvalue: stepyard.keyvalue.clone(),
        identity: stepyard.identity.clone(),
    };
    Ok(Triggers::start(&surroundings, schedules, queues).await?)
}

async fn queue_source(machine: MachineArn, source: &Sqs, aws: &Aws) -> QueueSource {
    let own = AwsSettings {
        endpoint_url: source.endpoint.as_ref().map(|url| url.get_ref().clone()),
        region: source.region.clone(),
        ..AwsSettings::default()
    };
    let url = source.queue.get_ref();
    let queue = SqsQueue::load(url, source.batch(), source.wait_seconds(), own, aws).await;
    QueueSource { machine, name: url.clone(), queue: Arc::new(queue) }
}
