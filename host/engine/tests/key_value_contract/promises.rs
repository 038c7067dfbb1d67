//! What every key-value store promises, asked of each that `stores` has: those of whichever test
//! includes this.

use std::sync::Arc;

use futures::{StreamExt, future::join_all, stream};
use stepyard_engine::outside::{KeyPage, KeyValue, KeyValueError, Swap};

use super::stores;

fn bytes(text: &str) -> Option<Vec<u8>> {
    Some(text.into())
}

#[tokio::test]
async fn keys_are_set_read_and_deleted_in_their_bucket() {
    for (store, _kept) in stores().await {
        let raw = Some(vec![0, 255, 128]);
        assert_eq!(store.get("b", "k").await, Ok(None));
        assert_eq!(store.get_many("b", vec!["k".into(), "l".into()]).await, Ok(vec![None, None]));
        let writes =
            vec![("k".into(), raw.clone()), (String::new(), bytes("")), ("x".into(), None)];
        store.write("b", writes).await.unwrap();
        assert_eq!(store.get("b", "k").await, Ok(raw.clone()));
        assert_eq!(store.get("other", "k").await, Ok(None), "{store:?}");
        let keys = vec!["x".into(), "k".into(), String::new(), "k".into()];
        let values = Ok(vec![None, raw.clone(), bytes(""), raw]);
        assert_eq!(store.get_many("b", keys).await, values);
        store.write("b", vec![("k".into(), bytes("1")), ("k".into(), None)]).await.unwrap();
        assert_eq!(store.get("b", "k").await, Ok(None), "the last of several writes stands");
    }
}

#[tokio::test]
async fn a_hundred_changes_are_made_at_once() {
    for (store, _kept) in stores().await {
        let keys: Vec<String> = (0..100).map(|number| format!("k{number}")).collect();
        let values: Vec<_> = (0..100).map(|number| bytes(&number.to_string())).collect();
        let writes = keys.iter().cloned().zip(values.iter().cloned()).collect();
        store.write("b", writes).await.unwrap();
        assert_eq!(store.get_many("b", keys.clone()).await, Ok(values), "{store:?}");
        store.write("b", keys.into_iter().map(|key| (key, None)).collect()).await.unwrap();
        assert_eq!(store.list_keys("b", None).await, Ok(KeyPage::default()), "{store:?}");
    }
}

#[tokio::test]
async fn keys_are_listed_in_pages_in_the_order_of_their_bytes() {
    for (store, _kept) in stores().await {
        assert_eq!(store.list_keys("b", None).await, Ok(KeyPage::default()));
        let mut keys: Vec<String> = (0..2_000).map(|number| format!("k{number}")).collect();
        keys.extend(["", "Z", "a", "é", "\u{ffff}", "😀"].map(str::to_owned));
        let writes = keys.iter().map(|key| store.write("b", vec![(key.clone(), bytes("v"))]));
        stream::iter(writes).buffered(16).for_each(async |it| it.unwrap()).await;
        keys.sort_unstable();
        let mut listed: Vec<String> = Vec::new();
        let mut sizes = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.list_keys("b", cursor).await.unwrap();
            sizes.push(page.keys.len());
            listed.extend(page.keys);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, keys, "{store:?}");
        assert_eq!(sizes, [1_000, 1_000, 6]);
    }
}

#[tokio::test]
async fn a_number_is_added_to_and_nothing_else_is() {
    for (store, _kept) in stores().await {
        assert_eq!(store.increment("b", "n", 5).await, Ok(5));
        assert_eq!(store.increment("b", "n", -7).await, Ok(-2));
        assert_eq!(store.get("b", "n").await, Ok(bytes("-2")));
        let max = i64::MAX.to_string();
        let writes = vec![("max".into(), bytes(&max)), ("word".into(), bytes("two"))];
        store.write("b", writes).await.unwrap();
        for key in ["max", "word"] {
            let not_a_number = KeyValueError::NotANumber { bucket: "b".into(), key: key.into() };
            assert_eq!(store.increment("b", key, 1).await, Err(not_a_number), "{store:?}");
        }
        assert_eq!(store.get("b", "max").await, Ok(bytes(&max)));
        for (text, sum) in [
            ("+5", Some(6)),
            ("-0", Some(1)),
            ("007", Some(8)),
            ("-9223372036854775808", Some(i64::MIN + 1)),
            ("9007199254740993", Some(9_007_199_254_740_994)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            (" 5", None),
            ("5\n", None),
            ("5.0", None),
            ("0x5", None),
        ] {
            store.write("b", vec![("n".into(), bytes(text))]).await.unwrap();
            assert_eq!(store.increment("b", "n", 1).await.ok(), sum, "{text:?} in {store:?}");
            let kept = sum.map_or(text.to_owned(), |sum| sum.to_string());
            assert_eq!(store.get("b", "n").await, Ok(bytes(&kept)));
        }
    }
}

#[tokio::test]
async fn a_swap_stands_only_on_the_value_it_expects() {
    for (store, _kept) in stores().await {
        let swap = |expected, value: &str| store.compare_and_swap("b", "k", expected, value.into());
        assert_eq!(swap(bytes("0"), "1").await, Ok(Swap::Changed(None)));
        assert_eq!(swap(None, "1").await, Ok(Swap::Swapped));
        assert_eq!(swap(None, "2").await, Ok(Swap::Changed(bytes("1"))));
        assert_eq!(swap(bytes("1"), "2").await, Ok(Swap::Swapped));
        assert_eq!(store.get("b", "k").await, Ok(bytes("2")), "{store:?}");
        assert_eq!(store.set_if_absent("b", "k", b"3".to_vec()).await, Ok(false));
        assert_eq!(store.set_if_absent("b", "new", b"3".to_vec()).await, Ok(true));
        assert_eq!(store.get("b", "new").await, Ok(bytes("3")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_swaps_at_the_same_time_none_is_lost() {
    for (store, _kept) in stores().await {
        let add_one = async |store: Arc<dyn KeyValue>| {
            let mut found = store.get("b", "count").await.unwrap();
            loop {
                let number = found
                    .as_deref()
                    .map_or(0, |text| std::str::from_utf8(text).unwrap().parse::<u32>().unwrap());
                let sum = (number + 1).to_string().into_bytes();
                match store.compare_and_swap("b", "count", found, sum).await.unwrap() {
                    Swap::Swapped => return,
                    Swap::Changed(value) => found = value,
                }
            }
        };
        join_all((0..40).map(|_| add_one(store.clone()))).await;
        assert_eq!(store.get("b", "count").await, Ok(bytes("40")), "{store:?}");
    }
}

#[tokio::test]
async fn buckets_and_keys_are_kept_apart_whatever_their_names() {
    let names = ["", "a", "a}", "{a", "{a}", "a:values", "a}:values", "a*", "a\0b", "a\r\nb", "é"];
    for (store, _kept) in stores().await {
        for bucket in names {
            for key in names {
                let value = format!("{bucket}/{key}").into_bytes();
                store.write(bucket, vec![(key.to_owned(), Some(value))]).await.unwrap();
            }
        }
        for bucket in names {
            let mut expected = names.map(str::to_owned);
            expected.sort_unstable();
            assert_eq!(store.list_keys(bucket, None).await.unwrap().keys, expected, "{store:?}");
            for key in names {
                let value = format!("{bucket}/{key}").into_bytes();
                assert_eq!(store.get(bucket, key).await, Ok(Some(value)), "{bucket:?} {key:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_increments_at_the_same_time_none_is_lost() {
    for (store, _kept) in stores().await {
        join_all((0..200).map(|_| store.increment("b", "count", 1))).await;
        assert_eq!(store.get("b", "count").await, Ok(bytes("200")), "{store:?}");
    }
}
