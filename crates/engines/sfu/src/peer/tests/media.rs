//! Media both ways.

use std::time::Duration;

use super::harness::{Pair, client_config, forward};
use crate::testing::{ClientConfig, ClientEvent, LinkModel, Sent, Vp8Frame, voice, vp8};
use crate::{Codec, Layer, Marks, PeerEvent, PictureNumbers, SlotKey, SourceKind};

fn picture(kind: SourceKind, layer: Layer, number: u16) -> Sent {
    let frame = Vp8Frame { is_key: number == 0, picture_id: number, ..Vp8Frame::default() };
    Sent {
        kind,
        layer,
        codec: Codec::Vp8,
        timestamp: 3_000 * u32::from(number),
        marker: true,
        level_dbov: None,
        payload: vp8(frame),
    }
}

#[test]
fn voice_comes_with_its_level_and_number() {
    let mut pair = Pair::connected(client_config());
    for number in 0..50 {
        pair.send(voice(number));
        pair.run(Duration::from_millis(20));
    }
    let packets = &pair.seen.packets;
    assert_eq!(packets.len(), 50);
    let first = &packets[0];
    assert_eq!(
        (first.source.kind, first.layer, first.codec, first.sequence),
        (SourceKind::Audio, Layer::Low, Codec::Opus, 1_000)
    );
    assert_eq!((first.marks.level_dbov, first.marks.has_voice), (Some(-20), Some(true)));
    assert!(
        packets.iter().zip(0..).all(|(packet, number)| packet.timestamp == 960 * number
            && packet.sequence == 1_000 + u64::from(number))
    );
}

#[test]
fn layers_and_screen_are_told_apart() {
    let mut pair = Pair::connected(client_config());
    for number in 0..10 {
        for layer in Layer::ALL {
            pair.send(picture(SourceKind::Camera, layer, number));
        }
        pair.send(picture(SourceKind::Screen, Layer::Low, number));
        pair.run(Duration::from_millis(33));
    }
    let of = |kind, layer| {
        pair.seen.packets.iter().filter(|packet| (packet.source.kind, packet.layer) == (kind, layer)).count()
    };
    assert_eq!(Layer::ALL.map(|layer| of(SourceKind::Camera, layer)), [10; 3]);
    assert_eq!(of(SourceKind::Screen, Layer::Low), 10);
}

#[test]
fn a_camera_in_one_size_is_the_lowest_layer() {
    let mut pair = Pair::connected(ClientConfig { has_layers: false, ..client_config() });
    pair.send(picture(SourceKind::Camera, Layer::Low, 0));
    pair.run(Duration::from_millis(100));
    assert_eq!(
        pair.seen.packets.iter().map(|packet| (packet.source.kind, packet.layer)).collect::<Vec<_>>(),
        [(SourceKind::Camera, Layer::Low)]
    );
}

#[test]
fn redundant_audio_is_told_from_plain() {
    let mut pair = Pair::connected(client_config());
    pair.send(Sent { codec: Codec::Red, ..voice(0) });
    pair.send(voice(1));
    pair.run(Duration::from_millis(100));
    assert_eq!(
        pair.seen.packets.iter().map(|packet| packet.codec).collect::<Vec<_>>(),
        [Codec::Red, Codec::Opus]
    );
}

#[test]
fn a_lost_picture_is_asked_for_again_and_keeps_its_number() {
    let mut pair = Pair::connected(client_config());
    for number in 0..10 {
        pair.send(picture(SourceKind::Camera, Layer::High, number));
        pair.run(Duration::from_millis(33));
    }
    let lossy = LinkModel { lost_permille: 1_000, ..Default::default() };
    pair.up.set_model(lossy);
    pair.send(picture(SourceKind::Camera, Layer::High, 10));
    pair.up.set_model(LinkModel::default());
    for number in 11..30 {
        pair.send(picture(SourceKind::Camera, Layer::High, number));
        pair.run(Duration::from_millis(33));
    }
    let mut numbers: Vec<_> = pair.seen.packets.iter().map(|packet| packet.sequence).collect();
    assert!(!numbers.is_sorted(), "the repair came late");
    numbers.sort_unstable();
    assert_eq!(numbers, (5_000..5_030).collect::<Vec<_>>());
    assert!(pair.seen.packets.iter().all(|packet| packet.layer == Layer::High));
}

#[test]
fn what_is_written_comes_on_its_slot_with_the_numbers_given() {
    let mut pair = Pair::connected(client_config());
    let marks = Marks { level_dbov: Some(-33), has_voice: Some(true), ..Marks::default() };
    for number in 0..5 {
        pair.peer.write(crate::Forward { marks, ..forward(false, 1, number, pair.now) });
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    let got = pair.received();
    assert_eq!(
        got.iter().map(|one| (one.slot, one.sequence, one.timestamp)).collect::<Vec<_>>(),
        (0..5)
            .map(|n| (SlotKey { is_video: false, index: 1 }, 100 + u64::from(n), 5_000 + 960 * n))
            .collect::<Vec<_>>()
    );
    assert_eq!((got[0].extensions.audio_level, got[0].extensions.voice_activity), (Some(-33), Some(true)));
    assert_eq!(got[0].extensions.rid, None);
    assert!(got.iter().all(|one| one.ssrc == got[0].ssrc && one.codec == Codec::Opus));
}

#[test]
fn marks_of_pictures_are_passed_on() {
    let mut pair = Pair::connected(client_config());
    let marks = Marks {
        orientation: Some(3),
        content_type: Some(1),
        playout_delay_ms: Some((50, 400)),
        ..Marks::default()
    };
    pair.peer.write(crate::Forward { marks, ..forward(true, 0, 0, pair.now) });
    pair.touch();
    pair.run(Duration::from_millis(100));
    let got = pair.received();
    assert_eq!(got.len(), 1);
    let values = &got[0].extensions;
    assert_eq!(values.video_orientation.map(|way| way as u8), Some(3));
    assert_eq!(values.video_content_type, Some(1));
    assert_eq!(
        values
            .play_delay_min
            .zip(values.play_delay_max)
            .map(|(least, most)| (least.as_seconds(), most.as_seconds())),
        Some((0.05, 0.4))
    );
}

#[test]
fn vp8_fields_are_put_in_place() {
    let mut pair = Pair::connected(client_config());
    let patch = Some(PictureNumbers { picture_id: Some(0x1234), tl0_picture: Some(77), key_index: Some(9) });
    pair.peer.write(crate::Forward { patch, ..forward(true, 0, 0, pair.now) });
    pair.touch();
    pair.run(Duration::from_millis(100));
    let got = pair.received();
    assert_eq!(got[0].payload[..6], [0x90, 0xf0, 0x92, 0x34, 77, 9]);
    assert_eq!(got[0].payload[6..], forward(true, 0, 0, pair.now).payload[6..]);
}

#[test]
fn nothing_is_written_on_a_slot_that_is_not_there_or_with_fields_that_are_not() {
    let mut pair = Pair::connected(client_config());
    pair.peer.write(forward(false, 2, 0, pair.now));
    pair.peer.write(forward(true, 1, 0, pair.now));
    let bare = crate::Forward {
        payload: vec![0x10, 0x10, 0, 0, 0x9d].into(),
        patch: Some(PictureNumbers { picture_id: Some(1), ..PictureNumbers::default() }),
        ..forward(true, 0, 0, pair.now)
    };
    pair.peer.write(bare);
    pair.peer.write(crate::Forward { codec: Codec::Vp8, ..forward(false, 0, 0, pair.now) });
    pair.touch();
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.received().len(), 0);
}

#[test]
fn key_frames_are_asked_for_in_both_directions() {
    let mut pair = Pair::connected(client_config());
    pair.send(picture(SourceKind::Camera, Layer::Middle, 0));
    pair.peer.write(forward(true, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_millis(100));
    pair.forget();
    pair.peer.request_keyframe(SourceKind::Camera, Layer::Middle);
    pair.peer.request_keyframe(SourceKind::Camera, Layer::High);
    assert!(pair.client.request_keyframe(SlotKey { is_video: true, index: 0 }));
    pair.touch();
    pair.run(Duration::from_millis(100));
    let asked: Vec<_> = pair
        .out
        .events
        .iter()
        .filter_map(|event| {
            if let ClientEvent::KeyframeRequest(kind, layer) = event { Some((*kind, *layer)) } else { None }
        })
        .collect();
    assert_eq!(asked, [(SourceKind::Camera, Layer::Middle)], "High was never heard of");
    let asked: Vec<_> = pair
        .seen
        .events
        .iter()
        .filter_map(|event| if let PeerEvent::KeyframeRequest(slot) = event { Some(*slot) } else { None })
        .collect();
    assert_eq!(asked, [SlotKey { is_video: true, index: 0 }]);
}

#[test]
fn capture_times_do_not_have_the_jitter_of_the_way() {
    let mut pair = Pair::connected(client_config());
    pair.up.set_model(LinkModel { jitter: Duration::from_millis(40), ..Default::default() });
    for number in 0..500 {
        pair.send(voice(number));
        pair.run(Duration::from_millis(20));
    }
    let late: Vec<_> = pair
        .seen
        .packets
        .iter()
        .skip(400)
        .filter_map(|packet| Some((packet.captured?, packet.timestamp)))
        .collect();
    assert_eq!(late.len(), pair.seen.packets.len() - 400, "there were sender reports");
    for pair in late.windows(2) {
        let [(one, ticks), (two, more)] = pair else { unreachable!() };
        // Datagrams overtake each other here.
        let ticks = i64::from(more.wrapping_sub(*ticks).cast_signed());
        let by_media = Duration::from_micros(ticks.unsigned_abs() * 1_000 / 48);
        let by_clock = if ticks < 0 { one.checked_sub(*two) } else { two.checked_sub(*one) };
        let error = by_clock.map(|by_clock| by_clock.abs_diff(by_media));
        assert!(error.is_some_and(|error| error < Duration::from_micros(1_500)), "{by_clock:?} {by_media:?}");
    }
}

#[test]
fn an_estimate_grows_where_there_is_room() {
    let mut pair = Pair::connected(client_config());
    pair.peer.set_bitrate(0, 3_000_000);
    for number in 0..600 {
        for part in 0..6 {
            pair.peer.write(forward(true, 0, number * 6 + part, pair.now));
        }
        pair.touch();
        pair.run(Duration::from_millis(33));
    }
    let last = pair.seen.events.iter().rev().find_map(|event| {
        if let PeerEvent::Estimate { bps, is_remb: false } = event { Some(*bps) } else { None }
    });
    assert!(last.is_some_and(|bps| bps > 1_400_000), "{last:?}");
}

#[test]
fn a_clients_own_estimate_counts_when_there_is_no_other_and_packets_are_lost() {
    let without = |offer: String| {
        let lines = offer.lines().filter(|line| !line.ends_with(" transport-cc"));
        lines.fold(String::new(), |text, line| text + line + "\r\n")
    };
    let mut pair = Pair::with_offer(client_config(), without);
    pair.run(Duration::from_secs(2));
    let video = SlotKey { is_video: true, index: 0 };
    let mut estimates = Vec::new();
    for (phase, lost_permille) in [(0, 0), (1, 200)] {
        pair.down.set_model(LinkModel { lost_permille, ..LinkModel::default() });
        for number in 0..900 {
            // What is repaired the client does not count as lost.
            let sent = forward(true, 0, phase * 900 + number, pair.now);
            pair.peer.write(crate::Forward { is_repairable: false, ..sent });
            pair.touch();
            pair.run(Duration::from_millis(20));
        }
        pair.forget();
        assert!(pair.client.request_bitrate(video, 200_000));
        pair.touch();
        pair.run(Duration::from_secs(1));
        estimates.extend(pair.seen.events.iter().filter_map(|event| match event {
            PeerEvent::Estimate { bps, is_remb } => Some((*bps, *is_remb)),
            _ => None,
        }));
    }
    // REMB has 18 bits and an exponent.
    let [(calm, true), (lossy, true)] = estimates[..] else { panic!("{estimates:?}") };
    assert_eq!(calm, 1_000_000);
    assert!(lossy.abs_diff(200_000) < 1_000, "{lossy}");
}

#[test]
fn an_estimate_falls_only_where_the_way_is_narrow() {
    let last = |rate_bps| {
        let mut pair = Pair::connected(client_config());
        pair.peer.set_bitrate(0, 600_000);
        pair.down.set_model(LinkModel { rate_bps, ..LinkModel::default() });
        for number in 0..600 {
            pair.peer.write(forward(true, 0, number, pair.now));
            pair.touch();
            pair.run(Duration::from_millis(33));
        }
        let estimates = pair.seen.events.iter().filter_map(|event| match event {
            PeerEvent::Estimate { bps, .. } => Some(*bps),
            _ => None,
        });
        estimates.fold(1_000_000, |_, bps| bps)
    };
    assert!(last(0) >= 1_000_000, "{}", last(0));
    assert!(last(150_000) <= 300_000, "{}", last(150_000));
}
