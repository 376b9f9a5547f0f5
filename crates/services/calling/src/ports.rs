//! What calling asks of other services.

use std::time::Duration;

use trunkline_calling_wire::{IceServer, Role};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_web::ports::PortFuture;

/// What somebody is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomPlace {
    /// The role.
    pub role: Role,
}

/// Why a room takes somebody not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomRefusal {
    /// There is no such room in the resource.
    NotFound,
    /// The user is not invited.
    NotInvited,
    /// It is before the room opens or after it closed.
    NotOpen,
}

/// Knows the rooms of a resource.
pub trait FindRooms: Send + Sync + 'static {
    /// The place of a user in a room at a time.
    fn admit<'a>(
        &'a self,
        resource: ResourceId,
        room: &'a str,
        raw_id: &'a str,
        now: Timestamp,
    ) -> PortFuture<'a, Result<RoomPlace, RoomRefusal>>;
}

/// Gives clients relays for their media.
pub trait RelayCredentials: Send + Sync + 'static {
    /// Relays for a session, good for `ttl`; none where there are none.
    fn issue(&self, resource: ResourceId, who: &str, ttl: Duration, now: Timestamp) -> Vec<IceServer>;
}
