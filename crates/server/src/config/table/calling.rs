//! Settings: calls and their media.

use super::{Preset, Setting, differs, integer, setting};
use crate::config::kind::{Item, Kind};

pub(super) const CALLING: &[Setting] = &[
    setting(
        "calling.ring_s",
        integer(5, 600, "seconds"),
        Preset::Same("85"),
        "How long a call rings before it counts as not answered.",
    ),
    setting(
        "calling.rejoin_s",
        integer(5, 3_600, "seconds"),
        Preset::Same("120"),
        "How long somebody who lost the connection may come back into a call, also after the server was away.",
    ),
    setting(
        "calling.participants_max",
        integer(2, 1_000, "participants"),
        Preset::Same("350"),
        "How many people may be in a call.",
    ),
    setting(
        "calling.sessions_max",
        integer(1, 1_000_000, "sessions"),
        Preset::Same("20000"),
        "Clients that may be connected for calls to this process.",
    ),
    setting(
        "calling.sessions_per_user",
        integer(1, 1_000, "sessions"),
        Preset::Same("10"),
        "Clients of one user that may be connected for calls; one that waits for its socket makes room for a further one, else that is refused.",
    ),
    setting(
        "calling.on_token_end",
        Kind::Choice(&["end", "keep"]),
        Preset::Same("end"),
        "What happens to running calls of somebody whose access token ends or is revoked: they end, or they go on and only new actions are refused.",
    ),
    setting(
        "calling.history_days",
        integer(1, 3_650, "days"),
        Preset::Same("30"),
        "How long ended calls are kept, with who was in them and how good the media was.",
    ),
    setting(
        "media.port",
        integer(0, 65_000, "port"),
        differs("0", "10000"),
        "The first UDP and TCP port for media; each media thread has one, counted up from it. 0: any free ports.",
    ),
    setting(
        "media.addresses",
        Kind::List(Item::Address),
        Preset::Same(""),
        "Addresses that media is received on. Empty: every address of the machine.",
    ),
    setting(
        "media.public_addresses",
        Kind::List(Item::Address),
        Preset::Same(""),
        "Addresses told to clients in place of the machine's own, where it stands behind NAT; ports are the same outside and inside.",
    ),
    setting(
        "media.threads",
        integer(0, 256, "threads"),
        Preset::Same("0"),
        "Media threads, and so ports. 0: one per core.",
    ),
    setting(
        "media.tcp",
        Kind::Switch,
        Preset::Same("true"),
        "Whether media may come over TCP, for clients whose networks let no UDP through.",
    ),
    setting(
        "media.peers_max",
        integer(2, 1_000_000, "participants"),
        Preset::Same("10000"),
        "Participants whose media this process takes; a further one is refused.",
    ),
    setting(
        "relay.port",
        Kind::PortOrOff,
        differs("0", "3478"),
        "The UDP and TCP port of the relay (TURN) for networks that let media through no other way. 0: any free one. `off`: no relay.",
    ),
    setting(
        "relay.allowed_networks",
        Kind::List(Item::Network),
        Preset::Same(""),
        "Networks that are not public (loopback, private, link-local) and that the relay may lead to all the same. Our own media ports are always reached.",
    ),
    setting(
        "relay.allocations_max",
        integer(1, 28_000, "allocations"),
        Preset::Same("10000"),
        "Relays at a time; each takes a port of the machine.",
    ),
    setting(
        "relay.kbps_max",
        integer(0, 1_000_000, "kbit/s"),
        Preset::Same("8000"),
        "What one relay passes on each way. 0: no bound.",
    ),
    setting(
        "relay.tcp_allocations",
        Kind::Switch,
        Preset::Same("false"),
        "Whether clients of the relay may have TCP connections with peers (RFC 6062). Calls need none.",
    ),
];
