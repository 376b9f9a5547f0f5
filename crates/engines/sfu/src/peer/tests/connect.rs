//! Coming up, going silent, coming back, and ending.

use std::time::Duration;

use super::harness::{CLIENT, Pair, SERVER, address, client_config, forward};
use crate::testing::{ClientConfig, ClientEvent, LinkModel, voice};
use crate::{Codec, CodecSet, PeerEvent, SlotKey, SourceKind};

#[test]
fn a_client_connects_and_lines_are_known() {
    let pair = Pair::connected(client_config());
    let lines = pair.accepted.lines;
    assert_eq!((lines.audio, lines.video, pair.accepted.has_data, pair.accepted.epoch), (2, 1, true, 1));
    assert_eq!(lines.receives, Codec::ALL.into_iter().collect::<CodecSet>());
    assert_eq!(pair.accepted.ufrag, "aa00000000000001");
    assert!(pair.peer.mid_of(SlotKey { is_video: true, index: 0 }).is_some());
    assert_eq!(pair.peer.mid_of(SlotKey { is_video: true, index: 1 }), None);
}

#[test]
fn a_client_connects_over_tcp() {
    let config = ClientConfig { is_tcp: true, ..client_config() };
    let pair = Pair::connected(config);
    assert!(pair.peer.accepts_address(address(CLIENT), address(SERVER)));
}

#[test]
fn a_client_connects_over_a_bad_way() {
    let mut pair = Pair::new(client_config());
    let model = LinkModel {
        delay: Duration::from_millis(120),
        jitter: Duration::from_millis(60),
        lost_permille: 200,
        rate_bps: 0,
        ..LinkModel::default()
    };
    pair.up.set_model(model);
    pair.down.set_model(model);
    pair.run(Duration::from_secs(20));
    assert!(pair.out.events.iter().any(|event| matches!(event, ClientEvent::Up)));
}

#[test]
fn only_a_checked_address_is_accepted() {
    let mut pair = Pair::new(client_config());
    assert!(!pair.peer.accepts_address(address(CLIENT), address(SERVER)));
    pair.run(Duration::from_secs(1));
    assert!(pair.peer.accepts_address(address(CLIENT), address(SERVER)));
    assert!(!pair.peer.accepts_address(address("198.51.100.8:5000"), address(SERVER)));
}

#[test]
fn a_silent_client_is_lost_after_seven_seconds_and_back_with_its_next_datagram() {
    let mut pair = Pair::connected(client_config());
    let away = LinkModel { lost_permille: 1_000, ..LinkModel::default() };
    pair.up.set_model(away);
    pair.run(Duration::from_millis(4_500));
    assert!(names(&pair).is_empty(), "{:?}", pair.seen.events);
    pair.run(Duration::from_secs(4));
    assert_eq!(names(&pair), ["lost"]);
    pair.up.set_model(LinkModel::default());
    pair.run(Duration::from_secs(5));
    assert_eq!(names(&pair), ["lost", "back"]);
}

#[test]
fn a_client_that_closes_is_told_once() {
    let mut pair = Pair::connected(client_config());
    pair.client.close().unwrap();
    pair.run(Duration::from_secs(2));
    assert_eq!(names(&pair), ["closed"]);
}

#[test]
fn a_peer_that_closes_tells_its_client() {
    let mut pair = Pair::connected(client_config());
    pair.peer.close();
    pair.run(Duration::from_secs(2));
    assert!(
        pair.out.events.iter().any(|event| matches!(event, ClientEvent::Closed)),
        "{:?}",
        pair.out.events
    );
    assert_eq!(names(&pair), ["closed"]);
}

#[test]
fn statistics_are_there_from_the_first_second_with_the_way_in_use() {
    let mut pair = Pair::connected(client_config());
    for number in 0..25 {
        pair.send(voice(number));
        pair.peer.write(forward(false, 1, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    let stats = pair.peer.stats(pair.now);
    assert_eq!((stats.at, stats.path), (pair.now, Some((address(CLIENT), false))));
    assert!(stats.bytes_in > 2_000 && stats.bytes_out > 2_000, "{stats:?}");
    let [source] = stats.sources[..] else { panic!("{:?}", stats.sources) };
    assert_eq!((source.kind, source.packets), (SourceKind::Audio, 25));
    let [slot] = stats.slots[..] else { panic!("{:?}", stats.slots) };
    assert_eq!((slot.slot, slot.packets), (SlotKey { is_video: false, index: 1 }, 25));
    pair.run(Duration::from_secs(6));
    assert_eq!(pair.peer.stats(pair.now).sources[0].loss, Some(0.0), "the library tells every five seconds");
}

#[test]
fn a_client_that_only_hears_gets_no_padding() {
    let mut pair = Pair::connected(client_config());
    pair.sent_down = 0;
    for number in 0..500 {
        pair.peer.write(forward(false, 0, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    // Voice, and answers to checks, reports, feedback, heartbeats of SCTP.
    assert!((500..560).contains(&pair.sent_down), "{}", pair.sent_down);
}

/// The events that tell of the client's presence.
fn names(pair: &Pair) -> Vec<&'static str> {
    let name = |event: &PeerEvent| match event {
        PeerEvent::Lost => Some("lost"),
        PeerEvent::Back => Some("back"),
        PeerEvent::Closed => Some("closed"),
        _ => None,
    };
    pair.seen.events.iter().filter_map(name).collect()
}
