//! What no client of ours sends.

use std::time::Duration;

use proptest::prelude::*;

use super::harness::{CLIENT, Pair, SERVER, address, client_config};
use crate::testing::voice;
use crate::{Datagram, DropReason, PeerError, PeerEvent};

fn from_client(bytes: &[u8]) -> Datagram<'_> {
    Datagram { is_tcp: false, source: address(CLIENT), destination: address(SERVER), bytes }
}

/// RTP that is in form and that nobody encrypted.
fn rtp(payload_type: u8, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type, 0, 1, 0, 0, 0, 0];
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([7; 40]);
    bytes
}

fn goes_on(pair: &mut Pair) {
    pair.forget();
    for number in 0..5 {
        pair.send(voice(number));
        pair.run(Duration::from_millis(20));
    }
    assert_eq!(pair.seen.packets.len(), 5);
}

#[test]
fn foreign_streams_are_dropped_beyond_the_bound() {
    let mut pair = Pair::connected(client_config());
    let mut dropped = 0;
    for ssrc in 0..200 {
        match pair.peer.handle_datagram(from_client(&rtp(111, ssrc)), pair.now) {
            Ok(()) => {}
            Err(PeerError::Dropped(DropReason::Streams)) => dropped += 1,
            other => panic!("{other:?}"),
        }
        pair.touch();
    }
    assert_eq!(dropped, 168);
    assert!(pair.seen.packets.is_empty());
    // The bound holds for a minute; then the client itself is heard.
    pair.run(Duration::from_mins(1));
    goes_on(&mut pair);
}

#[test]
fn payload_types_that_were_not_agreed_are_dropped() {
    let mut pair = Pair::connected(client_config());
    let result = pair.peer.handle_datagram(from_client(&rtp(77, 1)), pair.now);
    assert!(
        matches!(result, Err(PeerError::Dropped(DropReason::Form | DropReason::PayloadType))),
        "{result:?}"
    );
    let result = pair.peer.handle_datagram(from_client(&rtp(34, 1)), pair.now);
    assert!(matches!(result, Err(PeerError::Dropped(DropReason::PayloadType))), "{result:?}");
    goes_on(&mut pair);
}

#[test]
fn packets_that_were_heard_before_are_not_heard_again() {
    let mut pair = Pair::connected(client_config());
    assert!(pair.client.send(voice(0), pair.now));
    pair.client.handle_timeout(pair.now).unwrap();
    pair.client.drain(&mut pair.out).unwrap();
    let copies = pair.out.transmissions.clone();
    assert!(!copies.is_empty());
    for copy in copies.iter().cycle().take(copies.len() * 3) {
        pair.peer.handle_datagram(from_client(&copy.bytes), pair.now).unwrap();
        pair.peer.drain(pair.now, &mut pair.seen).unwrap();
    }
    assert_eq!(pair.seen.packets.len(), 1);
}

#[test]
fn checks_with_another_ufrag_or_password_validate_nothing() {
    let (mut one, two) = (Pair::new(client_config()), Pair::new(client_config()));
    // The other client's checks carry the ufrag of the other peer, and a password this peer does not know.
    let (mut client, offer) = crate::testing::Client::new(client_config(), two.now);
    client.answer(&two.accepted.answer.replace("00000000001\r", "00000000002\r")).ok();
    drop(offer);
    let mut out = crate::testing::ClientOutput::default();
    for step in 0..20 {
        let now = two.now + Duration::from_millis(50 * step);
        client.handle_timeout(now).unwrap();
        client.drain(&mut out).unwrap();
        for sent in out.transmissions.drain(..) {
            let _ = one.peer.handle_datagram(super::harness::datagram(&sent), now);
            one.peer.drain(now, &mut one.seen).unwrap();
        }
    }
    assert!(!one.peer.accepts_address(address(CLIENT), address(SERVER)));
    assert!(one.seen.events.is_empty());
}

#[test]
fn a_client_with_another_certificate_than_it_announced_does_not_come_in() {
    let another = |offer: String| {
        let lines = offer.lines().map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(_) => format!("a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":")),
            None => format!("{line}\r\n"),
        });
        lines.collect()
    };
    let mut pair = Pair::with_offer(client_config(), another);
    pair.run(Duration::from_secs(2));
    assert!(matches!(pair.failure, Some(PeerError::Failed(_))), "{:?}", pair.failure);
    assert!(!pair.seen.events.iter().any(|event| matches!(event, PeerEvent::Up)), "{:?}", pair.seen.events);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Whatever comes from the client's address, nothing panics and media goes on.
    #[test]
    fn garbage_changes_nothing(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..60)) {
        let mut pair = Pair::connected(client_config());
        for bytes in &datagrams {
            let result = pair.peer.handle_datagram(from_client(bytes), pair.now);
            prop_assert!(matches!(result, Ok(()) | Err(PeerError::Dropped(_))), "{:?}", result);
            pair.peer.drain(pair.now, &mut pair.seen).unwrap();
        }
        pair.run(Duration::from_secs(61));
        goes_on(&mut pair);
    }

    /// Copies of real datagrams with a bit turned over arrive before them: checks, media, reports and messages.
    #[test]
    fn spoiled_copies_change_nothing(flips in prop::collection::vec((any::<u16>(), 0..8_u8), 1..60)) {
        let mut pair = Pair::connected(client_config());
        for (number, (place, bit)) in (0..).zip(flips) {
            pair.client.send(voice(number), pair.now);
            pair.client.write_data(true, b"up");
            pair.touch();
            for mut bytes in std::mem::take(&mut pair.sent_up) {
                let at = usize::from(place) % bytes.len();
                bytes[at] ^= 1 << bit;
                let result = pair.peer.handle_datagram(from_client(&bytes), pair.now);
                prop_assert!(matches!(result, Ok(()) | Err(PeerError::Dropped(_))), "{:?}", result);
                pair.touch();
            }
            pair.run(Duration::from_millis(20));
        }
        pair.run(Duration::from_secs(61));
        goes_on(&mut pair);
        prop_assert!(pair.client.write_data(true, b"after"));
        pair.touch();
        pair.run(Duration::from_secs(1));
        let came = |event: &PeerEvent| matches!(event, PeerEvent::Data { is_reliable: true, message } if message == b"after");
        prop_assert!(pair.seen.events.iter().any(came), "{:?}", pair.seen.events);
    }
}
