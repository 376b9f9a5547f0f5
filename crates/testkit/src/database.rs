//! [`TestStore`]: a store of its own for each test, on either engine, gone when the test ends.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tokio_postgres::NoTls;
use trunkline_kernel::{ManualClock, Secret, SeededEntropy, Timestamp};
use trunkline_store::{Backend, OpenError, Slice, Store, StoreConfig};

/// The variable that names a PostgreSQL superuser on a server for tests.
pub const POSTGRES_VARIABLE: &str = "TRUNKLINE_TEST_POSTGRES";

/// Connections of a test's store: enough to run things at once, few enough for many tests at once.
const CONNECTIONS: usize = 4;

/// 2026-11-21T12:00:00Z: where a test's clock stands at first.
const NOW_SECONDS: i64 = 1_795_262_400;

/// A store with its clock and randomness. It is removed when the value is dropped.
pub struct TestStore {
    store: Store,
    clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    config: StoreConfig,
    slices: Vec<Slice>,
    // Dropped last: what removes the data.
    home: Home,
}

enum Home {
    Memory,
    Folder(TempDir),
    Database(#[expect(dead_code, reason = "held so that the database is dropped with it")] TestDatabase),
}

impl TestStore {
    /// A store on SQLite in a temporary folder.
    pub async fn sqlite(slices: &[Slice]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let backend = Backend::Sqlite { folder: folder.path().to_owned() };
        Self::open(backend, slices, Home::Folder(folder)).await
    }

    /// A store in memory.
    pub async fn ephemeral(slices: &[Slice]) -> Self {
        Self::open(Backend::Ephemeral, slices, Home::Memory).await
    }

    /// A store on PostgreSQL in a database of its own.
    ///
    /// Panics with an instruction when [`POSTGRES_VARIABLE`] is not set.
    pub async fn postgres(slices: &[Slice]) -> Self {
        let database = TestDatabase::create().await;
        let backend = Backend::Postgres { url: Secret::new(database.url.clone()), connections: CONNECTIONS };
        Self::open(backend, slices, Home::Database(database)).await
    }

    async fn open(backend: Backend, slices: &[Slice], home: Home) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW_SECONDS)));
        let entropy = Arc::new(SeededEntropy::new(1));
        let config = StoreConfig::new(backend);
        let opened = Store::open(config.clone(), slices, clock.clone(), entropy.clone()).await;
        let store = opened.expect("a new database can be opened");
        Self { store, clock, entropy, config, slices: slices.to_vec(), home }
    }

    /// The clock; it moves only when told to.
    pub fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    /// The randomness; it repeats from run to run.
    pub fn entropy(&self) -> &Arc<SeededEntropy> {
        &self.entropy
    }

    /// The store itself, for what keeps a handle.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How the store was opened.
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// The data folder of a store on SQLite.
    pub fn folder(&self) -> Option<&std::path::Path> {
        match &self.home {
            Home::Folder(folder) => Some(folder.path()),
            Home::Memory | Home::Database(_) => None,
        }
    }

    /// Opens the same data once more with the given slices, as another process would.
    pub async fn open_again(&self, slices: &[Slice]) -> Result<Store, OpenError> {
        Store::open(self.config.clone(), slices, self.clock.clone(), self.entropy.clone()).await
    }

    /// Closes the store and opens the same data again, as a restart does.
    pub async fn restart(&mut self) {
        self.restart_with(self.config.clone()).await;
    }

    /// Closes the store and opens the same data with another configuration.
    pub async fn restart_with(&mut self, config: StoreConfig) {
        self.store.close().await;
        self.config = config;
        self.store = self.open_again(&self.slices).await.expect("the same data opens again");
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// A database on the test server, dropped with the value.
pub struct TestDatabase {
    /// The address of the database.
    pub url: String,
    admin_url: String,
    name: String,
}

impl TestDatabase {
    /// Makes an empty database.
    pub async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let admin_url = std::env::var(POSTGRES_VARIABLE).unwrap_or_else(|_| {
            panic!(
                "start tests with `cargo xtask test`, or point {POSTGRES_VARIABLE} at a PostgreSQL 15+ superuser"
            )
        });
        let name = format!("trunkline_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // A process of the same number may have left one behind.
        run(&admin_url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        run(&admin_url, &format!("CREATE DATABASE {name}")).await;
        let url = replace_database(&admin_url, &name);
        Self { url, admin_url, name }
    }

    /// Counts what a query finds, on a connection of its own: `SELECT COUNT(*) ...` without parameters.
    pub async fn count(&self, sql: &str) -> i64 {
        let connected = tokio_postgres::connect(&self.url, NoTls).await;
        let (client, connection) = connected.expect("the database answers");
        let work = async {
            let row = client.query_one(sql, &[]).await.unwrap_or_else(|failure| panic!("{sql}: {failure}"));
            drop(client);
            row.get(0)
        };
        let (count, ended) = tokio::join!(work, connection);
        ended.expect("the connection ends in order");
        count
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let admin_url = self.admin_url.clone();
        // A thread, because this also runs inside the test's own runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(run(&admin_url, &sql));
        });
        // A panic here would hide the test's own.
        let _ = dropped.join();
    }
}

async fn run(url: &str, sql: &str) {
    let connected = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) =
        connected.unwrap_or_else(|failure| panic!("no PostgreSQL at {url}: {failure}"));
    let work = async {
        client.batch_execute(sql).await.unwrap_or_else(|failure| panic!("{sql}: {failure}"));
        drop(client);
    };
    let ((), ended) = tokio::join!(work, connection);
    ended.expect("the connection ends in order");
}

/// The same address with another database: `postgres://user@host:port/DATABASE?options`.
fn replace_database(url: &str, name: &str) -> String {
    let (address, options) = url.split_once('?').map_or((url, ""), |(address, options)| (address, options));
    let authority_end = address
        .find("://")
        .and_then(|scheme| address[scheme + 3..].find('/').map(|slash| scheme + 3 + slash))
        .unwrap_or(address.len());
    let separator = if options.is_empty() { "" } else { "?" };
    format!("{}/{name}{separator}{options}", &address[..authority_end])
}

/// Makes two tests of each function, one on SQLite and one on PostgreSQL.
///
/// ```text
/// on_both_engines!(&[SLICE]; deleted_users_are_gone, names_are_unique);
///
/// async fn deleted_users_are_gone(test: TestStore) { ... }
/// ```
#[macro_export]
macro_rules! on_both_engines {
    ($slices:expr; $($name:ident),+ $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                #[allow(unused_imports, reason = "the slices may be named by any path")]
                use super::*;
                super::$name($crate::TestStore::sqlite($slices).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                #[allow(unused_imports, reason = "the slices may be named by any path")]
                use super::*;
                super::$name($crate::TestStore::postgres($slices).await).await;
            }
        })+
    };
}

#[cfg(test)]
mod tests {
    use super::replace_database;

    #[test]
    fn the_database_of_an_address_is_replaced() {
        assert_eq!(replace_database("postgres://u@h:1/postgres", "x"), "postgres://u@h:1/x");
        assert_eq!(replace_database("postgres://u@h:1", "x"), "postgres://u@h:1/x");
        assert_eq!(
            replace_database("postgres://u@h/postgres?sslmode=require", "x"),
            "postgres://u@h/x?sslmode=require"
        );
    }
}
