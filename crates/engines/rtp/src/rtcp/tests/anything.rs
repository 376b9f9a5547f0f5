//! Any bytes at all: reading ends, and what is read keeps what it promises.

use proptest::prelude::*;

use super::{hex, seen};
use crate::rtcp::{Packet, TransportFeedback, packets};

/// Reads everything; how many packets there were.
fn walk(compound: &[u8]) -> usize {
    let mut packets = packets(compound);
    let mut count = 0;
    while let Some(packet) = packets.next() {
        count += 1;
        match packet {
            Ok(packet) => walk_packet(&packet, compound.len()),
            Err(_) => assert_eq!(packets.next(), None, "nothing is read behind an error"),
        }
    }
    assert_eq!(packets.next(), None);
    assert!(count <= compound.len().div_ceil(4), "{count} packets in {} bytes", compound.len());
    count
}

fn walk_packet(packet: &Packet<'_>, bytes: usize) {
    match packet {
        Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => {
            assert!(reports.iter().count() <= 31);
            assert!(reports.iter().all(|report| (-0x80_0000..0x80_0000).contains(&report.packets_lost)));
        }
        Packet::Nack(nack) => assert!((1..=bytes / 4 * 17).contains(&nack.numbers().count())),
        Packet::FullIntraRequest(wish) => assert!((1..=bytes / 8).contains(&wish.media().count())),
        Packet::Remb(remb) => assert!(remb.streams().count() <= 255),
        Packet::TransportFeedback(feedback) => walk_feedback(feedback),
        _ => {}
    }
}

fn walk_feedback(feedback: &TransportFeedback<'_>) {
    assert!(feedback.count > 0 && feedback.reference_us() % 64_000 == 0);
    let mut expected = feedback.first;
    let mut last_us = feedback.reference_us();
    let mut arrivals = feedback.arrivals();
    for left in (0..feedback.count).rev() {
        let (number, arrived_us) = arrivals.next().unwrap();
        assert_eq!((number, arrivals.len()), (expected, usize::from(left)));
        expected = expected.wrapping_add(1);
        let at_us = arrived_us.unwrap_or(last_us);
        let apart_us = at_us - last_us;
        assert!(apart_us % 250 == 0 && (-8_192_000..8_192_000).contains(&apart_us));
        last_us = at_us;
    }
    assert_eq!(arrivals.next(), None);
}

/// A head that fits, before anything; the format and the kind are mostly ones that are read.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let head = (prop_oneof![Just(1_u8), Just(4), Just(15), 0..32_u8], prop_oneof![200..208_u8, 205..207_u8]);
    // Twelve bytes that feedback has, a short count among them, then anything.
    let body = (any::<[u8; 10]>(), prop_oneof![0..40_u16, any::<u16>()], any::<[u8; 4]>());
    let rest = proptest::collection::vec(any::<[u8; 4]>(), 0..40);
    (head, any::<bool>(), body, rest).prop_map(|((format, kind), is_padded, (start, count, time), rest)| {
        let mut bytes = vec![0x80 | u8::from(is_padded && !rest.is_empty()) << 5 | format, kind, 0, 0];
        bytes.extend(start);
        bytes.extend(count.to_be_bytes());
        bytes.extend(time);
        bytes.extend(rest.concat());
        if is_padded && let Some(last) = bytes.last_mut() {
            *last = 1 + *last % 4;
        }
        let words = u16::try_from(bytes.len() / 4 - 1).unwrap();
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        walk(&bytes);
    }

    #[test]
    fn likely_bytes_are_read_or_refused(compound in proptest::collection::vec(likely(), 1..4), cut in 0..500_usize) {
        let bytes = compound.concat();
        walk(&bytes);
        walk(&bytes[..cut.min(bytes.len())]);
    }
}

#[test]
fn most_that_little_bytes_can_say_is_read() {
    // 65,535 numbers of which none arrived, in nine runs; the last is longer than what is left.
    let runs = "1fff".repeat(9);
    let bytes = hex(&format!("8fcd0009 00000001 00000007 fffeffff 80000000 {runs} 0000"));
    assert_eq!(walk(&bytes), 1);
    assert_eq!(seen(&bytes).arrivals().count(), 65_535);
    // A datagram of heads.
    assert_eq!(walk(&hex("80cb0000").repeat(300)), 300);
}
