//! What the test ledger makes of Stripe's test cards: <https://docs.stripe.com/testing>.

use stepyard_step::Error;

/// The names after `pm_card_` or `tok_` that pay.
const PAYING: [&str; 8] = [
    "visa",
    "visa_debit",
    "mastercard",
    "mastercard_debit",
    "mastercard_prepaid",
    "amex",
    "discover",
    "diners",
];

/// The names that are declined, and Stripe's reasons.
const DECLINED: [(&str, &str); 9] = [
    ("chargeDeclined", "Your card was declined."),
    ("chargeCustomerFail", "Your card was declined."),
    ("chargeDeclinedFraudulent", "Your card was declined."),
    ("chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
    ("chargeDeclinedLostCard", "Your card was declined."),
    ("chargeDeclinedStolenCard", "Your card was declined."),
    ("chargeDeclinedExpiredCard", "Your card has expired."),
    ("chargeDeclinedIncorrectCvc", "Your card's security code is incorrect."),
    (
        "chargeDeclinedProcessingError",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
];

/// Charges a test card: no money moves.
pub(crate) fn charge(payment_method: &str) -> Result<(), Error> {
    let name = ["pm_card_visa_", "pm_card_", "tok_visa_", "tok_"]
        .into_iter()
        .find_map(|prefix| payment_method.strip_prefix(prefix).filter(|name| is_known(name)));
    let Some(name) = name else {
        let message = format!(
            "the test ledger knows only Stripe's test cards, such as pm_card_visa, and not \
             {payment_method}; set gateway_url to charge others"
        );
        return Err(Error::new("GatewayRefused", message));
    };
    match DECLINED.iter().find(|(declined, _)| *declined == name) {
        Some((_, reason)) => Err(Error::new("CardDeclined", reason)),
        None => Ok(()),
    }
}

fn is_known(name: &str) -> bool {
    PAYING.contains(&name) || DECLINED.iter().any(|(declined, _)| *declined == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_cards_pay_or_are_declined_as_at_stripe() {
        for method in ["pm_card_visa", "tok_visa", "pm_card_visa_debit", "tok_amex"] {
            assert_eq!(charge(method), Ok(()), "{method}");
        }
        for (method, reason) in [
            ("pm_card_visa_chargeDeclined", "Your card was declined."),
            ("pm_card_chargeDeclined", "Your card was declined."),
            ("tok_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
            ("tok_visa_chargeDeclinedExpiredCard", "Your card has expired."),
        ] {
            assert_eq!(charge(method), Err(Error::new("CardDeclined", reason)), "{method}");
        }
        for method in ["visa", "tok_unheard_of", "pm_1234", "4242424242424242", ""] {
            assert_eq!(charge(method).unwrap_err().error_type(), "GatewayRefused", "{method}");
        }
    }
}
