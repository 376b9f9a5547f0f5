//! Data channels.

use std::time::Duration;

use super::harness::{Pair, client_config};
use crate::PeerEvent;
use crate::testing::{ClientConfig, ClientEvent, LinkModel};

#[test]
fn both_channels_open_and_carry_messages_both_ways() {
    let mut pair = Pair::new(client_config());
    pair.run(Duration::from_secs(3));
    let open: Vec<_> = pair
        .seen
        .events
        .iter()
        .filter_map(
            |event| if let PeerEvent::DataOpen { is_reliable } = event { Some(*is_reliable) } else { None },
        )
        .collect();
    assert_eq!(open, [true, false]);
    for is_reliable in [true, false] {
        assert!(pair.peer.write_data(is_reliable, b"down"));
        assert!(pair.client.write_data(is_reliable, b"up"));
    }
    pair.touch();
    pair.run(Duration::from_millis(200));
    let up: Vec<_> = pair
        .seen
        .events
        .iter()
        .filter_map(|event| {
            if let PeerEvent::Data { is_reliable, message } = event {
                Some((*is_reliable, message.as_slice()))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(up, [(true, b"up".as_slice()), (false, b"up")]);
    let down: Vec<_> = pair
        .out
        .events
        .iter()
        .filter_map(|event| {
            if let ClientEvent::Data { is_reliable, message } = event {
                Some((*is_reliable, message.as_slice()))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(down, [(true, b"down".as_slice()), (false, b"down")]);
}

#[test]
fn reliable_messages_come_whole_and_in_order_over_a_lossy_way() {
    let mut pair = Pair::connected(client_config());
    let model = LinkModel { lost_permille: 100, jitter: Duration::from_millis(30), ..LinkModel::default() };
    pair.up.set_model(model);
    pair.down.set_model(model);
    for number in 0..40_u8 {
        assert!(pair.client.write_data(true, &vec![number; 15_000]));
        pair.touch();
        pair.run(Duration::from_secs(2));
    }
    pair.run(Duration::from_secs(20));
    let got: Vec<_> = pair
        .seen
        .events
        .iter()
        .filter_map(|event| {
            if let PeerEvent::Data { message, .. } = event { Some((message[0], message.len())) } else { None }
        })
        .collect();
    assert_eq!(got, (0..40).map(|number| (number, 15_000)).collect::<Vec<_>>());
}

#[test]
fn a_client_without_the_line_has_no_channels() {
    let mut pair = Pair::connected(ClientConfig { has_data: false, ..client_config() });
    assert!(!pair.accepted.has_data);
    assert!(!pair.peer.write_data(true, b"nobody"));
}

#[test]
fn what_waits_is_bounded() {
    let mut pair = Pair::connected(client_config());
    pair.down.set_model(LinkModel { lost_permille: 1_000, ..LinkModel::default() });
    let taken = (0..1_000).take_while(|_| pair.peer.write_data(true, &[0; 15_000])).count();
    assert!((1..=70).contains(&taken), "{taken}");
}

#[test]
fn a_channel_is_closed_without_the_rest() {
    let mut pair = Pair::connected(client_config());
    pair.peer.close_data(true);
    pair.touch();
    pair.run(Duration::from_secs(2));
    let closed = |event: &ClientEvent| matches!(event, ClientEvent::DataClosed { is_reliable: true });
    assert!(pair.out.events.iter().any(closed), "{:?}", pair.out.events);
    let told = |event: &PeerEvent| matches!(event, PeerEvent::DataClosed { is_reliable: true });
    assert_eq!(pair.seen.events.iter().filter(|event| told(event)).count(), 1, "{:?}", pair.seen.events);
    assert!(!pair.peer.write_data(true, b"too late"));
    assert!(pair.peer.write_data(false, b"still there"));
    pair.send(crate::testing::voice(0));
    pair.run(Duration::from_millis(200));
    let came = |event: &ClientEvent| matches!(event, ClientEvent::Data { is_reliable: false, .. });
    assert!(pair.out.events.iter().any(came), "{:?}", pair.out.events);
    assert_eq!(pair.seen.packets.len(), 1);
}

#[test]
fn a_client_may_open_some_channels_by_itself_and_not_on_and_on() {
    let mut pair = Pair::connected(client_config());
    let is_over = |pair: &Pair| pair.seen.events.iter().any(|event| matches!(event, PeerEvent::Closed));
    for _ in 0..16 {
        pair.client.open_strange_channel();
    }
    pair.touch();
    pair.run(Duration::from_secs(2));
    assert!(!is_over(&pair), "nobody hears them, and they do no harm");
    pair.client.open_strange_channel();
    pair.touch();
    pair.run(Duration::from_secs(2));
    assert!(is_over(&pair));
}
