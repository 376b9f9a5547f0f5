//! Giving back the space of deleted rows without waiting for autovacuum.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::connect::{Address, unavailable};
use crate::error::StoreError;

/// How long all tables may take: a vacuum reads a table at some hundred megabytes a second.
const VACUUM_DURATION_MAX: Duration = Duration::from_mins(10);

/// Removes dead rows and their index entries from `tables`, on a connection of its own: `VACUUM` cannot run
/// in a transaction.
pub(crate) async fn vacuum(address: &Address, tables: &'static [&'static str]) -> Result<(), StoreError> {
    let (client, mut messages) = address.connect().await?;
    let receive = async { while messages.next().await.is_some_and(|message| message.is_ok()) {} };
    let work = async {
        for table in tables {
            // Names are constants of the program; they cannot be parameters here.
            let sql = format!("VACUUM (INDEX_CLEANUP ON) {table}");
            client.batch_execute(&sql).await.map_err(|failure| unavailable(&failure))?;
        }
        Ok(())
    };
    tokio::select! {
        done = tokio::time::timeout(VACUUM_DURATION_MAX, work) => done.unwrap_or(Err(StoreError::Busy)),
        () = receive => {
            Err(StoreError::Unavailable { reason: "the server ended the connection".to_owned() })
        }
    }
}
