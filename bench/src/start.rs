//! `start`: from start to ready on an existing database, memory when idle, size of the program.

use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::process;
use crate::server::{Server, program};

const STARTS: usize = 10;
/// Long enough for what a server does once after its start.
const IDLE: Duration = Duration::from_secs(2);
const MEGABYTE: f64 = 1e6;

pub(crate) fn run() -> Result<()> {
    let home = TempDir::new()?;
    let data = home.path().join("data");
    let first = Server::start(&data)?;
    let empty = first.started_in;
    first.stop()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let server = Server::start(&data)?;
        times.push(server.started_in);
        server.stop()?;
    }
    times.sort_unstable();
    let server = Server::start(&data)?;
    std::thread::sleep(IDLE);
    let resident = process::resident_bytes(server.id())?;
    server.stop()?;
    let size = std::fs::metadata(program())?.len();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!("| what | figure | goal |");
    println!("|---|---:|---:|");
    println!(
        "| start to ready, existing database, median of {STARTS} | {:.0} ms | 200 ms |",
        millis(times[STARTS / 2])
    );
    println!("| the slowest of them | {:.0} ms | - |", millis(times[STARTS - 1]));
    println!("| start to ready, new data folder | {:.0} ms | - |", millis(empty));
    println!("| resident memory when idle | {:.1} MB | 25 MB |", resident as f64 / MEGABYTE);
    println!("| size of the program | {:.1} MB | 25 MB |", size as f64 / MEGABYTE);
    Ok(())
}
