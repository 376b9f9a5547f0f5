//! Which packet numbers were taken, as far back as a few machine words remember.

/// Numbers that one [`Once`] remembers: over ten seconds of audio, or the second in which video is repaired.
const ONCE_NUMBERS: usize = 1_024;

/// Gives every number out once.
///
/// A sender asks before it seals, so that no number of a stream is ever sealed twice: in GCM a second packet under the
/// same number would give the authentication key away (RFC 7714 §8.3).
#[derive(Debug, Default)]
pub struct Once(Window<{ ONCE_NUMBERS / 64 }>);

impl Once {
    /// Takes a number.
    ///
    /// False when it was taken before, or when a number 1,024 or more above it was.
    pub fn take(&mut self, index: u64) -> bool {
        self.0.take(index)
    }
}

/// A sliding window of `64 * WORDS` numbers that ends at the greatest one taken.
#[derive(Debug)]
pub(super) struct Window<const WORDS: usize> {
    newest: Option<u64>,
    /// Number `n` is bit `n` modulo the size of the window. Invariant: set only for numbers inside the window.
    taken: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { newest: None, taken: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    const NUMBERS: u64 = 64 * WORDS as u64;

    /// The greatest number taken.
    pub(super) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Whether the number could be taken.
    pub(super) fn is_free(&self, index: u64) -> bool {
        match self.newest {
            Some(newest) if index <= newest => newest - index < Self::NUMBERS && !self.is_taken(index),
            _ => true,
        }
    }

    /// Takes a number; false when it was taken before or is older than the window.
    pub(super) fn take(&mut self, index: u64) -> bool {
        if !self.is_free(index) {
            return false;
        }
        let first_free = self.newest.map_or(index, |newest| newest.saturating_add(1));
        if index >= first_free {
            self.slide(first_free, index);
        }
        let (word, bit) = Self::place(index);
        self.taken[word] |= bit;
        true
    }

    /// Makes `index` the newest and forgets the numbers whose bits the new ones need.
    fn slide(&mut self, first_free: u64, index: u64) {
        if index - first_free >= Self::NUMBERS {
            self.taken = [0; WORDS];
        } else {
            for passed in first_free..=index {
                let (word, bit) = Self::place(passed);
                self.taken[word] &= !bit;
            }
        }
        self.newest = Some(index);
    }

    fn is_taken(&self, index: u64) -> bool {
        let (word, bit) = Self::place(index);
        self.taken[word] & bit != 0
    }

    fn place(index: u64) -> (usize, u64) {
        let slot = index % Self::NUMBERS;
        let word = usize::try_from(slot / 64).expect("a window has few words");
        (word, 1 << (slot % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_are_taken_once() {
        let mut once = Once::default();

        assert!(once.take(7));
        assert!(!once.take(7));
        assert!(once.take(6));
        assert!(once.take(8));
        assert!(!once.take(6));
    }

    #[test]
    fn numbers_below_the_window_count_as_taken() {
        let mut once = Once::default();
        assert!(once.take(5_000));

        assert!(!once.take(5_000 - 1_024));
        assert!(once.take(5_000 - 1_023));
        assert!(once.take(5_001));
        assert!(!once.take(5_000 - 1_023));
    }

    #[test]
    fn leaps_forget_everything() {
        let mut once = Once::default();
        for index in [0, 1, 1_023, 1_024, 2_048, 100_000, u64::MAX] {
            assert!(once.take(index), "{index}");
            assert!(!once.take(index), "{index}");
        }
        assert!(!once.take(0));
        assert!(once.take(u64::MAX - 1));
    }

    #[test]
    fn the_window_is_compact() {
        assert!(size_of::<Once>() <= 144);
    }

    proptest! {
        #[test]
        fn windows_agree_with_a_set(
            steps in prop::collection::vec((0..300_u64, prop::bool::weighted(0.7)), 1..400),
        ) {
            let (mut window, mut taken, mut newest) = (Window::<2>::default(), HashSet::new(), 1_000_u64);
            window.take(newest);
            taken.insert(newest);
            for (step, goes_back) in steps {
                let index = if goes_back { newest.saturating_sub(step) } else { newest + step };
                let is_free = newest.saturating_sub(index) < 128 && taken.insert(index);

                prop_assert_eq!(window.is_free(index), is_free);
                prop_assert_eq!(window.take(index), is_free);

                newest = newest.max(index);
                prop_assert_eq!(window.newest(), Some(newest));
            }
        }
    }
}
