//! A service's client: made with the first call, so that nothing is read for a service nobody calls; and
//! what comes back besides its output.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::SdkConfig;
use aws_sdk_sns::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use stepyard_asl::StatesError;
use stepyard_engine::outside::HttpMetadata;
use tokio::sync::OnceCell;

use crate::{
    aws::{Aws, AwsService, NO_REGION, said, why_unanswered},
    sdk::{Errors, ServiceError},
};

/// A service's client whose calls are tasks.
#[derive(Debug)]
pub(crate) struct ServiceClient<C> {
    aws: Aws,
    service: AwsService,
    new: fn(&SdkConfig) -> C,
    made: OnceCell<Option<C>>,
}

impl<C> ServiceClient<C> {
    /// A client that `new` makes when it is needed.
    pub(crate) fn new(aws: Aws, service: AwsService, new: fn(&SdkConfig) -> C) -> Self {
        Self { aws, service, new, made: OnceCell::new() }
    }

    /// The client. Where no region is known no call can be made, and the task fails with one of `errors`.
    pub(crate) async fn get(&self, errors: &Errors) -> Result<&C, StatesError> {
        let made = self.made.get_or_init(|| async {
            let config = self.aws.task_config(self.service).await;
            config.region().is_some().then(|| (self.new)(&config))
        });
        made.await.as_ref().ok_or_else(|| errors.service.unreachable(NO_REGION))
    }
}

impl Errors {
    /// The task's error when a call of the service failed.
    pub(crate) fn told<E>(&self, error: &SdkError<E>) -> StatesError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Some(response) = error.raw_response() else {
            return self.service.unreachable(&why_unanswered(error));
        };
        self.refused(&ServiceError {
            message: &said(error),
            status: response.status().as_u16(),
            code: error.code().unwrap_or_default(),
            request_id: error.request_id().unwrap_or_default(),
        })
    }
}

/// Keeps status and headers of an answer, which the SDK's output leaves out.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpAnswer(Arc<Mutex<Option<HttpMetadata>>>);

impl HttpAnswer {
    /// What was kept, once.
    pub(crate) fn take(&self) -> Option<HttpMetadata> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for HttpAnswer {
    fn name(&self) -> &'static str {
        "HttpAnswer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let headers = response.headers().iter();
        let metadata = HttpMetadata {
            status: response.status().as_u16(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(metadata);
        Ok(())
    }
}
