//! Transport-wide feedback: written here chunk by chunk, in any way the draft allows.

use proptest::prelude::*;

use super::{hex, only, seen};
use crate::rtcp::RtcpError;
use crate::rtcp::testing::{Seen, write_transport_feedback};

/// When the reference time starts again.
const REFERENCE_PERIOD_US: i64 = 64_000 << 24;

#[test]
fn times_go_back_and_forth() {
    // Two bytes, one, none, two: -1 tick, 255 ticks, the least there is.
    let bytes = hex("8fcd0006 00000001 00000007 ffff0004 00000105 e480 ffff ff 8000 00");
    let feedback = seen(&bytes);
    assert_eq!((feedback.number, feedback.reference_us()), (5, 64_000));
    let expected = [(0xffff, Some(63_750)), (0, Some(127_500)), (1, None), (2, Some(127_500 - 8_192_000))];
    assert_eq!(feedback.arrivals().collect::<Vec<_>>(), expected);
}

#[test]
fn reference_time_has_a_sign() {
    for (digits, reference) in [("7fffff", 0x7f_ffff), ("800000", -0x80_0000), ("ffffff", -1_i64)] {
        let bytes = hex(&format!("8fcd0005 00000001 00000007 00010001 {digits}00 20010000"));
        assert_eq!(seen(&bytes).reference_us(), reference * 64_000);
        assert_eq!(seen(&bytes).arrivals().collect::<Vec<_>>(), [(1, Some(reference * 64_000))]);
    }
}

#[test]
fn reserved_status_of_a_run_is_refused() {
    let run = "8fcd0005 00000001 00000007 00010018 00000000 60180000";
    assert_eq!(only(&hex(run)), Err(RtcpError::ReservedStatus));
    // A run of none says nothing.
    let none = hex("8fcd0006 00000001 00000007 00010002 00000000 6000 0000 4000 0002");
    assert_eq!(seen(&none).arrivals().collect::<Vec<_>>(), [(1, None), (2, None)]);
}

#[test]
fn chunks_that_end_early_are_refused() {
    let bytes = hex("8fcd0005 00000001 00000007 0001000f 00000000 8000 0000");
    assert_eq!(only(&bytes), Err(RtcpError::Length));
}

#[test]
fn long_loss_takes_several_runs() {
    let mut arrivals_us = vec![None; 20_000];
    arrivals_us[0] = Some(1_000);
    arrivals_us[19_999] = Some(2_000);
    let mut bytes = Vec::new();
    write_transport_feedback(
        &mut bytes,
        &Seen { media: 3, number: 4, first: 60_000, arrivals_us: &arrivals_us },
    );
    assert!(bytes.len() <= 36, "{} bytes", bytes.len());
    let read: Vec<_> = seen(&bytes).arrivals().filter(|(_, arrived_us)| arrived_us.is_some()).collect();
    let last = 60_000_u16.wrapping_add(19_999);
    assert_eq!(read, [(60_000, Some(1_000)), (last, Some(2_000))]);
}

/// One chunk as the draft draws it.
#[derive(Clone, Debug)]
enum Drawn {
    /// That many of one status (§3.1.3).
    Run(u8, u16),
    /// Lost or with one byte of time (§3.1.4).
    Narrow([bool; 14]),
    /// Of any status (§3.1.4).
    Wide([u8; 7]),
}

impl Drawn {
    fn statuses(&self) -> Vec<u8> {
        match self {
            Self::Run(status, length) => vec![*status; usize::from(*length)],
            Self::Narrow(arrived) => arrived.map(u8::from).to_vec(),
            Self::Wide(statuses) => statuses.to_vec(),
        }
    }

    /// Its bits, as digits.
    fn digits(&self) -> String {
        match self {
            Self::Run(status, length) => format!("0{status:02b}{length:013b}"),
            Self::Narrow(_) => {
                "10".to_owned() + &self.statuses().iter().map(u8::to_string).collect::<String>()
            }
            Self::Wide(statuses) => {
                "11".to_owned() + &statuses.iter().map(|status| format!("{status:02b}")).collect::<String>()
            }
        }
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    prop_oneof![
        (0..3_u8, 0..40_u16).prop_map(|(status, length)| Drawn::Run(status, length)),
        any::<[bool; 14]>().prop_map(Drawn::Narrow),
        proptest::array::uniform7(0..3_u8).prop_map(Drawn::Wide),
    ]
}

/// What was written, and what must be read.
#[derive(Debug)]
struct Written {
    bytes: Vec<u8>,
    first: u16,
    reference: i64,
    arrivals: Vec<Option<i64>>,
}

/// The count ends within the last chunk; `times` are used over and over.
fn write(chunks: &[Drawn], cut: usize, first: u16, reference: i32, times: &[i16]) -> Option<Written> {
    let mut statuses: Vec<u8> = chunks.iter().flat_map(Drawn::statuses).collect();
    let in_last = chunks.last()?.statuses().len();
    statuses.truncate(statuses.len() - cut % in_last.max(1));
    if statuses.is_empty() || in_last == 0 {
        return None;
    }
    let mut body = vec![0, 0, 0, 1, 0, 0, 0, 7];
    body.extend(first.to_be_bytes());
    body.extend(u16::try_from(statuses.len()).ok()?.to_be_bytes());
    body.extend(&reference.to_be_bytes()[1..]);
    body.push(9);
    for chunk in chunks {
        body.extend(u16::from_str_radix(&chunk.digits(), 2).unwrap().to_be_bytes());
    }
    let mut times = times.iter().cycle();
    let mut ticks = 0;
    let mut arrivals = Vec::new();
    for status in statuses {
        let time = *times.next()?;
        match status {
            0 => arrivals.push(None),
            1 => {
                let small = time.to_be_bytes()[1];
                body.push(small);
                ticks += i64::from(small);
                arrivals.push(Some(ticks));
            }
            _ => {
                body.extend(time.to_be_bytes());
                ticks += i64::from(time);
                arrivals.push(Some(ticks));
            }
        }
    }
    let padding = (4 - body.len() % 4) % 4;
    body.resize(body.len() + padding, 0);
    if padding > 0 {
        *body.last_mut()? = u8::try_from(padding).ok()?;
    }
    let mut bytes = vec![0x8f | u8::from(padding > 0) << 5, 205];
    bytes.extend(u16::try_from(body.len() / 4).ok()?.to_be_bytes());
    bytes.extend(body);
    Some(Written { bytes, first, reference: i64::from(reference), arrivals })
}

proptest! {
    #[test]
    fn what_is_drawn_is_read(
        chunks in proptest::collection::vec(drawn(), 1..12),
        cut in 0..40_usize,
        first: u16,
        reference in -0x80_0000..0x80_0000_i32,
        times in proptest::collection::vec(any::<i16>(), 1..40),
    ) {
        let written = write(&chunks, cut, first, reference, &times);
        prop_assume!(written.is_some());
        let written = written.unwrap();
        let feedback = seen(&written.bytes);
        prop_assert_eq!((feedback.media, feedback.number), (7, 9));
        prop_assert_eq!(feedback.reference_us(), written.reference * 64_000);
        let (numbers, arrivals): (Vec<u16>, Vec<Option<i64>>) = feedback.arrivals().unzip();
        let expected: Vec<u16> = (0..feedback.count).map(|at| written.first.wrapping_add(at)).collect();
        prop_assert_eq!(numbers, expected);
        let ticks = |arrived_us: i64| (arrived_us - written.reference * 64_000) / 250;
        let read: Vec<_> = arrivals.into_iter().map(|arrived_us| arrived_us.map(ticks)).collect();
        prop_assert_eq!(read, written.arrivals);
    }

    #[test]
    fn feedback_without_its_last_byte_is_refused(
        chunks in proptest::collection::vec(drawn(), 1..12),
        times in proptest::collection::vec(any::<i16>(), 1..40),
    ) {
        let written = write(&chunks, 0, 1, 1, &times);
        prop_assume!(written.is_some());
        let mut bytes = written.unwrap().bytes;
        // One byte more of padding, and of four a word more.
        let padding = if bytes[0] & 0x20 == 0 { 0 } else { *bytes.last().unwrap() };
        bytes[0] |= 0x20;
        *bytes.last_mut().unwrap() = padding + 1;
        prop_assert_eq!(only(&bytes), Err(RtcpError::Length));
    }

    #[test]
    fn what_a_client_writes_is_read(
        first: u16,
        start in 0..0x7f_ffff_i64 * 256,
        steps in proptest::collection::vec(
            prop_oneof![
                3 => (0..256_i64).prop_map(Some),
                1 => (-0x7f00..0x7f00_i64).prop_map(Some),
                2 => Just(None),
            ],
            1..400,
        ),
        copies in 1..40_usize,
    ) {
        let mut ticks = start;
        let arrivals_us: Vec<Option<i64>> = steps
            .iter()
            .flat_map(|step| std::iter::repeat_n(*step, if step.is_none() { copies } else { 1 }))
            .map(|step| {
                ticks += step?;
                Some(ticks * 250)
            })
            .collect();
        let written = Seen { media: 3, number: 4, first, arrivals_us: &arrivals_us };
        let mut bytes = Vec::new();
        write_transport_feedback(&mut bytes, &written);
        let feedback = seen(&bytes);
        prop_assert_eq!((feedback.media, feedback.number, feedback.first), (3, 4, first));
        let read: Vec<_> = feedback.arrivals().map(|(_, arrived_us)| arrived_us).collect();
        // The reference time has 24 bits: what starts near their end wraps.
        let wraps_us = arrivals_us.iter().flatten().next().map_or(0, |start_us| {
            (start_us.div_euclid(64_000) + (1 << 23)).div_euclid(1 << 24) * REFERENCE_PERIOD_US
        });
        let read: Vec<_> = read.into_iter().map(|at_us| at_us.map(|at_us| at_us + wraps_us)).collect();
        prop_assert_eq!(read, arrivals_us);
    }
}
