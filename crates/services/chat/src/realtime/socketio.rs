//! Frames of the realtime channel: the part of Socket.IO 0.9 that the SDK speaks.
//!
//! ```text
//! type : id[+] : endpoint [: data]
//!
//! 0::            bye                      5:N+::{…}      event N, wants an answer
//! 1::            hello                    6:::N+[…]      answer to event N
//! 2::            heartbeat                8::            nothing (an empty poll)
//! 3:::{…}        a request, or its answer
//! ```

use std::borrow::Cow;

use serde::Deserialize;

/// Digits of the longest event id that is answered.
const ID_DIGITS_MAX: usize = 18;

/// The separator of frames in one answer to a poll.
const BATCH_MARK: char = '\u{fffd}';

/// A frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The client leaves.
    Disconnect,
    /// A hello, which clients do not send.
    Connect,
    /// The answer to our heartbeat.
    Heartbeat,
    /// The answer to one of our requests; any status in it means that it was received.
    Response {
        /// The id of the request.
        id: u64,
    },
    /// Something happened at the client.
    Event {
        /// Under which id the client wants an answer.
        id: Option<u64>,
        /// What happened.
        name: Cow<'a, str>,
    },
    /// Valid and of no use here: an answer to an event of ours, an error, nothing at all.
    Other,
}

/// Why a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame is not one of Socket.IO 0.9")]
pub(crate) struct BrokenFrame;

#[derive(Deserialize)]
struct ResponseData {
    id: u64,
}

#[derive(Deserialize)]
struct EventData<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl<'a> Packet<'a> {
    /// Reads one frame.
    pub(crate) fn parse(frame: &'a str) -> Result<Self, BrokenFrame> {
        let mut parts = frame.splitn(4, ':');
        let kind = parts.next().ok_or(BrokenFrame)?;
        let id = parts.next().ok_or(BrokenFrame)?;
        // The namespace; there is one only.
        parts.next().ok_or(BrokenFrame)?;
        let data = parts.next().unwrap_or("");
        match kind {
            "0" => Ok(Self::Disconnect),
            "1" => Ok(Self::Connect),
            "2" => Ok(Self::Heartbeat),
            "3" => {
                let response: ResponseData = serde_json::from_str(data).map_err(|_| BrokenFrame)?;
                Ok(Self::Response { id: response.id })
            }
            "5" => {
                let event: EventData<'a> = serde_json::from_str(data).map_err(|_| BrokenFrame)?;
                Ok(Self::Event { id: parse_id(id)?, name: event.name })
            }
            "4" | "6" | "7" | "8" => Ok(Self::Other),
            _ => Err(BrokenFrame),
        }
    }
}

/// The id of an event that wants an answer: digits and a plus. Without the plus nobody waits.
fn parse_id(text: &str) -> Result<Option<u64>, BrokenFrame> {
    let Some(digits) = text.strip_suffix('+') else {
        return if text.bytes().all(|byte| byte.is_ascii_digit()) { Ok(None) } else { Err(BrokenFrame) };
    };
    if digits.len() > ID_DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BrokenFrame);
    }
    digits.parse().map(Some).map_err(|_| BrokenFrame)
}

/// Hello.
pub(crate) const CONNECT: &str = "1::";
/// Are you there.
pub(crate) const HEARTBEAT: &str = "2::";
/// Nothing happened while a poll waited.
pub(crate) const NOOP: &str = "8::";
/// The server leaves.
pub(crate) const DISCONNECT: &str = "0::";
/// The token is no longer good: the client asks its application for another and comes back.
pub(crate) const UNAUTHORIZED: &str = r#"0:::{"reason":"unauthorized"}"#;
/// The server wants the client elsewhere: it builds a new connection first and then leaves this one.
pub(crate) const MOVE: &str = r#"5:::{"name":"trouter.reconnect","args":[{"target":"self"}]}"#;
/// The connection is good for this long, in seconds; then the server moves it. Registrations follow it.
pub(crate) const CONNECTED: &str = r#"5:::{"name":"trouter.connected","args":[{"ttl":3600,"dur":"1"}]}"#;

/// The answer to event `id`.
pub(crate) fn event_answer(id: u64, is_ping: bool) -> String {
    format!("6:::{id}+[{}]", if is_ping { r#""pong""# } else { "" })
}

/// Several frames as one answer to a poll; one alone stands bare. Lengths count UTF-16 units.
pub(crate) fn polling_batch(frames: &[impl AsRef<str>]) -> String {
    if let [only] = frames {
        return only.as_ref().to_owned();
    }
    let mut batch = String::new();
    for frame in frames {
        let frame = frame.as_ref();
        let units = frame.encode_utf16().count();
        batch.push_str(&format!("{BATCH_MARK}{units}{BATCH_MARK}{frame}"));
    }
    batch
}

/// The frames in what a client posted: one, or a batch.
pub(crate) fn split_batch(text: &str) -> Result<Vec<&str>, BrokenFrame> {
    if !text.starts_with(BATCH_MARK) {
        return Ok(vec![text]);
    }
    let (mut frames, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let counted = rest.strip_prefix(BATCH_MARK).ok_or(BrokenFrame)?;
        let (units, frame) = counted.split_once(BATCH_MARK).ok_or(BrokenFrame)?;
        let units: usize = units.parse().map_err(|_| BrokenFrame)?;
        let end = utf16_prefix(frame, units).ok_or(BrokenFrame)?;
        let (frame, after) = frame.split_at(end);
        frames.push(frame);
        rest = after;
    }
    Ok(frames)
}

/// The length in bytes of the first `units` UTF-16 units.
fn utf16_prefix(text: &str, units: usize) -> Option<usize> {
    let mut counted = 0;
    for (index, character) in text.char_indices() {
        if counted >= units {
            return (counted == units).then_some(index);
        }
        counted += character.len_utf16();
    }
    (counted == units).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(id: Option<u64>, name: &str) -> Packet<'_> {
        Packet::Event { id, name: name.into() }
    }

    #[test]
    fn frames_of_the_sdk_are_read() {
        let answer = r#"3:::{"id":7,"status":404,"headers":{"MS-CV":"a.0.0","trouter-client":"{\"cd\":1}"},"body":""}"#;
        let cases = [
            ("0::", Packet::Disconnect),
            ("2::", Packet::Heartbeat),
            (answer, Packet::Response { id: 7 }),
            (
                r#"5:1+::{"name":"user.activity","args":[{"state":"active","cv":"x.2"}]}"#,
                event(Some(1), "user.activity"),
            ),
            (r#"5:22+::{"name":"ping"}"#, event(Some(22), "ping")),
            (r#"5:::{"name":"ping"}"#, event(None, "ping")),
            ("6:::1+[]", Packet::Other),
            ("8::", Packet::Other),
        ];
        for (frame, packet) in cases {
            assert_eq!(Packet::parse(frame), Ok(packet), "{frame}");
        }
    }

    #[test]
    fn broken_frames_are_refused() {
        let cases = [
            "",
            "3",
            "3:",
            "9::",
            "3:::",
            "3:::{}",
            r#"3:::{"id":-1}"#,
            r#"3:::{"id":"1"}"#,
            "5:::",
            "5:::[]",
            r#"5:a+::{"name":"x"}"#,
            r#"5:+1::{"name":"x"}"#,
            r#"5:9999999999999999999+::{"name":"x"}"#,
            "hello",
        ];
        for frame in cases {
            assert_eq!(Packet::parse(frame), Err(BrokenFrame), "{frame}");
        }
    }

    #[test]
    fn one_frame_of_a_poll_stands_bare() {
        assert_eq!(polling_batch(&["8::"]), "8::");
        assert_eq!(polling_batch(&["1::", "😀"]), "\u{fffd}3\u{fffd}1::\u{fffd}2\u{fffd}😀");
    }

    #[test]
    fn broken_batches_are_refused() {
        for batch in ["\u{fffd}", "\u{fffd}3\u{fffd}1:", "\u{fffd}1\u{fffd}😀", "\u{fffd}x\u{fffd}1::"] {
            assert_eq!(split_batch(batch), Err(BrokenFrame), "{batch}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = Packet::parse(&text);
            let _ = split_batch(&text);
        }

        /// What clients really send, with some of it replaced, cut or doubled: read or refused, never a panic.
        #[test]
        fn damaged_frames_are_read_or_refused(
            which in 0_usize..6,
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 0..6),
        ) {
            let frames = [
                r#"3:::{"id":7,"status":200,"headers":{"MS-CV":"a.0"},"body":""}"#,
                r#"5:1+::{"name":"user.activity","args":[{"state":"active","cv":"x.2"}]}"#,
                r#"5:22+::{"name":"ping"}"#,
                "6:::1+[]",
                "\u{fffd}3\u{fffd}2::\u{fffd}5\u{fffd}0:::😀",
                "0::",
            ];
            let mut bytes = frames[which].as_bytes().to_vec();
            for (at, byte, how) in edits {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.extend_from_within(at..),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            let _ = Packet::parse(&text);
            if let Ok(frames) = split_batch(&text) {
                prop_assert!(frames.iter().all(|frame| text.contains(frame)));
            }
        }

        #[test]
        fn responses_and_events_round_trip(id in 0_u64..1_000_000_000_000_000_000, name in ".{0,30}", status in any::<u16>()) {
            let response = format!("3:::{}", serde_json::json!({ "status": status, "id": id, "body": name }));
            prop_assert_eq!(Packet::parse(&response), Ok(Packet::Response { id }));
            let data = serde_json::json!({ "name": name, "args": [{ "name": "other" }] });
            let event = format!("5:{id}+::{data}");
            prop_assert_eq!(Packet::parse(&event), Ok(Packet::Event { id: Some(id), name: (&*name).into() }));
        }

        #[test]
        fn batches_round_trip(frames in prop::collection::vec("[^\u{fffd}]{0,20}", 2..6)) {
            let batch = polling_batch(&frames);
            prop_assert_eq!(split_batch(&batch).expect("a batch of ours"), frames);
        }
    }
}
