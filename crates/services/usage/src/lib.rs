//! The usage ledger as lists, CSV and money.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | `api` | one handler per operation |
//! | [`csv`] | usage as a file for spreadsheets |
//! | [`money`] | amounts, prices, the price book |
//! | `guard` | keeps resources within the spend limit |
//! | [`error`] | what can go wrong |
//!
//! The rows are written by [`trunkline_web::usage::record`], in the transaction of what is counted.

mod api;
pub mod csv;
pub mod error;
mod guard;
pub mod money;
pub mod operations;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_kernel::{Clock, ResourceId};
use trunkline_store::{Migration, Slice, Store};
use trunkline_web::Routes;
use trunkline_web::cache::FreshCache;
use trunkline_web::usage::Month;

pub use api::list::UsageLine;
pub use api::spend::{MeterSpend, ResourceSpend};
pub use error::UsageError;
pub use money::{Amount, Price, PriceBook};

/// The event of a resource that reached its spend limit: once a month and resource, and once more for each
/// time the limit was raised. Its subject is the resource's immutable id.
///
/// **Shape**: `{"month":"2026-11","cost":"12.5","limit":"10","currency":"EUR","action":"warn"}`.
pub const LIMIT_REACHED: &str = "usage.limit_reached";

/// The tables of this service; the ledger itself belongs to the web platform.
pub const SLICE: Slice = Slice {
    name: "usage",
    migrations: &[Migration { version: 1, name: "usage", sql: include_str!("../migrations/0001_usage.sql") }],
};

/// What happens when a resource reaches its spend limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpendAction {
    /// An event and a line in the log.
    #[default]
    Warn,
    /// These, and operations with a price are refused until the month ends or the limit is raised.
    Stop,
}

/// Prices and limits.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The currency of all amounts, such as `EUR`; shown, never converted.
    pub currency: String,
    /// The prices.
    pub prices: PriceBook,
    /// What one resource may cost in one calendar month (UTC); `None` for no limit.
    pub spend_limit: Option<Amount>,
    /// What happens there.
    pub spend_action: SpendAction,
}

/// The service.
pub struct UsageService {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) spent: FreshCache<(ResourceId, Month), Amount>,
}

impl std::fmt::Debug for UsageService {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UsageService").finish_non_exhaustive()
    }
}

impl UsageService {
    /// The service over `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Arc<Self> {
        let spent = FreshCache::new(guard::CACHED_MAX, Some(guard::CACHE_AGE_MAX), Arc::clone(&clock));
        Arc::new(Self { store, clock, settings, spent })
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }
}
