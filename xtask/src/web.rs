//! The web parts: built for `cargo xtask run`, and their trusted service beside the server.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::setup;
use crate::shell::{Tool, find, stopwatch};
use crate::workspace;

/// The first version of Node.js that the build works with, as `web/package.json` has it.
const NODE_MIN: (u32, u32) = (20, 19);

/// The built samples.
pub(crate) struct Samples {
    folder: PathBuf,
}

impl Samples {
    /// Builds what is not up to date and says what it does by `tell`. `None`: this machine cannot, and why was told.
    ///
    /// **Errors**: a build that fails, with its output.
    pub(crate) fn build(tell: fn(&str)) -> Result<Option<Self>> {
        let folder = workspace::root().join("web");
        if !folder.join("package-lock.json").is_file() {
            return Ok(None);
        }
        if !has_node() {
            tell(&format!("no {} or later with npm: there are no sample pages", wanted_node()));
            return Ok(None);
        }
        install(&folder, tell)?;
        let wanted = state_of_sources(&folder)?;
        let stamp = folder.join("dist/.xtask-stamp");
        if std::fs::read_to_string(&stamp).is_ok_and(|built_from| built_from == wanted) {
            tell("sample pages: up to date");
        } else {
            let started = stopwatch();
            tell("building the sample pages (about half a minute) ...");
            npm(&folder, &["run", "--silent", "build"])?;
            std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
            tell(&format!("  built in {:.0} s", started.elapsed().as_secs_f32()));
        }
        Ok(Some(Self { folder }))
    }

    /// Starts the trusted service and answers the flags that make the server use the samples.
    ///
    /// The service waits for `ready_file`, which this process writes once it has become the server.
    pub(crate) fn start(&self, ready_file: &Path) -> Result<Vec<OsString>> {
        let port = free_port()?;
        let state = workspace::scratch()?.join("trusted-service.json");
        // What stands there names a server that has ended.
        if let Err(cause) = std::fs::remove_file(ready_file)
            && cause.kind() != std::io::ErrorKind::NotFound
        {
            return Err(cause).with_context(|| format!("cannot remove {}", ready_file.display()));
        }
        let mut command = Tool::new("node").args(["start.mjs"]).folder(&self.folder).command();
        command.arg(ready_file).arg(port.to_string()).arg(state);
        command.arg(std::process::id().to_string()).stdin(Stdio::null());
        // Not waited for: this process becomes the server, and the child ends with its parent.
        command.spawn().context("cannot start the trusted service of the samples")?;
        let mut dist = OsString::from("samples.folder=");
        dist.push(self.folder.join("dist"));
        let service = format!("samples.trusted_service=http://127.0.0.1:{port}");
        Ok(vec!["--set".into(), dist, "--set".into(), service.into()])
    }
}

fn has_node() -> bool {
    let Ok(version) = Tool::new("node").args(["--version"]).read() else { return false };
    find("npm").is_some() && is_new_enough(&version)
}

/// Whether a version as `node --version` prints it, such as `v20.19.1`, is [`NODE_MIN`] or later.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    parts.next().zip(parts.next()).is_some_and(|found| found >= NODE_MIN)
}

fn wanted_node() -> String {
    format!("Node.js {}.{}", NODE_MIN.0, NODE_MIN.1)
}

/// Builds them for the tests, which open them in a browser, without a word.
///
/// **Errors**: a build that fails; a machine without Node.js.
pub(crate) fn build_for_tests() -> Result<()> {
    match Samples::build(|_| {})? {
        Some(_) => Ok(()),
        None => bail!("the sample pages need {} or later with npm", wanted_node()),
    }
}

/// Installs the locked packages of the web parts.
fn install(folder: &Path, tell: fn(&str)) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = std::fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join("node_modules/.xtask-stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let started = stopwatch();
    tell("installing the packages of the sample pages (620 MB; a minute or two) ...");
    npm(folder, &["ci", "--no-audit", "--no-fund", "--ignore-scripts"])?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    tell(&format!("  installed in {:.0} s", started.elapsed().as_secs_f32()));
    Ok(())
}

fn npm(folder: &Path, words: &[&str]) -> Result<()> {
    let log = workspace::scratch()?.join("web.log");
    setup::quiet(&Tool::new("npm").args(words).folder(folder), &log)
}

/// Path, size and time of every source, one a line: another text means that something was edited.
fn state_of_sources(folder: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for name in ["package.json", "package-lock.json", "vite.config.ts"] {
        lines.push(line_of(&folder.join(name))?);
    }
    // The pages, and the packages of ours that are bundled into them.
    for name in ["samples", "calling", "calling-effects"] {
        collect(&folder.join(name), &mut lines)?;
    }
    lines.sort();
    Ok(lines.join("\n"))
}

fn collect(folder: &Path, lines: &mut Vec<String>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry.context("cannot read an entry")?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["dist", "dist-test", "node_modules"].contains(&name) {
                collect(&path, lines)?;
            }
        } else {
            lines.push(line_of(&path)?);
        }
    }
    Ok(())
}

fn line_of(file: &Path) -> Result<String> {
    let metadata = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    let modified = metadata.modified().context("the file system keeps no times")?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {} {}", file.display(), metadata.len(), since.as_nanos()))
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr().context("the listener has no address")?.port())
}

#[cfg(test)]
mod tests {
    use super::{is_new_enough, state_of_sources};

    #[test]
    fn a_version_counts_with_its_second_number() {
        for (version, is_enough) in [
            ("v20.19.0\n", true),
            ("v20.20.1", true),
            ("v22.1.0", true),
            ("v20.18.3", false),
            ("v18.20.4", false),
            ("v21", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), is_enough, "{version:?}");
        }
    }

    #[test]
    fn an_edit_is_seen_and_a_build_is_not() {
        let folder = workspace_like("edit");
        let before = state_of_sources(&folder).expect("readable");
        std::fs::create_dir_all(folder.join("samples/a/dist")).expect("made");
        std::fs::write(folder.join("samples/a/dist/main.js"), "built").expect("written");
        assert_eq!(state_of_sources(&folder).expect("readable"), before);
        for file in ["samples/a/main.ts", "calling/src/call.ts", "package.json"] {
            let before = state_of_sources(&folder).expect("readable");
            std::fs::write(folder.join(file), "edited").expect("written");
            assert_ne!(state_of_sources(&folder).expect("readable"), before, "{file}");
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    fn workspace_like(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-web-{name}-{}", std::process::id()));
        for place in ["samples/a", "calling/src", "calling-effects"] {
            std::fs::create_dir_all(folder.join(place)).expect("made");
        }
        for file in ["package.json", "package-lock.json", "vite.config.ts", "samples/a/main.ts"] {
            std::fs::write(folder.join(file), "{}").expect("written");
        }
        folder
    }
}
