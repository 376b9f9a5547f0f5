//! Mute, hold, hands, reactions, spotlight, text, sources, access.

use std::sync::Arc;

use trunkline_calling_wire::{Capability, LegState as LegShows, ParticipantState, Reaction, Role, Size};

use super::world::{World, leg};
use crate::rules::{Change, Effect, Input, Kind, LiveText, Notice, P, Refusal, Sources, Update};

const CAMERA: Size = Size { width: 640, height: 360 };

#[test]
fn muting_oneself_is_shown_and_not_enforced() {
    let mut world = World::talk();
    world.forget_told();
    world.step(Input::Mute { p: P(1), is_muted: true });
    assert!(world.leg(1).is_muted && !world.leg(1).is_silenced && world.policies[&P(1)].is_heard);
    assert_eq!(world.told, [(P(2), Notice::Participant(P(1)))]);
    assert!(!world.has_saved(Change::Leg(P(1))));
}

#[test]
fn somebody_muted_by_another_is_not_heard_until_they_unmute() {
    let mut world = World::group(3);
    world.forget_told();
    world.step(Input::MuteOthers { by: P(1), p: Some(P(2)) });
    assert!(world.leg(2).is_muted && !world.policies[&P(2)].is_heard && world.policies[&P(2)].hears);
    assert!(world.was_told(2, &Notice::Muted { by: P(1) }) && world.was_told(3, &Notice::Participant(P(2))));
    world.step(Input::Mute { p: P(2), is_muted: true });
    assert!(!world.policies[&P(2)].is_heard, "the client only says what it was told");
    world.step(Input::Mute { p: P(2), is_muted: false });
    assert!(world.policies[&P(2)].is_heard && !world.leg(2).is_silenced);
}

#[test]
fn all_others_are_muted() {
    let mut world = World::group(3);
    world.step(Input::Mute { p: P(3), is_muted: true });
    world.forget_told();
    world.step(Input::MuteOthers { by: P(1), p: None });
    assert!(!world.leg(1).is_muted && world.leg(2).is_muted && !world.leg(3).is_silenced);
    assert!(!world.was_told(3, &Notice::Muted { by: P(1) }), "was muted already");
}

#[test]
fn hold_stops_media_both_ways() {
    let mut world = World::talk();
    world.forget_told();
    world.step(Input::Hold { p: P(1), is_held: true });
    let policy = world.policies[&P(1)];
    assert!(!policy.is_heard && !policy.is_seen && !policy.may_share && !policy.hears && !policy.sees);
    assert_eq!(world.shows(1), (LegShows::Hold, ParticipantState::Hold));
    assert_eq!(world.shows(2), (LegShows::RemoteHold, ParticipantState::Connected));
    assert!(world.was_told(1, &Notice::Leg) && world.was_told(2, &Notice::Leg));
    assert!(world.has_saved(Change::Leg(P(1))));

    world.step(Input::Hold { p: P(1), is_held: true });
    assert!(world.last.is_empty(), "asked twice");
    world.step(Input::Hold { p: P(1), is_held: false });
    assert!(world.policies[&P(1)].is_heard);
    assert_eq!(world.shows(2).0, LegShows::Connected);
}

#[test]
fn in_a_group_nobody_else_is_on_hold() {
    let mut world = World::group(2);
    world.step(Input::Hold { p: P(1), is_held: true });
    assert_eq!(world.shows(2).0, LegShows::Connected);
}

#[test]
fn hands_keep_their_order() {
    let mut world = World::group(3);
    let raise = |p, is_raised| Input::Hand { by: P(p), whose: vec![], is_raised };
    world.step(raise(2, true));
    world.step(raise(1, true));
    world.step(raise(2, true));
    assert_eq!((world.leg(2).hand, world.leg(1).hand), (Some(1), Some(2)));
    world.step(raise(2, false));
    world.step(raise(2, true));
    assert_eq!(world.leg(2).hand, Some(3));
    world.step(Input::Hand { by: P(3), whose: vec![P(1), P(2)], is_raised: false });
    assert_eq!((world.leg(1).hand, world.leg(2).hand), (None, None));
    world.refused(Input::Hand { by: P(3), whose: vec![P(1)], is_raised: true }, Refusal::NotAllowed);
    world.refused(Input::Hand { by: P(3), whose: vec![P(9)], is_raised: false }, Refusal::UnknownParticipant);
}

#[test]
fn reactions_and_text_go_to_all() {
    let mut world = World::group(2);
    world.forget_told();
    world.step(Input::React { p: P(1), reaction: Reaction::Heart });
    let told = Notice::Reaction { p: P(1), reaction: Reaction::Heart };
    assert_eq!(world.told, [(P(1), told.clone()), (P(2), told)]);

    world.forget_told();
    let text = LiveText { seq: 1, text: Arc::from("hello"), is_final: false };
    world.step(Input::Text { p: P(2), text: text.clone() });
    let told = Notice::Text { p: P(2), text, at: world.now };
    assert_eq!(world.told, [(P(1), told.clone()), (P(2), told)]);
}

#[test]
fn at_most_so_many_are_shown_large() {
    let mut world = World::group(4);
    let spotlight = |add: &[u32], remove: &[u32], clear| Input::Spotlight {
        by: P(1),
        add: add.iter().map(|p| P(*p)).collect(),
        remove: remove.iter().map(|p| P(*p)).collect(),
        clear,
    };
    world.step(spotlight(&[2, 3], &[], false));
    assert_eq!(world.call.spotlight(), [P(2), P(3)]);
    assert!(world.last.contains(&Effect::Order(vec![P(2), P(3)])));
    world.refused(spotlight(&[4], &[], false), Refusal::Full);
    world.step(spotlight(&[4], &[2], false));
    assert_eq!(world.call.spotlight(), [P(3), P(4)]);
    world.step(Input::Speaking { speaking: vec![P(1)], dominant: vec![P(1), P(3)] });
    assert!(world.last.contains(&Effect::Order(vec![P(3), P(4), P(1)])));
    world.step(spotlight(&[], &[], true));
    assert!(world.call.spotlight().is_empty());
    world.refused(spotlight(&[9], &[], false), Refusal::UnknownParticipant);
}

#[test]
fn who_speaks_is_told_on_change() {
    let mut world = World::group(2);
    let speaking = Input::Speaking { speaking: vec![P(2), P(9)], dominant: vec![P(2)] };
    world.step(speaking.clone());
    assert_eq!((world.call.speaking(), world.call.dominant()), (&[P(2)][..], &[P(2)][..]));
    assert!(world.was_told(1, &Notice::Speaking));
    world.step(speaking);
    assert!(world.last.is_empty());
}

#[test]
fn sources_change_what_they_name() {
    let mut world = World::talk();
    world.step(Input::Sources { p: P(1), camera: Update::Set(CAMERA), screen: Update::Keep });
    world.step(Input::Sources { p: P(1), camera: Update::Keep, screen: Update::Set(CAMERA) });
    let both = Sources { camera: Some(CAMERA), screen: Some(CAMERA) };
    assert_eq!(world.leg(1).sources, both);
    assert!(world.last.contains(&Effect::Sources { p: P(1), sources: both }));
    world.step(Input::Sources { p: P(1), camera: Update::End, screen: Update::Keep });
    assert_eq!(world.leg(1).sources.camera, None);
    world.step(Input::Sources { p: P(1), camera: Update::End, screen: Update::Keep });
    assert!(world.last.is_empty());
}

#[test]
fn what_roles_do_not_permit_is_refused() {
    let mut world = World::start(Kind::Room { id: "9".into() }, Vec::new());
    world.up(P(1));
    for (number, role) in [(2, Role::Attendee), (3, Role::Consumer)] {
        let mut joining = leg("x", Some(number));
        joining.role = role;
        world.step(Input::Join { leg: joining });
        world.up(P(u32::try_from(number).unwrap()));
    }
    let spotlight = Input::Spotlight { by: P(2), add: vec![P(1)], remove: vec![], clear: false };
    let refused = [
        Input::MuteOthers { by: P(2), p: None },
        spotlight,
        Input::Sources { p: P(2), camera: Update::Keep, screen: Update::Set(CAMERA) },
        Input::Sources { p: P(3), camera: Update::Set(CAMERA), screen: Update::Keep },
        Input::Mute { p: P(3), is_muted: false },
        Input::React { p: P(3), reaction: Reaction::Like },
        Input::Add { by: P(2), legs: vec![leg("y", None)] },
        Input::Admit { by: P(2), who: vec![] },
        Input::Access { by: P(2), audio: Some(false), video: None, who: vec![] },
        Input::Hand { by: P(2), whose: vec![P(1)], is_raised: false },
    ];
    for input in refused {
        world.refused(input, Refusal::NotAllowed);
    }
    assert!(
        !world.policies[&P(3)].is_heard && !world.policies[&P(2)].may_share && world.policies[&P(2)].is_heard
    );
    world.step(Input::Hand { by: P(3), whose: vec![], is_raised: true });
}

#[test]
fn nothing_is_done_by_those_who_are_not_in() {
    let mut world = World::group(1);
    world.join("bob", 2);
    for input in [
        Input::MuteOthers { by: P(2), p: None },
        Input::Hold { p: P(2), is_held: true },
        Input::React { p: P(2), reaction: Reaction::Like },
        Input::Hand { by: P(2), whose: vec![], is_raised: true },
        Input::Spotlight { by: P(1), add: vec![P(2)], remove: vec![], clear: false },
        Input::MuteOthers { by: P(1), p: Some(P(2)) },
    ] {
        world.refused(input, Refusal::NotNow);
    }
    world.step(Input::Mute { p: P(2), is_muted: true });
}

#[test]
fn microphones_and_cameras_are_forbidden_and_allowed() {
    let mut world = World::group(3);
    world.step(Input::Sources { p: P(2), camera: Update::Set(CAMERA), screen: Update::Keep });
    world.forget_told();
    world.step(Input::Access { by: P(1), audio: Some(false), video: Some(false), who: vec![P(2)] });
    assert!(
        !world.policies[&P(2)].is_heard && !world.policies[&P(2)].is_seen && world.policies[&P(3)].is_heard
    );
    assert!(!world.leg(2).may(Capability::UnmuteMic) && !world.leg(2).may(Capability::TurnVideoOn));
    assert_eq!(world.leg(2).sources.camera, None);
    assert!(world.was_told(2, &Notice::Leg) && world.was_told(2, &Notice::Muted { by: P(1) }));
    assert!(world.has_saved(Change::Leg(P(2))));
    world.refused(Input::Mute { p: P(2), is_muted: false }, Refusal::NotAllowed);
    let camera = Input::Sources { p: P(2), camera: Update::Set(CAMERA), screen: Update::Keep };
    world.refused(camera.clone(), Refusal::NotAllowed);

    world.step(Input::Access { by: P(1), audio: Some(true), video: Some(true), who: vec![] });
    world.step(Input::Mute { p: P(2), is_muted: false });
    world.step(camera);
    assert!(world.policies[&P(2)].is_heard && world.policies[&P(2)].is_seen);
}
