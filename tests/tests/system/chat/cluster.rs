//! [`Cluster`]: servers on one database that are killed, stopped and started again.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::watch;
use trunkline_testkit::TestDatabase;
use trunkline_testkit::realtime::Origin;

use crate::support::client::Client;
use crate::support::server::Server;

/// The servers that can be reached, and how often one was killed so far.
#[derive(Clone, Debug)]
pub(super) struct Reachable {
    pub(super) origins: Vec<Origin>,
    pub(super) kills: u64,
}

/// Servers that share their data.
pub(super) struct Cluster {
    servers: Vec<Option<Server>>,
    arguments: Vec<Vec<String>>,
    reachable: watch::Sender<Reachable>,
    // Dropped last: the data goes when the servers are gone.
    pub(super) database: Option<TestDatabase>,
    folder: TempDir,
}

impl Cluster {
    /// One server on SQLite with these settings.
    pub(super) fn single(settings: &[&str]) -> Self {
        Self::start(vec![arguments(settings.iter().map(|setting| (*setting).to_owned()))], None)
    }

    /// Two servers on PostgreSQL with these settings.
    pub(super) async fn pair(settings: &[&str]) -> Self {
        let (database, folder) = (TestDatabase::create().await, temporary());
        let key = folder.path().join("master.key");
        let of = |name: &str| {
            let own = [
                format!("node.name={name}"),
                format!("database.url={}", database.url),
                format!("vault.master_key_file={}", key.display()),
                "database.connections=6".to_owned(),
            ];
            arguments(own.into_iter().chain(settings.iter().map(|setting| (*setting).to_owned())))
        };
        let all = vec![of("first"), of("second")];
        share_blobs(folder.path(), all.len());
        Self::start_in(folder, all, Some(database))
    }

    fn start(arguments: Vec<Vec<String>>, database: Option<TestDatabase>) -> Self {
        Self::start_in(temporary(), arguments, database)
    }

    fn start_in(folder: TempDir, arguments: Vec<Vec<String>>, database: Option<TestDatabase>) -> Self {
        let (reachable, _) = watch::channel(Reachable { origins: Vec::new(), kills: 0 });
        let servers = arguments.iter().map(|_| None).collect();
        let mut cluster = Self { servers, arguments, reachable, database, folder };
        for index in 0..cluster.servers.len() {
            cluster.revive(index);
        }
        cluster
    }

    /// Who can be reached, now and later.
    pub(super) fn reachable(&self) -> watch::Receiver<Reachable> {
        self.reachable.subscribe()
    }

    /// A running server.
    pub(super) fn server(&self, index: usize) -> &Server {
        self.servers[index].as_ref().expect("the server runs")
    }

    /// A client of a running server with the key of the resource.
    pub(super) fn client(&self, index: usize) -> Client {
        self.server(index).client()
    }

    /// The data folder of a server.
    pub(super) fn data(&self, index: usize) -> PathBuf {
        data(self.folder.path(), index)
    }

    /// The folder above, with the logs of the servers beside their data.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills a server in the middle of whatever it does. Nobody tries to reach it any more once this returns.
    pub(super) fn kill(&mut self, index: usize) {
        tokio::task::block_in_place(|| {
            let mut server = self.servers[index].take().expect("the server runs");
            server.signal("KILL");
            assert!(!server.wait().success());
        });
        self.publish(1);
    }

    /// Takes a server out of those that are offered to new connections, as a load balancer would.
    pub(super) fn hide(&mut self, index: usize) {
        let origins = self.origins().into_iter().filter(|(at, _)| *at != index);
        let origins = origins.map(|(_, origin)| origin).collect();
        self.reachable.send_modify(|reachable| reachable.origins = origins);
    }

    /// Asks a server to stop, and waits for its end in order.
    pub(super) fn stop(&mut self, index: usize) {
        let server = self.servers[index].take().expect("the server runs");
        let log = tokio::task::block_in_place(|| {
            let mut server = server;
            server.signal("TERM");
            assert!(server.wait().success(), "{}", server.log());
            server.log()
        });
        assert!(!log.contains("panicked"), "{log}");
        self.publish(0);
    }

    /// Starts a server that was killed or stopped.
    pub(super) fn revive(&mut self, index: usize) {
        let (data, arguments) = (self.data(index), self.arguments[index].clone());
        let server = tokio::task::block_in_place(|| {
            Server::start(&data, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        });
        self.servers[index] = Some(server);
        self.publish(0);
    }

    fn origins(&self) -> Vec<(usize, Origin)> {
        let running = self.servers.iter().enumerate();
        running
            .filter_map(|(index, server)| server.as_ref().map(|server| (index, server.client().origin())))
            .collect()
    }

    fn publish(&self, kills: u64) {
        let origins = self.origins().into_iter().map(|(_, origin)| origin).collect();
        self.reachable.send_modify(|reachable| {
            reachable.origins = origins;
            reachable.kills += kills;
        });
    }
}

fn data(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("node{index}"))
}

/// Puts the blobs of all nodes on storage they share, as the manual asks for.
fn share_blobs(folder: &Path, nodes: usize) {
    let blobs = folder.join("blobs");
    std::fs::create_dir(&blobs).expect("a new folder");
    for index in 0..nodes {
        let data = data(folder, index);
        std::fs::create_dir(&data).expect("a new folder");
        std::os::unix::fs::symlink(&blobs, data.join("blobs")).expect("a new link");
    }
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn arguments(settings: impl Iterator<Item = String>) -> Vec<String> {
    let settings = settings.flat_map(|setting| ["--set".to_owned(), setting]);
    // A line for each of thousands of requests tells nothing here.
    ["--log-level".to_owned(), "warn".to_owned()].into_iter().chain(settings).collect()
}
