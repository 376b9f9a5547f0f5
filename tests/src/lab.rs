//! The hard-network lab: what a network between real programs does to their packets, as a test says.
//!
//! ```text
//! browser, in a network namespace of its own          server and the other browser
//!        │                                                      │
//!    TUN device ── packets ── lab_link: Passage, then Link ── TUN device
//!                               ▲ a line of JSON for each change
//! ```

pub mod tunnel;

use std::time::Duration;

use serde::Deserialize;
use trunkline_sfu::testing::{Bursts, LinkModel};

/// What the network is like, from one line on until the next; each line is the whole of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Conditions {
    /// The way from the client.
    pub up: Way,
    /// The way to the client.
    pub down: Way,
    /// What a firewall lets through, both ways.
    pub passage: Passage,
}

/// One direction. Everything zero: as a cable, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Way {
    /// The least time it takes.
    pub delay_ms: u64,
    /// What is added at most; the order stays, as in a queue that is now longer, now shorter.
    pub jitter_ms: u64,
    /// Of a thousand packets so many are lost.
    pub lost_permille: u32,
    /// Times in which more is lost.
    pub bursts: Option<Times>,
    /// What passes; 0: any number.
    pub rate_kbps: u64,
}

/// Losses that come together; see [`Bursts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Times {
    /// Of a thousand packets outside of bursts so many begin one.
    pub begins_permille: u32,
    /// Of a thousand packets in bursts so many end theirs.
    pub ends_permille: u32,
    /// Of a thousand packets in bursts so many are lost.
    pub lost_permille: u32,
}

impl Way {
    /// The same for the link.
    #[must_use]
    pub fn model(self) -> LinkModel {
        LinkModel {
            delay: Duration::from_millis(self.delay_ms),
            jitter: Duration::from_millis(self.jitter_ms),
            is_ordered: true,
            lost_permille: self.lost_permille,
            bursts: self.bursts.map(|times| Bursts {
                begins_permille: times.begins_permille,
                ends_permille: times.ends_permille,
                lost_permille: times.lost_permille,
            }),
            rate_bps: self.rate_kbps * 1_000,
            ..LinkModel::default()
        }
    }
}

/// What a firewall lets through; it drops the rest without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Passage {
    /// Everything.
    #[default]
    All,
    /// Everything but UDP.
    NoUdp,
    /// TCP from and to one port.
    OnlyTcp(u16),
}

const TCP: u8 = 6;
const UDP: u8 = 17;

impl Passage {
    /// Whether an IP packet passes. IPv6 is read without extension headers, which nobody in the lab writes.
    #[must_use]
    pub fn lets_through(self, packet: &[u8]) -> bool {
        let Some((protocol, rest)) = payload(packet) else { return false };
        match self {
            Self::All => true,
            Self::NoUdp => protocol != UDP,
            Self::OnlyTcp(port) => {
                let is_of_port = |ports: &[u8]| ports.chunks(2).any(|number| number == port.to_be_bytes());
                protocol == TCP && rest.get(..4).is_some_and(is_of_port)
            }
        }
    }
}

/// The protocol inside an IP packet, and what it carries.
fn payload(packet: &[u8]) -> Option<(u8, &[u8])> {
    let first = *packet.first()?;
    let (protocol_at, header_bytes) = match first >> 4 {
        4 => (9, usize::from(first & 0x0f) * 4),
        6 => (6, 40),
        _ => return None,
    };
    Some((*packet.get(protocol_at)?, packet.get(header_bytes..)?))
}

#[cfg(test)]
mod tests {
    use super::{Conditions, Passage, TCP, Times, UDP, Way};

    const ALL: [Passage; 3] = [Passage::All, Passage::NoUdp, Passage::OnlyTcp(443)];

    /// The start of an IPv4 packet with a header of `words` times four bytes.
    fn four(words: u8, protocol: u8, source: u16, destination: u16) -> Vec<u8> {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        packet[9] = protocol;
        packet.extend([source.to_be_bytes(), destination.to_be_bytes()].concat());
        packet
    }

    /// The start of an IPv6 packet.
    fn six(protocol: u8, source: u16, destination: u16) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[0] = 0x60;
        packet[6] = protocol;
        packet.extend([source.to_be_bytes(), destination.to_be_bytes()].concat());
        packet
    }

    #[test]
    fn a_firewall_lets_through_what_it_says() {
        let fours = [
            four(5, UDP, 443, 443),
            four(5, TCP, 40_000, 443),
            four(15, TCP, 443, 40_000),
            four(5, TCP, 40_000, 3_478),
        ];
        let sixes =
            [six(UDP, 443, 443), six(TCP, 40_000, 443), six(TCP, 443, 40_000), six(TCP, 40_000, 3_478)];
        for packets in [fours, sixes] {
            let passed = ALL.map(|passage| packets.each_ref().map(|packet| passage.lets_through(packet)));
            assert_eq!(passed, [[true; 4], [false, true, true, true], [false, true, true, false]]);
        }
    }

    #[test]
    fn what_is_no_whole_packet_stays_outside() {
        let mut five = six(TCP, 1, 443);
        five[0] = 0x50;
        for passage in ALL {
            assert!(!passage.lets_through(&[]));
            assert!(!passage.lets_through(&five));
            assert!(!passage.lets_through(&four(5, TCP, 1, 443)[..19]));
            assert!(!passage.lets_through(&six(TCP, 1, 443)[..39]));
        }
        assert!(!Passage::OnlyTcp(443).lets_through(&four(5, TCP, 1, 443)[..20]), "without ports");
        assert!(!Passage::OnlyTcp(443).lets_through(&six(TCP, 1, 443)[..40]), "without ports");
    }

    #[test]
    fn a_line_is_the_whole_of_what_the_network_is_like() {
        let line = r#"{"up":{"delayMs":100,"jitterMs":20},"down":{"lostPermille":50,"rateKbps":300,
            "bursts":{"beginsPermille":5,"endsPermille":20,"lostPermille":300}},"passage":{"onlyTcp":443}}"#;
        let read: Conditions = serde_json::from_str(line).unwrap();
        let bursts = Some(Times { begins_permille: 5, ends_permille: 20, lost_permille: 300 });
        let wanted = Conditions {
            up: Way { delay_ms: 100, jitter_ms: 20, ..Way::default() },
            down: Way { lost_permille: 50, rate_kbps: 300, bursts, ..Way::default() },
            passage: Passage::OnlyTcp(443),
        };
        assert_eq!(read, wanted);
        assert_eq!(serde_json::from_str::<Conditions>("{}").unwrap(), Conditions::default());
        assert!(serde_json::from_str::<Conditions>(r#"{"up":{"loss":5}}"#).is_err());
    }
}
