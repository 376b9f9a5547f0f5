//! The table.

use std::time::Duration;

/// One row: what was measured, and the goals as they stand in the plan of the service.
#[derive(Default)]
pub(crate) struct Row<'a> {
    pub(crate) what: &'a str,
    /// Messages or deliveries.
    pub(crate) per_second: Option<f64>,
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
    /// Of the server, for each.
    pub(crate) cpu: Option<Duration>,
    /// Of who sends and receives, for each.
    pub(crate) own_cpu: Option<Duration>,
    pub(crate) goal: &'a str,
}

pub(crate) fn print_head() {
    println!(
        "| what | per second | p50 ms | p99 ms | server CPU µs each | per second and core of it | \
         generator CPU µs each | goal |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---|");
}

impl Row<'_> {
    pub(crate) fn print(&self) {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let micros = |time: Option<Duration>| number(time.map(|time| time.as_secs_f64() * 1e6), 1);
        let millis = |time: Option<Duration>| number(time.map(|time| time.as_secs_f64() * 1e3), 2);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.what,
            number(self.per_second, 0),
            millis(self.p50),
            millis(self.p99),
            micros(self.cpu),
            number(self.cpu.map(|cpu| 1.0 / cpu.as_secs_f64()), 0),
            micros(self.own_cpu),
            self.goal,
        );
    }
}

/// One row: how many times as much ours does, and how much CPU time of the peer's it takes for that.
pub(crate) fn print_ratio(what: &str, per_second: f64, cpu: f64) {
    println!("| {what} | {per_second:.1} times | - | - | {cpu:.2} times | {:.1} times | - | - |", 1.0 / cpu);
}
