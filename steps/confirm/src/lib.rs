//! Closes an order that is paid: its reservation becomes a sale, then the customer is told by mail.
//!
//! Both are done once, however often the step is called: the sale as `stepyard_stock` tells, the
//! message by an id that is made from the order's. The sender is the setting `sender`.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use stepyard_step::{Context, Error, config, keyvalue, mail, step};
use stepyard_stock::{BUCKET, Claim, sell};

step!(handle);

/// The sender of a message where no setting names one.
const SENDER: &str = "orders@stepyard.local";

/// An order that is reserved and paid.
#[derive(Debug, Deserialize)]
struct Order {
    order_id: String,
    product_id: String,
    quantity: u64,
    customer_email: String,
    amount_cents: u64,
    currency: String,
    charge_id: String,
    /// The execution that reserved the stock.
    #[serde(default)]
    holder: String,
}

#[derive(Debug, Serialize)]
struct Confirmation {
    message_id: String,
}

fn handle(order: Order, _context: &Context) -> Result<Confirmation, Error> {
    sell(&keyvalue::open(BUCKET)?, &order.claim())?;
    let sender = config::get("sender")?.unwrap_or_else(|| SENDER.to_owned());
    let message_id = message_id(&order.order_id);
    mail::send(mail::Message {
        message_id: message_id.clone(),
        sender,
        recipients: vec![order.customer_email.clone()],
        subject: format!("Your order {} is confirmed", order.order_id),
        text: order.letter(),
    })?;
    Ok(Confirmation { message_id })
}

impl Order {
    fn claim(&self) -> Claim {
        Claim {
            order_id: self.order_id.clone(),
            product_id: self.product_id.clone(),
            quantity: self.quantity,
            holder: self.holder.clone(),
        }
    }

    fn letter(&self) -> String {
        let Self { order_id, product_id, quantity, charge_id, .. } = self;
        let (units, cents) = (self.amount_cents / 100, self.amount_cents % 100);
        let currency = self.currency.to_uppercase();
        format!(
            "Thank you for your order.\n\
             \n\
             Order:    {order_id}\n\
             Product:  {product_id}\n\
             Quantity: {quantity}\n\
             Total:    {units}.{cents:02} {currency}\n\
             Payment:  {charge_id}\n\
             \n\
             The payment was received and the goods are yours.\n"
        )
    }
}

/// The message's id, of letters that every mail system takes: any other is written as `%` and the
/// hexadecimal number of each of its bytes, so that two orders never share a message.
fn message_id(order_id: &str) -> String {
    let mut id = "order-".to_owned();
    for byte in order_id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            id.push(char::from(byte));
        } else {
            write!(id, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    id + "@stepyard.local"
}

#[cfg(test)]
mod tests {
    use stepyard_step::testing::{Host, Outcome};

    use super::*;

    const ORDER: &str = r#"{
        "order_id": "12345", "product_id": "sku-001", "quantity": 2, "amount_cents": 3905,
        "currency": "usd", "customer_email": "user@example.com", "charge_id": "ch_1", "holder": "a"
    }"#;

    /// A host where the order is reserved.
    fn host() -> Host {
        Host::new().with_value(
            BUCKET,
            "product/sku-001",
            r#"{
                "available": 3, "sold": 0, "unit_price_cents": 1999, "currency": "usd",
                "reservations": {
                    "12345": {
                        "quantity": 2, "amount_cents": 3905, "currency": "usd", "holders": ["a"]
                    }
                }
            }"#,
        )
    }

    fn call(host: &Host) -> String {
        let answer = host.run(|| invoke(ORDER, &Context::default()));
        answer.unwrap_or_else(|error| error.to_string())
    }

    const CONFIRMED: &str = r#"{"message_id":"order-12345@stepyard.local"}"#;
    const SOLD: &str =
        r#"{"available":3,"sold":2,"unit_price_cents":1999,"currency":"usd","reservations":{}}"#;

    #[test]
    fn a_paid_order_is_sold_and_the_customer_told() {
        let host = host().with_config("sender", "shop@example.com");
        assert_eq!(call(&host), CONFIRMED);
        assert_eq!(host.value(BUCKET, "product/sku-001").unwrap(), SOLD);
        let message = mail::Message {
            message_id: "order-12345@stepyard.local".to_owned(),
            sender: "shop@example.com".to_owned(),
            recipients: vec!["user@example.com".to_owned()],
            subject: "Your order 12345 is confirmed".to_owned(),
            text: "Thank you for your order.\n\nOrder:    12345\nProduct:  sku-001\n\
                   Quantity: 2\nTotal:    39.05 USD\nPayment:  ch_1\n\n\
                   The payment was received and the goods are yours.\n"
                .to_owned(),
        };
        assert_eq!(host.mail(), [message]);
    }

    #[test]
    fn it_is_sold_once_and_told_once_wherever_the_step_is_killed() {
        for calls in 0.. {
            let host = host();
            let killed =
                host.run_killed(calls, || invoke(ORDER, &Context::default()).map_err(drop));
            assert_eq!(call(&host), CONFIRMED, "killed at call {calls}");
            assert_eq!(host.value(BUCKET, "product/sku-001").unwrap(), SOLD);
            assert_eq!(host.mail().len(), 1, "killed at call {calls}");
            if killed != Outcome::Killed {
                assert!(calls >= 8, "only {calls} host calls");
                break;
            }
        }
    }

    #[test]
    fn a_message_that_is_not_taken_fails_the_task() {
        let cases = [
            (mail::Error::Unavailable("no route".to_owned()), "MailUnavailable: no route"),
            (mail::Error::Refused("no such user".to_owned()), "MailRefused: no such user"),
            (mail::Error::AccessDenied("grant it".to_owned()), "AccessDenied: grant it"),
        ];
        for (failure, message) in cases {
            assert_eq!(call(&host().with_mail_failure(failure)), message);
        }
    }

    #[test]
    fn an_order_without_a_reservation_is_not_confirmed() {
        let host = Host::new().with_value(
            BUCKET,
            "product/sku-001",
            r#"{"available": 3, "unit_price_cents": 1999, "currency": "usd"}"#,
        );
        assert_eq!(call(&host), "NotReserved: the order 12345 has no 2 of sku-001 reserved by a");
        assert!(host.mail().is_empty());
    }

    #[test]
    fn a_message_id_is_safe_and_tells_orders_apart() {
        for (order_id, expected) in [
            ("A-1_b", "order-A-1_b@stepyard.local"),
            ("a.b", "order-a%2Eb@stepyard.local"),
            ("a%2Eb", "order-a%252Eb@stepyard.local"),
            ("../é<@>", "order-%2E%2E%2F%C3%A9%3C%40%3E@stepyard.local"),
        ] {
            assert_eq!(message_id(order_id), expected);
        }
    }
}
