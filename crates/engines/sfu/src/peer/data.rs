//! The two data channels of a client: agreed by number, so that no message opens them.

use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

use super::Peer;

/// The stream of the ordered channel, as both ends have it.
const RELIABLE_STREAM: u16 = 0;
/// The stream of the channel without order and repair.
const LOSSY_STREAM: u16 = 1;

/// Channels that a client may open by itself before its transport ends: the library keeps each for good, and walks
/// them all.
const STRANGE_CHANNELS_MAX: u32 = 16;

/// The channels, once the client has a line for them.
#[derive(Default)]
pub(super) struct Channels {
    pair: Option<Pair>,
    strange: u32,
}

struct Pair {
    reliable: ChannelId,
    lossy: ChannelId,
}

impl Channels {
    /// Declares both channels; they open when SCTP is up.
    pub(super) fn open(&mut self, rtc: &mut Rtc) {
        if self.pair.is_some() {
            return;
        }
        let mut direct = rtc.direct_api();
        let reliable = direct.create_data_channel(ChannelConfig {
            label: "reliable".to_owned(),
            negotiated: Some(RELIABLE_STREAM),
            ..ChannelConfig::default()
        });
        let lossy = direct.create_data_channel(ChannelConfig {
            label: "lossy".to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            negotiated: Some(LOSSY_STREAM),
            ..ChannelConfig::default()
        });
        self.pair = Some(Pair { reliable, lossy });
    }

    /// Which of the two a channel is; a third one of the client is nobody's.
    pub(super) fn is_reliable(&self, id: ChannelId) -> Option<bool> {
        let pair = self.pair.as_ref()?;
        if id == pair.reliable {
            Some(true)
        } else if id == pair.lossy {
            Some(false)
        } else {
            None
        }
    }

    /// Counts a channel that is neither. Whether there are too many.
    pub(super) fn count_strange(&mut self) -> bool {
        self.strange += 1;
        self.strange > STRANGE_CHANNELS_MAX
    }

    fn id(&self, is_reliable: bool) -> Option<ChannelId> {
        let pair = self.pair.as_ref()?;
        Some(if is_reliable { pair.reliable } else { pair.lossy })
    }
}

impl Peer {
    /// Queues a message on a data channel; it leaves with the next `handle_timeout` and `drain`.
    ///
    /// Whether it was taken: no when the channel is not open or too much waits already.
    pub fn write_data(&mut self, is_reliable: bool, message: &[u8]) -> bool {
        let Some(id) = self.channels.id(is_reliable) else {
            return false;
        };
        self.touch();
        let Some(mut channel) = self.rtc.channel(id) else {
            return false;
        };
        // An error means that the channel is just closing.
        channel.write(true, message).unwrap_or(false)
    }

    /// Closes a data channel, which the client sees. The rest of the transport goes on.
    pub fn close_data(&mut self, is_reliable: bool) {
        if let Some(id) = self.channels.id(is_reliable) {
            self.touch();
            self.rtc.direct_api().close_data_channel(id);
        }
    }
}
