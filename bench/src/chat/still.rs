//! What an idle client costs.

use std::time::Duration;

use anyhow::Result;

use super::crowd::{Crowd, Manners};
use super::town::{Town, Wrapping};
use crate::process::resident_bytes;

const CLIENTS: usize = 10_000;
/// Long enough for what follows a connection: its reports of activity, its row.
const SETTLE: Duration = Duration::from_secs(25);

/// Memory with ten thousand connected clients that do nothing.
pub(crate) async fn measure_memory() -> Result<()> {
    for (wrapping, what, goal) in
        [(Wrapping::Plain, "without TLS", "10 KB"), (Wrapping::Tls, "with TLS", "-")]
    {
        let town = Town::found(wrapping, &[])?;
        let people = town.people(CLIENTS).await?;
        let before = resident_bytes(town.server.id())?;
        let crowd = Crowd::connect(&town.place, &people, Manners::Faithful).await?;
        tokio::time::sleep(SETTLE).await;
        let after = resident_bytes(town.server.id())?;
        let each = after.saturating_sub(before) as f64 / CLIENTS as f64 / 1e3;
        println!(
            "| memory of an idle client, 10,000 connected, {what} | {each:.1} KB | - | - | - | - | - | {goal} |"
        );
        // First the server: what it does when ten thousand clients go at once is not measured.
        drop(town);
        drop(crowd);
    }
    Ok(())
}
