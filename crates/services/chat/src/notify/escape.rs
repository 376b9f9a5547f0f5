//! Texts inside texts: JSON in a JSON string, and JSON that survives JavaScript's `unescape`.

use std::fmt::Write as _;

use serde::Serialize;

/// A value as JSON text.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("notifications have text keys and plain values")
}

/// JSON for fields that the SDK passes through `unescape` before it parses them: that function knows Latin-1 and
/// UTF-16 escapes but no UTF-8, so only ASCII goes through, and every percent sign is escaped itself.
pub(super) fn unescapable(value: &impl Serialize) -> String {
    let plain = json(value);
    let mut ascii = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '%' => ascii.push_str("%25"),
            character if character.is_ascii() => ascii.push(character),
            character => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(ascii, "\\u{unit:04x}").expect("writing to a text never fails");
                }
            }
        }
    }
    ascii
}

/// `text` as it stands between the quotes of a JSON string.
pub(super) fn inside_quotes(text: &str) -> String {
    let quoted = json(&text);
    quoted[1..quoted.len() - 1].to_owned()
}

/// A person's raw id as it stands inside a text inside a frame: escaped twice.
pub(crate) fn recipient(raw_id: &str) -> String {
    inside_quotes(&inside_quotes(raw_id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// JavaScript's `unescape`, which reads `%XX` as Latin-1.
    fn unescape(text: &str) -> String {
        let (mut plain, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('%') {
            plain.push_str(before);
            let code = u8::from_str_radix(&after[..2], 16).expect("two digits follow");
            plain.push(char::from(code));
            rest = &after[2..];
        }
        plain + rest
    }

    #[test]
    fn percent_signs_and_other_scripts_survive_unescape() {
        let text = "Tö 😀 %41 \" \\ %u0041";
        let escaped = unescapable(&text);
        assert_eq!(escaped, "\"T\\u00f6 \\ud83d\\ude00 %2541 \\\" \\\\ %25u0041\"");
        assert_eq!(serde_json::from_str::<String>(&unescape(&escaped)).expect("JSON"), text);
    }

    proptest! {
        #[test]
        fn every_text_survives_unescape(text in ".{0,40}") {
            let back: String = serde_json::from_str(&unescape(&unescapable(&text))).expect("JSON");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn a_recipient_reads_back_after_two_parsers(text in ".{0,40}") {
            let once: String = serde_json::from_str(&format!("\"{}\"", recipient(&text))).expect("JSON");
            let twice: String = serde_json::from_str(&format!("\"{once}\"")).expect("JSON");
            prop_assert_eq!(twice, text);
        }
    }
}
