//! A full disk and a sync that fails: refused, said so, and over when the fault is over.

use trunkline_tests::durability::Report;

use super::ledger::Ledger;
use super::machine::{Fault, Machine};
use super::writer::Writer;
use super::{Dice, first_of};

/// How often the fault comes and goes in one test.
const CYCLES: u64 = 6;
/// Failed syncs in one test, each at a drawn moment.
const FAILED_SYNCS: u64 = 30;
/// Refusals to wait for: several for each of the program's writers.
const REFUSALS: usize = 200;

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_room() {
    come_and_go(Fault::Full).await;
}

#[tokio::test]
async fn failing_syncs_refuse_writes_until_they_work() {
    come_and_go(Fault::Sync).await;
}

#[tokio::test]
async fn a_sync_that_fails_once_costs_nothing_acknowledged() {
    fail_once(Fault::SyncOnce).await;
}

#[tokio::test]
async fn a_checkpoint_that_fails_once_costs_nothing_acknowledged() {
    fail_once(Fault::CheckpointOnce).await;
}

async fn fail_once(fault: Fault) {
    let dice = Dice::new();
    let machine = Machine::new(dice.seed, 0);
    let mut ledger = Ledger::default();
    let writer = Writer::start(machine.command(first_of(0), true));
    for _ in 0..FAILED_SYNCS {
        let count = usize::try_from(1 + dice.below(200)).expect("a small number");
        writer.expect_acknowledged(count, &mut ledger);
        machine.set_fault(fault);
        writer.expect("a refusal", &mut ledger, |report| matches!(report, Report::Unavailable(_)));
    }
    writer.expect_acknowledged(100, &mut ledger);
    writer.kill(&mut ledger);
    machine.cut_power();
    ledger.audit(machine.backend()).await.assert_none();
}

/// The power is cut after the fault in even rounds, and in the middle of it in odd ones.
async fn come_and_go(fault: Fault) {
    let dice = Dice::new();
    let machine = Machine::new(dice.seed, 0);
    let mut ledger = Ledger::default();
    for round in 0..CYCLES {
        machine.set_fault(Fault::None);
        let writer = Writer::start(machine.command(first_of(round), true));
        let count = usize::try_from(100 + dice.below(400)).expect("a small number");
        writer.expect_acknowledged(count, &mut ledger);
        machine.set_fault(fault);
        expect_refusals(&writer, &mut ledger);
        if round % 2 == 0 {
            machine.set_fault(Fault::None);
            expect_recovery(&writer, &mut ledger);
        }
        writer.kill(&mut ledger);
        machine.cut_power();
    }
    ledger.audit(machine.backend()).await.assert_none();
}

/// The store says that it is unhealthy, refuses with the right error, and acknowledges nothing.
pub(super) fn expect_refusals(writer: &Writer, ledger: &mut Ledger) {
    writer.expect("unhealthy", ledger, |report| *report == Report::Healthy(false));
    let (mut refused, mut highest_refused) = (0, 0);
    writer.expect("refusals", ledger, |report| {
        if let Report::Unavailable(number) = report {
            refused += 1;
            highest_refused = highest_refused.max(*number);
        }
        refused == REFUSALS
    });
    refused = 0;
    writer.expect("refusals", ledger, |report| {
        match report {
            Report::Unavailable(_) => refused += 1,
            Report::Healthy(is_healthy) => assert!(!is_healthy, "healthy while the disk fails"),
            // A lower number was committed before the fault and is only reported late.
            Report::Acknowledged(number) => {
                assert!(*number < highest_refused, "{number} was acknowledged while the disk fails");
            }
            _ => {}
        }
        refused == REFUSALS
    });
}

/// The store recovers by itself.
pub(super) fn expect_recovery(writer: &Writer, ledger: &mut Ledger) {
    let (mut is_healthy, mut acknowledged) = (false, 0);
    writer.expect("recovery", ledger, |report| {
        match report {
            Report::Healthy(now) => is_healthy = *now,
            Report::Acknowledged(_) => acknowledged += 1,
            _ => {}
        }
        is_healthy && acknowledged >= 200
    });
}
