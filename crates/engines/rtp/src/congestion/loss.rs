//! How much is lost, and whether it is lost because of us.
//!
//! Draft-ietf-rmcat-gcc-02 §6 goes down while more than 10 % are lost, whatever the reason, until nothing is left. Here
//! going down is an experiment: when as much is lost of less, that part is the way's own and counts no more.

use super::history::micros;
use crate::Now;

/// A step of the last second,
const STEP_US: u64 = 200_000;
const STEPS: usize = 5;
/// and so many, three seconds, when few packets are sent.
const MOST_STEPS: usize = 15;
/// After so long with less than half of it, the way's own loss is taken to have changed; a second has too few packets.
const OWN_LASTS: Now = Now::from_secs(3);
/// Fewer packets say nothing.
const LEAST_PACKETS: u32 = 20;
/// More is lost than chance and radio links lose: the 10 % of the draft, and what chance adds to it in a second of 100 to
/// 200 packets.
const HEAVY_PERMILLE: u32 = 150;
/// With more than this nothing grows: the draft's 2 %, and again what chance adds.
const LIGHT_PERMILLE: u32 = 50;
/// Lost while packets queue as well: the queue is full. The draft's 2 %, and one more for chance.
const FULL_PERMILLE: u32 = 30;
/// Heavy loss counts when it has lasted for so long: lowering takes layers away, and bursts end by themselves.
const HEAVY_LASTS: Now = Now::from_secs(1);
/// When no less arrives after so long without a queue, less cannot be sent: a camera of one layer. More of the same
/// would show nothing else.
const TRIAL_ENDS: Now = Now::from_secs(4);
/// A queue that was seen within so long may still be there: one that stays full looks like a longer way.
const QUEUE_LASTS: Now = Now::from_secs(15);
/// After lowering, a second until what is measured is only of after it, and one for layers to change.
const TRIAL_LASTS: Now = Now::from_secs(2);
/// A trial has lowered what arrives when it is below this percent of before,
const TRIAL_LOWER_PERCENT: u64 = 80;
/// and has changed nothing when at least this percent of the loss is still there.
const TRIAL_SAME_PERCENT: u32 = 70;

/// Losses of the last second of feedback, of up to three when it told of few packets.
#[derive(Debug, Default)]
pub(super) struct Loss {
    // Packets by step, arrived and lost; `step` is the number of the newest.
    packets: [(u16, u16); MOST_STEPS],
    step: u64,
    // Of a thousand, what the way loses whatever is sent.
    own_permille: u32,
    own_until: Now,
    heavy_since: Option<Now>,
    trial: Option<Trial>,
    // Until then a queue may be what loses.
    queue_until: Now,
}

/// Less is sent, to see whether less is lost.
#[derive(Clone, Copy, Debug)]
struct Trial {
    since: Now,
    permille: u32,
    acked_bps: u64,
}

impl Loss {
    /// Counts what one feedback tells: packets that arrived, that were lost, and that arrived after all.
    pub(super) fn add(&mut self, arrived: u32, lost: u32, found: u32, now: Now) {
        let step = micros(now) / STEP_US;
        let passed = step.saturating_sub(self.step).min(MOST_STEPS as u64);
        for back in 0..passed {
            self.packets[place(step - back)] = (0, 0);
        }
        self.step = self.step.max(step);
        let (all, missed) = &mut self.packets[place(self.step)];
        let few = |packets| u16::try_from(packets).unwrap_or(u16::MAX);
        *all = all.saturating_add(few(arrived));
        *missed = missed.saturating_add(few(lost));
        self.find(found);
        let permille = self.permille().unwrap_or(0);
        if permille >= self.own_permille / 2 {
            self.own_until = now + OWN_LASTS;
        } else if now >= self.own_until {
            self.own_permille = permille;
        }
        let is_heavy = permille > self.own_permille + HEAVY_PERMILLE;
        self.heavy_since = if is_heavy { self.heavy_since.or(Some(now)) } else { None };
    }

    /// Takes back losses, the newest first.
    fn find(&mut self, mut found: u32) {
        for back in 0..MOST_STEPS as u64 {
            let (_, missed) = &mut self.packets[place(self.step + MOST_STEPS as u64 - back)];
            let here = u16::try_from(found).unwrap_or(u16::MAX).min(*missed);
            *missed -= here;
            found -= u32::from(here);
        }
    }

    /// Of a thousand packets of the last second, or of so much longer that there are enough of them.
    pub(super) fn permille(&self) -> Option<u32> {
        let (mut all, mut lost) = (0, 0);
        for back in 0..MOST_STEPS {
            if back >= STEPS && all >= LEAST_PACKETS {
                break;
            }
            let (arrived, missed) = self.packets[place(self.step + (MOST_STEPS - back) as u64)];
            all += u32::from(arrived) + u32::from(missed);
            lost += u32::from(missed);
        }
        (all >= LEAST_PACKETS).then(|| lost * 1_000 / all)
    }

    /// Whether so much is lost that a queue which stands is full.
    pub(super) fn is_full(&self) -> bool {
        self.permille().is_some_and(|permille| permille > self.own_permille + FULL_PERMILLE)
    }

    /// Whether so little is lost that the way may carry more.
    pub(super) fn is_light(&self) -> bool {
        self.permille().is_none_or(|permille| permille <= self.own_permille + LIGHT_PERMILLE)
    }

    /// Whether much more is lost than the way loses by itself.
    pub(super) fn is_heavy(&self) -> bool {
        self.heavy_since.is_some()
    }

    /// Of a thousand, when heavy loss has lasted so long that the estimate is to be lowered.
    pub(super) fn lasting(&self, now: Now) -> Option<u32> {
        self.heavy_since.filter(|since| now >= *since + HEAVY_LASTS).and_then(|_| self.permille())
    }

    /// The estimate was lowered because of loss, while `acked_bps` arrived.
    pub(super) fn lowered(&mut self, acked_bps: u64, now: Now) {
        let permille = self.permille().unwrap_or(0);
        self.trial.get_or_insert(Trial { since: now, permille, acked_bps });
    }

    /// Ends the trial when it has shown something; `has_queue` tells whether packets queue meanwhile.
    pub(super) fn judge(&mut self, acked_bps: u64, has_queue: bool, now: Now) {
        if has_queue {
            self.queue_until = now + QUEUE_LASTS;
        }
        let (Some(trial), Some(permille)) = (self.trial, self.permille()) else { return };
        if now < trial.since + TRIAL_LASTS {
            return;
        }
        let is_over = now >= trial.since + TRIAL_ENDS && now >= self.queue_until;
        let is_lower = acked_bps < trial.acked_bps / 100 * TRIAL_LOWER_PERCENT;
        if permille < trial.permille * TRIAL_SAME_PERCENT / 100 {
            self.trial = None;
        } else if is_lower || is_over {
            self.own_permille = permille;
            self.heavy_since = None;
            self.trial = None;
        }
    }
}

fn place(step: u64) -> usize {
    usize::try_from(step % MOST_STEPS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    /// Of ten packets each 100 ms so many are lost, until before `until_ms`.
    fn run(loss: &mut Loss, lost: u32, from_ms: u64, until_ms: u64) {
        for ms in (from_ms..until_ms).step_by(100) {
            loss.add(10 - lost, lost, 0, at(ms));
        }
    }

    #[test]
    fn loss_is_of_the_last_second_and_of_enough_packets() {
        let mut loss = Loss::default();
        loss.add(10, 5, 0, at(0));
        assert_eq!(loss.permille(), None);
        loss.add(5, 0, 0, at(150));
        assert_eq!(loss.permille(), Some(250));
        loss.add(25, 5, 0, at(350));
        assert_eq!(loss.permille(), Some(200));
        loss.add(8, 0, 8, at(450));
        assert_eq!(loss.permille(), Some(40), "in whatever step it was lost");
        run(&mut loss, 0, 1_000, 2_000);
        assert_eq!(loss.permille(), Some(0));
    }

    #[test]
    fn only_heavy_loss_that_lasts_lowers() {
        let mut loss = Loss::default();
        assert!(loss.is_light());
        run(&mut loss, 1, 0, 10_000);
        assert_eq!((loss.lasting(at(10_000)), loss.is_heavy(), loss.is_light()), (None, false, false));
        run(&mut loss, 3, 10_000, 10_900);
        assert_eq!((loss.lasting(at(10_900)), loss.is_heavy()), (None, true));
        run(&mut loss, 3, 10_900, 11_500);
        assert_eq!(loss.lasting(at(11_500)), Some(300));
        run(&mut loss, 0, 11_500, 13_000);
        assert_eq!((loss.lasting(at(13_000)), loss.is_heavy()), (None, false));
    }

    #[test]
    fn loss_that_stays_when_less_is_sent_is_the_ways_own() {
        let mut loss = Loss::default();
        run(&mut loss, 2, 0, 2_000);
        assert!(loss.lasting(at(2_000)).is_some() && loss.is_full());
        loss.lowered(1_000_000, at(2_000));
        run(&mut loss, 2, 2_000, 4_000);
        loss.judge(900_000, false, at(4_000));
        assert!(loss.is_heavy(), "not yet less is sent");
        loss.judge(500_000, false, at(4_000));
        run(&mut loss, 2, 4_000, 6_000);
        assert!(!loss.is_heavy() && !loss.is_full());
        run(&mut loss, 4, 6_000, 8_000);
        assert!(loss.lasting(at(8_000)).is_some(), "20 % more than it loses by itself");
        run(&mut loss, 0, 8_000, 10_000);
        run(&mut loss, 2, 10_000, 12_000);
        assert!(!loss.is_heavy(), "it had stopped for a moment");
        run(&mut loss, 0, 12_000, 17_000);
        run(&mut loss, 2, 17_000, 19_000);
        assert!(loss.is_heavy(), "it had stopped");
    }

    #[test]
    fn loss_that_stays_while_as_much_is_sent_is_the_ways_own_unless_packets_queue() {
        for (has_queue, is_heavy) in [(false, false), (true, true)] {
            let mut loss = Loss::default();
            run(&mut loss, 2, 0, 2_000);
            loss.lowered(1_000_000, at(2_000));
            for ms in (2_000..6_000).step_by(100) {
                run(&mut loss, 2, ms, ms + 100);
                loss.judge(1_000_000, has_queue, at(ms));
                assert!(loss.is_heavy(), "{ms}: not yet long enough");
            }
            loss.judge(1_000_000, has_queue, at(6_000));
            run(&mut loss, 2, 6_000, 6_500);
            assert_eq!(loss.is_heavy(), is_heavy, "{has_queue}");
        }
    }

    #[test]
    fn few_packets_are_counted_for_longer() {
        let mut loss = Loss::default();
        for number in 0..30 {
            loss.add(u32::from(number % 2 == 0), u32::from(number % 2 == 1), 0, at(number * 125));
        }
        assert_eq!(loss.permille(), Some(500));
        assert!(loss.is_heavy() && !loss.is_light());
        loss.add(0, 0, 0, at(6_000));
        assert_eq!(loss.permille(), None, "long ago");
    }

    #[test]
    fn loss_that_ends_when_less_is_sent_was_ours() {
        let mut loss = Loss::default();
        run(&mut loss, 3, 0, 2_000);
        loss.lowered(1_000_000, at(2_000));
        run(&mut loss, 1, 2_000, 4_000);
        loss.judge(500_000, false, at(4_000));
        run(&mut loss, 3, 4_000, 6_000);
        assert!(loss.is_heavy());
    }
}
