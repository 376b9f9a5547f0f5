//! Later offers: more slots, ICE anew, and what they may not change.

use std::time::Duration;

use super::harness::{Pair, accept, client_config, forward};
use crate::testing::voice;
use crate::{OfferError, SlotKey};

#[test]
fn more_slots_come_with_a_later_offer_and_the_old_ones_go_on() {
    let mut pair = Pair::connected(client_config());
    pair.peer.write(forward(false, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    let before = pair.received()[0].ssrc;
    pair.renew(2, 3, false).unwrap();
    assert_eq!((pair.accepted.lines.audio, pair.accepted.lines.video, pair.accepted.epoch), (4, 4, 2));
    assert_eq!(pair.accepted.ufrag, "aa00000000000001", "ICE goes on");
    pair.forget();
    for (is_video, index) in [(false, 0), (false, 3), (true, 3)] {
        pair.peer.write(forward(is_video, index, 1, pair.now));
    }
    pair.touch();
    pair.run(Duration::from_millis(200));
    let mut slots: Vec<_> = pair.received().iter().map(|one| one.slot).collect();
    slots.sort_unstable();
    assert_eq!(
        slots,
        [(false, 0), (false, 3), (true, 3)].map(|(is_video, index)| SlotKey { is_video, index })
    );
    assert!(pair.received().iter().any(|one| one.ssrc == before));
}

#[test]
fn ice_begins_anew_with_the_credentials_given_and_media_goes_on() {
    let mut pair = Pair::connected(client_config());
    pair.renew(0, 0, true).unwrap();
    assert_eq!(pair.accepted.ufrag, "aa00000000000002");
    assert!(pair.accepted.answer.contains("a=ice-ufrag:aa00000000000002\r\n"), "{}", pair.accepted.answer);
    assert!(!pair.accepted.answer.contains("aa00000000000001"));
    pair.run(Duration::from_secs(2));
    pair.forget();
    for number in 0..10 {
        pair.send(voice(number));
        pair.peer.write(forward(false, 0, number, pair.now));
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    pair.run(Duration::from_millis(100));
    assert_eq!((pair.seen.packets.len(), pair.received().len()), (10, 10));
}

#[test]
fn slots_may_be_added_while_ice_begins_anew() {
    let mut pair = Pair::connected(client_config());
    pair.renew(1, 1, true).unwrap();
    pair.run(Duration::from_secs(2));
    pair.peer.write(forward(true, 1, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.received().len(), 1);
}

#[test]
fn an_offer_that_is_refused_leaves_the_connection_as_it_was() {
    let mut pair = Pair::connected(client_config());
    let offer = pair.client.renew(1, 0, true);
    let broken: &[(&str, &str)] = &[
        ("a=group:BUNDLE", "a=group:BUNDEL"),
        ("a=rtcp-mux\r\n", ""),
        ("a=setup:actpass", "a=setup:passive"),
        ("sha-256", "sha-257"),
    ];
    for (what, with) in broken {
        let refused = accept(&mut pair.peer, &offer.replace(what, with), 9, pair.now);
        assert!(refused.is_err(), "{what}");
    }
    for number in 0..5 {
        pair.send(voice(number));
        pair.run(Duration::from_millis(20));
    }
    assert_eq!(pair.seen.packets.len(), 5);
}

#[test]
fn what_was_agreed_may_not_change() {
    let mut pair = Pair::connected(client_config());
    let offer = pair.client.renew(1, 0, false);
    let changed = |pair: &mut Pair, offer: &str| accept(&mut pair.peer, offer, 9, pair.now).unwrap_err();
    let at = offer.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
    let other = offer.replace(&offer[at..at + 95], &["AB"; 32].join(":"));
    assert_eq!(changed(&mut pair, &other), OfferError::Changed("the fingerprint"));
    assert_eq!(
        changed(&mut pair, &offer.replace("a=simulcast:send q;h;f\r\n", "").replace("a=rid:f send\r\n", "")),
        OfferError::Changed("the layers of the camera")
    );
    let fewer = super::offers::without_last_line(&super::offers::without_last_line(&offer));
    assert_eq!(changed(&mut pair, &fewer), OfferError::Changed("the number of lines to fewer"));
}
