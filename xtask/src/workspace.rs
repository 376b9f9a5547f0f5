//! Where things are: the checkout, its build folder, its crates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell::Tool;

/// Top folder of the checkout.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// Cargo's build folder.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Folder for what xtask itself keeps between runs (logs, virtual environment, tools).
pub(crate) fn scratch() -> Result<PathBuf> {
    let folder = target().join("xtask");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// The server as `cargo build` leaves it.
pub(crate) fn server_binary() -> PathBuf {
    target().join("debug/trunkline")
}

/// Published API descriptions, laid beside the checkout on machines that have them.
pub(crate) fn published_specs() -> PathBuf {
    root().join("../shared/specs")
}

/// git, also for a checkout that belongs to another user, as on build machines; names as they are.
pub(crate) fn git() -> Tool {
    Tool::new("git").args(["-c", "safe.directory=*", "-c", "core.quotePath=off"])
}

/// Files that git tracks or would track, relative to the top folder, sorted.
pub(crate) fn files() -> Result<Vec<String>> {
    let listed = git()
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .read()
        .context("cannot list the files of the checkout")?;
    let root = root();
    let mut files: Vec<String> =
        listed.lines().filter(|path| root.join(path).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// One crate of the dependency graph.
pub(crate) struct Package {
    /// Name in its manifest.
    pub(crate) name: String,
    /// Folder relative to the top folder; `None` for third-party crates.
    pub(crate) folder: Option<String>,
    /// Names of direct dependencies that reach users: normal and build ones.
    pub(crate) dependencies: Vec<String>,
    /// Names of direct dependencies that only tests have.
    pub(crate) test_dependencies: Vec<String>,
}

/// The dependency graph as cargo resolves it.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let text = Tool::new("cargo").args(["metadata", "--format-version", "1"]).read()?;
    let metadata: Value = serde_json::from_str(&text).context("cannot read `cargo metadata`")?;
    Ok(read_packages(&metadata, &root()))
}

fn read_packages(metadata: &Value, root: &Path) -> Vec<Package> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut names = BTreeMap::new();
    let mut folders = BTreeMap::new();
    for package in list(&metadata["packages"]) {
        let id = text(&package["id"]);
        names.insert(id.clone(), text(&package["name"]));
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        if package["source"].is_null()
            && let Some(folder) = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok())
        {
            folders.insert(id, folder.display().to_string());
        }
    }
    let name = |id: &str| names.get(id).cloned().unwrap_or_default();
    list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| {
            let id = text(&node["id"]);
            let (mut dependencies, mut test_dependencies) = (Vec::new(), Vec::new());
            for dependency in list(&node["deps"]) {
                let kinds = list(&dependency["dep_kinds"]);
                let only_tests = kinds.iter().all(|kind| kind["kind"] == "dev");
                let target = if only_tests { &mut test_dependencies } else { &mut dependencies };
                target.push(name(dependency["pkg"].as_str().unwrap_or_default()));
            }
            Package { name: name(&id), folder: folders.get(&id).cloned(), dependencies, test_dependencies }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::read_packages;

    #[test]
    fn dependencies_of_tests_are_kept_apart() {
        let metadata = json!({
            "packages": [
                {"id": "a", "name": "ours", "source": null, "manifest_path": "/source/crates/ours/Cargo.toml"},
                {"id": "b", "name": "theirs", "source": "registry", "manifest_path": "/registry/theirs/Cargo.toml"},
                {"id": "c", "name": "helper", "source": "registry", "manifest_path": "/registry/helper/Cargo.toml"}
            ],
            "resolve": {"nodes": [{"id": "a", "deps": [
                {"pkg": "b", "dep_kinds": [{"kind": null}, {"kind": "dev"}]},
                {"pkg": "c", "dep_kinds": [{"kind": "dev"}]}
            ]}]}
        });
        let packages = read_packages(&metadata, Path::new("/source"));
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].folder.as_deref(), Some("crates/ours"));
        assert_eq!(packages[0].dependencies, ["theirs"]);
        assert_eq!(packages[0].test_dependencies, ["helper"]);
    }
}
