//! What may be said: sizes, kinds, attachments.

use trunkline_chat_wire::{ChatAttachment, ChatAttachmentType, ChatMessageType};
use trunkline_web::ApiError;

use crate::error::ChatError;
use crate::html;
use crate::rows::MessageKind;

/// Images in one message, as many as a client can show without a gallery of its own.
pub(crate) const IMAGES_MAX: usize = 10;

/// The most digits of a message id: milliseconds until the year 5138.
const ID_DIGITS_MAX: usize = 14;

/// The kind that a request asks for; text where it asks for none.
///
/// **Errors**: 400 for the kinds only the server sends.
pub(crate) fn kind_of(asked: Option<ChatMessageType>) -> Result<MessageKind, ApiError> {
    match asked {
        None | Some(ChatMessageType::Text) => Ok(MessageKind::Text),
        Some(ChatMessageType::Html) => Ok(MessageKind::Html),
        Some(_) => Err(ApiError::invalid("type", "A message can be sent as text or html only.")),
    }
}

/// The content as it is kept: HTML is cleaned, text stays as it is.
///
/// **Errors**: 413 above `bytes_max` bytes of UTF-8, before or after cleaning; 400 for a message that shows
/// nothing, unless it has images, and for HTML of too many elements.
pub(crate) fn content_of(
    content: String,
    kind: MessageKind,
    has_images: bool,
    bytes_max: usize,
) -> Result<String, ApiError> {
    check_size(&content, bytes_max)?;
    let (content, is_blank) = if kind == MessageKind::Html {
        if !html::is_bounded(&content) {
            let message = "The content has too many elements; close each, in the reverse order of opening.";
            return Err(ApiError::invalid("content", message));
        }
        let cleaned = html::clean(&content);
        check_size(&cleaned, bytes_max)?;
        let is_blank = html::is_blank(&cleaned);
        (cleaned, is_blank)
    } else {
        let is_blank = content.trim().is_empty();
        (content, is_blank)
    };
    if is_blank && !has_images {
        return Err(ApiError::invalid("content", "The content must not be blank."));
    }
    Ok(content)
}

fn check_size(content: &str, bytes_max: usize) -> Result<(), ApiError> {
    if content.len() <= bytes_max {
        return Ok(());
    }
    Err(ChatError::MessageTooLarge { bytes_max }.into())
}

/// The ids of the images a request attaches, each once. Whether they exist is for the transaction to find out.
///
/// **Errors**: 400 for more than [`IMAGES_MAX`], and for attachments that are no images.
pub(crate) fn images_of(attachments: Option<Vec<ChatAttachment>>) -> Result<Vec<String>, ApiError> {
    let mut ids: Vec<String> = Vec::new();
    for attachment in attachments.unwrap_or_default() {
        if attachment.attachment_type != ChatAttachmentType::Image {
            let message = "Only images that were uploaded to the thread can be attached.";
            return Err(ApiError::invalid("attachments", message));
        }
        if !ids.contains(&attachment.id) {
            ids.push(attachment.id);
        }
        if ids.len() > IMAGES_MAX {
            let message = format!("A message has at most {IMAGES_MAX} images.");
            return Err(ApiError::invalid("attachments", message));
        }
    }
    Ok(ids)
}

/// The number in a message id of the path or the body; `None` for a text that can be no id, and so names no message.
pub(crate) fn message_id(text: &str) -> Option<i64> {
    let is_id = (1..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MAX: usize = 28 * 1024;

    fn content(text: &str, kind: MessageKind) -> Result<String, u16> {
        content_of(text.to_owned(), kind, false, BYTES_MAX).map_err(|error| error.status.as_u16())
    }

    fn attachment(id: &str, attachment_type: ChatAttachmentType) -> ChatAttachment {
        ChatAttachment { id: id.to_owned(), attachment_type, name: None, url: None, preview_url: None }
    }

    #[test]
    fn bytes_are_counted_before_and_after_cleaning() {
        assert!(content(&"x".repeat(BYTES_MAX), MessageKind::Text).is_ok());
        assert_eq!(content(&"x".repeat(BYTES_MAX + 1), MessageKind::Text), Err(413));
        assert_eq!(content(&"ü".repeat(BYTES_MAX / 2 + 1), MessageKind::Text), Err(413));
        assert_eq!(content(&"&".repeat(BYTES_MAX / 2), MessageKind::Html), Err(413));
        assert!(content(&"&".repeat(BYTES_MAX / 2), MessageKind::Text).is_ok());
    }

    #[test]
    fn text_stays_as_it_is_and_html_is_cleaned() {
        let input = " <b>x</b><script>y</script> ";
        assert_eq!(content(input, MessageKind::Text).as_deref(), Ok(input));
        assert_eq!(content(input, MessageKind::Html).as_deref(), Ok(" <b>x</b> "));
    }

    #[test]
    fn html_that_repeats_itself_is_refused_and_as_text_it_is_text() {
        let endless: String = (0..1000).map(|number| format!("<b {number}><p>")).collect();
        assert_eq!(content(&endless, MessageKind::Html), Err(400));
        assert_eq!(content(&endless, MessageKind::Text), Ok(endless));
    }

    #[test]
    fn nothing_to_see_is_refused_unless_there_are_images() {
        assert_eq!(content(" \n", MessageKind::Text), Err(400));
        assert_eq!(content("<p> </p><script>x</script>", MessageKind::Html), Err(400));
        assert_eq!(content_of(String::new(), MessageKind::Text, true, BYTES_MAX).as_deref(), Ok(""));
    }

    #[test]
    fn only_text_and_html_are_sent() {
        assert_eq!(kind_of(None), Ok(MessageKind::Text));
        assert_eq!(kind_of(Some(ChatMessageType::Html)), Ok(MessageKind::Html));
        assert!(kind_of(Some(ChatMessageType::TopicUpdated)).is_err());
    }

    #[test]
    fn images_are_attached_once_and_ten_at_most() {
        let image = |id: usize| attachment(&id.to_string(), ChatAttachmentType::Image);
        assert_eq!(images_of(None), Ok(vec![]));
        assert_eq!(images_of(Some(vec![image(1), image(2), image(1)])), Ok(vec!["1".into(), "2".into()]));
        assert!(images_of(Some((0..10).map(image).collect())).is_ok());
        assert!(images_of(Some((0..11).map(image).collect())).is_err());
        assert!(images_of(Some(vec![attachment("1", ChatAttachmentType::File)])).is_err());
    }

    #[test]
    fn ids_are_numbers() {
        assert_eq!(message_id("1591768249318"), Some(1_591_768_249_318));
        for text in ["", "-1", "+1", "1.5", "abc", "999999999999999", "１"] {
            assert_eq!(message_id(text), None, "{text}");
        }
    }
}
