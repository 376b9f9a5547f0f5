//! The table.

use super::bare::Manner;
use super::measure::{Figures, Memory};

/// Who was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Ours,
    Bare(Manner),
    /// With so many event loops.
    Janus(Option<u32>),
}

impl Who {
    fn name(self) -> String {
        match self {
            Self::Ours => "ours".to_owned(),
            Self::Bare(manner) => format!("bare loop, {}", manner.name()),
            Self::Janus(None) => "Janus".to_owned(),
            Self::Janus(Some(count)) => format!("Janus, {count} event loops"),
        }
    }
}

/// All runs of one scenario.
pub(super) struct Report {
    scenario: &'static str,
    runs: Vec<(Who, Figures)>,
    memory: Vec<Memory>,
}

impl Report {
    pub(super) fn new(scenario: &'static str) -> Self {
        Self { scenario, runs: Vec::new(), memory: Vec::new() }
    }

    pub(super) fn add(&mut self, who: Who, figures: Figures) {
        self.runs.push((who, figures));
    }

    /// Says so loudly: somebody could not be measured.
    pub(super) fn skip(&self, who: Who, why: &anyhow::Error) {
        println!("| {} | {} | SKIPPED: {why:#} |", self.scenario, who.name());
    }

    pub(super) fn remember(&mut self, memory: Memory) {
        self.memory.push(memory);
    }

    pub(super) fn head() {
        println!(
            "| scenario | server | packets/s | lost % | p50 ms | p99 ms | its core % | clients' core % | CPU µs/packet | packets/CPU s | theirs/ours |"
        );
        println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    }

    /// One row for everybody: the run with the median cost, and the median of the rounds' own ratios to ours.
    pub(super) fn print(&self) {
        let mut order: Vec<Who> = Vec::new();
        for (who, _) in &self.runs {
            if !order.contains(who) {
                order.push(*who);
            }
        }
        let ours = self.of(Who::Ours);
        for who in order {
            let mut runs = self.of(who);
            let ratios = runs.iter().zip(&ours).map(|(theirs, ours)| theirs.cpu_us / ours.cpu_us);
            let ratio = (who != Who::Ours).then(|| median(ratios.collect()));
            runs.sort_by(|one, other| one.cpu_us.total_cmp(&other.cpu_us));
            Self::row(self.scenario, &who.name(), &runs[(runs.len() - 1) / 2], ratio);
        }
        let each = |bytes: fn(&Memory) -> f64| median(self.memory.iter().map(bytes).collect()) / 1e3;
        println!(
            "| {}: memory of ours a participant, connected and in use | {:.0} KB | {:.0} KB |",
            self.scenario,
            each(|memory| memory.idle_bytes),
            each(|memory| memory.used_bytes)
        );
    }

    fn of(&self, who: Who) -> Vec<Figures> {
        self.runs.iter().filter(|(other, _)| *other == who).map(|(_, figures)| *figures).collect()
    }

    /// `ratio`: what a packet costs there over what it costs us.
    pub(super) fn row(scenario: &str, server: &str, figures: &Figures, ratio: Option<f64>) {
        let Figures { packets_per_s, lost, p50_ms, p99_ms, cpu_us, server_share, clients_share } = figures;
        let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!(
            "| {scenario} | {server} | {packets_per_s:.0} | {:.2} | {p50_ms:.2} | {p99_ms:.2} | {:.0} | {:.0} | {cpu_us:.2} | {:.0} | {ratio} |",
            lost * 100.0,
            server_share * 100.0,
            clients_share * 100.0,
            1e6 / cpu_us
        );
    }
}

/// The lower one of two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
