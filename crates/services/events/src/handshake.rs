//! Whether an endpoint wants our events: one attempt after another until it says so, or somebody says so for it.
//!
//! ```text
//!  job ──> attempt ─┬─ agreed ────────────────────────────> changes::confirm
//!           ^       ├─ answered without agreeing ─────────> changes::await_manual_action ── 5 min ─┐
//!           └─ 5 s ─┴─ anything else, the third time ─────> changes::refuse <──────────────────────┘
//! ```
//!
//! Both sides of the last arrow race with the validation address ([`crate::api`]); whoever is first under the lock
//! ends the handshake, and the code of a handshake that has ended is unknown to the other.

mod cloud_events;
mod event_grid;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use trunkline_kernel::Timestamp;
use trunkline_net::outbound::{OutboundError, Target};

use trunkline_store::{Job, JobFailure, NewJob, StoreError, Tx};

use crate::envelope::Headers;
use crate::error::EventsError;
use crate::model::{Destination, Provisioning, Schema, Secrets, Spec};
use crate::ports::SendWebhook;
use crate::rows::{self, HandshakeRow, SubscriptionRow};
use crate::{EventsService, HANDSHAKE_JOB, changes};

/// How long the validation address works. Published by Azure.
pub(crate) const MANUAL_WAIT_MAX: Duration = Duration::from_mins(5);

/// Requests to an endpoint before the handshake has failed.
const ATTEMPTS_MAX: u32 = 3;

/// Between two of them: an endpoint that is being deployed gets a moment, whoever waits for the outcome does not
/// wait long.
const PAUSE: Duration = Duration::from_secs(5);

/// From the start of an attempt to the end of its answer. Published by Azure.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// Handshakes under way at once. A hanging endpoint takes [`ANSWER_WAIT_MAX`], and jobs of all kinds share 64 places.
pub(crate) const HANDSHAKES_AT_ONCE: usize = 16;

/// Until a handshake that found no place looks again.
const PLACE_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read: the code and what frameworks put around it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How requests of this server call themselves.
pub(crate) const USER_AGENT: &str = concat!("trunkline/", env!("CARGO_PKG_VERSION"));

/// What an endpoint made of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It wants our events.
    Agreed,
    /// It answered as it should, without a word about the handshake.
    Silent,
    /// It does not want them, or could not be asked. One sentence, without the address.
    Refused(String),
}

/// What an endpoint is asked.
struct Question<'a> {
    /// The event's id.
    id: uuid::Uuid,
    /// The resource's ARM id.
    topic: &'a str,
    /// The subscription's name.
    name: &'a str,
    /// What the endpoint is to send back.
    code: &'a str,
    /// Where somebody may agree by hand.
    validation_url: &'a str,
    /// Who asks, in CloudEvents.
    origin: &'a str,
    now: Timestamp,
}

/// What happens after an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Confirm,
    AwaitManualAction,
    Again { at: Timestamp },
    Refuse(String),
}

/// `attempts` counts the one that just ended.
fn next(verdict: Verdict, attempts: u32, now: Timestamp) -> Next {
    match verdict {
        Verdict::Agreed => Next::Confirm,
        Verdict::Silent => Next::AwaitManualAction,
        Verdict::Refused(_) if attempts < ATTEMPTS_MAX => Next::Again { at: now.plus(PAUSE) },
        Verdict::Refused(reason) => Next::Refuse(reason),
    }
}

/// Asks the endpoint once.
async fn ask(
    webhooks: &dyn SendWebhook,
    target: &Target,
    schema: Schema,
    headers: &Headers,
    question: &Question<'_>,
) -> Verdict {
    let mut request = match schema {
        Schema::EventGridSchema => event_grid::request(question),
        Schema::CloudEventSchemaV1_0 => cloud_events::request(question),
    };
    headers.apply(None, request.headers_mut());
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    match tokio::time::timeout(ANSWER_WAIT_MAX, exchange(webhooks, target, request)).await {
        Ok(Ok(answer)) => match schema {
            Schema::EventGridSchema => event_grid::judge(&answer, question),
            Schema::CloudEventSchemaV1_0 => cloud_events::judge(&answer, question),
        },
        Ok(Err(error @ OutboundError::Refused)) => Verdict::Refused(format!(
            "The endpoint could not be asked: {error}. The operator of this server can allow its network \
             (events.allowed_networks)."
        )),
        Ok(Err(error)) => Verdict::Refused(format!("The endpoint could not be asked: {error}.")),
        Err(_) => Verdict::Refused(format!(
            "The endpoint did not answer within {} seconds.",
            ANSWER_WAIT_MAX.as_secs()
        )),
    }
}

async fn exchange(
    webhooks: &dyn SendWebhook,
    target: &Target,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, OutboundError> {
    let mut connection = webhooks.connect(target).await?;
    connection.exchange_with_body(request, ANSWER_BYTES_MAX).await
}

/// A header made of text that was checked when it was configured or stored; what cannot be one is left out.
fn put(request: &mut Request<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// The handshake under way with that code, and the subscription it is about.
fn current(
    tx: &mut Tx<'_>,
    number: i64,
    code: &str,
) -> Result<Option<(SubscriptionRow, HandshakeRow)>, StoreError> {
    let Some(handshake) = rows::find_handshake(tx, number)?.filter(|row| row.code == code) else {
        return Ok(None);
    };
    Ok(rows::find_subscription_by_number(tx, number)?.map(|row| (row, handshake)))
}

impl EventsService {
    /// The handler of [`HANDSHAKE_JOB`]: one attempt, or the end of the wait for somebody.
    ///
    /// **Errors**: the database, or finding the resource; the job is then tried again.
    pub async fn run_handshake(&self, job: &Job) -> Result<(), JobFailure> {
        let reason = "the key is no number of a subscription".to_owned();
        let number: i64 = job.key.parse().map_err(|_| JobFailure::Final { reason })?;
        let code = job.payload.clone();
        let found: Result<_, StoreError> = {
            let code = code.clone();
            self.store.read(move |tx| current(tx, number, &code)).await
        };
        let Some((row, handshake)) = found? else { return Ok(()) };
        let now = self.clock.now();
        if row.subscription.state == Provisioning::AwaitingManualAction {
            let over = now >= handshake.expires_at;
            let minutes = MANUAL_WAIT_MAX.as_secs() / 60;
            let reason = format!(
                "Nobody opened the validation address within {minutes} minutes, and the endpoint did not agree."
            );
            let next = if over { Next::Refuse(reason) } else { Next::Again { at: handshake.expires_at } };
            return Ok(self.record(&row, handshake, next).await?);
        }
        let Ok(_place) = self.handshakes.try_acquire() else {
            return Ok(self.record(&row, handshake, Next::Again { at: now.plus(PLACE_PAUSE) }).await?);
        };
        let Some(topic) = self.topics.topic(row.subscription.resource).await? else { return Ok(()) };
        let verdict = self.shake(&row, &handshake, &topic.arm_id).await?;
        let attempted = HandshakeRow { attempts: handshake.attempts + 1, ..handshake };
        let next = next(verdict, attempted.attempts, self.clock.now());
        Ok(self.record(&row, attempted, next).await?)
    }

    async fn shake(
        &self,
        row: &SubscriptionRow,
        handshake: &HandshakeRow,
        topic: &str,
    ) -> Result<Verdict, EventsError> {
        let number = row.subscription.number;
        let (spec, sealed): (&Spec, &[u8]) = match &row.proposal {
            Some(proposal) => (&proposal.spec, &proposal.sealed),
            None => (&row.subscription.spec, &row.sealed),
        };
        let Destination::WebHook { mappings, .. } = &spec.destination else { return Ok(Verdict::Agreed) };
        let secrets: Secrets = changes::open(&self.vault, number, sealed)?;
        // What was stored passed the rules; the configuration may have become stricter since.
        let target = match Target::parse(&secrets.endpoint_url, self.settings.allow_http) {
            Ok(target) => target,
            Err(error) => return Ok(Verdict::Refused(format!("The endpoint cannot be asked: {error}."))),
        };
        let headers = match Headers::compile(mappings, &secrets, spec.schema) {
            Ok(headers) => headers,
            Err(error) => return Ok(Verdict::Refused(format!("The endpoint cannot be asked: {error}."))),
        };
        let question = Question {
            id: self.entropy.uuid(),
            topic,
            name: &row.subscription.name,
            code: &handshake.code,
            validation_url: &validation_url(&self.settings.public_url, number, &handshake.code),
            origin: &self.settings.webhook_origin,
            now: self.clock.now(),
        };
        Ok(ask(self.webhooks.as_ref(), &target, spec.schema, &headers, &question).await)
    }

    /// Writes what happens next, unless the handshake has ended meanwhile.
    async fn record(
        &self,
        row: &SubscriptionRow,
        handshake: HandshakeRow,
        next: Next,
    ) -> Result<(), EventsError> {
        let (now, resource) = (self.clock.now(), row.subscription.resource.to_string());
        let number = row.subscription.number;
        let write = move |tx: &mut Tx<'_>| {
            let code = &handshake.code;
            match &next {
                Next::Confirm => changes::confirm(tx, number, code, now).map(drop),
                Next::AwaitManualAction => changes::await_manual_action(tx, number, code).map(drop),
                Next::Refuse(reason) => changes::refuse(tx, number, code, reason, now).map(drop),
                Next::Again { at } => {
                    if current(tx, number, code)?.is_some() {
                        rows::put_handshake(tx, &handshake)?;
                        let key = number.to_string();
                        tx.schedule(&NewJob {
                            resource: &resource,
                            kind: HANDSHAKE_JOB,
                            key: &key,
                            payload: code,
                            due: *at,
                        })?;
                    }
                    Ok(())
                }
            }
        };
        self.store.write(changes::lock(), write).await
    }
}

/// Where somebody may agree by hand.
pub(crate) fn validation_url(public_url: &str, number: i64, code: &str) -> String {
    format!("{public_url}/eventsubscriptions/{number}/validate?id={code}")
}

#[cfg(test)]
fn sample_question() -> Question<'static> {
    Question {
        id: uuid::Uuid::from_u128(1),
        topic: "/topic",
        name: "Orders",
        code: "code-1",
        validation_url: "https://here.example/validate?id=code-1",
        origin: "eventgrid.azure.net",
        now: Timestamp::from_seconds(1000),
    }
}

#[cfg(test)]
mod tests {
    use trunkline_kernel::Secret;

    use super::*;
    use crate::ports::{OutboundFuture, WebhookConnection};

    #[test]
    fn three_refusals_end_a_handshake_and_two_do_not() {
        let now = Timestamp::from_seconds(1000);
        let refused = || Verdict::Refused("It answered 500.".to_owned());
        assert_eq!(next(refused(), 1, now), Next::Again { at: now.plus(PAUSE) });
        assert_eq!(next(refused(), 2, now), Next::Again { at: now.plus(PAUSE) });
        assert_eq!(next(refused(), 3, now), Next::Refuse("It answered 500.".to_owned()));
        assert_eq!(next(Verdict::Agreed, 3, now), Next::Confirm);
        assert_eq!(next(Verdict::Silent, 1, now), Next::AwaitManualAction);
    }

    /// An endpoint that takes the connection and says nothing.
    struct Silence;

    impl SendWebhook for Silence {
        fn connect<'a>(&'a self, _: &'a Target) -> OutboundFuture<'a, Box<dyn WebhookConnection>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_hangs_is_given_up_after_half_a_minute() {
        let url = Secret::new("https://hooks.example/?code=s3cret".to_owned());
        let target = Target::parse(&url, false).expect("an address");
        let headers = Headers::compile(&[], &Secrets::default(), Schema::default()).expect("no headers");
        let verdict = ask(&Silence, &target, Schema::default(), &headers, &sample_question()).await;
        assert_eq!(verdict, Verdict::Refused("The endpoint did not answer within 30 seconds.".to_owned()));
    }
}
