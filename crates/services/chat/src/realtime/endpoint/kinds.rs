//! Who a client is, over what it is connected, what can be done with it and how it ends.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{ResourceId, Timestamp};

use crate::rows::PersonNumber;
use trunkline_web::ports::HeldToken;

/// Who a client is: from its token and its handshake.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) resource: ResourceId,
    pub(crate) person: PersonNumber,
    /// The token, and with it whose client this is.
    pub(crate) token: HeldToken,
    /// The client's own name for itself, stable over its reconnects.
    pub(crate) epid: Arc<str>,
    /// When the token ends.
    pub(crate) expires: Timestamp,
    /// Whether it asked for notifications that ACS does not have.
    pub(crate) wants_extensions: bool,
}

/// Over what a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    /// A WebSocket.
    Socket,
    /// Long polls.
    Polls,
}

/// The right to write an endpoint's positions: its row, and which of its connections this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) endpoint: i64,
    pub(crate) connection: i64,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The client left, or its connection broke.
    Gone,
    /// The token ended or was revoked.
    Unauthorized,
    /// Nothing came for too long, or an acknowledgement did not.
    Silent,
    /// It does not speak the protocol.
    Broken,
    /// The user has too many clients here, and this is the oldest.
    Crowded,
    /// This node ends.
    Leaving,
}

/// Where frames are written to.
pub(crate) trait Frames {
    /// Starts a frame of so many bytes, and says where its bytes go.
    fn start(&mut self, length: usize) -> &mut Vec<u8>;
    /// The bytes written so far.
    fn size_bytes(&self) -> usize;
}

impl Transport {
    /// The name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Socket => "websocket",
            Self::Polls => "polling",
        }
    }
}

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// So many wait to be sent.
    Queued(u64),
    /// The client does not get it, or gets it from the store.
    Skipped,
    /// The client has just fallen behind.
    FellBehind,
}

/// What a frame of the client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A request was acknowledged, so long after it was sent.
    Acknowledged(Duration),
    /// An acknowledgement for nothing that waits.
    WrongAcknowledgement,
    /// Anything else that is valid.
    Heard,
    /// A frame that cannot be read.
    Broken,
    /// The connection is over.
    Over(Closing),
}
