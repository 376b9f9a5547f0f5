//! Benchmarks: each prints the rows of its table in `docs/benchmarks.md`. `cargo xtask bench NAME` builds
//! and runs them.

mod chat;
mod drive;
mod events;
mod local;
mod plain;
mod process;
mod server;
mod sfu;
mod start;
mod store;
mod token;
mod turn;
mod workload;

use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "trunkline-bench store|chat|events|sfu|turn|token|start [ARGUMENTS]

store [sqlite|postgres [CONNECTIONS]]
       durable messages a second; PostgreSQL when TRUNKLINE_BENCH_POSTGRES is the address of a superuser
chat   [send|postgres|fanout|latency|memory|peer]
       messages through REST, notifications to connected clients, idle clients, beside prosody;
       PostgreSQL when TRUNKLINE_BENCH_POSTGRES is the address of a superuser
events [latency|deliveries|batches|dead|backlog]
       from commit to web hook: latency, deliveries a second, dead endpoints, a backlog of a million
sfu    [audio|video|even|meeting|rise]...
       forwarded media packets: CPU, latency and memory, beside a bare loop and Janus
turn   [voice|video|allocations [SECONDS]]
       datagrams through the relay beside coturn and beside none, allocations and their memory
token  tokens issued through TLS, HMAC and JSON, beside a bare route; needs wrk
start  time from start to ready, memory when idle, also with 10,000 resources; size of the program

chat, events, turn, token and start measure the program TRUNKLINE_BIN, or target/release/trunkline.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().cloned().unwrap_or_default();
    let measured: Result<()> = match name.as_str() {
        "store" => measure_store(&arguments[1..]).await,
        "chat" => chat::run(&arguments[1..]).await,
        "events" => events::run(&arguments[1..]).await,
        "sink" => events::sink::run(),
        "token" => token::run(),
        "turn" => turn::run(&arguments[1..]).await,
        "start" => start::run(),
        "sfu" => sfu::run(&arguments[1..]),
        "sfu-plane" => sfu::serve_plane().await,
        "sfu-bare" => sfu::serve_bare(&arguments[1..]),
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

async fn measure_store(arguments: &[String]) -> Result<()> {
    store::run(store::Choice::parse(arguments)?).await
}
