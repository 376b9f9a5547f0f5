//! Reports and feedback of one who receives media.

use std::collections::BTreeSet;

use trunkline_rtp::rtcp::testing::{Seen, write_nack, write_receiver_report, write_transport_feedback};
use trunkline_rtp::rtcp::{Nack, Packet, Reports, TransportFeedback, packets};

/// What two arrivals can lie apart, in microseconds: two bytes of ticks.
const APART_MAX_US: i64 = 8_192_000;

/// The bytes are one datagram, as it is once it was opened.
pub(crate) fn run(bytes: &[u8]) {
    let mut packets = packets(bytes);
    let mut count = 0;
    while let Some(packet) = packets.next() {
        count += 4;
        match packet {
            Ok(packet) => look(&packet, bytes.len()),
            Err(_) => assert_eq!(packets.next(), None, "nothing is read behind an error"),
        }
    }
    assert_eq!(packets.next(), None);
    assert!(count < bytes.len() + 4, "every packet has a head");
}

fn look(packet: &Packet<'_>, bytes: usize) {
    match packet {
        Packet::ReceiverReport { stream, reports } | Packet::SenderReport { stream, reports } => {
            write_reports_again(*stream, *reports);
        }
        Packet::Nack(nack) => write_missing_again(*nack),
        Packet::FullIntraRequest(wish) => assert!((1..=bytes / 8).contains(&wish.media().count())),
        Packet::Remb(remb) => assert!(remb.streams().count() <= bytes / 4),
        Packet::TransportFeedback(feedback) => write_feedback_again(feedback),
        _ => {}
    }
}

fn write_reports_again(stream: u32, reports: Reports<'_>) {
    let said: Vec<_> = reports.iter().collect();
    let mut written = Vec::new();
    write_receiver_report(&mut written, stream, &said);
    let Some(Ok(Packet::ReceiverReport { stream: again, reports })) = packets(&written).next() else {
        panic!("what is written is read: {written:02x?}")
    };
    assert!(again == stream && reports.iter().eq(said));
}

fn write_missing_again(nack: Nack<'_>) {
    let numbers: BTreeSet<u16> = nack.numbers().collect();
    let mut written = Vec::new();
    write_nack(&mut written, nack.media, &numbers.iter().copied().collect::<Vec<_>>());
    let Some(Ok(Packet::Nack(again))) = packets(&written).next() else {
        panic!("what is written is read: {written:02x?}")
    };
    assert!(again.media == nack.media && again.numbers().eq(numbers), "each once, in order");
}

fn write_feedback_again(feedback: &TransportFeedback<'_>) {
    let (numbers, arrivals_us): (Vec<u16>, Vec<Option<i64>>) = feedback.arrivals().unzip();
    assert_eq!(numbers.len(), usize::from(feedback.count));
    let expected = (0..feedback.count).map(|at| feedback.first.wrapping_add(at));
    assert!(numbers.into_iter().eq(expected));
    let mut last_us = feedback.reference_us();
    for at_us in arrivals_us.iter().flatten() {
        let apart_us = at_us - last_us;
        assert!((-APART_MAX_US..APART_MAX_US).contains(&apart_us) && apart_us % 250 == 0);
        last_us = *at_us;
    }

    let seen = Seen {
        media: feedback.media,
        number: feedback.number,
        first: feedback.first,
        arrivals_us: &arrivals_us,
    };
    let mut written = Vec::new();
    write_transport_feedback(&mut written, &seen);
    let Some(Ok(Packet::TransportFeedback(again))) = packets(&written).next() else {
        panic!("what is written is read: {written:02x?}")
    };
    assert_eq!((again.media, again.number, again.first), (feedback.media, feedback.number, feedback.first));
    // The reference time is another, and may wrap.
    let wrapped_us = |at_us: i64| at_us.rem_euclid(64_000 << 24);
    let times = again.arrivals().map(|(_, at_us)| at_us.map(wrapped_us));
    assert!(times.eq(arrivals_us.iter().map(|at_us| at_us.map(wrapped_us))));
}
