//! Posts to the Runtime API, and reads what it says to that.

use http::{Method, request::Builder};
use http_body_util::BodyExt;
use lambda_runtime::LambdaInvocation;
use lambda_runtime_api_client::{BoxError, PooledClient, body::Body, build_request};

use crate::{answer::Answer, runtime::ServeError};

/// Tells an invocation from a later one of the same request: sent back as it came.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
/// What a failure is counted under.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// What stands there when the error's name cannot.
const UNNAMED: &str = "Function.Unknown";

/// Posts an answer. An error means that the environment is lost: AWS says to end then.
pub(crate) async fn answer(
    client: &PooledClient,
    invocation: &LambdaInvocation,
    answer: Answer,
) -> Result<(), BoxError> {
    let request_id = &invocation.context.request_id;
    let (what, error_type, body) = match answer {
        Answer::Result(result) => ("response", None, result),
        Answer::Error(failure) => {
            let name = failure.error_type.unwrap_or_else(|| UNNAMED.to_owned());
            ("error", Some(name), failure.body)
        }
    };
    let path = format!("/2018-06-01/runtime/invocation/{request_id}/{what}");
    let mut request = build_request().method(Method::POST).uri(path);
    if let Some(id) = invocation.parts.headers.get(INVOCATION_ID) {
        request = request.header(INVOCATION_ID, id);
    }
    let status = post(client, request, error_type.as_deref(), body).await?;
    match status {
        200..300 => Ok(()),
        // Lambda has told the caller already.
        413 => {
            tracing::error!(status, "Lambda took no response: it is larger than Lambda allows");
            Ok(())
        }
        // "Container error. Non-recoverable state. Runtime should exit promptly." (Runtime API)
        500.. => Err(ServeError::Unrecoverable(status).into()),
        _ => {
            tracing::error!(
                status,
                "Lambda took no response: the invocation is over, or was another's"
            );
            Ok(())
        }
    }
}

/// Posts why no invocation can be taken.
pub(crate) async fn init_error(
    client: &PooledClient,
    error_type: &str,
    body: String,
) -> Result<u16, BoxError> {
    let request = build_request().method(Method::POST).uri("/2018-06-01/runtime/init/error");
    post(client, request, Some(error_type), body).await
}

async fn post(
    client: &PooledClient,
    mut request: Builder,
    error_type: Option<&str>,
    body: String,
) -> Result<u16, BoxError> {
    if let Some(name) = error_type {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
        request = request.header(ERROR_TYPE, if is_plain { name } else { UNNAMED });
    }
    let request = request.header("content-type", "application/json").body(Body::from(body))?;
    let response = client.call(request).await?;
    let status = response.status().as_u16();
    // Read to its end, so that the connection is used again.
    let said = response.into_body().collect().await?.to_bytes();
    if !(200..300).contains(&status) {
        tracing::warn!(status, "the Runtime API says: {}", String::from_utf8_lossy(&said));
    }
    Ok(status)
}
