//! What holds between any two host calls.

use stepyard_step::{
    keyvalue,
    testing::{Host, Outcome, interleave},
};

use super::*;

const SEED: &str = r#"{"available": 5, "unit_price_cents": 1999, "currency": "usd"}"#;

fn host() -> Host {
    Host::new().with_value(BUCKET, "product/sku-001", SEED)
}

fn claim(order_id: &str, quantity: u64, holder: &str) -> Claim {
    Claim {
        order_id: order_id.to_owned(),
        product_id: "sku-001".to_owned(),
        quantity,
        holder: holder.to_owned(),
    }
}

fn with<Answer>(
    act: fn(&Bucket, &Claim) -> Result<Answer, Error>,
    claim: &Claim,
) -> Result<Answer, Error> {
    act(&keyvalue::open(BUCKET)?, claim)
}

/// What the product's value says is available, reserved and sold.
fn counts(product: &str) -> (u64, u64, u64) {
    let product: serde_json::Value = serde_json::from_str(product).unwrap();
    let reservations = product["reservations"].as_object().unwrap();
    let reserved = reservations.values().map(|it| it["quantity"].as_u64().unwrap()).sum();
    (product["available"].as_u64().unwrap(), reserved, product["sold"].as_u64().unwrap())
}

fn last(host: &Host) -> (u64, u64, u64) {
    counts(&host.value(BUCKET, "product/sku-001").unwrap())
}

fn assert_sum_is_constant(host: &Host) {
    for product in host.history(BUCKET, "product/sku-001") {
        let (available, reserved, sold) = counts(&product);
        assert_eq!(available + reserved + sold, 5, "{product}");
    }
}

#[test]
fn an_order_is_reserved_once_and_sold_once() {
    let host = host();
    let claim = claim("1", 2, "a");
    host.run(|| {
        let sale = Sale {
            product_id: "sku-001".to_owned(),
            quantity: 2,
            amount_cents: 3998,
            currency: "usd".to_owned(),
        };
        assert_eq!(with(reserve, &claim), Ok(Reserved::Yes(sale.clone())));
        assert_eq!(with(reserve, &claim), Ok(Reserved::Yes(sale.clone())));
        assert_eq!(last(&host), (3, 2, 0));
        assert_eq!(with(sell, &claim), Ok(sale.clone()));
        assert_eq!(with(sell, &claim), Ok(sale.clone()));
        assert_eq!(last(&host), (3, 0, 2));
        assert_eq!(
            with(reserve, &claim),
            Ok(Reserved::Yes(sale)),
            "the same answer once it is sold"
        );
        assert_eq!(with(release, &claim), Ok(false), "what is sold stays sold");
        assert_eq!(last(&host), (3, 0, 2));
    });
}

#[test]
fn a_release_gives_back_once() {
    let host = host();
    let claim = claim("1", 2, "a");
    host.run(|| {
        with(reserve, &claim).unwrap();
        assert_eq!(with(release, &claim), Ok(true));
        assert_eq!(with(release, &claim), Ok(false));
        assert_eq!(last(&host), (5, 0, 0));
        assert!(matches!(with(reserve, &claim), Ok(Reserved::Yes(_))), "and can be reserved again");
    });
}

#[test]
fn what_one_holder_releases_another_keeps() {
    let host = host();
    host.run(|| {
        with(reserve, &claim("1", 2, "a")).unwrap();
        with(reserve, &claim("1", 2, "b")).unwrap();
        assert_eq!(last(&host), (3, 2, 0));
        assert_eq!(with(release, &claim("1", 2, "b")), Ok(false));
        assert_eq!(last(&host), (3, 2, 0));
        with(sell, &claim("1", 2, "a")).unwrap();
        assert_eq!(last(&host), (3, 0, 2));
    });
}

#[test]
fn a_price_that_changes_does_not_change_what_is_reserved() {
    let host = host();
    let claim = claim("1", 2, "a");
    host.run(|| {
        let first = with(reserve, &claim).unwrap();
        let product = host.value(BUCKET, "product/sku-001").unwrap();
        let dearer = product.replace(r#""unit_price_cents":1999"#, r#""unit_price_cents":2999"#);
        assert_ne!(dearer, product);
        let host = host.clone().with_value(BUCKET, "product/sku-001", &dearer);
        host.run(|| assert_eq!(with(reserve, &claim), Ok(first)));
    });
}

#[test]
fn a_refusal_says_why() {
    let unknown = Claim { product_id: "sku-9".to_owned(), ..claim("2", 1, "a") };
    let host = host().with_value(
        BUCKET,
        "order/sold",
        r#"{"product_id": "sku-002", "quantity": 1, "amount_cents": 5, "currency": "usd"}"#,
    );
    host.run(|| {
        with(reserve, &claim("1", 2, "a")).unwrap();
        let messages = [
            with(reserve, &unknown).unwrap_err(),
            with(reserve, &claim("1", 3, "a")).unwrap_err(),
            with(reserve, &claim("sold", 1, "a")).unwrap_err(),
            with(sell, &claim("2", 1, "a")).unwrap_err(),
            with(sell, &claim("1", 2, "b")).unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(
            messages,
            [
                "ProductUnknown: there is no product sku-9",
                "OrderConflict: the order 1 is for 2 of sku-001 already, and cannot be for 3 of \
                 sku-001 as well",
                "OrderConflict: the order sold is for 1 of sku-002 already, and cannot be for 1 of \
                 sku-001 as well",
                "NotReserved: the order 2 has no 1 of sku-001 reserved by a",
                "NotReserved: the order 1 has no 2 of sku-001 reserved by b",
            ]
        );
        assert_eq!(with(reserve, &claim("2", 4, "a")), Ok(Reserved::OutOfStock { available: 3 }));
        assert_eq!(last(&host), (3, 2, 0));
    });
}

#[test]
fn the_holders_of_an_order_are_bounded() {
    let host = host();
    host.run(|| {
        for holder in 0..256 {
            with(reserve, &claim("1", 1, &holder.to_string())).unwrap();
        }
        let error = with(reserve, &claim("1", 1, "one more")).unwrap_err();
        assert_eq!(error.to_string(), "OrderBusy: 256 executions hold the order 1 already");
    });
}

#[test]
fn a_step_killed_anywhere_leaks_nothing_and_goes_on_when_called_again() {
    type Act = fn(&Claim) -> bool;
    let acts: [(&str, Act, (u64, u64, u64)); 2] = [
        (
            "reserve and sell",
            |claim| with(reserve, claim).is_ok() && with(sell, claim).is_ok(),
            (3, 0, 2),
        ),
        (
            "reserve and release",
            |claim| with(reserve, claim).is_ok() && with(release, claim).is_ok(),
            (5, 0, 0),
        ),
    ];
    for (name, act, end) in acts {
        let mut calls = 0;
        loop {
            let host = host();
            let killed = host.run_killed(calls, || act(&claim("1", 2, "a")));
            assert_sum_is_constant(&host);
            assert!(host.run(|| act(&claim("1", 2, "a"))), "{name}, killed at call {calls}");
            assert_eq!(last(&host), end, "{name}, killed at call {calls}");
            assert_sum_is_constant(&host);
            if killed != Outcome::Killed {
                break;
            }
            calls += 1;
        }
        assert!(calls >= 8, "{name} made only {calls} host calls");
    }
}

#[test]
fn what_is_decided_to_be_sold_cannot_be_released_even_by_its_holder() {
    let claim = claim("1", 2, "a");
    let mut decided_unsold = 0;
    for calls in 0.. {
        let host = host();
        host.run(|| with(reserve, &claim)).unwrap();
        let killed = host.run_killed(calls, || with(sell, &claim));
        let decided = host.value(BUCKET, "order/1").is_some();
        decided_unsold += u32::from(decided && last(&host) == (3, 2, 0));
        let released = host.run(|| with(release, &claim));
        assert_eq!(released, Ok(!decided), "killed at call {calls}");
        if decided {
            host.run(|| with(sell, &claim)).unwrap();
            assert_eq!(last(&host), (3, 0, 2), "killed at call {calls}");
        }
        if killed != Outcome::Killed {
            break;
        }
    }
    assert!(decided_unsold > 0, "no kill fell between the decision and the move");
}

/// One execution of an order: reserve, then sell or, where the payment fails, release.
fn execution(claim: &Claim, pays: bool) -> Result<Reserved, Error> {
    let reserved = with(reserve, claim)?;
    if matches!(reserved, Reserved::Yes(_)) {
        if pays {
            with(sell, claim)?;
        } else {
            with(release, claim)?;
        }
    }
    Ok(reserved)
}

#[test]
fn orders_at_once_never_oversell_whatever_is_killed() {
    for seed in 0..400 {
        let host = host();
        // Six orders of one for five pieces; the first is run three times, once without money.
        let runs = [
            ("1", "a", true),
            ("1", "b", false),
            ("1", "c", true),
            ("2", "d", true),
            ("3", "e", false),
            ("4", "f", true),
            ("5", "g", true),
            ("6", "h", true),
        ];
        let task = |(order, holder, pays): (&'static str, &'static str, bool)| {
            move || execution(&claim(order, 1, holder), pays)
        };
        let outcomes = interleave(&host, seed, 0.02, runs.map(task).into());
        // What was killed is performed again, as after a crash.
        for (run, outcome) in runs.into_iter().zip(outcomes) {
            let answer = match outcome {
                Outcome::Done(answer) => answer,
                Outcome::Killed => host.run(task(run)),
            };
            let reserved = answer.unwrap_or_else(|error| panic!("seed {seed}: {run:?}: {error}"));
            let (order, _, pays) = run;
            if pays && matches!(reserved, Reserved::Yes(_)) {
                let sold = host.value(BUCKET, &format!("order/{order}"));
                assert!(sold.is_some(), "seed {seed}: {run:?} paid and has its stock");
            }
        }
        assert_sum_is_constant(&host);
        let (available, reserved, sold) = last(&host);
        assert_eq!(reserved, 0, "seed {seed}");
        assert_eq!(available + sold, 5, "seed {seed}");
        let orders = host.keys(BUCKET).into_iter().filter(|key| key.starts_with("order/"));
        assert_eq!(orders.count() as u64, sold, "seed {seed}: each order is sold once");
    }
}
