//! `cargo xtask check specs`: our API descriptions against the published ones.
//!
//! Both sides are flattened into facts ("this field is a string", "this parameter is required") and the
//! facts are compared. Descriptions, names of schemas and the order of anything mean nothing here.

mod compare;
mod flatten;
mod reference;
mod schema;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::shell::Tool;
use crate::{operations, server, workspace};

/// Our services and the folders of their published descriptions, which are also the headings in
/// `docs/api-coverage.md`. `resource-manager` is what ARM's own clients need around a resource.
const FOLDERS: &[(&str, &str)] = &[
    ("identity", "Identity"),
    ("chat", "Chat"),
    ("traversal", "NetworkTraversal"),
    ("arm", "ResourceManager.Communication"),
    ("resource-manager", "ResourceManager"),
    ("event-grid", "ResourceManager.EventGrid"),
];

/// Published paths that begin with any scope or any resource, and how they begin here: with the one kind of
/// resource there is.
const SCOPES: &[(&str, &str)] = &[
    (" /{}/providers/Microsoft.EventGrid/", OUR_SCOPE),
    (" /subscriptions/{}/resourceGroups/{}/providers/{}/{}/{}/providers/Microsoft.EventGrid/", OUR_SCOPE),
];

const OUR_SCOPE: &str = " /subscriptions/{}/resourceGroups/{}/providers/Microsoft.Communication/communicationServices/{}/providers/Microsoft.EventGrid/";

/// The folder of a service of ours.
pub(crate) fn folder_of(service: &str) -> Option<&'static str> {
    FOLDERS.iter().find(|(name, _)| *name == service).map(|(_, folder)| *folder)
}

/// What the comparison found.
pub(crate) struct Found {
    /// Unlisted differences and unused entries, one line each.
    pub(crate) problems: Vec<String>,
    /// What was compared and what could not be, one line each.
    pub(crate) notes: Vec<String>,
}

/// `cargo xtask check specs`.
pub(crate) fn run() -> Result<ExitCode> {
    if !workspace::published_specs().is_dir() {
        bail!("the published API descriptions are not at {}", workspace::published_specs().display());
    }
    let found = check(&server::build()?)?;
    for line in found.notes.iter().chain(&found.problems) {
        println!("{line}");
    }
    println!("{} problems", found.problems.len());
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares every published pair of service and api-version that the server answers.
pub(crate) fn check(binary: &Path) -> Result<Found> {
    let file = workspace::root().join("xtask/specs-differences.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let listed = compare::Listed::parse(&text)?;
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    let mut pairs = BTreeSet::new();
    for operation in operations::list(binary)? {
        pairs.extend(operation.versions.iter().map(|version| (operation.service.clone(), version.clone())));
    }
    for (service, version) in pairs {
        let Some(folder) = folder_of(&service) else {
            problems.push(format!("xtask/src/specs.rs: FOLDERS names no folder for the service `{service}`"));
            continue;
        };
        let published = published_files(folder, &version)?;
        if published.is_empty() {
            notes.push(format!("{service} {version}: no published description; not compared"));
            continue;
        }
        let mut theirs = flatten::Facts::new();
        for file in &published {
            let facts = flatten::facts(&read(file)?, file)?;
            theirs.extend(facts.into_iter().map(|(at, fact)| (in_our_scope(at), fact)));
        }
        let ours = Tool::new(binary).args(["openapi", &service, &version]).read()?;
        let ours: Value = serde_json::from_str(&ours).context("`trunkline openapi` printed no JSON")?;
        let ours = flatten::facts(&ours, Path::new("ours.json"))?;
        // What is not routed at all stands in the coverage table.
        theirs.retain(|at, _| ours.contains_key(operation_of(at)));
        notes.push(format!("{service} {version}: {} facts compared", theirs.len()));
        problems.extend(compare::differences(&theirs, &ours).into_iter().filter_map(|difference| {
            let known = listed.covers(&service, &version, &difference.at);
            (!known).then(|| format!("{service} {version}: {difference}"))
        }));
    }
    problems.extend(listed.unused());
    Ok(Found { problems, notes })
}

/// The same place under the scope that our paths have.
fn in_our_scope(at: String) -> String {
    let found = SCOPES
        .iter()
        .find(|(published, _)| at.find(published).is_some_and(|index| !at[..index].contains(' ')));
    match found {
        Some((published, ours)) => at.replacen(published, ours, 1),
        None => at,
    }
}

/// `GET /a` of `GET /a 200 body.b`.
fn operation_of(at: &str) -> &str {
    let end = at.match_indices(' ').nth(1).map_or(at.len(), |(index, _)| index);
    &at[..end]
}

/// The descriptions of a service and version; ARM's come in several files.
fn published_files(folder: &str, version: &str) -> Result<Vec<PathBuf>> {
    let folder = workspace::published_specs().join(folder).join(version);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    files.sort();
    Ok(files)
}

/// Every published description of a service, newest version last; for `cargo xtask where`.
pub(crate) fn published() -> Vec<PathBuf> {
    let list = |folder: PathBuf| -> Vec<PathBuf> {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let files = list(workspace::published_specs()).into_iter().flat_map(list).flat_map(list);
    files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

/// A JSON document.
pub(crate) fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_scopes_are_read_as_ours() {
        let tail = "eventSubscriptions/{} 200";
        for published in [
            "GET /{}/providers/Microsoft.EventGrid/",
            "GET /subscriptions/{}/resourceGroups/{}/providers/{}/{}/{}/providers/Microsoft.EventGrid/",
        ] {
            assert_eq!(in_our_scope(format!("{published}{tail}")), format!("GET{OUR_SCOPE}{tail}"));
        }
        let other = "GET /subscriptions/{}/providers/Microsoft.EventGrid/systemTopics";
        assert_eq!(in_our_scope(other.to_owned()), other);
    }
}
