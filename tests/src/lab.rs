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
    /// Whether an IPv4 packet passes. The lab has no IPv6, so nothing else does.
    #[must_use]
    pub fn lets_through(self, packet: &[u8]) -> bool {
        let Some((&first, &protocol)) = packet.first().zip(packet.get(9)) else { return false };
        if first >> 4 != 4 {
            return false;
        }
        match self {
            Self::All => true,
            Self::NoUdp => protocol != UDP,
            Self::OnlyTcp(port) => {
                let header_bytes = usize::from(first & 0x0f) * 4;
                let ports = packet.get(header_bytes..header_bytes + 4);
                let is_of_port = |ports: &[u8]| ports.chunks(2).any(|number| number == port.to_be_bytes());
                protocol == TCP && ports.is_some_and(is_of_port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Conditions, Passage, TCP, Times, UDP, Way};

    /// The start of an IPv4 packet with a header of `words` times four bytes.
    fn packet(words: u8, protocol: u8, source: u16, destination: u16) -> Vec<u8> {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        packet[9] = protocol;
        packet.extend([source.to_be_bytes(), destination.to_be_bytes()].concat());
        packet
    }

    #[test]
    fn a_firewall_lets_through_what_it_says() {
        let udp = packet(5, UDP, 443, 443);
        let away = packet(5, TCP, 40_000, 443);
        let back = packet(15, TCP, 443, 40_000);
        let other = packet(5, TCP, 40_000, 3_478);
        let passed = |passage: Passage| [&udp, &away, &back, &other].map(|each| passage.lets_through(each));
        assert_eq!(passed(Passage::All), [true; 4]);
        assert_eq!(passed(Passage::NoUdp), [false, true, true, true]);
        assert_eq!(passed(Passage::OnlyTcp(443)), [false, true, true, false]);
    }

    #[test]
    fn what_is_no_whole_ipv4_packet_stays_outside() {
        let mut six = packet(5, TCP, 1, 443);
        six[0] = 0x60;
        let cut = packet(5, TCP, 1, 443)[..20].to_vec();
        for passage in [Passage::All, Passage::NoUdp, Passage::OnlyTcp(443)] {
            assert!(!passage.lets_through(&six));
            assert!(!passage.lets_through(&[]));
        }
        assert!(!Passage::OnlyTcp(443).lets_through(&cut));
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
