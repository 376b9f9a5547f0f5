//! Who speaks, and who leads the conversation.
//!
//! The leader is found after I. Volfin and I. Cohen, "Dominant speaker identification for multipoint
//! videoconferencing" (Computer Speech and Language 27, 2013): windows of three lengths say how likely speech is in
//! each, and a challenger must be likelier in all three, so that neither a cough nor a short word takes the lead.
//!
//! ```text
//! levels (20 ms) ─► immediate: loud enough? ─► medium: 5 of them ─► long: 10 mediums
//! ```

use std::collections::BTreeMap;

use crate::{Marks, Now, PeerKey};

/// Time of one level: an Opus packet.
const LEVEL: Now = Now::from_millis(20);
/// Levels in a medium block, and mediums in the long window: 1 s in all.
const MEDIUM: usize = 5;
const LONG: usize = 10;
const LEVELS: usize = MEDIUM * LONG;
/// Steps of loudness of one level.
const STEPS: u8 = 13;
/// Steps above which a level counts in a medium block.
const MEDIUM_THRESHOLD: u8 = 7;
/// Counting levels above which a medium block counts in the long window.
const LONG_THRESHOLD: u8 = 4;
/// Rates of the exponential law of silence, for each window.
const LAMBDA: [f64; 3] = [0.78, 24.0, 47.0];
/// What a challenger's score must exceed, relative to the leader's, in each window.
const LEADS_BY: [f64; 3] = [3.0, 2.0, 0.0];
const SCORE_MIN: f64 = 1e-10;
const ELECTION: Now = Now::from_millis(300);
/// Silence after which a sender that sends nothing (DTX, mute) counts as silent.
const IDLE: Now = Now::from_millis(60);
/// A quiet voice close to a microphone; breath sets the voice flag as well, and stays below.
const VOICE_DBOV: i8 = -45;
/// Levels with voice among the last 20 that make somebody speak: 200 ms of 400.
const VOICED_MIN: u32 = 10;
const VOICED_WINDOW: u32 = (1 << 20) - 1;
/// How long somebody goes on speaking without voice: pauses between words.
const PAUSE: Now = Now::from_millis(500);
/// How long the loudest keep their slots without voice.
const HOLD: Now = Now::from_millis(800);
/// Former leaders that are remembered: as many as any client lists.
const LEADERS_MAX: usize = 20;

/// The loudness of everybody who is heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Speakers {
    people: BTreeMap<PeerKey, Speaker>,
    /// Who led last, the present leader first.
    leaders: Vec<PeerKey>,
    elected: Now,
}

/// What is different since the last look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Changes {
    /// Who speaks, or who leads.
    pub(super) is_speaking_new: bool,
    pub(super) is_lead_new: bool,
    /// Whose slots are not taken from them.
    pub(super) is_hold_new: bool,
}

#[derive(Clone, Debug)]
struct Speaker {
    /// Steps of loudness, the newest first.
    levels: [u8; LEVELS],
    last: Now,
    /// A bit for each of the last levels that had voice, the newest lowest.
    voiced: u32,
    voice_last: Option<Now>,
    is_speaking: bool,
    is_held: bool,
    /// Loudness with attack and decay, 0 to 127.
    smooth: f32,
    scores: [f64; 3],
}

impl Speakers {
    /// A packet of somebody came. Answers whether somebody began to have voice who had none for a while.
    pub(super) fn heard(&mut self, peer: PeerKey, marks: Marks, now: Now) -> bool {
        let Some(level_dbov) = marks.level_dbov else { return false };
        let speaker = self.people.entry(peer).or_insert_with(|| Speaker::new(now));
        speaker.push(level_dbov, marks.has_voice != Some(false) && level_dbov > VOICE_DBOV, now);
        speaker.voice_last == Some(now) && !speaker.is_held
    }

    /// Somebody has gone, or may not be heard.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        self.people.remove(&peer);
        self.leaders.retain(|leader| *leader != peer);
    }

    /// Notices pauses, and holds the election when it is time.
    pub(super) fn handle_timeout(&mut self, now: Now) -> Changes {
        let mut changes = Changes::default();
        for speaker in self.people.values_mut() {
            changes.is_speaking_new |= speaker.look(now);
            changes.is_hold_new |= speaker.look_hold(now);
        }
        if now.saturating_sub(self.elected) >= ELECTION {
            self.elected = now;
            changes.is_lead_new = self.elect();
            changes.is_speaking_new |= changes.is_lead_new;
        }
        changes
    }

    /// Whether anybody has spoken lately: changes are to come without packets.
    pub(super) fn is_anybody_speaking(&self) -> bool {
        self.people.values().any(|speaker| speaker.is_speaking || speaker.is_held)
    }

    /// Everybody who speaks.
    pub(super) fn speaking(&self) -> Vec<PeerKey> {
        self.people.iter().filter(|(_, speaker)| speaker.is_speaking).map(|(peer, _)| *peer).collect()
    }

    /// Those who led the conversation, the present leader first.
    pub(super) fn leaders(&self) -> &[PeerKey] {
        &self.leaders
    }

    /// Whether somebody had voice so lately that its slot is not taken from it, as of the last look.
    pub(super) fn is_held(&self, peer: PeerKey) -> bool {
        self.people.get(&peer).is_some_and(|speaker| speaker.is_held)
    }

    /// How loud somebody is: 0 to 127, smoothed.
    pub(super) fn loudness(&self, peer: PeerKey) -> f32 {
        self.people.get(&peer).map_or(0.0, |speaker| speaker.smooth)
    }

    fn elect(&mut self) -> bool {
        for speaker in self.people.values_mut() {
            speaker.evaluate();
        }
        let leader = self.leaders.first().and_then(|peer| Some((*peer, self.people.get(peer)?.scores)));
        let challengers = self.people.iter().filter(|(_, speaker)| speaker.is_speaking);
        let best = |candidates: &mut dyn Iterator<Item = (PeerKey, f64)>| {
            candidates.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(peer, _)| peer)
        };
        let elected = match leader {
            None => best(&mut challengers.map(|(peer, speaker)| (*peer, speaker.scores[1]))),
            Some((leader, present)) => {
                best(&mut challengers.filter(|(peer, _)| **peer != leader).filter_map(|(peer, speaker)| {
                    let lead: [f64; 3] =
                        std::array::from_fn(|window| (speaker.scores[window] / present[window]).ln());
                    let wins = lead.iter().zip(LEADS_BY).all(|(lead, least)| *lead > least);
                    wins.then_some((*peer, lead[1]))
                }))
            }
        };
        let Some(elected) = elected else { return false };
        self.leaders.retain(|leader| *leader != elected);
        self.leaders.insert(0, elected);
        self.leaders.truncate(LEADERS_MAX);
        true
    }
}

impl Speaker {
    fn new(now: Now) -> Self {
        Self {
            levels: [0; LEVELS],
            last: now,
            voiced: 0,
            voice_last: None,
            is_speaking: false,
            is_held: false,
            smooth: 0.0,
            scores: [SCORE_MIN; 3],
        }
    }

    fn push(&mut self, level_dbov: i8, has_voice: bool, now: Now) {
        self.fill(now.saturating_sub(self.last).saturating_sub(LEVEL));
        let loudness = 127 - level_dbov.unsigned_abs().min(127);
        self.levels.rotate_right(1);
        // Noise scores nothing: a challenger need not be louder than the leader's fan.
        self.levels[0] = if has_voice { loudness / (127 / STEPS) } else { 0 };
        // Up within three packets, down within a second.
        let pull = if f32::from(loudness) > self.smooth { 0.33 } else { 0.04 };
        self.smooth += (f32::from(loudness) - self.smooth) * pull;
        self.voiced = (self.voiced << 1 | u32::from(has_voice)) & VOICED_WINDOW;
        if has_voice {
            self.voice_last = Some(now);
        }
        self.last = now;
    }

    /// Puts silence where packets are missing.
    fn fill(&mut self, missing: Now) {
        let levels = usize::try_from(missing.as_millis() / LEVEL.as_millis()).unwrap_or(LEVELS).min(LEVELS);
        if levels > 0 {
            self.levels.rotate_right(levels);
            self.levels[..levels].fill(0);
            self.voiced = if levels < 20 { self.voiced << levels & VOICED_WINDOW } else { 0 };
            self.smooth *= 0.96_f32.powi(i32::try_from(levels).expect("at most LEVELS"));
        }
    }

    /// Answers whether it began or ended to speak.
    fn look(&mut self, now: Now) -> bool {
        let idle = now.saturating_sub(self.last);
        if idle > IDLE {
            self.fill(idle);
            self.last = now;
        }
        let is_in_pause = self.voice_last.is_some_and(|last| now.saturating_sub(last) <= PAUSE);
        let is_speaking = is_in_pause && (self.is_speaking || self.voiced.count_ones() >= VOICED_MIN);
        std::mem::replace(&mut self.is_speaking, is_speaking) != is_speaking
    }

    /// Answers whether it began or ended to hold its slot.
    fn look_hold(&mut self, now: Now) -> bool {
        let is_held = self.voice_last.is_some_and(|last| now.saturating_sub(last) <= HOLD);
        std::mem::replace(&mut self.is_held, is_held) != is_held
    }

    fn evaluate(&mut self) {
        let mut mediums = [0_u8; LONG];
        for (medium, levels) in mediums.iter_mut().zip(self.levels.as_chunks::<MEDIUM>().0) {
            *medium = count(levels, MEDIUM_THRESHOLD);
        }
        let long = count(&mediums, LONG_THRESHOLD);
        let sizes = [STEPS, 5, 10];
        self.scores = std::array::from_fn(|window| {
            score(
                [self.levels[0], mediums[0], long][window].min(sizes[window]),
                sizes[window],
                LAMBDA[window],
            )
        });
    }
}

fn count(values: &[u8], threshold: u8) -> u8 {
    values.iter().fold(0, |count, value| count + u8::from(*value > threshold))
}

/// ln C(n, v) + v ln p + (n − v) ln(1 − p) − ln λ + λ v, with p = 1/2; never below `SCORE_MIN`.
fn score(active: u8, of: u8, lambda: f64) -> f64 {
    let ln_choose: f64 = (0..active).map(|i| f64::from(of - i).ln() - f64::from(i + 1).ln()).sum();
    let score = ln_choose - f64::from(of) * std::f64::consts::LN_2 - lambda.ln() + lambda * f64::from(active);
    score.max(SCORE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerKey = PeerKey(1);
    const BEN: PeerKey = PeerKey(2);

    struct Table {
        speakers: Speakers,
        now_ms: u64,
        changes: Vec<(u64, Vec<PeerKey>, Vec<PeerKey>)>,
    }

    impl Table {
        fn new() -> Self {
            Self { speakers: Speakers::default(), now_ms: 0, changes: Vec::new() }
        }

        /// Everybody named talks for a while, each at a level.
        fn talk(&mut self, who: &[(PeerKey, i8)], duration_ms: u64) {
            let end = self.now_ms + duration_ms;
            while self.now_ms < end {
                let now = Now::from_millis(self.now_ms);
                for (peer, level) in who {
                    let marks = Marks { level_dbov: Some(*level), ..Marks::default() };
                    self.speakers.heard(*peer, marks, now);
                }
                if self.speakers.handle_timeout(now).is_speaking_new {
                    let change = (self.now_ms, self.speakers.speaking(), self.speakers.leaders().to_vec());
                    self.changes.push(change);
                }
                self.now_ms += 20;
            }
        }
    }

    #[test]
    fn who_talks_speaks_and_stops() {
        let mut table = Table::new();
        table.talk(&[(ANN, -20), (BEN, -80)], 1_000);
        table.talk(&[(ANN, -90), (BEN, -80)], 1_000);
        assert_eq!(
            table.changes,
            [(180, vec![ANN], vec![]), (300, vec![ANN], vec![ANN]), (1_500, vec![], vec![ANN])]
        );
    }

    #[test]
    fn a_cough_is_no_speech() {
        let mut table = Table::new();
        table.talk(&[(ANN, -15)], 120);
        table.talk(&[(ANN, -80)], 2_000);
        assert_eq!(table.changes, []);
    }

    #[test]
    fn breath_without_voice_is_no_speech() {
        let mut table = Table::new();
        let marks = Marks { level_dbov: Some(-20), has_voice: Some(false), ..Marks::default() };
        for packet in 0..100 {
            let now = Now::from_millis(20 * packet);
            table.speakers.heard(ANN, marks, now);
            assert_eq!(table.speakers.handle_timeout(now), Changes::default());
        }
    }

    #[test]
    fn the_lead_goes_to_who_talks_on_and_not_to_who_says_a_word() {
        let mut table = Table::new();
        table.talk(&[(ANN, -20), (BEN, -90)], 2_000);
        table.talk(&[(ANN, -22), (BEN, -20)], 400);
        table.talk(&[(ANN, -20), (BEN, -90)], 1_000);
        assert_eq!(table.speakers.leaders(), [ANN], "a word between");
        table.talk(&[(ANN, -90), (BEN, -20)], 3_000);
        assert_eq!(table.speakers.leaders(), [BEN, ANN]);
    }

    #[test]
    fn who_leaves_leads_no_more() {
        let mut table = Table::new();
        table.talk(&[(ANN, -20)], 1_000);
        table.speakers.forget(ANN);
        assert_eq!((table.speakers.speaking(), table.speakers.leaders()), (vec![], &[][..]));
    }

    #[test]
    fn a_microphone_that_falls_silent_without_packets_stops() {
        let mut table = Table::new();
        table.talk(&[(ANN, -20)], 1_000);
        table.talk(&[], 1_000);
        assert_eq!(table.changes.last(), Some(&(1_500, vec![], vec![ANN])));
    }

    #[test]
    fn levels_out_of_range_are_silence() {
        let mut speaker = Speaker::new(Now::ZERO);
        speaker.push(i8::MIN, false, Now::from_secs(1 << 40));
        assert_eq!(speaker.levels[0], 0);
    }
}
