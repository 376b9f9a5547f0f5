//! House rules that a machine can keep and no lint knows.
//!
//! Every exception stands with its reason in `xtask/tidy.toml`; an exception that nothing needs any more is
//! itself a problem, so the list only shrinks by being true.

mod manifest;
mod migrations;
mod sizes;
mod text;
mod tiers;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// One file of the checkout.
pub(crate) struct SourceFile {
    /// Relative to the top folder.
    pub(crate) path: String,
    /// Its whole content.
    pub(crate) text: String,
    /// For Rust: the text without comments and literals; empty otherwise.
    pub(crate) code: String,
}

impl SourceFile {
    /// A file from its path and content.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if extension(path) == "rs" { crate::source::code_only(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// What stands behind the last dot; empty without one.
    pub(crate) fn extension(&self) -> &str {
        extension(&self.path)
    }
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The exceptions of `xtask/tidy.toml`: rule -> what it is about -> reason.
#[derive(Default)]
pub(crate) struct Exceptions {
    reasons: BTreeMap<String, BTreeMap<String, String>>,
    used: RefCell<BTreeSet<(String, String)>>,
}

/// The rules that know exceptions, as sections of the file.
const SECTIONS: &[&str] = &["files", "functions", "unsafe", "migrations", "arrows", "words"];

impl Exceptions {
    fn parse(text: &str) -> Result<Self> {
        let reasons: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(text).context("xtask/tidy.toml: expected sections of `name = \"reason\"`")?;
        for (section, entries) in &reasons {
            if !SECTIONS.contains(&section.as_str()) {
                bail!("xtask/tidy.toml: unknown section `{section}`; known: {}", SECTIONS.join(", "));
            }
            if let Some((name, _)) = entries.iter().find(|(_, reason)| reason.trim().len() < 10) {
                bail!("xtask/tidy.toml: [{section}] `{name}` needs a reason");
            }
        }
        Ok(Self { reasons, used: RefCell::default() })
    }

    /// Whether `name` is excepted from the rule of `section`; remembers that it was needed.
    pub(crate) fn covers(&self, section: &str, name: &str) -> bool {
        let covered = self.reasons.get(section).is_some_and(|entries| entries.contains_key(name));
        if covered {
            self.used.borrow_mut().insert((section.to_owned(), name.to_owned()));
        }
        covered
    }

    fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let all = self
            .reasons
            .iter()
            .flat_map(|(section, entries)| entries.keys().map(move |name| (section, name)));
        all.filter(|(section, name)| !used.contains(&((*section).clone(), (*name).clone())))
            .map(|(section, name)| {
                format!("xtask/tidy.toml: [{section}] `{name}` is needed by nothing: remove it")
            })
            .collect()
    }
}

/// `cargo xtask check tidy`.
pub(crate) fn run() -> Result<ExitCode> {
    let problems = check()?;
    for problem in &problems {
        println!("{problem}");
    }
    println!("{} problems", problems.len());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that breaks a house rule, one line each.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let exceptions =
        std::fs::read_to_string(root.join("xtask/tidy.toml")).context("xtask/tidy.toml is missing")?;
    let exceptions = Exceptions::parse(&exceptions)?;
    let mut files = Vec::new();
    for path in workspace::files()? {
        // Files that are no text (images, recorded bytes) have no rules here.
        if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            files.push(SourceFile::new(&path, &text));
        }
    }
    let mut problems = Vec::new();
    for file in &files {
        problems.extend(sizes::check(file, &exceptions));
        problems.extend(text::check(file, &exceptions));
    }
    problems.extend(manifest::check(&std::fs::read_to_string(root.join("Cargo.toml"))?));
    problems.extend(tiers::check(&workspace::packages()?, &exceptions));
    problems.extend(migrations::check(&files, &migrations::first_versions()?, &exceptions));
    problems.extend(exceptions.unused());
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::Exceptions;

    #[test]
    fn an_exception_needs_a_reason_and_a_known_rule() {
        assert!(Exceptions::parse("[files]\n\"a.rs\" = \"\"").is_err());
        assert!(Exceptions::parse("[fils]\n\"a.rs\" = \"a table of constants\"").is_err());
    }

    #[test]
    fn an_unused_exception_is_a_problem() {
        let exceptions = Exceptions::parse("[files]\n\"a.rs\" = \"a table of constants\"").unwrap();
        assert_eq!(exceptions.unused().len(), 1);
        assert!(exceptions.covers("files", "a.rs"));
        assert!(exceptions.unused().is_empty());
    }
}
