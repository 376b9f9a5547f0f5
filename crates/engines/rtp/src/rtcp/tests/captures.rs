//! What browsers sent, as the tests of <https://github.com/pion/rtcp> and <https://github.com/olivermichel/webrtc-analysis>
//! publish it.

use super::{all, hex, only, seen};
use crate::rtcp::{Packet, Report, RtcpError};

const COMPOUND: &str = "81c90007 902f9e2e bc5e9a40 00000000 000046e1 00000111 09f36432 00024a79 \
    81ca000c 902f9e2e 0126 \
    7b39633030656239322d316166622d396434392d613437642d3931663634656565363966357d 00000000 \
    81cb0001 902f9e2e \
    81ce0002 902f9e2e 902f9e2e \
    85cd0002 902f9e2e 902f9e2e \
    80cc0003 4baae1ab 4e414d45 41424344";

#[test]
fn compound_of_a_browser_is_read() {
    let bytes = hex(COMPOUND);
    let found: Vec<_> = all(&bytes).into_iter().map(Result::unwrap).collect();
    let Packet::ReceiverReport { stream: 0x902f_9e2e, reports } = found[0] else { panic!("{found:?}") };
    let expected = Report {
        stream: 0xbc5e_9a40,
        fraction_lost: 0,
        packets_lost: 0,
        highest: 0x46e1,
        jitter: 273,
        last_report: 0x09f3_6432,
        delay: 150_137,
    };
    assert_eq!(reports.iter().collect::<Vec<_>>(), [expected]);
    assert_eq!(
        found[1..],
        [
            Packet::Description,
            Packet::Goodbye,
            Packet::PictureLoss { media: 0x902f_9e2e },
            // A request for quick synchronisation, and one of an application.
            Packet::Other { kind: 205 },
            Packet::Other { kind: 204 },
        ]
    );
}

#[test]
fn cut_compound_ends_with_one_error() {
    let bytes = hex(COMPOUND);
    let whole = all(&bytes);
    let ends = [0, 32, 84, 92, 104, 116, 132];
    for end in 0..bytes.len() {
        let found = all(&bytes[..end]);
        let complete = ends.iter().filter(|one| **one <= end).count() - 1;
        assert_eq!(found[..complete], whole[..complete], "{end} bytes");
        let expected: &[_] = if ends.contains(&end) { &[] } else { &[Err(RtcpError::Length)] };
        assert_eq!(&found[complete..], expected, "{end} bytes");
    }
}

/// Milliseconds since the reference time, in quarters of one.
fn check_feedback(text: &str, reference: i64, first: u16, quarters: &[Option<i64>]) {
    let bytes = hex(text);
    let feedback = seen(&bytes);
    assert_eq!((feedback.first, usize::from(feedback.count)), (first, quarters.len()));
    assert_eq!(feedback.reference_us(), reference * 64_000);
    let expected: Vec<_> = (first..)
        .zip(quarters)
        .map(|(number, since)| (number, since.map(|since| reference * 64_000 + since * 250)))
        .collect();
    assert_eq!(feedback.arrivals().collect::<Vec<_>>(), expected);
}

#[test]
fn feedback_as_one_run() {
    check_feedback(
        "afcd0007 00000001 dd586eb6 00010009 5e911000 2009 1c0c2c38000400081801",
        6_197_520,
        1,
        &[28, 40, 84, 140, 140, 144, 144, 152, 176].map(Some),
    );
    check_feedback("afcd0005 fa17fa17 43032fa0 00990001 3de80217 2001 94 01", 4_057_090, 153, &[Some(148)]);
    check_feedback(
        "afcd0007 fa17fa17 193dd8bb 00040007 10636e01 2007 4c2424100c0c10 000003",
        1_074_030,
        4,
        &[76, 112, 148, 164, 176, 188, 204].map(Some),
    );
}

#[test]
fn feedback_as_a_vector_of_one_bit() {
    let mut quarters = vec![Some(16), Some(28), Some(40), None, Some(56)];
    quarters.resize(14, None);
    check_feedback(
        "afcd0006 fa17fa17 193dd8bb 0001000e 10636d00 ba00 100c0c10 0002",
        1_074_029,
        1,
        &quarters,
    );
    check_feedback(
        "afcd0007 fa17fa17 43032fa0 9c14000c 75842000 bec0 c13f3b3f53903b 000003",
        7_701_536,
        39_956,
        &[
            Some(193),
            Some(256),
            Some(315),
            Some(378),
            Some(461),
            None,
            Some(605),
            Some(664),
            None,
            None,
            None,
            None,
        ],
    );
}

#[test]
fn feedback_as_a_vector_of_two_bits_and_a_run_beyond_the_count() {
    check_feedback(
        "afcd0007 9b74f61f 9371dcbc 853c0009 63f916b3 d552 0030 9baa6aaa7b0109 01",
        6_551_830,
        34_108,
        &[Some(155), Some(325), Some(431), Some(601), Some(724), None, Some(989), None, None],
    );
}

#[test]
fn head_of_feedback_is_read() {
    let bytes = hex("afcd0007 9b74f61f 9371dcbc 853c0009 63f916b3 d552 0030 9baa6aaa7b0109 01");
    let feedback = seen(&bytes);
    assert_eq!((feedback.media, feedback.number), (0x9371_dcbc, 0xb3));
}

#[test]
fn reserved_status_counts_within_the_count_alone() {
    let fourteen = hex("afcd0006 fa17fa17 193dd8bb 0174000e 45b15a40 d800 f0ff d00000 03");
    assert_eq!(only(&fourteen), Err(RtcpError::ReservedStatus));
    let seven = hex("afcd0006 fa17fa17 193dd8bb 01740007 45b15a40 d800 f0ff d00000 03");
    assert_eq!(seen(&seven).arrivals().filter(|(_, arrival)| arrival.is_some()).count(), 2);
}

#[test]
fn feedback_about_nothing_is_refused() {
    assert_eq!(only(&hex("8fcd0004 9acb0442 00000000 00000000 00000000")), Err(RtcpError::Empty));
}

#[test]
fn feedback_without_all_times_is_refused() {
    for text in [
        "afcd0005 fa17fa17 43032fa0 00990003 3de80217 2003 94 01",
        "afcd0005 fa17fa17 43032fa0 00990002 3de80217 4002 94 01",
    ] {
        assert_eq!(only(&hex(text)), Err(RtcpError::Length), "{text}");
    }
}

#[test]
fn guess_of_a_browser_is_read() {
    let bytes = hex("8fce0005 00000001 00000000 52454d42 011a20df 4874ed16");
    let Ok(Packet::Remb(remb)) = only(&bytes) else { panic!("{:?}", only(&bytes)) };
    assert_eq!((remb.bps, remb.streams().collect::<Vec<_>>()), (8_927_168, vec![1_215_622_422]));
}
