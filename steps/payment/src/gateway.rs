//! A gateway that speaks as Stripe does, by its payment intents:
//! <https://docs.stripe.com/payments/paymentintents/lifecycle>.
//!
//! An intent is made first, which moves no money, then noted in the ledger, then confirmed. It can
//! succeed only once, and only the one in the ledger is ever confirmed: so an order is charged once
//! even where the gateway forgets idempotency keys, as Stripe does after a day. Whoever finds an
//! intent in the ledger asks what became of it before anything else. The secret key is not here: the
//! host puts it into the Authorization header.

use std::time::Duration;

use serde::Deserialize;
use stepyard_step::{Error, http};

use crate::{
    Answer, Request,
    ledger::{Ledger, Means},
};

/// How long the gateway may take to answer. A payment takes at most three answers, and all of them
/// fit into what the workflow gives the task.
const TIMEOUT: Duration = Duration::from_secs(8);

// An intent's statuses. Any other one asks the customer for something that no step can give.
const DECLINED: &str = "requires_payment_method";
const UNCONFIRMED: &str = "requires_confirmation";
const PROCESSING: &str = "processing";
const SUCCEEDED: &str = "succeeded";
const CANCELED: &str = "canceled";

/// The gateway, for the payment that the ledger is opened for.
#[derive(Debug)]
pub(crate) struct Gateway<'a> {
    url: &'a str,
    ledger: &'a Ledger<'a>,
}

/// A payment intent, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    status: String,
    #[serde(default)]
    latest_charge: Option<Reference>,
}

/// Another object of the gateway's: its id, or the object itself where the gateway expands it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(String),
    Object { id: String },
}

#[derive(Debug, Deserialize)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Debug, Deserialize)]
struct RefusalDetail {
    message: Option<String>,
}

impl<'a> Gateway<'a> {
    pub(crate) fn new(url: &'a str, ledger: &'a Ledger<'a>) -> Self {
        Self { url: url.trim_end_matches('/'), ledger }
    }

    /// Charges the order, unless it is charged already.
    pub(crate) fn charge(&self) -> Result<Answer, Error> {
        let mut intent = match self.ledger.means()? {
            Some(Means::Charge(id)) => return Ok(Answer::charged(id)),
            Some(Means::Intent(id)) => self.look(&id)?,
            None => self.begin(None)?,
        };
        if matches!(intent.status.as_str(), DECLINED | CANCELED) {
            // Another try, with another card perhaps, takes another intent.
            self.cancel(&intent)?;
            intent = self.begin(Some(&intent.id))?;
        }
        if intent.status == UNCONFIRMED {
            intent = self.confirm(&intent.id)?;
        }
        self.answer(intent)
    }

    fn answer(&self, intent: Intent) -> Result<Answer, Error> {
        let Intent { id, status, .. } = &intent;
        match status.as_str() {
            SUCCEEDED => Ok(Answer::charged(match intent.latest_charge {
                Some(Reference::Id(charge) | Reference::Object { id: charge }) => charge,
                None => intent.id,
            })),
            DECLINED => Err(Error::new("CardDeclined", format!("the payment {id} was declined"))),
            PROCESSING => {
                Err(Error::new("PaymentPending", format!("the payment {id} is being processed")))
            }
            _ => {
                // So that nobody completes it once the order has given up its stock.
                self.cancel(&intent)?;
                Ok(Answer::not_charged(format!("the payment {id} stopped at {status}")))
            }
        }
    }

    /// Makes an intent and has the ledger decide for it. Where the ledger has decided for another one
    /// meanwhile, answers that, and its own is never confirmed.
    fn begin(&self, previous: Option<&str>) -> Result<Intent, Error> {
        let key = &self.ledger.request.idempotency_key;
        let key = previous.map_or_else(|| key.clone(), |previous| format!("{key}/{previous}"));
        let request = http::Request::post(self.path("")).header("idempotency-key", key);
        let fields = self.fields();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let intent = self.send(request.form(&fields))?;
        let id = self.ledger.decide(&intent.id, previous)?;
        if id == intent.id { Ok(intent) } else { self.look(&id) }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let Request { bill, payment_method, .. } = self.ledger.request;
        let mut fields = vec![
            ("amount", bill.amount_cents.to_string()),
            ("currency", bill.currency.clone()),
            ("payment_method_types[]", "card".to_owned()),
            ("metadata[order_id]", bill.order_id.clone()),
            ("metadata[product_id]", bill.product_id.clone()),
            ("metadata[quantity]", bill.quantity.to_string()),
        ];
        if payment_method.starts_with("tok_") {
            fields.push(("payment_method_data[type]", "card".to_owned()));
            fields.push(("payment_method_data[card][token]", payment_method.clone()));
        } else {
            fields.push(("payment_method", payment_method.clone()));
        }
        fields
    }

    fn look(&self, id: &str) -> Result<Intent, Error> {
        self.send(http::Request::get(self.path(&format!("/{id}"))))
    }

    fn confirm(&self, id: &str) -> Result<Intent, Error> {
        let confirmed = self.send(http::Request::post(self.path(&format!("/{id}/confirm"))));
        match confirmed {
            // Another task may have confirmed it meanwhile, which cannot be done twice.
            Err(error) if error.error_type() == "GatewayRefused" => match self.look(id)? {
                intent if intent.status == UNCONFIRMED => Err(error),
                intent => Ok(intent),
            },
            confirmed => confirmed,
        }
    }

    /// Makes sure that an intent can never be paid.
    fn cancel(&self, intent: &Intent) -> Result<(), Error> {
        if intent.status == CANCELED {
            return Ok(());
        }
        let id = &intent.id;
        match self.send(http::Request::post(self.path(&format!("/{id}/cancel")))) {
            Err(error) if error.error_type() == "GatewayRefused" => {
                match self.look(id)?.status.as_str() {
                    CANCELED => Ok(()),
                    _ => Err(Error::new("GatewayUnavailable", error.message())),
                }
            }
            cancelled => cancelled.map(drop),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("{}/v1/payment_intents{rest}", self.url)
    }

    fn send(&self, request: http::Request) -> Result<Intent, Error> {
        let response = request.timeout(TIMEOUT).send().map_err(explain)?;
        match response.status {
            200..=299 => response.json().map_err(explain),
            402 => Err(Error::new("CardDeclined", reason(&response))),
            // 409 and 429: another request for the same payment, or too many of them.
            409 | 429 | 500.. => Err(Error::new("GatewayUnavailable", reason(&response))),
            _ => Err(Error::new("GatewayRefused", reason(&response))),
        }
    }
}

fn reason(response: &http::Response) -> String {
    let refusal: Option<Refusal> = response.json().ok();
    match (response.status, refusal.and_then(|refusal| refusal.error.message)) {
        (402, Some(message)) => message,
        (status, Some(message)) => format!("the gateway answered {status}: {message}"),
        (status, None) => format!("the gateway answered {status}"),
    }
}

fn explain(error: http::Error) -> Error {
    match error {
        http::Error::AccessDenied(_) => error.into(),
        http::Error::Invalid(_) => Error::new("GatewayRefused", error),
        http::Error::Unavailable(_) => Error::new("GatewayUnavailable", error),
    }
}
