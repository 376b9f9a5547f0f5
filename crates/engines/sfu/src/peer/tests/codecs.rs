//! VP9 and AV1, which browsers have and do not choose: who puts one first sends it.

use std::time::Duration;

use super::harness::{Pair, client_config, forward};
use super::offers::{CHROMIUM, answer, section};
use crate::testing::{LinkModel, Sent};
use crate::{Codec, CodecSet, Forward, Layer, PictureNumbers, SourceKind};

const CHROMIUM_VP9_FIRST: &str = include_str!("offers/chromium-156-vp9-first-offer.sdp");
const FIREFOX_VP9_FIRST: &str = include_str!("offers/firefox-153-vp9-first-offer.sdp");

/// What Chromium says of them in each video line.
const MORE: &str = "a=rtpmap:98 VP9/90000\r\na=rtcp-fb:98 nack\r\na=rtcp-fb:98 nack pli\r\na=fmtp:98 profile-id=0\r\n\
    a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtpmap:100 VP9/90000\r\na=fmtp:100 profile-id=2\r\n\
    a=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\na=rtpmap:45 AV1/90000\r\na=rtcp-fb:45 nack\r\n\
    a=rtcp-fb:45 nack pli\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n";

/// Chromium's offer with these payload types in its video lines.
fn offer(payload_types: &str) -> String {
    CHROMIUM
        .replace("SAVPF 96 97 102 103 108 109", &format!("SAVPF {payload_types}"))
        .replace("a=rtpmap:96 VP8/90000\r\n", &format!("{MORE}a=rtpmap:96 VP8/90000\r\n"))
}

pub(super) fn offer_with_vp9_first() -> String {
    offer("98 99 100 101 45 46 96 97 102 103 108 109")
}

fn without(codecs: &[Codec]) -> CodecSet {
    Codec::ALL.into_iter().filter(|codec| !codecs.contains(codec)).collect()
}

#[test]
fn codecs_are_answered_in_the_order_of_the_offer() {
    for (offered, answered) in [
        (
            "98 99 100 101 45 46 96 97 102 103 108 109",
            "video 9 UDP/TLS/RTP/SAVPF 98 99 45 46 96 97 102 103 108 109\r\n",
        ),
        (
            "45 46 102 103 108 109 96 97 98 99 100 101",
            "video 9 UDP/TLS/RTP/SAVPF 45 46 102 103 108 109 96 97 98 99\r\n",
        ),
        (
            "96 97 98 99 100 101 102 103 108 109 45 46",
            "video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 102 103 108 109 45 46\r\n",
        ),
    ] {
        let accepted = answer(&offer(offered));
        assert_eq!(accepted.lines.receives, without(&[]));
        for mid in ["1", "2", "7", "10"] {
            let line = section(&accepted.answer, mid);
            assert!(line.starts_with(answered), "{offered}: {line}");
            assert!(!line.contains("profile-id=2"), "{line}");
        }
        assert!(section(&accepted.answer, "1").contains("a=simulcast:recv q;h;f\r\n"));
    }
}

#[test]
fn browsers_with_all_their_codecs_are_answered() {
    let chromium = answer(CHROMIUM_VP9_FIRST);
    assert_eq!(chromium.lines.receives, without(&[]));
    let camera = section(&chromium.answer, "1");
    assert!(camera.starts_with("video 9 UDP/TLS/RTP/SAVPF 98 99 96 97 102 103 "), "{camera}");
    let firefox = answer(FIREFOX_VP9_FIRST);
    assert_eq!(firefox.lines.receives, without(&[Codec::Red, Codec::H264]));
    let camera = section(&firefox.answer, "1");
    assert!(camera.starts_with("video 9 UDP/TLS/RTP/SAVPF 121 125 120 124 99 100\r\n"), "{camera}");
}

#[test]
fn other_profiles_are_left_out() {
    let check = |what: &str, put: &str, expect| {
        let offer = offer("96 97 98 99 45 46 102 103 108 109");
        assert!(offer.contains(what));
        assert_eq!(answer(&offer.replace(what, put)).lines.receives, expect, "{put}");
    };
    check("profile-id=0", "profile-id=1", without(&[Codec::Vp9]));
    check("a=fmtp:98 profile-id=0\r\n", "", without(&[]));
    check("profile=0;", "profile=1;", without(&[Codec::Av1]));
    check("level-idx=5;", "level-idx=19;", without(&[Codec::Av1]));
    check("tier=0", "tier=1", without(&[Codec::Av1]));
    check("a=fmtp:45 level-idx=5;profile=0;tier=0\r\n", "", without(&[]));
    check("AV1/90000", "AV1X/90000", without(&[Codec::Av1]));
}

/// The first packet of a key frame.
fn key_frame(codec: Codec) -> Vec<u8> {
    let mut payload = match codec {
        Codec::Vp9 => vec![0xaa, 0x92, 0x34, 0, 7, 0x10, 2, 0x80, 1, 0x68],
        Codec::Av1 => vec![0x28, 0x0b, 0x0a],
        _ => unreachable!("the tests are about the two"),
    };
    payload.resize(1_000, 0x55);
    payload
}

#[test]
fn both_are_taken_from_a_client_also_when_they_are_lost() {
    for codec in [Codec::Vp9, Codec::Av1] {
        let mut pair = Pair::connected(client_config());
        for number in 0..30 {
            let lost_permille = if number == 10 { 1_000 } else { 0 };
            pair.up.set_model(LinkModel { lost_permille, ..LinkModel::default() });
            pair.send(Sent {
                kind: SourceKind::Camera,
                layer: Layer::High,
                codec,
                timestamp: 3_000 * number,
                marker: true,
                level_dbov: None,
                payload: key_frame(codec),
            });
            pair.run(Duration::from_millis(33));
        }
        let mut numbers: Vec<_> = pair.seen.packets.iter().map(|packet| packet.sequence).collect();
        assert!(!numbers.is_sorted(), "the repair came late");
        numbers.sort_unstable();
        assert_eq!(numbers, (5_000..5_030).collect::<Vec<_>>());
        for packet in &pair.seen.packets {
            assert_eq!((packet.codec, packet.layer), (codec, Layer::High));
            assert_eq!(packet.payload[..], key_frame(codec));
        }
    }
}

#[test]
fn both_come_to_a_client_also_when_they_are_lost() {
    let numbers = PictureNumbers { picture_id: Some(0x2345), tl0_picture: Some(77), key_index: None };
    for (codec, patch) in [(Codec::Vp9, Some(numbers)), (Codec::Av1, None)] {
        let mut pair = Pair::connected(client_config());
        for number in 0..30 {
            let lost_permille = if number == 10 { 1_000 } else { 0 };
            pair.down.set_model(LinkModel { lost_permille, ..LinkModel::default() });
            let payload = key_frame(codec).into();
            pair.peer.write(Forward { codec, payload, patch, ..forward(true, 0, number, pair.now) });
            pair.touch();
            pair.run(Duration::from_millis(33));
        }
        let mut expect = key_frame(codec);
        if codec == Codec::Vp9 {
            expect[1..5].copy_from_slice(&[0xa3, 0x45, 0, 77]);
        }
        let mut sequences = Vec::new();
        for got in pair.received() {
            assert_eq!((got.codec, &got.payload[..]), (codec, &expect[..]));
            sequences.push(got.sequence);
        }
        assert!(!sequences.is_sorted(), "the repair came late");
        sequences.sort_unstable();
        assert_eq!(sequences, (100..130).collect::<Vec<_>>());
    }
}
