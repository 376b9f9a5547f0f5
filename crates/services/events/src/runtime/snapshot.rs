//! The subscriptions as delivery needs them: compiled, by resource, as of one generation.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use trunkline_delivery::{Policy, SubscriptionKey};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_net::outbound::Target;
use trunkline_store::vault::Vault;
use trunkline_store::{StoreError, Tx};

use crate::EventsService;
use crate::envelope::{Headers, Published};
use crate::filters::Matcher;
use crate::handshake::USER_AGENT;
use crate::model::{Destination, Provisioning, Schema, Secrets, Subscription};
use crate::rows::{self, Arrears, SubscriptionRow};

/// Rows of one read of changes: some milliseconds.
const CHANGES_AT_ONCE: u32 = 500;
/// Messages that one fence of the NATS server confirms.
const NATS_BATCH_EVENTS: u32 = 500;
/// Bytes of such a batch.
const NATS_BATCH_BYTES: u32 = 1024 * 1024;

/// A subscription made ready.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) key: SubscriptionKey,
    pub(super) subscription: Subscription,
    pub(super) matcher: Matcher,
    pub(super) policy: Policy,
    pub(super) schema: Schema,
    pub(super) is_batching: bool,
    pub(super) way: Way,
}

/// How events get to a subscription.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per subscription, and nearly all are web hooks")]
pub(super) enum Way {
    /// To a web hook.
    Hook {
        target: Target,
        /// What the subscription wants on each request.
        headers: Headers,
        /// What every request has.
        common: HeaderMap,
    },
    /// To a subject of the NATS server.
    Nats { subject: String },
    /// Nowhere: what is stored cannot be used. The log has the reason.
    Broken,
}

/// All subscriptions as of one generation.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) generation: i64,
    pub(super) by_key: HashMap<SubscriptionKey, Arc<Active>>,
    by_resource: HashMap<ResourceId, Vec<Arc<Active>>>,
}

/// What changed since a snapshot.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) generation: i64,
    /// Added or changed.
    pub(super) put: Vec<Arc<Active>>,
    /// Gone, or not to be delivered to any more.
    pub(super) gone: Vec<SubscriptionKey>,
    /// What waits for subscriptions that got due rows from elsewhere.
    pub(super) replayed: Vec<Arrears>,
    /// Whether tombstones are among those that are gone.
    pub(super) has_tombstones: bool,
}

/// Rows that changed since a generation.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) generation: i64,
    rows: Vec<SubscriptionRow>,
    replayed: Vec<Arrears>,
}

/// Every row that changed after `generation`, with the newest generation.
pub(super) fn list_changes(tx: &mut Tx<'_>, generation: i64) -> Result<Changed, StoreError> {
    let newest = rows::generation(tx)?;
    let (mut changed, mut after) = (Vec::new(), generation);
    loop {
        let page = rows::list_changed(tx, after, CHANGES_AT_ONCE)?;
        let is_last = page.len() < CHANGES_AT_ONCE as usize;
        after = page.last().map_or(after, |row| row.subscription.generation);
        changed.extend(page);
        if is_last {
            break;
        }
    }
    let mut replayed = Vec::new();
    // At the start everything is counted at once.
    if generation > 0 {
        for number in rows::list_replayed(tx, generation)? {
            replayed.push(rows::arrears_of(tx, number)?);
        }
    }
    Ok(Changed { generation: newest, rows: changed, replayed })
}

impl Changes {
    pub(super) fn of(service: &EventsService, changed: Changed, now: Timestamp) -> Self {
        let mut changes =
            Self { generation: changed.generation, replayed: changed.replayed, ..Self::default() };
        for row in changed.rows {
            let key = SubscriptionKey(row.subscription.number);
            let state = row.subscription.state;
            changes.has_tombstones |= state == Provisioning::Deleting;
            let is_over = row.subscription.spec.expires.is_some_and(|end| end <= now);
            match state {
                Provisioning::Deleting | Provisioning::Failed => changes.gone.push(key),
                _ if is_over => changes.gone.push(key),
                _ => changes.put.push(Arc::new(Active::of(service, row))),
            }
        }
        changes
    }
}

impl Snapshot {
    /// The subscriptions of the resource that may want events.
    pub(super) fn of_resource(&self, resource: ResourceId) -> &[Arc<Active>] {
        self.by_resource.get(&resource).map_or(&[], Vec::as_slice)
    }

    /// This snapshot with `changes`.
    pub(super) fn with(&self, changes: &Changes) -> Self {
        let mut by_key = self.by_key.clone();
        for key in &changes.gone {
            by_key.remove(key);
        }
        for active in &changes.put {
            by_key.insert(active.key, Arc::clone(active));
        }
        let mut by_resource: HashMap<_, Vec<_>> = HashMap::new();
        for active in by_key.values() {
            by_resource.entry(active.subscription.resource).or_default().push(Arc::clone(active));
        }
        Self { generation: changes.generation, by_key, by_resource }
    }

    /// Subscriptions that end at `now` or earlier.
    pub(super) fn list_expired(&self, now: Timestamp) -> Vec<SubscriptionKey> {
        let is_over = |active: &&Arc<Active>| active.subscription.spec.expires.is_some_and(|end| end <= now);
        self.by_key.values().filter(is_over).map(|active| active.key).collect()
    }
}

impl Active {
    fn of(service: &EventsService, row: SubscriptionRow) -> Self {
        let SubscriptionRow { subscription, sealed, .. } = row;
        let spec = &subscription.spec;
        let way = match open(&service.vault, subscription.number, &sealed) {
            Some(secrets) => Way::of(service, &subscription, &secrets),
            None => Err("its address cannot be opened".to_owned()),
        };
        let matcher = Matcher::compile(&spec.filter, spec.schema).map_err(|failure| failure.to_string());
        let is_usable = way.is_ok() && matcher.is_ok();
        for reason in way.as_ref().err().into_iter().chain(matcher.as_ref().err()) {
            tracing::error!(
                subscription = subscription.number,
                reason,
                "an event subscription cannot be used; its events wait until it is changed"
            );
        }
        let way = way.unwrap_or(Way::Broken);
        let policy = policy_of(&subscription, &way, is_usable);
        // A filter that cannot be read keeps events out of reach of nobody: they wait.
        let matcher = matcher.unwrap_or_else(|_| {
            let everything = crate::model::Filter::default();
            Matcher::compile(&everything, spec.schema).expect("a filter without conditions compiles")
        });
        Self {
            key: SubscriptionKey(subscription.number),
            matcher,
            policy,
            schema: spec.schema,
            is_batching: spec.destination.is_batching(),
            way,
            subscription,
        }
    }

    /// Whether `event` is for this subscription: published while it lived, and let through by its filter.
    pub(super) fn wants(&self, event: &Published, view: &crate::filters::View<'_>) -> bool {
        let is_after_end = self.subscription.spec.expires.is_some_and(|end| end <= event.time);
        event.position.sequence > self.subscription.from_sequence
            && !is_after_end
            && self.matcher.matches(view)
    }
}

impl Way {
    fn of(service: &EventsService, subscription: &Subscription, secrets: &Secrets) -> Result<Self, String> {
        let mappings = match &subscription.spec.destination {
            Destination::Nats { subject } => return Ok(Self::Nats { subject: subject.clone() }),
            Destination::WebHook { mappings, .. } => mappings,
        };
        let schema = subscription.spec.schema;
        let target = Target::parse(&secrets.endpoint_url, service.settings.allow_http)
            .map_err(|failure| failure.to_string())?;
        let headers = Headers::compile(mappings, secrets, schema).map_err(|failure| failure.to_string())?;
        let common = common_headers(&subscription.name, schema, &service.settings.webhook_origin)
            .ok_or("its name or the origin is no header")?;
        Ok(Self::Hook { target, headers, common })
    }
}

fn common_headers(name: &str, schema: Schema, origin: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(12);
    let mut put =
        |name: &'static str, value: HeaderValue| headers.insert(HeaderName::from_static(name), value);
    put("aeg-event-type", HeaderValue::from_static("Notification"));
    put("aeg-subscription-name", HeaderValue::from_str(&name.to_uppercase()).ok()?);
    match schema {
        Schema::EventGridSchema => {
            put("aeg-data-version", HeaderValue::from_static(trunkline_catalogue::DATA_VERSION));
            put("aeg-metadata-version", HeaderValue::from_static("1"));
        }
        Schema::CloudEventSchemaV1_0 => {
            put("aeg-metadata-version", HeaderValue::from_static("1.0"));
            put("webhook-request-origin", HeaderValue::from_str(origin).ok()?);
        }
    }
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    Some(headers)
}

fn policy_of(subscription: &Subscription, way: &Way, is_usable: bool) -> Policy {
    let spec = &subscription.spec;
    let (batch_events, batch_bytes) = match (&spec.destination, way) {
        // A header that is read from the event is one of that event alone.
        (Destination::WebHook { .. }, Way::Hook { headers, .. }) if headers.is_dynamic() => (1, u32::MAX),
        (Destination::WebHook { max_events_per_batch, preferred_batch_size_kb, .. }, _) => {
            (*max_events_per_batch, preferred_batch_size_kb.saturating_mul(1024))
        }
        (Destination::Nats { .. }, _) => (NATS_BATCH_EVENTS, NATS_BATCH_BYTES),
    };
    Policy {
        attempts_max: spec.retry.max_delivery_attempts,
        time_to_live: std::time::Duration::from_mins(u64::from(spec.retry.event_time_to_live_minutes)),
        batch_events,
        batch_bytes,
        has_dead_letter: spec.dead_letter.is_some(),
        is_active: is_usable && subscription.state == Provisioning::Succeeded,
    }
}

fn open(vault: &Vault, number: i64, sealed: &[u8]) -> Option<Secrets> {
    let json = vault.open(&rows::purpose(number), sealed).ok()?;
    Secrets::from_json(&json)
}
