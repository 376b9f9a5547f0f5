//! [`Writer`]: the program under test, its reports, and its end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tests::durability::Report;

use super::ledger::Ledger;
use super::{Moment, PATIENCE};

/// Where the program is.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_durability_writer");

/// A running `durability_writer`.
pub(super) struct Writer {
    child: Child,
    reports: mpsc::Receiver<Report>,
    reader: Option<JoinHandle<()>>,
}

/// The program on the data at `place`; `is_synced` says whether it syncs its commits.
pub(super) fn command(place: &str, first: u64, is_synced: bool) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg(place).arg(first.to_string()).arg(if is_synced { "synced" } else { "unsynced" });
    command
}

impl Writer {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let output = child.stdout.take().expect("its output is a pipe");
        let (sender, reports) = mpsc::channel();
        let read = move || {
            let mut lines = BufReader::new(output);
            let mut line = String::new();
            // A line without its end was cut off by the kill and says nothing.
            while lines.read_line(&mut line).is_ok_and(|_| line.ends_with('\n')) {
                let report = Report::parse(line.trim_end()).unwrap_or_else(|| panic!("no report: {line}"));
                if sender.send(report).is_err() {
                    return;
                }
                line.clear();
            }
        };
        Self { child, reports, reader: Some(std::thread::spawn(read)) }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes down reports until the moment has come, or the program ends by itself.
    pub(super) fn run_until(&self, moment: Moment, ledger: &mut Ledger) {
        match moment {
            Moment::AfterStart(wait) => self.listen(wait, ledger, |_| false),
            Moment::AfterReady(wait) => {
                self.listen(PATIENCE, ledger, |report| *report == Report::Ready);
                self.listen(wait, ledger, |_| false);
            }
            Moment::Acknowledged(mut count) => self.listen(PATIENCE, ledger, |report| {
                count -= usize::from(matches!(report, Report::Acknowledged(_)));
                count == 0
            }),
        }
    }

    /// Takes down reports until one is what is waited for.
    ///
    /// Panics when it does not come in time.
    pub(super) fn expect(&self, what: &str, ledger: &mut Ledger, mut is_it: impl FnMut(&Report) -> bool) {
        let mut has_come = false;
        self.listen(PATIENCE, ledger, |report| {
            has_come = is_it(report);
            has_come
        });
        assert!(has_come, "waited in vain for: {what}; so far {ledger}");
    }

    /// Waits for so many further acknowledgements.
    pub(super) fn expect_acknowledged(&self, count: usize, ledger: &mut Ledger) {
        let mut left = count;
        self.expect("acknowledgements", ledger, |report| {
            left -= usize::from(matches!(report, Report::Acknowledged(_)));
            left == 0
        });
    }

    /// Ends the program with SIGKILL and takes down what it still managed to say.
    pub(super) fn kill(mut self, ledger: &mut Ledger) {
        if let Some(status) = self.child.try_wait().expect("the program can be asked for") {
            ledger.note_problem(format!("the program ended by itself: {status}"));
        }
        self.child.kill().expect("the program can be killed");
        self.child.wait().expect("the program ends");
        let reader = self.reader.take().expect("nobody else takes it");
        reader.join().expect("every line is a report");
        self.reports.try_iter().for_each(|report| ledger.note(&report));
    }

    fn listen(&self, wait: Duration, ledger: &mut Ledger, mut is_enough: impl FnMut(&Report) -> bool) {
        let until = SystemClock.monotonic() + wait;
        loop {
            let left = until.saturating_sub(SystemClock.monotonic());
            match self.reports.recv_timeout(left) {
                Ok(report) => {
                    ledger.note(&report);
                    if is_enough(&report) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a failed assertion; otherwise it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
