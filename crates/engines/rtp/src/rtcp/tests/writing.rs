//! What is written, byte by byte, and read again.

use super::{all, hex, only};
use crate::rtcp::{Packet, SenderInfo, write_description, write_goodbye, write_sender_report};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn sender_report_is_as_the_rfc_draws_it() {
    let info = SenderInfo {
        stream: 0x1234_5678,
        ntp: 0x1112_1418_2224_2628,
        rtp_time: 0x3334_3536,
        packets: 0x4445_4647,
        bytes: 0x5556_5758,
    };
    let bytes = written(|out| write_sender_report(out, &info));
    assert_eq!(bytes, hex("80c80006 12345678 11121418 22242628 33343536 44454647 55565758"));
    let Ok(Packet::SenderReport { stream: 0x1234_5678, reports }) = only(&bytes) else { panic!() };
    assert_eq!(reports.iter().len(), 0);
}

#[test]
fn name_ends_with_a_zero_and_fills_its_word() {
    for (name, expected) in [
        ("", "81ca0002 00000007 01 00 00 00"),
        ("a", "81ca0002 00000007 01 01 61 00"),
        ("ab", "81ca0003 00000007 01 02 6162 00 000000"),
        ("abcde", "81ca0003 00000007 01 05 6162636465 00"),
    ] {
        let bytes = written(|out| write_description(out, 7, name));
        assert_eq!(bytes, hex(expected), "{name}");
        assert_eq!(only(&bytes), Ok(Packet::Description));
    }
}

#[test]
fn long_name_is_cut_between_characters() {
    for (name, length) in [("x".repeat(300), 255), ("ü".repeat(200), 254), ("€".repeat(85), 255)] {
        let bytes = written(|out| write_description(out, 7, &name));
        assert_eq!(usize::from(bytes[9]), length);
        assert_eq!(bytes[10..10 + length], name.as_bytes()[..length]);
        assert!(bytes[10 + length..].iter().all(|byte| *byte == 0) && bytes.len() > 10 + length);
        assert_eq!(only(&bytes), Ok(Packet::Description));
    }
}

#[test]
fn goodbye_takes_as_many_packets_as_it_needs() {
    assert_eq!(written(|out| write_goodbye(out, &[])), []);
    assert_eq!(written(|out| write_goodbye(out, &[1, 2])), hex("82cb0002 00000001 00000002"));
    let streams: Vec<u32> = (0..32).collect();
    let bytes = written(|out| write_goodbye(out, &streams));
    assert_eq!(all(&bytes), [Ok(Packet::Goodbye); 2]);
    assert_eq!((bytes[0], bytes[128..].to_vec()), (0x9f, hex("81cb0001 0000001f")));
}

#[test]
fn packets_are_appended() {
    let info = SenderInfo { stream: 7, ntp: 1, rtp_time: 2, packets: 3, bytes: 4 };
    let bytes = written(|out| {
        write_sender_report(out, &info);
        write_description(out, 7, "name");
        write_goodbye(out, &[7]);
    });
    let kinds: Vec<_> = all(&bytes).into_iter().map(Result::unwrap).collect();
    assert!(matches!(kinds[..], [Packet::SenderReport { .. }, Packet::Description, Packet::Goodbye]));
}
