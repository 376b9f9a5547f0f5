//! Bytes from outside: captures, layouts of the RFCs, and anything at all.

mod anything;
mod captures;
mod padding;
mod transport;
mod wishes;
mod writing;

use super::{Packet, RtcpError, TransportFeedback, packets};

/// Hexadecimal digits, blanks between them.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn all(compound: &[u8]) -> Vec<Result<Packet<'_>, RtcpError>> {
    packets(compound).collect()
}

/// The datagram holds one packet and nothing else.
fn only(compound: &[u8]) -> Result<Packet<'_>, RtcpError> {
    let found = all(compound);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

/// The datagram holds one piece of transport-wide feedback.
fn seen(compound: &[u8]) -> TransportFeedback<'_> {
    match only(compound) {
        Ok(Packet::TransportFeedback(feedback)) => feedback,
        other => panic!("{other:?}"),
    }
}
