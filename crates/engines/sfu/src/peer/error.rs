//! Why an offer is refused and why a peer ends.

use thiserror::Error;

/// Why a datagram was not taken. Each is a counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropReason {
    /// More datagrams, bytes or handshakes than one client may send.
    Rate,
    /// It is none of STUN, DTLS, RTP and RTCP, or it is cut off.
    Form,
    /// RTP of more streams than a client has.
    Streams,
    /// RTP with a payload type that was not agreed.
    PayloadType,
}

impl DropReason {
    /// A short name for a metric's label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Form => "form",
            Self::Streams => "streams",
            Self::PayloadType => "payload_type",
        }
    }
}

/// What can go wrong with a peer.
#[derive(Debug, Error)]
pub enum PeerError {
    /// The datagram was dropped; the peer goes on.
    #[error("datagram dropped: {}", .0.name())]
    Dropped(DropReason),
    /// The peer has ended: it must be removed.
    #[error("the transport failed: {0}")]
    Failed(String),
    /// No certificate could be made.
    #[error("no certificate could be made")]
    Certificate,
}

/// Why an offer is refused. The text is shown to the client's developer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum OfferError {
    /// Longer than anything a client of ours has to say.
    #[error("the SDP has {0} bytes; at most {max} are taken", max = super::offer::SDP_BYTES_MAX)]
    TooLong(usize),
    /// One line is too long.
    #[error("line {0} of the SDP is longer than {max} bytes", max = super::offer::LINE_BYTES_MAX)]
    LineTooLong(usize),
    /// A line that is none of SDP.
    #[error("line {0} of the SDP is not of the form `x=…`")]
    Malformed(usize),
    /// More lines of media than slots can be.
    #[error("the SDP has more than {max} media lines", max = super::offer::MEDIA_LINES_MAX)]
    TooManyLines,
    /// Something that must be there is not.
    #[error("the SDP has no {0}")]
    Missing(&'static str),
    /// Something of a media line is not as agreed.
    #[error("media line {line}: {what}")]
    Line {
        /// The line, counted from 0.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A later offer contradicts the first.
    #[error("a new offer cannot change {0}")]
    Changed(&'static str),
    /// The parser does not understand it.
    #[error("the SDP cannot be read: {0}")]
    Unreadable(String),
    /// The transport refuses it: what it changed before stays changed.
    #[error("the SDP was refused: {0}")]
    Refused(String),
    /// The peer has ended.
    #[error("the transport has ended")]
    Ended,
}
