//! The first connection: checks the server and brings the tables up to date.

use tokio_postgres::{Client, SimpleQueryMessage};
use trunkline_kernel::Timestamp;

use super::connect::{Address, check_version, unavailable};
use super::value::read_row;
use crate::config::Engine;
use crate::dialect;
use crate::error::{OpenError, StoreError};
use crate::key::Key;
use crate::migrations::{self, Applied, Slice, Step};
use crate::params;

/// Connects, refuses an old server, and runs outstanding migrations in one transaction under a lock, so
/// that nodes which start together do not meet.
pub(crate) async fn prepare(address: &Address, slices: &[Slice], now: Timestamp) -> Result<(), OpenError> {
    let connected = address.connect().await;
    let (client, mut messages) =
        connected.map_err(|failure| OpenError::Connect { reason: failure.to_string() })?;
    let receive = async {
        use futures_util::StreamExt as _;
        while messages.next().await.is_some_and(|message| message.is_ok()) {}
    };
    let work = async {
        check_server(&client).await?;
        migrate(&client, slices, now).await
    };
    tokio::select! {
        done = work => done,
        () = receive => Err(OpenError::Connect { reason: "the server ended the connection".to_owned() }),
    }
}

async fn check_server(client: &Client) -> Result<(), OpenError> {
    let shown = client.simple_query("SHOW server_version_num").await;
    let shown = shown.map_err(|failure| OpenError::Connect { reason: failure.to_string() })?;
    let number = shown.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    check_version(number.unwrap_or_default())
}

async fn migrate(client: &Client, slices: &[Slice], now: Timestamp) -> Result<(), OpenError> {
    let lock = Key::system("migrations").lock_number();
    let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({lock})");
    client.batch_execute(&begin).await.map_err(failed)?;
    let create = dialect::definitions(migrations::CREATE_TABLE);
    client.batch_execute(&create).await.map_err(failed)?;
    let rows = client.query(&dialect::statement(migrations::SELECT_APPLIED), &[]).await.map_err(failed)?;
    let applied: Result<Vec<Applied>, StoreError> =
        rows.iter().map(|row| read_row(row).and_then(|row| Applied::from_row(&row))).collect();
    // An error leaves the transaction open; it ends with the connection.
    for step in migrations::plan(slices, &applied?)? {
        apply(client, &step, now).await?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)
}

async fn apply(client: &Client, step: &Step, now: Timestamp) -> Result<(), OpenError> {
    let Step { slice, migration } = step;
    let definitions = dialect::definitions(&step.sql(Engine::Postgres)?);
    let ran = client.batch_execute(&definitions).await;
    ran.map_err(|failure| {
        let answer = failure.as_db_error().map(|answer| answer.message().to_owned());
        step.failed(answer.unwrap_or_else(|| failure.to_string()))
    })?;
    let values = params![*slice, migration.version, migration.name, migrations::checksum(migration.sql), now];
    let insert = dialect::statement(migrations::INSERT_APPLIED);
    let inserted = client.execute_raw(&insert, values).await;
    inserted.map(drop).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` takes")]
fn failed(failure: tokio_postgres::Error) -> OpenError {
    OpenError::Store(unavailable(&failure))
}
