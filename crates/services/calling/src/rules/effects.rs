//! What a call wants done.

use trunkline_calling_wire::Reaction;
use trunkline_kernel::Timestamp;

use super::inputs::{EndpointId, LiveText};
use super::legs::{P, Sources};
use super::reasons::Reason;
use super::timers::TimerId;

/// One thing to be done, in the order given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// Rows are written as the call now is.
    Save(Change),
    /// An event is published, in the transaction of the rows.
    Publish(Fact),
    /// A leg belongs to this session from now on.
    Bind { p: P, endpoint: EndpointId },
    /// The devices of somebody ring.
    Ring { p: P, until: Timestamp },
    /// They stop, but for one.
    StopRing { p: P, reason: Reason, except: Option<EndpointId> },
    /// Media of a leg that has none of its own comes back to whoever sends it: the echo.
    OpenLoop { p: P },
    /// Media of a leg ends.
    CloseMedia { p: P },
    /// What media of a leg is let through.
    Policy { p: P, policy: Policy },
    /// What a leg sends.
    Sources { p: P, sources: Sources },
    /// Who matters most, first.
    Order(Vec<P>),
    /// Something is told.
    Tell { to: To, notice: Notice },
    /// A timer is set, or set anew.
    SetTimer { timer: TimerId, until: Timestamp },
    /// A timer that may be set is no more.
    StopTimer(TimerId),
    /// The call has ended; nothing comes after this.
    Over,
}

impl Effect {
    /// Rows and events come first: nothing is told before it is saved.
    pub(super) const fn stage(&self) -> u8 {
        match self {
            Self::Save(_) => 0,
            Self::Publish(_) => 1,
            _ => 2,
        }
    }
}

/// Which rows to write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Change {
    /// The row of the call: new, or what it is, since when it is live, that it has ended.
    Call,
    /// The row of a leg: new, or how it now stands.
    Leg(P),
}

/// What is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fact {
    /// The call has begun.
    CallStarted,
    /// Somebody is called.
    IncomingCall(P),
    /// Somebody is in the call for the first time.
    ParticipantAdded(P),
    /// Somebody who was in it has left.
    ParticipantRemoved(P),
    /// The call has ended.
    CallEnded,
}

/// Who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum To {
    /// One leg.
    One(P),
    /// Every leg that sees the others.
    All,
    /// The same, but for one.
    AllBut(P),
}

/// What is told; its words are made from the call as it is then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    /// How one's own leg stands, with role and capabilities.
    Leg,
    /// All the others.
    Everybody,
    /// One participant.
    Participant(P),
    /// What is true for all.
    Call,
    /// Somebody muted one.
    Muted { by: P },
    /// One's leg has ended; nothing comes after this.
    LegOver { reason: Reason, by: Option<P> },
    /// A sign of feeling.
    Reaction { p: P, reaction: Reaction },
    /// Live text.
    Text { p: P, text: LiveText, at: Timestamp },
    /// Who speaks: [`super::Call::speaking`] and [`super::Call::dominant`].
    Speaking,
}

/// What media of a leg is let through.
#[expect(clippy::struct_excessive_bools, reason = "independent permissions")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Policy {
    /// Its microphone reaches the others.
    pub(crate) is_heard: bool,
    /// Its camera reaches the others.
    pub(crate) is_seen: bool,
    /// Its screen reaches the others.
    pub(crate) may_share: bool,
    /// It gets the others' audio.
    pub(crate) hears: bool,
    /// It gets the others' pictures.
    pub(crate) sees: bool,
}
