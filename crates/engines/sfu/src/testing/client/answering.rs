//! A client that is offered to, as other servers do.

use str0m::change::SdpOffer;
use str0m::media::Mid;
use str0m::{Candidate, RtcError};

use super::{Client, ClientConfig};
use crate::Now;

impl Client {
    /// A client that only receives, and its answer to a server's offer. Its slots are the lines of the offer, in their
    /// order; those of `config` do not count.
    ///
    /// # Errors
    /// What the library says about the offer.
    ///
    /// # Panics
    /// When its own configuration makes no sense.
    pub fn answering(config: ClientConfig, offer: &str, now: Now) -> Result<(Self, String), RtcError> {
        let mut client = Self::empty(config, now);
        let candidate = Candidate::host(config.address, "udp").expect("an address of this machine");
        client.rtc.add_local_candidate(candidate);
        let parsed = SdpOffer::from_sdp_string(offer).map_err(RtcError::from)?;
        let answer = client.rtc.sdp_api().accept_offer(parsed)?;
        for section in offer.split("\nm=").skip(1) {
            let mid =
                section.lines().find_map(|line| line.strip_prefix("a=mid:")).map(|mid| Mid::from(mid.trim()));
            let slots = match section.split(' ').next() {
                Some("audio") => &mut client.audio,
                Some("video") => &mut client.video,
                _ => continue,
            };
            slots.extend(mid);
        }
        Ok((client, answer.to_sdp_string()))
    }
}
