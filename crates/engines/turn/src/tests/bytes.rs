//! Bytes from outside: vectors of the RFCs, and anything at all.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::network::{Caller, Lab, PEER, tuple};
use crate::channel::{Frame, next_frame, parse};
use crate::stun::{
    Attribute, Class, IntegrityKey, Message, Method, ParseError, TransactionId, Writer, is_stun,
    long_term_key,
};
use crate::{Client, Transport};

/// RFC 5769 §2.1: a request of ICE, with SOFTWARE, PRIORITY and ICE-CONTROLLED.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae\
     802200105354554e207465737420636c69656e74\
     002400046e0001ff80290008932ff9b151263b36\
     000600096576746a3a68367659202020\
     000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
     80280004e57a3bcf";
const REQUEST_PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

/// RFC 5769 §2.2: its answer, 192.0.2.1:32853.
const ANSWER_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae\
     8022000b7465737420766563746f7220\
     002000080001a147e112a643\
     000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7\
     80280004c07d4c96";

/// RFC 5769 §2.3: the same over IPv6.
const ANSWER_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae\
     8022000b7465737420766563746f7220\
     002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9\
     00080014a382954e4be67bf11784c97c8292c275bfe3ed41\
     80280004c8fb0b4c";

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_vectors_of_rfc_5769_are_read() {
    let key = IntegrityKey::new(REQUEST_PASSWORD);
    let cases = [
        (REQUEST, Class::Request, None),
        (ANSWER_V4, Class::Success, Some("192.0.2.1:32853")),
        (ANSWER_V6, Class::Success, Some("[2001:db8:1234:5678:11:2233:4455:6677]:32853")),
    ];
    for (vector, class, mapped) in cases {
        let bytes = unhex(vector);
        assert!(is_stun(&bytes));
        let message = Message::parse(&bytes).expect("a message");
        assert_eq!((message.method, message.class), (Method::Binding, class));
        assert!(message.is_intact() && message.has_fingerprint() && message.is_made_by(&key));
        assert!(!message.is_made_by(&IntegrityKey::new(b"another")));
        let mapped: Option<SocketAddr> = mapped.map(|text| text.parse().expect("an address"));
        let read = message.attributes().find_map(|attribute| match attribute {
            Attribute::MappedAddress(address) => Some(address),
            _ => None,
        });
        assert_eq!(read, mapped);
    }
    let bytes = unhex(REQUEST);
    let message = Message::parse(&bytes).expect("a message");
    let name = message.attributes().any(|attribute| attribute == Attribute::Username(b"evtj:h6vY"));
    assert!(name);
}

#[test]
fn the_long_term_key_is_that_of_rfc_8489() {
    // RFC 5389 §15.4 has the same example.
    let key = long_term_key("user", "realm", "pass");
    assert_eq!(key.to_vec(), unhex("8493fbc53ba582fb4c044c456bdc40eb"));
}

#[test]
fn nothing_after_the_integrity_is_read() {
    let key = IntegrityKey::new(b"key");
    let message = Writer::new(Method::Refresh, Class::Request, TransactionId([3; 12]));
    let bytes = message.lifetime(60).integrity(&key).lifetime(0).finish();
    let message = Message::parse(&bytes).expect("a message");
    let lifetimes: Vec<_> =
        message.attributes().filter(|one| matches!(one, Attribute::Lifetime(_))).collect();
    assert_eq!(lifetimes, [Attribute::Lifetime(60)]);
    assert!(message.is_made_by(&key));
}

#[test]
fn lengths_that_do_not_fit_are_no_message() {
    let good = Writer::new(Method::Binding, Class::Request, TransactionId([3; 12])).username("abc").finish();
    assert!(Message::parse(&good).is_ok());
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        Message::parse(&bytes).map(|_| ())
    };
    assert_eq!(with(0, 0x40), Err(ParseError::NotStun));
    assert_eq!(with(4, 0), Err(ParseError::NotStun));
    assert_eq!(with(1, 0x0F), Err(ParseError::UnknownMethod(0xF)));
    assert_eq!(with(3, 7), Err(ParseError::Length));
    assert_eq!(with(3, 12), Err(ParseError::Length));
    assert_eq!(with(23, 5), Err(ParseError::Length), "the attribute leaves the message");
    assert_eq!(Message::parse(&good[..19]).map(|_| ()), Err(ParseError::NotStun));
    let many = (0..33)
        .fold(Writer::new(Method::Binding, Class::Request, TransactionId([3; 12])), |message, _| {
            message.attribute(0x8022, &[])
        });
    assert_eq!(Message::parse(&many.finish()).map(|_| ()), Err(ParseError::TooMany));
}

#[test]
fn checks_of_the_wrong_length_are_refused_at_the_very_end_of_the_longest_message() {
    for (kind, is_intact) in [(0x8028, false), (0x0008, true)] {
        let message = Writer::new(Method::Allocate, Class::Request, TransactionId([3; 12]));
        let bytes = message.attribute(0x8022, &vec![0; 65_524]).attribute(kind, &[]).finish();
        let message = Message::parse(&bytes).expect("a message");
        assert_eq!(message.is_intact(), is_intact);
        assert!(!message.is_made_by(&IntegrityKey::new(b"key")));
    }
}

#[test]
fn streams_are_cut_into_frames() {
    let binding =
        Writer::new(Method::Binding, Class::Request, TransactionId([3; 12])).username("abc").finish();
    let channel = Client::channel_data(0x4001, b"12345");
    let cases: [(&[u8], Frame); 6] = [
        (&[], Frame::Incomplete),
        (&binding[..3], Frame::Incomplete),
        (&binding[..4], Frame::Bytes(binding.len())),
        (&channel, Frame::Bytes(12)),
        (&[0x16, 3, 1, 2], Frame::Foreign),
        (&[0, 1, 0, 3], Frame::Foreign),
    ];
    for (stream, frame) in cases {
        assert_eq!(next_frame(stream), frame, "{stream:?}");
    }
    assert_eq!(parse(&channel), Some((0x4001, &b"12345"[..])));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        port in any::<u16>(), v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>(), id in any::<[u8; 12]>(),
        data in prop::collection::vec(any::<u8>(), 0..2_000), lifetime in any::<u32>(), channel in any::<u16>(),
    ) {
        let (first, second) = (SocketAddr::new(v4.into(), port), SocketAddr::new(v6.into(), port));
        let message = Writer::new(Method::Send, Class::Indication, TransactionId(id));
        let bytes = message.peer(first).peer(second).lifetime(lifetime).channel(channel).data(&data).fingerprint().finish();
        let message = Message::parse(&bytes).expect("a message");
        prop_assert_eq!(message.transaction, TransactionId(id));
        prop_assert!(message.is_intact());
        let read: Vec<_> = message.attributes().collect();
        let written = [
            Attribute::PeerAddress(first), Attribute::PeerAddress(second), Attribute::Lifetime(lifetime),
            Attribute::ChannelNumber(channel), Attribute::Data(&data), Attribute::Checked,
        ];
        prop_assert_eq!(read, written);
    }

    #[test]
    fn no_bytes_of_clients_or_peers_harm_the_server(
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        place in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let mut lab = Lab::new();
        let mut alice = Caller::new("a.alice", 1);
        let relay = alice.allocate(&mut lab);
        alice.ask(&mut lab, |client| client.bind(0x4001, PEER));
        for bytes in &noise {
            lab.say(tuple(9, Transport::Udp), bytes);
            lab.say(alice.tuple, bytes);
            lab.receive(relay, PEER, bytes);
            let _ = next_frame(bytes);
        }
        let mut changed = alice.client.permit(&[PEER]);
        let at = place.index(changed.len());
        changed[at] ^= 1 << bit;
        lab.say(alice.tuple, &changed);
        lab.wire.to_peers.clear();
        lab.say(alice.tuple, &Client::channel_data(0x4001, b"still there"));
        prop_assert_eq!(lab.wire.to_peers.pop(), Some((relay, PEER, b"still there".to_vec())));
        prop_assert_eq!(lab.wire.open.len(), 1);
    }
}
