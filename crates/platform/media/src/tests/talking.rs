//! Clients hear and see each other.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use trunkline_sfu::testing::{Sent, Vp8Frame, opus, vp8};
use trunkline_sfu::{Codec, Layer};

use super::world::{World, id};
use crate::{NamedSource, Path, PeerId, RoomEvent, Size, SlotPhase, SourceKind, Sources};

/// The first second of audio, as it was sent.
fn first_packets() -> Vec<Vec<u8>> {
    (0..50).map(opus).collect()
}

/// Everybody hears the other from the first packet, in order and unchanged.
fn hears_all(world: &mut World, speaker: usize, listener: usize) {
    world.speak_until(speaker, "a second is heard", |world| world.clients[listener].heard().count() >= 50);
    let heard: Vec<_> =
        world.clients[listener].heard().take(50).map(|packet| packet.payload.to_vec()).collect();
    assert_eq!(heard, first_packets());
}

#[test]
fn two_clients_hear_each_other() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());
    hears_all(&mut world, alice, bob);
    hears_all(&mut world, bob, alice);
    let is_own = |event: &RoomEvent| match event {
        RoomEvent::Slots { peer, slots } => {
            slots.iter().any(|slot| slot.source.is_some_and(|source| source.peer == *peer))
        }
        _ => false,
    };
    assert!(!world.has_event(is_own), "nobody hears itself");
    let up: Vec<_> =
        world.events.iter().filter(|event| matches!(event, RoomEvent::Up { path: Path::Udp, .. })).collect();
    assert_eq!(up.len(), 2, "{up:?}");
    assert!(world.metrics.received.get() >= 100);
    assert!(world.metrics.sent.get() >= 100);
    assert_eq!(world.metrics.peers.get(), 2);
}

#[test]
fn tcp_reaches_those_whose_networks_block_udp() {
    let mut world = World::new();
    let (alice, bob) = (world.connect_tcp(), world.connect());
    hears_all(&mut world, alice, bob);
    hears_all(&mut world, bob, alice);
    let is_tcp =
        |event: &RoomEvent| matches!(event, RoomEvent::Up { peer, path: Path::Tcp } if *peer == id(alice));
    assert!(world.has_event(is_tcp), "{:?}", world.events);
    assert_eq!(world.metrics.connections.get(), 1);
}

#[test]
fn a_server_behind_a_nat_tells_its_public_address() {
    // Clients reach 127.0.0.9, and datagrams for it come to the server as if a NAT had passed them on.
    let mut world = World::with(|config| {
        config.listen = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        config.public = vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9))];
    });
    let (alice, bob) = (world.connect(), world.connect());
    hears_all(&mut world, alice, bob);
}

#[test]
fn pictures_come_with_a_name_for_their_line() {
    let mut world = World::new();
    let (alice, bob) = (world.connect(), world.connect());
    let camera = Some(Size { width: 640, height: 360 });
    world.room().set_sources(id(alice), Sources { audio: true, camera, screen: None });
    let (mut picture, mut next) = (1, Duration::ZERO);
    world.until("pictures come", |world| {
        let now = world.now();
        if now >= next {
            let payload = vp8(Vp8Frame { picture_id: picture, ..Vp8Frame::default() });
            let sent = Sent {
                kind: SourceKind::Camera,
                layer: Layer::Low,
                codec: Codec::Vp8,
                timestamp: u32::from(picture) * 3_000,
                marker: true,
                level_dbov: None,
                payload,
            };
            world.clients[alice].send(sent, now);
            picture += 1;
            next = now + Duration::from_millis(33);
        }
        world.clients[bob].received().any(|packet| packet.slot.is_video && packet.payload.len() >= 1_000)
    });
    let source = NamedSource { peer: id(alice), kind: SourceKind::Camera };
    let is_named = |event: &RoomEvent| {
        let RoomEvent::Slots { peer, slots } = event else { return false };
        let mut shown =
            slots.iter().filter(|slot| slot.source == Some(source) && slot.phase == SlotPhase::Live);
        *peer == id(bob) && shown.any(|slot| slot.slot.is_video && !slot.mid.is_empty())
    };
    world.until("the line is named", |world| world.has_event(is_named));
    assert!(!world.has_event(|event| matches!(event, RoomEvent::Failed { .. })));
}

#[test]
fn the_echo_says_again_what_it_heard() {
    let mut world = World::new();
    let echo = PeerId(99);
    world.room().join_loop(echo, Duration::from_millis(200));
    let alice = world.connect();

    let mut first_said = None;
    world.speak_until(alice, "the echo is heard", |world| {
        first_said.get_or_insert(world.now());
        world.clients[alice].heard().count() >= 10
    });

    let heard: Vec<_> = world.clients[alice].heard().take(10).map(|packet| packet.payload.to_vec()).collect();
    assert!(first_packets().windows(10).any(|said| said == heard), "as it was said, without a gap");
    let earliest = first_said.expect("something was said") + Duration::from_millis(200);
    assert!(world.now() >= earliest, "not before the delay");
    let about_echo = |event: &RoomEvent| matches!(event, RoomEvent::Slots { peer, .. } | RoomEvent::Need { peer, .. } | RoomEvent::Layers { peer, .. } if *peer == echo);
    assert!(!world.has_event(about_echo), "nobody has to tell the echo anything");
}
