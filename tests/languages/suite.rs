//! What the inventory step answers, call by call, in whichever language it is written.

use serde_json::{Value, json};

/// Calls of the step on a bucket that holds these values, each with its answer: what it returns, or its
/// error's type and message. Where a text ends with `…`, the answer's begins with what is before it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) values: Vec<(&'static str, Value)>,
    pub(super) calls: Vec<(Value, Result<Value, &'static str>)>,
    /// What the product's value is in the end.
    pub(super) after: Value,
}

/// The product of most cases, and its value before anything happens.
pub(super) const PRODUCT: &str = "product/sku-001";

pub(super) fn stock(available: u64) -> Value {
    json!({ "available": available, "unit_price_cents": 1999, "currency": "usd" })
}

pub(super) fn call(action: &str, order: &str, quantity: u64, holder: &str) -> Value {
    json!({
        "action": action, "order_id": order, "product_id": "sku-001", "quantity": quantity,
        "holder": holder,
    })
}

/// The product's value with these reservations: of an order, so many, by these holders.
fn reserved_stock(available: u64, sold: u64, reservations: &[(&str, u64, &[&str])]) -> Value {
    let reservation = |(order, quantity, holders): &(&str, u64, &[&str])| {
        let amount = quantity * 1999;
        let value = json!({
            "quantity": quantity, "amount_cents": amount, "currency": "usd", "holders": holders,
        });
        ((*order).to_owned(), value)
    };
    let mut value = stock(available);
    value["sold"] = json!(sold);
    value["reservations"] = Value::Object(reservations.iter().map(reservation).collect());
    value
}

fn reserved(quantity: u64) -> Result<Value, &'static str> {
    Ok(json!({
        "available": true, "amount_cents": quantity * 1999, "currency": "usd", "failure": null,
    }))
}

fn out_of_stock(cause: &str) -> Result<Value, &'static str> {
    Ok(json!({
        "available": false, "amount_cents": null, "currency": null,
        "failure": { "Error": "OutOfStock", "Cause": cause },
    }))
}

fn released(released: bool) -> Result<Value, &'static str> {
    Ok(json!({ "released": released }))
}

pub(super) fn cases() -> Vec<Case> {
    let reserve = |order, quantity, holder| call("reserve", order, quantity, holder);
    let release = |order, quantity, holder| call("release", order, quantity, holder);
    let mut cases = vec![
        Case {
            name: "an order is reserved once",
            values: vec![(PRODUCT, stock(5))],
            calls: vec![
                (reserve("1", 2, "a"), reserved(2)),
                (reserve("1", 2, "a"), reserved(2)),
                (reserve("2", 3, "b"), reserved(3)),
            ],
            after: reserved_stock(0, 0, &[("1", 2, &["a"]), ("2", 3, &["b"])]),
        },
        Case {
            name: "a release gives back once, and the order can be reserved again",
            values: vec![(PRODUCT, stock(5))],
            calls: vec![
                (reserve("1", 2, "a"), reserved(2)),
                (release("1", 2, "a"), released(true)),
                (release("1", 2, "a"), released(false)),
                (reserve("1", 2, "a"), reserved(2)),
            ],
            after: reserved_stock(3, 0, &[("1", 2, &["a"])]),
        },
        Case {
            name: "what one holder releases another keeps",
            values: vec![(PRODUCT, stock(5))],
            calls: vec![
                (reserve("1", 2, "a"), reserved(2)),
                (reserve("1", 2, "b"), reserved(2)),
                (release("1", 2, "c"), released(false)),
                (release("1", 2, "a"), released(false)),
                (release("2", 2, "b"), released(false)),
            ],
            after: reserved_stock(3, 0, &[("1", 2, &["b"])]),
        },
        Case {
            name: "too little stock is an answer with its reason",
            values: vec![(PRODUCT, stock(3))],
            calls: vec![
                (reserve("1", 4, "a"), out_of_stock("4 of sku-001 asked for, 3 available")),
                (reserve("1", 3, "a"), reserved(3)),
                (reserve("2", 1, "b"), out_of_stock("1 of sku-001 asked for, 0 available")),
            ],
            after: reserved_stock(0, 0, &[("1", 3, &["a"])]),
        },
        Case {
            name: "an order is one wish",
            values: vec![
                (PRODUCT, stock(5)),
                (
                    "order/sold",
                    json!({
                        "product_id": "sku-002", "quantity": 1, "amount_cents": 5, "currency": "usd",
                    }),
                ),
            ],
            calls: vec![
                (reserve("1", 2, "a"), reserved(2)),
                (
                    reserve("1", 3, "a"),
                    Err(
                        "OrderConflict: the order 1 is for 2 of sku-001 already, and cannot be for \
                         3 of sku-001 as well",
                    ),
                ),
                (
                    reserve("sold", 1, "a"),
                    Err(
                        "OrderConflict: the order sold is for 1 of sku-002 already, and cannot be \
                         for 1 of sku-001 as well",
                    ),
                ),
            ],
            after: reserved_stock(3, 0, &[("1", 2, &["a"])]),
        },
        Case {
            name: "what is sold stays sold, at its price",
            values: vec![
                (PRODUCT, reserved_stock(3, 2, &[])),
                (
                    "order/1",
                    json!({
                        "product_id": "sku-001", "quantity": 2, "amount_cents": 7, "currency": "eur",
                    }),
                ),
            ],
            calls: vec![
                (
                    reserve("1", 2, "a"),
                    Ok(json!({
                        "available": true, "amount_cents": 7, "currency": "eur", "failure": null,
                    })),
                ),
                (release("1", 2, "a"), released(false)),
            ],
            after: reserved_stock(3, 2, &[]),
        },
        Case {
            name: "a price that changes does not change what is reserved",
            values: vec![(PRODUCT, {
                let mut dearer = reserved_stock(3, 0, &[("1", 2, &["a"])]);
                dearer["unit_price_cents"] = json!(2999);
                dearer
            })],
            calls: vec![
                (reserve("1", 2, "a"), reserved(2)),
                (release("1", 2, "a"), released(true)),
            ],
            after: json!({
                "available": 5, "sold": 0, "unit_price_cents": 2999, "currency": "usd",
                "reservations": {},
            }),
        },
        Case {
            name: "the holders of an order are bounded",
            values: vec![(PRODUCT, held_by(256))],
            calls: vec![
                (reserve("1", 1, "0"), reserved(1)),
                (
                    reserve("1", 1, "one more"),
                    Err("OrderBusy: 256 executions hold the order 1 already"),
                ),
            ],
            after: held_by(256),
        },
        Case {
            name: "any text is an order's id",
            values: vec![(PRODUCT, stock(5))],
            calls: vec![
                (reserve("__proto__", 1, ""), reserved(1)),
                (reserve("constructor", 1, "a"), reserved(1)),
                (reserve("\"🛒\n", 1, "é"), reserved(1)),
                (release("toString", 1, "a"), released(false)),
                (release("constructor", 1, "a"), released(true)),
            ],
            after: reserved_stock(3, 0, &[("__proto__", 1, &[""]), ("\"🛒\n", 1, &["é"])]),
        },
        Case {
            name: "a price beyond all numbers is refused",
            values: vec![(PRODUCT, dear())],
            calls: vec![(
                reserve("1", 4096, "a"),
                Err("InvalidQuantity: the price of 4096 of sku-001 is beyond all numbers"),
            )],
            after: dear(),
        },
        Case {
            name: "a product that is not there cannot be reserved",
            values: vec![],
            calls: vec![
                (reserve("1", 1, "a"), Err("ProductUnknown: there is no product sku-001")),
                (release("1", 1, "a"), released(false)),
            ],
            after: Value::Null,
        },
        Case {
            name: "what the store refuses is told",
            values: vec![],
            calls: vec![(
                json!({
                    "action": "reserve", "order_id": "1", "product_id": "p".repeat(1100),
                    "quantity": 1,
                }),
                Err(
                    "KeyValueUnavailable: the bucket inventory failed: a key has at most 1024 bytes",
                ),
            )],
            after: Value::Null,
        },
    ];
    cases.extend(corrupt_values());
    cases.push(invalid_inputs());
    cases
}

fn held_by(holders: usize) -> Value {
    let mut names: Vec<String> = (0..holders).map(|number| number.to_string()).collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    reserved_stock(0, 0, &[("1", 1, &names)])
}

/// A product whose price times 4096 is past 64 bits.
fn dear() -> Value {
    json!({
        "available": 9000, "unit_price_cents": 9_007_199_254_740_991_u64, "currency": "usd",
    })
}

/// Values that no step wrote. None of them is touched.
fn corrupt_values() -> Vec<Case> {
    let with = |field: &str, value: Value| {
        let mut stock = reserved_stock(5, 0, &[("1", 2, &["a"])]);
        stock[field] = value;
        stock
    };
    let values = [
        json!("seven"),
        json!([]),
        json!({}),
        with("available", json!(-1)),
        with("available", json!(1.5)),
        with("available", json!("5")),
        with("currency", json!(null)),
        with("colour", json!("red")),
        with("reservations", json!({ "1": { "quantity": 1 } })),
        with("reservations", json!({ "1": null })),
    ];
    let case = |value: Value| Case {
        name: "a value that is not a product's is left alone",
        values: vec![(PRODUCT, value.clone())],
        calls: ["reserve", "release"]
            .map(|action| (call(action, "1", 2, "a"), Err(CORRUPT)))
            .into(),
        after: value,
    };
    values.map(case).into()
}

const CORRUPT: &str = "CorruptValue: product/sku-001 in the bucket inventory is not valid: …";

fn invalid_inputs() -> Case {
    let with = |field: &str, value: Value| {
        let mut input = call("reserve", "1", 1, "a");
        input[field] = value;
        input
    };
    let without = |field: &str| {
        let mut input = call("reserve", "1", 1, "a");
        input.as_object_mut().expect("it is an object").remove(field);
        input
    };
    const INVALID: &str = "InvalidInput: the input is not valid: …";
    const ACTION: &str = "InvalidInput: the input's field action is not valid: …";
    const ORDER: &str = "InvalidInput: the input's field order_id is not valid: …";
    const PRODUCT_ID: &str = "InvalidInput: the input's field product_id is not valid: …";
    const QUANTITY: &str = "InvalidInput: the input's field quantity is not valid: …";
    const HOLDER: &str = "InvalidInput: the input's field holder is not valid: …";
    let calls = [
        (json!(null), INVALID),
        (json!("order"), INVALID),
        (json!([]), INVALID),
        (without("action"), INVALID),
        (without("order_id"), INVALID),
        (without("product_id"), INVALID),
        (without("quantity"), INVALID),
        (with("action", json!("sell")), ACTION),
        (with("action", json!(["reserve"])), ACTION),
        (with("order_id", json!(1)), ORDER),
        (with("order_id", json!(null)), ORDER),
        (with("product_id", json!({})), PRODUCT_ID),
        (with("quantity", json!(0)), QUANTITY),
        (with("quantity", json!(-1)), QUANTITY),
        (with("quantity", json!(1.5)), QUANTITY),
        (with("quantity", json!("1")), QUANTITY),
        (with("quantity", json!(true)), QUANTITY),
        (with("quantity", json!(1e30)), QUANTITY),
        (with("holder", json!(7)), HOLDER),
    ];
    let mut calls: Vec<_> = calls.map(|(input, says)| (input, Err(says))).into();
    calls.push((without("holder"), reserved(1)));
    calls.push((with("colour", json!("red")), reserved(1)));
    Case {
        name: "an input that makes no sense names its field; what a step does not know it passes over",
        values: vec![(PRODUCT, stock(5))],
        calls,
        after: reserved_stock(4, 0, &[("1", 1, &["", "a"])]),
    }
}
