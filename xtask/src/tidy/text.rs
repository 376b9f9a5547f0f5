//! What may not stand in a file: unfinished notes, paths of one machine, ignored tests, hidden `unsafe`.

use super::{Exceptions, SourceFile};

/// Notes that nobody will find again; allowed with the number of an issue: `NOTE(#12)`.
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// Folders of one person's machine.
const HOMES: [&str; 3] = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
/// Ways to the outside that an engine must not take: input comes in, output is polled out.
const OUTSIDE: [&str; 6] =
    ["std::fs", "std::net::Tcp", "std::net::Udp", "std::thread", "std::process", "std::env"];

/// Problems of one file.
pub(crate) fn check(file: &SourceFile, exceptions: &Exceptions) -> Vec<String> {
    let mut problems = Vec::new();
    if file.extension() == "rs" {
        problems.extend(rust(file, exceptions));
    }
    // The list of exceptions names what it excepts.
    let lines = file.text.lines().enumerate().filter(|_| file.path != "xtask/tidy.toml");
    for (number, line) in lines {
        let mut report = |word: &str, what: &str| {
            if !exceptions.covers("words", &format!("{}: {word}", file.path)) {
                problems.push(format!("{}:{}: {what}", file.path, number + 1));
            }
        };
        for note in NOTES {
            // Documents may name the rule itself; code and manifests may not.
            if file.extension() != "md" && is_open_note(line, note) {
                report(note, &format!("`{note}` without the number of an issue"));
            }
        }
        for home in HOMES {
            if line.contains(home) {
                report(home, &format!("a path of one machine (`{home}`)"));
            }
        }
    }
    problems
}

fn rust(file: &SourceFile, exceptions: &Exceptions) -> Vec<String> {
    let mut problems = Vec::new();
    let path = &file.path;
    if !file.text.trim_start().starts_with("//!") {
        problems.push(format!("{path}:1: the file opens without a `//!` line that says what it is for"));
    }
    if path.ends_with("/mod.rs") {
        problems.push(format!("{path}: modules are `name.rs` beside `name/`, never `mod.rs`"));
    }
    for (number, line) in file.code.lines().enumerate() {
        let at = format!("{path}:{}", number + 1);
        if line.contains("#[ignore") {
            problems.push(format!("{at}: a test is run or removed, never ignored"));
        }
        if line.contains("dbg!") {
            problems.push(format!("{at}: `dbg!` is for the moment, not for a commit"));
        }
        if has_word(line, "unsafe") && !exceptions.covers("unsafe", path) {
            problems.push(format!("{at}: `unsafe` only in the files listed in tidy.toml"));
        }
        if let Some(way) = OUTSIDE.iter().find(|way| line.contains(**way))
            && path.starts_with("crates/engines/")
            && !path.contains("/tests/")
        {
            problems.push(format!("{at}: an engine does no input or output (`{way}`)"));
        }
    }
    problems
}

/// The note stands as a word of its own and no `(#number)` follows.
fn is_open_note(line: &str, note: &str) -> bool {
    line.match_indices(note).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + note.len()..];
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let own_word = !before.is_some_and(is_word) && !after.chars().next().is_some_and(is_word);
        let numbered =
            after.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        own_word && !numbered
    })
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::super::{Exceptions, SourceFile};
    use super::check;

    fn problems(path: &str, text: &str) -> usize {
        check(&SourceFile::new(path, text), &Exceptions::default()).len()
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        assert_eq!(problems("crates/x/src/lib.rs", "//! X.\n"), 0);
        assert_eq!(problems("crates/x/src/lib.rs", "use std::fmt;\n"), 1);
        assert_eq!(problems("crates/x/src/a/mod.rs", "//! X.\n"), 1);
    }

    #[test]
    fn notes_need_an_issue() {
        let note = concat!("TO", "DO");
        assert_eq!(problems("a.sql", &format!("-- {note}: later\n")), 1);
        assert_eq!(problems("a.sql", &format!("-- {note}(#12): later\n-- {note}S\n")), 0);
        assert_eq!(problems("a.md", &format!("No `{note}`.\n")), 0);
    }

    #[test]
    fn paths_of_one_machine_are_refused_everywhere() {
        assert_eq!(problems("docs/a.md", concat!("see /ho", "me/me/x\n")), 1);
    }

    #[test]
    fn code_is_checked_without_its_comments_and_strings() {
        let open = "//! X: unsafe, dbg!, #[ignore].\n";
        assert_eq!(problems("crates/x/src/lib.rs", &format!("{open}const A: &str = \"unsafe dbg!\";\n")), 0);
        assert_eq!(problems("crates/x/src/lib.rs", &format!("{open}unsafe {{}}\n#[ignore]\ndbg!(1);\n")), 3);
        assert_eq!(problems("crates/x/src/lib.rs", &format!("{open}#![deny(unsafe_code)]\n")), 0);
    }

    #[test]
    fn engines_stay_inside() {
        assert_eq!(problems("crates/engines/turn/src/lib.rs", "//! X.\nuse std::fs::File;\n"), 1);
        assert_eq!(problems("crates/platform/net/src/lib.rs", "//! X.\nuse std::fs::File;\n"), 0);
    }
}
