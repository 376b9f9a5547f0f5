//! `token`: tokens issued through the whole REST path, beside a bare route of the same server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use trunkline_kernel::{Clock as _, SystemClock};

use crate::process::Stat;
use crate::server::{self, Server};

const BODY: &str = r#"{"scopes":["chat","voip"]}"#;
const API_VERSION: &str = "2023-10-01";
/// Each route is measured so often, in turns; the median is reported.
const ROUNDS: usize = 3;
const THREADS: &str = "-t1";
const CONNECTIONS: &str = "-c16";
const DURATION: &str = "-d5s";

/// One run of wrk.
#[derive(Clone, Copy)]
struct Load {
    per_second: f64,
    cpu: Duration,
}

pub(crate) fn run() -> Result<()> {
    let home = TempDir::new()?;
    let data = home.path().join("data");
    let server = Server::start(&data)?;
    let endpoint = server.field("endpoint")?.to_owned();
    let path = format!("/identities/{}/:issueAccessToken?api-version={API_VERSION}", new_user(&data)?);
    let script = home.path().join("token.lua");
    std::fs::write(&script, lua(&server, &path)?)?;
    let (mut bare, mut token) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(load(&server, &format!("{endpoint}/trunkline/ping"), None)?);
        token.push(load(&server, &format!("{endpoint}{path}"), Some(&script))?);
    }
    server.stop()?;
    let (bare, token) = (median(&mut bare), median(&mut token));
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6;
    println!("| route | requests/s | server CPU µs/request |");
    println!("|---|---:|---:|");
    println!("| GET /trunkline/ping | {:.0} | {:.1} |", bare.per_second, micros(bare.cpu));
    println!(
        "| POST /identities/ID/:issueAccessToken | {:.0} | {:.1} |",
        token.per_second,
        micros(token.cpu)
    );
    println!("| difference (goal: 40) | - | {:.1} |", micros(token.cpu) - micros(bare.cpu));
    Ok(())
}

fn median(loads: &mut [Load]) -> Load {
    loads.sort_unstable_by_key(|load| load.cpu);
    loads[loads.len() / 2]
}

/// The raw id of a new user.
fn new_user(data: &Path) -> Result<String> {
    let made = server::command().args(["--json", "user", "create", "--data"]).arg(data).output()?;
    if !made.status.success() {
        bail!("`trunkline user create` failed: {}", String::from_utf8_lossy(&made.stderr));
    }
    let text = String::from_utf8(made.stdout)?;
    let start = text.find("8:acs:").with_context(|| format!("there is no id in {text}"))?;
    let id = &text[start..];
    Ok(id[..id.find('"').context("the id ends")?].to_owned())
}

/// The signed request as wrk wants it. A signature holds for many requests: nothing remembers them.
fn lua(server: &Server, path: &str) -> Result<String> {
    let connection = server.field("connectionString")?;
    let (_, key) = connection.split_once("accesskey=").context("the connection string has a key")?;
    let key = STANDARD.decode(key.trim_end_matches(';'))?;
    let host = server.field("endpoint")?.trim_start_matches("https://").trim_end_matches('/');
    let date = SystemClock.now().to_http_date();
    let hash = STANDARD.encode(digest(&SHA256, BODY.as_bytes()));
    let text = format!("POST\n{path}\n{date};{host};{hash}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    let signature = STANDARD.encode(signature);
    Ok(format!(
        "wrk.method = \"POST\"\n\
         wrk.body = '{BODY}'\n\
         wrk.headers[\"Host\"] = \"{host}\"\n\
         wrk.headers[\"Content-Type\"] = \"application/json\"\n\
         wrk.headers[\"x-ms-date\"] = \"{date}\"\n\
         wrk.headers[\"x-ms-content-sha256\"] = \"{hash}\"\n\
         wrk.headers[\"Authorization\"] = \"HMAC-SHA256 \
         SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}\"\n"
    ))
}

fn load(server: &Server, url: &str, script: Option<&Path>) -> Result<Load> {
    let mut wrk = Command::new("wrk");
    wrk.args([THREADS, CONNECTIONS, DURATION]);
    if let Some(script) = script {
        wrk.arg("-s").arg(script);
    }
    let before = Stat::read(server.id())?.cpu;
    let output = wrk.arg(url).output().context("cannot start wrk; it is in the Debian package `wrk`")?;
    let cpu = Stat::read(server.id())?.cpu.saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || said.contains("Non-2xx") || said.contains("Socket errors") {
        bail!("wrk on {url}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    let find = |what: &str| said.lines().map(str::trim).find(|line| line.contains(what));
    let requests = find(" requests in ").and_then(|line| line.split(' ').next()?.parse::<u32>().ok());
    let per_second = find("Requests/sec:").and_then(|line| line.rsplit(' ').next()?.parse().ok());
    let requests = requests.filter(|count| *count > 0).context("wrk says how many requests it made")?;
    Ok(Load { per_second: per_second.context("wrk says how fast it was")?, cpu: cpu / requests })
}
