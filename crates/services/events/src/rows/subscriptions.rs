//! SQL over `events_subscriptions` and the counter of their changes.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

use crate::CHANGED_TOPIC;
use crate::model::{Provisioning, Spec, Subscription};

/// One row of `events_subscriptions`.
#[derive(Clone, Debug)]
pub(crate) struct SubscriptionRow {
    pub(crate) subscription: Subscription,
    /// [`Secrets`](crate::model::Secrets) of the spec in force, sealed for [`purpose`].
    pub(crate) sealed: Vec<u8>,
    /// The changed spec that waits for its handshake.
    pub(crate) proposal: Option<Proposal>,
    /// The long-running operation of the handshake under way.
    pub(crate) operation: Option<String>,
    /// Why the last handshake failed.
    pub(crate) failure: Option<String>,
}

/// A changed spec that waits for its handshake; the old one stays in force until then.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) spec: Spec,
    pub(crate) sealed: Vec<u8>,
}

/// Which subscriptions to list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    /// Those of every resource and system topic.
    All,
    /// Those made under the resource itself.
    Resource(ResourceId),
    /// Those of the resource and of its system topics.
    WholeResource(ResourceId),
    /// Those of the resource's system topic (lower case).
    SystemTopic(ResourceId, &'a str),
}

/// The last row of the page before: subscriptions are listed by resource, system topic and name.
#[derive(Clone, Debug)]
pub(crate) struct PageKey {
    pub(crate) resource: ResourceId,
    /// Empty for none; lower case.
    pub(crate) system_topic: String,
    /// In lower case.
    pub(crate) name: String,
}

impl SubscriptionRow {
    /// Where the page ends that ends with this row.
    pub(crate) fn page_key(&self) -> PageKey {
        PageKey {
            resource: self.subscription.resource,
            system_topic: self.subscription.system_topic.clone().unwrap_or_default(),
            name: self.subscription.name.to_lowercase(),
        }
    }
}

const COLUMNS: &str = "number, resource_id, system_topic, shown_name, spec, sealed, proposal, proposal_sealed, state, \
     operation, failure, from_sequence, generation, created_at, updated_at";

/// For what the vault seals the secrets of a subscription.
pub(crate) fn purpose(number: i64) -> String {
    format!("events/subscription/{number}")
}

fn decode<T>(value: Option<T>, column: usize, expected: &'static str) -> Result<T, StoreError> {
    value.ok_or(StoreError::Decode { column, expected })
}

fn row_of(row: &Row) -> Result<SubscriptionRow, StoreError> {
    let state: String = row.get(8)?;
    let system_topic: String = row.get(2)?;
    let spec: String = row.get(4)?;
    let proposal: Option<String> = row.get(6)?;
    let proposal_sealed: Option<Vec<u8>> = row.get(7)?;
    let from_sequence: i64 = row.get(11)?;
    let proposal = match (proposal, proposal_sealed) {
        (Some(spec), Some(sealed)) => {
            Some(Proposal { spec: decode(serde_json::from_str(&spec).ok(), 6, "a changed spec")?, sealed })
        }
        _ => None,
    };
    Ok(SubscriptionRow {
        subscription: Subscription {
            number: row.get(0)?,
            resource: row.get(1)?,
            system_topic: (!system_topic.is_empty()).then_some(system_topic),
            name: row.get(3)?,
            spec: decode(serde_json::from_str(&spec).ok(), 4, "a spec")?,
            state: decode(Provisioning::find(&state), 8, "a provisioning state")?,
            created: row.get(13)?,
            modified: row.get(14)?,
            from_sequence: from_sequence.unsigned_abs(),
            generation: row.get(12)?,
        },
        sealed: row.get(5)?,
        proposal,
        operation: row.get(9)?,
        failure: row.get(10)?,
    })
}

fn rows_of(rows: &[Row]) -> Result<Vec<SubscriptionRow>, StoreError> {
    rows.iter().map(row_of).collect()
}

/// Counts a change and wakes who delivers; the result is the changed row's generation, and the number of a new one.
pub(crate) fn bump_generation(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    tx.execute("UPDATE events_generation SET last = last + 1 WHERE one = 1", params![])?;
    tx.wake(CHANGED_TOPIC, "")?;
    generation(tx)
}

/// The generation of the newest change.
pub(crate) fn generation(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    tx.query_one("SELECT last FROM events_generation WHERE one = 1", params![])?.get(0)
}

/// The number of the newest event: what a subscription that becomes active now gets comes after it.
pub(crate) fn last_sequence(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    trunkline_store::outbox::steps::last_sequence(tx)
}

fn json_of(spec: &Spec) -> String {
    serde_json::to_string(spec).expect("a spec is plain data")
}

/// Inserts a subscription; its number must be the generation of [`bump_generation`] in this transaction.
pub(crate) fn insert_subscription(tx: &mut Tx<'_>, row: &SubscriptionRow) -> Result<(), StoreError> {
    let subscription = &row.subscription;
    tx.execute(
        "INSERT INTO events_subscriptions (number, resource_id, system_topic, name, shown_name, spec, sealed, state,
             from_sequence, generation, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, '{}', ?6, ?7, 0, 0, ?8, ?8)",
        params![
            subscription.number,
            subscription.resource,
            subscription.system_topic.as_deref().unwrap_or(""),
            subscription.name.to_lowercase(),
            subscription.name.as_str(),
            Vec::<u8>::new(),
            subscription.state.name(),
            subscription.created
        ],
    )?;
    replace_subscription(tx, row).map(drop)
}

/// Writes everything but number, place, name and creation; returns whether there is one of that number.
pub(crate) fn replace_subscription(tx: &mut Tx<'_>, row: &SubscriptionRow) -> Result<bool, StoreError> {
    let subscription = &row.subscription;
    let replaced = tx.execute(
        "UPDATE events_subscriptions SET spec = ?2, sealed = ?3, proposal = ?4, proposal_sealed = ?5, state = ?6,
             operation = ?7, failure = ?8, from_sequence = ?9, generation = ?10, updated_at = ?11, expires_at = ?12
         WHERE number = ?1 AND state <> 'Deleting'",
        params![
            subscription.number,
            json_of(&subscription.spec),
            row.sealed.clone(),
            row.proposal.as_ref().map(|proposal| json_of(&proposal.spec)),
            row.proposal.as_ref().map(|proposal| proposal.sealed.clone()),
            subscription.state.name(),
            row.operation.clone(),
            row.failure.clone(),
            subscription.from_sequence.cast_signed(),
            subscription.generation,
            subscription.modified,
            subscription.spec.expires
        ],
    )?;
    Ok(replaced == 1)
}

/// Turns a subscription into a tombstone, whose name is free again; what waits for it goes in chunks later.
pub(crate) fn mark_deleted(
    tx: &mut Tx<'_>,
    number: i64,
    generation: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM events_handshakes WHERE subscription = ?1", params![number])?;
    let marked = tx.execute(
        "UPDATE events_subscriptions SET state = 'Deleting', name = '#' || CAST(number AS TEXT), sealed = ?4,
             proposal = NULL, proposal_sealed = NULL, operation = NULL, generation = ?2, updated_at = ?3
         WHERE number = ?1 AND state <> 'Deleting'",
        params![number, generation, now, Vec::<u8>::new()],
    )?;
    Ok(marked == 1)
}

/// Removes a tombstone once nothing waits for it any more.
pub(crate) fn delete_tombstone(tx: &mut Tx<'_>, number: i64) -> Result<bool, StoreError> {
    let deleted = tx.execute(
        "DELETE FROM events_subscriptions WHERE number = ?1 AND state = 'Deleting'
             AND NOT EXISTS (SELECT 1 FROM events_pending WHERE subscription = ?1)",
        params![number],
    )?;
    Ok(deleted == 1)
}

/// The subscription of that name, in any case; tombstones are not found.
pub(crate) fn find_subscription(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    system_topic: Option<&str>,
    name: &str,
) -> Result<Option<SubscriptionRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events_subscriptions
         WHERE resource_id = ?1 AND system_topic = ?2 AND name = ?3 AND state <> 'Deleting'"
    );
    let topic = system_topic.unwrap_or("").to_lowercase();
    let row = tx.query_opt(&sql, params![resource, topic, name.to_lowercase()])?;
    row.as_ref().map(row_of).transpose()
}

/// The subscription of that number; tombstones are not found.
pub(crate) fn find_subscription_by_number(
    tx: &mut Tx<'_>,
    number: i64,
) -> Result<Option<SubscriptionRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events_subscriptions WHERE number = ?1 AND state <> 'Deleting'");
    tx.query_opt(&sql, params![number])?.as_ref().map(row_of).transpose()
}

/// At most `limit` subscriptions after `after`, by resource, system topic and name; no tombstones.
pub(crate) fn list_subscriptions(
    tx: &mut Tx<'_>,
    scope: Scope<'_>,
    after: Option<&PageKey>,
    limit: u32,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let (condition, resource, topic) = match scope {
        Scope::All => ("?1 = '' AND ?2 = ''", String::new(), String::new()),
        Scope::Resource(resource) => {
            ("resource_id = ?1 AND system_topic = ?2", resource.to_string(), String::new())
        }
        Scope::WholeResource(resource) => {
            ("resource_id = ?1 AND ?2 = ''", resource.to_string(), String::new())
        }
        Scope::SystemTopic(resource, topic) => {
            ("resource_id = ?1 AND system_topic = ?2", resource.to_string(), topic.to_lowercase())
        }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM events_subscriptions
         WHERE {condition} AND state <> 'Deleting' AND (resource_id, system_topic, name) > (?3, ?4, ?5)
         ORDER BY resource_id, system_topic, name LIMIT ?6"
    );
    let (after_resource, after_topic, after_name) = after.map_or_else(Default::default, |key| {
        (key.resource.to_string(), key.system_topic.clone(), key.name.clone())
    });
    rows_of(&tx.query_all(&sql, params![resource, topic, after_resource, after_topic, after_name, limit])?)
}

/// How many subscriptions the resource has, those of its system topic included.
pub(crate) fn count_subscriptions(tx: &mut Tx<'_>, resource: ResourceId) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) FROM events_subscriptions WHERE resource_id = ?1 AND state <> 'Deleting'";
    tx.query_one(sql, params![resource])?.get(0)
}

/// At most `limit` rows that changed after `generation`, tombstones included, in the order of their changes.
pub(crate) fn list_changed(
    tx: &mut Tx<'_>,
    generation: i64,
    limit: u32,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events_subscriptions WHERE generation > ?1 ORDER BY generation LIMIT ?2"
    );
    rows_of(&tx.query_all(&sql, params![generation, limit])?)
}

/// Says that due rows were written for the subscription; returns whether it lives.
pub(crate) fn mark_replayed(tx: &mut Tx<'_>, number: i64) -> Result<bool, StoreError> {
    let generation = bump_generation(tx)?;
    let sql = "UPDATE events_subscriptions SET generation = ?2, replayed = ?2 \
               WHERE number = ?1 AND state <> 'Deleting'";
    Ok(tx.execute(sql, params![number, generation])? == 1)
}

/// Subscriptions for which due rows were written after `generation`.
pub(crate) fn list_replayed(tx: &mut Tx<'_>, generation: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT number FROM events_subscriptions WHERE generation > ?1 AND replayed > ?1";
    tx.query_all(sql, params![generation])?.iter().map(|row| row.get(0)).collect()
}
