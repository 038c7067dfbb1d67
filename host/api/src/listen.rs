//! The connections: accepted, encrypted where that is wanted, each within its limits, and drained at
//! the end.
//!
//! axum's own loop knows no limit of time; this one is hyper's HTTP/1.1 with a [`Paced`] stream under
//! it.

mod pace;

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use self::pace::{Pace, Paced};
use crate::{Limits, Tls, hosts::Arrival};

/// How long no connection is accepted after the operating system refused one: it has to be out of
/// file descriptors or memory, and some come back.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Answers connections until `stop` resolves, and then those requests that are at work.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    limits: Arc<Limits>,
    stop: impl Future<Output = ()>,
) {
    let all = limits.connections;
    let free = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(Semaphore::MAX_PERMITS)));
    let (stopping, stopped) = watch::channel(false);
    let connection = Connection { tls, router, limits, stopped };
    let mut stop = pin!(stop);
    loop {
        let next = accept(&listener, &free);
        let (stream, permit) = tokio::select! {
            () = &mut stop => break,
            accepted = next => accepted,
        };
        let connection = connection.clone();
        tokio::spawn(async move {
            connection.answer(stream).await;
            drop(permit);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    // Every connection has given its place back: each ends itself within the time to drain.
    let _ = free.acquire_many(all).await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // It fails only when closed, and it never is.
    let permit = free.clone().acquire_owned().await.ok();
    loop {
        let error = match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => error,
        };
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        // One that its client gave up is no matter.
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            continue;
        }
        tracing::error!(%error, "no connection can be accepted");
        sleep(REFUSED_PAUSE).await;
    }
}

/// What answers a connection.
#[derive(Clone)]
struct Connection {
    tls: Option<Tls>,
    router: Router,
    limits: Arc<Limits>,
    stopped: watch::Receiver<bool>,
}

impl Connection {
    async fn answer(mut self, stream: TcpStream) {
        let Ok(address) = stream.local_addr() else { return };
        let arrival = Arrival(address.ip().to_canonical());
        // An answer is one write: there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let Some(Tls(acceptor)) = self.tls.take() else {
            return self.speak(stream, arrival).await;
        };
        let shaken = tokio::select! {
            shaken = timeout(self.limits.head_time, acceptor.accept(stream)) => shaken,
            _ = self.stopped.wait_for(|stopped| *stopped) => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.speak(stream, arrival).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// HTTP/1.1 over a stream.
    async fn speak<S>(self, stream: S, arrival: Arrival)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { router, limits, mut stopped, .. } = self;
        let pace = Pace::default();
        let stream = TokioIo::new(Paced::new(stream, pace.clone(), &limits));
        let router = TowerToHyperService::new(router);
        let answer = service_fn(move |mut request: axum::http::Request<Incoming>| {
            request.extensions_mut().insert(arrival);
            let at_work = pace.at_work();
            let answered = router.call(request.map(Body::new));
            async move {
                let answered = answered.await;
                drop(at_work);
                answered
            }
        });
        let mut connection = pin!(http(&limits).serve_connection(stream, answer));
        let ended = tokio::select! {
            ended = &mut connection => Some(ended),
            _ = stopped.wait_for(|stopped| *stopped) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                let Ok(ended) = timeout(limits.drain_time, connection).await else {
                    return tracing::warn!("a request was cut off by the server's end");
                };
                ended
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // It runs from the answer before to the whole next head: the time to wait for a request.
        .header_read_timeout(limits.idle_time)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers);
    http
}

#[cfg(test)]
mod tests;
