//! The web platform: operations as data, and one pipeline that every request passes.
//!
//! | module | what |
//! |---|---|
//! | [`operation`] | [`Operation`]: id, method, path, versions, who may call, schemas |
//! | [`app`] | [`App`]: the pipeline from request to reply |
//! | [`router`] | [`Routes`]: operations with their handlers |
//! | [`context`] | [`Context`]: what a handler gets |
//! | [`reply`], [`error`] | what a handler answers |
//! | [`principal`], [`ports`] | who calls, and what the pipeline asks of the services |
//! | [`signature`], [`version`], [`json`], [`paging`], [`etag`] | the rules of the wire |
//! | [`repeatability`], [`long_running`], [`audit`], [`usage`] | rows that belong to a request |
//! | [`secrets`], [`signing_keys`] | what is sealed and shared by all nodes |
//! | [`network`], [`cors`] | whose forwarding headers count, and which pages may call |
//! | [`cache`] | a bounded cache of rows |
//! | [`openapi`] | the published documents |
//!
//! To add an operation: write its constant, its handler, add both to the service's [`Routes`], and its
//! line to `docs/api-coverage.md`.

pub mod app;
pub mod audit;
mod authenticate;
mod body;
pub mod cache;
pub mod context;
pub mod cors;
pub mod error;
pub mod etag;
pub mod json;
pub mod long_running;
pub mod management;
pub mod metrics;
pub mod network;
pub mod openapi;
pub mod operation;
pub mod paging;
pub mod ports;
pub mod principal;
mod rate_limit;
pub mod repeatability;
pub mod reply;
pub mod router;
pub mod secrets;
pub mod signature;
pub mod signing_keys;
pub mod sockets;
pub mod usage;
pub mod version;

pub use app::{App, Peer, Settings};
pub use context::Context;
pub use error::ApiError;
pub use operation::{Allow, Method, Operation, RateScope, RequestBody, Role, ScopedRate};
pub use paging::Page;
pub use principal::{KeySlot, Principal, ResourceView};
pub use reply::Reply;
pub use router::Routes;

use trunkline_store::{Migration, Slice};

/// The tables of this crate.
pub const SLICE: Slice = Slice {
    name: "web",
    migrations: &[
        Migration { version: 1, name: "web", sql: include_str!("../migrations/0001_web.sql") },
        Migration { version: 2, name: "usage", sql: include_str!("../migrations/0002_usage.sql") },
    ],
};
