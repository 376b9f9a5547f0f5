//! `$filter` of lists: `contains`, `eq` and `ne` on the name, joined by `and`, `or`, `not` and parentheses.
//!
//! ```text
//! either  = both { "or" both }
//! both    = single { "and" single }
//! single  = "not" single | "(" either ")" | "contains" "(" "name" "," TEXT ")" | "name" ("eq" | "ne") TEXT
//! ```

/// The longest filter, in bytes: more than any name that it could compare with needs.
const LENGTH_MAX: usize = 1024;

/// The deepest nesting: keeps the parser's stack small.
const DEPTH_MAX: usize = 16;

/// A filter that does not read as one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "$filter takes contains(name, 'TEXT'), name eq 'TEXT' and name ne 'TEXT', joined by and, or, not and parentheses"
)]
pub(super) struct BadFilter;

/// Which names a list has. All comparisons ignore case.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameFilter {
    All,
    Contains(String),
    Equals(String),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl NameFilter {
    /// The filter that `text` stands for; an empty one takes all names.
    ///
    /// **Errors**: another text than the grammar's, or one too long or too deep.
    pub(super) fn parse(text: &str) -> Result<Self, BadFilter> {
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        if text.len() > LENGTH_MAX {
            return Err(BadFilter);
        }
        let mut parser = Parser { words: words(text)?, next: 0 };
        let filter = parser.either(0)?;
        if parser.next == parser.words.len() { Ok(filter) } else { Err(BadFilter) }
    }

    /// Whether the list has that name.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Contains(part) => name.to_lowercase().contains(part),
            Self::Equals(whole) => name.to_lowercase() == *whole,
            Self::Not(filter) => !filter.matches(name),
            Self::And(one, other) => one.matches(name) && other.matches(name),
            Self::Or(one, other) => one.matches(name) || other.matches(name),
        }
    }
}

/// A word, a sign, or a quoted text in lower case.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Bare(String),
    Sign(char),
    Text(String),
}

fn words(text: &str) -> Result<Vec<Word>, BadFilter> {
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '(' | ')' | ',' => (Word::Sign(first), 1),
            '\'' => quoted(rest)?,
            _ => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                (Word::Bare(rest[..length].to_ascii_lowercase()), length)
            }
        };
        if length == 0 {
            return Err(BadFilter);
        }
        words.push(word);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

/// A text in quotes, in which a doubled quote stands for one.
fn quoted(text: &str) -> Result<(Word, usize), BadFilter> {
    let mut at = 1;
    loop {
        at += text[at..].find('\'').ok_or(BadFilter)? + 1;
        if !text[at..].starts_with('\'') {
            let inner = text[1..at - 1].replace("''", "'").to_lowercase();
            return Ok((Word::Text(inner), at));
        }
        at += 1;
    }
}

struct Parser {
    words: Vec<Word>,
    next: usize,
}

impl Parser {
    fn takes(&mut self, word: &str) -> bool {
        let is = matches!(self.words.get(self.next), Some(Word::Bare(found)) if found == word);
        self.next += usize::from(is);
        is
    }

    fn expect_sign(&mut self, sign: char) -> Result<(), BadFilter> {
        let is = self.words.get(self.next) == Some(&Word::Sign(sign));
        self.next += usize::from(is);
        if is { Ok(()) } else { Err(BadFilter) }
    }

    fn text(&mut self) -> Result<String, BadFilter> {
        let Some(Word::Text(text)) = self.words.get(self.next) else { return Err(BadFilter) };
        self.next += 1;
        Ok(text.clone())
    }

    fn either(&mut self, depth: usize) -> Result<NameFilter, BadFilter> {
        let mut filter = self.both(depth)?;
        while self.takes("or") {
            filter = NameFilter::Or(Box::new(filter), Box::new(self.both(depth)?));
        }
        Ok(filter)
    }

    fn both(&mut self, depth: usize) -> Result<NameFilter, BadFilter> {
        let mut filter = self.single(depth)?;
        while self.takes("and") {
            filter = NameFilter::And(Box::new(filter), Box::new(self.single(depth)?));
        }
        Ok(filter)
    }

    fn single(&mut self, depth: usize) -> Result<NameFilter, BadFilter> {
        if depth == DEPTH_MAX {
            return Err(BadFilter);
        }
        if self.takes("not") {
            return Ok(NameFilter::Not(Box::new(self.single(depth + 1)?)));
        }
        if self.takes("contains") {
            self.expect_sign('(')?;
            if !self.takes("name") {
                return Err(BadFilter);
            }
            self.expect_sign(',')?;
            let part = self.text()?;
            self.expect_sign(')')?;
            return Ok(NameFilter::Contains(part));
        }
        if self.takes("name") {
            if self.takes("eq") {
                return Ok(NameFilter::Equals(self.text()?));
            }
            if self.takes("ne") {
                return Ok(NameFilter::Not(Box::new(NameFilter::Equals(self.text()?))));
            }
            return Err(BadFilter);
        }
        self.expect_sign('(')?;
        let filter = self.either(depth + 1)?;
        self.expect_sign(')')?;
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn filters_take_names_as_published() {
        for (filter, takes, leaves) in [
            ("", vec!["a"], vec![]),
            ("  ", vec!["a"], vec![]),
            ("name eq 'Hook-1'", vec!["hook-1", "HOOK-1"], vec!["hook-2"]),
            ("namE ne 'hook-1'", vec!["hook-2"], vec!["hook-1"]),
            ("contains(namE, 'oo') and name ne 'hook-1'", vec!["hook-2"], vec!["hook-1", "x"]),
            ("contains(name,'a') or contains(name,'b') and name eq 'c'", vec!["xa"], vec!["c", "b"]),
            ("(contains(name,'a') or contains(name,'b')) and not (name eq 'a')", vec!["b"], vec!["a", "c"]),
            ("not not name eq 'a'", vec!["a"], vec!["b"]),
            ("name eq 'it''s'", vec!["it's"], vec!["its"]),
        ] {
            let parsed = NameFilter::parse(filter).expect(filter);
            assert!(takes.iter().all(|name| parsed.matches(name)), "{filter}");
            assert!(!leaves.iter().any(|name| parsed.matches(name)), "{filter}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let deep = format!("{}name eq 'a'", "not ".repeat(DEPTH_MAX));
        let long = format!("name eq '{}'", "a".repeat(LENGTH_MAX));
        for bad in [
            "location eq 'westus'",
            "name",
            "name eq a",
            "name eq 'a",
            "name gt 'a'",
            "name eq 'a' name",
            "(name eq 'a'",
            "contains('a', name)",
            "contains(name 'a')",
            "and",
            "name eq 'a' and",
            "ü",
            "name eq 'a';",
            &deep,
            &long,
        ] {
            assert_eq!(NameFilter::parse(bad), Err(BadFilter), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ (),'a-zü]{0,60}") {
            let _ = NameFilter::parse(&text).map(|filter| filter.matches("a"));
        }
    }
}
