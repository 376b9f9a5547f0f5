//! Words of messages for the index, as keyed hashes: what remains of a deleted message in it says nothing.
//!
//! A word becomes 13 letters and digits of HMAC-SHA256 over the folded word, under a key that derives from this
//! installation's and the resource. Their order is kept, so that phrases can be found. Both engines get the same words.

use aws_lc_rs::hmac;
use trunkline_kernel::ResourceId;
use trunkline_web::ApiError;
use unicode_normalization::UnicodeNormalization as _;

use crate::ChatService;
use crate::rows::search::Phrase;

/// Words of one message that can be found, those at its beginning: about 12 KB of prose.
pub(crate) const WORDS_MAX: usize = 2000;
/// The longest query, in characters.
pub(crate) const QUERY_CHARS_MAX: usize = 256;
/// Words and phrases of one query: each is a list in the index that is read.
pub(crate) const QUERY_PHRASES_MAX: usize = 10;

/// The characters of a hash: 65 bits, so that two words of one installation never share one by accident.
const HASH_CHARS: usize = 13;

/// Digits of base 32 that neither engine cuts apart: without the `e`, as PostgreSQL's parser takes `2e5` for a number.
const DIGITS: &[u8; 32] = b"abcdfghijklmnopqrstuvwxyz2345678";

impl ChatService {
    /// The words of `text`, hashed for `resource`, in order, with spaces between.
    pub(crate) fn keyed_words(&self, resource: ResourceId, text: &str) -> String {
        let key = self.words_key(resource);
        let mut hashed = String::new();
        for word in words(&fold(text)).take(WORDS_MAX) {
            if !hashed.is_empty() {
                hashed.push(' ');
            }
            hashed.extend(hash(&key, word));
        }
        hashed
    }

    /// What a query looks for: every word, and words in double quotes in their order.
    ///
    /// **Errors**: 400 for a query without words, of more than [`QUERY_CHARS_MAX`] characters, or with more than
    /// [`QUERY_PHRASES_MAX`] words and phrases.
    pub(crate) fn keyed_query(&self, resource: ResourceId, query: &str) -> Result<Vec<Phrase>, ApiError> {
        if query.chars().count() > QUERY_CHARS_MAX {
            return Err(ApiError::invalid("q", format!("q has more than {QUERY_CHARS_MAX} characters.")));
        }
        let folded = fold(query);
        let found = phrases(&folded);
        if found.is_empty() {
            return Err(ApiError::invalid("q", "q must have a word to look for."));
        }
        if found.len() > QUERY_PHRASES_MAX {
            let message = format!("q has more than {QUERY_PHRASES_MAX} words or phrases.");
            return Err(ApiError::invalid("q", message));
        }
        let key = self.words_key(resource);
        let keyed = |phrase: &Vec<&str>| phrase.iter().map(|word| hash(&key, word).collect()).collect();
        Ok(found.iter().map(keyed).collect())
    }

    fn words_key(&self, resource: ResourceId) -> hmac::Key {
        words_key(self.secret.expose(), resource)
    }
}

/// `text` as it is compared: lower case, without accents, letters of full or half width and ligatures as plain ones.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let letters = text.nfkd().flat_map(char::to_lowercase).filter(|letter| !is_accent(*letter)).nfc();
    let mut folded = String::with_capacity(text.len());
    for letter in letters {
        match letter {
            // Upper case knows neither of the two.
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            letter => folded.push(letter),
        }
    }
    folded
}

/// Marks that readers of Latin, Greek, Cyrillic, Hebrew and Arabic leave out when they are in a hurry. The marks of
/// other scripts are vowels or tones, and stay.
const fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Letters of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese. Each is a word
/// of its own, and a word of such letters is found as a phrase.
const fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The words of a folded text: letters and digits of any script.
fn words(folded: &str) -> impl Iterator<Item = &str> {
    let pieces = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|piece| !piece.is_empty());
    pieces.flat_map(split_unspaced)
}

/// Cuts letters of scripts without spaces apart, each for itself.
fn split_unspaced(mut piece: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let first = piece.chars().next()?;
        let end = if is_unspaced(first) {
            first.len_utf8()
        } else {
            piece.find(is_unspaced).unwrap_or(piece.len())
        };
        let (word, rest) = piece.split_at(end);
        piece = rest;
        Some(word)
    })
}

/// What a folded query looks for: what stands between spaces, or between double quotes, each in its order.
fn phrases(folded: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    for (index, part) in folded.split('"').enumerate() {
        if index % 2 == 1 {
            found.push(words(part).collect());
        } else {
            found.extend(part.split_whitespace().map(|word| words(word).collect()));
        }
    }
    found.retain(|phrase: &Vec<&str>| !phrase.is_empty());
    found
}

/// The key of a resource: with one of its own, a word is all that is left to hash, and most fit one block.
fn words_key(secret: &[u8], resource: ResourceId) -> hmac::Key {
    let all = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let own = hmac::sign(&all, format!("chat words\n{resource}").as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
}

fn hash(key: &hmac::Key, word: &str) -> impl Iterator<Item = char> {
    let tag = hmac::sign(key, word.as_bytes());
    let bits = tag.as_ref().iter().take(9).fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    (0..HASH_CHARS).map(move |index| {
        let place = usize::try_from((bits >> (5 * index)) & 31).expect("five bits");
        char::from(DIGITS[place])
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let folded = fold(text);
        assert_eq!(words(&folded).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn words_are_cut_at_what_is_no_letter() {
        check("Hello, WORLD! don't 42", &["hello", "world", "don", "t", "42"]);
        check(" .,-", &[]);
        check("", &[]);
    }

    #[test]
    fn case_accents_and_width_do_not_matter() {
        check("Crème BRÛLÉE", &["creme", "brulee"]);
        check("cre\u{300}me", &["creme"]);
        check("Grüße GRÜSSE", &["grusse", "grusse"]);
        check("ＡＢＣ ﬁn İstanbul", &["abc", "fin", "istanbul"]);
        check("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", &["οδυσσευσ", "οδυσσευσ"]);
        check("ёлка ЕЛКА", &["елка", "елка"]);
        check("مُحَمَّد", &["محمد"]);
        check("が か", &["が", "か"]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_letter_by_letter() {
        check("東京タワーabc 京", &["東", "京", "タ", "ワ", "ー", "abc", "京"]);
        check("한국어 텍스트", &["한국어", "텍스트"]);
    }

    #[test]
    fn quotes_and_spaces_make_phrases() {
        let check = |query: &str, expected: &[&[&str]]| {
            let folded = fold(query);
            assert_eq!(phrases(&folded), expected, "{query}");
        };
        check("red  Apple", &[&["red"], &["apple"]]);
        check("\"red apple\" don't", &[&["red", "apple"], &["don", "t"]]);
        check("a \"b c", &[&["a"], &["b", "c"]]);
        check("東京 x", &[&["東", "京"], &["x"]]);
        check(" \"\" - \"!\"", &[]);
    }

    #[test]
    fn a_hash_is_of_one_word_in_one_resource() {
        let hash = |number, word| -> String {
            let key = words_key(&[7; 32], ResourceId(Uuid::from_u128(number)));
            hash(&key, word).collect()
        };
        let one = hash(1, "word");
        assert_eq!(one, hash(1, "word"));
        assert_ne!(one, hash(2, "word"));
        assert_ne!(one, hash(1, "words"));
        assert_eq!(one.len(), HASH_CHARS);
        assert!(one.bytes().all(|byte| DIGITS.contains(&byte)));
    }
}
