//! Documents of configured issuers, over the server's own HTTPS client.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;
use trunkline_directory::FetchJson;
use trunkline_net::{Client, ClientBounds};

/// The time the outbound client has for one exchange, and the largest answer it takes: key sets and
/// discovery documents are a few KiB.
pub(crate) const FETCH_BOUNDS: ClientBounds = ClientBounds {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
    answer_bytes: 256 * 1024,
};

/// The adapter between the directory and the network.
#[derive(Debug)]
pub(crate) struct Fetcher(pub(crate) Client);

impl FetchJson for Fetcher {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>> {
        Box::pin(async move {
            match self.0.get_json(url).await {
                Ok(reply) if reply.status().is_success() => serde_json::from_slice(reply.body()).ok(),
                Ok(reply) => {
                    tracing::warn!(
                        status = reply.status().as_u16(),
                        "an issuer's document cannot be fetched"
                    );
                    None
                }
                Err(cause) => {
                    tracing::warn!(%cause, "an issuer's document cannot be fetched");
                    None
                }
            }
        })
    }
}
