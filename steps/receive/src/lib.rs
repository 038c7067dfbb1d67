//! Checks an order and brings it into one form, on which every later state relies. An order that is
//! not valid is refused with one `InvalidOrder` that names all of its bad fields.
//!
//! | field | rule |
//! |---|---|
//! | `order_id`, `product_id` | 1 to 64 visible ASCII characters |
//! | `quantity` | a whole number from 1 to 1000 |
//! | `customer_email` | an address, at most 254 characters; its domain in lower case afterwards |
//! | `payment_method` | like an id; `pm_card_visa`, the payment gateways' test card, when absent |
//!
//! Space around a text is taken away; fields that are not listed are dropped.

mod email;

use serde::Serialize;
use serde_json::{Map, Value};
use stepyard_step::{Context, Error, step};

step!(handle);

/// How long an id may be, in characters.
const ID_LENGTH_MAX: usize = 64;

/// How many pieces an order may be for.
const QUANTITY_MAX: u64 = 1000;

/// What pays for an order that does not say: Stripe's test card, which moves no money.
const PAYMENT_METHOD: &str = "pm_card_visa";

/// An order that is valid.
#[derive(Debug, Serialize)]
struct Order {
    order_id: String,
    product_id: String,
    quantity: u64,
    customer_email: String,
    payment_method: String,
}

fn handle(input: Value, _context: &Context) -> Result<Order, Error> {
    let Value::Object(fields) = input else {
        let message = format!("the order is not valid: it must be an object, not {}", show(&input));
        return Err(Error::new("InvalidOrder", message));
    };
    let mut form = Form { fields, problems: Vec::new() };
    let order = Order {
        order_id: form.read("order_id", None, id),
        product_id: form.read("product_id", None, id),
        quantity: form.read("quantity", None, quantity),
        customer_email: form.read("customer_email", None, address),
        payment_method: form.read("payment_method", Some(PAYMENT_METHOD), id),
    };
    if form.problems.is_empty() {
        return Ok(order);
    }
    let problems = form.problems.join("; ");
    Err(Error::new("InvalidOrder", format!("the order is not valid: {problems}")))
}

/// The order's fields, and what was found wrong with them.
struct Form {
    fields: Map<String, Value>,
    problems: Vec<String>,
}

impl Form {
    /// A field's value; where it is bad, notes the problem and goes on with a blank.
    fn read<Field: Default>(
        &mut self,
        name: &str,
        default: Option<&str>,
        parse: fn(&Value) -> Result<Field, String>,
    ) -> Field {
        let default = default.map(Value::from);
        let parsed =
            match self.fields.get(name).filter(|value| !value.is_null()).or(default.as_ref()) {
                Some(value) => parse(value).map_err(|rule| format!("{rule}, not {}", show(value))),
                None => Err("is missing".to_owned()),
            };
        parsed.unwrap_or_else(|problem| {
            self.problems.push(format!("{name} {problem}"));
            Field::default()
        })
    }
}

fn id(value: &Value) -> Result<String, String> {
    let id = value.as_str().map(str::trim).filter(|id| {
        (1..=ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let rule = || format!("must be 1 to {ID_LENGTH_MAX} visible ASCII characters");
    id.map(str::to_owned).ok_or_else(rule)
}

fn quantity(value: &Value) -> Result<u64, String> {
    let quantity = value.as_u64().filter(|quantity| (1..=QUANTITY_MAX).contains(quantity));
    quantity.ok_or_else(|| format!("must be a whole number from 1 to {QUANTITY_MAX}"))
}

fn address(value: &Value) -> Result<String, String> {
    let address = value.as_str().and_then(|address| email::normalise(address.trim()));
    address.ok_or_else(|| "must be an e-mail address such as user@example.com".to_owned())
}

/// A bad value, as it stands in the order but not at any length.
fn show(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => return "an array".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
        value => value.to_string(),
    };
    match text.char_indices().nth(ID_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(order: &str) -> String {
        invoke(order, &Context::default()).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn a_valid_order_is_brought_into_one_form() {
        assert_eq!(
            answer(
                r#"{"product_id": " sku-001 ", "order_id": "12345", "quantity": 1, "gift": true,
                    "customer_email": "User@Example.COM"}"#
            ),
            r#"{"order_id":"12345","product_id":"sku-001","quantity":1,"customer_email":"User@example.com","payment_method":"pm_card_visa"}"#
        );
    }

    #[test]
    fn an_order_in_its_form_stays_as_it_is() {
        let order = r#"{"order_id":"1","product_id":"a","quantity":1000,"customer_email":"u@b.org","payment_method":"tok_amex"}"#;
        assert_eq!(answer(order), order);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        assert_eq!(
            answer(r#"{"order_id": "", "quantity": "two", "customer_email": "nobody"}"#),
            "InvalidOrder: the order is not valid: \
             order_id must be 1 to 64 visible ASCII characters, not \"\"; \
             product_id is missing; \
             quantity must be a whole number from 1 to 1000, not \"two\"; \
             customer_email must be an e-mail address such as user@example.com, not \"nobody\""
        );
    }

    #[test]
    fn each_field_has_its_rule() {
        let long = "x".repeat(65);
        let cases = [
            ("order_id", "null", "is missing".to_owned()),
            ("order_id", "12345", "must be 1 to 64 visible ASCII characters, not 12345".to_owned()),
            (
                "order_id",
                r#""a b""#,
                r#"must be 1 to 64 visible ASCII characters, not "a b""#.to_owned(),
            ),
            (
                "product_id",
                &format!("\"{long}\""),
                format!("must be 1 to 64 visible ASCII characters, not \"{}…", &long[..63]),
            ),
            (
                "product_id",
                "[]",
                "must be 1 to 64 visible ASCII characters, not an array".to_owned(),
            ),
            ("quantity", "0", "must be a whole number from 1 to 1000, not 0".to_owned()),
            ("quantity", "1001", "must be a whole number from 1 to 1000, not 1001".to_owned()),
            ("quantity", "-1", "must be a whole number from 1 to 1000, not -1".to_owned()),
            ("quantity", "1.5", "must be a whole number from 1 to 1000, not 1.5".to_owned()),
            (
                "payment_method",
                "{}",
                "must be 1 to 64 visible ASCII characters, not an object".to_owned(),
            ),
        ];
        for (field, value, problem) in cases {
            let mut order: Value = serde_json::from_str(
                r#"{"order_id":"1","product_id":"a","quantity":1,"customer_email":"u@b.org"}"#,
            )
            .unwrap();
            order[field] = serde_json::from_str(value).unwrap();
            let message = format!("InvalidOrder: the order is not valid: {field} {problem}");
            assert_eq!(answer(&order.to_string()), message);
        }
    }

    #[test]
    fn an_order_that_is_no_object_is_refused() {
        let message = "InvalidOrder: the order is not valid: it must be an object, not \"12345\"";
        assert_eq!(answer("\"12345\""), message);
    }
}
