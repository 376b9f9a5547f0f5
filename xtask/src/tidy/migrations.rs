//! Migrations are append-only: databases out there have already run the old ones.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Exceptions, SourceFile};
use crate::workspace;

/// Content of every migration as it was first committed, by path.
pub(crate) fn first_versions() -> Result<BTreeMap<String, String>> {
    if workspace::git().args(["rev-parse", "--verify", "--quiet", "HEAD"]).read().is_err() {
        return Ok(BTreeMap::new());
    }
    let history = workspace::git()
        .args(["log", "--no-renames", "--diff-filter=A", "--format=commit %H", "--name-only"])
        .args(["--", ":(glob)**/migrations/*.sql"])
        .read()?;
    let mut first = BTreeMap::new();
    let mut commit = "";
    // Newest first: an older addition of the same path replaces a younger one.
    for line in history.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("commit ") {
            Some(hash) => commit = hash,
            None => {
                first.insert(line.to_owned(), commit.to_owned());
            }
        }
    }
    let show = |(path, commit): (String, String)| {
        let text = workspace::git().args(["show", &format!("{commit}:{path}")]).read()?;
        Ok((path, text))
    };
    first.into_iter().map(show).collect()
}

/// Changed, removed, misnamed or out-of-order migrations.
pub(crate) fn check(
    files: &[SourceFile],
    first: &BTreeMap<String, String>,
    exceptions: &Exceptions,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut now = BTreeMap::new();
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.extension() == "sql") {
        if let Some((folder, name)) = file.path.rsplit_once('/')
            && folder.ends_with("migrations")
        {
            now.insert(file.path.as_str(), file.text.as_str());
            folders.entry(folder).or_default().push(name);
        }
    }
    for (path, text) in first {
        let problem = match now.get(path.as_str()) {
            None => "was removed; databases out there have already run it",
            Some(current) if current != text => "differs from its first commit; add a new migration instead",
            Some(_) => continue,
        };
        if !exceptions.covers("migrations", path) {
            problems.push(format!("{path}: {problem}"));
        }
    }
    for (folder, names) in folders {
        for (index, name) in names.iter().enumerate() {
            if !name.starts_with(&format!("{:04}_", index + 1)) {
                problems.push(format!(
                    "{folder}/{name}: number {} in its folder must start with {:04}_",
                    index + 1,
                    index + 1
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Exceptions, SourceFile};
    use super::check;

    const PATH: &str = "crates/services/x/migrations/0001_users.sql";

    fn problems(files: &[(&str, &str)], first: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        let first: BTreeMap<_, _> =
            first.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        check(&files, &first, &Exceptions::default())
    }

    #[test]
    fn a_committed_migration_stays_as_it_is() {
        assert!(problems(&[(PATH, "a")], &[(PATH, "a")]).is_empty());
        assert!(problems(&[(PATH, "b")], &[(PATH, "a")])[0].contains("differs from its first commit"));
        assert!(problems(&[], &[(PATH, "a")])[0].contains("was removed"));
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let third = "crates/services/x/migrations/0003_more.sql";
        assert!(problems(&[(PATH, "a"), (third, "b")], &[])[0].contains("must start with 0002_"));
        assert!(problems(&[("crates/services/x/examples/query.sql", "a")], &[]).is_empty());
    }
}
