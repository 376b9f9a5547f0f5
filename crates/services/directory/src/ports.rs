//! What this service asks of the outside: documents of issuers elsewhere.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

/// Fetches JSON documents over HTTPS.
pub trait FetchJson: Send + Sync + 'static {
    /// The document at `url`; `None` when it cannot be had. Bounded in time and size, follows no redirect.
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>>;
}
