//! SIGKILL at any moment loses nothing that was acknowledged.

use tempfile::TempDir;
use trunkline_kernel::Secret;
use trunkline_store::Backend;
use trunkline_testkit::TestDatabase;

use super::ledger::Ledger;
use super::writer::{self, Writer};
use super::{Dice, Moment, ROUNDS, first_of};

/// Fewer than on SQLite: PostgreSQL keeps the data in processes that are not killed, so this only tests
/// what we do around them.
const ROUNDS_POSTGRES: u64 = 20;

#[tokio::test]
async fn a_killed_server_loses_nothing_acknowledged_on_sqlite() {
    let home = TempDir::new().expect("a temporary folder can be made");
    let place = format!("sqlite:{}", home.path().display());
    let ledger = write_and_kill(&place, ROUNDS);
    assert!(ledger.acknowledged.len() > 1000, "too little was written to tell: {ledger}");
    ledger.audit(Backend::Sqlite { folder: home.path().to_owned() }).await.assert_none();
}

#[tokio::test]
async fn a_killed_server_loses_nothing_acknowledged_on_postgres() {
    let database = TestDatabase::create().await;
    let ledger = write_and_kill(&database.url, ROUNDS_POSTGRES);
    assert!(ledger.acknowledged.len() > 100, "too little was written to tell: {ledger}");
    let backend = Backend::Postgres { url: Secret::new(database.url.clone()), connections: 2 };
    ledger.audit(backend).await.assert_none();
}

fn write_and_kill(place: &str, rounds: u64) -> Ledger {
    let dice = Dice::new();
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        let writer = Writer::start(writer::command(place, first_of(round), true));
        writer.run_until(Moment::draw(&dice), &mut ledger);
        writer.kill(&mut ledger);
    }
    ledger
}
