//! A product's stock: what the `inventory` step reserves and releases and the `confirm` step sells.
//!
//! One value, `product/<product id>`, holds what is available of a product, its open reservations
//! and how many are sold, and only ever changes by one compare-and-swap. So at every instant, and
//! wherever a step is killed:
//!
//! - **available + reserved + sold is constant**, and available is never below zero;
//! - an order has at most one reservation, however many executions run it;
//! - the value does not grow with the orders of the past: a reservation leaves when it is released
//!   or sold.
//!
//! What remains of a sold order is a small value of its own, `order/<order id>`, so that the same
//! order is never sold again. It is written before the reservation leaves, and every change of the
//! product reads it *after* the product: whoever finds neither a reservation nor that value, and
//! then swaps, knows that the order was not sold meanwhile, for `sold` only grows.
//!
//! Executions that run the same order share its reservation; each is a *holder*. The stock goes back
//! when the last holder releases it, so one whose payment fails takes nothing from another who has
//! paid. A holder either releases or sells, never both at once: a workflow does one thing at a time.

mod product;

use std::fmt;

use serde::{Deserialize, Serialize};
use stepyard_step::{
    Error,
    keyvalue::{Bucket, Change},
};

use product::Product;

/// The bucket that holds the stock.
pub const BUCKET: &str = "inventory";

/// An order's claim to a product's stock, made by an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The order.
    pub order_id: String,
    /// The product that it asks for.
    pub product_id: String,
    /// How many.
    pub quantity: u64,
    /// The execution that runs the order.
    pub holder: String,
}

/// What an order reserved, or bought, and for how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The product.
    pub product_id: String,
    /// How many.
    pub quantity: u64,
    /// The price of all of them, in hundredths of the currency.
    pub amount_cents: u64,
    /// The currency, as ISO 4217 has it, in lower case.
    pub currency: String,
}

/// What became of the wish to reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The order has its stock.
    Yes(Sale),
    /// There is not enough of it.
    OutOfStock {
        /// What there is.
        available: u64,
    },
}

/// Reserves stock for an order. The same order again gets the same answer, and so does one that
/// is sold.
pub fn reserve(bucket: &Bucket, claim: &Claim) -> Result<Reserved, Error> {
    bucket.update(&claim.product_key(), |product: Option<Product>| {
        let product = product.ok_or_else(|| claim.unknown_product())?;
        if let Some(sale) = claim.sale(bucket)? {
            return Ok(Change::Keep(Reserved::Yes(sale)));
        }
        product.reserve(claim)
    })
}

/// Gives back what this holder reserved; answers whether that put stock back. What is sold, held by
/// others as well, or not reserved at all stays as it is.
pub fn release(bucket: &Bucket, claim: &Claim) -> Result<bool, Error> {
    bucket.update(&claim.product_key(), |product: Option<Product>| match product {
        Some(product) if claim.sale(bucket)?.is_none() => Ok(product.release(claim)),
        Some(_) | None => Ok(Change::Keep(false)),
    })
}

/// Makes an order's reservation a sale. The same order again is sold once.
pub fn sell(bucket: &Bucket, claim: &Claim) -> Result<Sale, Error> {
    bucket.update(&claim.product_key(), |product: Option<Product>| {
        let product = product.ok_or_else(|| claim.unknown_product())?;
        let sale = match claim.sale(bucket)? {
            Some(sale) => sale,
            None => decide(bucket, claim, product.sale_of(claim)?)?,
        };
        Ok(product.sell(claim, sale))
    })
}

/// Writes down that the order is sold: from here on it cannot be released, nor reserved again.
fn decide(bucket: &Bucket, claim: &Claim, sale: Sale) -> Result<Sale, Error> {
    bucket.update(&claim.order_key(), |sold: Option<Sale>| match sold {
        Some(sold) => claim.check(&sold).map(|()| Change::Keep(sold)),
        None => Ok(Change::Write(sale.clone(), sale.clone())),
    })
}

impl Claim {
    fn product_key(&self) -> String {
        format!("product/{}", self.product_id)
    }

    fn order_key(&self) -> String {
        format!("order/{}", self.order_id)
    }

    /// What the order bought, where it is sold.
    fn sale(&self, bucket: &Bucket) -> Result<Option<Sale>, Error> {
        let sale: Option<Sale> = bucket.get(&self.order_key())?;
        sale.as_ref().map_or(Ok(()), |sale| self.check(sale))?;
        Ok(sale)
    }

    /// An order is one wish: the same id with another one is a mistake that must not pass.
    fn check(&self, sale: &Sale) -> Result<(), Error> {
        if (&sale.product_id, sale.quantity) == (&self.product_id, self.quantity) {
            return Ok(());
        }
        let (id, before) = (&self.order_id, sale);
        Err(Error::new(
            "OrderConflict",
            format!("the order {id} is for {before} already, and cannot be for {self} as well"),
        ))
    }

    fn unknown_product(&self) -> Error {
        Error::new("ProductUnknown", format!("there is no product {}", self.product_id))
    }

    fn not_reserved(&self) -> Error {
        let (id, holder) = (&self.order_id, &self.holder);
        Error::new("NotReserved", format!("the order {id} has no {self} reserved by {holder}"))
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.quantity, self.product_id)
    }
}

impl fmt::Display for Sale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.quantity, self.product_id)
    }
}

#[cfg(test)]
mod tests;
