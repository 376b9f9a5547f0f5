//! A temporary PostgreSQL cluster: made, started, stopped and removed by xtask.
//!
//! `initdb` refuses to run as root; then the cluster belongs to the user `postgres`, or `nobody` where that
//! one is missing. The cluster listens on 127.0.0.1 and a socket in its own folder and asks for no password,
//! so it holds nothing but test data.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::shell::{self, Tool};
use crate::{setup, workspace};

/// Connections a cluster accepts: every test of a binary may hold a pool, and binaries run one by one.
const CONNECTIONS: u32 = 300;
/// How long a cluster may take to answer; a busy two-core machine needs about one second.
const PATIENCE: Duration = Duration::from_mins(1);
/// The oldest PostgreSQL that the store supports.
const OLDEST: u32 = 15;
/// Start of the folder names, so that leftovers of killed runs can be found.
const PREFIX: &str = "trunkline-postgres-";

/// Whether an acknowledged write must survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As an operator runs it: what benchmarks measure.
    Real,
    /// No `fsync`: tests are several times faster, and their data is thrown away.
    None,
}

/// A running cluster; dropping it stops the server and removes its data.
pub(crate) struct Cluster {
    server: Child,
    port: u16,
    // Dropped after the server has stopped.
    _folder: Folder,
}

/// The folder of a cluster, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create(owner: Option<&str>) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let folder = Self(path);
        if let Some(owner) = owner {
            Tool::new("chown").args([owner]).args([&folder.0]).read()?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl Cluster {
    /// Makes and starts a cluster on a free port.
    pub(crate) fn start(durability: Durability) -> Result<Self> {
        remove_leftovers();
        let programs = find_programs()?;
        let log = workspace::scratch()?.join("postgres.log");
        let owner = shell::is_root().then(service_user).transpose()?;
        let folder = Folder::create(owner.as_deref())?;
        let data = folder.0.join("data");
        initialise(&programs, owner.as_deref(), &data, &log)?;
        let port = free_port()?;
        let mut command = as_user(owner.as_deref(), &programs.join("postgres"));
        command.arg("-D").arg(&data).args(settings(port, &folder.0, durability));
        let file = std::fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let copy = file.try_clone().context("cannot share the log file")?;
        command.current_dir(&folder.0).stdin(Stdio::null()).stdout(file).stderr(copy);
        let server = command.spawn().context("cannot start postgres")?;
        let mut cluster = Self { server, port, _folder: folder };
        cluster.wait_until_ready(&programs, &log)?;
        Ok(cluster)
    }

    /// What the tests read from `TRUNKLINE_TEST_POSTGRES`: a superuser on this cluster.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, programs: &Path, log: &Path) -> Result<()> {
        let port = self.port.to_string();
        let started = shell::stopwatch();
        while started.elapsed() < PATIENCE {
            let ask = Tool::new(programs.join("pg_isready")).args([
                "-q",
                "-U",
                "postgres",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
            ]);
            if ask.read().is_ok() {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait().context("cannot watch postgres")? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("postgres ended while starting ({status}):\n{said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("postgres did not answer on port {port} within {} s", PATIENCE.as_secs())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // QUIT is PostgreSQL's immediate shutdown; it also frees the shared memory, which KILL would not.
        let pid = self.server.id().to_string();
        if Tool::new("kill").args(["-QUIT", &pid]).read().is_err() {
            self.server.kill().ok();
        }
        self.server.wait().ok();
    }
}

/// `cargo xtask postgres`.
pub(crate) fn run() -> Result<ExitCode> {
    setup::debian(&[setup::Need::Postgres])?;
    let cluster = Cluster::start(Durability::None)?;
    println!("export TRUNKLINE_TEST_POSTGRES={}", cluster.url());
    println!("# the cluster lives until Enter, Ctrl-C or the end of standard input");
    std::io::stdin().read(&mut [0]).context("cannot read standard input")?;
    Ok(ExitCode::SUCCESS)
}

/// The folder with `initdb`, `postgres` and `pg_isready` of the newest installed version.
pub(crate) fn find_programs() -> Result<PathBuf> {
    let mut installed: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        installed.push((version, entry.path().join("bin")));
    }
    installed.retain(|(version, folder)| *version >= OLDEST && folder.join("initdb").is_file());
    installed.sort();
    if let Some((_, folder)) = installed.pop() {
        return Ok(folder);
    }
    let on_path = shell::find("initdb").context("PostgreSQL is not installed")?;
    Ok(on_path.parent().map_or_else(PathBuf::new, Path::to_path_buf))
}

fn initialise(programs: &Path, owner: Option<&str>, data: &Path, log: &Path) -> Result<()> {
    let mut command = as_user(owner, &programs.join("initdb"));
    command.arg("-D").arg(data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
    command.args(["--no-sync", "--no-instructions"]);
    let folder = data.parent().context("the data folder has a parent")?;
    let output = command.current_dir(folder).stdin(Stdio::null()).output().context("cannot start initdb")?;
    std::fs::write(log, &output.stdout).ok();
    if !output.status.success() {
        bail!("initdb failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn settings(port: u16, folder: &Path, durability: Durability) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        format!("max_connections={CONNECTIONS}"),
    ];
    if durability == Durability::None {
        settings.extend(["fsync=off", "full_page_writes=off", "autovacuum=off"].map(str::to_owned));
    }
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
}

/// `program` as `owner`. Whatever happens to xtask, the kernel interrupts the program, which then ends.
fn as_user(owner: Option<&str>, program: &Path) -> Command {
    if shell::find("setpriv").is_none() {
        // Without setpriv only a plain user can be served; initdb itself refuses root with a clear message.
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    if let Some(owner) = owner {
        command.args(["--reuid", owner, "--regid", &group_of(owner), "--clear-groups"]);
        command.env_remove("HOME");
    }
    command.args(["--pdeathsig", "INT"]).arg(program);
    command
}

fn group_of(user: &str) -> String {
    let group = Tool::new("id").args(["-g", user]).read();
    group.map_or_else(|_| user.to_owned(), |id| id.trim().to_owned())
}

fn service_user() -> Result<String> {
    let exists = |user: &&str| Tool::new("id").args(["-u", user]).read().is_ok();
    let user = ["postgres", "nobody"].into_iter().find(|user| exists(user));
    Ok(user.context("neither user `postgres` nor user `nobody` exists to run PostgreSQL as")?.to_owned())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot take a free port")?;
    Ok(listener.local_addr().context("cannot read the port taken")?.port())
}

/// Removes folders of runs whose process is gone.
fn remove_leftovers() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}
