//! Where a sequence of AV1 begins: the aggregation header ("RTP Payload Format For AV1", version 1.0, §4.4).
//!
//! Nothing is rewritten: its packets have no numbers of pictures but in the dependency descriptor, a header extension
//! that is not agreed on, and receivers without it go by the numbers of the packets.

/// The packet begins in the middle of a unit.
const IS_CONTINUED: u8 = 0x80;
/// The first packet of a coded video sequence, which begins with its header and a key frame.
const STARTS_SEQUENCE: u8 = 0x08;

/// Whether decoding can begin with this packet.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    matches!(payload, [head, _, ..] if head & (IS_CONTINUED | STARTS_SEQUENCE) == STARTS_SEQUENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_begins_where_its_first_packet_says_so() {
        let check = |payload: &[u8], expect| assert_eq!(starts_key_frame(payload), expect, "{payload:x?}");
        check(&[0x28, 0x0b, 0x0a], true); // two units: the sequence's header, and a frame
        check(&[0x68, 0x0b, 0x0a], true); // the last one goes on in the next packet
        check(&[0x10, 0x32], false); // a frame of the same sequence
        check(&[0x90, 0x32], false); // the end of a frame
        check(&[0x98, 0x32], false); // the middle of a unit is no beginning, whatever else it says
        check(&[0x28], false); // no unit
        check(&[], false);
    }
}
