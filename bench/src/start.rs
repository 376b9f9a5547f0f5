//! `start`: from start to ready on an existing database, memory when idle, size of the program; the same with
//! ten thousand resources, every one of which was called once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

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
        local.request("PUT", &format!("/trunkline/resources/tenant-{number:05}"), 201)?;
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
        local.request("GET", &format!("/trunkline/resources/tenant-{number:05}/keys"), 200)?;
    }
    let used_bytes = process::resident_bytes(server.id())?;
    server.stop()?;
    Ok(Many { started_in: times[STARTS / 2], idle_bytes, used_bytes })
}

/// A kept-alive HTTP/1.1 connection to the socket in the data folder.
struct Local(BufReader<UnixStream>);

impl Local {
    fn connect(data: &Path) -> Result<Self> {
        let stream = UnixStream::connect(data.join("trunkline.sock")).context("the server has a socket")?;
        Ok(Self(BufReader::new(stream)))
    }

    fn request(&mut self, method: &str, path: &str, expected: u16) -> Result<()> {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        self.0.get_mut().write_all(head.as_bytes())?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                bail!("the server closed the connection");
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        if status != Some(expected) {
            bail!("{method} {path} was answered {status:?}: {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }
}
