//! A power cut loses what was not synced, and nothing that was acknowledged.

use super::ledger::{Findings, Ledger};
use super::machine::Machine;
use super::writer::Writer;
use super::{Dice, Moment, ROUNDS, first_of};

/// Enough to lose something when nothing is synced.
const ROUNDS_UNSYNCED: u64 = 5;

#[tokio::test]
async fn a_power_cut_loses_nothing_acknowledged() {
    write_and_cut_power(0, true, ROUNDS).await.assert_none();
}

#[tokio::test]
async fn a_power_cut_of_a_disk_that_writes_out_of_order_loses_nothing_acknowledged() {
    write_and_cut_power(3, true, ROUNDS).await.assert_none();
}

/// The proof that the tests above can fail.
#[tokio::test]
async fn a_power_cut_loses_acknowledged_writes_of_a_store_that_does_not_sync() {
    let findings = write_and_cut_power(0, false, ROUNDS_UNSYNCED).await;
    assert!(findings.lost > 0, "{findings:#?}");
}

async fn write_and_cut_power(early_one_in: u64, is_synced: bool, rounds: u64) -> Findings {
    let dice = Dice::new();
    let machine = Machine::new(dice.seed, early_one_in);
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        let writer = Writer::start(machine.command(first_of(round), is_synced));
        writer.run_until(Moment::draw(&dice), &mut ledger);
        writer.kill(&mut ledger);
        machine.cut_power();
    }
    assert!(ledger.acknowledged.len() > 10, "too little was written to tell: {ledger}");
    ledger.audit(machine.backend()).await
}
