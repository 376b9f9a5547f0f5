//! The words that peers, rooms and media threads share.

use std::sync::Arc;

/// Time since the start of the media thread.
pub type Now = std::time::Duration;

/// A client on this media thread. Never used twice within a thread's life, and later ones are greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerKey(pub u64);

/// What a participant sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SourceKind {
    /// The microphone.
    Audio,
    /// The camera, in up to three layers.
    Camera,
    /// The screen, in one layer.
    Screen,
}

/// One thing that one participant sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceKey {
    /// Who sends it.
    pub peer: PeerKey,
    /// What it is.
    pub kind: SourceKind,
}

/// A receiving line of a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotKey {
    /// Whether it is a video line.
    pub is_video: bool,
    /// The place among the receiving lines of its kind, in the order of the offer.
    pub index: u8,
}

/// One of the sizes in which a camera is sent at the same time (simulcast). A source in one size sends `Low`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Layer {
    /// The smallest: rid `q`.
    Low,
    /// Rid `h`.
    Middle,
    /// The largest: rid `f`.
    High,
}

impl Layer {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];
}

/// What a payload is encoded with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// Opus with copies of earlier packets (RFC 2198).
    Red,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// RFC 9628, profile 0.
    Vp9,
    /// "RTP Payload Format For AV1", main profile.
    Av1,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Opus, Self::Red, Self::Vp8, Self::H264, Self::Vp9, Self::Av1];
}

/// Which codecs a client can receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CodecSet(u8);

impl CodecSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// Those of `self`, and `codec`.
    pub const fn with(self, codec: Codec) -> Self {
        Self(self.0 | 1 << codec as u8)
    }

    /// Whether `codec` is among them.
    pub const fn has(self, codec: Codec) -> bool {
        self.0 & 1 << codec as u8 != 0
    }
}

impl FromIterator<Codec> for CodecSet {
    fn from_iter<I: IntoIterator<Item = Codec>>(codecs: I) -> Self {
        codecs.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// One media packet as it came, decrypted. The payload is shared, never copied.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Whose it is.
    pub source: SourceKey,
    /// The layer it belongs to.
    pub layer: Layer,
    /// What the payload is encoded with.
    pub codec: Codec,
    /// The sender's number with its rollovers: never wraps. Repaired packets have the number of the lost one.
    pub sequence: u64,
    /// The sender's media time, in ticks of the codec's clock; wraps.
    pub timestamp: u32,
    /// The last packet of a video frame; the first one after silence in audio.
    pub marker: bool,
    /// What stands behind the RTP header; empty for padding.
    pub payload: Arc<[u8]>,
    /// When it came.
    pub arrived: Now,
    /// When it was captured, if the sender has told its clock.
    pub captured: Option<Now>,
    /// Its header extensions.
    pub marks: Marks,
}

/// Header extensions that are passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// Loudness: 0 is the loudest, −127 silence (RFC 6464).
    pub level_dbov: Option<i8>,
    /// Whether the sender thinks that somebody speaks (RFC 6464).
    pub has_voice: Option<bool>,
    /// How the camera is held (3GPP TS 26.114 §7.4.5), as the byte on the wire.
    pub orientation: Option<u8>,
    /// What the picture shows, as the byte on the wire.
    pub content_type: Option<u8>,
    /// The least and the most the receiver should wait before it shows it.
    pub playout_delay_ms: Option<(u16, u16)>,
}

/// A packet to be written on a slot.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Who gets it.
    pub to: PeerKey,
    /// On which line.
    pub slot: SlotKey,
    /// What the payload is encoded with.
    pub codec: Codec,
    /// The slot's own number, which never wraps; the first one of a slot is below 65,536.
    pub sequence: u64,
    /// The slot's own media time; wraps.
    pub timestamp: u32,
    /// The RTP marker.
    pub marker: bool,
    /// Whether the receiver may ask for it again.
    pub is_repairable: bool,
    /// What stands behind the RTP header.
    pub payload: Arc<[u8]>,
    /// Numbers to put in place of the sender's.
    pub patch: Option<PictureNumbers>,
    /// Header extensions.
    pub marks: Marks,
    /// When it was captured, or came where that is not known.
    pub captured: Now,
}

/// Numbers of a picture in a descriptor of VP8 (RFC 7741 §4.2) or VP9 (RFC 9628 §4.2); `None` where there is no such
/// field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PictureNumbers {
    /// 15 bits, or 7 where the descriptor has the short form.
    pub picture_id: Option<u16>,
    /// TL0PICIDX.
    pub tl0_picture: Option<u8>,
    /// KEYIDX, 5 bits; VP8 alone has it.
    pub key_index: Option<u8>,
}

/// The receiving lines of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lines {
    /// Audio lines.
    pub audio: u8,
    /// Video lines.
    pub video: u8,
    /// What it can decode.
    pub receives: CodecSet,
}

/// What a participant may do. The default may nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a permission of its own; every combination can occur"
)]
pub struct Policy {
    /// Others hear its microphone.
    pub is_heard: bool,
    /// Others see its camera.
    pub is_seen: bool,
    /// Others see its screen.
    pub may_share: bool,
    /// It hears others.
    pub hears: bool,
    /// It sees cameras and screens of others.
    pub sees: bool,
}

impl Policy {
    /// Everything is allowed.
    pub const ALL: Self = Self { is_heard: true, is_seen: true, may_share: true, hears: true, sees: true };

    /// Whether others may get what is sent as `kind`.
    pub const fn gives(self, kind: SourceKind) -> bool {
        match kind {
            SourceKind::Audio => self.is_heard,
            SourceKind::Camera => self.is_seen,
            SourceKind::Screen => self.may_share,
        }
    }
}

/// What a client says it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// Whether it has a microphone. It is heard without having said so.
    pub audio: bool,
    /// The camera's capture size; `None`: off.
    pub camera: Option<Size>,
    /// The screen's size; `None`: not shared.
    pub screen: Option<Size>,
}

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u16,
    /// Pixels from top to bottom.
    pub height: u16,
}

/// A picture that a client wishes to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    /// Which. Audio is never wished for.
    pub source: SourceKey,
    /// The size of the tile in device pixels.
    pub size: Size,
    /// The higher, the earlier it gets bandwidth.
    pub priority: u8,
}

/// What a receiving line shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotState {
    /// The line.
    pub slot: SlotKey,
    /// What was put into it; `None`: nothing.
    pub source: Option<SourceKey>,
    /// How it goes. `Live` for an empty one.
    pub state: SlotPhase,
}

/// How it goes with what was put into a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotPhase {
    /// Packets go out as they come.
    Live,
    /// Nothing goes out: no bandwidth, on hold, or a codec the receiver has not.
    Paused,
    /// A key frame is awaited.
    Waiting,
}
