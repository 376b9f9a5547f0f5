//! Hostile bytes for every parser of calling that reads what strangers or clients send.
//!
//! A target is a function over bytes that panics when something is wrong, and it asserts more than that nothing panics:
//! what is written is read again, bounds hold, nobody gets what is somebody else's. Two things feed them:
//!
//! * `cargo xtask fuzz NAME`: libFuzzer, which looks for bytes that reach new code (`main.rs`, feature `driver`);
//! * the tests of this crate, in every `cargo xtask test`: the corpus, and changed copies of it.
//!
//! Seeds are the files of `corpus/NAME`. Bytes that broke something become one of them, and a test with a name where
//! the code was wrong.

mod frames;
mod input;
mod offer;
mod payload;
mod peer;
mod room;
mod rtcp;
mod signalling;
mod stun;
mod turn;
mod websocket;
mod whose;

/// One parser and what must hold for it.
#[derive(Clone, Copy)]
pub struct Target {
    /// What `cargo xtask fuzz` takes.
    pub name: &'static str,
    /// One line for `cargo xtask fuzz --list`.
    pub what: &'static str,
    /// Panics when something is wrong.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "offer",
        what: "session descriptions: our check, then the library, then a second one",
        run: offer::run,
    },
    Target {
        name: "peer",
        what: "datagrams to a transport whose client has not connected yet",
        run: peer::run,
    },
    Target { name: "whose", what: "whose datagram it is, before anything else looks at it", run: whose::run },
    Target {
        name: "stun",
        what: "STUN messages: attributes, integrity and fingerprint, read and written again",
        run: stun::run,
    },
    Target {
        name: "turn",
        what: "the relay as a whole: several clients and peers, with and without credentials",
        run: turn::run,
    },
    Target {
        name: "frames",
        what: "streams cut anywhere: media over TCP (RFC 4571), TURN over TCP and TLS",
        run: frames::run,
    },
    Target { name: "payload", what: "payloads of video codecs and redundant audio", run: payload::run },
    Target {
        name: "room",
        what: "a room of clients that send any packets, wishes and data messages",
        run: room::run,
    },
    Target {
        name: "rtcp",
        what: "reports and feedback of receivers, read and written again",
        run: rtcp::run,
    },
    Target {
        name: "signalling",
        what: "messages of the signalling protocol, read and written again",
        run: signalling::run,
    },
    Target { name: "websocket", what: "WebSocket frames of a client, cut anywhere", run: websocket::run },
];

/// The target of that name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
