//! What sessions ask of calls.

use std::sync::Arc;

use trunkline_calling_wire::{CustomContext, Offer, ParticipantKind, Reaction, Reply, Role, Sources, Want};
use trunkline_web::ResourceView;

use crate::error::CallingError;
use crate::rules::{EndpointId, LegId, LiveText, P, TokenHash};

/// Takes the reply of a request, within the step that made it: before anything else is told to the same session.
/// Called exactly once.
pub(crate) type Answer<T> = Box<dyn FnOnce(Result<T, CallingError>) + Send>;

/// What a request brings back.
pub(crate) type Done = Reply;

/// Who asks.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The session.
    pub(crate) endpoint: EndpointId,
    /// Whose user it is.
    pub(crate) resource: Arc<ResourceView>,
    /// The raw id of the user.
    pub(crate) user: Arc<str>,
    /// The client's program.
    pub(crate) agent: Arc<str>,
}

/// What somebody brings who comes into a call.
#[derive(Clone, Debug)]
pub(crate) struct Coming {
    /// The leg.
    pub(crate) leg: LegId,
    /// The name shown.
    pub(crate) name: String,
    /// Whether the microphone is off.
    pub(crate) is_muted: bool,
    /// The session description.
    pub(crate) offer: Option<Offer>,
    /// What is sent.
    pub(crate) sources: Sources,
}

/// Somebody who is called: a user of the resource, or the echo test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callee {
    /// The raw id.
    pub(crate) raw_id: Arc<str>,
    /// User or echo.
    pub(crate) kind: ParticipantKind,
}

/// Places a call.
pub(crate) struct StartCall {
    pub(crate) coming: Coming,
    /// At least one, each once, never the caller.
    pub(crate) to: Vec<Callee>,
    pub(crate) custom_context: Option<CustomContext>,
}

/// Where a call is that somebody joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A group call: a GUID in lower case.
    Group(Arc<str>),
    /// A room, which gives the role.
    Room { id: Arc<str>, role: Role },
}

/// Joins a call.
pub(crate) struct JoinCall {
    pub(crate) coming: Coming,
    pub(crate) place: Place,
}

/// Takes a call that rings.
pub(crate) struct TakeCall {
    pub(crate) coming: Coming,
}

/// Comes back into a call.
pub(crate) struct RejoinCall {
    /// The name is that which the leg had.
    pub(crate) coming: Coming,
    pub(crate) token: TokenHash,
    pub(crate) is_hand_raised: bool,
}

/// What is done in a call.
#[derive(Clone, Debug)]
pub(crate) enum Doing {
    /// A device shows that the leg rings.
    Seen,
    /// The call is declined.
    Decline { is_busy: bool },
    /// The leg leaves, or ends the call.
    HangUp { for_everyone: bool },
    /// Further people are called: at least one, each once.
    Add { to: Vec<Callee> },
    /// Somebody is removed.
    Remove { p: P },
    /// People are let in from the lobby; empty: all.
    Admit { who: Vec<P> },
    /// People are sent away from the lobby; empty: all.
    Refuse { who: Vec<P> },
    /// The own microphone is switched.
    Mute { is_muted: bool },
    /// Others are muted; `None`: all.
    MuteOthers { p: Option<P> },
    /// The call is held or goes on.
    Hold { is_held: bool },
    /// Hands go up or down; empty: the own.
    Hand { whose: Vec<P>, is_raised: bool },
    /// A reaction.
    React { reaction: Reaction },
    /// Who is shown large.
    Spotlight { add: Vec<P>, remove: Vec<P>, clear: bool },
    /// Something in writing.
    Text { text: LiveText },
    /// Microphones and cameras are forbidden or allowed; empty: of all attendees.
    Access { audio: Option<bool>, video: Option<bool>, who: Vec<P> },
    /// A tone, which only telephones take.
    Dtmf,
    /// A new offer.
    Offer(Offer),
    /// What is sent.
    Sources(Sources),
    /// What the client sees of its media, as JSON.
    Report(String),
    /// What is wished to be seen, and how many pictures at most.
    Want { wants: Vec<Want>, shown_max: u8 },
}
