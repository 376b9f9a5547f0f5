//! `cargo xtask bench`: builds what is measured with full optimisation and runs the benchmark program.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::postgres::{Cluster, Durability};
use crate::setup::{self, Need};
use crate::shell::Tool;
use crate::{web, workspace};

/// One benchmark and what it needs.
struct Bench {
    name: &'static str,
    what: &'static str,
    postgres: bool,
    /// A script in `conformance/js/calling` measures it, not the benchmark program.
    script: Option<&'static str>,
    needs: &'static [Need],
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "store",
        what: "durable messages a second at 1, 64 and 512 writers on SQLite and PostgreSQL, beside plain loops",
        postgres: true,
        script: None,
        needs: &[Need::Postgres],
    },
    Bench {
        name: "token",
        what: "tokens issued through TLS, HMAC and JSON, beside a bare route of the same server",
        postgres: false,
        script: None,
        needs: &[Need::Wrk],
    },
    Bench {
        name: "events",
        what: "from commit to web hook: latency, deliveries a second, dead endpoints, a backlog of a million",
        postgres: false,
        script: None,
        needs: &[],
    },
    Bench {
        name: "chat",
        what: "messages through REST, notifications to 1,000 clients, 10,000 idle clients, beside prosody",
        postgres: true,
        script: None,
        needs: &[Need::Postgres, Need::Prosody],
    },
    Bench {
        name: "turn",
        what: "datagrams through the relay over channels, allocations and their memory, beside coturn",
        postgres: false,
        script: None,
        needs: &[Need::Coturn],
    },
    Bench {
        name: "sfu",
        what: "forwarded media: CPU a packet, latency, memory a participant, beside a bare loop and Janus",
        postgres: false,
        script: None,
        needs: &[Need::Janus],
    },
    Bench {
        name: "call",
        what: "what people wait for in calls between two Chromium: rings, first frame, sound, resumption",
        postgres: false,
        script: Some("bench.mjs"),
        needs: &[Need::Node, Need::Chromium],
    },
    Bench {
        name: "start",
        what: "time from start to ready, memory when idle, also with 10,000 resources; size of the program",
        postgres: false,
        script: None,
        needs: &[],
    },
];

/// Runs a benchmark with optimised code; `--list` names them.
///
/// The tables in `docs/benchmarks.md` come from here. Quiet the machine first: nothing else is measured out.
/// PostgreSQL runs with its own temporary cluster and real `fsync`. Arguments after `--` go to the benchmark.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// Which one.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Say which there are.
    #[arg(long)]
    list: bool,
    /// Arguments for the benchmark itself.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// `cargo xtask bench`.
pub(crate) fn run(arguments: &BenchArguments) -> Result<ExitCode> {
    let Some(name) = arguments.name.as_deref().filter(|_| !arguments.list) else {
        for bench in BENCHES {
            println!("{:<8} {}", bench.name, bench.what);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        let names: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("there is no benchmark `{name}`; there are: {}", names.join(", "));
    };
    setup::debian(bench.needs)?;
    if bench.script.is_some() {
        setup::javascript()?;
        web::build_for_tests()?;
    }
    Tool::new("cargo")
        .args(["build", "--release", "--package", "trunkline-bench", "--package", "trunkline-server"])
        .must()?;
    let release = workspace::target().join("release");
    let measuring = match bench.script {
        Some(script) => {
            Tool::new("node").args([script]).folder(workspace::root().join("conformance/js/calling"))
        }
        None => Tool::new(release.join("trunkline-bench")).args([name]),
    };
    let mut tool = measuring.args(&arguments.rest).env("TRUNKLINE_BIN", release.join("trunkline"));
    let cluster = if bench.postgres { Some(Cluster::start(Durability::Real)?) } else { None };
    if let Some(cluster) = &cluster {
        tool = tool.env("TRUNKLINE_BENCH_POSTGRES", cluster.url());
    }
    let status = tool.show()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
