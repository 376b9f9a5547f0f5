//! A call, and what its effects came to: who was told what, which timers run, who rings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use trunkline_calling_wire::{LegState as LegShows, ParticipantKind, ParticipantState, Role};
use trunkline_kernel::Timestamp;

use crate::rules::inputs::{Rejoining, Taking};
use crate::rules::{
    Call, Change, Effect, EndpointId, Fact, Input, Kind, Leg, LegState, Limits, NewLeg, Notice, P, Policy,
    Reason, Refusal, Sources, Start, TimerId, Times, TokenHash,
};

pub(super) const START: Timestamp = Timestamp::EPOCH;
pub(super) const LIMITS: Limits = Limits { participants: 5, spotlight: 2 };

pub(super) struct World {
    pub(super) call: Call,
    pub(super) now: Timestamp,
    pub(super) timers: BTreeMap<TimerId, Timestamp>,
    pub(super) ringing: BTreeSet<P>,
    pub(super) policies: BTreeMap<P, Policy>,
    pub(super) facts: Vec<Fact>,
    /// Notices by receiver, in order.
    pub(super) told: Vec<(P, Notice)>,
    /// The effects of the last step.
    pub(super) last: Vec<Effect>,
    pub(super) is_over: bool,
}

pub(super) fn leg(name: &str, endpoint: Option<u64>) -> NewLeg {
    NewLeg {
        id: format!("leg-{name}-{}", endpoint.unwrap_or(0)).into(),
        user: format!("8:acs:{name}").into(),
        name: name.to_owned(),
        agent: "test".to_owned(),
        kind: ParticipantKind::User,
        role: Role::Unknown,
        endpoint: endpoint.map(EndpointId),
        token: endpoint.map(token_of),
        is_muted: false,
        waits_in_lobby: false,
        sources: Sources::default(),
    }
}

pub(super) fn token_of(endpoint: u64) -> TokenHash {
    let mut token = TokenHash::default();
    token[..8].copy_from_slice(&endpoint.to_be_bytes());
    token
}

pub(super) fn taking(endpoint: u64) -> Taking {
    Taking {
        endpoint: EndpointId(endpoint),
        name: None,
        agent: "test".to_owned(),
        is_muted: false,
        token: token_of(endpoint),
        sources: Sources::default(),
    }
}

pub(super) fn rejoining(endpoint: u64, token: u64) -> Rejoining {
    Rejoining {
        endpoint: EndpointId(endpoint),
        token: token_of(token),
        fresh: token_of(endpoint),
        is_muted: false,
        is_hand_raised: false,
        sources: Sources::default(),
    }
}

impl World {
    pub(super) fn start(kind: Kind, to: Vec<NewLeg>) -> Self {
        Self::start_by(kind, leg("ada", Some(1)), to)
    }

    pub(super) fn start_by(kind: Kind, starter: NewLeg, to: Vec<NewLeg>) -> Self {
        let start = Start { kind, starter, to, times: Times::default(), limits: LIMITS };
        let (call, effects) = Call::start(start, START);
        Self::of(call, effects)
    }

    pub(super) fn of(call: Call, effects: Vec<Effect>) -> Self {
        let mut world = Self {
            call,
            now: START,
            timers: BTreeMap::new(),
            ringing: BTreeSet::new(),
            policies: BTreeMap::new(),
            facts: Vec::new(),
            told: Vec::new(),
            last: Vec::new(),
            is_over: false,
        };
        world.apply(effects);
        world
    }

    /// Ada calls Bob.
    pub(super) fn pair() -> Self {
        Self::start(Kind::OneToOne, vec![leg("bob", None)])
    }

    /// Ada and Bob talk.
    pub(super) fn talk() -> Self {
        let mut world = Self::pair();
        world.accept(P(2), 2);
        world.up(P(1));
        world.up(P(2));
        world
    }

    /// As many as that are in a group call of one id: endpoint and number are the same.
    pub(super) fn group(people: u64) -> Self {
        let mut world = Self::start(Kind::Group { id: Some("g".into()) }, Vec::new());
        world.up(P(1));
        for number in 2..=people {
            world.join(&format!("user{number}"), number);
            world.up(P(u32::try_from(number).unwrap()));
        }
        world
    }

    pub(super) fn join(&mut self, name: &str, endpoint: u64) {
        self.step(Input::Join { leg: leg(name, Some(endpoint)) });
    }

    pub(super) fn accept(&mut self, p: P, endpoint: u64) {
        self.step(Input::Accept { p, with: taking(endpoint) });
    }

    pub(super) fn up(&mut self, p: P) {
        self.step(Input::MediaUp { p });
    }

    /// Something that is not refused.
    pub(super) fn step(&mut self, input: Input) {
        let shown = format!("{input:?}");
        if let Err(refusal) = self.attempt(input) {
            panic!("{shown} was refused: {refusal}");
        }
    }

    /// Something that may be refused; then nothing has changed but that those who left are forgotten.
    pub(super) fn attempt(&mut self, input: Input) -> Result<(), Refusal> {
        let mut before = self.call.clone();
        match self.call.handle(input, self.now) {
            Ok(effects) => {
                self.apply(effects);
                Ok(())
            }
            Err(refusal) => {
                before.forget_the_gone();
                let mut after = self.call.clone();
                after.forget_the_gone();
                assert_eq!(after, before, "a refusal changes nothing");
                Err(refusal)
            }
        }
    }

    pub(super) fn refused(&mut self, input: Input, why: Refusal) {
        let shown = format!("{input:?}");
        assert_eq!(self.attempt(input), Err(why), "{shown}");
    }

    /// Time passes; timers come.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now.plus(time);
        while let Some((timer, due)) =
            self.timers.iter().map(|(timer, due)| (*timer, *due)).min_by_key(|(_, due)| *due)
        {
            if due > until || self.is_over {
                break;
            }
            self.now = self.now.max(due);
            self.timers.remove(&timer);
            let _ = self.attempt(Input::Timer { timer });
        }
        self.now = until;
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        assert!(!self.is_over || effects.is_empty(), "nothing after the end");
        let stages: Vec<u8> = effects.iter().map(Effect::stage).collect();
        assert!(stages.is_sorted(), "rows, then events, then the rest");
        for effect in &effects {
            match effect {
                Effect::SetTimer { timer, until } => drop(self.timers.insert(*timer, *until)),
                Effect::StopTimer(timer) => drop(self.timers.remove(timer)),
                Effect::Ring { p, .. } => assert!(self.ringing.insert(*p), "{p:?} rings once"),
                Effect::StopRing { p, .. } => assert!(self.ringing.remove(p), "{p:?} rang"),
                Effect::Policy { p, policy } => drop(self.policies.insert(*p, *policy)),
                Effect::CloseMedia { p } => drop(self.policies.remove(p)),
                Effect::Publish(fact) => self.facts.push(*fact),
                Effect::Tell { to, notice } => {
                    let told = self.call.audience(*to).into_iter().map(|p| (p, notice.clone()));
                    self.told.extend(told);
                }
                Effect::Over => self.is_over = true,
                Effect::Save(_)
                | Effect::Bind { .. }
                | Effect::OpenLoop { .. }
                | Effect::Sources { .. }
                | Effect::Order(_) => {}
            }
        }
        self.last = effects;
    }

    pub(super) fn leg(&self, p: u32) -> &Leg {
        self.call.leg(P(p)).unwrap_or_else(|| panic!("participant {p} is there"))
    }

    pub(super) fn states(&self) -> Vec<LegState> {
        self.call.legs().map(|(_, leg)| leg.state).collect()
    }

    pub(super) fn shows(&self, p: u32) -> (LegShows, ParticipantState) {
        (self.call.leg_shows(P(p)), self.leg(p).shows())
    }

    /// What a leg was told of its end: once, and nothing after it.
    pub(super) fn end_of(&self, p: u32) -> Option<Reason> {
        let told: Vec<&Notice> =
            self.told.iter().filter(|(to, _)| *to == P(p)).map(|(_, notice)| notice).collect();
        let place = told.iter().position(|notice| matches!(notice, Notice::LegOver { .. }))?;
        assert_eq!(place + 1, told.len(), "nothing is told to {p} after its end");
        match told[place] {
            Notice::LegOver { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    /// Why the ringing at somebody stopped in the last step.
    pub(super) fn stopped(&self, p: u32) -> Option<Reason> {
        self.last.iter().find_map(|effect| match effect {
            Effect::StopRing { p: of, reason, .. } if *of == P(p) => Some(*reason),
            _ => None,
        })
    }

    pub(super) fn has_fact(&self, fact: Fact) -> usize {
        self.facts.iter().filter(|known| **known == fact).count()
    }

    pub(super) fn has_saved(&self, change: Change) -> bool {
        self.last.contains(&Effect::Save(change))
    }

    pub(super) fn was_told(&self, p: u32, notice: &Notice) -> bool {
        self.told.iter().any(|(to, known)| *to == P(p) && known == notice)
    }

    pub(super) fn forget_told(&mut self) {
        self.told.clear();
    }

    pub(super) fn ended(&self) -> Option<Reason> {
        self.call.head().ended.map(|ended| ended.reason)
    }

    pub(super) fn users(&self) -> Vec<Arc<str>> {
        self.call.legs().map(|(_, leg)| Arc::clone(&leg.user)).collect()
    }
}
