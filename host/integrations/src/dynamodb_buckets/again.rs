//! Which requests are sent to DynamoDB again.
//!
//! A read is, whatever went wrong. A change is where the answer shows that it was not made; where it
//! may have been made it is not, so that no change is made twice and none takes its own work for
//! another's.

use std::{error::Error, io};

use aws_sdk_dynamodb::{
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    error::SdkError,
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError,
        transact_write_items::TransactWriteItemsError,
    },
};

/// Why DynamoDB cancels a transaction that it may make the next moment.
const PASSING: [&str; 3] =
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// When a request is sent again, besides when the SDK does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Whenever the SDK would.
    Always,
    /// When the SDK would, and the change was not made.
    UnlessItMayBeDone,
}

impl ClassifyRetry for Again {
    fn name(&self) -> &'static str {
        "DynamoDbBuckets"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let status = context.response().map_or(0, |response| response.status().as_u16());
        let refused = match error.as_connector_error() {
            Some(error) => is_refused_connection(error),
            None => error.is_operation_error() && status < 500,
        };
        if *self == Self::UnlessItMayBeDone && !refused {
            return RetryAction::RetryForbidden;
        }
        match is_conflict(context) {
            true => RetryAction::throttling_error(),
            false => RetryAction::NoActionIndicated,
        }
    }
}

/// Whether a transaction stood in the way, which is over soon; the SDK takes it for an end.
fn is_conflict(context: &InterceptorContext) -> bool {
    let Some(Err(error)) = context.output_or_error() else { return false };
    let Some(error) = error.as_operation_error() else { return false };
    if let Some(error) = error.downcast_ref::<PutItemError>() {
        return matches!(error, PutItemError::TransactionConflictException(_));
    }
    if let Some(error) = error.downcast_ref::<DeleteItemError>() {
        return matches!(error, DeleteItemError::TransactionConflictException(_));
    }
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.downcast_ref::<TransactWriteItemsError>()
    else {
        return false;
    };
    let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
    !codes.is_empty() && codes.iter().all(|code| PASSING.contains(code))
}

/// Whether a request that came to this may have been done.
pub(super) fn may_be_done<E: Error + 'static>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        // What is of another kind was not sent: credentials that are missing, a URL that is none.
        SdkError::DispatchFailure(failure) => !failure.is_other() && !is_refused_connection(error),
        SdkError::ServiceError(answer) => answer.raw().status().as_u16() >= 500,
        _ => true,
    }
}

/// Whether nobody listens: nothing was sent.
fn is_refused_connection(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
