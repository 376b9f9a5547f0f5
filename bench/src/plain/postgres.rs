//! Plain tokio-postgres: a pool of connections, prepared statements, the four inboxes pipelined.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tasks::Tasks;

use crate::workload;

/// A pool; a connection belongs to one message at a time.
pub(crate) struct PlainPostgres {
    idle: mpsc::UnboundedSender<Connection>,
    // Guards the receiving end, which only one waiter can hold.
    free: Mutex<mpsc::UnboundedReceiver<Connection>>,
}

struct Connection {
    client: Client,
    lock: Statement,
    message: Statement,
    event: Statement,
    inbox: Statement,
}

impl PlainPostgres {
    /// Connects; the database has the tables already. The connections are driven by `tasks`.
    pub(crate) async fn connect(url: &str, connections: usize, tasks: &Tasks) -> Result<Arc<Self>> {
        let (idle, free) = mpsc::unbounded_channel();
        for _ in 0..connections {
            let (client, driver) = tokio_postgres::connect(url, NoTls).await.context("cannot connect")?;
            tasks.spawn("connection", async move { drop(driver.await) });
            let connection = Connection {
                lock: client.prepare("SELECT pg_advisory_xact_lock($1)").await?,
                message: client.prepare(&numbered(workload::INSERT_MESSAGE)).await?,
                event: client.prepare(&numbered(workload::INSERT_EVENT)).await?,
                inbox: client.prepare(&numbered(workload::UPSERT_INBOX)).await?,
                client,
            };
            idle.send(connection).ok().context("the pool is new")?;
        }
        Ok(Arc::new(Self { idle, free: Mutex::new(free) }))
    }

    pub(crate) async fn send(&self, thread: i64, id: i64) -> Result<()> {
        let connection = self.free.lock().await.recv().await.context("the pool stays")?;
        let sent = connection.write(thread, id).await;
        self.idle.send(connection).ok().context("the pool stays")?;
        Ok(sent?)
    }
}

impl Connection {
    async fn write(&self, thread: i64, id: i64) -> Result<(), tokio_postgres::Error> {
        let Self { client, .. } = self;
        let now = SystemClock.now().as_micros();
        client.batch_execute("BEGIN").await?;
        client.execute(&self.lock, &[&thread]).await?;
        client.execute(&self.message, &[&thread, &id, &workload::body(), &now]).await?;
        let none: Option<i64> = None;
        let event: [&(dyn ToSql + Sync); 6] =
            [&workload::RESOURCE, &workload::KIND, &id.to_string(), &workload::PAYLOAD, &now, &none];
        client.execute(&self.event, &event).await?;
        let upsert = |member: i64| async move { client.execute(&self.inbox, &[&member, &thread, &id]).await };
        try_join_all(workload::members(thread).map(upsert)).await?;
        client.batch_execute("COMMIT").await
    }
}

/// PostgreSQL's placeholders.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}
