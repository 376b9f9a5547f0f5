//! The table.

use std::time::Duration;

use super::Highest;
use super::scene::Scene;
use super::traffic::Figures;

/// One server in one scene.
pub(crate) struct Row<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) server: &'a str,
    /// At the rate at which servers are compared.
    pub(crate) steady: &'a Figures,
    pub(crate) highest: Option<&'a Highest>,
    /// The same without a relay, which latency is counted from.
    pub(crate) plain: Option<&'a Figures>,
}

pub(crate) fn print_head() {
    println!(
        "| what | relay | packets/s | lost | latency p50 µs | p99 µs | added p50 µs | server CPU µs/packet | \
         generator CPU µs/packet | most packets/s without loss | server CPU µs/packet there |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
}

pub(crate) fn print(row: &Row<'_>) {
    let Row { scene, server, steady, highest, plain } = row;
    let added = plain.map(|plain| steady.p50.saturating_sub(plain.p50));
    let most = highest.map(|highest| {
        let mark = if highest.is_of_generator { " or more" } else { "" };
        format!("{:.0}{mark}", highest.figures.per_second)
    });
    println!(
        "| {} | {server} | {:.0} | {:.2} % | {:.0} | {:.0} | {} | {} | {:.1} | {} | {} |",
        scene.what,
        steady.per_second,
        steady.loss * 100.0,
        micros(steady.p50),
        micros(steady.p99),
        or_dash(added.map(|added| format!("{:.0}", micros(added)))),
        or_dash(plain.map(|_| format!("{:.1}", micros(steady.cpu)))),
        micros(steady.own_cpu),
        or_dash(most),
        or_dash(highest.map(|highest| format!("{:.1}", micros(highest.figures.cpu)))),
    );
}

/// How many packets ours relays in a second of CPU time for each one of the other's.
pub(crate) fn print_ratio(
    scene: &Scene,
    steady: (Duration, Duration),
    highest: Option<(Duration, Duration)>,
) {
    let times = |(ours, other): (Duration, Duration)| {
        format!("{:.1} times", other.as_secs_f64() / ours.as_secs_f64())
    };
    println!(
        "| {} | ours/coturn per CPU second | - | - | - | - | - | {} | - | - | {} |",
        scene.what,
        times(steady),
        or_dash(highest.map(times)),
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
