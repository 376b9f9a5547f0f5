//! Rows, events and usage of one step, in one transaction.

use std::collections::BTreeMap;

use trunkline_calling_wire::ParticipantKind;
use trunkline_kernel::Timestamp;
use trunkline_store::{Key, Store, Tx};
use trunkline_web::usage::{self, Usage};

use super::CallFacts;
use crate::error::CallingError;
use crate::events;
use crate::operations::CALLING_START;
use crate::rows::reports::{self, Report, View};
use crate::rows::{CallNumber, calls, legs, owners};
use crate::rules::{Call, Change, Effect, Fact, Leg, P};

/// What is counted: begun minutes of everybody who was in a call.
pub(crate) const MINUTES_METER: &str = "calling.participant_minutes";

/// What one transaction writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsaved {
    legs: BTreeMap<P, Leg>,
    is_call_changed: bool,
    facts: Vec<Fact>,
    reports: Vec<Report>,
}

impl Unsaved {
    pub(super) fn is_empty(&self) -> bool {
        !self.is_call_changed && self.legs.is_empty() && self.facts.is_empty() && self.reports.is_empty()
    }

    /// Adds what the effects of a step want written, as the call is after it.
    pub(super) fn add(&mut self, call: &Call, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Save(Change::Call) => self.is_call_changed = true,
                Effect::Save(Change::Leg(p)) => {
                    self.legs.extend(call.leg(*p).map(|leg| (*p, leg.clone())));
                }
                Effect::Publish(fact) => self.facts.push(*fact),
                _ => {}
            }
        }
    }

    pub(super) fn add_report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// Adds the last reports of legs that have ended.
    pub(super) fn add_last_reports(&mut self, reports: &BTreeMap<P, String>) {
        let ended = self.legs.iter().filter(|(_, leg)| leg.over_at.is_some()).map(|(p, _)| *p);
        for (p, body) in ended.filter_map(|p| Some((p, reports.get(&p)?))) {
            self.reports.push(Report { p, view: View::Client, body: body.clone() });
        }
    }

    /// Minutes of those who have left, each begun one whole. The echo test is nobody.
    fn minutes(&self) -> u32 {
        let of = |leg: &Leg| {
            let lasted = leg.over_at?.since(leg.connected_at?);
            let is_counted = leg.kind != ParticipantKind::Echo;
            u32::try_from(lasted.as_micros().div_ceil(60_000_000)).ok().filter(|_| is_counted)
        };
        self.legs.values().filter_map(of).sum()
    }
}

/// Writes a step of a call; its number, which a new one gets by that.
///
/// **Errors**: [`CallingError::Elsewhere`] when another node took the resource, and the store's. Nothing was written.
pub(super) async fn save(
    store: &Store,
    facts: &CallFacts,
    call: &Call,
    number: Option<CallNumber>,
    unsaved: Unsaved,
    now: Timestamp,
) -> Result<CallNumber, CallingError> {
    // Those who join by an id wait for each other, whatever the ids of their calls.
    let key = match (number, call.locator()) {
        (None, Some(locator)) => format!("group/{locator}"),
        _ => format!("call/{}", facts.id),
    };
    let step = Step { facts: facts.clone(), head: call.head(), number, unsaved, now };
    store.write(Key::new(facts.resource.id, key), move |tx| step.write(tx)).await
}

struct Step {
    facts: CallFacts,
    head: crate::rules::call::Head,
    number: Option<CallNumber>,
    unsaved: Unsaved,
    now: Timestamp,
}

impl Step {
    fn write(&self, tx: &mut Tx<'_>) -> Result<CallNumber, CallingError> {
        if !owners::is_good(tx, self.facts.resource.id, &self.facts.lease)? {
            return Err(CallingError::Elsewhere);
        }
        let number = match self.number {
            None => calls::insert(tx, &self.facts, &self.head)?,
            Some(number) => {
                calls::update(tx, number, &self.head)?;
                number
            }
        };
        for (p, leg) in &self.unsaved.legs {
            legs::save(tx, number, self.facts.resource.id, *p, leg)?;
        }
        for report in &self.unsaved.reports {
            reports::put(tx, number, report, self.now)?;
        }
        for fact in &self.unsaved.facts {
            events::emit(tx, &self.facts, number, &self.head.kind, *fact, self.now)?;
        }
        let quantity = self.unsaved.minutes();
        let operation = CALLING_START.id;
        let resource = &self.facts.resource;
        usage::record(tx, &Usage { resource, operation, meter: MINUTES_METER, quantity, now: self.now })?;
        Ok(number)
    }
}
