//! What was overheard is said again: from the client's address, and from others.

use std::time::Duration;

use super::harness::{CLIENT, Pair, SERVER, address, client_config, forward};
use crate::testing::voice;
use crate::{Datagram, PeerError, PeerEvent};

const STRANGER: &str = "203.0.113.66:6666";

fn say(pair: &mut Pair, source: &str, bytes: &[u8]) {
    let datagram = Datagram { is_tcp: false, source: address(source), destination: address(SERVER), bytes };
    let result = pair.peer.handle_datagram(datagram, pair.now);
    assert!(matches!(result, Ok(()) | Err(PeerError::Dropped(_))), "{result:?}");
    pair.touch();
}

/// The client talks, writes, asks for pictures and checks; everything it sent.
fn overhear(pair: &mut Pair) -> Vec<Vec<u8>> {
    let mut overheard = Vec::new();
    for number in 0..50 {
        pair.send(voice(number));
        assert!(pair.client.write_data(true, b"once"));
        pair.run(Duration::from_millis(100));
        overheard.append(&mut pair.sent_up);
    }
    overheard
}

fn messages(pair: &Pair) -> usize {
    pair.seen.events.iter().filter(|event| matches!(event, PeerEvent::Data { .. })).count()
}

/// Media and messages go both ways, at the client's own address.
fn goes_on(pair: &mut Pair) {
    pair.forget();
    for number in 100..150 {
        pair.send(voice(number));
        pair.client.write_data(true, b"after");
        let voice = forward(false, 0, number, pair.now);
        pair.peer.write(voice);
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    pair.run(Duration::from_secs(1));
    assert_eq!((pair.seen.packets.len(), messages(pair)), (50, 50));
    assert_eq!(pair.received().len(), 50);
}

#[test]
fn what_was_said_once_is_heard_once() {
    let mut pair = Pair::connected(client_config());
    let overheard = overhear(&mut pair);
    let kinds = |from: u8, to: u8| overheard.iter().filter(|bytes| (from..=to).contains(&bytes[0])).count();
    assert!(kinds(0, 3) > 0 && kinds(20, 63) > 40 && kinds(128, 191) > 40, "checks, messages and media");
    assert!(
        overheard.iter().any(|bytes| bytes[0] >> 6 == 2 && (192..=223).contains(&bytes[1])),
        "and reports"
    );
    assert_eq!((pair.seen.packets.len(), messages(&pair)), (50, 50));
    pair.forget();

    for bytes in &overheard {
        say(&mut pair, CLIENT, bytes);
        pair.run(Duration::from_millis(1));
    }

    assert_eq!((pair.seen.packets.len(), messages(&pair)), (0, 0), "{:?}", pair.seen.events);
    assert!(!pair.seen.events.iter().any(|event| matches!(event, PeerEvent::KeyframeRequest(_))));
    goes_on(&mut pair);
}

/// Whoever sees a check can say it again from elsewhere, and ICE cannot tell it from the client's own after a change of
/// networks (RFC 8445 §19.5.1). The client's next check takes the way back.
#[test]
fn checks_said_again_from_elsewhere_take_no_media_away_for_long() {
    let mut pair = Pair::connected(client_config());
    let overheard = overhear(&mut pair);
    for bytes in overheard.iter().filter(|bytes| bytes[0] < 4) {
        say(&mut pair, STRANGER, bytes);
    }
    for bytes in overheard.iter().filter(|bytes| bytes[0] >= 4) {
        say(&mut pair, STRANGER, bytes);
    }
    pair.run(Duration::from_secs(7));
    goes_on(&mut pair);
}

/// Records that nobody encrypted, as anybody can write them who can forge the client's address.
#[test]
fn forged_handshakes_and_alerts_end_nothing() {
    let mut pair = Pair::connected(client_config());
    let record = |kind: u8, sequence: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        [&[kind, 254, 253, 0, 0, 0, 0, 0, 0, 0, sequence][..], &length, body].concat()
    };
    let hello = [&[1, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 40, 254, 253][..], &[7; 38]].concat();
    let fragment = [&[1, 0, 64, 0, 0, 1, 0, 0, 1, 0, 0, 8][..], &[9; 8]].concat();
    let forged = [
        record(21, 1, &[2, 40]), // fatal: the handshake failed
        record(21, 2, &[1, 0]),  // close_notify
        record(22, 3, &hello),
        record(22, 4, &fragment),
        record(20, 5, &[1]), // the cipher changes
        record(23, 6, &[0; 40]),
        record(22, 7, &[14, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]), // a hello is done
        record(25, 8, &[0; 20]),                               // no such kind
        vec![21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40], // an alert under keys, without them
    ];
    for round in 0..20_u8 {
        for (sequence, record) in (0..).zip(&forged) {
            let mut record = record.clone();
            record[10] = round.wrapping_mul(16).wrapping_add(sequence);
            say(&mut pair, CLIENT, &record);
        }
        pair.run(Duration::from_millis(50));
    }
    assert!(
        !pair.seen.events.iter().any(|event| matches!(event, PeerEvent::Closed)),
        "{:?}",
        pair.seen.events
    );
    pair.run(Duration::from_secs(2));
    goes_on(&mut pair);
}
