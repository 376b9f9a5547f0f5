//! A release server of its own, started for a measurement.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use trunkline_kernel::{Clock as _, SystemClock};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// From the start of the process to its ready file.
    pub(crate) started_in: Duration,
    /// The content of the ready file.
    pub(crate) ready: Value,
}

/// The program to measure.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("TRUNKLINE_BIN").map_or_else(|| PathBuf::from("target/release/trunkline"), PathBuf::from)
}

/// It, without the variables of this program: the server refuses settings that it does not know.
pub(crate) fn command() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRUNKLINE_"))
    {
        command.env_remove(name);
    }
    command
}

impl Server {
    /// Starts it on `data` and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Result<Self> {
        Self::start_with(data, &[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(data: &Path, arguments: &[String]) -> Result<Self> {
        let ready_file = data.with_extension("ready.json");
        std::fs::remove_file(&ready_file).ok();
        let mut command = command();
        command
            .args(["serve", "--port", "0", "--admin-port", "0", "--log-level", "warn", "--data"])
            .arg(data)
            .args(arguments);
        command.arg("--ready-file").arg(&ready_file).stdin(Stdio::null()).stdout(Stdio::null());
        let started = SystemClock.monotonic();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program().display()))?;
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready_file) {
                let started_in = SystemClock.monotonic().saturating_sub(started);
                let ready = serde_json::from_str(&text).context("the ready file is JSON")?;
                return Ok(Self { child, started_in, ready });
            }
            if let Some(status) = child.try_wait()? {
                bail!("the server ended while starting: {status}");
            }
            if SystemClock.monotonic().saturating_sub(started) > PATIENCE {
                child.kill()?;
                bail!("the server is not ready after {} s", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A field of the ready file.
    pub(crate) fn field(&self, name: &str) -> Result<&str> {
        self.ready[name].as_str().with_context(|| format!("the ready file has `{name}`"))
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = Pid::from_raw(self.child.id().cast_signed()).context("a process has a number")?;
        kill_process(id, Signal::TERM)?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server did not end in order: {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a failure; otherwise it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
