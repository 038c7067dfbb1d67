//! A response in which the secrets of its request are covered: a server may send back what it was
//! sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use stepyard_engine::Cover;
use wasmtime_wasi_http::{Error, WasiBody};

/// The response as the step may see it.
pub(super) fn covered(response: Response<WasiBody>, cover: &Cover) -> Response<WasiBody> {
    if cover.is_empty() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    cover_headers(&mut head.headers, cover);
    let body = Covered { body, cover: cover.clone(), held: BytesMut::new(), trailers: None };
    Response::from_parts(head, body.boxed_unsync())
}

fn cover_headers(headers: &mut HeaderMap, cover: &Cover) {
    for value in headers.values_mut() {
        let mut bytes = value.as_bytes().to_vec();
        cover.whole(&mut bytes);
        *value = HeaderValue::from_bytes(&bytes).expect("asterisks may stand in a header");
    }
}

/// A body that holds back what a secret may begin with until more of it has come.
struct Covered {
    body: WasiBody,
    cover: Cover,
    held: BytesMut,
    /// Trailers that came while something was held back.
    trailers: Option<HeaderMap>,
}

impl Covered {
    /// What is held back, when nothing more of it will come.
    fn rest(&mut self) -> Option<Frame<Bytes>> {
        let mut rest = self.held.split();
        self.cover.whole(&mut rest);
        (!rest.is_empty()).then(|| Frame::data(rest.freeze()))
    }

    /// The part of a piece that is done with.
    fn piece(&mut self, data: &[u8]) -> Option<Frame<Bytes>> {
        self.held.extend_from_slice(data);
        let done = self.cover.beginning(&mut self.held);
        (done > 0).then(|| Frame::data(self.held.split_to(done).freeze()))
    }

    fn ended(&mut self, mut trailers: HeaderMap) -> Frame<Bytes> {
        cover_headers(&mut trailers, &self.cover);
        match self.rest() {
            Some(rest) => {
                self.trailers = Some(trailers);
                rest
            }
            None => Frame::trailers(trailers),
        }
    }
}

impl Body for Covered {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Some(trailers) = self.trailers.take() {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(self.rest().map(Ok)),
            };
            let frame = match frame.into_data() {
                Ok(data) => self.piece(&data),
                Err(frame) => frame.into_trailers().ok().map(|trailers| self.ended(trailers)),
            };
            if let Some(frame) = frame {
                return Poll::Ready(Some(Ok(frame)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.trailers.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.len() as u64;
        let (body, mut hint) = (self.body.size_hint(), SizeHint::new());
        hint.set_lower(body.lower() + held);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}
