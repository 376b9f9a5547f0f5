//! Where packets end.

use super::{all, hex, only};
use crate::rtcp::{Packet, RtcpError};

const LOSS: &str = "81ce0002 00000001 00000007";

#[test]
fn version_is_two() {
    for first in [0x01, 0x41, 0xc1] {
        let mut bytes = hex(LOSS);
        bytes[0] = first;
        assert_eq!(only(&bytes), Err(RtcpError::Version));
    }
}

#[test]
fn padding_is_left_out_wherever_it_stands() {
    // One number is missing, and four bytes of padding would be another.
    let padded = "a1cd0004 00000001 00000007 00050000 00000004";
    for text in [padded.to_owned(), format!("{padded} {LOSS}")] {
        let bytes = hex(&text);
        let Ok(Packet::Nack(nack)) = all(&bytes)[0] else { panic!("{:?}", all(&bytes)) };
        assert_eq!(nack.numbers().collect::<Vec<_>>(), [5]);
        assert_eq!(all(&bytes).get(1).is_some(), text.len() > padded.len());
    }
}

#[test]
fn padding_that_does_not_fit_is_refused() {
    for text in [
        // Nothing to say how much.
        "a0c90000",
        // None, although there is some.
        "a1ce0002 00000001 00000000",
        // More than there is.
        "a1ce0002 00000001 00000009",
    ] {
        assert_eq!(only(&hex(text)), Err(RtcpError::Padding), "{text}");
    }
    // All of the packet: then nothing is left of it.
    assert_eq!(only(&hex("a1ce0002 00000001 00000008")), Err(RtcpError::Length));
}

#[test]
fn nothing_is_read_behind_an_error() {
    let bytes = hex(&format!("{LOSS} 81c90000 {LOSS}"));
    assert_eq!(all(&bytes), [Ok(Packet::PictureLoss { media: 7 }), Err(RtcpError::Length)]);
}

#[test]
fn nothing_holds_nothing() {
    assert_eq!(all(&[]), []);
}

/// A packet that says it is shorter than what it holds, by whole words.
#[test]
fn packet_shorter_than_its_parts_is_refused() {
    let report = "11223344 55667788 00000001 00000002 00000003 00000004";
    for text in [
        format!("81c80000 00000009 11223344 55667788 00000001 00000002 00000003 {report}"),
        format!("82c90000 00000009 {report} {report}"),
        LOSS.to_owned(),
        "81cd0000 00000001 00000007 00050000".to_owned(),
        "84ce0000 00000001 00000007 00000009 01000000".to_owned(),
        "8fce0000 00000001 00000000 52454d42 021a20df 4874ed16 4874ed17".to_owned(),
        "8fcd0000 00000001 00000007 0001000e 00000000 c000 d000 ffff 0000".to_owned(),
    ] {
        let mut bytes = hex(&text);
        let words = bytes.len() / 4 - 1;
        for length in 0..=words {
            bytes[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            let found = all(&bytes[..(length + 1) * 4]);
            assert_eq!(found.len(), 1);
            // Without its name, a guess is something of an application.
            let is_read = found[0].is_ok() && found[0] != Ok(Packet::Other { kind: 206 });
            assert_eq!(is_read, length == words, "{text}: {length} of {words} words: {found:?}");
        }
    }
}
