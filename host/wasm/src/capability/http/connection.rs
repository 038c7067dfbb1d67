//! One request over one connection: connect, TLS, HTTP/1.1. It ends with the task.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::BodyExt;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use wasmtime_wasi::runtime;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, io::TokioIo};

use super::{Exchange, Io};
use crate::{HttpGrant, Scheme};

/// How long each part of an exchange may take: what the step asked for, within its wall time.
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    pub(super) fn new(options: RequestOptions, remaining: Duration) -> Self {
        let within = |asked: Option<Duration>| asked.unwrap_or(remaining).min(remaining);
        Self {
            connect: within(options.connect_timeout),
            first_byte: within(options.first_byte_timeout),
            between_bytes: within(options.between_bytes_timeout),
        }
    }
}

/// What a request is sent over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to one of the addresses, which belong to the grant's host. TCP and TLS may each take so long.
pub(super) async fn connect(
    grant: &HttpGrant,
    addresses: &[SocketAddr],
    within: Duration,
) -> Result<Box<dyn Stream>, Error> {
    let stream = timeout(within, TcpStream::connect(addresses)).await;
    let stream = stream.map_err(|_| Error::ConnectionTimeout)?.map_err(Error::Connect)?;
    if grant.scheme == Scheme::Http {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(grant.bare_host().to_owned())
        .map_err(|_| Error::HttpRequestUriInvalid)?;
    let stream = timeout(within, TLS.connect(name, stream)).await;
    let stream = stream.map_err(|_| Error::ConnectionTimeout)?.map_err(Error::Tls)?;
    Ok(Box::new(stream))
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

/// Sends a request that has been let through.
pub(super) async fn converse(
    stream: Box<dyn Stream>,
    mut request: Request<WasiBody>,
    within: Timeouts,
) -> Exchange {
    // Scheme and authority are for proxies; the Host header is set already.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Error::HttpRequestUriInvalid)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = runtime::spawn(connection);
    let response = timeout(within.first_byte, sender.send_request(request)).await;
    let response = response.map_err(|_| Error::ConnectionReadTimeout)??;
    let response = response.map(|body| Paced::new(body, within.between_bytes).boxed_unsync());
    let io: Io = Box::new(async move { Ok(connection.await?) });
    Ok((response, io))
}

/// A response's body that fails when the server is silent too long.
struct Paced {
    body: Incoming,
    silence_max: Duration,
    silence: Pin<Box<Sleep>>,
}

impl Paced {
    fn new(body: Incoming, silence_max: Duration) -> Self {
        Self { body, silence_max, silence: Box::pin(sleep(silence_max)) }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let silence = sleep(self.silence_max);
            self.silence.set(silence);
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        ready!(self.silence.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
