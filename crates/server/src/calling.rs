//! What calling is made of: adapters to rooms and event delivery, settings.

use std::sync::Arc;

use trunkline_calling::{CallingService, FindRooms, OnTokenEnd, RoomPlace, RoomRefusal, Settings};
use trunkline_catalogue::Publication;
use trunkline_events::ports::{PortError, Translate};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::outbox::Event;
use trunkline_web::ports::PortFuture;

use crate::config::Config;

/// What `config` says about calls; `public_origin` is where clients reach this node unless `node.url` says otherwise.
pub(crate) fn settings(config: &Config, public_origin: &str) -> Settings {
    let calling = &config.calling;
    Settings {
        ring: calling.ring_time,
        rejoin: calling.rejoin_time,
        participants_max: calling.participants_max,
        sessions_max: calling.sessions_max,
        sessions_per_user: calling.sessions_per_user,
        on_token_end: if calling.outlives_token { OnTokenEnd::Keep } else { OnTokenEnd::End },
        history: calling.history,
        node_url: config.node_url.clone().unwrap_or_else(|| public_origin.to_owned()),
        ..Settings::default()
    }
}

/// There are no rooms to be found.
pub(crate) struct NoRooms;

impl FindRooms for NoRooms {
    fn admit<'a>(
        &'a self,
        _: ResourceId,
        _: &'a str,
        _: &'a str,
        _: Timestamp,
    ) -> PortFuture<'a, Result<RoomPlace, RoomRefusal>> {
        Box::pin(std::future::ready(Ok(Err(RoomRefusal::NotFound))))
    }
}

/// Calling's own events as the published ones.
pub(crate) struct Translator(pub(crate) Arc<CallingService>);

impl Translate for Translator {
    fn kinds(&self) -> &'static [&'static str] {
        trunkline_calling::events::KINDS
    }

    fn translate<'a>(
        &'a self,
        event: &'a Event,
    ) -> trunkline_events::ports::PortFuture<'a, Vec<Publication>> {
        Box::pin(async move { self.0.expand(event).await.map_err(|cause| PortError(cause.to_string())) })
    }
}
