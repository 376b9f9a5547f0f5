//! What changes event subscriptions, inside a transaction. ARM and the operator API both end here.
//!
//! ```text
//!            put ──> Creating ──────────────┬─ confirm ──> Succeeded ── put, patch ──> Succeeded
//!                       │                   │                  ^   │ another address or schema
//!                       └─> AwaitingManual ─┤                  │   v
//!                             Action        ├── refuse ──>  (as it was)  <── Updating, AwaitingManualAction
//!                                           └── refuse ──> Failed (when it never was active)
//! ```
//!
//! What a handshake is about lies beside it until the endpoint agrees; only then it comes into force. Whoever
//! changes a subscription while a handshake is under way puts another in its place.
//!
//! Every function here runs under [`lock`], so that generations grow in the order of commits.

use serde_json::{Value, json};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::vault::Vault;
use trunkline_store::{Key, NewJob, StoreError, Tx};
use trunkline_web::Context;
use trunkline_web::long_running::{self, OperationError};
use uuid::Uuid;

use crate::error::EventsError;
use crate::model::{Destination, Provisioning, Secrets, Spec, Subscription};
use crate::rows::{self, HandshakeRow, SubscriptionRow};
use crate::rules::{self, Conditions, Proposal, ProposedDestination};
use crate::{EventsService, HANDSHAKE_JOB, SUBSCRIPTIONS_MAX};

/// Where a subscription starts that has never been active: no event has a number beyond it.
pub(crate) const NEVER: u64 = i64::MAX as u64;

/// Kinds of the long-running operations of this service begin so.
pub(crate) const KIND_PREFIX: &str = "arm.events.";

/// What every change of subscriptions is written under.
pub(crate) fn lock() -> Key {
    Key::system("events/subscriptions")
}

/// Where a subscription is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The resource whose events it gets.
    pub(crate) resource: ResourceId,
    /// The resource's name, for the audit log.
    pub(crate) resource_name: String,
    /// The key of the system topic it hangs on; `None` on the resource itself.
    pub(crate) system_topic: Option<String>,
    /// The subscription's name as it was written.
    pub(crate) name: String,
}

impl Place {
    /// What the audit log calls it.
    fn target(&self) -> String {
        format!("{}/{}", self.resource_name, self.name)
    }
}

/// What a subscription shall be, checked.
struct Wanted {
    spec: Spec,
    secrets: Secrets,
}

/// What a change may need besides; taken before the transaction, which may run more than once.
#[derive(Clone)]
pub(crate) struct Maker {
    vault: Vault,
    /// The id of the operation that a handshake is.
    operation: Uuid,
    /// The code the endpoint is asked to send back.
    code: String,
    /// The most subscriptions of one resource.
    limit: Option<u32>,
    conditions: Conditions,
}

impl Maker {
    /// What `service` has for a change at the time `now`.
    pub(crate) fn of(service: &EventsService, now: Timestamp) -> Self {
        Self {
            vault: service.vault.clone(),
            operation: service.entropy.uuid(),
            code: service.entropy.uuid().to_string(),
            limit: SUBSCRIPTIONS_MAX.in_set(service.settings.limits),
            conditions: Conditions {
                allow_http: service.settings.allow_http,
                has_nats: service.nats.is_some(),
                now,
            },
        }
    }

    /// What is stored for `proposal`, in place of what had the secrets `before`.
    ///
    /// Values of secret headers that are left out are kept, but only for the same server: whoever may change a
    /// subscription must not have them sent elsewhere.
    fn check(&self, proposal: Proposal, before: Option<&Secrets>) -> Result<Wanted, EventsError> {
        let kept = before.filter(|before| match &proposal.destination {
            ProposedDestination::WebHook { url, .. } => {
                server_of(url.expose()) == server_of(before.endpoint_url.expose())
            }
            ProposedDestination::Nats { .. } => false,
        });
        let (spec, secrets) = rules::check(proposal, kept, &self.conditions)?;
        Ok(Wanted { spec, secrets })
    }
}

/// Scheme, host and port of an address.
fn server_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + "://".len());
    url[host..].find(['/', '?']).map_or(url, |end| &url[..host + end])
}

/// What came of a change.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    /// The subscription as it is now; while a handshake is under way, with what will be in force after it.
    pub(crate) subscription: Subscription,
    /// The operation to poll, when a handshake is under way.
    pub(crate) operation: Option<Uuid>,
}

/// The subscription at `place`.
///
/// **Errors**: not found.
pub(crate) fn load(tx: &mut Tx<'_>, place: &Place) -> Result<SubscriptionRow, EventsError> {
    find(tx, place)?.ok_or_else(|| EventsError::SubscriptionNotFound(place.name.clone()))
}

fn find(tx: &mut Tx<'_>, place: &Place) -> Result<Option<SubscriptionRow>, StoreError> {
    rows::find_subscription(tx, place.resource, place.system_topic.as_deref(), &place.name)
}

/// The sealed address and headers of a subscription.
pub(crate) fn open(vault: &Vault, number: i64, sealed: &[u8]) -> Result<Secrets, EventsError> {
    let opened = vault.open(&rows::purpose(number), sealed)?;
    Ok(Secrets::from_json(&opened).expect("only documents of secrets are sealed for this purpose"))
}

/// The secrets of what the subscription is asked to be: of the change that waits for its handshake, if one does.
fn newest_secrets(vault: &Vault, row: &SubscriptionRow) -> Result<Secrets, EventsError> {
    let sealed = row.proposal.as_ref().map_or(&row.sealed, |proposal| &proposal.sealed);
    open(vault, row.subscription.number, sealed)
}

/// Makes a subscription, or puts `proposal` in the place of the one that is there; leaves a row in the audit log.
///
/// **Errors**: the proposal breaks a rule; the resource has too many subscriptions.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    maker: &Maker,
    place: &Place,
    proposal: Proposal,
    context: &Context,
) -> Result<Changed, EventsError> {
    let Some(found) = find(tx, place)? else {
        let wanted = maker.check(proposal, None)?;
        return create(tx, maker, place, &wanted, context);
    };
    let wanted = maker.check(proposal, Some(&newest_secrets(&maker.vault, &found)?))?;
    replace(tx, maker, place, found, &wanted, context)
}

/// Changes a subscription as `change` says, from what it is asked to be now; leaves a row in the audit log.
///
/// **Errors**: not found; whatever `change` refuses, and the rules that what it makes breaks.
pub(crate) fn patch(
    tx: &mut Tx<'_>,
    maker: &Maker,
    place: &Place,
    change: impl FnOnce(Proposal) -> Result<Proposal, EventsError>,
    context: &Context,
) -> Result<Changed, EventsError> {
    let found = load(tx, place)?;
    let before = newest_secrets(&maker.vault, &found)?;
    let spec = found.proposal.as_ref().map_or(&found.subscription.spec, |waiting| &waiting.spec);
    let wanted = maker.check(change(Proposal::of(spec, &before))?, Some(&before))?;
    replace(tx, maker, place, found, &wanted, context)
}

/// Deletes a subscription with all that waits for it; leaves a row in the audit log. `false` when there is none.
pub(crate) fn delete(tx: &mut Tx<'_>, place: &Place, context: &Context) -> Result<bool, EventsError> {
    let Some(mut found) = find(tx, place)? else {
        context.changes_nothing();
        return Ok(false);
    };
    bury(tx, &mut found, context.now)?;
    context.audit(tx, &place.target(), &json!({ "number": found.subscription.number }))?;
    Ok(true)
}

/// Turns a subscription into the tombstone that tells readers to forget it.
pub(crate) fn bury(tx: &mut Tx<'_>, found: &mut SubscriptionRow, now: Timestamp) -> Result<(), StoreError> {
    end_handshake(tx, found, &Err(failure("Deleted", "The event subscription was deleted.")), now)?;
    let generation = rows::bump_generation(tx)?;
    rows::mark_deleted(tx, found.subscription.number, generation, now).map(drop)
}

fn create(
    tx: &mut Tx<'_>,
    maker: &Maker,
    place: &Place,
    wanted: &Wanted,
    context: &Context,
) -> Result<Changed, EventsError> {
    if let Some(limit) = maker.limit
        && rows::count_subscriptions(tx, place.resource)? >= limit
    {
        return Err(EventsError::TooManySubscriptions(limit));
    }
    let generation = rows::bump_generation(tx)?;
    let subscription = Subscription {
        // Generations only grow, so this is nobody else's number.
        number: generation,
        resource: place.resource,
        system_topic: place.system_topic.clone(),
        name: place.name.clone(),
        spec: wanted.spec.clone(),
        state: Provisioning::Creating,
        created: context.now,
        modified: context.now,
        from_sequence: NEVER,
        generation,
    };
    let row =
        SubscriptionRow { subscription, sealed: Vec::new(), proposal: None, operation: None, failure: None };
    rows::insert_subscription(tx, &row)?;
    let changed = settle(tx, maker, row, wanted, context.now)?;
    record(tx, place, &changed, None, context)?;
    Ok(changed)
}

fn replace(
    tx: &mut Tx<'_>,
    maker: &Maker,
    place: &Place,
    mut found: SubscriptionRow,
    wanted: &Wanted,
    context: &Context,
) -> Result<Changed, EventsError> {
    let before = found.subscription.spec.clone();
    let superseded = failure("Superseded", "Another change of the event subscription took its place.");
    end_handshake(tx, &mut found, &Err(superseded), context.now)?;
    let changed = settle(tx, maker, found, wanted, context.now)?;
    record(tx, place, &changed, Some(&before), context)?;
    Ok(changed)
}

/// Brings `wanted` into force, or begins the handshake it needs first.
fn settle(
    tx: &mut Tx<'_>,
    maker: &Maker,
    mut row: SubscriptionRow,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Changed, EventsError> {
    let was_active = row.subscription.from_sequence != NEVER;
    let needs_handshake = needs_handshake(maker, &row, wanted)?;
    let purpose = rows::purpose(row.subscription.number);
    let sealed = maker.vault.seal(&purpose, wanted.secrets.to_json().expose());
    row.subscription.modified = now;
    row.subscription.generation = rows::bump_generation(tx)?;
    row.failure = None;
    if needs_handshake {
        row.subscription.state = if was_active { Provisioning::Updating } else { Provisioning::Creating };
        row.operation = Some(maker.operation.to_string());
        begin_handshake(tx, maker, &row, now)?;
    } else {
        row.subscription.state = Provisioning::Succeeded;
    }
    if needs_handshake && was_active {
        row.proposal = Some(rows::Proposal { spec: wanted.spec.clone(), sealed });
    } else {
        row.subscription.spec = wanted.spec.clone();
        row.sealed = sealed;
    }
    if !needs_handshake && !was_active {
        row.subscription.from_sequence = rows::last_sequence(tx)?;
    }
    rows::replace_subscription(tx, &row)?;
    row.subscription.spec = wanted.spec.clone();
    let operation = needs_handshake.then_some(maker.operation);
    Ok(Changed { subscription: row.subscription, operation })
}

/// Whether the endpoint must agree before `wanted` comes into force: it is another one, it shall get another
/// envelope, or it has never agreed.
fn needs_handshake(maker: &Maker, row: &SubscriptionRow, wanted: &Wanted) -> Result<bool, EventsError> {
    if !matches!(wanted.spec.destination, Destination::WebHook { .. }) {
        return Ok(false);
    }
    let Subscription { number, spec, from_sequence, .. } = &row.subscription;
    if *from_sequence == NEVER || spec.schema != wanted.spec.schema {
        return Ok(true);
    }
    let in_force = open(&maker.vault, *number, &row.sealed)?;
    Ok(in_force.endpoint_url.expose() != wanted.secrets.endpoint_url.expose())
}

fn begin_handshake(
    tx: &mut Tx<'_>,
    maker: &Maker,
    row: &SubscriptionRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let what = if row.subscription.from_sequence == NEVER { "create" } else { "update" };
    long_running::start(tx, &maker.operation.to_string(), &format!("{KIND_PREFIX}{what}"), now)?;
    rows::put_handshake(
        tx,
        &HandshakeRow {
            subscription: row.subscription.number,
            code: maker.code.clone(),
            attempts: 0,
            expires_at: now.plus(crate::handshake::MANUAL_WAIT_MAX),
        },
    )?;
    schedule_handshake(tx, row, &maker.code, now)
}

fn schedule_handshake(
    tx: &mut Tx<'_>,
    row: &SubscriptionRow,
    code: &str,
    due: Timestamp,
) -> Result<(), StoreError> {
    let (resource, key) = (row.subscription.resource.to_string(), row.subscription.number.to_string());
    tx.schedule(&NewJob { resource: &resource, kind: HANDSHAKE_JOB, key: &key, payload: code, due })
}

/// Ends the handshake that is under way, if one is, and the operation behind it. What it was about is returned.
fn end_handshake(
    tx: &mut Tx<'_>,
    row: &mut SubscriptionRow,
    outcome: &Result<Value, OperationError>,
    now: Timestamp,
) -> Result<Option<rows::Proposal>, StoreError> {
    let number = row.subscription.number;
    if rows::delete_handshake(tx, number)? {
        tx.unschedule(HANDSHAKE_JOB, &number.to_string())?;
    }
    if let Some(operation) = row.operation.take() {
        long_running::finish(tx, &operation, outcome, now)?;
    }
    Ok(row.proposal.take())
}

fn failure(code: &str, message: impl Into<String>) -> OperationError {
    OperationError { code: code.to_owned(), message: message.into() }
}

/// The audit row: what changed, without addresses and values.
fn record(
    tx: &mut Tx<'_>,
    place: &Place,
    changed: &Changed,
    before: Option<&Spec>,
    context: &Context,
) -> Result<(), StoreError> {
    let Subscription { number, state, spec, .. } = &changed.subscription;
    let mut detail = json!({ "number": number, "state": state.name() });
    if let Some(before) = before {
        let parts: [(&str, bool); 7] = [
            ("destination", before.destination != spec.destination || changed.operation.is_some()),
            ("filter", before.filter != spec.filter),
            ("labels", before.labels != spec.labels),
            ("expirationTimeUtc", before.expires != spec.expires),
            ("eventDeliverySchema", before.schema != spec.schema),
            ("retryPolicy", before.retry != spec.retry),
            ("deadLetterDestination", before.dead_letter != spec.dead_letter),
        ];
        let names: Vec<&str> = parts.into_iter().filter_map(|(name, is)| is.then_some(name)).collect();
        detail["changed"] = json!(names);
    }
    context.audit(tx, &place.target(), &detail)
}

/// The subscription whose handshake under way has that code; `None` when it has ended or another took its place.
fn current(
    tx: &mut Tx<'_>,
    number: i64,
    code: &str,
) -> Result<Option<(SubscriptionRow, HandshakeRow)>, StoreError> {
    let handshake = rows::find_handshake(tx, number)?.filter(|handshake| handshake.code == code);
    let Some(handshake) = handshake else { return Ok(None) };
    Ok(rows::find_subscription_by_number(tx, number)?.map(|row| (row, handshake)))
}

/// The endpoint agreed: what the handshake was about comes into force. `false` when it has ended already.
pub(crate) fn confirm(tx: &mut Tx<'_>, number: i64, code: &str, now: Timestamp) -> Result<bool, EventsError> {
    let Some((mut row, _)) = current(tx, number, code)? else { return Ok(false) };
    if let Some(proposal) = end_handshake(tx, &mut row, &Ok(json!({})), now)? {
        row.subscription.spec = proposal.spec;
        row.sealed = proposal.sealed;
    }
    row.subscription.state = Provisioning::Succeeded;
    if row.subscription.from_sequence == NEVER {
        row.subscription.from_sequence = rows::last_sequence(tx)?;
    }
    finish(tx, row, None)
}

/// The endpoint answered, but without the code: until the handshake expires, somebody may open the validation
/// address. The handler of the job is called again then. `false` when the handshake has ended already.
pub(crate) fn await_manual_action(tx: &mut Tx<'_>, number: i64, code: &str) -> Result<bool, EventsError> {
    let Some((mut row, handshake)) = current(tx, number, code)? else { return Ok(false) };
    row.subscription.state = Provisioning::AwaitingManualAction;
    row.subscription.generation = rows::bump_generation(tx)?;
    rows::replace_subscription(tx, &row)?;
    schedule_handshake(tx, &row, code, handshake.expires_at)?;
    Ok(true)
}

/// The endpoint did not agree: what was in force stays, and a subscription that never was active has failed.
///
/// `reason` is for whoever made the change: which answer came, without the address. `false` when the handshake
/// has ended already.
pub(crate) fn refuse(
    tx: &mut Tx<'_>,
    number: i64,
    code: &str,
    reason: &str,
    now: Timestamp,
) -> Result<bool, EventsError> {
    let Some((mut row, _)) = current(tx, number, code)? else { return Ok(false) };
    // The code and the first words are those of Azure, by which clients tell this failure from others.
    let error = failure("Url validation", format!("Webhook validation handshake failed. {reason}"));
    end_handshake(tx, &mut row, &Err(error), now)?;
    let was_active = row.subscription.from_sequence != NEVER;
    row.subscription.state = if was_active { Provisioning::Succeeded } else { Provisioning::Failed };
    finish(tx, row, Some(reason.to_owned()))
}

fn finish(tx: &mut Tx<'_>, mut row: SubscriptionRow, failure: Option<String>) -> Result<bool, EventsError> {
    row.subscription.generation = rows::bump_generation(tx)?;
    row.failure = failure;
    rows::replace_subscription(tx, &row)?;
    Ok(true)
}
