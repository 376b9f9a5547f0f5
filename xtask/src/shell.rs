//! Running other programs: quietly with the output kept, or in front of the developer.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// A program and its arguments, run in the top folder of the checkout unless told otherwise.
#[derive(Clone)]
pub(crate) struct Tool {
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    folder: PathBuf,
    limit: Option<Duration>,
}

/// How a quiet run ended.
pub(crate) struct Captured {
    /// Whether the program reported success.
    pub(crate) success: bool,
    /// Standard output and standard error in the order they were written.
    pub(crate) output: String,
}

impl Tool {
    /// `program` without arguments.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: workspace::root(),
            limit: None,
        }
    }

    /// Appends arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable for the program.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs in `folder` instead of the top folder.
    pub(crate) fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Ends the program and its children after `limit`.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The command line as a person would type it.
    pub(crate) fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    /// Runs quietly; the output goes to `log` and into the answer.
    pub(crate) fn capture(&self, log: &Path) -> Result<Captured> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let copy = file.try_clone().context("cannot share the log file")?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(file).stderr(copy);
        // A log is read without a terminal: no colours.
        command.env("CARGO_TERM_COLOR", "never").env("NO_COLOR", "1").env("TERM", "dumb");
        let status = command.status().with_context(|| format!("cannot start `{}`", self.line()))?;
        let bytes = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
        let mut output = String::from_utf8_lossy(&bytes).into_owned();
        if status.code() == Some(TIMED_OUT) && self.limit.is_some() {
            output.push_str("\nended by xtask: the step took longer than its limit\n");
        }
        Ok(Captured { success: status.success(), output })
    }

    /// Runs quietly and answers standard output; standard error becomes part of the error.
    pub(crate) fn read(&self) -> Result<String> {
        let mut command = self.command();
        command.stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot start `{}`", self.line()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("`{}` failed: {said}", self.line());
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{}` did not answer text", self.line()))
    }

    /// Runs in front of the developer, who can type and interrupt.
    pub(crate) fn show(&self) -> Result<ExitStatus> {
        self.command().status().with_context(|| format!("cannot start `{}`", self.line()))
    }

    /// Runs in front of the developer and fails when the program does.
    pub(crate) fn must(&self) -> Result<()> {
        let status = self.show()?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }

    /// The prepared command, wrapped in coreutils' `timeout` when a limit is set.
    pub(crate) fn command(&self) -> Command {
        let mut command = match self.limit {
            Some(limit) if find("timeout").is_some() => limited(limit, &self.program),
            _ => Command::new(&self.program),
        };
        command.args(&self.arguments).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // What cargo sets for xtask itself must not leak into the cargo that xtask starts: build scripts
        // would see another package's values and be run again.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            command.env_remove(name);
        }
        command
    }
}

/// Status that coreutils' `timeout` reports when it ended the program.
const TIMED_OUT: i32 = 124;

/// `timeout` ends the whole group of processes; `setpriv` ends `timeout` when xtask itself dies.
fn limited(limit: Duration, program: &OsStr) -> Command {
    let seconds = limit.as_secs().to_string();
    let mut command = if find("setpriv").is_some() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "timeout"]);
        command
    } else {
        Command::new("timeout")
    };
    command.args(["--kill-after=10", &seconds]).arg(program);
    command
}

/// The first `name` on `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether this process has the rights of the superuser.
pub(crate) fn is_root() -> bool {
    Tool::new("id").args(["-u"]).read().is_ok_and(|user| user.trim() == "0")
}

/// Seconds since some fixed point, for the times printed beside steps.
#[expect(
    clippy::disallowed_methods,
    reason = "progress times of a developer command; nothing depends on them"
)]
pub(crate) fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}
