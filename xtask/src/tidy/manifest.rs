//! Every dependency of the workspace says what it is for.

/// Problems of the top `Cargo.toml`.
pub(crate) fn check(manifest: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut inside = false;
    let mut comment_above = false;
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        }
        let is_entry = inside && line.contains('=') && !line.starts_with('#');
        if is_entry && !comment_above && !has_comment(line) {
            let name = line.split(['=', ' ', '.']).next().unwrap_or_default();
            problems.push(format!(
                "Cargo.toml:{}: dependency `{name}` has no comment saying what for",
                number + 1
            ));
        }
        comment_above = line.starts_with('#') && line.len() > 2;
    }
    problems
}

/// A `#` outside of quotes with words behind it.
fn has_comment(line: &str) -> bool {
    let mut quoted = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '#' if !quoted => return line[at + 1..].trim().len() > 2,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_dependency_without_a_comment_is_named() {
        let manifest = "[workspace.dependencies]\na = \"1\" # for a\n# for b\nb = { version = \"#1\" }\nc = \"#1\"\n\n[profile.dev]\ndebug = 1\n";
        let problems = check(manifest);
        assert_eq!(problems, ["Cargo.toml:5: dependency `c` has no comment saying what for"]);
    }
}
