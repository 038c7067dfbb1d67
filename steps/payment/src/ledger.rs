//! The bucket with one value for each charge.

use std::fmt;

use serde::{Deserialize, Serialize};
use stepyard_step::{
    Error,
    keyvalue::{Bucket, Change},
};

use crate::{Answer, Bill, Request, test_card};

/// The bucket that holds the charges.
pub(crate) const BUCKET: &str = "ledger";

/// The ledger, opened at the request's page.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    pub(crate) bucket: Bucket,
    pub(crate) request: &'a Request,
}

/// What stands under an idempotency key.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    bill: Bill,
    by: Means,
}

/// What charges the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Means {
    /// A charge of this ledger: it is made.
    Charge(String),
    /// A payment intent of the gateway's: no other may be confirmed.
    Intent(String),
}

impl Ledger<'_> {
    /// Charges the order here, unless it is charged already.
    pub(crate) fn charge(&self) -> Result<Answer, Error> {
        let means = self.update(|means| match means {
            Some(means) => Ok(Change::Keep(means)),
            None => {
                test_card::charge(&self.request.payment_method)?;
                let means = Means::Charge(format!("ch_test_{}", self.request.bill.order_id));
                Ok(Change::Write(means.clone(), means))
            }
        })?;
        match means {
            Means::Charge(id) => Ok(Answer::charged(id)),
            Means::Intent(id) => Err(Error::new(
                "GatewayRefused",
                format!("the gateway has the payment {id} of this order: set gateway_url again"),
            )),
        }
    }

    /// What charges the order, where that is decided.
    pub(crate) fn means(&self) -> Result<Option<Means>, Error> {
        let entry: Option<Entry> = self.bucket.get(&self.request.idempotency_key)?;
        entry.map(|entry| self.check(entry)).transpose()
    }

    /// Decides for this payment intent, unless another than `previous` has been decided for.
    /// Answers the one that may be confirmed.
    pub(crate) fn decide(&self, intent: &str, previous: Option<&str>) -> Result<String, Error> {
        let means = self.update(|means| match means {
            Some(Means::Intent(id)) if Some(id.as_str()) != previous => {
                Ok(Change::Keep(Means::Intent(id)))
            }
            Some(Means::Charge(id)) => Ok(Change::Keep(Means::Charge(id))),
            Some(Means::Intent(_)) | None => {
                let means = Means::Intent(intent.to_owned());
                Ok(Change::Write(means.clone(), means))
            }
        })?;
        match means {
            Means::Intent(id) => Ok(id),
            Means::Charge(id) => Err(Error::new(
                "GatewayUnavailable",
                format!("the test ledger made the charge {id} meanwhile: ask again"),
            )),
        }
    }

    fn update(
        &self,
        mut change: impl FnMut(Option<Means>) -> Result<Change<Means, Means>, Error>,
    ) -> Result<Means, Error> {
        self.bucket.update(&self.request.idempotency_key, |entry: Option<Entry>| {
            let means = entry.map(|entry| self.check(entry)).transpose()?;
            Ok(match change(means)? {
                Change::Keep(means) => Change::Keep(means),
                Change::Write(by, means) => {
                    Change::Write(Entry { bill: self.request.bill.clone(), by }, means)
                }
            })
        })
    }

    /// The same key for another bill is a mistake that must not pass for a payment.
    fn check(&self, entry: Entry) -> Result<Means, Error> {
        let (key, bill) = (&self.request.idempotency_key, &self.request.bill);
        if entry.bill == *bill {
            return Ok(entry.by);
        }
        let message = format!("{key} stands for {} already, and cannot for {bill}", entry.bill);
        Err(Error::new("OrderConflict", message))
    }
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order_id, product_id, quantity, amount_cents, currency } = self;
        write!(
            f,
            "order {order_id}: {quantity} of {product_id} for {amount_cents} {currency} cents"
        )
    }
}
