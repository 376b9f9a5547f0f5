//! What is special about sending past the library.

use std::time::Duration;

use super::harness::{Pair, accept, address, client_config, forward};
use crate::peer::sending::Way;
use crate::testing::{ClientConfig, LinkModel};
use crate::{Forward, PeerEvent, SlotKey};

const PICTURES: SlotKey = SlotKey { is_video: true, index: 0 };

fn numbers(pair: &Pair, is_video: bool) -> Vec<u64> {
    pair.received().iter().filter(|one| one.slot.is_video == is_video).map(|one| one.sequence).collect()
}

fn keyframe_requests(pair: &Pair) -> usize {
    let asked = |event: &&PeerEvent| matches!(event, PeerEvent::KeyframeRequest(slot) if *slot == PICTURES);
    pair.seen.events.iter().filter(asked).count()
}

#[test]
fn a_picture_from_before_the_connection_arrives_and_sound_does_not() {
    let mut pair = Pair::new(client_config());
    pair.peer.write(forward(true, 0, 0, pair.now));
    pair.peer.write(forward(false, 0, 0, pair.now));
    pair.run(Duration::from_millis(900));
    assert_eq!((numbers(&pair, true), numbers(&pair, false)), (vec![100], vec![]));
    assert_eq!(keyframe_requests(&pair), 0);
}

#[test]
fn a_picture_that_waited_too_long_is_dropped_for_a_new_one() {
    let mut pair = Pair::new(client_config());
    pair.up.set_model(LinkModel { lost_permille: 1_000, ..LinkModel::default() });
    pair.peer.write(forward(true, 0, 0, pair.now));
    pair.peer.write(forward(true, 0, 1, pair.now));
    pair.run(Duration::from_secs(2));
    pair.up.set_model(LinkModel::default());
    pair.run(Duration::from_secs(8));
    assert!(pair.seen.events.iter().any(|event| matches!(event, PeerEvent::Up)));
    assert_eq!((numbers(&pair, true), keyframe_requests(&pair)), (vec![], 1));
}

#[test]
fn more_pictures_than_may_wait_are_dropped_for_a_new_one() {
    let mut pair = Pair::new(client_config());
    for number in 0..1_000 {
        pair.peer.write(forward(true, 0, number, pair.now));
    }
    pair.run(Duration::from_secs(2));
    assert_eq!(keyframe_requests(&pair), 1);
    assert_eq!(numbers(&pair, true), (612..1_100).collect::<Vec<_>>());
}

#[test]
fn no_number_is_sent_twice() {
    let mut pair = Pair::connected(client_config());
    for number in [0, 1, 1, 0, 2] {
        pair.peer.write(forward(false, 0, number, pair.now));
        pair.peer.write(forward(true, 0, number, pair.now));
    }
    pair.peer.drain(pair.now, &mut pair.seen).unwrap();
    let media = pair.seen.transmissions.iter().filter(|sent| !matches!(sent.bytes[1], 192..=223)).count();
    assert_eq!(media, 6);
}

#[test]
fn sound_does_not_wait_for_pictures() {
    let mut pair = Pair::connected(client_config());
    let large = |number| Forward { payload: vec![0x10; 1_100].into(), ..forward(true, 0, number, pair.now) };
    let pictures: Vec<_> = (0..60).map(large).collect();
    for picture in pictures {
        pair.peer.write(picture);
    }
    pair.peer.write(forward(false, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(30));
    assert_eq!(numbers(&pair, false), [100]);
    assert!(numbers(&pair, true).len() < 30, "a burst leaves, the rest is paced");
    pair.run(Duration::from_millis(500));
    assert_eq!(numbers(&pair, true), (100..160).collect::<Vec<_>>());
}

#[test]
fn what_was_lost_on_the_way_to_the_client_is_sent_again() {
    let mut pair = Pair::connected(client_config());
    for number in 0..40 {
        let model = LinkModel { lost_permille: if number == 20 { 1_000 } else { 0 }, ..LinkModel::default() };
        pair.down.set_model(model);
        pair.peer.write(forward(true, 0, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    let mut got = numbers(&pair, true);
    assert!(!got.is_sorted(), "the repair came late");
    got.sort_unstable();
    assert_eq!(got, (100..140).collect::<Vec<_>>());
    let stats = pair.peer.stats(pair.now).slots[0];
    assert!(stats.packets >= 41 && stats.nacks >= 1, "{stats:?}");
}

#[test]
fn senders_are_reported_on_once_a_second_while_something_is_sent() {
    let mut pair = Pair::connected(client_config());
    for number in 0..149 {
        pair.peer.write(forward(false, 0, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    assert_eq!(pair.reports_down, 3);
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.reports_down, 4, "of the rest, and no more");
}

#[test]
fn the_round_trip_is_learned_from_reports() {
    let mut pair = Pair::connected(client_config());
    let far = LinkModel { delay: Duration::from_millis(100), ..LinkModel::default() };
    pair.up.set_model(far);
    pair.down.set_model(far);
    for number in 0..400 {
        pair.peer.write(forward(false, 0, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    let trip = pair.peer.sending.round_trip().expect("the client reports");
    assert!((190..=230).contains(&trip.as_millis()), "{trip:?}");
}

#[test]
fn who_is_sent_nothing_costs_no_time() {
    let mut pair = Pair::connected(client_config());
    let mut looks = 0;
    for _ in 0..100 {
        let due = pair.peer.drain(pair.now, &mut pair.seen).unwrap();
        looks += usize::from(due <= pair.now + Duration::from_millis(100));
        pair.run(Duration::from_millis(100));
    }
    assert!(looks <= 30, "{looks} of 100 tenths of a second have work");
}

/// A probe on a stream that no line names costs a line its repairs in some browsers.
#[test]
fn probes_go_on_the_stream_of_repairs_and_nowhere_else() {
    let mut pair = Pair::connected(client_config());
    pair.peer.set_bitrate(3_000_000, 5_000_000);
    for number in 0..300 {
        pair.peer.write(forward(true, 0, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(10));
    }
    let streams = &pair.media_down;
    let media = pair.received()[0].ssrc;
    let repairs: Vec<_> = streams.keys().filter(|stream| **stream != media).copied().collect();
    assert_eq!(repairs.len(), 1, "{streams:?}");
    let named = format!("a=ssrc-group:FID {media} {}\r\n", repairs[0]);
    assert!(pair.accepted.answer.contains(&named), "{}", pair.accepted.answer);
    assert!(streams[&repairs[0]] >= 5, "{streams:?}");
}

#[test]
fn the_client_is_told_goodbye_for_each_stream() {
    let mut pair = Pair::connected(client_config());
    pair.peer.write(forward(false, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    pair.forget();
    pair.peer.close();
    for _ in 0..2 {
        pair.peer.drain(pair.now, &mut pair.seen).unwrap();
    }
    assert_eq!(pair.seen.count_reports(203), 1);
}

#[test]
fn a_client_that_moved_gets_new_pictures() {
    let mut pair = Pair::connected(client_config());
    pair.peer.write(forward(true, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    let way = |client: &str| Way {
        is_tcp: false,
        source: address(super::harness::SERVER),
        destination: address(client),
    };
    pair.peer.sending.set_way(way(super::harness::CLIENT));
    pair.touch();
    assert_eq!(keyframe_requests(&pair), 0, "the same way");
    pair.peer.sending.set_way(way("203.0.113.9:9"));
    pair.touch();
    assert_eq!(keyframe_requests(&pair), 1);
}

#[test]
fn a_line_that_is_not_in_use_yet_takes_no_slot_from_another() {
    let config = ClientConfig { video_slots: 2, ..client_config() };
    let mut pair = Pair::with_offer(config, |mut offer| {
        let second = offer.rfind("a=recvonly").unwrap();
        let first = offer[..second].rfind("a=recvonly").unwrap();
        offer.replace_range(first..first + "a=recvonly".len(), "a=inactive");
        offer
    });
    pair.run(Duration::from_secs(2));
    // The second offer lends the streams and takes them back, the third one as well.
    for round in 0..3 {
        for index in [0, 1] {
            pair.peer.write(forward(true, index, round, pair.now));
        }
        pair.touch();
        pair.run(Duration::from_millis(100));
        pair.renew(1, 0, false).unwrap();
    }
    let got: Vec<_> = pair.received().iter().map(|one| (one.slot.index, one.sequence)).collect();
    assert_eq!(got, [(1, 100), (1, 101), (1, 102)]);
    let stream = pair.received()[0].ssrc;
    assert!(pair.received().iter().all(|one| one.ssrc == stream));
    assert_eq!(pair.media_down.get(&stream), Some(&3), "each number once: {:?}", pair.media_down);
}

#[test]
fn a_client_that_stops_feedback_in_a_later_offer_is_not_probed() {
    let mut pair = Pair::connected(client_config());
    pair.peer.set_bitrate(8_000_000, 9_000_000);
    let mut number = 0;
    let mut show = |pair: &mut Pair, frames| {
        for _ in 0..frames {
            pair.peer.write(forward(true, 0, number, pair.now));
            number += 1;
            pair.touch();
            pair.run(Duration::from_millis(10));
        }
    };
    show(&mut pair, 100);
    let offer = pair.client.renew(1, 0, false);
    let kept: Vec<&str> = offer.lines().filter(|line| !line.ends_with(" transport-cc")).collect();
    let accepted = accept(&mut pair.peer, &(kept.join("\r\n") + "\r\n"), 2, pair.now).unwrap();
    pair.client.answer(&accepted.answer).unwrap();
    let before = pair.sent_down;
    show(&mut pair, 100);
    assert!((100..160).contains(&(pair.sent_down - before)), "{}", pair.sent_down - before);
}

#[test]
fn who_is_not_heard_gets_no_pictures_and_a_new_one_when_back() {
    let mut pair = Pair::connected(client_config());
    pair.peer.write(forward(true, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    pair.up.set_model(LinkModel { lost_permille: 1_000, ..LinkModel::default() });
    pair.run(Duration::from_secs(8));
    pair.forget();
    pair.peer.write(forward(true, 0, 1, pair.now));
    pair.peer.write(forward(false, 0, 1, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    assert_eq!((numbers(&pair, true), numbers(&pair, false)), (vec![], vec![101]));
    pair.up.set_model(LinkModel::default());
    pair.run(Duration::from_secs(6));
    assert_eq!(keyframe_requests(&pair), 1);
    let between = Forward { payload: vec![0x10, 0x01, 0].into(), ..forward(true, 0, 2, pair.now) };
    pair.peer.write(between);
    pair.peer.write(forward(true, 0, 3, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    assert_eq!(numbers(&pair, true), [103], "from the key frame on");
}
