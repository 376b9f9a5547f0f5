//! What every message has: its numbers and its type, and the bounds it keeps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The largest message of a client, in bytes: an offer of 40 lines has 60 kB.
pub const CLIENT_BYTES_MAX: usize = 128 * 1024;
/// The largest message of the server, in bytes: a list of 350 participants has 100 kB.
pub const SERVER_BYTES_MAX: usize = 512 * 1024;
/// How deep a message may nest; the deepest of this protocol has 4.
pub const DEPTH_MAX: usize = 8;
/// The longest id, in characters.
pub const ID_CHARS_MAX: usize = 64;

/// The fields outside a message's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The message's number in its direction, from 1; absent on messages that are never repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The highest number received without a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<u64>,
    /// The id of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The type; absent on a bare acknowledgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<String>,
}

/// Reads what is outside a message's own fields.
///
/// **Errors**: a text for the client when this is no JSON object within the bounds, or its `id` is no id.
pub fn read_head(text: &str) -> Result<Head, &'static str> {
    if text.len() > CLIENT_BYTES_MAX {
        return Err("the message is too large");
    }
    if !text.starts_with('{') || !is_shallow(text) {
        return Err("the message is no JSON object, or nests too deep");
    }
    let head: Head = serde_json::from_str(text).map_err(|_| "the message is not what it should be")?;
    if head.id.as_deref().is_some_and(|id| !is_id(id)) {
        return Err("the id of a request has 1 to 64 characters A-Z, a-z, 0-9, _ and -");
    }
    Ok(head)
}

/// Whether a text is an id: 1 to 64 characters `A-Z`, `a-z`, `0-9`, `_` and `-`.
pub fn is_id(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_good)
}

/// Whether nothing nests deeper than [`DEPTH_MAX`]. Looked at before parsing, which would follow.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut is_in_text, mut is_escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_text => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            b'{' | b'[' if !is_in_text => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return false;
                }
            }
            b'}' | b']' if !is_in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// The JSON of a message without its opening brace, so that numbers can be put before it: the same for everybody it
/// goes to.
pub fn body_of(message: &impl Serialize) -> Arc<str> {
    let json = serde_json::to_string(message).expect("wire types have string keys and always serialize");
    json.strip_prefix('{').expect("messages are objects").into()
}
