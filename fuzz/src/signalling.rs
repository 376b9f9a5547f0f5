//! Messages of the signalling protocol.

use trunkline_calling_wire::envelope::{CLIENT_BYTES_MAX, ID_CHARS_MAX};
use trunkline_calling_wire::{ClientMessage, ServerMessage, body_of, is_id, read_head};

/// The bytes are the text of one message.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(message) = serde_json::from_str::<ServerMessage>(text) {
        let written = serde_json::to_string(&message).expect("messages serialize");
        let again = serde_json::from_str::<ServerMessage>(&written).expect("what is written is read");
        assert_eq!(again, message);
    }
    let Ok(head) = read_head(text) else { return };
    assert!(text.len() <= CLIENT_BYTES_MAX);
    assert!(head.id.as_ref().is_none_or(|id| is_id(id) && id.len() <= ID_CHARS_MAX));
    let written = serde_json::to_string(&head).expect("heads serialize");
    assert_eq!(read_head(&written).as_ref(), Ok(&head));
    let Some(kind) = head.t else { return };
    let Ok(message) = ClientMessage::read(&kind, text) else { return };
    assert_eq!(message.name(), kind);
    let written = format!("{{{}", body_of(&message));
    assert_eq!(ClientMessage::read(&kind, &written).as_ref(), Ok(&message), "{written}");
}
