//! One request over one connection of its own: connect, TLS, HTTP/1.1.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use stepyard_asl::{StatesError, error_name};
use stepyard_engine::{Unresolved, outside::Names, resolve};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use super::{SOCKET, connection::port};
use crate::aws::innermost;

/// The most bytes of an answer: a task's result has no more.
pub(super) const BODY_BYTES_MAX: usize = 262_144;

/// What an API answered.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Where the host of a URL is, if it may be there.
pub(super) async fn addresses(
    names: &dyn Names,
    uri: &Uri,
    granted: &[IpAddr],
    connection: &str,
) -> Result<Vec<SocketAddr>, StatesError> {
    let host = bare_host(uri);
    let port = port(uri).unwrap_or(443);
    resolve(names, host, port, granted).await.map_err(|error| match error {
        Unresolved::Unknown(error) => unreachable(&format!("{host}: {error}")),
        Unresolved::Inside(address) => StatesError::new(
            error_name::PERMISSIONS,
            format!(
                "{host} leads to {address}, which is no public address: write addresses = [\"{address}\"] in [connections.{connection}] of the manifest if it may."
            ),
        ),
    })
}

/// The host as it is looked up: an address without its brackets.
fn bare_host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// Sends a request to one of the addresses.
pub(super) async fn send(
    request: Request<Bytes>,
    addresses: &[SocketAddr],
) -> Result<Response, StatesError> {
    let request = request.map(Full::new);
    let stream = TcpStream::connect(addresses).await.map_err(|it| unreachable(&it.to_string()))?;
    if request.uri().scheme_str() == Some("https") {
        let host = bare_host(request.uri()).to_owned();
        let name = ServerName::try_from(host).map_err(|it| unreachable(&it.to_string()))?;
        let stream = TLS.connect(name, stream).await.map_err(|it| unreachable(&it.to_string()))?;
        return converse(stream, request).await;
    }
    converse(stream, request).await
}

/// The public certificate authorities, as Mozilla lists them.
static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
});

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut request: Request<Full<Bytes>>,
) -> Result<Response, StatesError> {
    // Scheme and authority are for proxies; the Host header is set already.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| unreachable("the path is malformed"))?;
    let failed = |error: hyper::Error| unreachable(&innermost(&error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // Ends with this call.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
    let body =
        Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| match error
            .downcast::<LengthLimitError>(
        ) {
            Ok(_) => StatesError::new(error_name::DATA_LIMIT_EXCEEDED, TOO_LONG),
            Err(error) => unreachable(&innermost(&*error)),
        })?;
    Ok(Response {
        status: head.status.as_u16(),
        reason: reason(head.status, &head.extensions),
        headers: head.headers,
        body: body.to_bytes(),
    })
}

/// AWS's words where a task's result is too long.
const TOO_LONG: &str = "The state/task 'http' returned a result with a size exceeding the maximum number of bytes service limit.";

/// The reason phrase, which a server may write as it likes.
fn reason(status: StatusCode, extensions: &http::Extensions) -> String {
    let written = extensions.get::<hyper::ext::ReasonPhrase>();
    let written = written.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
    written.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned())
}

/// No answer came.
pub(super) fn unreachable(why: &str) -> StatesError {
    StatesError::new(SOCKET, format!("Unable to execute HTTP request: {why}"))
}
