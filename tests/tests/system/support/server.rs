//! The program `trunkline` as a process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use trunkline_kernel::{Clock as _, SystemClock};

use super::client::{Client, Reply};

/// How long anything may take before a test gives up: far beyond what it takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks at `condition` until it holds; panics with `what` after [`DEADLINE`].
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = SystemClock.monotonic();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(SystemClock.monotonic().saturating_sub(start) < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The same for a condition that waits itself.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let start = SystemClock.monotonic();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(SystemClock.monotonic().saturating_sub(start) < DEADLINE, "waited in vain: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The program: `TRUNKLINE_BIN`, or the one built beside this test.
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("TRUNKLINE_BIN") {
        return program.into();
    }
    let test = std::env::current_exe().expect("a running program has a path");
    let program = test.parent().and_then(Path::parent).expect("target/PROFILE/deps/TEST").join("trunkline");
    assert!(program.is_file(), "{} is missing: cargo build -p trunkline-server", program.display());
    program
}

/// The program with the environment of a machine that knows nothing of it.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRUNKLINE_"))
    {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().expect("the program can be started")
}

/// Runs a command with `--json`, which must succeed, and reads what it prints.
pub(crate) fn run_json(data: &Path, arguments: &[&str]) -> Value {
    let data = data.to_str().expect("temporary folders have names in UTF-8");
    let output = run(&[arguments, &["--data", data, "--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// What `token inspect` says; its exit status is that of the verdict.
pub(crate) fn inspect(data: &Path, token: &str) -> Value {
    let data = data.to_str().expect("temporary folders have names in UTF-8");
    let output = run(&["token", "inspect", token, "--data", data, "--json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("a verdict is printed");
    assert_eq!(output.status.success(), verdict["isValid"] == Value::Bool(true));
    verdict
}

/// A server that is killed when the value is dropped.
pub(crate) struct Server {
    child: Child,
    /// The content of the ready file.
    pub(crate) ready: Value,
    /// The data folder.
    pub(crate) data: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts a server on `data` and waits until it is ready. `name` tells its files from those of others.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut starting = Starting::spawn(data, arguments);
        let ready = wait_until("the ready file", || {
            assert!(
                starting.child.try_wait().expect("a child can be waited for").is_none(),
                "{}",
                starting.log()
            );
            std::fs::read(&starting.ready_file).ok()
        });
        let ready = serde_json::from_slice(&ready).expect("the ready file appears whole");
        Self { child: starting.child, ready, data: data.to_owned(), log: starting.log }
    }

    /// Starts a server that is expected to refuse; returns its exit status and log.
    pub(crate) fn refuse(data: &Path, arguments: &[&str]) -> (ExitStatus, String) {
        let mut starting = Starting::spawn(data, arguments);
        let status = wait_until("the end of a server that cannot start", || {
            starting.child.try_wait().expect("a child can be waited for")
        });
        (status, starting.log())
    }

    /// A field of the ready file.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("the ready file has no {name}"))
    }

    /// A client that trusts the server and knows its primary key.
    pub(crate) fn client(&self) -> Client {
        let key = self.field("connectionString").split_once("accesskey=").expect("a connection string").1;
        Client::new(self.field("endpoint"), Path::new(self.field("caFile")), key)
    }

    /// Creates a user over the API; returns its id.
    pub(crate) fn create_user(&self) -> String {
        let reply: Reply = self.client().call("POST", "/identities?api-version=2023-10-01", "");
        assert_eq!(reply.status, 201, "{:?}", reply.body);
        reply.body["identity"]["id"].as_str().expect("an id").to_owned()
    }

    /// Asks the server to stop, and waits for its end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(status.expect("kill can be started").success());
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_until("the end of the server", || self.child.try_wait().expect("a child can be waited for"))
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks the admin listener; returns the status and the body.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        super::client::plain(self.field("adminEndpoint"), method, path, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Starting {
    child: Child,
    ready_file: PathBuf,
    log: PathBuf,
}

impl Starting {
    fn spawn(data: &Path, arguments: &[&str]) -> Self {
        let beside = |ending: &str| data.with_extension(ending);
        let (ready_file, log) = (beside("ready.json"), beside("log"));
        let _ = std::fs::remove_file(&ready_file);
        let text = |path: &Path| path.to_str().expect("temporary folders have names in UTF-8").to_owned();
        let (data_text, ready_text) = (text(data), text(&ready_file));
        let serve = ["serve", "--data", &data_text, "--ready-file", &ready_text, "--admin-port", "0"];
        let port: &[&str] = if arguments.contains(&"--port") { &[] } else { &["--port", "0"] };
        let child = command(&[&serve[..], port, arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log file can be made"))
            .spawn()
            .expect("the program can be started");
        Self { child, ready_file, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
