//! Histories, page by page.

use std::{sync::atomic::Ordering, time::Instant};

use serde_json::{Value, json};
use stepyard_asl::HistoryEvent;
use stepyard_engine::{Engine, Store, clock::VirtualClock};

use crate::slow::Slow;
use crate::support::{Functions, START, alone, engine, start, succeeded, task};

/// An engine with an execution that is over, of so many items that a function did.
async fn long(items: usize) -> (Engine, Slow, String) {
    let store = Slow::new(usize::MAX >> 3, usize::MAX);
    let engine = engine(Functions::echo(), VirtualClock::new(START), store.clone());
    let each = alone("Pay", task("Pay", json!({})));
    let states = json!({ "Each": { "Type": "Map", "ItemProcessor": each, "End": true } });
    let mut begin = start("e", states);
    begin.input = Value::from_iter(0..items).into();
    let arn = engine.start(begin).await.unwrap().arn;
    succeeded(engine.wait(&arn).await.unwrap());
    (engine, store, arn.to_string())
}

/// The whole history in pages of `size`.
async fn paged(engine: &Engine, arn: &str, reverse: bool, size: usize) -> Vec<HistoryEvent> {
    let (mut all, mut after) = (Vec::<HistoryEvent>::new(), None);
    loop {
        let page = engine.history_page(arn, after, reverse, size).await.unwrap();
        assert!(page.events.len() <= size && (page.events.len() == size || !page.has_more));
        all.extend(page.events);
        if !page.has_more {
            return all;
        }
        after = all.last().map(|event| event.id);
    }
}

#[tokio::test]
async fn a_history_is_read_once_for_all_its_pages() {
    let (engine, store, arn) = long(700).await;
    let whole = engine.history(&arn).await.unwrap();
    let backwards: Vec<_> = whole.iter().rev().cloned().collect();
    let facts = store.facts(&arn).unwrap().len();
    for size in [1, 7, 100, 1_000, whole.len(), whole.len() + 1] {
        for (reverse, expected) in [(false, &whole), (true, &backwards)] {
            store.facts_read.store(0, Ordering::SeqCst);
            assert_eq!(&paged(&engine, &arn, reverse, size).await, expected, "{size} {reverse}");
            assert_eq!(store.facts_read.load(Ordering::SeqCst), facts, "{size} {reverse}");
        }
    }
}

#[tokio::test]
async fn a_page_is_the_same_whatever_was_read_before() {
    let (engine, _store, arn) = long(100).await;
    let whole = engine.history(&arn).await.unwrap();
    for after in [300, 10, 0, 299, 300, 300] {
        let page = engine.history_page(&arn, Some(after), false, 5).await.unwrap();
        assert_eq!(page.events[..], whole[after as usize..][..5]);
        let page = engine.history_page(&arn, Some(after + 6), true, 5).await.unwrap();
        let before: Vec<_> = whole[after as usize..][..5].iter().rev().cloned().collect();
        assert_eq!((page.events, page.has_more), (before, after > 0));
    }
    let behind = engine.history_page(&arn, Some(whole.len() as u64), false, 5).await.unwrap();
    assert!(behind.events.is_empty() && !behind.has_more);
}

/// Run it with `--ignored --nocapture`, and `--release` for a figure that means something.
#[tokio::test]
#[ignore = "a measurement"]
async fn milliseconds_of_a_page_of_a_history_of_25_000_events() {
    let (engine, _store, arn) = long(3_570).await;
    for (what, reverse) in [("forwards", false), ("backwards", true)] {
        let began = Instant::now();
        let first = engine.history_page(&arn, None, reverse, 100).await.unwrap();
        let first_took = began.elapsed();
        let began = Instant::now();
        let events = paged(&engine, &arn, reverse, 100).await.len();
        let each = began.elapsed() / (events / 100) as u32;
        eprintln!("{what}: {events} events, first page {first_took:?}, each of all {each:?}");
        assert!(first.has_more);
    }
    let began = Instant::now();
    let events = engine.history(&arn).await.unwrap().len();
    eprintln!("the whole: {events} events in {:?}", began.elapsed());
}
