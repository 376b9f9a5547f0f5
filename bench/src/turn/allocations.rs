//! Allocations: how many a second, and the memory of those that are idle.

use anyhow::Result;

use super::callers::{self, Wish};
use super::servers::Relay;
use crate::process::{Stat, resident_bytes};

/// So many are made and held.
pub(crate) const HELD: usize = 1_000;
/// Rounds, in turns; the median is reported.
const ROUNDS: usize = 3;

/// One round.
#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    cpu_us: f64,
}

/// Prints the table.
pub(crate) fn measure(relays: &[Relay]) -> Result<()> {
    println!("| relay | allocations/s | server CPU µs each | memory KB each, {HELD} idle ones |");
    println!("|---|---:|---:|---:|");
    let mut rounds: Vec<Vec<Round>> = relays.iter().map(|_| Vec::new()).collect();
    let mut memory_bytes = vec![0; relays.len()];
    for number in 0..ROUNDS {
        for (index, relay) in relays.iter().enumerate() {
            let before = resident_bytes(relay.id)?;
            let (round, held) = hold(relay)?;
            rounds[index].push(round);
            if number == 0 {
                // Later rounds use again what the first one had.
                memory_bytes[index] = resident_bytes(relay.id)?.saturating_sub(before);
            }
            let mut held = held;
            callers::ask(&mut held, relay.address, |_| Wish::Leave)?;
        }
    }
    for ((relay, rounds), bytes) in relays.iter().zip(&mut rounds).zip(memory_bytes) {
        rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
        let Round { per_second, cpu_us } = rounds[rounds.len() / 2];
        let kilobytes = bytes as f64 / HELD as f64 / 1_000.0;
        println!("| {} | {per_second:.0} | {cpu_us:.0} | {kilobytes:.1} |", relay.name);
    }
    println!();
    Ok(())
}

fn hold(relay: &Relay) -> Result<(Round, Vec<callers::Caller>)> {
    let mut callers = callers::come(relay.credentials(HELD))?;
    let before = Stat::read(relay.id)?.cpu;
    let took = callers::ask(&mut callers, relay.address, |_| Wish::Relay)?;
    let used = Stat::read(relay.id)?.cpu.saturating_sub(before);
    let count = HELD as f64;
    let round = Round { per_second: count / took.as_secs_f64(), cpu_us: used.as_secs_f64() * 1e6 / count };
    Ok((round, callers))
}
