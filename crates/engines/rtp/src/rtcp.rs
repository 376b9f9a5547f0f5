//! RTCP for one who sends media: what a receiver reports is read, what a sender tells is written.
//!
//! ```text
//! compound ─► packets ─► sender and receiver reports ─► blocks of one stream each
//!                     ├► transport-wide feedback ─────► what arrived, and when
//!                     ├► lost numbers, lost pictures ─► what is sent again
//!                     └► the rest by its name
//! ```
//!
//! Reading borrows everything and allocates nothing. A packet is checked as a whole before it is handed out, so what is
//! read from it afterwards cannot fail. The first packet may be of any kind (RFC 5506).

mod feedback;
mod report;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod transport;
mod writer;

pub use feedback::{FullIntra, Nack, Remb};
pub use report::{Report, Reports};
pub use transport::{Arrivals, TransportFeedback};
pub use writer::{SenderInfo, write_description, write_goodbye, write_sender_report};

/// Version, padding, count or format; kind; length.
const HEAD_BYTES: usize = 4;
/// In the two highest bits (RFC 3550 §6.4.1).
const VERSION: u8 = 2;

/// Kinds (RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2).
mod kind {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const DESCRIPTION: u8 = 202;
    pub(super) const GOODBYE: u8 = 203;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(super) const EXTENDED: u8 = 207;
}

/// Formats of feedback (RFC 4585 §6, RFC 5104 §4.3.1); the last of each kind is what drafts took.
mod format {
    pub(super) const NACK: u8 = 1;
    pub(super) const TRANSPORT_WIDE: u8 = 15;
    pub(super) const PICTURE_LOSS: u8 = 1;
    pub(super) const FULL_INTRA: u8 = 4;
    pub(super) const APPLICATION: u8 = 15;
}

/// Why bytes are no RTCP. What stands behind them in the same datagram is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// Another version than 2.
    #[error("no RTCP packet")]
    Version,
    /// The packet is longer than what came, or shorter than what it says it holds.
    #[error("the lengths do not fit")]
    Length,
    /// The padding is empty or longer than the packet.
    #[error("the padding does not fit")]
    Padding,
    /// Feedback about nothing.
    #[error("feedback about nothing")]
    Empty,
    /// Transport-wide feedback with the status that is reserved.
    #[error("a reserved status of a packet")]
    ReservedStatus,
}

/// One packet of a compound, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Of one who sends and receives (RFC 3550 §6.4.1). What it tells of its sending is not read.
    SenderReport {
        /// Who reports.
        stream: u32,
        /// About what it receives.
        reports: Reports<'a>,
    },
    /// Of one who only receives (RFC 3550 §6.4.2).
    ReceiverReport {
        /// Who reports.
        stream: u32,
        /// About what it receives.
        reports: Reports<'a>,
    },
    /// Packets are missing (RFC 4585 §6.2.1).
    Nack(Nack<'a>),
    /// A picture cannot be decoded (RFC 4585 §6.3.1).
    PictureLoss {
        /// The stream of the picture.
        media: u32,
    },
    /// A key frame is wished (RFC 5104 §4.3.1).
    FullIntraRequest(FullIntra<'a>),
    /// What the receiver guesses that its way carries (draft-alvestrand-rmcat-remb).
    Remb(Remb<'a>),
    /// What arrived, and when (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
    TransportFeedback(TransportFeedback<'a>),
    /// Streams end (RFC 3550 §6.6).
    Goodbye,
    /// Names of streams (RFC 3550 §6.5).
    Description,
    /// Extended reports (RFC 3611).
    Extended,
    /// Another kind, or feedback of another format.
    Other {
        /// The kind of the packet, 205 and 206 for feedback.
        kind: u8,
    },
}

/// Reads a datagram: the packets one after the other.
///
/// A malformed packet is an [`RtcpError`] and the last item, for where the next one starts is then not certain.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// The packets of a datagram, made by [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = next_packet(self.rest).and_then(|(raw, rest)| Ok((raw.read()?, rest)));
        self.rest = read.map_or(&[], |(_, rest)| rest);
        Some(read.map(|(packet, _)| packet))
    }
}

impl std::iter::FusedIterator for Packets<'_> {}

/// A packet of which only the head is known.
struct Raw<'a> {
    kind: u8,
    /// How many blocks, or the format of feedback.
    count: u8,
    /// Behind the head, without padding.
    body: &'a [u8],
}

/// Cuts the first packet off; what is left stands behind it.
///
/// RFC 3550 §6.4.1 pads the last packet alone, and by whole words. Browsers pad transport-wide feedback wherever it
/// stands, and by single bytes, so padding is what the last byte says in every packet.
fn next_packet(bytes: &[u8]) -> Result<(Raw<'_>, &[u8]), RtcpError> {
    let ([first, kind, length @ ..], behind) =
        bytes.split_first_chunk::<HEAD_BYTES>().ok_or(RtcpError::Length)?;
    if first >> 6 != VERSION {
        return Err(RtcpError::Version);
    }
    let length = usize::from(u16::from_be_bytes(*length)) * 4;
    let (mut body, rest) = behind.split_at_checked(length).ok_or(RtcpError::Length)?;
    if first & 0x20 != 0 {
        let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
        let end = body.len().checked_sub(padding).filter(|_| padding > 0).ok_or(RtcpError::Padding)?;
        body = &body[..end];
    }
    Ok((Raw { kind: *kind, count: first & 0x1f, body }, rest))
}

impl<'a> Raw<'a> {
    fn read(&self) -> Result<Packet<'a>, RtcpError> {
        Ok(match self.kind {
            kind::SENDER_REPORT => {
                let (stream, reports) = report::of_sender(self.body, self.count)?;
                Packet::SenderReport { stream, reports }
            }
            kind::RECEIVER_REPORT => {
                let (stream, reports) = report::of_receiver(self.body, self.count)?;
                Packet::ReceiverReport { stream, reports }
            }
            kind::DESCRIPTION => Packet::Description,
            kind::GOODBYE => Packet::Goodbye,
            kind::EXTENDED => Packet::Extended,
            kind::TRANSPORT_FEEDBACK | kind::PAYLOAD_FEEDBACK => self.feedback()?,
            kind => Packet::Other { kind },
        })
    }

    /// Whom it is from, which stream it is about, and what it says (RFC 4585 §6.1).
    fn feedback(&self) -> Result<Packet<'a>, RtcpError> {
        let (_sender, body) = split_word(self.body)?;
        let (media, said) = split_word(body)?;
        Ok(match (self.kind, self.count) {
            (kind::TRANSPORT_FEEDBACK, format::NACK) => Packet::Nack(Nack::read(media, said)?),
            (kind::TRANSPORT_FEEDBACK, format::TRANSPORT_WIDE) => {
                Packet::TransportFeedback(TransportFeedback::read(media, said)?)
            }
            (kind::PAYLOAD_FEEDBACK, format::PICTURE_LOSS) => Packet::PictureLoss { media },
            (kind::PAYLOAD_FEEDBACK, format::FULL_INTRA) => Packet::FullIntraRequest(FullIntra::read(said)?),
            (kind::PAYLOAD_FEEDBACK, format::APPLICATION) if Remb::is_one(said) => {
                Packet::Remb(Remb::read(said)?)
            }
            (kind, _) => Packet::Other { kind },
        })
    }
}

/// The first 32 bits, and what stands behind them.
fn split_word(bytes: &[u8]) -> Result<(u32, &[u8]), RtcpError> {
    let (word, rest) = bytes.split_first_chunk().ok_or(RtcpError::Length)?;
    Ok((u32::from_be_bytes(*word), rest))
}
