//! Schedules in virtual time: each moment begins one execution, whatever happens between.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_engine::{
    Config, Engine, Identity, MachineArn, MachineType, MemoryStore, NewStateMachine, Quotas,
    Selection, Tags,
    clock::{Clock, VirtualClock},
};
use stepyard_triggers::{Expression, Schedule, ScheduleInput, Surroundings, Triggers};

const HOUR: u64 = 3_600_000;
const DEFINITION: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

/// An engine with one state machine, at a moment that the test moves on.
struct World {
    clock: VirtualClock,
    surroundings: Surroundings,
    triggers: Option<Triggers>,
}

impl World {
    async fn at(now: &str) -> Self {
        let clock = VirtualClock::manual(Timestamp::parse(now).unwrap());
        let store = MemoryStore::new(Quotas::default());
        let keyvalue = Arc::new(store.clone());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let engine = Engine::new(Config { clock: shared.clone(), ..Config::new(store) });
        let identity = Identity::default();
        let surroundings = Surroundings { engine, clock: shared, keyvalue, identity };
        let world = Self { clock, surroundings, triggers: None };
        world.create().await;
        world
    }

    async fn create(&self) {
        let new = NewStateMachine {
            arn: self.surroundings.identity.state_machine("order").unwrap(),
            name: "order".to_owned(),
            definition: DEFINITION.into(),
            role: "role".to_owned(),
            kind: MachineType::Standard,
            logging: "".into(),
            tracing: false,
            publish: None,
            tags: Tags::default(),
        };
        self.surroundings.engine.create_state_machine(new).await.unwrap();
    }

    fn schedule(&self, expression: &str, input: Option<&str>) -> Schedule {
        let machine = self.surroundings.identity.state_machine("order").unwrap().into();
        let machine = MachineArn { machine, qualifier: None };
        let input = input.map_or(ScheduleInput::default(), |it| ScheduleInput::parse(it).unwrap());
        let moments = Expression::parse(expression, None).unwrap();
        Schedule::new(machine, Some("s"), &[expression], moments, input)
    }

    /// Starts triggers as a server does that starts.
    async fn start(&mut self, expressions: &[&str]) {
        let schedules = expressions.iter().map(|it| self.schedule(it, None)).collect();
        self.triggers = Some(Triggers::start(&self.surroundings, schedules, vec![]).await.unwrap());
    }

    async fn stop(&mut self) {
        self.triggers.take().unwrap().stop().await;
    }

    /// Waits until there are so many executions, and answers their moments, first to last.
    async fn until(&self, count: usize) -> Vec<String> {
        loop {
            let mut moments = self.moments().await;
            if moments.len() >= count {
                moments.sort();
                assert_eq!(moments.len(), count, "{moments:?}");
                return moments;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn moments(&self) -> Vec<String> {
        let all = self.surroundings.engine.list(Selection::default()).await.unwrap();
        all.iter().map(|it| it.name.strip_prefix("s-").unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn each_moment_begins_an_execution() {
    let mut world = World::at("2026-11-25T11:30:00Z").await;
    world.start(&["cron(0 12,14 * * ? *)"]).await;
    world.clock.advance_millis(HOUR);
    world.until(1).await;
    // It is asked what time it is only when the moment before was dealt with.
    world.clock.advance_millis(24 * HOUR);
    let moments = world.until(3).await;
    assert_eq!(moments, ["20261125T120000Z", "20261125T140000Z", "20261126T120000Z"]);
}

#[tokio::test]
async fn a_restart_repeats_no_moment_and_makes_up_for_a_day() {
    let mut world = World::at("2026-11-25T11:30:00Z").await;
    world.start(&["cron(0 */6 * * ? *)"]).await;
    world.clock.advance_millis(HOUR);
    world.until(1).await;
    world.stop().await;

    // Nothing came meanwhile: the next server repeats nothing, and goes on.
    world.start(&["cron(0 */6 * * ? *)"]).await;
    world.clock.advance_millis(6 * HOUR);
    assert_eq!(world.until(2).await, ["20261125T120000Z", "20261125T180000Z"]);
    world.stop().await;

    // Three days of which the last is made up for, to the moment.
    world.clock.advance_millis(72 * HOUR - HOUR / 2);
    assert_eq!(world.clock.now().to_string(), "2026-11-28T18:00:00.000Z");
    world.start(&["cron(0 */6 * * ? *)"]).await;
    let moments = world.until(7).await;
    let made_up = ["20261127T180000Z", "20261128T000000Z", "20261128T060000Z", "20261128T120000Z"];
    assert_eq!(moments[2..6], made_up);
    assert_eq!(moments[6], "20261128T180000Z");
}

#[tokio::test]
async fn a_new_schedule_has_no_past() {
    let mut world = World::at("2026-11-25T12:30:00Z").await;
    world.start(&["cron(0 12 * * ? *)"]).await;
    world.clock.advance_millis(24 * HOUR);
    assert_eq!(world.until(1).await, ["20261126T120000Z"]);
    world.stop().await;

    // Out of the manifest for a while, it is forgotten; back again, it is new.
    world.start(&[]).await;
    world.stop().await;
    world.clock.advance_millis(24 * HOUR);
    world.start(&["cron(0 12 * * ? *)"]).await;
    world.clock.advance_millis(24 * HOUR);
    assert_eq!(world.until(2).await, ["20261126T120000Z", "20261128T120000Z"]);
}

#[tokio::test]
async fn a_rate_begins_at_once_and_keeps_its_beat_through_restarts() {
    let mut world = World::at("2026-11-25T12:00:07.345Z").await;
    world.start(&["rate(1 hour)"]).await;
    world.until(1).await;
    world.stop().await;
    world.clock.advance_millis(HOUR / 2);
    world.start(&["rate(1 hour)"]).await;
    world.clock.advance_millis(HOUR);
    assert_eq!(world.until(2).await, ["20261125T120007Z", "20261125T130007Z"]);
}

#[tokio::test]
async fn a_moment_whose_input_changed_under_it_is_not_repeated() {
    let mut world = World::at("2026-11-25T12:00:00Z").await;
    let other = vec![world.schedule("rate(1 hour)", Some("[1]"))];
    world.start(&["rate(1 hour)"]).await;
    world.until(1).await;
    world.stop().await;
    // As after a kill between the execution's beginning and the note of it.
    let ledger = stepyard_triggers::BUCKET;
    let keys = world.surroundings.keyvalue.list_keys(ledger, None).await.unwrap().keys;
    let begun = world.clock.now().as_millis();
    let behind = format!(r#"{{"begun":{begun},"done":{}}}"#, begun - 1);
    let change = vec![(keys[0].clone(), Some(behind.into_bytes()))];
    world.surroundings.keyvalue.write(ledger, change).await.unwrap();
    world.triggers = Some(Triggers::start(&world.surroundings, other, vec![]).await.unwrap());
    world.clock.advance_millis(HOUR);
    assert_eq!(world.until(2).await, ["20261125T120000Z", "20261125T130000Z"]);
}
