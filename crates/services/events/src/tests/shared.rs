//! Tests that are the same for subscriptions of a resource and of a system topic.

pub(super) mod attributes;
pub(super) mod create_or_update;
pub(super) mod delete;
pub(super) mod full_url;
pub(super) mod get;
pub(super) mod handshakes;
pub(super) mod list;
pub(super) mod many;
pub(super) mod proposals;
pub(super) mod update;
