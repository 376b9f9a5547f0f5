//! `chat`: messages through REST to the durable acknowledgement, notifications to connected clients, idle clients;
//! prosody does the same job beside it.

mod crowd;
pub(crate) mod http;
pub(crate) mod limits;
mod prosody;
mod row;
mod sends;
mod spread;
mod still;
pub(crate) mod town;

use anyhow::{Result, bail};

/// What can be measured alone.
const CASES: [&str; 6] = ["send", "postgres", "fanout", "latency", "memory", "peer"];
/// What each person says.
const MESSAGE_BYTES: usize = 200;

pub(crate) async fn run(arguments: &[String]) -> Result<()> {
    let only = arguments.first().map(String::as_str);
    if only.is_some_and(|name| !CASES.contains(&name)) {
        bail!("there is {}", CASES.join(", "));
    }
    let is_wanted = |name| only.is_none_or(|only| only == name);
    limits::raise_open_files()?;
    row::print_head();
    if is_wanted("send") || is_wanted("peer") {
        sends::in_turns(is_wanted("send"), is_wanted("peer")).await?;
    }
    if is_wanted("postgres") {
        sends::through_postgres().await?;
    }
    if is_wanted("fanout") || is_wanted("peer") {
        spread::to_many(is_wanted("fanout"), is_wanted("peer")).await?;
    }
    if is_wanted("latency") {
        spread::measure_latency().await?;
    }
    if is_wanted("memory") {
        still::measure_memory().await?;
    }
    Ok(())
}

/// A message's text.
fn text() -> String {
    "Ten bytes ".repeat(MESSAGE_BYTES / 10)
}
