//! A real file system without room: a small tmpfs, mounted where only the program sees it.

use std::fs::{self, File};
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_store::Backend;

use super::disk_faults::{expect_recovery, expect_refusals};
use super::ledger::Ledger;
use super::machine::copy;
use super::writer::{self, Writer};
use super::{PATIENCE, first_of};

/// Mounts at `$0`, then becomes the rest of the command line.
const MOUNT_AND_RUN: &str = r#"mount -t tmpfs -o size=64m trunkline "$0" && exec "$@""#;
/// How often the room is taken and given back.
const CYCLES: usize = 3;

#[tokio::test]
async fn a_full_tmpfs_refuses_writes_until_there_is_room() {
    let home = TempDir::new().expect("a temporary folder can be made");
    let place = home.path().join("mounted");
    fs::create_dir(&place).expect("a new folder");
    if !private_mount(&place, &mut Command::new("true")).status().is_ok_and(|status| status.success()) {
        // Not `println!`, which a passing test keeps to itself.
        writeln!(stderr(), "NOT TESTED: a really full disk, because mounting a tmpfs needs root").ok();
        return;
    }
    let mut ledger = Ledger::default();
    let mut program = writer::command(&format!("sqlite:{}", place.display()), first_of(0), true);
    let writer = Writer::start(private_mount(&place, &mut program));
    writer.expect_acknowledged(100, &mut ledger);
    let seen_from_outside = PathBuf::from(format!("/proc/{}/root{}", writer.id(), place.display()));
    for _ in 0..CYCLES {
        let ballast = seen_from_outside.join("ballast");
        fill(&ballast);
        expect_refusals(&writer, &mut ledger);
        fs::remove_file(&ballast).expect("the ballast can be removed");
        expect_recovery(&writer, &mut ledger);
    }
    // The mount ends with the program, so the files are copied while it stands still.
    stop_all_threads(writer.id());
    let left = home.path().join("left");
    copy(&seen_from_outside, &left);
    writer.kill(&mut ledger);
    ledger.audit(Backend::Sqlite { folder: left }).await.assert_none();
}

/// Returns when every thread stands still; the signal alone only asks for it.
fn stop_all_threads(id: u32) {
    let process = Pid::from_raw(id.cast_signed()).expect("a process has a number");
    kill_process(process, Signal::STOP).expect("the program can be stopped");
    let is_stopped = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("stat")).expect("a stopped thread stays");
        status.rsplit(") ").next().is_some_and(|fields| fields.starts_with('T'))
    };
    let until = SystemClock.monotonic() + PATIENCE;
    loop {
        let mut threads = fs::read_dir(format!("/proc/{id}/task")).expect("the process exists");
        if threads.all(|thread| is_stopped(thread.expect("its threads can be listed"))) {
            return;
        }
        assert!(SystemClock.monotonic() < until, "the program does not stand still");
        std::thread::yield_now();
    }
}

fn private_mount(place: &Path, program: &mut Command) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", MOUNT_AND_RUN]).arg(place);
    command.arg(program.get_program()).args(program.get_args());
    command
}

fn fill(ballast: &Path) {
    let mut file = File::create(ballast).expect("the ballast can be made");
    // In halves, so that not even a small file finds room.
    let mut piece = 1 << 20;
    while piece > 0 {
        if file.write_all(&vec![0; piece]).is_err() {
            piece /= 2;
        }
    }
}
