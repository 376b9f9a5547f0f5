//! The way to web hooks over real sockets.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use trunkline_net::outbound::{Connection, Outbound, Target};

use crate::ports::{OutboundFuture, SendWebhook, WebhookConnection};

impl SendWebhook for Outbound {
    fn connect<'a>(&'a self, target: &'a Target) -> OutboundFuture<'a, Box<dyn WebhookConnection>> {
        Box::pin(async move {
            let connection = Self::connect(self, target).await?;
            Ok(Box::new(connection) as Box<dyn WebhookConnection>)
        })
    }
}

impl WebhookConnection for Connection {
    fn exchange(&mut self, request: Request<Bytes>) -> OutboundFuture<'_, Response<()>> {
        Box::pin(async move {
            let head = Self::exchange(self, request).await?;
            let mut answer = Response::new(());
            *answer.status_mut() = head.status;
            *answer.headers_mut() = head.headers;
            Ok(answer)
        })
    }

    fn drain(&mut self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(Self::drain(self))
    }

    fn exchange_with_body(
        &mut self,
        request: Request<Bytes>,
        bytes_max: usize,
    ) -> OutboundFuture<'_, Response<Bytes>> {
        Box::pin(Self::exchange_with_body(self, request, bytes_max))
    }

    fn is_reusable(&self) -> bool {
        Self::is_reusable(self)
    }

    fn is_fresh(&self) -> bool {
        Self::is_fresh(self)
    }

    fn age(&self) -> Duration {
        Self::age(self)
    }
}
