//! Reserves an order's stock, or gives it back: `{"action": "reserve" | "release", …}`.
//!
//! Too little stock is an answer, `"available": false`, which a Choice can route; its `failure` has
//! the shape of a caught error, so that both routes to a Fail state carry their reason alike. How
//! the stock stays right whatever happens is told in `stepyard_stock`.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use stepyard_step::{Context, Error, keyvalue, step};
use stepyard_stock::{BUCKET, Claim, Reserved, release, reserve};

step!(handle);

/// What to do for which order.
#[derive(Debug, Deserialize)]
struct Request {
    action: Action,
    order_id: String,
    product_id: String,
    quantity: NonZeroU64,
    /// The execution that reserves: only it can release what it holds.
    #[serde(default)]
    holder: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Reserve,
    Release,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Reserved {
        available: bool,
        amount_cents: Option<u64>,
        currency: Option<String>,
        failure: Option<Failure>,
    },
    Released {
        released: bool,
    },
}

/// Why there is no stock, as a Catch would say it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    error: &'static str,
    cause: String,
}

fn handle(request: Request, _context: &Context) -> Result<Answer, Error> {
    let bucket = keyvalue::open(BUCKET)?;
    let claim = Claim {
        order_id: request.order_id,
        product_id: request.product_id,
        quantity: request.quantity.get(),
        holder: request.holder,
    };
    match request.action {
        Action::Reserve => Ok(answer(&claim, reserve(&bucket, &claim)?)),
        Action::Release => Ok(Answer::Released { released: release(&bucket, &claim)? }),
    }
}

fn answer(claim: &Claim, reserved: Reserved) -> Answer {
    match reserved {
        Reserved::Yes(sale) => Answer::Reserved {
            available: true,
            amount_cents: Some(sale.amount_cents),
            currency: Some(sale.currency),
            failure: None,
        },
        Reserved::OutOfStock { available } => Answer::Reserved {
            available: false,
            amount_cents: None,
            currency: None,
            failure: Some(Failure {
                error: "OutOfStock",
                cause: format!("{claim} asked for, {available} available"),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use stepyard_step::testing::Host;

    use super::*;

    fn host() -> Host {
        Host::new().with_value(
            BUCKET,
            "product/sku-001",
            r#"{"available": 3, "unit_price_cents": 1999, "currency": "usd"}"#,
        )
    }

    fn call(host: &Host, action: &str, quantity: &str) -> String {
        let input = format!(
            r#"{{"action": "{action}", "order_id": "12345", "product_id": "sku-001",
                "quantity": {quantity}, "holder": "an execution"}}"#
        );
        host.run(|| invoke(&input, &Context::default())).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn an_order_is_reserved_and_released() {
        let host = host();
        let reserved = r#"{"available":true,"amount_cents":3998,"currency":"usd","failure":null}"#;
        assert_eq!(call(&host, "reserve", "2"), reserved);
        assert_eq!(call(&host, "reserve", "2"), reserved);
        assert_eq!(call(&host, "release", "2"), r#"{"released":true}"#);
        assert_eq!(call(&host, "release", "2"), r#"{"released":false}"#);
    }

    #[test]
    fn too_little_stock_is_an_answer_with_its_reason() {
        assert_eq!(
            call(&host(), "reserve", "4"),
            r#"{"available":false,"amount_cents":null,"currency":null,"failure":{"Error":"OutOfStock","Cause":"4 of sku-001 asked for, 3 available"}}"#
        );
    }

    #[test]
    fn a_request_that_makes_no_sense_is_refused() {
        assert_eq!(
            call(&host(), "reserve", "0"),
            "InvalidInput: the input's field quantity is not valid: invalid value: integer `0`, \
             expected a nonzero u64 at line 2 column 29"
        );
        assert_eq!(
            call(&host(), "sell", "1"),
            "InvalidInput: the input's field action is not valid: unknown variant `sell`, \
             expected `reserve` or `release` at line 1 column 17"
        );
    }
}
