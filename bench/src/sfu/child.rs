//! Processes that are measured: this program again, on a core of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of what is measured; the clients have the other one.
const MEASURED_CORE: usize = 0;
const CLIENTS_CORE: usize = 1;

/// A process that answers lines with lines.
pub(super) struct Child {
    process: process::Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Child {
    pub(super) fn start(name: &str, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(name).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn(&mut command)?;
        let commands = child.stdin.take().context("it is piped")?;
        let answers = BufReader::new(child.stdout.take().context("it is piped")?);
        Ok(Self { process: child, commands, answers })
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.commands, "{line}")?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            bail!("the measured process has ended");
        }
        Ok(answer)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Starts a process on the core of what is measured; whoever calls stays on that of the clients.
pub(super) fn spawn(command: &mut Command) -> Result<process::Child> {
    // What is started inherits the core of the thread that starts it.
    pin(MEASURED_CORE);
    let child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()));
    pin(CLIENTS_CORE);
    child
}

fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    if sched_setaffinity(None, &cores).is_err() {
        eprintln!("core {core} cannot be had: what is measured shares its core with the clients");
    }
}
