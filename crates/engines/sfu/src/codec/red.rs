//! Redundant audio (RFC 2198): earlier packets' payloads, then the newest.

use std::sync::Arc;

/// The payload type that blocks must have to be passed on as they are: what Chromium, the one browser that sends
/// redundant audio, calls Opus. A client takes [`crate::Codec::Red`] only if it calls Opus the same.
pub(crate) const RED_OPUS_TYPE: u8 = 111;

const IS_OLDER: u8 = 0x80;
/// Head of an older block: type, 14 bits of time offset, 10 bits of length.
const OLDER_HEAD_BYTES: usize = 4;

/// The newest block, which is the last one. `None` when the heads do not add up.
pub(crate) fn primary(payload: &[u8]) -> Option<Arc<[u8]>> {
    let (mut at, mut older_bytes) = (0, 0_usize);
    while payload.get(at)? & IS_OLDER != 0 {
        let [_, _, high, low] = *payload.get(at..at + OLDER_HEAD_BYTES)?.as_array()?;
        older_bytes += usize::from(u16::from_be_bytes([high, low]) & 0x03ff);
        at += OLDER_HEAD_BYTES;
    }
    let block = payload.get(at + 1 + older_bytes..)?;
    (!block.is_empty()).then(|| block.into())
}

/// Whether all its blocks are what others call Opus, too.
pub(crate) fn is_plain_opus(payload: &[u8]) -> bool {
    let mut heads = payload;
    while let [head, rest @ ..] = heads {
        if head & !IS_OLDER != RED_OPUS_TYPE {
            return false;
        }
        if head & IS_OLDER == 0 {
            return true;
        }
        heads = rest.get(OLDER_HEAD_BYTES - 1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_block_stands_last() {
        let check = |payload: &[u8], expect: Option<&[u8]>| {
            assert_eq!(primary(payload).as_deref(), expect, "{payload:x?}");
        };
        check(&[111, 1, 2, 3], Some(&[1, 2, 3]));
        check(&[0xef, 0x0f, 0x00, 2, 111, 9, 9, 1, 2], Some(&[1, 2]));
        check(&[0xef, 0x0f, 0x00, 2, 111, 9, 9], None); // no newest block
        check(&[0xef, 0x0f, 0x03, 0xff, 111, 1], None); // longer than the packet
        check(&[0xef, 0x0f], None);
        check(&[111], None);
        check(&[], None);
    }

    #[test]
    fn every_block_must_be_opus() {
        assert!(is_plain_opus(&[111, 1]));
        assert!(is_plain_opus(&[0xef, 0, 0, 1, 111, 9, 1]));
        assert!(!is_plain_opus(&[0xe0, 0, 0, 1, 111, 9, 1]));
        assert!(!is_plain_opus(&[96, 1]));
        assert!(!is_plain_opus(&[0xef, 0, 0]));
        assert!(!is_plain_opus(&[]));
    }
}
