//! Charges an order once, whatever happens in between and however often it is asked to.
//!
//! With the setting `gateway_url` the charge is made by a gateway that speaks as Stripe does; without
//! it, by the test ledger, where Stripe's test cards pay or are declined and no money moves. Either
//! way the bucket `ledger` has one value for each charge, under the request's idempotency key, and one
//! compare-and-swap there decides what charges the order: the ledger's own charge, or the one payment
//! intent of the gateway's that may be confirmed.
//!
//! A card that is declined is the error `CardDeclined`; a payment that did not come about for another
//! reason is the answer `"charged": false`. `GatewayUnavailable` and `PaymentPending` are worth a
//! retry; `GatewayRefused` and `OrderConflict` are not.

mod gateway;
mod ledger;
mod test_card;

use serde::{Deserialize, Serialize};
use stepyard_step::{Context, Error, config, keyvalue, step};

use gateway::Gateway;
use ledger::Ledger;

step!(handle);

/// What to charge, for what, to whom.
#[derive(Debug, Clone, Deserialize)]
struct Request {
    /// The same key is the same charge.
    idempotency_key: String,
    #[serde(flatten)]
    bill: Bill,
    /// A payment method of the gateway's, `pm_…`, or a token of a card, `tok_…`.
    payment_method: String,
}

/// What a charge is for. One key stands for one bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Bill {
    order_id: String,
    product_id: String,
    quantity: u64,
    amount_cents: u64,
    currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Answer {
    charged: bool,
    charge_id: Option<String>,
    failure: Option<Failure>,
}

/// Why there is no charge, as a Catch would say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    error: &'static str,
    cause: String,
}

fn handle(request: Request, _context: &Context) -> Result<Answer, Error> {
    let gateway = config::get("gateway_url")?;
    let ledger = Ledger { bucket: keyvalue::open(ledger::BUCKET)?, request: &request };
    match gateway {
        Some(url) => Gateway::new(&url, &ledger).charge(),
        None => ledger.charge(),
    }
}

impl Answer {
    fn charged(charge_id: String) -> Self {
        Self { charged: true, charge_id: Some(charge_id), failure: None }
    }

    fn not_charged(cause: String) -> Self {
        let failure = Failure { error: "PaymentIncomplete", cause };
        Self { charged: false, charge_id: None, failure: Some(failure) }
    }
}

#[cfg(test)]
mod tests;
