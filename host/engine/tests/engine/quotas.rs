//! How much may be registered.

use futures::future::join_all;
use stepyard_engine::{
    ActivityError, Config, Engine, Identity, MachineError, MachineType, MemoryStore,
    NewStateMachine, Quotas, SqliteStore, Tags,
};

fn new(name: &str) -> NewStateMachine {
    NewStateMachine {
        arn: Identity::default().state_machine(name).unwrap(),
        name: name.to_owned(),
        definition: r#"{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}"#.into(),
        role: "role".to_owned(),
        kind: MachineType::Standard,
        logging: "".into(),
        tracing: false,
        publish: None,
        tags: Tags::new(),
    }
}

async fn check(config: Config) {
    let engine = Engine::new(Config { machines_max: 2, activities_max: 2, ..config });
    let names = ["a", "b", "c", "d"];
    let machine = async |name| engine.create_state_machine(new(name)).await.map(drop);
    let refused = Err(MachineError::LimitExceeded { limit: 2 });
    let mut created = join_all(names.map(&machine)).await;
    created.sort_by_key(Result::is_err);
    assert_eq!(created, [Ok(()), Ok(()), refused.clone(), refused.clone()]);
    let there = engine.state_machines().await.unwrap();
    // One that is there is found, however many there are.
    assert_eq!(machine(&there[0].name).await, Ok(()));
    engine.delete_state_machine(&there[0].arn).await.unwrap();
    assert_eq!((machine("e").await, machine("f").await), (Ok(()), refused));

    let activity = async |name: &str| {
        let arn = Identity::default().activity(name).unwrap();
        engine.create_activity(arn, name.to_owned(), Tags::new()).await.map(drop)
    };
    let refused = Err(ActivityError::LimitExceeded { limit: 2 });
    let mut created = join_all(names.map(&activity)).await;
    created.sort_by_key(Result::is_err);
    assert_eq!(created, [Ok(()), Ok(()), refused.clone(), refused.clone()]);
    let there = engine.activities().await.unwrap();
    assert_eq!(activity(&there[0].name).await, Ok(()));
    engine.delete_activity(&there[0].arn).await.unwrap();
    assert_eq!((activity("e").await, activity("f").await), (Ok(()), refused));
}

#[tokio::test]
async fn no_more_state_machines_and_activities_are_registered_than_may_be() {
    check(Config::new(MemoryStore::new(Quotas::default()))).await;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db"), Quotas::default()).unwrap();
    check(Config::new(store)).await;
}
