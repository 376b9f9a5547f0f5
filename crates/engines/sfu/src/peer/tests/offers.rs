//! Offers of real clients, and what becomes of them when they are changed.

use proptest::prelude::*;

use super::harness::{accept, peer_config};
use crate::peer::offer::{LINE_BYTES_MAX, MEDIA_LINES_MAX, Role, SDP_BYTES_MAX, check};
use crate::{Accepted, Codec, CodecSet, Layer, NamedMids, Now, OfferError, Peer};

pub(super) const CHROMIUM: &str = include_str!("offers/chromium-156-offer.sdp");
const FIREFOX: &str = include_str!("offers/firefox-153-offer.sdp");
const AIORTC: &str = include_str!("offers/aiortc-1.16-offer.sdp");

pub(super) fn answer(offer: &str) -> Accepted {
    accept(&mut Peer::new(&peer_config(), Now::ZERO), offer, 1, Now::ZERO).unwrap()
}

fn refusal(offer: &str) -> OfferError {
    accept(&mut Peer::new(&peer_config(), Now::ZERO), offer, 1, Now::ZERO).unwrap_err()
}

fn codecs(codecs: &[Codec]) -> CodecSet {
    codecs.iter().copied().collect()
}

/// Without its last media line, which is taken out of the group as well.
pub(super) fn without_last_line(offer: &str) -> String {
    let at = offer.rfind("\nm=").unwrap() + 1;
    let group = offer.lines().find(|line| line.starts_with("a=group:")).unwrap();
    offer[..at].replace(group, group.rsplit_once(' ').unwrap().0)
}

/// The section of the answer with a `mid`.
pub(super) fn section(answer: &str, mid: &str) -> String {
    let sections: Vec<_> = answer.split("\r\nm=").collect();
    let found = sections.iter().find(|section| section.contains(&format!("a=mid:{mid}\r\n"))).unwrap();
    format!("{found}\r\n")
}

#[test]
fn chromium_is_answered() {
    let accepted = answer(CHROMIUM);
    assert_eq!((accepted.lines.audio, accepted.lines.video, accepted.has_data), (4, 4, true));
    assert_eq!(accepted.lines.receives, codecs(&[Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264]));
    assert!(accepted.answer.contains("a=ice-lite\r\n"));
    let mic = section(&accepted.answer, "0");
    assert!(mic.starts_with("audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n"), "Opus before RED: {mic}");
    assert!(
        mic.contains("a=fmtp:111 minptime=10;usedtx=1;useinbandfec=1;maxaveragebitrate=40000\r\n"),
        "{mic}"
    );
    assert!(
        mic.contains("a=recvonly\r\n")
            && mic.contains("a=setup:passive\r\n")
            && mic.contains("a=end-of-candidates"),
        "{mic}"
    );
    let camera = section(&accepted.answer, "1");
    assert!(camera.contains("a=simulcast:recv q;h;f\r\n"), "{camera}");
    assert!(camera.starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97 "), "VP8 first: {camera}");
    for (mid, stream) in [("3", "s0 a0"), ("6", "s3 a3"), ("7", "s0 v0"), ("10", "s3 v3")] {
        let slot = section(&accepted.answer, mid);
        assert!(slot.contains("a=sendonly\r\n") && slot.contains(&format!("a=msid:{stream}\r\n")), "{slot}");
        assert_eq!(slot.matches("a=msid:").count(), 1);
        assert!(!slot.contains(" msid:"), "{slot}");
    }
}

#[test]
fn congestion_is_told_of_pictures_and_not_of_voices() {
    let accepted = answer(CHROMIUM);
    // Packets without the number are not reported, whatever `rtcp-fb` says.
    let has_feedback = |mid| section(&accepted.answer, mid).contains("transport-wide-cc");
    let (mic, camera, voice, picture) = ("0", "1", "3", "7");
    assert!([mic, camera, picture].into_iter().all(has_feedback));
    assert!(!has_feedback(voice));
}

#[test]
fn candidates_of_udp_stand_first_and_the_clients_own_are_not_used() {
    let accepted = answer(AIORTC);
    let candidates: Vec<_> =
        accepted.answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert_eq!(candidates.len(), 2, "{candidates:?}");
    assert!(
        candidates[0].contains(" udp ")
            && candidates[1].contains(" tcp ")
            && candidates[1].ends_with(" tcptype passive"),
        "{candidates:?}"
    );
    let plan = check(AIORTC, &NamedMids::default(), None).unwrap();
    assert!(AIORTC.contains("candidate") && !plan.cleaned.contains("candidate"));
    assert!(!plan.cleaned.contains("sha-384") && plan.cleaned.contains("a=fingerprint:sha-256 "));
}

#[test]
fn firefox_is_answered() {
    let accepted = answer(FIREFOX);
    assert_eq!((accepted.lines.audio, accepted.lines.video, accepted.has_data), (2, 2, true));
    assert_eq!(accepted.lines.receives, codecs(&[Codec::Opus, Codec::Vp8]));
    assert!(section(&accepted.answer, "0").starts_with("audio 9 UDP/TLS/RTP/SAVPF 109\r\n"));
    assert!(section(&accepted.answer, "1").contains("a=simulcast:recv "));
}

#[test]
fn aiortc_is_answered() {
    let accepted = answer(AIORTC);
    assert_eq!((accepted.lines.audio, accepted.lines.video, accepted.has_data), (1, 1, true));
    assert_eq!(accepted.lines.receives, codecs(&[Codec::Opus, Codec::Vp8, Codec::H264]));
}

#[test]
fn red_is_for_clients_with_the_usual_number_of_opus() {
    let other = answer(&CHROMIUM.replace("111", "112"));
    assert_eq!(other.lines.receives, codecs(&[Codec::Opus, Codec::Vp8, Codec::H264]));
}

#[test]
fn transport_feedback_is_found_where_it_is() {
    for (offer, has) in [(CHROMIUM, true), (FIREFOX, true), (AIORTC, false)] {
        assert_eq!(check(offer, &NamedMids::default(), None).unwrap().has_transport_feedback, has);
    }
}

#[test]
fn layers_are_found_by_name_or_by_order() {
    let layers = |offer: &str| check(offer, &NamedMids::default(), None).unwrap().lines[1].rids.clone();
    let named = |names: [&str; 3]| names.map(str::to_owned).into_iter().zip(Layer::ALL).collect::<Vec<_>>();
    assert_eq!(layers(CHROMIUM), named(["q", "h", "f"]));
    assert_eq!(layers(&CHROMIUM.replace("send q;h;f", "send f;~h;q")), named(["q", "h", "f"]));
    let other = CHROMIUM
        .replace("a=rid:q ", "a=rid:0 ")
        .replace("a=rid:h ", "a=rid:1 ")
        .replace("a=rid:f ", "a=rid:2 ");
    assert_eq!(layers(&other.replace("send q;h;f", "send 2;1;0")), named(["2", "1", "0"]));
}

#[test]
fn names_take_the_place_of_order() {
    let mids = NamedMids { mic: Some("4".to_owned()), camera: None, screen: Some("9".to_owned()) };
    let offer = without_line_rules(CHROMIUM, &["4", "9"]);
    let plan = check(&offer, &mids, None).unwrap();
    let role = |mid: &str| plan.lines.iter().find(|line| line.mid == mid).unwrap().role;
    assert_eq!(
        (role("4"), role("9"), role("0"), role("2"), role("11")),
        (Role::Mic, Role::Screen, Role::AudioSlot, Role::VideoSlot, Role::Data)
    );
    let mids = NamedMids { mic: Some("99".to_owned()), ..NamedMids::default() };
    let offer = without_line_rules(CHROMIUM, &[]);
    assert_eq!(check(&offer, &mids, None), Err(OfferError::Missing("line of its kind for a name in `mids`")));
}

/// All lines receive but those named, and none has layers.
fn without_line_rules(offer: &str, sending: &[&str]) -> String {
    let sections: Vec<String> = offer
        .split("\r\nm=")
        .map(|section| {
            let sends = sending.iter().any(|mid| section.contains(&format!("a=mid:{mid}\r\n")));
            let direction = if sends { "a=sendonly" } else { "a=recvonly" };
            let lines = section
                .split("\r\n")
                .filter(|line| !line.starts_with("a=rid") && !line.starts_with("a=simulcast"));
            lines
                .map(|line| if matches!(line, "a=sendonly" | "a=recvonly") { direction } else { line })
                .collect::<Vec<_>>()
                .join("\r\n")
        })
        .collect();
    sections.join("\r\nm=")
}

#[test]
fn a_client_that_only_listens_is_answered() {
    let offer = CHROMIUM.replace("a=sendonly", "a=inactive");
    assert_eq!((answer(&offer).lines.audio, answer(&offer).lines.video), (4, 4));
}

#[test]
fn every_rule_has_its_refusal() {
    let with = |what: &str, put: &str| {
        assert!(CHROMIUM.contains(what), "{what}");
        refusal(&CHROMIUM.replacen(what, put, 1))
    };
    let line = |line, what| OfferError::Line { line, what };
    assert_eq!(refusal(""), OfferError::Missing("media line"));
    assert_eq!(refusal("nonsense"), OfferError::Malformed(0));
    assert_eq!(with("s=-", "s"), OfferError::Malformed(2));
    assert_eq!(
        with("a=extmap-allow-mixed", "a=ice-lite"),
        OfferError::Missing("full ICE: this client is ICE-lite, as the server is")
    );
    assert_eq!(
        with("a=group:BUNDLE 0 1 ", "a=group:BUNDLE 1 0 "),
        OfferError::Missing("group of BUNDLE with all lines in their order")
    );
    assert_eq!(with("a=group:BUNDLE", "a=group:LS"), OfferError::Missing("group of BUNDLE"));
    assert_eq!(
        refusal(&CHROMIUM.replace("a=setup:actpass", "a=setup:passive")),
        OfferError::Missing("setup of `actpass` or `active`: the server is passive")
    );
    assert_eq!(refusal(&CHROMIUM.replace("a=ice-ufrag:", "a=ice-x:")), OfferError::Missing("ice-ufrag"));
    assert_eq!(refusal(&CHROMIUM.replace("a=ice-pwd:", "a=ice-pwd: ")), OfferError::Missing("ice-pwd"));
    assert_eq!(
        refusal(&CHROMIUM.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1")),
        OfferError::Missing("sha-256 fingerprint")
    );
    assert_eq!(
        with("a=sendonly", "a=sendrecv"),
        line(0, "a line for sending is neither sendonly nor inactive")
    );
    assert_eq!(
        with("a=recvonly", "a=sendonly"),
        line(3, "a line for receiving is neither recvonly nor inactive")
    );
    assert_eq!(with("a=sendonly", "a=sendonly\r\na=inactive"), line(0, "it has not exactly one direction"));
    assert_eq!(with("a=rtcp-mux\r\n", ""), line(0, "it has no rtcp-mux"));
    assert_eq!(with("a=mid:1\r\n", "a=mid:0\r\n"), line(1, "its mid is that of another line"));
    assert_eq!(with("a=mid:0\r\n", ""), line(0, "it has not exactly one mid"));
    assert_eq!(with("a=mid:0\r\n", "a=mid:{0}\r\n"), line(0, "its mid is not 1 to 16 letters and digits"));
    assert_eq!(
        with("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP"),
        line(0, "its protocol is not UDP/TLS/RTP/SAVPF")
    );
    assert_eq!(with("m=audio 9", "m=text 9"), line(0, "only audio, video and application are taken"));
    assert_eq!(
        with("SAVPF 111 63", "SAVPF 111 111"),
        line(0, "a payload type is over 127 or there twice, or there are too many")
    );
    assert_eq!(with("SAVPF 111 63", "SAVPF 111 64"), line(0, "a payload type has not exactly one rtpmap"));
    assert_eq!(with("SAVPF 111 63", "SAVPF opus"), line(0, "a payload type is no number"));
    assert_eq!(with("a=rid:q send", "a=rid:q recv"), line(1, "a rid is not for sending"));
    assert_eq!(
        with("a=rid:q send", "a=rid:quarterly send"),
        line(1, "a rid is not 1 to 8 letters and digits, or is there twice")
    );
    assert_eq!(with("send q;h;f", "send q;h;x"), line(1, "its simulcast names other layers than its rids"));
    assert_eq!(with("send q;h;f", "send q,h;f"), line(1, "its simulcast has alternatives"));
    assert_eq!(with("a=mid:2\r\n", "a=mid:2\r\na=rid:q send\r\n"), line(2, "only the camera has layers"));
    assert_eq!(
        with("webrtc-datachannel", "5000"),
        line(11, "its protocol is not UDP/DTLS/SCTP webrtc-datachannel")
    );
    let streams: String = (1..=9).map(|ssrc| format!("a=ssrc:{ssrc} cname:x\r\n")).collect();
    assert_eq!(with("a=mid:2\r\n", &format!("a=mid:2\r\n{streams}")), line(2, "it has more than 8 streams"));
}

#[test]
fn sizes_are_bounded_before_anything_is_read() {
    assert_eq!(refusal(&"x".repeat(SDP_BYTES_MAX + 1)), OfferError::TooLong(SDP_BYTES_MAX + 1));
    assert_eq!(
        refusal(&CHROMIUM.replacen("s=-", &format!("s={}", "-".repeat(LINE_BYTES_MAX)), 1)),
        OfferError::LineTooLong(2)
    );
    let lines: String =
        (0..=MEDIA_LINES_MAX).map(|_| "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".to_owned()).collect();
    assert_eq!(refusal(&format!("v=0\r\na=setup:actpass\r\n{lines}")), OfferError::TooManyLines);
    let attributes = "a=x\r\n".repeat(1_000);
    assert!(matches!(
        refusal(&CHROMIUM.replacen("a=mid:0\r\n", &format!("a=mid:0\r\n{attributes}"), 1)),
        OfferError::Malformed(_)
    ));
}

#[test]
fn slots_are_bounded() {
    let at = CHROMIUM.rfind("m=audio").unwrap();
    let end = at + CHROMIUM[at..].find("\r\nm=").unwrap() + 2;
    let one = CHROMIUM[at..end].to_owned();
    let app = CHROMIUM.find("m=application").unwrap();
    let more: String =
        (0..14).map(|number| one.replace("a=mid:6\r\n", &format!("a=mid:x{number}\r\n"))).collect();
    let offer = format!("{}{more}{}", &CHROMIUM[..app], &CHROMIUM[app..]);
    assert_eq!(
        refusal(&offer),
        OfferError::Line { line: 23, what: "more receiving lines than can be filled" }
    );
}

/// One change to an offer.
#[derive(Clone, Debug)]
enum Change {
    Remove(usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Byte(usize, u8),
    Cut(usize),
    Insert(usize, String),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        at().prop_map(Change::Remove),
        (at(), 1..40_usize).prop_map(|(at, times)| Change::Repeat(at, times)),
        (at(), at()).prop_map(|(one, two)| Change::Swap(one, two)),
        (at(), 0x20..0x7f_u8).prop_map(|(at, byte)| Change::Byte(at, byte)),
        at().prop_map(Change::Cut),
        (at(), "[a-z]=[ -~]{0,60}").prop_map(|(at, line)| Change::Insert(at, line)),
        (at(), "a=(rtpmap|fmtp|rtcp-fb|extmap|ssrc|ssrc-group|rid|simulcast|mid|msid|candidate|fingerprint|setup|group|sctp-port|max-message-size|crypto|imageattr|ice-options):[ -~]{0,40}").prop_map(|(at, line)| Change::Insert(at, line)),
    ]
}

fn offers() -> [String; 4] {
    [CHROMIUM.to_owned(), FIREFOX.to_owned(), AIORTC.to_owned(), super::codecs::offer_with_vp9_first()]
}

fn changed(offer: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
    for change in changes {
        if lines.is_empty() {
            break;
        }
        let count = lines.len();
        match change {
            Change::Remove(at) => drop(lines.remove(at % count)),
            Change::Repeat(at, times) => {
                let line = lines[at % count].clone();
                lines.splice(at % count..at % count, vec![line; *times]);
            }
            Change::Swap(one, two) => lines.swap(one % count, two % count),
            Change::Byte(at, byte) => {
                let line = &mut lines[at % count];
                if !line.is_empty() {
                    let place = at / count % line.len();
                    line.replace_range(place..=place, &char::from(*byte).to_string());
                }
            }
            Change::Cut(at) => lines.truncate(at % count),
            Change::Insert(at, line) => lines.insert(at % count, line.clone()),
        }
    }
    lines.join("\r\n") + "\r\n"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Real offers with some changes: an answer or a reason, never a panic; and what passes the check is taken.
    #[test]
    fn changed_offers_are_answered_or_refused(which in 0..4_usize, changes in prop::collection::vec(change(), 1..8)) {
        let offer = changed(&offers()[which], &changes);
        let mut peer = Peer::new(&peer_config(), Now::ZERO);
        match accept(&mut peer, &offer, 1, Now::ZERO) {
            Ok(accepted) => prop_assert!(accepted.answer.starts_with("v=0\r\n")),
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
        }
    }

    /// The same as a later offer.
    #[test]
    fn changed_offers_do_not_break_a_peer(which in 0..4_usize, changes in prop::collection::vec(change(), 1..4)) {
        let offer = &offers()[which];
        let mut peer = Peer::new(&peer_config(), Now::ZERO);
        accept(&mut peer, offer, 1, Now::ZERO).unwrap();
        let changed = accept(&mut peer, &changed(offer, &changes), 2, Now::ZERO);
        // The library refuses nothing that has passed the check: it could leave the connection half changed.
        prop_assert!(!matches!(changed, Err(OfferError::Refused(_))), "{:?}", changed);
        let again = accept(&mut peer, offer, 3, Now::ZERO);
        // Lines that were added stay; all else must be as before.
        prop_assert!(matches!(again, Ok(_) | Err(OfferError::Changed(_))), "{:?}", again);
    }

    #[test]
    fn any_text_is_refused_in_peace(text in "\\PC{0,400}") {
        prop_assert!(check(&text, &NamedMids::default(), None).is_err());
    }
}
