//! When to ask a sender for a key frame: soon, but not for each of a hundred newcomers.

use crate::Now;

/// A key frame this young is on its way to whoever asks now, and one asked for so lately on its way here.
const FRESH: Now = Now::from_millis(300);
/// Pauses between asking again while none comes; the last one stays.
const PAUSES: [Now; 3] = [Now::from_millis(700), Now::from_secs(1), Now::from_secs(2)];
/// Requests in `WINDOW` after which the longest pause is kept: receivers in trouble must not cost all others the
/// picture, because key frames are large.
const ASKS_MAX: u8 = 5;
const WINDOW: Now = Now::from_secs(10);
/// With so few receivers there are no others: the shortest pause does.
const FEW: usize = 2;

/// Who asks for a key frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// Whoever asks knows that the last key frame was not for it.
    pub(super) has_missed: bool,
    /// How many see the source.
    pub(super) watchers: usize,
}

/// The requests for one layer of one source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeyframeGate {
    asked: Option<Now>,
    /// Requests since the last key frame.
    tries: u8,
    came: Option<Now>,
    window: Now,
    /// Requests since `window`.
    asks: u8,
}

impl KeyframeGate {
    /// Whether to ask the sender now.
    pub(super) fn ask(&mut self, now: Now, asking: Asking) -> bool {
        if self.next(asking).is_some_and(|next| now < next) {
            return false;
        }
        if now.saturating_sub(self.window) > WINDOW {
            (self.window, self.asks) = (now, 0);
        }
        self.asks = self.asks.saturating_add(1);
        self.asked = Some(now);
        self.tries = self.tries.saturating_add(1);
        true
    }

    /// When [`KeyframeGate::ask`] says yes at the earliest; `None`: at once.
    pub(super) fn next(&self, asking: Asking) -> Option<Now> {
        let [short, middle, long] = PAUSES;
        let pause = match self.tries {
            _ if self.asks >= ASKS_MAX && asking.watchers > FEW => long,
            0 if self.asks >= ASKS_MAX => short,
            0 => FRESH,
            1 => short,
            2 => middle,
            _ => long,
        };
        let fresh = self.came.filter(|_| !asking.has_missed).map(|came| came + FRESH);
        fresh.max(self.asked.map(|asked| asked + pause))
    }

    /// A key frame came.
    pub(super) fn came(&mut self, now: Now) {
        self.came = Some(now);
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: Asking = Asking { has_missed: false, watchers: 3 };
    const MISSED: Asking = Asking { has_missed: true, ..CROWD };

    fn asks(gate: &mut KeyframeGate, ms: std::ops::Range<u64>) -> Vec<u64> {
        ms.filter(|ms| gate.ask(Now::from_millis(*ms), CROWD)).collect()
    }

    #[test]
    fn it_is_repeated_ever_more_seldom() {
        let mut gate = KeyframeGate::default();
        assert_eq!(asks(&mut gate, 0..8_000), [0, 700, 1_700, 3_700, 5_700, 7_700]);
    }

    #[test]
    fn a_young_key_frame_does_for_all() {
        let mut gate = KeyframeGate::default();
        assert!(gate.ask(Now::from_secs(1), CROWD));
        gate.came(Now::from_millis(1_080));
        assert_eq!(asks(&mut gate, 1_080..1_500), [1_380]);
    }

    #[test]
    fn who_has_missed_the_first_key_frame_asks_at_once() {
        let mut gate = KeyframeGate::default();
        gate.came(Now::from_millis(10));
        assert!(gate.ask(Now::from_millis(11), MISSED));
        gate.came(Now::from_millis(60));
        assert!(!gate.ask(Now::from_millis(310), MISSED), "one is asked for in 300 ms, however many come");
        assert!(gate.ask(Now::from_millis(311), MISSED));
    }

    #[test]
    fn a_storm_is_held_back() {
        let asked = |watchers| {
            let mut gate = KeyframeGate::default();
            let asking = Asking { watchers, ..CROWD };
            let mut asks = |ms: &u64| {
                let is_asked = gate.ask(Now::from_millis(*ms), asking);
                if is_asked {
                    gate.came(Now::from_millis(*ms));
                }
                is_asked
            };
            (0..10_000).filter(|ms| asks(ms)).count()
        };
        assert_eq!(asked(3), 9, "five at once, then one each two seconds");
        assert_eq!(asked(2), 17, "five at once, then one each 700 ms");
    }
}
