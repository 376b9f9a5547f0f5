//! `start`: from start to ready on an existing database, memory when idle, size of the program; the same with
//! ten thousand resources, every one of which was called once.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::local::Local;
use crate::process;
use crate::server::{Server, program};

const STARTS: usize = 10;
/// Long enough for what a server does once after its start.
const IDLE: Duration = Duration::from_secs(2);
const MEGABYTE: f64 = 1e6;
/// Tenants of a large installation.
const RESOURCES: usize = 10_000;

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
    let many = with_many_resources(&home.path().join("many"))?;
    println!(
        "| start to ready with {RESOURCES} resources, median of {STARTS} | {:.0} ms | 200 ms |",
        millis(many.started_in)
    );
    println!("| resident memory then, idle | {:.1} MB | - |", many.idle_bytes as f64 / MEGABYTE);
    println!(
        "| resident memory after every one was called | {:.1} MB | - |",
        many.used_bytes as f64 / MEGABYTE
    );
    Ok(())
}

struct Many {
    started_in: Duration,
    idle_bytes: u64,
    used_bytes: u64,
}

fn with_many_resources(data: &Path) -> Result<Many> {
    let server = Server::start(data)?;
    let mut local = Local::connect(data)?;
    for number in 0..RESOURCES {
        local.request("PUT", &format!("/trunkline/resources/tenant-{number:05}"), "", 201)?;
    }
    server.stop()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let server = Server::start(data)?;
        times.push(server.started_in);
        server.stop()?;
    }
    times.sort_unstable();
    let server = Server::start(data)?;
    std::thread::sleep(IDLE);
    let idle_bytes = process::resident_bytes(server.id())?;
    let mut local = Local::connect(data)?;
    for number in 0..RESOURCES {
        local.request("GET", &format!("/trunkline/resources/tenant-{number:05}/keys"), "", 200)?;
    }
    let used_bytes = process::resident_bytes(server.id())?;
    server.stop()?;
    Ok(Many { started_in: times[STARTS / 2], idle_bytes, used_bytes })
}
