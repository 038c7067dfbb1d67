//! The value of one product, and how it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use stepyard_step::{Error, keyvalue::Change};

use crate::{Claim, Reserved, Sale};

/// How many executions may hold one order's reservation at once, so that the value stays small.
const HOLDERS_MAX: usize = 256;

/// What there is of a product. A new product needs `available`, `unit_price_cents` and `currency`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Product {
    available: u64,
    #[serde(default)]
    sold: u64,
    unit_price_cents: u64,
    currency: String,
    /// By order id.
    #[serde(default)]
    reservations: BTreeMap<String, Reservation>,
}

/// What an order has reserved: at the price that was the product's when it did.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reservation {
    quantity: u64,
    amount_cents: u64,
    currency: String,
    holders: BTreeSet<String>,
}

impl Product {
    pub(crate) fn reserve(mut self, claim: &Claim) -> Result<Change<Self, Reserved>, Error> {
        if let Some(reservation) = self.reservations.get_mut(&claim.order_id) {
            let sale = reservation.sale(claim);
            claim.check(&sale)?;
            if reservation.holders.contains(&claim.holder) {
                return Ok(Change::Keep(Reserved::Yes(sale)));
            }
            if reservation.holders.len() == HOLDERS_MAX {
                let id = &claim.order_id;
                let message = format!("{HOLDERS_MAX} executions hold the order {id} already");
                return Err(Error::new("OrderBusy", message));
            }
            reservation.holders.insert(claim.holder.clone());
            return Ok(Change::Write(self, Reserved::Yes(sale)));
        }
        let Some(available) = self.available.checked_sub(claim.quantity) else {
            return Ok(Change::Keep(Reserved::OutOfStock { available: self.available }));
        };
        let reservation = Reservation {
            quantity: claim.quantity,
            amount_cents: self.price(claim)?,
            currency: self.currency.clone(),
            holders: BTreeSet::from([claim.holder.clone()]),
        };
        let sale = reservation.sale(claim);
        self.available = available;
        self.reservations.insert(claim.order_id.clone(), reservation);
        Ok(Change::Write(self, Reserved::Yes(sale)))
    }

    pub(crate) fn release(mut self, claim: &Claim) -> Change<Self, bool> {
        let Some(reservation) = self.reservations.get_mut(&claim.order_id) else {
            return Change::Keep(false);
        };
        if !reservation.holders.remove(&claim.holder) {
            return Change::Keep(false);
        }
        let last = reservation.holders.is_empty();
        if last {
            self.available += reservation.quantity;
            self.reservations.remove(&claim.order_id);
        }
        Change::Write(self, last)
    }

    /// What this claim's holder has reserved.
    pub(crate) fn sale_of(&self, claim: &Claim) -> Result<Sale, Error> {
        let reservation = self.reservations.get(&claim.order_id);
        let reservation = reservation.filter(|it| it.holders.contains(&claim.holder));
        let sale = reservation.ok_or_else(|| claim.not_reserved())?.sale(claim);
        claim.check(&sale)?;
        Ok(sale)
    }

    /// Moves a reservation to what is sold; where it has moved already, nothing is left to do.
    pub(crate) fn sell(mut self, claim: &Claim, sale: Sale) -> Change<Self, Sale> {
        match self.reservations.remove(&claim.order_id) {
            Some(reservation) => {
                self.sold += reservation.quantity;
                Change::Write(self, sale)
            }
            None => Change::Keep(sale),
        }
    }

    fn price(&self, claim: &Claim) -> Result<u64, Error> {
        self.unit_price_cents.checked_mul(claim.quantity).ok_or_else(|| {
            Error::new("InvalidQuantity", format!("the price of {claim} is beyond all numbers"))
        })
    }
}

impl Reservation {
    fn sale(&self, claim: &Claim) -> Sale {
        Sale {
            product_id: claim.product_id.clone(),
            quantity: self.quantity,
            amount_cents: self.amount_cents,
            currency: self.currency.clone(),
        }
    }
}
