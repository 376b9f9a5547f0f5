//! What calling asks of other services.

use std::sync::Arc;
use std::time::Duration;

use trunkline_calling_wire::{IceServer, Role};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_web::ports::PortFuture;

/// A token that somebody connected with, as far as it can end before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldToken {
    /// Whose it is.
    pub raw_id: Arc<str>,
    /// Which of the user's generations of tokens it is of.
    pub generation: i64,
    /// The access key it was made with, if one was: as the principal has it.
    pub access_key: Option<Arc<str>>,
}

/// Knows the users of a resource, and their tokens.
pub trait FindUsers: Send + Sync + 'static {
    /// Which of the raw ids are users of the resource, in the order given.
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>>;

    /// Which of the tokens are still good, in the order given, as the database has it now; none of a resource that is
    /// gone. When they end by themselves is not looked at.
    fn still_good(&self, resource: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>>;
}

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
