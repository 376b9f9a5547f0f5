//! Just enough reading of Rust source for the house rules: text without comments and literals, functions.

/// Replaces the content of comments, strings and character literals by spaces; lines keep their numbers.
pub(crate) fn code_only(source: &str) -> String {
    let bytes: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(&bytes, at);
        if end == at {
            code.push(bytes[at]);
            at += 1;
        } else {
            code.extend(bytes[at..end].iter().map(|&letter| if letter == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal starting at `at` ends; `at` itself when none starts there.
fn literal_end(text: &[char], at: usize) -> usize {
    let next = text.get(at + 1).copied();
    let starts_word = at == 0 || !is_word(text[at - 1]);
    match text[at] {
        '/' if next == Some('/') => find(text, at, |rest| rest[0] == '\n').unwrap_or(text.len()),
        '/' if next == Some('*') => block_comment_end(text, at),
        '"' => string_end(text, at + 1),
        'r' | 'b' | 'c' if starts_word => prefixed_string_end(text, at),
        '\'' => character_end(text, at),
        _ => at,
    }
}

fn find(text: &[char], from: usize, matches: impl Fn(&[char]) -> bool) -> Option<usize> {
    (from..text.len()).find(|&at| matches(&text[at..]))
}

fn block_comment_end(text: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_end(text: &[char], from: usize) -> usize {
    let mut at = from;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`; anything else is no literal.
fn prefixed_string_end(text: &[char], start: usize) -> usize {
    let letters = text[start..].iter().take_while(|letter| matches!(letter, 'r' | 'b' | 'c')).count();
    let hashes = text[start + letters..].iter().take_while(|&&letter| letter == '#').count();
    let quote = start + letters + hashes;
    if letters > 2 || text.get(quote) != Some(&'"') {
        return start;
    }
    if !text[start..start + letters].contains(&'r') {
        return if hashes == 0 { string_end(text, quote + 1) } else { start };
    }
    let closes =
        |rest: &[char]| rest[0] == '"' && rest[1..].iter().take_while(|&&l| l == '#').count() >= hashes;
    find(text, quote + 1, closes).map_or(text.len(), |end| end + 1 + hashes)
}

/// A character literal; a lifetime is none.
fn character_end(text: &[char], start: usize) -> usize {
    match (text.get(start + 1), text.get(start + 2)) {
        (Some('\\'), _) => find(text, start + 3, |rest| rest[0] == '\'').map_or(text.len(), |end| end + 1),
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// One function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Line of the word `fn`, counted from 1.
    pub(crate) line: usize,
    /// Lines between its braces that hold code: no blank ones, no comments.
    pub(crate) code_lines: usize,
}

/// Functions of a file; `code` comes from [`code_only`].
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code[..at].chars().next_back();
        let name: String =
            code[at + 3..].trim_start().chars().take_while(|&letter| is_word(letter)).collect();
        if name.is_empty() || before.is_some_and(is_word) {
            continue;
        }
        if let Some(body) = body(&code[at..]) {
            let line = code[..at].matches('\n').count() + 1;
            let code_lines = body.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
            found.push(Function { name, line, code_lines });
        }
    }
    found
}

/// Text between the braces of the function that `text` starts with; `None` for a mere signature.
fn body(text: &str) -> Option<&str> {
    let (mut braces, mut brackets, mut start) = (0_usize, 0_usize, None);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' if start.is_none() => brackets += 1,
            ')' | ']' if start.is_none() => brackets = brackets.saturating_sub(1),
            ';' if start.is_none() && brackets == 0 => return None,
            '{' => {
                braces += 1;
                start.get_or_insert(at + 1);
            }
            '}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 {
                    return text.get(start?..at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Function, code_only, functions};

    #[test]
    fn comments_and_literals_become_spaces() {
        let check = |source: &str, expected: &str| assert_eq!(code_only(source), expected, "{source}");
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"x("a\"b{")"#, "x(       )");
        check(r##"x(r#"a"b"#)"##, "x(        )");
        check("'{' 'a '\\n' b'{'", "    'a      b   ");
        check("let r = 1; for_r(b)", "let r = 1; for_r(b)");
    }

    #[test]
    fn functions_are_found_with_their_length() {
        let source = "trait T { fn signature(&self) -> [u8; 2]; }\n\nfn first() {\n    a();\n\n    // why\n    b();\n}\nfn second() { \"}\" }\n";
        let expected = [
            Function { name: "first".into(), line: 3, code_lines: 2 },
            Function { name: "second".into(), line: 9, code_lines: 0 },
        ];
        assert_eq!(functions(&code_only(source)), expected);
    }

    #[test]
    fn a_function_type_is_no_function() {
        assert!(functions("type F = fn(u8) -> u8; struct S { often: u8 }").is_empty());
    }
}
