//! Whose datagram it is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use trunkline_media::testing::Whose;
use trunkline_sfu::{Now, PeerKey};

const ANN: PeerKey = PeerKey(1);
const BEN: PeerKey = PeerKey(2);

/// The bytes are one datagram, from the address of Ann, of Ben, and of a stranger.
pub(crate) fn run(bytes: &[u8]) {
    let [of_ann, of_ben, of_stranger] = [1, 2, 3].map(address);
    let mut whose = Whose::default();
    whose.add(ANN, "annannann", of_ann);
    whose.add(BEN, "benbenben", of_ben);
    let mut found = [of_ann, of_ben, of_stranger].map(|source| whose.find(source, bytes, Now::ZERO));
    if bytes.first().is_some_and(|first| *first < 20) {
        // By the name alone: the address says nothing.
        assert!(found[0] == found[1] && found[1] == found[2], "{found:?}");
        let text = String::from_utf8_lossy(bytes);
        for (peer, name) in [(ANN, "annannann:"), (BEN, "benbenben:")] {
            assert!(found[0] != Ok(peer) || text.contains(name));
        }
        // The same again is the same again, until there are too many of a stranger.
        found = [of_ann, of_ben, of_stranger].map(|source| whose.find(source, bytes, Now::ZERO));
        let taken = (0..200).filter(|_| whose.find(of_stranger, bytes, Now::ZERO).is_ok()).count();
        assert!(taken <= 98, "{taken} checks of a stranger within a second");
    } else {
        // By the address alone: a stranger is nobody.
        assert!(found[0] != Ok(BEN) && found[1] != Ok(ANN) && found[2].is_err(), "{found:?}");
    }
    assert!(found.iter().all(|one| matches!(one, Ok(_) | Err("form" | "unknown_name" | "unknown_address"))));
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), 5_000)
}
