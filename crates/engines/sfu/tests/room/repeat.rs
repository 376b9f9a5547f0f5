//! The same chance makes the same run, to the byte.

use trunkline_sfu::{PeerKey, SlotKey, SourceKind};

use crate::world::{HD, Network, SMALL, World, camera};

/// A busy room in which everything happens, by chance.
fn run(seed: u64) -> String {
    let mut world = World::new(seed);
    world.log = Some(String::new());
    world.network = Network { loss_percent: 4, jitter_ms: 20, repair_ms: Some(70) };
    let mut people: Vec<PeerKey> = Vec::new();
    for round in 0..60 {
        let somebody = |world: &mut World, people: &[PeerKey]| {
            let index = world.chance.below(people.len().max(1) as u64);
            people.get(usize::try_from(index).expect("small")).copied().unwrap_or(PeerKey(0))
        };
        let one = somebody(&mut world, &people);
        let other = somebody(&mut world, &people);
        match world.chance.below(8) {
            0..=2 if people.len() < 7 => {
                let key = world.join(round + 1, 2, 3);
                world.talk(key, -30);
                world.show(key, SourceKind::Camera, HD, 3);
                people.push(key);
            }
            3 if people.len() > 3 => {
                people.retain(|peer| *peer != one);
                world.hide(one, SourceKind::Camera);
                world.room.remove_peer(one, world.now);
            }
            4 => world.talk(one, if round % 2 == 0 { -90 } else { -15 }),
            5 => world.want(one, &[(camera(other), HD), (camera(PeerKey(round)), SMALL)]),
            6 => {
                let estimate = 100_000 + world.chance.below(4_000_000);
                world.room.handle_estimate(one, estimate, world.now);
            }
            _ => world.room.handle_keyframe_request(one, SlotKey { is_video: true, index: 0 }, world.now),
        }
        world.run_ms(250);
    }
    for ((_, slot), received) in &world.received {
        if slot.is_video {
            received.frames();
        }
    }
    world.log.take().expect("it was asked for")
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let first = run(1);
    assert!(first.lines().count() > 1_000);
    assert!(first == run(1), "two different runs");
}

#[test]
fn whatever_happens_every_stream_is_one_stream() {
    for seed in 100..103 {
        run(seed);
    }
}
