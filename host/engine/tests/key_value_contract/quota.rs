//! What a key-value store that bounds its buckets promises besides, asked of each that `stores` has.

use stepyard_engine::outside::KeyValueError;

use super::{QUOTA, stores};

#[tokio::test]
async fn a_bucket_keeps_to_its_quota() {
    for (store, _kept) in stores().await {
        let full = KeyValueError::QuotaExceeded { bucket: "small".into(), quota_bytes: QUOTA };
        let put = |key: &str, size: usize| {
            store.write("small", vec![(key.to_owned(), Some(vec![b'v'; size]))])
        };
        put("a", 31).await.unwrap();
        put("b", 31).await.unwrap();
        assert_eq!(put("c", 0).await, Err(full.clone()), "{store:?}");
        assert_eq!(put("a", 32).await, Err(full.clone()));
        assert_eq!(store.increment("small", "n", 1).await, Err(full.clone()));
        let swap = store.compare_and_swap("small", "s", None, b"1".to_vec()).await;
        assert_eq!(swap, Err(full.clone()));
        // Of several writes none is done when one is too much.
        let writes = vec![("a".into(), Some(Vec::new())), ("b".into(), Some(vec![0; 64]))];
        assert_eq!(store.write("small", writes).await, Err(full));
        assert_eq!(store.get("small", "a").await, Ok(Some(vec![b'v'; 31])));
        // What is freed can be used.
        store
            .write("small", vec![("a".into(), None), ("c".into(), Some(vec![0; 31]))])
            .await
            .unwrap();
        put("b", 30).await.unwrap();
        put("d", 0).await.unwrap();
    }
}
