//! Messages a second: 64 senders, each with one message on its way at a time.

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::Mutex;

use super::http::Http;
use super::prosody::{Occupant, Prosody};
use super::row::{self, Row};
use super::town::{Town, Wrapping};
use crate::drive::{Figures, drive};
use crate::store::new_database;

const SENDERS: usize = 64;
/// What is compared is measured so often, in turns.
const ROUNDS: usize = 3;
/// Members of a thread, all of whom send.
const MEMBERS: usize = 4;
/// Connections of the server to PostgreSQL.
const CONNECTIONS: usize = 16;

/// REST over TLS on SQLite, and group chat of prosody, in turns; the medians by CPU time.
pub(crate) async fn in_turns(has_ours: bool, has_peer: bool) -> Result<()> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if has_ours {
            ours.push(through_rest(&[]).await?);
        }
        if has_peer {
            peer.push(through_prosody().await?);
        }
    }
    let (ours, peer) = (median(ours), median(peer));
    if let Some(ours) = &ours {
        print("send, SQLite, TLS, 64 senders", ours, "10,000/s, 100 µs, p50 5 ms");
    }
    if let Some(peer) = &peer {
        print("send, prosody, no TLS, no fsync, 64 senders who also receive", peer, "-");
    }
    if let (Some(ours), Some(peer)) = (ours, peer) {
        let cpu = |figures: &Figures| figures.server_cpu.unwrap_or_default().as_secs_f64();
        let ratio = ours.per_second / peer.per_second;
        row::print_ratio("ours to prosody's", ratio, cpu(&ours) / cpu(&peer));
    }
    Ok(())
}

fn median(mut all: Vec<Figures>) -> Option<Figures> {
    all.sort_unstable_by_key(|figures| figures.server_cpu);
    all.get(all.len() / 2).copied()
}

/// REST over TLS on PostgreSQL.
pub(crate) async fn through_postgres() -> Result<()> {
    let Ok(admin_url) = std::env::var("TRUNKLINE_BENCH_POSTGRES") else {
        println!("(send, PostgreSQL: TRUNKLINE_BENCH_POSTGRES names no superuser)");
        return Ok(());
    };
    let (url, _) = new_database(&admin_url).await?;
    let settings = [format!("database.url={url}"), format!("database.connections={CONNECTIONS}")];
    let figures = through_rest(&settings).await?;
    print("send, PostgreSQL, TLS, 64 senders; without PostgreSQL's own CPU", &figures, "-");
    Ok(())
}

/// Group chat of prosody, without TLS.
async fn through_prosody() -> Result<Figures> {
    let prosody = Prosody::start().await?;
    let occupants = prosody.crowd(SENDERS, |sender| format!("room{}", sender / MEMBERS)).await?;
    let occupants: Vec<Mutex<Occupant>> = occupants.into_iter().map(Mutex::new).collect();
    let (occupants, text) = (Arc::new(occupants), Arc::new(super::text()));
    let send = move |sender: u64, number: u64| {
        let (occupants, text) = (Arc::clone(&occupants), Arc::clone(&text));
        async move {
            let mut occupant = occupants[usize::try_from(sender)?].lock().await;
            occupant.tell(number, &text).await
        }
    };
    drive(SENDERS as u64, Some(prosody.id()), send).await
}

async fn through_rest(settings: &[String]) -> Result<Figures> {
    let town = Town::found(Wrapping::Tls, settings)?;
    let people = town.people(SENDERS).await?;
    let mut senders: Vec<Mutex<(Http, Vec<u8>)>> = Vec::new();
    for members in people.chunks(MEMBERS) {
        let thread = town.thread(members).await?;
        for member in members {
            senders.push(Mutex::new((town.open().await?, town.message(member, &thread, &super::text()))));
        }
    }
    let senders = Arc::new(senders);
    let send = move |sender: u64, _: u64| {
        let senders = Arc::clone(&senders);
        async move {
            let mut sender = senders[usize::try_from(sender)?].lock().await;
            let (http, message) = &mut *sender;
            http.expect(message, 201).await.map(drop)
        }
    };
    let figures = drive(SENDERS as u64, Some(town.server.id()), send).await?;
    town.server.stop()?;
    Ok(figures)
}

fn print(what: &str, figures: &Figures, goal: &str) {
    Row {
        what,
        per_second: Some(figures.per_second),
        p50: Some(figures.p50),
        p99: Some(figures.p99),
        cpu: figures.server_cpu,
        own_cpu: Some(figures.own_cpu),
        goal,
    }
    .print();
}
