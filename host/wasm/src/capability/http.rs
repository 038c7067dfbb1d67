//! `wasi:http`: requests to granted servers. A request that no grant covers is denied; one that a
//! grant covers gets the grant's secret headers, which the step never sees. Redirects are the
//! step's to follow, and each is a request of its own. Where a response has the secrets in it, they
//! are covered.
//!
//! A name is looked up once, and what was checked is what is connected to.

mod connection;
mod covered;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::{HeaderName, HeaderValue, Request, Response, Uri, uri};
use http_body_util::BodyExt;
use stepyard_engine::{Unresolved, lies_below, resolve};
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use connection::{Stream, Timeouts};

use crate::{
    HttpGrant, Scheme, SecretHeader,
    invocation::{Invocation, LINE_OVERHEAD_BYTES, log},
};

/// Sends the requests of one task.
pub(crate) struct Client {
    invocation: Arc<Invocation>,
}

/// Drives a connection after its response has begun.
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

type Exchange = Result<(Response<WasiBody>, Io), Error>;

impl Client {
    pub(crate) fn new(invocation: Arc<Invocation>) -> Self {
        Self { invocation }
    }
}

impl WasiHttpHooks for Client {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Exchange> + Send> {
        let invocation = Arc::clone(&self.invocation);
        Box::new(async move { exchange(&invocation, request, options.unwrap_or_default()).await })
    }
}

async fn exchange(
    task: &Invocation,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Exchange {
    let (grant, stream, within) = match let_through(task, &mut request, options).await {
        Ok(way) => way,
        Err(error) => {
            read_out(request);
            return Err(error);
        }
    };
    let exchange = connection::converse(stream, request, within).await;
    let (response, io) = exchange.inspect_err(|error| failed(task, grant, error))?;
    Ok((covered::covered(response, &task.secrets().await.cover), io))
}

/// Gives a request the headers of the grant that covers it, and finds its way: the grant, a connection to
/// its host, and how long things may take.
async fn let_through<'a>(
    task: &'a Invocation,
    request: &mut Request<WasiBody>,
    options: RequestOptions,
) -> Result<(&'a HttpGrant, Box<dyn Stream>, Timeouts), Error> {
    if let Err(breach) = task.outside_call() {
        return Err(Error::InternalError(Some(breach.to_string())));
    }
    let Some(grant) = granted(&task.policy.grants.http, request) else {
        task.denied("http", &grant_for(request.method(), request.uri()));
        return Err(Error::HttpRequestDenied);
    };
    for (name, header) in &grant.headers {
        let value = secret_header(task, name, header).await?;
        let name = HeaderName::try_from(name.as_str()).map_err(|_| malformed(name))?;
        request.headers_mut().insert(name, value);
    }
    // Nobody is told of what a crash might take back.
    let settled = task.policy.outside.keyvalue.settle().await;
    settled.map_err(|error| Error::InternalError(Some(error.to_string())))?;
    let remaining = task.ends.saturating_duration_since(std::time::Instant::now());
    let within = Timeouts::new(options, remaining);
    let connected = async {
        let addresses = timeout(within.connect, addresses(task, grant)).await;
        let addresses = addresses.map_err(|_| Error::ConnectionTimeout)??;
        connection::connect(grant, &addresses, within.connect).await
    };
    let stream = connected.await.inspect_err(|error| failed(task, grant, error))?;
    Ok((grant, stream, within))
}

fn failed(task: &Invocation, grant: &HttpGrant, error: &Error) {
    if task.logged(LINE_OVERHEAD_BYTES).is_ok() {
        log!(info, task, host = grant.host, port = grant.port(), "a request failed: {error}");
    }
}

/// Reads the body of a request that is not sent, for as long as the step writes it, which is no longer
/// than its task. It would else learn that nobody reads, and not why.
fn read_out(request: Request<WasiBody>) {
    let mut body = request.into_body();
    tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
}

/// Where the host of a grant is, if the grant lets it be there.
async fn addresses(task: &Invocation, grant: &HttpGrant) -> Result<Vec<SocketAddr>, Error> {
    let (names, host) = (&*task.policy.outside.names, grant.bare_host());
    let found = resolve(names, host, grant.port(), &grant.addresses).await;
    found.map_err(|error| match error {
        Unresolved::Unknown(error) => Error::Connect(error),
        Unresolved::Inside(address) => {
            task.denied("http", &grant_to(grant, address));
            Error::DestinationIpProhibited
        }
    })
}

/// The first grant that covers a request: scheme, host and port, method, path.
fn granted<'a>(grants: &'a [HttpGrant], request: &Request<WasiBody>) -> Option<&'a HttpGrant> {
    let uri = request.uri();
    let scheme = scheme(uri)?;
    // `user@host` would become the Host header, which a server may read in its own way.
    let host = uri.host().filter(|_| !uri.authority().is_some_and(|a| a.as_str().contains('@')))?;
    let port = uri.port_u16().unwrap_or(scheme.port());
    grants.iter().find(|grant| {
        grant.scheme == scheme
            && same_host(&grant.host, host)
            && grant.port() == port
            && (grant.methods.is_empty()
                || grant.methods.iter().any(|method| method == request.method().as_str()))
            && grant.path_prefix.as_deref().is_none_or(|prefix| lies_below(prefix, uri.path()))
    })
}

fn scheme(uri: &Uri) -> Option<Scheme> {
    match uri.scheme() {
        Some(scheme) if *scheme == uri::Scheme::HTTP => Some(Scheme::Http),
        Some(scheme) if *scheme == uri::Scheme::HTTPS => Some(Scheme::Https),
        _ => None,
    }
}

fn same_host(granted: &str, asked: &str) -> bool {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_ascii_lowercase();
    bare(granted) == bare(asked)
}

/// The grant that would cover a request, as the manifest has it.
fn grant_for(method: &http::Method, uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("http = [{{ url = \"{scheme}://{host}{port}\", methods = [\"{method}\"] }}]")
}

/// The grant that would let a host be at an address, as the manifest has it.
fn grant_to(grant: &HttpGrant, address: IpAddr) -> String {
    let HttpGrant { scheme, host, .. } = grant;
    let port = grant.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("http = [{{ url = \"{scheme}://{host}{port}\", addresses = [\"{address}\"] }}]")
}

async fn secret_header(
    task: &Invocation,
    name: &str,
    header: &SecretHeader,
) -> Result<HeaderValue, Error> {
    let secret = match task.secrets().await.value(&header.secret) {
        Ok(secret) => secret,
        Err(why) => {
            if task.logged(LINE_OVERHEAD_BYTES + why.len()).is_ok() {
                let secret = &header.secret;
                log!(warn, task, header = name, secret, why, "a request has no secret to bear");
            }
            let text = format!("the secret `{}` {why}", header.secret);
            return Err(Error::InternalError(Some(text)));
        }
    };
    let mut value =
        HeaderValue::try_from(header.format.replace("{}", secret)).map_err(|_| malformed(name))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Says which header it is, and nothing of its value.
fn malformed(name: &str) -> Error {
    Error::InternalError(Some(format!("the secret cannot stand in the header `{name}`")))
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Empty};

    use super::*;

    fn covers(grant: HttpGrant, method: &str, uri: &str) -> bool {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::builder().method(method).uri(uri).body(body).unwrap();
        granted(&[grant], &request).is_some()
    }

    #[test]
    fn a_grant_covers_its_scheme_host_and_port_only() {
        let cases = [
            ("https://api.example.com/", true),
            ("https://API.example.com/v1", true),
            ("https://api.example.com:443/", true),
            ("https://api.example.com:8443/", false),
            ("http://api.example.com/", false),
            ("https://example.com/", false),
            ("https://evil.api.example.com/", false),
            ("https://api.example.com.evil.example/", false),
            ("https://api.example.com@evil.example/", false),
            ("https://evil@api.example.com/", false),
        ];
        for (uri, covered) in cases {
            let grant = HttpGrant::new(Scheme::Https, "api.example.com");
            assert_eq!(covers(grant, "GET", uri), covered, "{uri}");
        }
        let grant = HttpGrant { port: Some(8080), ..HttpGrant::new(Scheme::Http, "::1") };
        assert!(covers(grant, "GET", "http://[::1]:8080/"));
    }

    #[test]
    fn a_grant_can_be_narrowed_to_methods_and_a_path() {
        let cases = [
            ("POST", "/v1/charges", true),
            ("POST", "/v1", true),
            ("POST", "/v1?a=b", true),
            ("GET", "/v1/charges", false),
            ("POST", "/v10/charges", false),
            ("POST", "/", false),
            ("POST", "/v1/../admin", false),
            ("POST", "/v1/%2e%2E/admin", false),
            ("POST", "/v1/..%2fadmin", false),
            ("POST", "/v1/./charges", false),
        ];
        for (method, path, covered) in cases {
            let grant = HttpGrant {
                methods: vec!["POST".to_owned()],
                path_prefix: Some("/v1".to_owned()),
                ..HttpGrant::new(Scheme::Https, "example.com")
            };
            let uri = format!("https://example.com{path}");
            assert_eq!(covers(grant, method, &uri), covered, "{method} {path}");
        }
    }

    #[test]
    fn a_denial_names_the_grant_that_is_missing() {
        let uri = Uri::from_static("http://example.com:8080/secret");
        assert_eq!(
            grant_for(&http::Method::POST, &uri),
            "http = [{ url = \"http://example.com:8080\", methods = [\"POST\"] }]"
        );
    }
}
