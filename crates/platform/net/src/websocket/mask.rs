//! The masking of client frames (RFC 6455 §5.3).

/// Masks or unmasks `payload` from its start.
pub(super) fn apply(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let bytes: &mut [u8; 8] = word.try_into().expect("the chunks have eight bytes");
        *bytes = (u64::from_ne_bytes(*bytes) ^ wide).to_ne_bytes();
    }
    // Eight is a multiple of four, so the rest begins with the key's first byte.
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_is_combined_with_its_byte_of_the_key(bytes in prop::collection::vec(any::<u8>(), 0..70), key: [u8; 4]) {
            let mut masked = bytes.clone();
            super::apply(&mut masked, key);
            let expected: Vec<u8> = bytes.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
            prop_assert_eq!(masked, expected);
        }
    }
}
