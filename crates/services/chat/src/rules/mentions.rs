//! Whom a message names.

use trunkline_chat_wire::users::ChatMention;
use trunkline_web::ApiError;

/// People named in one message; everybody in a large thread needs no names.
const MENTIONS_MAX: usize = 50;
/// How a message names somebody: as long as a display name.
const TEXT_CHARS_MAX: usize = 256;

/// Raw ids and how the message names them. Whether they take part is for the transaction to find out.
///
/// **Errors**: 400 for more than 50, for a long or blank text, and for an identifier that names nobody.
pub(crate) fn check(mentions: Option<Vec<ChatMention>>) -> Result<Vec<(String, String)>, ApiError> {
    let mentions = mentions.unwrap_or_default();
    if mentions.len() > MENTIONS_MAX {
        let message = format!("A message names at most {MENTIONS_MAX} people.");
        return Err(ApiError::invalid("mentions", message));
    }
    mentions.into_iter().map(check_one).collect()
}

fn check_one(mention: ChatMention) -> Result<(String, String), ApiError> {
    let identifier = mention.identifier.to_identifier();
    let identifier = identifier.map_err(|cause| ApiError::invalid("mentions", cause.as_text()))?;
    if mention.text.trim().is_empty() || mention.text.chars().count() > TEXT_CHARS_MAX {
        let message = format!("The text of a mention has 1 to {TEXT_CHARS_MAX} characters.");
        return Err(ApiError::invalid("mentions", message));
    }
    Ok((identifier.raw_id(), mention.text))
}

#[cfg(test)]
mod tests {
    use trunkline_chat_wire::CommunicationIdentifierModel;

    use super::*;

    fn mention(raw_id: &str, text: &str) -> ChatMention {
        ChatMention { identifier: CommunicationIdentifierModel::of(raw_id), text: text.to_owned() }
    }

    #[test]
    fn people_are_named_by_a_short_text() {
        assert_eq!(check(None), Ok(vec![]));
        let named = check(Some(vec![mention("8:orgid:a", "@A")]));
        assert_eq!(named, Ok(vec![("8:orgid:a".to_owned(), "@A".to_owned())]));
        assert!(check(Some(vec![mention("8:orgid:a", &"ü".repeat(256))])).is_ok());
        for text in ["", " ", &"x".repeat(257)] {
            assert!(check(Some(vec![mention("8:orgid:a", text)])).is_err(), "{text}");
        }
        let nobody =
            ChatMention { identifier: CommunicationIdentifierModel::default(), text: "x".to_owned() };
        assert!(check(Some(vec![nobody])).is_err());
        let many = |count| Some(vec![mention("8:orgid:a", "@A"); count]);
        assert!(check(many(50)).is_ok());
        assert!(check(many(51)).is_err());
    }
}
