//! Benchmarks: each prints the rows of its table in `docs/benchmarks.md`. `cargo xtask bench NAME` builds
//! and runs them.

mod drive;
mod plain;
mod process;
mod server;
mod start;
mod store;
mod token;
mod workload;

use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "trunkline-bench store|token|start

store  durable messages a second; PostgreSQL too when TRUNKLINE_BENCH_POSTGRES is the address of a superuser
token  tokens issued through TLS, HMAC and JSON, beside a bare route; needs wrk
start  time from start to ready, memory when idle, size of the program

token and start measure the program TRUNKLINE_BIN, or target/release/trunkline.";

#[tokio::main]
async fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let measured: Result<()> = match name.as_str() {
        "store" => store::run().await,
        "token" => token::run(),
        "start" => start::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("trunkline-bench {name}: {failure:#}");
            ExitCode::FAILURE
        }
    }
}
