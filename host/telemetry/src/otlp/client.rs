//! The HTTP client that spans are sent with.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, hyper::HyperClient};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Sends requests, and notes what became of the last: the exporter tells only that it failed.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    client: HyperClient<HttpsConnector<HttpConnector>>,
    last: Arc<Last>,
}

/// What became of the last request.
#[derive(Debug, Default)]
pub(crate) struct Last {
    /// The status; 0 when no answer came.
    status: AtomicU64,
    /// For how many seconds it is to be waited.
    retry_after: AtomicU64,
}

/// The longest that a collector is waited for because it asks for it.
const RETRY_AFTER_MAX: u64 = 60;

impl Last {
    /// Whether the same request may be taken later ("Retryable Response Codes", OTLP/HTTP).
    pub(crate) fn may_be_repeated(&self) -> bool {
        matches!(self.status.load(Ordering::Relaxed), 0 | 429 | 502 | 503 | 504)
    }

    /// How long it is to be waited first.
    pub(crate) fn retry_after(&self) -> Duration {
        Duration::from_secs(self.retry_after.load(Ordering::Relaxed).min(RETRY_AFTER_MAX))
    }

    fn note(&self, response: Option<&Response<Bytes>>) {
        let status = response.map_or(0, |response| response.status().as_u16());
        let header = response.and_then(|response| response.headers().get("retry-after"));
        let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        self.status.store(status.into(), Ordering::Relaxed);
        self.retry_after.store(seconds.unwrap_or(0), Ordering::Relaxed);
    }
}

impl Client {
    /// Trusts whom the web trusts, or else those alone whose certificates are in `certificate`.
    pub(crate) fn new(timeout: Duration, certificate: Option<&Path>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        match certificate {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for found in CertificateDer::pem_file_iter(path).map_err(io::Error::other)? {
                    roots.add(found.map_err(io::Error::other)?).map_err(io::Error::other)?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config);
        let connector = connector.https_or_http().enable_http1().build();
        let client = HyperClient::new(connector, timeout, None);
        Ok(Self { client, last: Arc::default() })
    }

    /// Where it is noted what became of the last request.
    pub(crate) fn last(&self) -> Arc<Last> {
        self.last.clone()
    }
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

/// As the macro of the trait would have it.
impl HttpClient for Client {
    fn send_bytes<'client, 'sent>(&'client self, request: Request<Bytes>) -> Sent<'sent>
    where
        'client: 'sent,
        Self: 'sent,
    {
        Box::pin(async move {
            self.last.note(None);
            let response = self.client.send_bytes(request).await;
            self.last.note(response.as_ref().ok());
            response
        })
    }
}
