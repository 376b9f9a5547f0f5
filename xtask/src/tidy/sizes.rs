//! Files over 500 lines and functions over 70 need a reason.

use super::{Exceptions, SourceFile};
use crate::source;

/// Lines of a file.
const FILE_LINES: usize = 500;
/// Lines of code inside a function, as clippy's `too_many_lines` counts them.
const FUNCTION_LINES: usize = 70;
/// What a person writes and reads; lock files and recordings are not meant.
const WRITTEN: &[&str] = &["rs", "py", "js", "mjs", "ts", "sql", "sh"];

/// Problems of one file.
pub(crate) fn check(file: &SourceFile, exceptions: &Exceptions) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = file.text.lines().count();
    if WRITTEN.contains(&file.extension()) && lines > FILE_LINES && !exceptions.covers("files", &file.path) {
        problems.push(format!(
            "{}: {lines} lines; over {FILE_LINES} it is split by idea or listed in tidy.toml",
            file.path
        ));
    }
    for function in source::functions(&file.code) {
        if function.code_lines <= FUNCTION_LINES || has_reason_beside_it(&file.code, function.line) {
            continue;
        }
        let name = format!("{}::{}", file.path, function.name);
        if !exceptions.covers("functions", &name) {
            problems.push(format!(
                "{}:{}: `{}` has {} lines; over {FUNCTION_LINES} it is split or `{name}` is listed in tidy.toml",
                file.path, function.line, function.name, function.code_lines
            ));
        }
    }
    problems
}

/// `#[expect(clippy::too_many_lines, reason = "...")]` says as much as an entry in the list.
fn has_reason_beside_it(code: &str, line: usize) -> bool {
    let above: Vec<_> = code.lines().take(line).collect();
    let item = above.iter().rev().skip(1).take_while(|line| !line.contains(['}', ';', '{']));
    item.into_iter().any(|line| line.contains("too_many_lines"))
}

#[cfg(test)]
mod tests {
    use super::super::{Exceptions, SourceFile};
    use super::check;

    fn long_function(attribute: &str) -> SourceFile {
        let body = "    step();\n".repeat(71);
        SourceFile::new("crates/x/src/lib.rs", &format!("//! X.\n{attribute}fn long() {{\n{body}}}\n"))
    }

    #[test]
    fn a_long_function_needs_a_reason() {
        let problems = check(&long_function(""), &Exceptions::default());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("crates/x/src/lib.rs:2: `long` has 71 lines"));
        let attribute = "#[expect(clippy::too_many_lines, reason = \"one table\")]\n";
        assert!(check(&long_function(attribute), &Exceptions::default()).is_empty());
        let listed =
            Exceptions::parse("[functions]\n\"crates/x/src/lib.rs::long\" = \"one table\\\n  of bytes\"");
        assert!(listed.is_err() || check(&long_function(""), &listed.unwrap()).is_empty());
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let file = SourceFile::new("tests/flows.py", &"pass\n".repeat(501));
        assert_eq!(check(&file, &Exceptions::default()).len(), 1);
        let listed = Exceptions::parse("[files]\n\"tests/flows.py\" = \"recorded, not written\"").unwrap();
        assert!(check(&file, &listed).is_empty());
        assert!(check(&SourceFile::new("Cargo.lock", &"x\n".repeat(501)), &Exceptions::default()).is_empty());
    }
}
