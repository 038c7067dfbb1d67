//! The events of an execution, those of the past first.

use std::{
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use futures::{Stream, StreamExt};
use stepyard_asl::HistoryEvent;
use tokio::sync::mpsc::UnboundedReceiver;

/// The events of an execution in their order, each once. Ends after the last event when the
/// execution is over, and when its engine is.
#[derive(Debug)]
pub struct Watch {
    past: vec::IntoIter<HistoryEvent>,
    /// Events committed since before the past was read: some may be in both.
    live: Option<UnboundedReceiver<HistoryEvent>>,
    last_id: u64,
}

impl Watch {
    pub(crate) fn new(
        past: Vec<HistoryEvent>,
        live: Option<UnboundedReceiver<HistoryEvent>>,
    ) -> Self {
        Self { past: past.into_iter(), live, last_id: 0 }
    }

    /// The next event, once it is committed.
    pub async fn next(&mut self) -> Option<HistoryEvent> {
        StreamExt::next(self).await
    }
}

impl Stream for Watch {
    type Item = HistoryEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<HistoryEvent>> {
        loop {
            let event = match (self.past.next(), &mut self.live) {
                (Some(event), _) => event,
                (None, None) => return Poll::Ready(None),
                (None, Some(live)) => match live.poll_recv(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some(event)) => event,
                },
            };
            if event.id > self.last_id {
                self.last_id = event.id;
                return Poll::Ready(Some(event));
            }
        }
    }
}
