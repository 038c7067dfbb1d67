//! One charge, against the test ledger and against a gateway.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use stepyard_step::{
    http,
    testing::{Host, Outcome, interleave},
};

use super::*;

const URL: &str = "https://gateway.example/v1/payment_intents";

fn request(payment_method: &str) -> String {
    format!(
        r#"{{"idempotency_key": "charge/12345", "order_id": "12345", "product_id": "sku-001",
            "quantity": 2, "amount_cents": 3998, "currency": "usd",
            "payment_method": "{payment_method}"}}"#
    )
}

fn pay(payment_method: &str) -> String {
    invoke(&request(payment_method), &Context::default()).unwrap_or_else(|error| error.to_string())
}

fn charged(id: &str) -> String {
    format!(r#"{{"charged":true,"charge_id":"{id}","failure":null}}"#)
}

fn host() -> Host {
    Host::new().with_bucket("ledger")
}

/// A gateway's payment intents by id, as Stripe has them; idempotency keys it forgets at once.
#[derive(Debug, Default, Clone)]
struct Intents(Arc<Mutex<BTreeMap<String, (String, &'static str)>>>);

impl Intents {
    /// A host that reaches this gateway. `answer` may change what comes back.
    fn host(
        &self,
        answer: impl Fn(&str, http::Response) -> Result<http::Response, http::Error>
        + Send
        + Sync
        + 'static,
    ) -> Host {
        let intents = self.clone();
        host().with_config("gateway_url", "https://gateway.example/").with_server(move |request| {
            let path = request.url().strip_prefix(URL).expect("an intent's URL");
            answer(path, intents.perform(request, path))
        })
    }

    fn perform(&self, request: &http::Request, path: &str) -> http::Response {
        let mut intents = self.0.lock().unwrap();
        if path.is_empty() {
            let id = format!("pi_{}", intents.len());
            let body = std::str::from_utf8(request.body()).unwrap();
            let (_, method) = body.rsplit_once("payment_method=").unwrap();
            intents.insert(id.clone(), (method.to_owned(), "requires_confirmation"));
            return respond(&id, "requires_confirmation");
        }
        let (id, action) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        let (method, status) = intents.get_mut(id).unwrap();
        match (action, *status) {
            ("", _) => {}
            ("confirm", "requires_confirmation") if method.contains("Declined") => {
                *status = "requires_payment_method";
                return refuse(402, "Your card was declined.");
            }
            ("confirm", "requires_confirmation") if method.contains("Required") => {
                *status = "requires_action";
            }
            ("confirm", "requires_confirmation") => *status = "succeeded",
            ("cancel", "succeeded" | "canceled") | ("confirm", _) => {
                return refuse(400, "unexpected state");
            }
            ("cancel", _) => *status = "canceled",
            other => panic!("{other:?}"),
        }
        respond(id, status)
    }

    fn statuses(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().values().map(|(_, status)| *status).collect()
    }

    fn succeeded(&self) -> usize {
        self.statuses().iter().filter(|status| **status == "succeeded").count()
    }
}

fn respond(id: &str, status: &str) -> http::Response {
    let body = format!(r#"{{"id": "{id}", "status": "{status}", "latest_charge": "ch_{id}"}}"#);
    http::Response { status: 200, body: body.into_bytes() }
}

fn refuse(status: u16, message: &str) -> http::Response {
    let body = format!(r#"{{"error": {{"message": "{message}"}}}}"#);
    http::Response { status, body: body.into_bytes() }
}

#[test]
fn the_test_ledger_charges_an_order_once() {
    let host = host();
    host.run(|| {
        assert_eq!(pay("pm_card_visa"), charged("ch_test_12345"));
        assert_eq!(pay("pm_card_visa"), charged("ch_test_12345"));
        assert_eq!(
            pay("pm_card_chargeDeclined"),
            charged("ch_test_12345"),
            "what is charged stays charged"
        );
    });
    assert_eq!(host.history("ledger", "charge/12345").len(), 1);
}

#[test]
fn a_card_that_the_test_ledger_declines_leaves_nothing() {
    let host = host();
    host.run(|| {
        assert_eq!(pay("pm_card_chargeDeclined"), "CardDeclined: Your card was declined.");
        assert!(host.keys("ledger").is_empty());
        assert_eq!(pay("pm_card_visa"), charged("ch_test_12345"));
    });
}

#[test]
fn one_key_is_one_bill() {
    host().run(|| {
        pay("pm_card_visa");
        let dearer = request("pm_card_visa").replace("3998", "4998");
        assert_eq!(
            invoke(&dearer, &Context::default()).unwrap_err().to_string(),
            "OrderConflict: charge/12345 stands for order 12345: 2 of sku-001 for 3998 usd cents \
             already, and cannot for order 12345: 2 of sku-001 for 4998 usd cents"
        );
    });
}

#[test]
fn the_gateway_is_asked_in_stripes_words() {
    let intents = Intents::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let gateway = intents.clone();
    let host = host().with_config("gateway_url", "https://gateway.example").with_server(
        move |request: &http::Request| {
            let key = request.header_value("idempotency-key").unwrap_or_default();
            let body = String::from_utf8_lossy(request.body());
            let line = format!("{} {} [{key}] {body}", request.method(), request.url());
            log.lock().unwrap().push(line.trim_end().to_owned());
            Ok(gateway.perform(request, request.url().strip_prefix(URL).unwrap()))
        },
    );
    assert_eq!(host.run(|| pay("pm_card_visa")), charged("ch_pi_0"));
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "POST https://gateway.example/v1/payment_intents [charge/12345] amount=3998&\
             currency=usd&payment_method_types%5B%5D=card&metadata%5Border_id%5D=12345&\
             metadata%5Bproduct_id%5D=sku-001&metadata%5Bquantity%5D=2&payment_method=pm_card_visa",
            "POST https://gateway.example/v1/payment_intents/pi_0/confirm []",
        ]
    );
}

#[test]
fn the_gateway_charges_once_wherever_the_step_is_killed() {
    for calls in 0.. {
        let intents = Intents::default();
        let host = intents.host(|_, response| Ok(response));
        let killed = host.run_killed(calls, || pay("pm_card_visa"));
        let answer = host.run(|| pay("pm_card_visa"));
        assert!(answer.starts_with(r#"{"charged":true"#), "killed at call {calls}: {answer}");
        assert_eq!(intents.succeeded(), 1, "killed at call {calls}");
        if killed != Outcome::Killed {
            assert!(calls >= 8, "only {calls} host calls");
            break;
        }
    }
}

#[test]
fn the_gateway_charges_once_however_many_pay_at_once() {
    for seed in 0..200 {
        let intents = Intents::default();
        let host = intents.host(|_, response| Ok(response));
        let outcomes =
            interleave(&host, seed, 0.03, (0..4).map(|_| || pay("pm_card_visa")).collect());
        for outcome in outcomes {
            let answer = match outcome {
                Outcome::Done(answer) => answer,
                Outcome::Killed => host.run(|| pay("pm_card_visa")),
            };
            assert!(answer.starts_with(r#"{"charged":true"#), "seed {seed}: {answer}");
        }
        assert_eq!(intents.succeeded(), 1, "seed {seed}");
    }
}

#[test]
fn a_charge_whose_answer_is_lost_is_found_again() {
    let intents = Intents::default();
    let confirmations = AtomicUsize::new(0);
    let host = intents.host(move |path, response| {
        if path.ends_with("/confirm") && confirmations.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(http::Error::Unavailable("no answer in 20 s".to_owned()));
        }
        Ok(response)
    });
    host.run(|| {
        assert_eq!(pay("pm_card_visa"), "GatewayUnavailable: no answer in 20 s");
        assert_eq!(pay("pm_card_visa"), charged("ch_pi_0"));
    });
    assert_eq!(intents.statuses(), ["succeeded"]);
}

#[test]
fn an_order_whose_card_was_declined_can_be_paid_with_another() {
    let intents = Intents::default();
    let host = intents.host(|_, response| Ok(response));
    host.run(|| {
        let declined = "CardDeclined: Your card was declined.";
        assert_eq!(pay("pm_card_visa_chargeDeclined"), declined);
        assert_eq!(pay("pm_card_visa_chargeDeclined"), declined);
        assert_eq!(pay("pm_card_visa"), charged("ch_pi_2"));
    });
    assert_eq!(intents.statuses(), ["canceled", "canceled", "succeeded"]);
}

#[test]
fn a_payment_that_waits_for_the_customer_is_cancelled() {
    let intents = Intents::default();
    let host = intents.host(|_, response| Ok(response));
    assert_eq!(
        host.run(|| pay("pm_card_authenticationRequired")),
        r#"{"charged":false,"charge_id":null,"failure":{"Error":"PaymentIncomplete","Cause":"the payment pi_0 stopped at requires_action"}}"#
    );
    assert_eq!(intents.statuses(), ["canceled"]);
}

#[test]
fn what_a_gateway_answers_decides_whether_to_try_again() {
    let cases = [
        (
            refuse(400, "No such PaymentMethod"),
            "GatewayRefused: the gateway answered 400: No such PaymentMethod",
        ),
        (
            refuse(401, "Invalid API Key"),
            "GatewayRefused: the gateway answered 401: Invalid API Key",
        ),
        (refuse(409, "busy"), "GatewayUnavailable: the gateway answered 409: busy"),
        (refuse(429, "slow down"), "GatewayUnavailable: the gateway answered 429: slow down"),
        (
            http::Response { status: 502, body: b"<html>".to_vec() },
            "GatewayUnavailable: the gateway answered 502",
        ),
        (
            http::Response { status: 200, body: b"<html>".to_vec() },
            "GatewayUnavailable: the response, status 200, cannot be read: expected value at line \
             1 column 1",
        ),
        (respond("pi_0", "processing"), "PaymentPending: the payment pi_0 is being processed"),
    ];
    for (response, message) in cases {
        let host = Intents::default().host(move |_, _| Ok(response.clone()));
        assert_eq!(host.run(|| pay("pm_card_visa")), message);
    }
    let ungranted = host().with_config("gateway_url", "https://gateway.example");
    assert_eq!(
        ungranted.run(|| pay("pm_card_visa")),
        "AccessDenied: no grant for https://gateway.example/v1/payment_intents"
    );
}
