//! Fewer or more receiving lines than there is to show.

use trunkline_sfu::{Codec, Lines, PeerKey, RoomOutput, Size, SourceKind, Want};

use crate::world::{SMALL, World, audio, camera, screen};

#[test]
fn who_has_not_wished_sees_the_first_four_and_screens() {
    let mut world = World::new(1);
    let ann = world.join(1, 8, 8);
    let others: Vec<PeerKey> = (2..8).map(|peer| world.join(peer, 8, 8)).collect();
    for other in &others {
        world.show(*other, SourceKind::Camera, SMALL, 1);
    }
    world.show(others[5], SourceKind::Screen, SMALL, 1);
    world.run_ms(1_000);
    let shown: Vec<_> = world.owners(ann, true).into_iter().flatten().collect();
    let expect: Vec<_> =
        [screen(others[5])].into_iter().chain(others[..4].iter().map(|peer| camera(*peer))).collect();
    assert_eq!(sorted(shown), sorted(expect));
}

fn sorted(mut sources: Vec<trunkline_sfu::SourceKey>) -> Vec<trunkline_sfu::SourceKey> {
    sources.sort();
    sources
}

#[test]
fn more_lines_are_asked_for_once() {
    let mut world = World::new(2);
    let ann = world.join(1, 2, 2);
    for peer in 2..8 {
        let other = world.join(peer, 8, 8);
        world.show(other, SourceKind::Camera, SMALL, 1);
    }
    world.run_ms(1_000);
    let needs = |world: &mut World| -> Vec<RoomOutput> {
        let is_need =
            |output: &RoomOutput| matches!(output, RoomOutput::NeedLines { peer, .. } if *peer == ann);
        world.outputs_like(is_need).into_iter().map(|(_, output)| output).collect()
    };
    assert_eq!(needs(&mut world), [RoomOutput::NeedLines { peer: ann, audio: 8, video: 4 }]);

    let lines = Lines { audio: 8, video: 4, receives: Codec::ALL.into_iter().collect() };
    world.room.set_lines(ann, lines, world.now);
    world.run_ms(1_000);
    assert_eq!(needs(&mut world), []);
    assert_eq!(world.owners(ann, true).iter().flatten().count(), 4);
    assert_eq!(world.owners(ann, false).iter().flatten().count(), 6);
}

#[test]
fn a_source_keeps_its_slot_while_others_come_and_go() {
    let mut world = World::new(3);
    let ann = world.join(1, 4, 4);
    let [ben, cleo, dan] = [2, 3, 4].map(|peer| {
        let key = world.join(peer, 4, 4);
        world.show(key, SourceKind::Camera, SMALL, 1);
        key
    });
    world.run_ms(500);
    assert_eq!(world.owners(ann, true), [Some(camera(ben)), Some(camera(cleo)), Some(camera(dan)), None]);
    assert_eq!(world.owners(ann, false), [Some(audio(ben)), Some(audio(cleo)), Some(audio(dan)), None]);
    world.room.remove_peer(ben, world.now);
    world.run_ms(500);
    assert_eq!(world.owners(ann, true), [None, Some(camera(cleo)), Some(camera(dan)), None]);
    let eve = world.join(5, 4, 4);
    world.show(eve, SourceKind::Camera, SMALL, 1);
    world.run_ms(500);
    assert_eq!(world.owners(ann, true), [Some(camera(eve)), Some(camera(cleo)), Some(camera(dan)), None]);
    assert_eq!(world.owners(ann, false), [Some(audio(eve)), Some(audio(cleo)), Some(audio(dan)), None]);
}

#[test]
fn the_most_important_are_shown_where_not_all_fit() {
    let mut world = World::new(4);
    let ann = world.join(1, 4, 2);
    let others: Vec<PeerKey> = (2..7).map(|peer| world.join(peer, 4, 4)).collect();
    for other in &others {
        world.show(*other, SourceKind::Camera, SMALL, 1);
    }
    let want = |index: usize, height, priority| Want {
        source: camera(others[index]),
        size: Size { width: 320, height },
        priority,
    };
    let shown = |world: &mut World| {
        world.run_ms(500);
        sorted(world.owners(ann, true).into_iter().flatten().collect())
    };
    // By size, where nothing else is said.
    let wants = [want(0, 90, 0), want(1, 180, 0), want(2, 360, 0), want(3, 180, 0)];
    world.room.set_wants(ann, &wants, 9, world.now);
    assert_eq!(shown(&mut world), [camera(others[1]), camera(others[2])]);
    // The spotlight comes before size.
    world.room.set_priority(&[others[0]], world.now);
    assert_eq!(shown(&mut world), [camera(others[0]), camera(others[2])]);
    // What the receiver says comes before the spotlight.
    world.room.set_wants(ann, &[want(0, 90, 0), want(1, 90, 1), want(3, 90, 2)], 9, world.now);
    assert_eq!(shown(&mut world), [camera(others[1]), camera(others[3])]);
    // Cameras are bounded by the receiver, screens are not.
    world.show(others[4], SourceKind::Screen, SMALL, 1);
    let screens = Want { source: screen(others[4]), size: SMALL, priority: 0 };
    world.room.set_wants(ann, &[want(0, 90, 0), want(1, 90, 1), screens], 1, world.now);
    assert_eq!(shown(&mut world), [camera(others[1]), screen(others[4])]);
}

#[test]
fn sound_and_picture_of_one_person_share_a_number() {
    let mut world = World::new(5);
    let ann = world.join(1, 4, 4);
    let others: Vec<PeerKey> = (2..5).map(|peer| world.join(peer, 4, 4)).collect();
    world.run_ms(100);
    world.show(others[2], SourceKind::Camera, SMALL, 1);
    world.run_ms(100);
    assert_eq!(world.owners(ann, true), [None, None, Some(camera(others[2])), None]);
}

#[test]
fn wishes_for_nothing_that_is_there_are_ignored() {
    let mut world = World::new(6);
    let (ann, ben) = (world.join(1, 2, 2), world.join(2, 2, 2));
    world.show(ben, SourceKind::Camera, SMALL, 1);
    let sizes =
        [(camera(PeerKey(77)), SMALL), (camera(ann), SMALL), (screen(ben), SMALL), (audio(ben), SMALL)];
    world.want(ann, &sizes);
    world.run_ms(500);
    assert_eq!(world.owners(ann, true), [None, None]);
    world.want(PeerKey(78), &sizes);
    world.run_ms(10);
}
