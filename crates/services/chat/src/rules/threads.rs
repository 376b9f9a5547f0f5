//! Thread ids and topics.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::{Entropy, ResourceId};
use trunkline_store::Key;

use crate::error::ChatError;

/// Random bytes of a new id: nobody guesses it, and it is as long as those of ACS.
const ID_BYTES: usize = 32;
/// Longest id taken from a path or an import; ours have 57 bytes.
const ID_BYTES_MAX: usize = 200;
/// Longest topic.
pub(crate) const TOPIC_CHARS_MAX: usize = 1000;

/// The id of a new thread: `19:` + 43 characters + `1@thread.v2`.
pub(crate) fn new_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; ID_BYTES];
    entropy.fill(&mut bytes);
    format!("19:{}1@thread.v2", URL_SAFE_NO_PAD.encode(bytes))
}

/// Checks that a text may be the id of a thread, before it is looked up or locked.
///
/// **Errors**: no thread has such an id.
pub(crate) fn check_id(id: &str) -> Result<(), ChatError> {
    let is_fine = (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_fine { Ok(()) } else { Err(ChatError::ThreadNotFound) }
}

/// The key of every write to a thread: one after the other, on all nodes.
pub(crate) fn key(resource: ResourceId, id: &str) -> Key {
    Key::new(resource, format_args!("thread/{id}"))
}

/// Checks a topic.
///
/// **Errors**: blank or too long.
pub(crate) fn check_topic(topic: &str) -> Result<(), ChatError> {
    if topic.trim().is_empty() {
        return Err(ChatError::TopicBlank);
    }
    if topic.chars().count() > TOPIC_CHARS_MAX {
        return Err(ChatError::TopicTooLong { chars_max: TOPIC_CHARS_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use trunkline_kernel::SeededEntropy;

    use super::*;

    #[test]
    fn new_ids_look_like_those_of_acs() {
        let id = new_id(&SeededEntropy::new(1));
        let middle = id.strip_prefix("19:").and_then(|id| id.strip_suffix("1@thread.v2")).expect("an id");
        assert_eq!(middle.len(), 43);
        assert!(middle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert!(check_id(&id).is_ok());
    }

    #[test]
    fn what_is_no_id_is_not_found() {
        for bad in ["", "19:a b@thread.v2", "19:\u{e4}@thread.v2", "19:\0", &"x".repeat(201)] {
            assert!(matches!(check_id(bad), Err(ChatError::ThreadNotFound)), "{bad}");
        }
    }

    #[test]
    fn topics_say_something_and_end() {
        assert!(check_topic("Lunch").is_ok());
        assert!(check_topic(&"ü".repeat(1000)).is_ok());
        assert!(matches!(check_topic(" \t"), Err(ChatError::TopicBlank)));
        assert!(matches!(check_topic(&"ü".repeat(1001)), Err(ChatError::TopicTooLong { chars_max: 1000 })));
    }
}
