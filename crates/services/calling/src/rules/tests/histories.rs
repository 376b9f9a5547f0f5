//! Random histories: whatever happens in whatever order, what is promised holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use trunkline_calling_wire::{ParticipantKind, Reaction, Role, Size};

use super::world::{LIMITS, World, leg, rejoining, taking};
use crate::rules::{
    Call, EndpointId, Fact, Input, Kind, LegState, LiveText, Notice, P, Reason, TimerId, Times, Update,
};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happening {
    Input(Input),
    Pass(u64),
    /// The server is away for a moment.
    Restart,
}

fn p() -> impl Strategy<Value = P> {
    (1_u32..8).prop_map(P)
}

fn some() -> impl Strategy<Value = Vec<P>> {
    prop::collection::vec(p(), 0..3)
}

fn endpoint() -> impl Strategy<Value = EndpointId> {
    (1_u64..8).prop_map(EndpointId)
}

fn coming() -> impl Strategy<Value = Input> {
    let join = (
        1_u64..8,
        prop::sample::select(vec![Role::Unknown, Role::Presenter, Role::Attendee, Role::Consumer]),
        any::<bool>(),
    );
    prop_oneof![
        join.prop_map(|(endpoint, role, waits)| {
            let mut leg = leg("joiner", Some(endpoint));
            (leg.role, leg.waits_in_lobby) = (role, waits);
            Input::Join { leg }
        }),
        (p(), 1_usize..3).prop_map(|(by, count)| Input::Add { by, legs: vec![leg("added", None); count] }),
        p().prop_map(|p| Input::Reached { p }),
        (p(), any::<bool>()).prop_map(|(p, is_known)| Input::NoDevice { p, is_known }),
        (p(), 1_u64..8).prop_map(|(p, endpoint)| Input::Accept { p, with: taking(endpoint) }),
        (p(), any::<bool>()).prop_map(|(p, is_busy)| Input::Decline { p, is_busy }),
        (p(), 1_u64..8, 1_u64..8)
            .prop_map(|(p, endpoint, token)| Input::Rejoin { p, with: rejoining(endpoint, token) }),
        (p(), some()).prop_map(|(by, who)| Input::Admit { by, who }),
        (p(), some()).prop_map(|(by, who)| Input::Refuse { by, who }),
    ]
}

fn connection() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => p().prop_map(|p| Input::MediaUp { p }),
        1 => p().prop_map(|p| Input::MediaLost { p }),
        1 => p().prop_map(|p| Input::MediaBack { p }),
        1 => p().prop_map(|p| Input::MediaFailed { p }),
        1 => endpoint().prop_map(|endpoint| Input::SessionLost { endpoint }),
        1 => endpoint().prop_map(|endpoint| Input::SessionBack { endpoint }),
    ]
}

fn doing() -> impl Strategy<Value = Input> {
    let size = Size { width: 640, height: 360 };
    let update = move || prop::sample::select(vec![Update::Keep, Update::End, Update::Set(size)]);
    prop_oneof![
        (p(), any::<bool>()).prop_map(|(p, is_muted)| Input::Mute { p, is_muted }),
        (p(), prop::option::of(p())).prop_map(|(by, p)| Input::MuteOthers { by, p }),
        (p(), any::<bool>()).prop_map(|(p, is_held)| Input::Hold { p, is_held }),
        (p(), some(), any::<bool>()).prop_map(|(by, whose, is_raised)| Input::Hand { by, whose, is_raised }),
        p().prop_map(|p| Input::React { p, reaction: Reaction::Like }),
        (p(), some(), some(), any::<bool>()).prop_map(|(by, add, remove, clear)| Input::Spotlight {
            by,
            add,
            remove,
            clear
        }),
        p().prop_map(|p| Input::Text { p, text: LiveText { seq: 1, text: "x".into(), is_final: true } }),
        (p(), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()), some())
            .prop_map(|(by, audio, video, who)| Input::Access { by, audio, video, who }),
        (p(), update(), update()).prop_map(|(p, camera, screen)| Input::Sources { p, camera, screen }),
        (some(), some()).prop_map(|(speaking, dominant)| Input::Speaking { speaking, dominant }),
    ]
}

fn going() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => p().prop_map(|p| Input::HangUp { p, for_everyone: false }),
        1 => p().prop_map(|p| Input::HangUp { p, for_everyone: true }),
        4 => (p(), p()).prop_map(|(by, p)| Input::Remove { by, p }),
        2 => endpoint().prop_map(|endpoint| Input::SessionGone { endpoint, reason: Reason::CLOSED }),
        1 => endpoint().prop_map(|endpoint| Input::TokenEnded { endpoint }),
        1 => Just(Input::UserDeleted { user: "8:acs:joiner".into() }),
        1 => Just(Input::End { reason: Reason::BY_SERVICE }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => coming().prop_map(Happening::Input),
        12 => connection().prop_map(Happening::Input),
        6 => doing().prop_map(Happening::Input),
        2 => going().prop_map(Happening::Input),
        2 => (0_u64..200).prop_map(Happening::Pass),
        1 => Just(Happening::Restart),
    ]
}

fn begin(how: u8) -> World {
    let called = vec![leg("bob", None), leg("cid", None)];
    match how {
        0 => World::pair(),
        1 => World::start(Kind::Group { id: None }, called),
        2 => World::start(Kind::Group { id: Some("g".into()) }, Vec::new()),
        3 => World::start(Kind::Room { id: "9".into() }, Vec::new()),
        _ => {
            let mut echo = leg("echo123", None);
            echo.kind = ParticipantKind::Echo;
            World::start(Kind::Echo, vec![echo])
        }
    }
}

/// What was seen of a history, to compare with what comes.
#[derive(Default)]
struct Seen {
    highest: u32,
    over: BTreeMap<P, Reason>,
    added: BTreeSet<P>,
    removed: BTreeSet<P>,
    told_over: BTreeSet<P>,
    facts: usize,
    told: usize,
}

impl Seen {
    fn check(&mut self, world: &World) {
        self.check_legs(world);
        self.check_facts(world);
        Self::check_timers(world);
        self.check_told(world);
        if world.is_over {
            assert_eq!(self.added, self.removed, "everybody who was added has been removed");
            assert!(world.timers.is_empty() && world.ringing.is_empty() && world.policies.is_empty());
            assert_eq!(world.facts.last(), Some(&Fact::CallEnded));
        } else {
            let is_alive = world.call.legs().any(|(_, leg)| leg.state.is_active());
            let waits = world.timers.contains_key(&TimerId::Empty);
            assert!(is_alive || waits, "a call without an active leg is over, or an empty room that waits");
        }
    }

    fn check_legs(&mut self, world: &World) {
        for (p, leg) in world.call.legs() {
            if let Some(reason) = self.over.get(&p) {
                assert_eq!((leg.state, leg.reason), (LegState::Over, Some(*reason)), "{p:?} stays over");
            }
            self.highest = self.highest.max(p.0);
            if leg.state == LegState::Over {
                self.over.insert(p, leg.reason.expect("whoever is over has a reason"));
                assert!(leg.over_at.is_some());
            }
            let policy = world.policies.get(&p).copied().unwrap_or_default();
            if leg.is_silenced || !leg.may_speak || !leg.state.is_in() || leg.state == LegState::Held {
                assert!(!policy.is_heard, "{p:?} is not heard: {leg:?}");
            }
            assert!(leg.hand.is_none() || leg.state != LegState::Over);
        }
        assert!(world.call.next_p().0 > self.highest, "numbers grow");
        let living = world.call.legs().filter(|(_, leg)| leg.state != LegState::Over).count();
        assert!(living <= LIMITS.participants && world.call.spotlight().len() <= LIMITS.spotlight);
        for p in world.call.spotlight() {
            assert!(world.call.leg(*p).is_some_and(|leg| leg.state != LegState::Over), "{p:?} is there");
        }
        let ringing = world.call.legs().filter(|(_, leg)| leg.state.is_asked()).map(|(p, _)| p);
        assert_eq!(ringing.collect::<BTreeSet<P>>(), world.ringing, "who is called rings");
    }

    fn check_facts(&mut self, world: &World) {
        for fact in &world.facts[self.facts..] {
            match fact {
                Fact::ParticipantAdded(p) => assert!(self.added.insert(*p), "{p:?} is added once"),
                Fact::ParticipantRemoved(p) => {
                    assert!(self.added.contains(p) && self.removed.insert(*p), "{p:?} is removed once");
                }
                Fact::CallStarted | Fact::IncomingCall(_) | Fact::CallEnded => {}
            }
        }
        self.facts = world.facts.len();
        assert!(world.has_fact(Fact::CallEnded) <= 1);
    }

    /// Every timer is about something that it may still end.
    fn check_timers(world: &World) {
        for timer in world.timers.keys() {
            let state = |p: P| world.call.leg(p).map(|leg| leg.state);
            let is_apt = match *timer {
                TimerId::Ring(p) => state(p).is_some_and(LegState::is_asked),
                TimerId::Setup(p) => state(p) == Some(LegState::Joining),
                TimerId::Away(p) => matches!(state(p), Some(LegState::Away(_))),
                TimerId::Lobby(p) => state(p) == Some(LegState::InLobby),
                TimerId::Empty | TimerId::Longest => !world.is_over,
            };
            assert!(is_apt, "{timer:?} is set in vain: {:?}", world.call);
        }
        for (p, leg) in world.call.legs() {
            let has = |timer| world.timers.contains_key(&timer);
            match leg.state {
                LegState::Away(_) => assert!(has(TimerId::Away(p)), "{p:?} is not away for ever"),
                LegState::Joining if !leg.is_media_up => {
                    assert!(has(TimerId::Setup(p)), "{p:?} does not wait for ever");
                }
                LegState::InLobby => assert!(has(TimerId::Lobby(p))),
                LegState::Invited | LegState::Ringing => assert!(has(TimerId::Ring(p))),
                _ => {}
            }
        }
    }

    fn check_told(&mut self, world: &World) {
        for (p, notice) in &world.told[self.told..] {
            assert!(!self.told_over.contains(p), "{p:?} is told nothing after its end");
            if matches!(notice, Notice::LegOver { .. }) {
                self.told_over.insert(*p);
            }
        }
        self.told = world.told.len();
        for (p, leg) in
            world.call.legs().filter(|(_, leg)| leg.state == LegState::Over && leg.endpoint.is_some())
        {
            assert!(self.told_over.contains(&p), "{p:?} is told of its end: {leg:?}");
        }
    }
}

/// The server is away, and the call goes on from its rows.
fn restart(world: &mut World, seen: &mut Seen) {
    let kept = world.call.kept();
    let (call, effects) = Call::restore(kept.clone(), Times::default(), LIMITS, world.now);
    assert_eq!(call.kept(), kept, "nothing is lost but what rows do not keep");
    let now = world.now;
    *world = World::of(call, effects);
    world.now = now;
    (seen.facts, seen.told) = (0, 0);
    assert!(world.facts.is_empty(), "nothing happens by a restart");
}

fn play(mut world: World, happenings: Vec<Happening>) {
    let mut seen = Seen::default();
    seen.check(&world);
    for happening in happenings {
        match happening {
            Happening::Input(input) => drop(world.attempt(input)),
            Happening::Pass(seconds) => world.pass(Duration::from_secs(seconds)),
            Happening::Restart if !world.is_over => restart(&mut world, &mut seen),
            Happening::Restart => {}
        }
        seen.check(&world);
    }
    // Whatever stands, it ends.
    world.pass(Duration::from_hours(31));
    assert!(world.is_over, "no call is for ever: {:?}", world.call);
    seen.check(&world);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_in_every_history(
        how in 0_u8..5,
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        play(begin(how), happenings);
    }
}
