//! A stream whose other side has to keep up: a request's head comes within its time once it has begun,
//! and an answer is taken.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::Limits;

/// What a stream cannot see in its bytes: whether a request is at work. Counts the begins and the ends
/// of requests, so that it is odd while one is.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Arc<AtomicU64>);

/// While it lives a request is at work.
pub(super) struct AtWork(Pace);

impl Pace {
    /// A head is whole, and its request begins.
    pub(super) fn at_work(&self) -> AtWork {
        self.0.fetch_add(1, Ordering::Relaxed);
        AtWork(self.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream that fails when its other side does not keep up.
pub(super) struct Paced<S> {
    stream: S,
    pace: Pace,
    /// How far `pace` was when it was last looked at.
    seen: u64,
    head_time: Duration,
    write_time: Duration,
    /// Runs while a head is on its way.
    head: Option<Pin<Box<Sleep>>>,
    /// Runs while a byte waits to be taken.
    write: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    /// A connection that has just been made: its first head is due.
    pub(super) fn new(stream: S, pace: Pace, limits: &Limits) -> Self {
        let Limits { head_time, write_time, .. } = *limits;
        let head = Some(Box::pin(sleep(head_time)));
        Self { stream, pace, seen: 0, head_time, write_time, head, write: None }
    }

    /// Lets a write's outcome pass while the other side takes bytes.
    fn taken<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write = None;
            return outcome;
        }
        let time = self.write_time;
        let timer = self.write.get_or_insert_with(|| Box::pin(sleep(time)));
        overdue(timer, cx)
    }
}

/// Fails once `timer` has run out.
fn overdue<T>(timer: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
    timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let seen = this.pace.0.load(Ordering::Relaxed);
        if this.seen != seen {
            this.seen = seen;
            this.head = None;
        }
        if seen % 2 == 1 {
            // What is read is the body, which has a time of its own.
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buffer);
        match &mut this.head {
            Some(timer) if outcome.is_pending() => overdue(timer, cx),
            None if buffer.filled().len() > before => {
                this.head = Some(Box::pin(sleep(this.head_time)));
                outcome
            }
            _ => outcome,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.taken(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.taken(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.taken(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.taken(cx, outcome)
    }
}
