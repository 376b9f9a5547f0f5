//! How people react to messages.

use trunkline_web::ApiError;

use crate::error::ChatError;
use crate::rows::MessageRow;

/// Different reactions to one message: more than a client can show.
pub(crate) const KINDS_MAX: u32 = 20;
/// The longest emoji of Unicode, families with skin tones, have 41 bytes; those that are drawn as one are shorter.
const EMOJI_BYTES_MAX: usize = 48;

/// Checks the text of a reaction: an emoji, or a short name without spaces.
///
/// **Errors**: 400.
pub(crate) fn check_emoji(emoji: &str) -> Result<(), ApiError> {
    let is_fine = (1..=EMOJI_BYTES_MAX).contains(&emoji.len())
        && !emoji.chars().any(|character| character.is_whitespace() || character.is_control());
    if is_fine {
        return Ok(());
    }
    let message =
        format!("A reaction is an emoji or a name without spaces, at most {EMOJI_BYTES_MAX} bytes.");
    Err(ApiError::invalid("emoji", message))
}

/// Whether people can react to a message.
///
/// **Errors**: a message of the thread itself; a deleted one.
pub(crate) fn allow_reaction(message: &MessageRow) -> Result<(), ChatError> {
    if message.kind.is_system() {
        return Err(ChatError::SystemMessage);
    }
    if message.deleted_at.is_some() { Err(ChatError::MessageDeleted) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_are_short_and_without_spaces() {
        for good in ["👍", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "+1", ":party:"] {
            assert_eq!(check_emoji(good), Ok(()), "{good}");
        }
        for bad in ["", " ", "a b", "\u{0}", "\n", &"x".repeat(49)] {
            assert!(check_emoji(bad).is_err(), "{bad:?}");
        }
    }
}
