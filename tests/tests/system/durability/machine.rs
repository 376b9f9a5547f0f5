//! [`Machine`]: a folder whose power can be cut, with a disk that can be made to fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use trunkline_store::Backend;

use super::writer;

const SHIM: &str = include_str!("../../../src/powercut.c");

/// What the disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It works.
    None,
    /// Every write fails with ENOSPC.
    Full,
    /// Every sync fails with EIO.
    Sync,
    /// One sync fails with EIO.
    SyncOnce,
    /// One sync of the database, when the log is copied into it, fails with EIO.
    CheckpointOnce,
}

/// The folder a program sees, and the disk below that only has what was synced.
pub(super) struct Machine {
    // Removed when dropped.
    home: TempDir,
    seed: u64,
    early_one_in: u64,
}

impl Machine {
    /// Builds the shim. One write in `early_one_in` reaches the disk before its sync; 0 for none.
    pub(super) fn new(seed: u64, early_one_in: u64) -> Self {
        let home = TempDir::new().expect("a temporary folder can be made");
        let machine = Self { home, seed, early_one_in };
        fs::create_dir(machine.folder()).expect("a new folder");
        fs::create_dir(machine.disk()).expect("a new folder");
        machine.set_fault(Fault::None);
        let source = machine.path("powercut.c");
        fs::write(&source, SHIM).expect("the shim's source can be written");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(machine.path("powercut.so"))
            .arg(&source)
            .arg("-ldl")
            .status();
        assert!(built.expect("a C compiler is installed").success(), "the shim does not compile");
        machine
    }

    /// The program on this machine.
    pub(super) fn command(&self, first: u64, is_synced: bool) -> Command {
        let mut command = writer::command(&format!("sqlite:{}", self.folder().display()), first, is_synced);
        command
            .env("LD_PRELOAD", self.path("powercut.so"))
            .env("POWERCUT_FOLDER", self.folder())
            .env("POWERCUT_DISK", self.disk())
            .env("POWERCUT_CONTROL", self.path("control"))
            .env("POWERCUT_EARLY", self.early_one_in.to_string())
            .env("POWERCUT_SEED", self.seed.wrapping_add(first).to_string());
        command
    }

    /// Takes effect with the next write or sync of the running program.
    pub(super) fn set_fault(&self, fault: Fault) {
        let byte = match fault {
            Fault::None => b'0',
            Fault::Full => b'n',
            Fault::Sync => b'e',
            Fault::SyncOnce => b'o',
            Fault::CheckpointOnce => b'd',
        };
        // Not cut off first: the program has the byte mapped.
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(self.path("control"));
        let mut file = file.expect("the control file opens");
        std::io::Write::write_all(&mut file, &[byte]).expect("one byte can be written");
    }

    /// What was not synced is gone. The program must have been killed.
    pub(super) fn cut_power(&self) {
        fs::remove_dir_all(self.folder()).expect("the folder can be removed");
        copy(&self.disk(), &self.folder());
    }

    /// The data, for the audit.
    pub(super) fn backend(&self) -> Backend {
        Backend::Sqlite { folder: self.folder() }
    }

    fn folder(&self) -> PathBuf {
        self.path("data")
    }

    fn disk(&self) -> PathBuf {
        self.path("disk")
    }

    fn path(&self, name: &str) -> PathBuf {
        // SQLite resolves links before it opens a file, and the shim compares the paths.
        self.home.path().canonicalize().expect("the folder exists").join(name)
    }
}

/// Copies the files of a folder, without the index of SQLite's log, into a new one.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let name = entry.expect("its entries too").file_name();
        if !name.to_string_lossy().ends_with("-shm") {
            fs::copy(from.join(&name), to.join(&name)).expect("a file can be copied");
        }
    }
}
