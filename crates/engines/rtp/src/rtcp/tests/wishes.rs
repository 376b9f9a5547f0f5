//! Reports and wishes, by the layouts of the RFCs.

use super::{hex, only};
use crate::rtcp::testing::{write_nack, write_picture_loss, write_receiver_report};
use crate::rtcp::{Packet, Report, RtcpError};

fn check_nack(text: &str, expected: &[u16]) {
    let bytes = hex(text);
    let Ok(Packet::Nack(nack)) = only(&bytes) else { panic!("{:?}", only(&bytes)) };
    assert_eq!((nack.media, nack.numbers().collect::<Vec<_>>()), (0x2345_6789, expected.to_vec()));
    let mut written = Vec::new();
    write_nack(&mut written, nack.media, expected);
    assert_eq!(written, bytes, "a client writes the same");
}

#[test]
fn missing_numbers_are_read() {
    check_nack("81cd0003 00000001 23456789 00000000", &[0]);
    check_nack("81cd0003 00000001 23456789 00008085", &[0, 1, 3, 8, 16]);
    let all: Vec<u16> = (100..=116).collect();
    check_nack("81cd0003 00000001 23456789 0064ffff", &all);
}

#[test]
fn missing_numbers_wrap() {
    check_nack(
        "81cd0006 00000001 23456789 ffdc8000 fffe0017 00140000 00640000",
        &[0xffdc, 0xffec, 0xfffe, 0xffff, 0, 1, 3, 0x14, 0x64],
    );
}

#[test]
fn wish_for_nothing_is_refused() {
    for text in ["81cd0002 00000001 23456789", "84ce0002 00000001 00000000"] {
        assert_eq!(only(&hex(text)), Err(RtcpError::Empty), "{text}");
    }
}

#[test]
fn wished_key_frames_are_read() {
    let bytes = hex("84ce0006 00000000 4bc4fcb4 12345678 42000000 98765432 57000000");
    let Ok(Packet::FullIntraRequest(wish)) = only(&bytes) else { panic!("{:?}", only(&bytes)) };
    assert_eq!(wish.media().collect::<Vec<_>>(), [(0x1234_5678, 0x42), (0x9876_5432, 0x57)]);
    let half = hex("84ce0005 00000000 4bc4fcb4 12345678 42000000 98765432");
    assert_eq!(only(&half), Err(RtcpError::Length));
}

#[test]
fn lost_picture_is_read() {
    let bytes = hex("81ce0002 00000001 23456789");
    assert_eq!(only(&bytes), Ok(Packet::PictureLoss { media: 0x2345_6789 }));
    let mut written = Vec::new();
    write_picture_loss(&mut written, 0x2345_6789);
    assert_eq!(written, bytes);
}

fn check_guess(exponent_and_mantissa: &str, bps: u64) {
    let bytes = hex(&format!("8fce0004 00000001 00000000 52454d42 00{exponent_and_mantissa}"));
    let Ok(Packet::Remb(remb)) = only(&bytes) else { panic!("{:?}", only(&bytes)) };
    assert_eq!((remb.bps, remb.streams().count()), (bps, 0), "{exponent_and_mantissa}");
}

#[test]
fn guess_of_any_size_is_read() {
    check_guess("000000", 0);
    check_guess("03ffff", 0x3_ffff);
    check_guess("fc0000", 0);
    // The largest that 64 bits hold, and the first that they do not.
    check_guess("bbffff", 0x3_ffff << 46);
    check_guess("bfffff", u64::MAX);
    check_guess("fc0001", 1 << 63);
    check_guess("fc0002", u64::MAX);
    check_guess("ffffff", u64::MAX);
}

#[test]
fn feedback_of_other_formats_is_somebody_elses() {
    // Not a guess but a loss notification, a bound of the rate, a slice.
    for (text, kind) in [
        ("8fce0004 00000001 00000000 4c4e5446 00000000", 206),
        ("83cd0004 00000001 00000000 00000001 00000000", 205),
        ("82ce0003 00000001 00000000 00000001", 206),
    ] {
        assert_eq!(only(&hex(text)), Ok(Packet::Other { kind }));
    }
    assert_eq!(only(&hex("80cf0001 00000001")), Ok(Packet::Extended));
}

const REPORT: Report = Report {
    stream: 0x1122_3344,
    fraction_lost: 0x55,
    packets_lost: -2,
    highest: 0x0001_fffe,
    jitter: 7,
    last_report: 0x8899_aabb,
    delay: 0xccdd_eeff,
};

#[test]
fn reports_are_read() {
    let more = Report { stream: 9, fraction_lost: 255, packets_lost: 0x7f_ffff, ..REPORT };
    let least = Report { packets_lost: -0x80_0000, ..REPORT };
    let mut bytes = Vec::new();
    write_receiver_report(&mut bytes, 5, &[REPORT, more, least]);
    let Ok(Packet::ReceiverReport { stream: 5, reports }) = only(&bytes) else { panic!("{bytes:02x?}") };
    assert_eq!(reports.iter().len(), 3);
    assert_eq!(reports.iter().collect::<Vec<_>>(), [REPORT, more, least]);
    let block = "11223344 55fffffe 0001fffe 00000007 8899aabb ccddeeff";
    assert_eq!(bytes[8..32], hex(block), "as RFC 3550 draws it");
}

#[test]
fn report_of_one_who_sends_is_read() {
    let block = "11223344 55fffffe 0001fffe 00000007 8899aabb ccddeeff";
    // An extension of a profile stands behind.
    let bytes =
        hex(&format!("81c8000d 00000006 e0000001 80000000 00000002 00000003 00000004 {block} 01020304"));
    let Ok(Packet::SenderReport { stream: 6, reports }) = only(&bytes) else { panic!("{bytes:02x?}") };
    assert_eq!(reports.iter().collect::<Vec<_>>(), [REPORT]);
}
