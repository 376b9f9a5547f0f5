//! Where an H.264 picture that stands alone begins (RFC 6184 §5).

/// A sequence parameter set. WebRTC sends them with the stream (RFC 7742 §6.2), before each IDR picture; an IDR slice
/// by itself is no place to begin, because the decoder would have no parameters.
const SEQUENCE_PARAMETERS: u8 = 7;
/// Several units in one packet, each behind its length.
const STAP_A: u8 = 24;
/// A part of a unit.
const FU_A: u8 = 28;
const UNIT_TYPE: u8 = 0x1f;
const IS_FIRST_PART: u8 = 0x80;

/// Whether decoding can begin with this packet.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    match payload {
        [head, units @ ..] if head & UNIT_TYPE == STAP_A => has_parameters(units),
        [head, part, ..] if head & UNIT_TYPE == FU_A => {
            part & IS_FIRST_PART != 0 && part & UNIT_TYPE == SEQUENCE_PARAMETERS
        }
        [head, ..] => head & UNIT_TYPE == SEQUENCE_PARAMETERS,
        [] => false,
    }
}

fn has_parameters(mut units: &[u8]) -> bool {
    while let [high, low, rest @ ..] = units {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((unit, after)) = rest.split_at_checked(length) else { return false };
        match unit.first() {
            Some(head) if head & UNIT_TYPE == SEQUENCE_PARAMETERS => return true,
            Some(_) => units = after,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_begins_with_its_parameters() {
        let check = |payload: &[u8], expect| assert_eq!(starts_key_frame(payload), expect, "{payload:x?}");
        check(&[0x67, 0x42], true);
        check(&[0x78, 0, 1, 0x67, 0, 1, 0x68], true);
        check(&[0x78, 0, 1, 0x09, 0, 2, 0x67, 0x42], true); // behind an access unit delimiter
        check(&[0x7c, 0x87, 0x42], true); // the first part of long parameters
        check(&[0x7c, 0x07, 0x42], false); // a later part
        check(&[0x65, 0x88], false); // an IDR slice alone
        check(&[0x41, 0x9a], false);
        check(&[0x78, 0, 9, 0x67], false); // a length beyond the end
        check(&[0x78, 0, 0, 0, 1, 0x67], false); // an empty unit
        check(&[0x7c], false);
    }
}
